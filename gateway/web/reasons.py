"""Why a place is as it is, in a sentence. static/denah.js chooses by the same keys when something changes."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.web.live import CLOSED, FREE, HELD, RESERVED, TAKEN, PlaceNow
from gateway.web.rendering import CAUSE_WORDS, N_, Language

WHY: Mapping[str, str] = {
    "free": N_("Tidak ada yang memakai."),
    "taken": N_("Sedang dipakai."),
    "away": N_("Dipakai; orangnya sedang tidak di tempat."),
    "sensed": N_("Sensor melihat ada orang; belum ada yang mengambilnya."),
    "reserved": N_("Sudah dipesan."),
    "closed": N_("Ditutup untuk sementara."),
}
UNKNOWN = N_("Belum diketahui: %(cause)s.")
HELD_STILL = N_("Dipakai menurut catatan terakhir; sekarang tidak pasti: %(cause)s.")
NO_CAUSE = N_("belum ada petunjuk")


def key(now: PlaceNow) -> str:
    """The key in WHY, or `unknown.<cause>`; of a claim without any sign of whoever has it `held.<cause>`."""
    if now.status == TAKEN:
        if now.life in HELD:
            return f"held.{now.cause}" if now.state == "unknown" else now.life
        return "sensed"
    return now.status if now.status in (FREE, RESERVED, CLOSED) else f"unknown.{now.cause}"


def why(language: Language, now: PlaceNow) -> str:
    """The sentence."""
    text = HELD_STILL if now.status == TAKEN else UNKNOWN
    return sentences(language).get(key(now)) or language.text(text, cause=language.text(NO_CAUSE))


def sentences(language: Language) -> dict[str, str]:
    """All sentences by key, for pages that change themselves."""
    made = {name: language.text(text) for name, text in WHY.items()}
    for cause in CAUSE_WORDS:
        because = language.word(CAUSE_WORDS, cause)
        made[f"unknown.{cause}"] = language.text(UNKNOWN, cause=because)
        made[f"held.{cause}"] = language.text(HELD_STILL, cause=because)
    return made
