"""Pairing as people say it."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.web.rendering import N_

OUTCOMES: Mapping[str, str] = {
    "waiting": N_("Tempelkan kartu baru ke pembaca sekarang."),
    "closed": N_("Waktunya habis dan tidak ada kartu yang ditempelkan."),
    "taken": N_("Kartu itu sudah dimiliki seseorang. Tempelkan kartu lain, atau nonaktifkan dulu pemilik lamanya."),
    "several": N_("Ada dua kartu berbeda yang ditempelkan. Mulai lagi dengan satu kartu saja."),
    "ambiguous": N_("Pembaca ini hanya membaca sebagian nomor kartu; kartu harus didaftarkan di pembaca lain."),
    "no_reader": N_("Gerbangnya belum mengenal pembaca ini; mungkin masih memakai konfigurasi lama."),
    "full": N_("Terlalu banyak pemasangan sekaligus di gerbang itu. Coba lagi sebentar."),
    "expired": N_("Jam mesin ini dan jam gerbang berbeda terlalu jauh."),
    "forbidden": N_("Gerbang menolak permintaan pendaftaran."),
    "unknown_command": N_("Gerbangnya memakai versi hadir yang lebih lama dan belum dapat mendaftarkan kartu."),
    "no_answer": N_("Gerbang belum menjawab; kami mencoba terus."),
    "not_connected": N_("Aplikasi ini tidak terhubung ke broker; pendaftaran menunggu sambungan."),
}
