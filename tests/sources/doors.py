"""A door system's fields as the simulated one has them, and the shared part of its sources."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from firmware_sim.door_system import Tap
from gateway.clock import Clock, SystemClock
from gateway.config.sources import DoorFields
from gateway.counters import Counters
from gateway.sources.base import SourceState
from gateway.sources.door import Taps

MAKASSAR = ZoneInfo("Asia/Makassar")
READERS = ("Gate A / North", "Desk 12")
FIELDS = DoorFields(reader="door.reader", badge="card.number", facility="card.facility", at="time", id="event.id")
UNDATED = FIELDS.model_copy(update={"at": None, "id": None})
COLUMNS = DoorFields(reader="Reader", badge="Card", facility="Facility", at="Date/Time", id="Event ID")
NOW = 1_795_483_802_117_000_000


def tap(n: int = 1, at: int | None = None, **more: str) -> Tap:
    """The tap with id n; `at`: default now."""
    when = SystemClock().office() if at is None else at
    return Tap(more.get("reader", READERS[1]), more.get("number", f"{5000 + n}"), when, n, more.get("facility", "1"))


def taps(
    counters: Counters, state: SourceState | None = None, fields: DoorFields = FIELDS, clock: Clock | None = None
) -> Taps:
    return Taps("door", READERS, fields, MAKASSAR, clock or SystemClock(), counters, state or SourceState())
