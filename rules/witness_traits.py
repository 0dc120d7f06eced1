"""What the word of a family of devices is worth, and a device's settings over that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from rules.api import SECOND

STALE_AFTER = 3
"""Of the device's own interval ..."""
HOLD_INTERVALS = 2.5
"""Of its own interval that a moment holds at least: one that looks every ten minutes must be asked twice, and may be
late."""
STALE_S = 5.0
"""... but not sooner: a line that pauses for a moment between ten reports a second is not broken."""
TAP, TAG = "badge", "tag"
AIR, CO2 = "environment", "co2"
AIR_WEIGHT = 0.78
"""What the air says is worth less than what any sensor of people says: it is late, and has seen nobody."""
AIR_STALE_S = 3600.0
"""Of one whose interval is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Modality:
    """What the word of one family of devices is worth."""

    occupied: float
    """How far a sign of presence is believed, 0..1."""
    vacant: float
    """How far "nobody" is believed; 0: it bears no witness of vacancy."""
    hold_s: float
    """How long a sign of presence holds; of a level sensor, how long at most "nobody" must stand."""
    level: bool = False
    proof: bool = False
    """Its sign is not contested while it holds."""


MODALITIES: Mapping[str, Modality] = {
    "radar": Modality(occupied=0.92, vacant=0.95, hold_s=20.0, level=True),
    "seat": Modality(occupied=0.93, vacant=0.9, hold_s=20.0, level=True),
    "counter": Modality(occupied=0.9, vacant=0.85, hold_s=20.0, level=True),
    "pir": Modality(occupied=0.97, vacant=0.8, hold_s=300.0),
    "contact": Modality(occupied=0.6, vacant=0.0, hold_s=60.0),
    AIR: Modality(occupied=0.0, vacant=0.0, hold_s=1.0),
    TAP: Modality(occupied=0.99, vacant=0.0, hold_s=15.0, proof=True),
    TAG: Modality(occupied=0.6, vacant=0.0, hold_s=300.0),
}
OTHER = Modality(occupied=0.7, vacant=0.7, hold_s=20.0, level=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Choices for all places."""

    hold_s: Mapping[str, float] = field(default_factory=dict)
    """By modality, over the defaults. Said for a level sensor, "nobody" must stand for exactly so long."""
    modalities: Mapping[str, Modality] = field(default_factory=lambda: MODALITIES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A fixed device bound to a place."""

    modality: str
    expect_s: float | None = None
    """The interval between its messages; None: silent by design, it sends only when something happens."""
    hold_s: float | None = None
    """Over the modality's."""
    trust_s: float = 86_400.0
    """How long a device that is silent by design is trusted after it was last heard."""
    receiver: str = ""
    """Whose Health is this device's as well: the radio that hears it."""
    enclosed: bool = True
    """The place has its air to itself: a desk in a hall has not."""


class Traits(NamedTuple):
    """A device's settings, worked out once; times in ns."""

    modality: str
    level: bool
    proof: bool
    occupied: float
    vacant: float
    hold: int
    """Of a moment."""
    settle_in: int
    """How long "somebody" must stand before a level sensor is believed."""
    settle_out: int
    weak: int
    """Divides the settle time where the old opinion rests on one report."""
    stale: int
    """Silence after which it is not believed any more."""
    receiver: str
    silent: bool
    """Silent by design: it tells changes only."""
    air: bool = False
    """Its CO2, if it measures that, says whether somebody breathes."""


def traits(device: Device, settings: Settings) -> Traits:
    """A device's settings over its modality's defaults."""
    modality = settings.modalities.get(device.modality, OTHER)
    chosen = device.hold_s if device.hold_s is not None else settings.hold_s.get(device.modality)
    hold_s = modality.hold_s if chosen is None else chosen
    expect_s = device.expect_s
    if expect_s is not None and device.hold_s is None and not modality.level and not modality.proof:
        hold_s = max(hold_s, HOLD_INTERVALS * expect_s)
    settle_s = hold_s if chosen is not None or expect_s is None else min(hold_s, max(3.0, expect_s / 2))
    air = device.modality == AIR and device.enclosed and not (modality.occupied or modality.vacant)
    trust_s = AIR_STALE_S if air else device.trust_s
    return Traits(
        modality=device.modality,
        level=modality.level,
        proof=modality.proof,
        occupied=modality.occupied,
        vacant=modality.vacant,
        hold=max(1, int(hold_s * SECOND)),
        settle_in=int(min(10.0, max(1.5, (expect_s or 0.0) / 3)) * SECOND),
        settle_out=int(settle_s * SECOND),
        weak=1 if chosen is not None else 4,
        stale=int((trust_s if expect_s is None else max(STALE_S, STALE_AFTER * expect_s)) * SECOND),
        receiver=device.receiver,
        silent=expect_s is None,
        air=air,
    )
