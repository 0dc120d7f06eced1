"""Words of an employee's pages for what the record says in stable words."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.web.mine.attempts import REFUSED, SENT, UNSURE
from gateway.web.mine.desk import WHY_WORDS
from gateway.web.rendering import N_, REASON_WORDS

METHOD_WORDS: Mapping[str, str] = {
    "badge": N_("ketukan kartu"),
    "qr": N_("stiker QR di meja"),
    "nfc": N_("stiker NFC di meja"),
    "web": N_("halaman ini"),
    "kiosk": N_("sebuah kios"),
    "operator": N_("seorang operator"),
    "tag": N_("tag yang Anda bawa"),
    "phone": N_("ponsel Anda"),
}
ENDED_WORDS: Mapping[str, str] = {
    "user": N_("Anda lepaskan"),
    "moved": N_("Anda pindah meja"),
    "auto_release": N_("dilepas otomatis karena meja kosong"),
    "end_of_day": N_("ditutup otomatis pada akhir hari"),
    "operator": N_("diakhiri operator"),
    "correction": N_("diakhiri lewat koreksi"),
}
ASSURANCE_WORDS: Mapping[str, str] = {
    "claimed": N_("kartu yang dapat disalin"),
    "fresh": N_("kartu dengan kode yang selalu baru"),
    "bound": N_("masuk dengan akun Anda"),
}
ACT_WORDS: Mapping[str, str] = {
    "checkin": N_("Ambil meja"),
    "checkout": N_("Lepaskan meja"),
    "reserve": N_("Pesan meja"),
    "cancel": N_("Batalkan pesanan"),
    "extend": N_("Saya datang"),
    "arrive": N_("Datang ke kantor"),
    "depart": N_("Pulang dari kantor"),
}
STORED = "stored"
STAGE_WORDS: Mapping[str, str] = {
    STORED: N_("Sudah tersimpan"),
    SENT: N_("Menunggu tersimpan"),
    UNSURE: N_("Belum pasti"),
    REFUSED: N_("Ditolak"),
}
REFUSED_WORDS: Mapping[str, str] = {
    **REASON_WORDS,
    **WHY_WORDS,
    "arrive_again": N_("Anda sudah tercatat datang."),
    "depart_again": N_("Anda sudah tercatat pulang."),
    "not_coordinator": N_("Gerbang yang mencatat kedatangan sedang tidak ada. Coba lagi sebentar."),
}
"""Why something that was asked for was refused."""
DONE_WORDS: Mapping[str, str] = {
    "checkin": N_("Meja ini sekarang Anda pakai."),
    "checkout": N_("Meja sudah dilepaskan. Terima kasih."),
    "reserve": N_("Meja sudah dipesan untuk Anda."),
    "cancel": N_("Pesanan sudah dibatalkan."),
    "extend": N_("Baik, meja tetap untuk Anda."),
    "arrive": N_("Kedatangan Anda tercatat."),
    "depart": N_("Kepulangan Anda tercatat. Sampai jumpa."),
}
WARNING_WORDS: Mapping[str, str] = {
    "no_show": N_("Anda memesannya, tetapi belum ada yang datang."),
    "no_evidence": N_("Sensor sudah lama tidak melihat siapa pun di meja."),
    "auto_release": N_("Sensor sudah lama tidak melihat siapa pun di meja."),
}
LOOKUP_WORDS: Mapping[str, str] = {
    "name": N_("nama Anda"),
    "history": N_("riwayat Anda"),
    "correction": N_("permintaan koreksi Anda"),
    "attendance": N_("kehadiran unit Anda pada suatu hari"),
    "why": N_("keadaan Anda dan buktinya pada suatu saat"),
    "enrol": N_("pendaftaran kartu Anda"),
    "code": N_("kode masuk baru untuk akun Anda"),
    "walk": N_("sinyal tag Anda pada uji jalan"),
}
"""What was shown to whoever looked a person up, by its first word."""
