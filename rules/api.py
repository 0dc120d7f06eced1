"""The vocabulary of the rules: what goes in, what comes out, and what a rule is.

A rule is a pure fold: `step(state, input) -> Step(state, events, facts, due, emits)`. It never reads a clock: time
comes in with each input, and it says when it wants to be woken (`due`). The same inputs give the same outputs, live or
replayed; no rule draws random numbers.

Times are integers, ns UTC, office time. A place is five levels `site/building/floor/zone/space`, `_` for an empty one.
A person is a `pid`, a random pseudonym: no rule ever sees a badge number or a radio address.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

SECOND = 1_000_000_000
FAINTEST_DBM, LOUDEST_DBM = -127.0, 20.0
"""What a Bluetooth radio can report of a signal (Core Specification, HCI LE Advertising Report); 127: not known."""
HADIR_NAMESPACE = uuid5(NAMESPACE_URL, "urn:hadir")


class Reading(NamedTuple):
    """A measurement placed and trusted."""

    dev: str
    """The fixed device that measured it: reader, radar, receiver. Never a personal tag."""
    kind: str
    """drivers' vocabulary: badge, occupied, motion, ..."""
    value: Any
    place: str
    at: int
    """When it was observed."""
    modality: str = ""
    """badge, tag, radar, seat, pir, ...: of the device."""
    role: str = ""
    """Of a badge reader: desk, in, out, in_out, zone, kiosk, enrol."""
    person: str = ""
    """pid; empty where nobody is concerned, or where `refused` says why nobody was found."""
    unit: str = "_"
    """The person's unit (agency); `_` if none."""
    refused: str = ""
    """Of a badge: unknown, disabled, ambiguous, rate: why it is nobody's. It may only end in badge.rejected."""
    assurance: str = "claimed"
    """claimed, fresh, bound: how far the credential proves its holder (contract.md)."""
    quality: str = "good"
    """good, degraded, stale, manual, simulated, replayed."""
    late: bool = False
    """Observed before something that was already decided: stepped with its own time, and flagged in the event."""
    sequence: int = 0
    """Counts the readings of this gateway."""


class Sighting(NamedTuple):
    """A tag heard by a receiver: the locator's food. Smoothing is the locator's business."""

    person: str
    receiver: str
    rssi: float
    """dBm; the mean where `heard` is more than one."""
    at: int
    heard: int = 1


class Health(NamedTuple):
    """A source or device is alive, or is not, and why."""

    dev: str
    """The fixed device or receiver concerned."""
    alive: bool
    cause: str
    """sensor_stale, radio_deaf, gateway_down, clock_bad; empty when alive."""
    at: int


class Sensed(NamedTuple):
    """What the occupancy rule holds of a place: food of the desk and counting rules, and of the retained state."""

    place: str
    state: str
    """occupied, vacant, unknown."""
    cause: str | None
    """Why unknown: starting, sensor_stale, radio_deaf, gateway_down, clock_bad, no_evidence, unconfigured."""
    since: int
    at: int
    confidence: float
    quality: str = "good"
    people: int | None = None
    """How many, where they are counted; 0 where it is vacant; None: not known."""
    against: float = 0.0
    """How far the answer that lost was believed, 0..1."""


class Located(NamedTuple):
    """Where the locator holds a person's tag to be: food of the presence rule."""

    person: str
    zone: str | None
    """Place of the zone (`site/b/f/zone/_`); None: unknown, see `cause`."""
    cause: str | None
    """radio_deaf, no_evidence."""
    at: int
    last_evidence: int
    confidence: float
    evidence: tuple[Mapping[str, Any], ...] = ()
    challenger: Mapping[str, Any] | None = None
    """The zone that lost, and its smoothed signal, dBm: {zone, weight}."""


class Life(NamedTuple):
    """What the desk rule holds of a desk: food of presence and counting, and of the retained state."""

    place: str
    life: str
    """free, reserved, taken, away, out_of_order."""
    since: int
    """Of this life; of `taken`, when the check-in started."""
    at: int
    person: str = ""
    """Who holds the desk (taken, away), or has just left it (any other life, once)."""
    unit: str = "_"
    checkin_id: str = ""
    reader: str = ""
    """The reader by which it was taken, where there was one."""
    assurance: str = "claimed"
    """How far the holder's credential proves who it is: claimed, fresh, bound."""
    began: int = 0
    """When the check-in started that `person` has or has just ended; 0: not known."""
    last: int = 0
    """Last evidence of who holds it, or held it, at this desk; 0: not told, it is `at`."""


