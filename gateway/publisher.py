"""Hop 7: what is committed goes out, and goes out again until the archive says that it has it.

Two lanes share the link's window. The live lane sends each event on its own topic right after its commit. The history
lane sends in batches, on the history topics, what the live lane did not: rows of old boots, rows that waited over a
minute while the broker was away, rows that may have been lost with a connection, and rows that the archive has not
acknowledged in time. A PUBACK frees the window; only the archive's acknowledgement retires a row.

Nothing is held in memory that the outbox has on disk: a bounded number of rows on the live lane, one page of the
outbox on the history lane, and the keys of a bounded number of rows that are out. While the archive keeps silent the
history lane stops at that bound; the live lane goes on, for others listen to it too, and the history lane sends what
could not be remembered again when the archive is back.
"""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from gateway.clock import SECOND, Clock
from gateway.contract import topics
from gateway.contract.acks import Acknowledgement, read_ack
from gateway.contract.envelope import BATCH_CONTENT_TYPE, CONTENT_TYPE, MAX_BATCH, MAX_IN_BATCH, Origin
from gateway.counters import Counters
from gateway.errors import PermanentError, TransientError
from gateway.mqtt import REFUSED, Delivered, Link, Message
from gateway.outbox import Outbox
from gateway.outbox_store import Row
from gateway.outstanding import Barred, Key, Outstanding
from gateway.truth import Canary

_log = logging.getLogger(__name__)

LIVE_S = 60.0
"""What waited longer goes on the history topics, so that the live topics stay live."""
MOST_LIVE = 5_000
"""Rows that wait for the window on the live lane; more go by the history lane, from the disk."""
MOST_OUT = 10_000
"""Events that are out without the archive's word and remembered; beyond it the history lane waits for the archive."""
AHEAD = 3_000
"""So many may be out while the history lane sends more: what is committed now reaches the archive behind them."""
AT_ONCE = 2
"""History batches in flight: few, so that a live event never waits behind much of the past."""
LOOK_S = 5.0
"""How often rows that are due are looked for; never more often than once a second."""
MOST_REFUSED = 100
"""Refused topics that are named; more are only counted."""


