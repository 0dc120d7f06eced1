"""What places, gateways and devices are now: a fold of the broker's retained messages.

A state that is missing, expired, or of a gateway that is lost is unknown(gateway_down); while the web itself has no
broker, everything is unknown(not_connected). Somebody's claim outlives that silence until the end of its day; a
reservation, and what sensors said, do not. Nothing here is about a person.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.calendars import calendar
from gateway.clock import SECOND, Clock
from gateway.config.model import Office
from gateway.config.places import Places, Spot
from gateway.contract import state as wire
from gateway.contract import topics
from gateway.contract.times import parsed
from gateway.contract.topics import Topic
from gateway.errors import PermanentError
from gateway.web.closing import day_ends

GONE = frozenset({"lost", "disconnected"})
NOT_CONNECTED = "not_connected"
"""A cause of our own: the web application does not reach the broker."""
GATEWAY_DOWN = "gateway_down"
SILENT = frozenset({GATEWAY_DOWN, NOT_CONNECTED})
"""Causes of which nothing new can be heard: what was said last is old."""
HELD = frozenset({"taken", "away"})
"""Lives of a desk that somebody claims."""
MOST_CHANGES = 20_000
"""Changes that are remembered for browsers that come back."""
FREE, TAKEN, RESERVED, UNKNOWN, CLOSED = STATUSES = ("free", "taken", "reserved", "unknown", "closed")
"""What a person wants to know of a place, in one word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceNow:
    """One space, as it is now and why."""

    place: str
    kind: str
    name: str
    unit: str
    mode: str
    capacity: int
    accessible: bool
    status: str
    """One of STATUSES."""
    state: str
    """occupied, vacant, unknown."""
    cause: str
    """Why unknown; empty otherwise."""
    life: str
    """free, reserved, taken, away, out_of_order; empty: nobody can claim it, or nobody knows."""
    since: int
    """Since when its life is so, ns, rounded to 5 minutes; 0: not told."""
    sensed: str
    """What its sensors say; empty: it has none."""
    quality: str
    gateway: str

    @property
    def floor(self) -> str:
        """`site/building/floor`."""
        return "/".join(self.place.split("/", 3)[:3])

    @property
    def zone(self) -> str:
        """`site/building/floor/zone/_`."""
        return self.place.rpartition("/")[0] + "/_"


def status_of(*, state: str, life: str, mode: str) -> str:
    """A place in one word, as rules.counting.aggregate counts. Unknown is never free, also where nobody claims it."""
    if mode == "out_of_order" or life == "out_of_order":
        return CLOSED
    if life in HELD or state == "occupied":
        return TAKEN
    if life == "reserved":
        return RESERVED
    return FREE if state == "vacant" else UNKNOWN


