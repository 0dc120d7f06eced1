"""How places were used, a quarter hour at a time, from the ledger: `space_use_15m`.

An outage lowers known_s and never looks like an empty desk. Known is what the owner said while it was alive: not from a
boot's last word to the next boot's first, not while it is not heard, and not what it declared as lost coverage.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from gateway.config.model import Office
from gateway.config.owners import Owners
from gateway.config.places import Places
from gateway.contract.times import parsed
from gateway.ledger_view import LATEST, Stored, View
from gateway.stores.base import Point
from gateway.stores.points import place_tags
from gateway.stores.windows import QUARTER, Interval, use, windows

CHANGED, STARTED, STOPPED = "occupancy.changed", "gateway.started", "gateway.stopped"
COVERAGE = ("coverage.lost", "coverage.restored")
CHECKIN = "desk.checkin.started"
LIVES = (STARTED, STOPPED, *COVERAGE)

Window = tuple[str, int]
"""(place, start)."""


class _Cover(NamedTuple):
    places: frozenset[str]
    begin: int
    end: int


class Usage:
    """Computes windows over one view of the ledger. One thread at a time."""

    def __init__(self, view: View, office: Office) -> None:
        self._view = view
        places = Places(office)
        self._owners = Owners(office)
        self._capacity = {place: spot.space.capacity for place, spot in places.spots.items()}
        self._kind = {place: spot.space.kind for place, spot in places.spots.items()}
        self._zones = frozenset(places.areas)
        self._starts: dict[str, dict[str, int]] = {}
        self._stops: dict[str, dict[str, int]] = {}
        self._ends: dict[tuple[str, str], int] = {}
        self._lost: list[_Cover] = []
        for row in view.query(types=LIVES, limit=LATEST):
            self._learn(row, json.loads(row.body)["data"])

    @property
    def places(self) -> Iterable[str]:
        """Every space of the office."""
        return self._capacity

    def kind(self, place: str) -> str:
        """desk, room, booth, zone, other."""
        return self._kind.get(place, "zone" if place in self._zones else "other")

    def owned(self, gateway: str) -> list[str]:
        """Spaces that a gateway decides."""
        return [place for place in self._capacity if self._owners.owner(place) == gateway]

    # --- what a row touches -----------------------------------------------------------------------------------------

    def touched(self, row: Stored, data: Mapping[str, Any], swept: int) -> Iterator[Window]:
        """Windows that end at or before `swept` and that this row may change."""
        at = row.time if row.at is None else row.at
        if row.type in LIVES:
            yield from self._touched_by_life(row, data, at, swept)
            return
        yield from self._touched_by_age(row, swept)
        if at >= swept or row.at is None or row.subject not in self._capacity:
            return
        if row.type == CHANGED:
            following = self._view.first_from(row.subject, CHANGED, at + 1)
            until = swept if following is None or following.at is None else following.at
            yield from ((row.subject, start) for start in windows(at, until, swept))
        elif row.type == CHECKIN:
            yield from ((row.subject, start) for start in windows(at, at, swept))

    def _touched_by_life(self, row: Stored, data: Mapping[str, Any], at: int, swept: int) -> Iterator[Window]:
        self._learn(row, data)
        if row.type in COVERAGE:
            cover = _cover(data)
            for place in cover.places & self._capacity.keys():
                yield from ((place, start) for start in windows(cover.begin, min(cover.end, swept), swept))
            return
        begin, until = at, swept
        if row.type == STARTED:
            begin = min(at, self._end_before(row.gateway, row.boot) or at)
            until = at
        for place in self.owned(row.gateway):
            yield from ((place, start) for start in windows(begin, until, swept))

    def _touched_by_age(self, row: Stored, swept: int) -> Iterator[Window]:
        """A late row of an older boot shows that the boot lived longer than was thought."""
        key = (row.gateway, row.boot)
        known = self._ends.get(key)
        if known is not None and row.recorded > known:
            self._ends[key] = row.recorded
            for place in self.owned(row.gateway):
                yield from ((place, start) for start in windows(known, row.recorded, swept))

    def _learn(self, row: Stored, data: Mapping[str, Any]) -> None:
        at = row.time if row.at is None else row.at
        match row.type:
            case "gateway.started":
                self._starts.setdefault(row.gateway, {})[row.boot] = at
            case "gateway.stopped":
                self._stops.setdefault(row.gateway, {})[row.boot] = at
            case _:
                self._lost.append(_cover(data))

    def _end_before(self, gateway: str, boot: str) -> int:
        """When the boot before this one said its last; 0: there was none."""
        last = self._view.last_of_boot(gateway, boot)
        if last is None:
            return 0
        end = max(last.recorded, self._ends.get((gateway, last.boot), 0))
        self._ends[gateway, last.boot] = end
        return end

    # --- computing --------------------------------------------------------------------------------------------------

    def point(self, place: str, start: int, silences: Mapping[str, int]) -> Point:
        """`space_use_15m` of a configured space. `silences`: gateways that are not heard, and since when."""
        end = start + QUARTER
        rows = self._view.at(place, (CHANGED,), start, end)
        before = self._view.last_before(place, CHANGED, start)
        changes = [
            (row.at or 0, str(json.loads(row.body)["data"]["state"])) for row in (before, *rows) if row is not None
        ]
        told = use(start, end, changes, self._blind(place, start, end, silences))
        checkins = sum(row.cls == "evt" for row in self._view.at(place, (CHECKIN,), start, end))
        return Point(
            "space_use_15m",
            place_tags(place, self.kind(place)),
            (
                ("used_s", told.used_s),
                ("known_s", told.known_s),
                ("capacity", self._capacity[place]),
                ("peak", int(told.ever)),
                ("checkins", checkins),
            ),
            start,
        )

    def _blind(self, place: str, start: int, end: int, silences: Mapping[str, int]) -> list[Interval]:
        owner = self._owners.owner(place)
        covers = [cover for cover in self._lost if place in cover.places]
        blind = [(cover.begin, _closed(cover, covers)) for cover in covers]
        if owner in silences:
            blind.append((silences[owner], LATEST))
        starts = sorted(self._starts.get(owner, {}).items())
        for at, (boot, began) in enumerate(starts):
            if began > start and (at == 0 or starts[at - 1][1] < end):
                blind.append((self._end_before(owner, boot), began))
        for boot, stopped in self._stops.get(owner, {}).items():
            following = [began for other, began in starts if other > boot]
            if stopped < end:
                blind.append((stopped, min(following, default=LATEST)))
        return blind


def _closed(cover: _Cover, covers: Sequence[_Cover]) -> int:
    """When lost coverage came back: at its own end, or at the end that a later `coverage.restored` gives."""
    if cover.end != LATEST:
        return cover.end
    return min((other.end for other in covers if cover.begin < other.end < LATEST), default=LATEST)


def _cover(data: Mapping[str, Any]) -> _Cover:
    begin, end = parsed(data["from"]), data.get("to")
    return _Cover(frozenset(data.get("places", ())), begin, LATEST if end is None else parsed(end))
