"""Single words of an answer to "why?", as people say them."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.web.rendering import CAUSE_WORDS, N_

STATES: Mapping[str, str] = {
    "occupied": N_("ada orang"),
    "vacant": N_("kosong"),
    "unknown": N_("tidak diketahui"),
    "present": N_("ada di kantor"),
    "idle": N_("ada, tetapi lama tidak terlihat bergerak"),
    "left": N_("sudah pulang"),
}
LIVES: Mapping[str, str] = {
    "free": N_("bebas"),
    "reserved": N_("dipesan"),
    "taken": N_("diambil"),
    "away": N_("diambil, pemakainya sedang pergi"),
    "out_of_order": N_("tidak dapat dipakai"),
}
CAUSES: Mapping[str, str] = {
    **CAUSE_WORDS,
    "no_show": N_("pemesannya tidak datang"),
    "user": N_("pemakainya sendiri"),
    "operator": N_("operator"),
    "auto_release": N_("dilepas otomatis"),
    "end_of_day": N_("akhir hari"),
    "moved": N_("pindah ke meja lain"),
    "correction": N_("koreksi"),
}
METHODS: Mapping[str, str] = {
    "badge": N_("kartu di pembaca"),
    "qr": N_("kode QR"),
    "nfc": N_("stiker NFC"),
    "web": N_("aplikasi ini"),
    "kiosk": N_("kios"),
    "operator": N_("operator"),
    "tag": N_("tanda BLE"),
    "phone": N_("ponsel"),
    "desk": N_("meja yang diambil"),
    "located": N_("letak tanda BLE"),
}
REJECTED: Mapping[str, str] = {
    "unknown": N_("kartunya tidak dikenal"),
    "disabled": N_("kartunya dinonaktifkan"),
    "duplicate": N_("tapnya berulang"),
    "rate": N_("terlalu banyak tap"),
    "ambiguous": N_("kartunya tidak terbaca utuh"),
    "taken": N_("mejanya milik orang lain"),
    "reserved": N_("mejanya dipesan orang lain"),
    "unit": N_("mejanya hanya untuk unitnya"),
    "late": N_("sudah didahului tindakan lain"),
    "out_of_order": N_("mejanya tidak dapat dipakai"),
}
ASSURANCES: Mapping[str, str] = {
    "claimed": N_("diakui saja: nomor kartu dapat disalin"),
    "fresh": N_("segar: nomornya berganti dan terbukti baru"),
    "bound": N_("terikat: masuk dengan akun atau saluran aman"),
}
MODALITIES: Mapping[str, str] = {
    "badge": N_("pembaca kartu"),
    "radar": N_("radar"),
    "seat": N_("sensor kursi"),
    "pir": N_("sensor gerak"),
    "contact": N_("kontak pintu"),
    "counter": N_("penghitung"),
    "environment": N_("sensor udara"),
    "tag": N_("tanda BLE"),
    "model": N_("model ruang"),
    "occupancy": N_("sensor keberadaan"),
}
CALENDAR: Mapping[str, str] = {
    "work": N_("jam kerja"),
    "break": N_("jam istirahat"),
    "off": N_("di luar jam kerja"),
}
RESERVATIONS: Mapping[str, str] = {
    "desk.reservation.created": N_("dipesan"),
    "desk.reservation.changed": N_("pesanan diubah"),
    "desk.reservation.cancelled": N_("pesanan dibatalkan"),
    "desk.reservation.released": N_("pesanan dilepas"),
}
QUALITIES: Mapping[str, str] = {
    "degraded": N_("menurun"),
    "stale": N_("basi"),
    "manual": N_("diisi tangan"),
    "simulated": N_("simulasi"),
    "replayed": N_("putar ulang"),
}