class Booked(NamedTuple):
    """What the desk rule holds of a person's reservation: food of one desk a person."""

    place: str
    at: int
    person: str
    ref: str
    """Of the reservation, in its master's words."""
    start: int
    end: int
    """0: it is gone: cancelled, released or fulfilled."""
    unit: str = "_"


class Command(NamedTuple):
    """Somebody asks for something: web, kiosk, operator, coordinator."""

    name: str
    """checkin, checkout, move, reserve, cancel, correct, ..."""
    place: str
    at: int
    person: str = ""
    unit: str = "_"
    actor: str = ""
    """Role of who asks: user, operator, coordinator, kiosk."""
    args: Mapping[str, Any] = {}


class Tick(NamedTuple):
    """Time has reached `at`, which the rule asked for by `due`."""

    at: int


Input = Reading | Sighting | Health | Sensed | Located | Life | Booked | Command | Tick


class Event(NamedTuple):
    """A change that someone acts on, as the rule tells it. The outbox gives it sequence, id and envelope."""

    type: str
    """e.g. `desk.checkin.started`, without prefix and version."""
    place: str
    """Subject, five levels."""
    at: int
    """When it happened, by observation."""
    data: Mapping[str, Any]
    """As in contract.md; times inside are ns integers, the contract writes them as RFC 3339."""
    cls: str = "evt"
    """evt (no person), who (an act of a person), sense (inferred about a person)."""
    person: str = ""
    unit: str = "_"
    correlation: str = ""


class Fact(NamedTuple):
    """Rule state that must survive a restart: a row, written in the transaction of its events."""

    rule: str
    key: str
    body: Mapping[str, Any] | None
    """JSON values only; None deletes the row."""


def is_signal(rssi: float) -> bool:
    """Whether a radio can have heard it; false for NaN."""
    return FAINTEST_DBM <= rssi <= LOUDEST_DBM


S = TypeVar("S")


class Step(NamedTuple, Generic[S]):
    """What a step gives."""

    state: S
    events: tuple[Event, ...] = ()
    facts: tuple[Fact, ...] = ()
    due: int | None = None
    """When the rule wants a Tick; replaces what it asked for before; None: never."""
    emits: tuple[Input, ...] = ()
    """Sensed, Located, Life, Booked, Command: inputs for the rules that the gateway wires behind this one."""
    counts: tuple[str, ...] = ()
    """What the daemon is to count, for example `evicted`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Generic[S]):
    """A rule as a value; one state a key (a place, a person)."""

    name: str
    version: int
    start: Callable[[str, Mapping[str, Any] | None, int], Step[S]]
    """(key, body of its Fact or None, now) -> first Step: state, and e.g. the unknown(starting) that it begins with."""
    step: Callable[[S, Input], Step[S]]
    explain: Callable[[S, int], Mapping[str, Any]] | None = None
    """(state, now) -> what it holds, why, and what would change it, in JSON values without a person; times are ns and
    their names end in `at`, `since`, `due` or `until`. For `hadir why`; None: the rule has no more to say."""
    kept: Callable[[S, int], Mapping[str, Any] | None] | None = None
    """(state, now) -> the body of its Fact as of now, which may be newer than the row: for who stops here, and goes on
    later. None: the rule starts from its rows."""


def stable_id(*parts: object) -> str:
    """UUIDv5 of the starting event's identifying parts: the id of a check-in or a visit. Never pass a credential."""
    return str(uuid5(HADIR_NAMESPACE, "/".join(str(part) for part in parts)))


def event_id(source: str, sequence: str) -> str:
    """Id of an event: UUIDv5 of `source/sequence` (contract.md)."""
    return str(uuid5(HADIR_NAMESPACE, f"{source}/{sequence}"))


__all__ = [
    "FAINTEST_DBM",
    "HADIR_NAMESPACE",
    "LOUDEST_DBM",
    "SECOND",
    "UUID",
    "Booked",
    "Command",
    "Event",
    "Fact",
    "Health",
    "Input",
    "Life",
    "Located",
    "Reading",
    "Rule",
    "Sensed",
    "Sighting",
    "Step",
    "Tick",
    "event_id",
    "is_signal",
    "stable_id",
]
