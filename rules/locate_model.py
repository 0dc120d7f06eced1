"""The model of the probabilistic locator (locate_map.py): its choices, and its state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rules.api import Located
from rules.belief import Beliefs
from rules.drifts import Drifts, FixedAt
from rules.radio_map import RadioMap

if TYPE_CHECKING:
    from rules.locate_told import Judge


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorMap:
    """A floor: its radio map, whose zones are places (`site/building/floor/zone/_`), and which of them are private."""

    radio: RadioMap
    private: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Choices for all tags of a building; seconds of office time."""

    floors: tuple[FloorMap, ...]
    refresh_s: float = 60.0
    """So often an unchanged answer is told again while evidence goes on."""
    lost_s: float = 60.0
    """Without a sighting for so long: no_evidence."""
    most_tags: int = 20_000
    """Beyond it those that were heard longest ago are told as lost, and counted."""
    fixed: Mapping[str, FixedAt] = field(default_factory=dict)
    """Tags that hang somewhere. They are never located; receivers' drift is told by them."""


class Estimate(NamedTuple):
    """Where a tag is held to be."""

    zone: str
    confidence: float
    x: float
    y: float
    """Metres."""


@dataclass(slots=True)
class Tag:
    """One person's."""

    person: str
    row: int
    floor: int
    closed: int
    """Until when its belief has been advanced."""
    last: int
    """Last sighting."""
    window: dict[tuple[int, int], list[float]] = field(default_factory=dict)
    """(floor, receiver) -> sum of dBm, packets."""
    loudest: float = 0.0
    """dBm, of its best receiver, smoothed; 0: not heard yet."""
    fit: float = 1.0
    """How far it can be on this floor at all, by that."""
    faint: int = 0
    """Windows in a row in which it was too faint to be here."""
    levels: dict[int, tuple[float, int]] = field(default_factory=dict)
    """Floor -> dBm of its best receiver, smoothed; when that was."""
    elsewhere: int = 0
    """Since when another floor hears it louder; 0: none does."""
    zone: str | None = None
    """What was told."""
    evidence: int = 0
    """Of `zone`."""
    told: int = 0
    cause: str | None = None
    leader: int = -1
    lead: float = 0.0
    """Before any zone was told: the one that leads, and by how much over the seconds."""
    settled: int = 0
    """Since when `zone` is told."""
    moved: int = 0
    """When it was last seen to move; 0: never."""
    via: str = ""
    """The receiver that heard it best."""


@dataclass(slots=True)
class State:
    """All tags of a building."""

    building: str
    beliefs: list[Beliefs]
    alive: list[np.ndarray[Any, np.dtype[np.bool_]]]
    drifts: Drifts
    tags: dict[str, Tag] = field(default_factory=dict)
    """By person."""
    judges: list[Judge] = field(default_factory=list)
    """Of each floor."""
    free: list[list[int]] = field(default_factory=list)
    """Rows that were left, by floor."""
    rows: list[int] = field(default_factory=list)
    """Rows that were ever given, by floor."""
    closes: int = 0
    """End of the window that is open."""
    deaf: dict[str, str] = field(default_factory=dict)
    """Receiver -> cause."""
    evicted: int = 0
    crowded_out: list[Located] = field(default_factory=list)
    """What is to be told of those that were just evicted."""
    foreign: int = 0
    """Times that a tag became too faint to be in the building: another one's, or outside."""
    late: int = 0
    future: int = 0
    """Sightings that were left out for their time."""
