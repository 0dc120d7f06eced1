"""What the presence rule remembers of a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from rules.api import SECOND, Fact, Input
from rules.calendar import MAKASSAR, Calendar

NAME, VERSION = "presence", 1
MOST_ENDED = 8
"""Ended check-ins that are remembered. Few: no trail."""


class Source(NamedTuple):
    """What a kind of evidence is worth when it is fresh, and how fast that fades."""

    weight: float
    half_life_s: float


SOURCES: Mapping[str, Source] = {"badge": Source(0.98, 600.0), "tag": Source(1.0, 60.0), "": Source(0.95, 3600.0)}
"""By method of a visit; empty: a desk that was taken. A tag's weight is multiplied by the locator's confidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Choices for all people; seconds of office time."""

    sources: Mapping[str, Source] = field(default_factory=lambda: dict(SOURCES))

    idle_after_s: float = 600.0
    unknown_after_s: float = 3600.0
    proof_s: float = 120.0
    """After a desk was taken, a tag that still seems to be in the zone it was in before is not believed for so long."""
    leave_grace_s: float = 120.0
    """After an act of leaving, a tag that is still heard does not start a new visit for so long."""
    calendar: Calendar = MAKASSAR
    """The end of the day, when check-ins that nobody ended are closed."""
    quiet: frozenset[str] = frozenset()
    """People who do not want to be sensed; Command `quiet` {on: bool} adds and removes as well."""


class Visit(NamedTuple):
    """A person's stay in the building, as sensed."""

    id: str
    zone: str
    start: int
    method: str
    """tag, badge: what bore out the present zone; empty: a desk that was taken, however."""
    last: int
    """Last evidence."""
    idle: bool = False
    assurance: str = "claimed"
    """How far what bore out the present zone proves who it was: claimed, fresh, bound."""
    weight: float = 1.0
    """What the last evidence was worth when it was fresh ..."""
    via: str = ""
    """... and the fixed device that heard or read it; empty where none did."""


def support(settings: Settings, visit: Visit, now: int) -> float:
    """How much is left of the last evidence for the visit's zone, 0 to 1."""
    half_life = settings.sources.get(visit.method, SOURCES[""]).half_life_s
    return float(visit.weight * 0.5 ** (max(0, now - visit.last) / SECOND / half_life))


class Workplace(NamedTuple):
    """An open workplace check-in."""

    id: str
    start: int
    place: str
    method: str
    assurance: str
    arrangement: str = ""
    """home_unit, other_office, visitor, as who came said; empty: nothing was said."""


class State(NamedTuple):
    """Of one person."""

    person: str
    unit: str = "_"
    workplace: Workplace | None = None
    lapsed: Workplace | None = None
    """The check-in that the end of the day closed: who taps later on that day ends it by that act."""
    quiet: bool = False
    desk: str = ""
    """A desk that is taken and sensed in use: evidence that goes on without a tag."""
    took: int = 0
    """When that desk was taken."""
    left: int = 0
    """When the person last left by an act."""
    ended: tuple[tuple[str, int], ...] = ()
    """Check-ins at desks that are over, and their last evidence: a late word of their start does not revive them."""
    acted: int = 0
    """Last workplace act."""
    watched: int = 0
    """Since when evidence could have come: a restart is no absence."""
    cause: str | None = None
    """What the locator last gave as its reason for not knowing."""
    proved: int = 0
    """When an act last proved the zone."""
    elsewhere: str = ""
    """Zone that the tag was in when an act proved another."""
    visit: Visit | None = None
    now: int = 0
    trail: tuple[Past, ...] = ()
    """The last inputs, in the order of their times (presence_order.py); of the last minutes, and in memory only."""

    # Every tap makes these changes, and `_replace` of so many fields takes four times as long: by position, at the end.

    def at(self, now: int) -> State:
        """Time has come so far."""
        return self if now <= self.now else State._make((*self[:-2], now, self.trail))

    def seen(self, visit: Visit) -> State:
        """Evidence was found for `visit`."""
        return State._make((*self[:-3], visit, *self[-2:]))

    def proving(self, at: int, elsewhere: str) -> State:
        """An act proves the zone."""
        return State._make((*self[:-5], at, elsewhere, *self[-3:]))

    def trailing(self, trail: tuple[Past, ...]) -> State:
        """With these as its last inputs."""
        return State._make((*self[:-1], trail))


class Past(NamedTuple):
    """An input that was taken, and what it met."""

    key: tuple[int, int, str, str]
    item: Input
    before: State
    """Without a trail."""
    told: tuple[tuple[object, ...], ...]
    """What was said of it, by what tells events of a person apart."""
    after: State
    """What came of it, without a trail."""


def fact_of(state: State) -> Fact:
    """The row that a restart restores; without a body where there is nothing to remember."""
    if state.visit is None and state.workplace is None and not state.quiet:
        return Fact(NAME, state.person, None)
    body = {
        "unit": state.unit,
        "visit": None if state.visit is None else state.visit._asdict(),
        "workplace": None if state.workplace is None else state.workplace._asdict(),
        "quiet": state.quiet,
    }
    return Fact(NAME, state.person, body)


def remembered(state: State) -> tuple[object, ...]:
    """What must be equal for the row to stay as it is. Evidence that goes on is not worth a write."""
    visit = state.visit
    stay = None if visit is None else (visit.id, visit.zone, visit.start, visit.idle)
    return stay, state.workplace, state.quiet


def restored(person: str, fact: Mapping[str, Any] | None, settings: Settings, now: int) -> State:
    """State of a row. The visit goes on; silence is counted from now. Without a row nothing is known before."""
    state = State(person, quiet=person in settings.quiet)
    if fact is None:
        return state
    state = state._replace(watched=now, now=now)
    visit, workplace = fact.get("visit"), fact.get("workplace")
    return state._replace(
        unit=str(fact.get("unit", "_")),
        visit=None if visit is None else Visit(**visit),
        workplace=None if workplace is None else Workplace(**workplace),
        acted=int(workplace["start"]) if workplace else 0,
        quiet=state.quiet or bool(fact.get("quiet")),
    )


def explained(settings: Settings, state: State, now: int) -> Mapping[str, Any]:
    """What is held of the person, and when silence would change it. Whoever asks has the right to."""
    visit, work = state.visit, state.workplace
    silent = 0 if visit is None or state.desk else max(visit.last, state.watched)
    absent = {"state": "left", "since": state.left} if state.left else {"state": "unknown", "since": None}
    return {
        **(absent if visit is None else {"state": "idle" if visit.idle else "present", "since": visit.start}),
        "cause": None if visit is not None or state.left else state.cause or "no_evidence",
        "zone": visit.zone if visit else None,
        "visit_id": visit.id if visit else None,
        "method": visit.method or "desk" if visit else None,
        "assurance": visit.assurance if visit else None,
        "last_evidence_at": visit.last if visit else None,
        "confidence": None
        if visit is None
        else round(visit.weight if state.desk else support(settings, visit, now), 2),
        "desk": state.desk or None,
        "quiet": state.quiet,
        "workplace": None if work is None else {"since": work.start, "place": work.place, "method": work.method},
        "idle_due": silent + int(settings.idle_after_s * SECOND) if silent and visit and not visit.idle else None,
        "unknown_due": silent + int(settings.unknown_after_s * SECOND) if silent else None,
    }
