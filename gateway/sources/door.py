"""What the sources behind a door system share: an event becomes a frame once, dated by the door system.

When a tap was observed: as it comes, now; a door system's clock is not ours, and a second of difference would make each
tap late. What says that it is older than FRESH_S waited somewhere and was observed then, so that somebody who came
while the link was away is checked in since then; the gateway flags it late. Older than OLDEST_S it is dropped: it would
say where people were yesterday. One from the future has a wrong clock behind it and is taken as now.

An event is known again by its id; without one by its reader, badge and time, as nobody holds one card to one reader
twice in one moment. With neither id nor time, what is sent twice is taken twice. What is remembered is a hash that
means nothing outside this process. A repeat is done when the first of it is durable.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from drivers.api import Frame
from gateway.clock import SECOND, Clock
from gateway.config.sources import DoorFields
from gateway.counters import Counters
from gateway.errors import PermanentError
from gateway.sources.base import Deliver, SourceState
from gateway.sources.door_event import Event, read

MEDIUM = "door"
FRESH_S = 5.0
"""Machine seconds: a rounded time, a slow link and two clocks together make no more."""
OLDEST_S = 86_400
REMEMBERED = 4096
"""Events that are known again."""
MOST_WAITING = 1000
"""Events that may wait to become durable before the door system is asked to wait as well."""

Done = Callable[[], None]


@dataclass(slots=True)
class Tally:
    """What became of a message's events."""

    taken: int = 0
    """New, or known and not durable yet."""
    dropped: dict[str, int] = field(default_factory=dict)
    """By cause."""


class Taps:
    """Events of one door system."""

    def __init__(
        self,
        source_id: str,
        readers: Collection[str],
        fields: DoorFields,
        zone: tzinfo,
        clock: Clock,
        counters: Counters,
        state: SourceState,
    ) -> None:
        """`readers`: those that are known, by the door system's names. `zone`: of times without an offset."""
        self._id = source_id
        self._readers = frozenset(readers)
        self._fields = fields
        self._zone = zone
        self._clock = clock
        self._counters = counters
        self._state = state
        self._seen: OrderedDict[int, list[Done] | None] = OrderedDict()
        """By event: who waits until it is durable; None: it is."""
        self.waiting = 0
        """Events that are not durable yet."""

    def take(self, rows: Iterable[Any], deliver: Deliver, done: Done) -> Tally:
        """Deliver what is new, oldest first; `done` is called once, when nothing of it can be lost any more."""
        tally = Tally()
        events = [event for row in rows if (event := self._read(row, tally)) is not None]
        if all(event.at is not None for event in events):  # logs are often listed newest first
            events.sort(key=lambda event: event.at or 0)
        left = 1

        def one_done() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                done()

        for event in events:
            left += 1
            self._take(event, deliver, one_done, tally)
        one_done()
        return tally

    def drop(self, cause: str, tally: Tally | None = None) -> None:
        """Count something that is no tap."""
        self._counters.add("door.dropped", cause)
        if tally is not None:
            tally.dropped[cause] = tally.dropped.get(cause, 0) + 1

    def _read(self, row: Any, tally: Tally) -> Event | None:
        try:
            event = read(row, self._fields, self._zone)
        except PermanentError as error:
            self.drop(error.reason, tally)
            return None
        if event.reader not in self._readers:
            self.drop("unbound", tally)
            return None
        return event

    def _take(self, event: Event, deliver: Deliver, done: Done, tally: Tally) -> None:
        now, machine = self._clock.office(), self._clock.machine()
        at = now if event.at is None else event.at
        age = -int(self._clock.seconds_until(at) * SECOND)
        if now - at > OLDEST_S * SECOND:
            self.drop("old", tally)
            done()
            return
        if age < -FRESH_S * SECOND:
            self._counters.add("door.clock_ahead")
        key = self._key(event)
        if key is not None and key in self._seen:
            self._repeated(key, done, tally)
            return
        tally.taken += 1
        self.waiting += 1
        waiting = [done]
        if key is not None:
            self._seen[key] = waiting
            if len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)

        def durable() -> None:
            self.waiting -= 1
            if key is not None and self._seen.get(key) is waiting:
                self._seen[key] = None
            for one in waiting:
                one()
            waiting.clear()

        self._state.frames += 1
        self._state.last_frame = machine
        observed = at if age > FRESH_S * SECOND else now
        # taps that waited together stay as far apart as they were: two of one card are a coming and a going
        frame = Frame(MEDIUM, self._id, event.reader, event.badge.encode(), None, observed, machine - max(0, age))
        deliver(frame, durable)

    def _repeated(self, key: int, done: Done, tally: Tally) -> None:
        self._counters.add("door.repeated")
        waiting = self._seen[key]
        if waiting is None:
            done()
        else:
            tally.taken += 1
            waiting.append(done)

    def _key(self, event: Event) -> int | None:
        if event.id:
            return hash((event.reader, event.id))
        return None if event.at is None else hash((event.reader, event.badge, event.at))


def nowhere(_frame: Frame, _durable: Done | None = None, /) -> None:
    """The source does not run yet."""