class Live:
    """The picture of one site."""

    def __init__(self, office: Office, clock: Clock) -> None:
        self.office = office
        self.places = Places(office)
        self.connected = False
        self.version = clock.office() * 1000 // SECOND
        """Rises with every change. It begins with the time, so that a number of an earlier start is never taken for
        one of this: whoever comes back with it is told everything."""
        self.gateways: dict[str, dict[str, Any]] = {}
        """By gateway: its last status ..."""
        self.health: dict[str, dict[str, Any]] = {}
        """... and its last health."""
        self.devices: dict[str, dict[str, Any]] = {}
        """By device: its last state, with `gw`."""
        self.sums: dict[str, dict[str, Any]] = {}
        """By zone (`site/building/floor/zone/_`)."""
        self._clock = clock
        self._days = calendar(office, clock.office())
        self._states: dict[str, dict[str, Any]] = {}
        self._until: dict[str, int] = {}
        self._terms: dict[str, int] = {}
        self._shown: dict[str, PlaceNow] = {}
        self._changes: deque[tuple[int, str]] = deque(maxlen=MOST_CHANGES)
        self._inside: dict[str, list[str]] = {}
        for place, spot in self.places.spots.items():
            floor = "/".join(place.split("/", 3)[:3])
            self._inside.setdefault(floor, []).append(place)
            self._shown[place] = self._made(spot)

    # --- what others call -------------------------------------------------------------------------------------------

    def take(self, topic: str, payload: bytes) -> None:
        """One message. Raises PermanentError for what is not of the contract: the link counts it."""
        parts = topics.parse(topic)
        if parts is None:
            raise PermanentError("invalid", "not a topic of hadir")
        match parts.cls:
            case "state":
                self._state(parts, wire.parse(wire.PlaceState, payload))
            case "agg":
                _keep(self.sums, parts.place, wire.parse(wire.Aggregate, payload))
            case "status":
                self._status(parts, wire.parse(wire.GatewayStatus, payload))
            case "health":
                _keep(self.health, parts.gateway, wire.parse(wire.GatewayHealth, payload))
            case "dev":
                self._device(parts, wire.parse(wire.DeviceState, payload))
            case _:
                pass

    def set_connected(self, connected: bool) -> None:
        """Whether the broker is there. Everything is looked at again when that changes."""
        if connected != self.connected:
            self.connected = connected
            self._look(self._shown)

    def expire(self) -> None:
        """Look for states that may not be believed any more; to be called every second."""
        now = self._clock.office()
        self._look([place for place, until in self._until.items() if until < now])

    def now(self, place: str) -> PlaceNow | None:
        """One space; None: there is no such space."""
        return self._shown.get(place)

    def floor(self, floor: str) -> list[PlaceNow]:
        """All spaces of `site/building/floor`, in the order of the configuration."""
        return [self._shown[place] for place in self._inside.get(floor, ())]

    def floors(self) -> Iterable[str]:
        """All floors that have spaces."""
        return self._inside

    def all(self) -> Iterable[PlaceNow]:
        """Every space."""
        return self._shown.values()

    def changed_since(self, version: int) -> list[str] | None:
        """Places that changed after `version`, oldest first; None: too long ago, take everything."""
        if version > self.version or (self._changes and version < self._changes[0][0] - 1):
            return None
        if not self._changes and version < self.version:
            return None
        return list(dict.fromkeys(place for number, place in self._later(version)))

    def gone(self, gateway: str) -> bool:
        """Whether a gateway is not there, as far as is known."""
        status = self.gateways.get(gateway)
        return status is None or status["state"] in GONE

    # --- folding ----------------------------------------------------------------------------------------------------

    def _later(self, version: int) -> Iterator[tuple[int, str]]:
        for number, place in reversed(self._changes):
            if number <= version:
                return
            yield number, place

    def _state(self, parts: Topic, state: dict[str, Any] | None) -> None:
        term = None if state is None else state.get("term")
        if term is not None:
            highest = self._terms[parts.building] = max(term, self._terms.get(parts.building, 0))
            if term < highest:
                return
        _keep(self._states, parts.place, state)
        if state is None:
            self._until.pop(parts.place, None)
        else:
            self._until[parts.place] = parsed(state["valid_until"])
        self._look((parts.place,))

    def _status(self, parts: Topic, status: dict[str, Any] | None) -> None:
        """The last will of an older boot may come after the new boot's word: it says nothing about that."""
        known = self.gateways.get(parts.gateway)
        if status is None or (known is not None and status["boot"][:6] < known["boot"][:6]):
            return
        self.gateways[parts.gateway] = status
        if known is None or (known["state"] in GONE) != (status["state"] in GONE):
            self._look([place for place, held in self._states.items() if held["gw"] == parts.gateway])

    def _device(self, parts: Topic, device: dict[str, Any] | None) -> None:
        _keep(self.devices, parts.type, None if device is None else {**device, "gw": parts.gateway})

    def _look(self, places: Iterable[str]) -> None:
        """Make these places anew, and note which look different."""
        for place in list(places):
            spot = self.places.spots.get(place)
            if spot is not None and (made := self._made(spot)) != self._shown[place]:
                self._shown[place] = made
                self.version += 1
                self._changes.append((self.version, place))

    def _made(self, spot: Spot) -> PlaceNow:
        held = self._states.get(spot.place)
        state, cause = self._believed(spot, held)
        life, since = self._claim(spot, held, cause)
        sensed = "" if held is None else str(held.get("sensed") or "")
        if sensed and cause in SILENT:
            sensed = "unknown"
        return PlaceNow(
            place=spot.place,
            kind=spot.space.kind,
            name=spot.space.name or spot.space.id,
            unit=spot.unit,
            mode=spot.space.mode,
            capacity=spot.space.capacity,
            accessible=spot.space.accessible,
            status=status_of(state=state, life=life, mode=spot.space.mode),
            state=state,
            cause=cause,
            life=life,
            since=since,
            sensed=sensed,
            quality="" if held is None else str(held["quality"]),
            gateway=spot.owner if held is None else str(held["gw"]),
        )

    def _believed(self, spot: Spot, held: Mapping[str, Any] | None) -> tuple[str, str]:
        if not self.connected:
            return "unknown", NOT_CONNECTED
        if held is None or self._until.get(spot.place, 0) < self._clock.office():
            return "unknown", GATEWAY_DOWN
        status = self.gateways.get(str(held["gw"]))
        if status is not None and status["state"] in GONE and status["boot"][:6] >= held["boot"][:6]:
            return "unknown", GATEWAY_DOWN
        return str(held["state"]), str(held.get("cause") or "")

    def _claim(self, spot: Spot, held: Mapping[str, Any] | None, cause: str) -> tuple[str, int]:
        """(life, since when), as far as it may be believed.

        A check-in is open until somebody ends it or its day ends, so that it is true for that long though its gateway
        is silent. A reservation may meanwhile be taken or released: of it nothing is known. No time opens what is
        closed.
        """
        desk = {} if held is None else held.get("desk") or {}
        life = "out_of_order" if spot.space.mode == "out_of_order" else str(desk.get("life", ""))
        since = parsed(desk["since"]) if desk.get("since") else 0
        if cause not in SILENT or life == "out_of_order":
            return life, since
        lasts = life in HELD and self._clock.office() < day_ends(self._days, since or self._until[spot.place])
        return (life, since) if lasts else ("", 0)


def _keep(kept: dict[str, dict[str, Any]], key: str, value: dict[str, Any] | None) -> None:
    if value is None:
        kept.pop(key, None)
    else:
        kept[key] = value
