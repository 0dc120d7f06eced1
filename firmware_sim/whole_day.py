"""What people do on a whole day of a scenario, from the seed. The same seed, the same day.

Calmer than people.py, whose first minutes show everything: people sit for half an hour or more, break, meet, eat, move,
and go home. What each does is booked when it is decided (bookings.py), so that every tap has exactly one right outcome.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import count
from random import Random

from firmware_sim import tower
from firmware_sim.actions import SECOND, Sit, Stand, Tap
from firmware_sim.agenda import Attendee, Meeting, agenda
from firmware_sim.bookings import Bookings
from firmware_sim.deeds import LOST, Deed, Swipe
from firmware_sim.office import Office
from firmware_sim.scenario import MINUTE, Scenario
from firmware_sim.space import Point
from firmware_sim.strolls import Strolls

BUSY = 100 * SECOND
"""Nobody gets up so soon after a tap."""
EDGE = 10 * SECOND
"""Nobody taps so near to the moment at which a gateway goes or comes: nobody could say what becomes of it."""


class WholeDay:
    """One day: `deeds`, in order of time; `agenda` is known before."""

    def __init__(self, office: Office, scenario: Scenario, seed: int) -> None:
        self._office = office
        self._rng = Random(f"whole-day/{scenario.name}/{seed}")
        self._book = Bookings()
        self._out: list[tuple[int, int, Deed]] = []
        self._number = count()
        self._next_swipe: dict[str, int] = {}
        self._strolls = Strolls(office, self._emit)
        self._reader = {device.space: device for device in office.devices if device.reads_badges and device.space}
        self._decisions: list[tuple[int, int]] = []
        self.agenda = agenda(office, scenario, self._rng)
        self._people = {one.index: one for one in (*self.agenda.people, *self.agenda.guests)}

    def deeds(self) -> Iterator[Deed]:
        """Everything that happens."""
        if self.agenda.down is not None:
            self._emit(self.agenda.down)
        for booked in self.agenda.reservations:
            self._emit(booked)
        for one in self._people.values():
            if one.tries:
                self._try_card(one, one.tries)
            if one.comes:
                self._later(one, one.comes)
        while self._decisions:
            now, index = heapq.heappop(self._decisions)
            while self._out and self._out[0][0] <= now:
                yield heapq.heappop(self._out)[2]
            self._decide(self._people[index], now)
        while self._out:
            yield heapq.heappop(self._out)[2]

    # --- decisions ------------------------------------------------------------------------------------------------

    def _decide(self, me: Attendee, now: int) -> None:
        while me.meetings and me.meetings[0].end - 5 * MINUTE < now:
            me.meetings.pop(0)
        if me.room:
            self._leave_room(me, now)
        elif me.desk:
            self._decide_seated(me, now)
        elif me.at == tower.entrance() and now >= me.leave:
            pass  # gone for the day
        elif now >= me.leave:
            self._go_home(me, now)
        elif me.meetings and me.meetings[0].start <= now + MINUTE:
            self._go_meet(me, now)
        else:
            self._take_seat(me, now)

    def _decide_seated(self, me: Attendee, now: int) -> None:
        draw = self._rng.random()
        if now >= me.leave:
            self._end_day(me, now)
        elif me.meetings and me.meetings[0].start <= now + MINUTE:
            swipes = me.meetings[0].swipes
            if not swipes and draw < 0.2 and self._can_tap_out(me, now):
                self._tap(me, me.desk, now)
            self._stand(me, now)
            self._go_meet(me, now + 2 * SECOND)
        elif me.out and now >= me.out:
            if draw < 0.3 and self._can_tap_out(me, now):
                self._tap(me, me.desk, now)
            self._stand(me, now)
            self._strolls.walk(me, tower.entrance(), now + 2 * SECOND)
            me.out = 0
            self._later(me, max(me.back, now + 10 * MINUTE))
        elif draw < 0.06 and me.reserved is None and me.badge:
            self._move(me, now)
        elif draw < 0.75:
            if draw < 0.18 and self._can_tap_out(me, now):
                self._tap(me, me.desk, now)
            self._break(me, now + 2 * SECOND)
        else:
            self._sit_on(me, now, now)

    def _take_seat(self, me: Attendee, now: int) -> None:
        held = self._book.held.get(me.index)
        desk = me.reserved.desk if me.reserved is not None else held or self._pick(me, now)
        if desk is None:
            there = self._strolls.walk(me, tower.pantry(me.at.floor), now)
            self._later(me, there + self._between(5 * 60, 15 * 60))
            return
        self._book.sit(me.index, desk)
        if me.badge and self._rng.random() < 0.05:
            now = self._mistap(me, now)
        if me.at == tower.entrance() and me.door:
            now = self._swipe(me, tower.DOOR_IN, now, "started")
            me.door = False
        there = self._strolls.walk(me, self._office.space[desk].at, now)
        wants = me.badge and me.taps and held is None and self._rng.random() >= 0.04
        self._sit(me, desk, there, tap=wants)

    def _move(self, me: Attendee, now: int) -> None:
        desk = self._pick(me, now, other=True)
        if desk is None:
            self._sit_on(me, now, now)
            return
        self._book.sit(me.index, desk)
        self._stand(me, now)
        there = self._strolls.walk(me, self._office.space[desk].at, now + 2 * SECOND)
        self._sit(me, desk, there, tap=True)

    def _break(self, me: Attendee, now: int) -> None:
        self._stand(me, now)
        spot = tower.prayer(me.at.floor) if self._rng.random() < 0.25 else tower.pantry(me.at.floor)
        there = self._strolls.walk(me, spot, now + 2 * SECOND)
        self._later(me, there + self._between(4 * 60, 16 * 60))

    def _go_meet(self, me: Attendee, now: int) -> None:
        meeting = me.meetings.pop(0)
        room = self._room(me, meeting)
        centre = self._office.space[room].at
        seat = Point(centre.x + self._rng.uniform(-1.2, 1.2), centre.y + self._rng.uniform(-1.2, 1.2), centre.floor)
        there = self._strolls.walk(me, seat, now)
        if meeting.swipes:
            there = self._swipe(me, self._reader[room].id, there, "") + 2 * SECOND
        self._emit(Sit(there, me.index, room))
        me.room = room
        self._later(me, max(meeting.end + self._between(0, 40), there + 5 * MINUTE))

    def _room(self, me: Attendee, meeting: Meeting) -> str:
        """The long one is on another floor than the desk that is held, where there is another floor."""
        room, desk = self._office.space[meeting.room], self._book.held.get(me.index, me.home)
        if not meeting.swipes or room.floor != self._office.space[desk].floor:
            return room.id
        others = [other.id for other in self._office.rooms if other.floor != room.floor]
        return self._rng.choice(others) if others else room.id

    def _leave_room(self, me: Attendee, now: int) -> None:
        self._emit(Stand(now, me.index, me.room))
        me.room = ""
        there = self._strolls.walk(me, tower.pantry(me.at.floor), now + 2 * SECOND)
        self._later(me, there + self._between(20, 90))

    def _end_day(self, me: Attendee, now: int) -> None:
        if me.badge and not me.forgets and self._book.held.get(me.index) == me.desk:
            at = self._may_tap_at(me, me.desk, now)
            if at > now:
                self._later(me, at)
                return
            self._tap(me, me.desk, now)
            now += 3 * SECOND
        self._stand(me, now)
        self._go_home(me, now + 2 * SECOND)

    def _go_home(self, me: Attendee, now: int) -> None:
        if desk := self._book.held.get(me.index):
            self._book.lost.add(desk)
        there = self._strolls.walk(me, Point(12.5, 0.5, tower.floor_id(1)), now)
        if me.badge and self._rng.random() < 0.7:
            there = self._swipe(me, tower.DOOR_OUT, there, "ended")
        self._strolls.walk(me, tower.entrance(), there)

    # --- steps ----------------------------------------------------------------------------------------------------

    def _sit(self, me: Attendee, desk: str, there: int, *, tap: bool) -> None:
        seated = max(there + 4 * SECOND, self._book.seat_from(desk))
        self._emit(Sit(seated, me.index, desk))
        me.desk = desk
        last = max(seated, self._tap(me, desk, there + SECOND)) if tap else seated
        self._sit_on(me, last, last)

    def _sit_on(self, me: Attendee, now: int, busy: int) -> None:
        """Decide again after a while, or when a meeting, the long break or the end of the day comes first."""
        until = now + self._between(25 * 60, 75 * 60)
        ends = [me.leave, *(m.start for m in me.meetings[:1]), *([me.out] if me.out else [])]
        self._later(me, max(busy + BUSY, min(until, *ends)))

    def _stand(self, me: Attendee, now: int) -> None:
        self._emit(Stand(now, me.index, me.desk))
        self._book.stand(me.desk, now)
        me.desk = ""

    def _tap(self, me: Attendee, desk: str, earliest: int) -> int:
        at = self._may_tap_at(me, desk, earliest)
        if self._is_down(desk, at):
            self._book.touch(me.index, desk, at)
            self._emit(Tap(at, me.index, desk, LOST))
            return at
        expected, moved_from = self._book.tap(me.index, desk, at)
        self._emit(Tap(at, me.index, desk, expected, moved_from))
        return at

    def _is_down(self, desk: str, at: int) -> bool:
        down = self.agenda.down
        if down is None or self._reader[desk].gateway != down.gateway:
            return False
        return down.at <= at < down.until

    def _may_tap_at(self, me: Attendee, desk: str, earliest: int) -> int:
        """Also not in the seconds around the outage, where nobody could say what becomes of it."""
        at = self._book.may_tap_at(me.index, desk, earliest)
        if self.agenda.down is not None and self._reader[desk].gateway == self.agenda.down.gateway:
            for edge in (self.agenda.down.at, self.agenda.down.until):
                if edge - EDGE <= at < edge + EDGE:
                    at = edge + EDGE
        return at

    def _can_tap_out(self, me: Attendee, now: int) -> bool:
        return me.badge and self._book.held.get(me.index) == me.desk and self._may_tap_at(me, me.desk, now) == now

    def _mistap(self, me: Attendee, now: int) -> int:
        """At a colleague's desk on the way, who goes on sitting there."""
        for desk, holder in self._book.holder.items():
            space = self._office.space[desk]
            if space.floor != me.at.floor or holder == me.index or self._people[holder].desk != desk:
                continue
            stand = Point(space.at.x + 0.8, space.at.y, space.floor)
            arrive = now + self._strolls.takes(me.at, stand) + SECOND
            fits = self._may_tap_at(me, desk, arrive) == arrive and not self._is_down(desk, arrive)
            if fits and self._people[holder].until > arrive + 10 * SECOND:
                self._strolls.walk(me, stand, now)
                self._book.touch(me.index, desk, arrive)
                self._emit(Tap(arrive, me.index, desk, "rejected"))
                return arrive + 3 * SECOND
        return now

    def _try_card(self, me: Attendee, now: int) -> None:
        desk = self._rng.choice(self._office.desks).id
        if not self._is_down(desk, now) and self._may_tap_at(me, desk, now) == now:
            self._book.touch(me.index, desk, now)
            self._emit(Tap(now, me.index, desk, "rejected"))

    def _swipe(self, me: Attendee, reader: str, at: int, outcome: str) -> int:
        at = max(at, self._next_swipe.get(reader, 0))
        self._next_swipe[reader] = at + 3 * SECOND
        self._emit(Swipe(at, me.index, reader, outcome))
        return at + SECOND

    def _pick(self, me: Attendee, now: int, *, other: bool = False) -> str | None:
        free = [
            desk
            for desk in self._office.desks
            if desk.id != me.desk
            and self._book.is_free(desk.id, now)
            and self.agenda.kept.get(desk.id, 0) <= now
            and not (other and self._is_down(desk.id, now))
        ]
        if not free:
            return None
        if not other and any(desk.id == me.home for desk in free):
            return me.home
        near = [desk for desk in free if desk.floor == me.at.floor]
        return self._rng.choice(near if near and self._rng.random() < 0.6 else free).id

    # --- time -----------------------------------------------------------------------------------------------------

    def _later(self, me: Attendee, at: int) -> None:
        me.until = at
        heapq.heappush(self._decisions, (at, me.index))

    def _emit(self, deed: Deed) -> None:
        heapq.heappush(self._out, (deed.at, next(self._number), deed))

    def _between(self, low_s: float, high_s: float) -> int:
        return int(self._rng.uniform(low_s, high_s) * SECOND)
