"""Outages and gateways as people say them."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.web.rendering import N_

KINDS: Mapping[str, str] = {
    "down": N_("Gerbang tidak bekerja"),
    "coverage": N_("Tempat atau pembaca tidak terpantau"),
    "lost": N_("Kejadian hilang"),
}
CAUSES: Mapping[str, str] = {
    "not_heard": N_("tidak terdengar: listrik atau jaringan terputus"),
    "stopped": N_("dimatikan dengan sengaja"),
    "powered_off": N_("tanpa listrik"),
    "broker": N_("broker tidak terjangkau"),
    "sensor": N_("sensor atau pembaca tidak bekerja"),
    "radio": N_("penerima radio tidak bekerja"),
    "bounds": N_("terlalu lama menunggu, tempat simpannya habis"),
    "disk": N_("disk gerbang rusak"),
    "card_replaced": N_("kartu memori gerbang diganti"),
    "": N_("sebabnya tidak diketahui"),
}
STATES: Mapping[str, str] = {
    "ready": N_("Terdengar"),
    "lost": N_("Tidak terdengar"),
    "disconnected": N_("Dimatikan"),
    "sleeping": N_("Tidur"),
    "never": N_("Belum pernah terdengar"),
}
SYNC: Mapping[str, str] = {
    "ntp": N_("tepat, dari server waktu"),
    "rtc": N_("dari jam baterai"),
    "none": N_("belum pasti"),
}
WRONG: Mapping[str, str] = {
    "place": N_("Tempat itu tidak ada; laporan ini tentang semua tempat."),
    "period": N_("Waktunya tidak dapat dibaca; laporan ini tentang hari ini."),
    "long": N_("Paling lama 31 hari; awalnya digeser."),
}
EVENTS: Mapping[str, str] = {
    "gateway.started": N_("mulai"),
    "gateway.stopped": N_("berhenti"),
    "gateway.gap": N_("kejadian hilang"),
    "coverage.lost": N_("mulai tidak terpantau"),
    "coverage.restored": N_("terpantau lagi"),
}
