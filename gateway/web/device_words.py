"""Devices as people say them: how one is, why, what kind it is, and what it sees and does not see."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.web.rendering import CAUSE_WORDS, N_

STATE_WORDS: Mapping[str, str] = {
    "good": N_("Baik"),
    "low": N_("Baterai lemah"),
    "silent": N_("Tidak terdengar"),
    "stuck": N_("Macet"),
    "by_design": N_("Menunggu kejadian"),
    "unknown": N_("Tidak diketahui"),
}
WHY_WORDS: Mapping[str, str] = {
    **CAUSE_WORDS,
    "not_told": N_("gerbangnya belum menyebut perangkat ini; mungkin masih memakai konfigurasi lama"),
    "silent": N_("diam lebih lama daripada biasanya"),
    "stuck": N_("nilainya tidak pernah berubah"),
    "offline": N_("stasiunnya mengatakan ia tidak ada"),
    "unplugged": N_("kabelnya terlepas"),
    "missing": N_("tidak ditemukan di gerbang"),
    "refused": N_("sambungannya ditolak"),
    "broker": N_("brokernya tidak terjangkau"),
    "bad_key": N_("kuncinya salah"),
}
"""Another word is shown as the machine says it."""
KIND_WORDS: Mapping[str, str] = {
    "badge": N_("Pembaca kartu"),
    "tag": N_("Penerima tanda BLE"),
    "radar": N_("Radar keberadaan"),
    "seat": N_("Sensor kursi atau meja"),
    "pir": N_("Sensor gerak"),
    "contact": N_("Kontak pintu atau jendela"),
    "counter": N_("Penghitung orang"),
    "environment": N_("Sensor udara"),
}
SEES_WORDS: Mapping[str, str] = {
    "badge": N_(
        "Melihat kartu yang ditempelkan. Nomornya diganti di gerbang menjadi nama samaran,"
        " dan tidak disimpan di mana pun."
    ),
    "tag": N_(
        "Mendengar tanda BLE yang terdaftar dan seberapa kuat sinyalnya. Ponsel dan tanda orang lain tidak dicatat;"
        " siapa yang memilih mode senyap tidak diikuti."
    ),
    "radar": N_(
        "Melihat apakah ada orang di dekatnya, bergerak atau diam. Tidak ada gambar atau suara,"
        " dan ia tidak tahu siapa."
    ),
    "seat": N_("Merasakan apakah tempat ini diduduki. Ia tidak tahu siapa."),
    "pir": N_("Merasakan panas tubuh yang bergerak. Orang yang duduk diam dapat luput; ia tidak tahu siapa."),
    "contact": N_("Tahu apakah pintu atau jendela terbuka. Ia tidak tahu siapa yang membukanya."),
    "counter": N_(
        "Menghitung berapa orang yang lewat atau berada di ruang. Ia tidak menyimpan gambar dan tidak tahu siapa."
    ),
    "environment": N_(
        "Mengukur udara, cahaya, atau bunyi. Dari perubahannya ruang diduga terpakai; tidak ada rekaman."
    ),
}
ROLE_WORDS: Mapping[str, str] = {
    "desk": N_("mengambil dan melepas meja"),
    "in": N_("datang"),
    "out": N_("pulang"),
    "in_out": N_("datang dan pulang"),
    "zone": N_("lewat di zona"),
    "kiosk": N_("kios"),
    "enrol": N_("hanya untuk mendaftarkan kartu"),
}
QUALITY_WORDS: Mapping[str, str] = {
    "good": N_("baik"),
    "degraded": N_("menurun"),
    "stale": N_("basi"),
    "manual": N_("diisi tangan"),
    "simulated": N_("simulasi"),
    "replayed": N_("putar ulang"),
}
EVENT_WORDS: Mapping[str, str] = {
    "device.online": N_("terdengar lagi"),
    "device.offline": N_("tidak terdengar lagi"),
    "device.battery_low": N_("baterai lemah"),
    "device.moved": N_("dipindahkan"),
}
