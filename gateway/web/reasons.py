"""Why a place is as it is, in a sentence. static/denah.js chooses by the same keys when something changes."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.web.live import CLOSED, FREE, RESERVED, TAKEN, PlaceNow
from gateway.web.rendering import CAUSE_WORDS, N_, Language

WHY: Mapping[str, str] = {
    "free": N_("Tidak ada yang memakai."),
    "taken": N_("Sedang dipakai."),
    "away": N_("Dipakai; orangnya sedang tidak di tempat."),
    "sensed": N_("Sensor melihat ada orang; belum ada yang mengambilnya."),
    "held": N_("Dipakai menurut catatan terakhir; sensornya sedang tidak terdengar."),
    "reserved": N_("Sudah dipesan."),
    "closed": N_("Ditutup untuk sementara."),
}
UNKNOWN = N_("Belum diketahui: %(cause)s.")
NO_CAUSE = N_("belum ada petunjuk")


def key(now: PlaceNow) -> str:
    """The key in WHY, or `unknown.<cause>`."""
    if now.status == TAKEN:
        if now.life in ("taken", "away"):
            return "held" if now.state == "unknown" else now.life
        return "sensed"
    return now.status if now.status in (FREE, RESERVED, CLOSED) else f"unknown.{now.cause}"


def why(language: Language, now: PlaceNow) -> str:
    """The sentence."""
    return sentences(language).get(key(now)) or language.text(UNKNOWN, cause=language.text(NO_CAUSE))


def sentences(language: Language) -> dict[str, str]:
    """All sentences by key, for pages that change themselves."""
    made = {name: language.text(text) for name, text in WHY.items()}
    for cause in CAUSE_WORDS:
        made[f"unknown.{cause}"] = language.text(UNKNOWN, cause=language.word(CAUSE_WORDS, cause))
    return made
