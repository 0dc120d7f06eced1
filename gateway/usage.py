"""How places were used, a quarter hour at a time, from the ledger: `space_use_15m`.

An outage lowers known_s and never looks like an empty desk. Known is what the owner said while it was alive: not from a
boot's last word to the next boot's first, not while it is not heard, and not what it declared as lost coverage.
`work_...` are the same within the site's working time: the denominators of a report.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gateway import covers
from gateway.calendars import working_calendar
from gateway.config.model import Office
from gateway.config.owners import Owners
from gateway.config.places import Places
from gateway.covers import PLACE, Covers
from gateway.ledger_view import LATEST, Stored, View
from gateway.stores.base import Point
from gateway.stores.points import place_tags
from gateway.stores.windows import QUARTER, SECOND, Interval, stretch, use
from rules.calendar import WORK, Calendar

CHANGED, STARTED, STOPPED = "occupancy.changed", "gateway.started", "gateway.stopped"
CHECKIN = "desk.checkin.started"
LIVES = (STARTED, STOPPED, *covers.TYPES)
YEAR = 366 * 86_400 * SECOND
UNTOLD = "untold"
"""What a place is from a boot's beginning to its first word about it."""

Touched = tuple[str, Interval | None]
"""A place, and the stretch of its windows."""


class Usage:
    """Computes windows over one view of the ledger. One thread at a time."""

    def __init__(self, view: View, office: Office) -> None:
        """Raises ConfigError: the calendar names a country whose holidays are not to be had here."""
        self._view = view
        self._office = office
        self._calendars: dict[int, Calendar] = {}
        places = Places(office)
        self._owners = Owners(office)
        self._capacity = {place: spot.space.capacity for place, spot in places.spots.items()}
        self._kind = {place: spot.space.kind for place, spot in places.spots.items()}
        self._zones = frozenset(places.areas)
        self._starts: dict[str, dict[str, int]] = {}
        self._stops: dict[str, dict[str, int]] = {}
        self._ends: dict[tuple[str, str], int] = {}
        self.covers = Covers()
        """What was declared to be unwatched."""
        self._calendar(view.first_at() or 0)
        for row in view.query(types=LIVES, limit=LATEST):
            self._learn(row, json.loads(row.body)["data"])
        for gateway, starts in self._starts.items():
            self._end_before(gateway, max(starts))  # rows of the boot before may still be on their way

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

    def touched(self, row: Stored, data: Mapping[str, Any], swept: int) -> Iterator[Touched]:
        """Windows that end at or before `swept` and that this row may change."""
        at = row.at
        if at is None:
            return
        if row.type in LIVES:
            yield from self._touched_by_life(row, data, at, swept)
        yield from self._touched_by_age(row, swept)
        if at >= swept or row.subject not in self._capacity:
            return
        if row.type == CHANGED:
            yield row.subject, stretch(at, self._until(row.subject, at + 1, swept), swept)
        elif row.type == CHECKIN:
            yield row.subject, stretch(at, at, swept)

    def _touched_by_life(self, row: Stored, data: Mapping[str, Any], at: int, swept: int) -> Iterator[Touched]:
        if row.type in covers.TYPES:
            begin, end = self.covers.learn(row, data)
            for place in self._capacity.keys() & data.get("places", ()):
                yield place, stretch(begin, min(end, swept), swept)
            return
        self._learn(row, data)
        begin = at
        if row.type == STARTED:
            begin = min(at, self._end_before(row.gateway, row.boot) or at)
        elif any(boot > row.boot for boot in self._starts.get(row.gateway, {})):
            return  # what lies between two boots is not known anyway
        for place in self.owned(row.gateway):
            until = swept if row.type == STOPPED else self._until(place, at, swept)
            yield place, stretch(begin, until, swept)

    def _until(self, place: str, since: int, swept: int) -> int:
        """When a place's state is told next, from an office time on."""
        following = self._view.next_at(place, CHANGED, since)
        return swept if following is None else following

    def _touched_by_age(self, row: Stored, swept: int) -> Iterator[Touched]:
        """A late row of an older boot shows that the boot lived longer than was thought."""
        key = (row.gateway, row.boot)
        known = self._ends.get(key)
        if known is not None and row.said > known:
            self._ends[key] = row.said
            for place in self.owned(row.gateway):
                yield place, stretch(known, row.said, swept)

    def _learn(self, row: Stored, data: Mapping[str, Any]) -> None:
        if row.at is None:
            return  # its clock ran free: it comes again when that is corrected
        match row.type:
            case "gateway.started":
                self._starts.setdefault(row.gateway, {})[row.boot] = row.at
            case "gateway.stopped":
                self._stops.setdefault(row.gateway, {})[row.boot] = row.at
            case _:
                self.covers.learn(row, data)

    def _end_before(self, gateway: str, boot: str) -> int:
        """When the boot before this one said its last; 0: there was none."""
        last = self._view.last_of_boot(gateway, boot)
        if last is None:
            return 0
        end = max(last.said, self._ends.get((gateway, last.boot), 0))
        self._ends[gateway, last.boot] = end
        return end

    # --- computing --------------------------------------------------------------------------------------------------

    def point(self, place: str, start: int, silences: Mapping[str, int]) -> Point:
        """`space_use_15m` of a configured space. `silences`: gateways that are not heard, and since when."""
        end = start + QUARTER
        before = self._view.last_before(place, CHANGED, start)
        begins = [(at, UNTOLD) for at in self._starts.get(self._owners.owner(place), {}).values() if at < end]
        if before is not None:
            begins.append((before.at or 0, str(json.loads(before.body)["data"]["state"])))
        changes = sorted([*begins, *self._view.states(place, CHANGED, start, end)], key=lambda change: change[0])
        blind = self.blind(place, start, end, silences)
        told = use(start, end, changes, blind)
        work = [(begin, until) for begin, until, kind in self._calendar(start).parts(start, end) if kind == WORK]
        worked = [use(begin, until, changes, blind) for begin, until in work]
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
                ("work_s", sum(until - begin for begin, until in work) / SECOND),
                ("work_known_s", sum(part.known_s for part in worked)),
                ("work_used_s", sum(part.used_s for part in worked)),
            ),
            start,
        )

    def blind(self, place: str, start: int, end: int, silences: Mapping[str, int]) -> list[Interval]:
        """When nothing was known of `place` in [start, end), though something may have been said before."""
        return [
            *((cover.since, cover.until) for cover in self.covers.of(PLACE, place)),
            *self.silent(self._owners.owner(place), start, end, silences),
        ]

    def silent(self, gateway: str, start: int, end: int, silences: Mapping[str, int]) -> list[Interval]:
        """When a gateway was not there in [start, end). `silences`: those that are not heard now, and since when."""
        blind = [(silences[gateway], LATEST)] if gateway in silences else []
        starts = sorted(self._starts.get(gateway, {}).items())
        for at, (boot, began) in enumerate(starts):
            if began > start and (at == 0 or starts[at - 1][1] < end):
                blind.append((self._end_before(gateway, boot), began))
        for boot, stopped in self._stops.get(gateway, {}).items():
            following = [began for other, began in starts if other > boot]
            if stopped < end:
                blind.append((stopped, min(following, default=LATEST)))
        return blind

    def _calendar(self, at: int) -> Calendar:
        """The site's calendar around `at`: rows of years ago have the holidays of their years."""
        year = at // YEAR
        if year not in self._calendars:
            self._calendars[year] = working_calendar(self._office, year * YEAR + YEAR // 2)
        return self._calendars[year]
