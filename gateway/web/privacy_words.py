"""What people are told of who sees them and of quiet mode: under Privasi, and in what they sign for a card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.web.rendering import N_

WHO_SEES = N_("Siapa boleh melihat zona saya")
VISIBILITY_WORDS: Mapping[str, str] = {
    "self": N_("Tidak seorang pun"),
    "team": N_("Rekan satu unit yang juga berbagi"),
    "unit": N_("Semua rekan satu unit"),
}
"""By gateway/people.py's VISIBILITIES; mine/sharing.py does it."""
QUIET = N_("Mode senyap")
QUIET_DOES = N_("Bila dinyalakan, tag Anda diabaikan dan tidak ada rekan yang melihat Anda.")
QUIET_KEEPS = N_(
    "Ketukan kartu dan meja yang Anda ambil sendiri tetap tercatat. Sensor tempat (radar, kursi, udara) tidak mengenal"
    " orang, jadi tetap bekerja."
)
CONSENT: Mapping[str, Any] = {
    "who_sees": WHO_SEES,
    "visibility": VISIBILITY_WORDS,
    "quiet": QUIET,
    "quiet_does": QUIET_DOES,
    "quiet_keeps": QUIET_KEEPS,
}
"""As templates take them."""
