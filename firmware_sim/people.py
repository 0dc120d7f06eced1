"""What people do in a day, from the seed: arrive, tap, sit, walk, meet, eat, move, leave. The same seed, the same day.

`start` is 07:50. The first twenty minutes are livelier than life, so that a short demo shows every transition; after
that people stay at their desks for a quarter of an hour or more. Each person decides only when something is over, and
books what it takes (bookings.py), so that every tap has exactly one right outcome.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from random import Random

from firmware_sim.actions import SECOND, Action, Enter, Sit, Stand, Tap, Walk
from firmware_sim.bookings import Bookings
from firmware_sim.meetings import Meeting, meetings
from firmware_sim.office import OUTSIDE, PANTRY, PRAYER, STAIRS, Office
from firmware_sim.space import Point

MINUTE = 60 * SECOND
DAY = 24 * 60 * MINUTE
LIVELY = 20 * MINUTE
LUNCH = 250 * MINUTE
"""12:00."""
LAST_ARRIVAL = 7 * MINUTE
LEAVE = 520 * MINUTE
"""16:30; everybody is gone an hour later."""
PACE = 1.3
"""Metres a second."""
CLIMB = 20 * SECOND


@dataclass(kw_only=True)
class _State:
    """What a person does at the moment."""

    index: int
    home: str
    at: Point = OUTSIDE
    zone: str = ""
    desk: str = ""
    """Sits at this desk."""
    room: str = ""
    """Sits in this room."""
    until: int = 0
    """Next decision."""
    lunch: int = 0
    leave: int = 0
    forgets: bool = False
    """Goes home without a tap."""
    meetings: list[Meeting] = field(default_factory=list)


def days(office: Office, seed: int, start: int) -> Iterator[Action]:
    """Day after day, each from its own draw; `start` is 07:50 of the first."""
    for n in count():
        yield from day(office, seed + n, start + n * DAY)


def day(office: Office, seed: int, start: int) -> Iterator[Action]:
    """One day, in order of time."""
    return _Day(office, seed, start).actions()


class _Day:
    def __init__(self, office: Office, seed: int, start: int) -> None:
        self._office = office
        self._rng = Random(f"day/{seed}")
        self._start = start
        self._book = Bookings()
        self._out: list[tuple[int, int, Action]] = []
        self._number = count()
        self._people = [_State(index=person.index, home=person.home) for person in office.people]
        self._decisions: list[tuple[int, int]] = []

    def actions(self) -> Iterator[Action]:
        plan = meetings(self._office, self._rng, self._start)
        for person in self._people:
            person.meetings = plan[person.index]
            person.lunch = self._start + LUNCH + self._between(0, 10 * 60)
            person.leave = self._start + LEAVE + self._between(0, 55 * 60)
            person.forgets = self._rng.random() < 0.12
            person.until = self._start + self._between(5, LAST_ARRIVAL // SECOND)
        special = self._rng.sample(self._people, 9)
        for n, person in enumerate(special[:3]):  # an errand elsewhere: they leave early
            person.leave = self._start + self._between(9 * 60, 13 * 60)
            person.forgets = n == 0
        for person in special[3:]:  # they come late, so that desks stay free to move to
            person.until = self._start + self._between(11 * 60, 16 * 60)
        for person in self._people:
            heapq.heappush(self._decisions, (person.until, person.index))
        for visitor in self._office.visitors:
            for at in self._visits():
                heapq.heappush(self._decisions, (at, visitor.index))
        while self._decisions:
            now, index = heapq.heappop(self._decisions)
            while self._out and self._out[0][0] <= now:
                yield heapq.heappop(self._out)[2]
            if index < len(self._people):
                self._decide(self._people[index], now)
            else:
                self._visit(index, now)
        while self._out:
            yield heapq.heappop(self._out)[2]

    # --- decisions ----------------------------------------------------------------------------------------------------

    def _decide(self, me: _State, now: int) -> None:
        while me.meetings and me.meetings[0].end - 3 * MINUTE < now:
            me.meetings.pop(0)
        if me.room:
            self._leave_room(me, now)
        elif me.desk:
            self._decide_seated(me, now)
        elif me.meetings and me.meetings[0].start <= now + MINUTE:
            self._meet(me, now)
        elif now >= me.leave and me.index not in self._book.held:
            self._go_home(me, now)
        else:
            self._take_seat(me, now)

    def _decide_seated(self, me: _State, now: int) -> None:
        draw = self._rng.random()
        lively = now < self._start + LIVELY
        if now >= me.leave:
            self._end_day(me, now)
        elif me.meetings and me.meetings[0].start <= now + MINUTE:
            if draw < 0.3 and self._can_tap_out(me, now):
                self._tap(me, me.desk, now)
            self._stand(me, now)
            self._meet(me, now + 2 * SECOND)
        elif now >= me.lunch:
            if draw < 0.5 and self._can_tap_out(me, now):
                self._tap(me, me.desk, now)
            me.lunch += DAY
            self._stand(me, now)
            there = self._walk(me, OUTSIDE, now + 2 * SECOND)
            self._next(me, there + self._between(30 * 60, 42 * 60))
        elif draw < (0.40 if lively else 0.12):
            self._move(me, now)
        elif draw < (0.80 if lively else 0.30) and self._can_tap_out(me, now):
            self._tap(me, me.desk, now)
            self._break(me, now + 3 * SECOND)
        elif draw < (0.90 if lively else 0.85):
            self._break(me, now)
        else:
            self._next(me, now + self._dwell(now), now)

    def _take_seat(self, me: _State, now: int) -> None:
        """Back to the desk that is held, else to a free one, else wait in the pantry."""
        held = self._book.held.get(me.index)
        desk = held or self._pick(me, now)
        if desk is None:
            there = self._walk(me, PANTRY[me.at.floor], now)
            self._next(me, there + self._between(120, 300))
            return
        self._book.sit(me.index, desk)
        if self._rng.random() < 0.12:
            now = self._mistap(me, now)
        there = self._walk(me, self._office.space[desk].at, now)
        self._sit(me, desk, there, tap=held is None and self._rng.random() >= 0.05)

    def _move(self, me: _State, now: int) -> None:
        """To another desk, perhaps upstairs; the tap there ends the old check-in."""
        desk = self._pick(me, now, other=True)
        if desk is None:
            self._next(me, now + self._dwell(now), now)
            return
        self._book.sit(me.index, desk)
        self._stand(me, now)
        there = self._walk(me, self._office.space[desk].at, now + 2 * SECOND)
        self._sit(me, desk, there, tap=True)

    def _break(self, me: _State, now: int) -> None:
        """Coffee or prayer; whether the desk stays held was decided before."""
        self._stand(me, now)
        spot = PRAYER[me.at.floor] if self._rng.random() < 0.2 else PANTRY[me.at.floor]
        there = self._walk(me, spot, now + 2 * SECOND)
        lively = now < self._start + LIVELY
        self._next(me, there + (self._between(25, 70) if lively else self._between(180, 600)))

    def _meet(self, me: _State, now: int) -> None:
        meeting = me.meetings.pop(0)
        centre = self._office.space[meeting.room].at
        seat = Point(centre.x + self._rng.uniform(-1.2, 1.2), centre.y + self._rng.uniform(-1.2, 1.2), centre.floor)
        there = self._walk(me, seat, now)
        self._emit(Sit(there, me.index, meeting.room))
        me.room = meeting.room
        self._next(me, max(meeting.end + self._between(0, 20), there + 2 * MINUTE))

    def _leave_room(self, me: _State, now: int) -> None:
        self._emit(Stand(now, me.index, me.room))
        me.room = ""
        there = self._walk(me, PANTRY[me.at.floor], now + 2 * SECOND)
        self._next(me, there + self._between(15, 60))

    def _end_day(self, me: _State, now: int) -> None:
        if not me.forgets and self._book.held.get(me.index) == me.desk:
            at = self._book.may_tap_at(me.index, me.desk, now)
            if at > now:
                self._next(me, at, now)
                return
            self._tap(me, me.desk, now)
            now += 3 * SECOND
        self._stand(me, now)
        self._go_home(me, now + 2 * SECOND)

    def _go_home(self, me: _State, now: int) -> None:
        if desk := self._book.held.get(me.index):
            self._book.lost.add(desk)
        self._walk(me, OUTSIDE, now)

    # --- steps --------------------------------------------------------------------------------------------------------

    def _sit(self, me: _State, desk: str, there: int, *, tap: bool) -> None:
        """Tap first and sit down, or sit down and tap when the reader and the badge may be used again."""
        seated = max(there + 4 * SECOND, self._book.seat_from(desk))
        self._emit(Sit(seated, me.index, desk))
        me.desk = desk
        last = max(seated, self._tap(me, desk, there + SECOND)) if tap else seated
        self._next(me, last + self._dwell(there), last)

    def _stand(self, me: _State, now: int) -> None:
        self._emit(Stand(now, me.index, me.desk))
        self._book.stand(me.desk, now)
        me.desk = ""

    def _tap(self, me: _State, desk: str, earliest: int) -> int:
        at = self._book.may_tap_at(me.index, desk, earliest)
        expected, moved_from = self._book.tap(me.index, desk, at)
        self._emit(Tap(at, me.index, desk, expected, moved_from))
        return at

    def _can_tap_out(self, me: _State, now: int) -> bool:
        held = self._book.held.get(me.index)
        return held == me.desk and self._book.may_tap_at(me.index, me.desk, now) == now

    def _mistap(self, me: _State, now: int) -> int:
        """Tap at a colleague's desk on the way; returns when one walks on. The colleague must sit there well beyond."""
        floor = me.at.floor
        for desk, holder in self._book.holder.items():
            space = self._office.space[desk]
            if space.floor != floor or holder == me.index or self._book.seat.get(desk) != holder:
                continue
            stand = Point(space.at.x + 0.8, space.at.y, floor)
            arrive = now + self._walking(me.at, stand) + SECOND
            colleague = self._people[holder]
            if (
                colleague.desk == desk
                and arrive + 10 * SECOND < colleague.until
                and (self._book.may_tap_at(me.index, desk, arrive) == arrive)
            ):
                self._walk(me, stand, now)
                self._tap(me, desk, arrive)
                return arrive + 3 * SECOND
        return now

    def _visits(self) -> list[int]:
        """When a visitor tries a reader: once early, and a few times in the day."""
        early = self._start + self._between(2 * 60, 18 * 60)
        return [early, *(self._start + self._between(30 * 60, 500 * 60) for _ in range(2))]

    def _visit(self, index: int, now: int) -> None:
        """A badge that nobody enrolled is refused at any desk."""
        desks = list(self._office.desks)
        self._rng.shuffle(desks)
        for desk in desks:
            if self._book.may_tap_at(index, desk.id, now) == now:
                self._book.touch(index, desk.id, now)
                self._emit(Tap(now, index, desk.id, "rejected"))
                return

    def _pick(self, me: _State, now: int, *, other: bool = False) -> str | None:
        """A free desk: the favourite one, else one of this floor, else any; with `other`, not the one sat at."""
        free = [desk for desk in self._office.desks if desk.id != me.desk and self._book.is_free(desk.id, now)]
        if not free:
            return None
        if not other and any(desk.id == me.home for desk in free):
            return me.home
        near = [desk for desk in free if desk.floor == me.at.floor]
        return self._rng.choice(near if near and self._rng.random() < 0.6 else free).id

    # --- walking ------------------------------------------------------------------------------------------------------

    def _walk(self, me: _State, to: Point, at: int) -> int:
        """Walk there, by the stairs where needed; returns the arrival."""
        for leg in self._legs(me.at, to):
            if leg[0].floor != me.at.floor:
                at += CLIMB
            until = at + _stroll(*leg)
            self._emit(Walk(at, me.index, leg[0], leg[1], until))
            self._cross(me, at, until, *leg)
            me.at, at = leg[1], until
        return at

    def _walking(self, start: Point, to: Point) -> int:
        legs = self._legs(start, to)
        return sum(_stroll(*leg) for leg in legs) + (len(legs) > 1) * CLIMB

    def _legs(self, start: Point, to: Point) -> list[tuple[Point, Point]]:
        if start.floor == to.floor:
            return [(start, to)]
        return [(start, STAIRS[start.floor]), (STAIRS[to.floor], to)]

    def _cross(self, me: _State, at: int, until: int, start: Point, to: Point) -> None:
        steps = max(1, (until - at) * 4 // SECOND)
        for n in range(steps + 1):
            zone = self._office.zone_at(between(start, to, n / steps))
            if zone != me.zone:
                me.zone = zone
                self._emit(Enter(at + (until - at) * n // steps, me.index, zone))

    # --- time ---------------------------------------------------------------------------------------------------------

    def _dwell(self, now: int) -> int:
        if now < self._start + LIVELY:
            return self._between(162, 250)
        return self._between(15 * 60, 45 * 60)

    def _next(self, me: _State, at: int, busy: int = 0) -> None:
        """Decide again at `at`; who sits at a desk, earlier if a meeting, lunch or the end of the day comes first, but
        100 s after `busy` at the earliest."""
        if me.desk:
            at = max(busy + 100 * SECOND, min(at, me.lunch, me.leave, *(meeting.start for meeting in me.meetings[:1])))
        me.until = at
        heapq.heappush(self._decisions, (at, me.index))

    def _emit(self, action: Action) -> None:
        heapq.heappush(self._out, (action.at, next(self._number), action))

    def _between(self, low_s: int, high_s: int) -> int:
        return int(self._rng.uniform(low_s, high_s) * SECOND)


def between(start: Point, to: Point, share: float) -> Point:
    """The point at `share` (0 to 1) of the way."""
    return Point(start.x + (to.x - start.x) * share, start.y + (to.y - start.y) * share, start.floor)


def _stroll(start: Point, to: Point) -> int:
    return int(((to.x - start.x) ** 2 + (to.y - start.y) ** 2) ** 0.5 / PACE * SECOND)