class Publisher:
    """Both lanes and the archive's acknowledgements, for one gateway."""

    def __init__(self, link: Link, outbox: Outbox, origin: Origin, clock: Clock, counters: Counters) -> None:
        self._link = link
        self._outbox = outbox
        self._origin = origin
        self._clock = clock
        self._counters = counters
        self._live: deque[Row] = deque()
        self._out = Outstanding(MOST_OUT)
        self._barred = Barred()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._after: Key | None = None
        """The history lane has seen to every row up to this one."""
        self._looked_back = 0
        """How often it began anew: what was read before that is not seen to by it."""
        self._behind = True
        """Whether rows behind it may be the history lane's; at the start those of an earlier life."""
        self._history = asyncio.Event()
        """Something has changed that the history lane waits for."""
        self._recalled = asyncio.Event()
        """What is out may not have arrived."""
        self._acks: asyncio.Queue[Acknowledgement] = asyncio.Queue(maxsize=1000)
        self.published = 0
        """Events that were PUBACKed at least once, counting each time."""
        self.acked_machine = 0
        """Machine time of the archive's last word, ns."""
        self.refused: dict[str, str] = {}
        """Topics that the broker refuses, and why, until it takes a publish on them."""
        self.canary = Canary(link, origin, clock)
        outbox.subscribe(self._committed)
        outbox.held.on_release = self._released
        link.on_connect(self._reconnected)
        link.on_room(self._pump)
        link.subscribe(topics.ack(origin.site, origin.gateway), self._ack_received)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._take_acks(), name="publisher acks")
            group.create_task(self._send_history(), name="publisher history")
            group.create_task(self._send_again(), name="publisher again")
            group.create_task(self.canary.run(), name="publisher canary")

    # --- the live lane ----------------------------------------------------------------------------------------------

    def _committed(self, rows: list[Row]) -> None:
        live = self._live
        live.extend(rows)
        if len(live) > MOST_LIVE:
            for _ in range(len(live) - MOST_LIVE):
                live.popleft()
            self._fall_behind()
        self._pump()

    def _pump(self) -> None:
        live, link = self._live, self._link
        if not live or not link.room:
            return
        too_old = self._clock.machine() - int(LIVE_S * SECOND)
        while live and link.room:
            row = live.popleft()
            if row.committed_machine < too_old:
                self._fall_behind()
                continue
            key = _key(row)
            if not self._out.sent(key):
                self._fall_behind()  # it goes out now, for those who live by it, and once more for the archive
            if not link.publish(row.topic, row.body, content_type=CONTENT_TYPE, done=partial(self._puback, row)):
                self._out.forget(key)
                live.appendleft(row)
                return

    def _puback(self, row: Row, result: Delivered | TransientError) -> None:
        if isinstance(result, TransientError):
            return  # the next connect begins anew
        refusal = f"refused: {row.topic}: {result.text}" if result.reason >= REFUSED else ""
        self._answered("live", row.cls, row.topic, refusal, 1)
        self._out.answered(_key(row), self._clock.machine())

    def _answered(self, lane: str, cls: str, topic: str, refusal: str, events: int) -> None:
        if not refusal:
            self.published += events
            if self.refused:
                self.refused.pop(topic, None)
            return
        self._counters.add("publisher.refused", f"{lane} {cls}", events)
        if topic not in self.refused and len(self.refused) < MOST_REFUSED:
            self.refused[topic] = refusal
            _log.error("broker: %s; its events are kept and tried again", refusal)

    def _reconnected(self) -> None:
        self._begin_anew(unanswered=True)
        self._pump()

    def _begin_anew(self, *, unanswered: bool) -> None:
        """What is out may not have arrived: a connection was lost, or the archive was not there.

        It is sent again at once, before the past: what was new must not wait behind a long backlog. `unanswered`: also
        what waits for its PUBACK. At the archive's greeting that is not needed: what the broker had taken before the
        archive was there, it has answered before it passed the greeting on.
        """
        self._out.recall(self._clock.machine(), unanswered=unanswered)
        self._recalled.set()
        self._look_back()

    def _look_back(self) -> None:
        """Rows that the history lane has passed may be its again."""
        self._after = None
        self._looked_back += 1
        self._fall_behind()

    def _released(self) -> None:
        """Rows that both lanes have passed over may be sent: from the disk, and in order."""
        self._live.clear()
        self._look_back()

    def _fall_behind(self) -> None:
        self._behind = True
        self._history.set()

    # --- the history lane -------------------------------------------------------------------------------------------

    async def _send_history(self) -> None:
        """What is neither out nor on the live lane, from the oldest row on."""
        while True:
            while not (self._behind and self._link.state.connected and self._room >= MAX_IN_BATCH):
                self._history.clear()
                await self._history.wait()
            self._behind = False
            anew = self._looked_back
            rows = await self._outbox.pending(after=self._after)
            if anew == self._looked_back:
                await self._send_all(self._fresh(rows))

    @property
    def _room(self) -> int:
        """Events that the history lane may send now."""
        return min(self._out.room, AHEAD - len(self._out))

    def _fresh(self, rows: Sequence[Row]) -> list[Row]:
        """Those of a page of the outbox that go out now; the next page begins behind what was seen to here."""
        fresh: list[Row] = []
        live = _key(self._live[0]) if self._live else None
        for row in rows:
            key = _key(row)
            if live is not None and key >= live:
                return fresh  # from here on they are the live lane's, which says when it gives one up
            if key not in self._out and _history_topic(row, self._origin) not in self._barred:
                if len(fresh) >= self._room:
                    break
                fresh.append(row)
            self._after = key
        if rows:
            self._behind = True
        return fresh

    async def _send_again(self) -> None:
        """What the archive has not acknowledged in time, and what the broker refused a while ago."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._out.rest(self._clock.machine(), LOOK_S)):
                    await self._recalled.wait()
            self._recalled.clear()
            now = self._clock.machine()
            if self._barred.lift(now):
                self._look_back()
            due = self._out.due(now)
            while due and self._link.state.connected:
                boot, sequence = due[0]
                rows = await self._outbox.pending(after=(boot, sequence - 1))
                seen = bisect_right(due, _key(rows[-1])) if rows else len(due)
                wanted, due = set(due[:seen]), due[seen:]
                again = [row for row in rows if _key(row) in wanted and _key(row) in self._out]
                for key in wanted.difference(map(_key, again)):
                    self._out.forget(key)  # the outbox has given it up: nobody will ever acknowledge it
                self._history.set()
                await self._send_all(again)

    async def _send_all(self, rows: Sequence[Row]) -> None:
        async with asyncio.TaskGroup() as group:
            for topic, some in batches(rows, self._origin, min(MAX_BATCH, self._link.largest)):
                for row in some:
                    self._out.sent(_key(row))
                group.create_task(self._send(topic, some), name="publisher batch")

    async def _send(self, topic: str, rows: Sequence[Row]) -> None:
        async with self._turns:
            answered = topic not in self._barred and await self._deliver(topic, rows)
        now = self._clock.machine()
        for row in rows:
            if answered:
                self._out.answered(_key(row), now)
            else:
                self._out.forget(_key(row))

    async def _deliver(self, topic: str, rows: Sequence[Row]) -> bool:
        """Whether the broker has answered for these rows; otherwise the history lane comes back to them."""
        body = b"[" + b",".join(row.body for row in rows) + b"]"
        cls = rows[0].cls
        try:
            await self._link.deliver(topic, body, content_type=BATCH_CONTENT_TYPE)
        except PermanentError as error:
            self._answered("history", cls, topic, str(error), len(rows))
            if error.reason == "too_big":
                return True  # it is about these rows and no others
            self._barred.refuse(topic, self._clock.machine())
            return False
        except TransientError:
            return False  # the next connect begins anew
        if self._barred.accept(topic):
            self._look_back()
        self._counters.add("publisher.history", n=len(rows))
        self._answered("history", cls, topic, "", len(rows))
        return True

    # --- the archive's word -----------------------------------------------------------------------------------------

    def _ack_received(self, message: Message) -> None:
        try:
            self._acks.put_nowait(read_ack(message.payload))
        except PermanentError as error:
            self._counters.add("publisher.bad_ack", error.reason)
        except asyncio.QueueFull:
            self._counters.add("publisher.bad_ack", "flood")  # it is said again when the events are sent again
        message.ack()

    async def _take_acks(self) -> None:
        while True:
            ack = await self._acks.get()
            self.acked_machine = self._clock.machine()
            if not ack.boots:  # its greeting: what it has not acknowledged it has not got
                self._begin_anew(unanswered=False)
            for boot in ack.boots:
                if boot.canary is not None and boot.boot == self._origin.boot:
                    self.canary.answered(boot.canary)
                if not (boot.committed or boot.refused):
                    continue
                # the outbox first: what it still has and is not known to be out would go out again
                await self._outbox.retire(boot.boot, boot.committed)
                for first, last in boot.committed:
                    self._out.retire(boot.boot, first, last)
                refusals = (self._outbox.refuse(boot.boot, refusal.seq, refusal.reason) for refusal in boot.refused)
                await asyncio.gather(*refusals)
                for refusal in boot.refused:
                    self._out.forget((boot.boot, refusal.seq))
            self._history.set()


def batches(rows: Sequence[Row], origin: Origin, most: int = MAX_BATCH) -> list[tuple[str, list[Row]]]:
    """Rows by history topic, in order, at most 100 events and `most` bytes each; one row goes alone if it is larger."""
    made: list[tuple[str, list[Row]]] = []
    open_: dict[str, tuple[list[Row], int]] = {}
    for row in rows:
        topic = _history_topic(row, origin)
        current, size = open_.get(topic, ([], 2))
        if not current or len(current) >= MAX_IN_BATCH or size + len(row.body) + 1 > most:
            current, size = [], 2
            made.append((topic, current))
        current.append(row)
        open_[topic] = (current, size + len(row.body) + 1)
    return made


def _history_topic(row: Row, origin: Origin) -> str:
    match row.cls:
        case "who":
            return topics.whohist(origin.site, row.unit, origin.gateway)
        case "sense":
            return topics.sensehist(origin.site, origin.building, origin.gateway)
        case _:
            return topics.hist(origin.site, origin.gateway)


def _key(row: Row) -> Key:
    return row.boot, row.sequence
