"""Alarms as people say them: what is wrong, why that matters or where it comes from, and the next step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from gateway.web.alarms_board import Urgency
from gateway.web.rendering import N_


class Said(NamedTuple):
    """Of one alarm; `%(about)s` and `%(n)d` may stand in each."""

    what: str
    why: str
    do: str


ALARMS: Mapping[str, Said] = {
    "web_no_broker": Said(
        N_("Aplikasi ini tidak terhubung ke broker"),
        N_("Semua keadaan di sini tidak diketahui sampai tersambung lagi; gerbang mungkin tetap bekerja."),
        N_("Periksa apakah broker berjalan dan jaringannya terhubung ke mesin ini."),
    ),
    "archive_never": Said(
        N_("Arsip belum pernah berjalan di mesin ini"),
        N_("Kejadian menunggu di gerbang dan belum tersimpan."),
        N_("Jalankan `hadir ingest` di mesin arsip."),
    ),
    "archive_down": Said(
        N_("Arsip tidak berjalan"),
        N_("Kejadian menunggu di gerbang; tidak ada yang hilang selama tempatnya cukup."),
        N_("Jalankan lagi `hadir ingest`, lalu lihat lognya dan ruang di disk."),
    ),
    "archive_no_broker": Said(
        N_("Arsip tidak terhubung ke broker"),
        N_("Kejadian menunggu di gerbang dan belum tersimpan."),
        N_("Periksa jaringan mesin arsip dan akun brokernya."),
    ),
    "store_fails": Said(
        N_("Penyimpan %(about)s tidak dapat ditulisi"),
        N_("Laporan dari penyimpan ini tertinggal; buku besar arsip tetap lengkap dan akan menyusulkannya."),
        N_("Periksa alamat, akun, dan ruang di disk penyimpan itu."),
    ),
    "two_boots": Said(
        N_("Dua kotak mengaku sebagai gerbang %(about)s"),
        N_("Biasanya kartu memori yang disalin ke kotak lain: keduanya saling menimpa."),
        N_("Matikan salah satunya."),
    ),
    "gateway_never": Said(
        N_("Gerbang %(about)s belum pernah terdengar"),
        N_("Keadaan semua tempat yang diurusnya tidak diketahui."),
        N_("Periksa apakah gerbang itu terpasang, menyala, dan memakai konfigurasi ini."),
    ),
    "gateway_lost": Said(
        N_("Gerbang %(about)s tidak terdengar"),
        N_("Listrik atau jaringannya putus tanpa pamit. Keadaan tempat yang diurusnya tidak diketahui."),
        N_("Periksa listrik dan jaringan gerbang itu. Sesudah pulih, laporan gangguan dapat dicetak untuk pegawai."),
    ),
    "gateway_stopped": Said(
        N_("Gerbang %(about)s dimatikan"),
        N_("Ia berpamitan: dihentikan dengan sengaja atau sedang dimulai ulang."),
        N_("Nyalakan lagi bila pekerjaannya sudah selesai."),
    ),
    "outbox_stalled": Said(
        N_("Gerbang %(about)s tidak dapat menyimpan kejadian"),
        N_("Disknya penuh atau rusak; tap kartu menunggu dan lama-lama hilang."),
        N_("Kosongkan disk gerbang itu atau ganti kartunya sekarang."),
    ),
    "outbox_damaged": Said(
        N_("Berkas kejadian gerbang %(about)s rusak"),
        N_("Sebagian disisihkan; yang lain berjalan terus."),
        N_("Ganti kartu atau disknya, dan simpan berkas yang disebut sampai diperiksa."),
    ),
    "broker_lost": Said(
        N_("Gerbang %(about)s kehilangan broker"),
        N_("Kejadian menunggu di gerbang."),
        N_("Periksa apakah broker berjalan dan terjangkau dari gerbang itu."),
    ),
    "archive_silent": Said(
        N_("Gerbang %(about)s tidak mendapat jawaban arsip"),
        N_("Ia terhubung, tetapi yang dikirimnya tidak sampai di arsip."),
        N_("Periksa apakah `hadir ingest` berjalan dan terhubung ke broker yang sama."),
    ),
    "forward_stuck": Said(
        N_("Gerbang %(about)s menunggu jawaban gerbang lain"),
        N_("Tap untuk tempat gerbang lain belum diterima di sana."),
        N_("Periksa apakah gerbang tempat itu berjalan, dan hak `reading/` di ACL broker."),
    ),
    "broker_refuses": Said(
        N_("Broker menolak kiriman gerbang %(about)s"),
        N_("Akun gerbang itu tidak berhak atas sebuah topik."),
        N_("Beri hak itu di ACL broker (config/hadir.acl)."),
    ),
    "people_unknown": Said(
        N_("Gerbang %(about)s belum mengenal kartu siapa pun"),
        N_("Semua tap di sana ditolak."),
        N_("Periksa apakah arsip berjalan: arsiplah yang memberi tahu gerbang."),
    ),
    "clock_unknown": Said(
        N_("Jam gerbang %(about)s belum benar"),
        N_("Kejadian orang ditahan paling lama 10 menit, lalu dikirim dengan tanda jam tidak pasti."),
        N_("Beri gerbang itu jalan ke server waktu (timedatectl)."),
    ),
    "source_down": Said(
        N_("Sambungan %(about)s tidak bekerja"),
        N_("Semua perangkat pada sambungan itu tidak terdengar."),
        N_("Periksa kabel, listrik, atau alamatnya; `hadir check` menyebut yang ada."),
    ),
    "dead_letters": Said(
        N_("%(n)d kejadian gerbang %(about)s ditolak arsip"),
        N_("Kejadian itu disisihkan di gerbang dan tidak akan dikirim lagi."),
        N_("Lihat sebabnya dengan `hadir dead-letters` di gerbang itu."),
    ),
    "device_silent": Said(
        N_("Perangkat %(about)s tidak terdengar"),
        N_("Tempatnya dapat menjadi tidak diketahui; tidak ada meja yang dilepas karenanya."),
        N_("Periksa listrik, kabel, atau baterainya."),
    ),
    "device_stuck": Said(
        N_("Perangkat %(about)s macet"),
        N_("Ia terdengar, tetapi nilainya tidak pernah berubah, jadi tidak dipercaya."),
        N_("Lepas listriknya sebentar; bila tetap begitu, ganti."),
    ),
    "battery_low": Said(
        N_("Baterai %(about)s tinggal %(n)d%%"),
        N_("Ia akan segera diam."),
        N_("Ganti baterainya."),
    ),
    "hook_dead": Said(
        N_("Kait web %(about)s tidak dikirimi lagi"),
        N_("Penerimanya terlalu lama menolak atau tidak ada; kejadian tetap tersimpan dan akan disusulkan."),
        N_("Perbaiki penerimanya, lalu hidupkan lagi kait itu: POST /api/v1/hooks/%(about)s/revive."),
    ),
    "hook_fails": Said(
        N_("Kait web %(about)s belum diterima"),
        N_("Penerimanya menolak atau tidak terjangkau; pengiriman diulang dan tidak ada yang hilang."),
        N_("Periksa penerimanya bila tetap begitu."),
    ),
    "bookings_fail": Said(
        N_("Sistem pemesanan meja tidak terjangkau"),
        N_("Pesanan yang sudah disalin tetap berlaku; yang baru belum tampak di sini."),
        N_("Periksa alamat, akun, dan kata sandinya di office.yaml (web.bookings)."),
    ),
    "bookings_unmapped": Said(
        N_("%(n)d ruang di sistem pemesanan belum punya tempat di sini"),
        N_("Pesanan di ruang itu tidak tampak dan tidak dijaga."),
        N_("Tambahkan ruang itu pada web.bookings.spaces di office.yaml."),
    ),
    "bookings_refused": Said(
        N_("%(n)d pesanan tidak dapat dijaga di sini"),
        N_("Meja itu sudah dipesan atau ditutup di sini, jadi kedua sistem tidak sama."),
        N_("Lihat meja yang bersangkutan; pesanan dicoba lagi setiap seperempat jam."),
    ),
}
SEVERAL: Mapping[str, str] = {
    "gateway_lost": N_("Beberapa gerbang tidak terdengar: %(about)s"),
    "gateway_never": N_("Beberapa gerbang belum pernah terdengar: %(about)s"),
    "source_down": N_("Beberapa sambungan tidak bekerja: %(about)s"),
    "device_silent": N_("Beberapa perangkat tidak terdengar: %(about)s"),
    "device_stuck": N_("Beberapa perangkat macet: %(about)s"),
    "battery_low": N_("Baterai %(about)s hampir habis"),
    "dead_letters": N_("Kejadian gerbang %(about)s ditolak arsip"),
}
"""What is wrong with several at once, where its words speak of one alone."""
OTHER = Said(N_("Gerbang %(about)s melaporkan masalah"), N_("Rinciannya ada di bawah."), N_("Lihat lognya."))
URGENCY_WORDS: Mapping[Urgency, str] = {
    Urgency.NOW: N_("Sekarang"),
    Urgency.TODAY: N_("Hari ini"),
    Urgency.SOON: N_("Segera"),
}
OFFLINE_WORDS: Mapping[str, str] = {
    "silent": N_("lebih lama diam daripada biasanya"),
    "stuck": N_("macet: nilainya tidak berubah"),
    "offline": N_("stasiunnya mengatakan ia tidak ada"),
    "sensor_stale": N_("tidak terdengar"),
    "radio_deaf": N_("radionya tidak bekerja"),
    "unplugged": N_("kabelnya terlepas"),
}
"""Why a device is not alive; another word is shown as the machine says it."""
