"""Hop 7: what is committed goes out, and goes out again until the archive says that it has it.

Two lanes share the link's window. The live lane sends each event on its own topic right after its commit. The history
lane sends in batches, on the history topics, what the live lane did not: rows of old boots, rows that waited over a
minute while the broker was away, rows that may have been lost with a connection, and rows that the archive has not
acknowledged in time. A PUBACK frees the window; only the archive's acknowledgement retires a row.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
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
from gateway.outstanding import Key, Outstanding
from gateway.supervise import full_jitter

_log = logging.getLogger(__name__)

LIVE_S = 60.0
"""What waited longer goes on the history topics, so that the live topics stay live."""
MOST_LIVE = 5_000
"""Rows that wait for the window on the live lane; more go by the history lane, from the disk."""
AT_ONCE = 2
"""History batches in flight: few, so that a live event never waits behind much of the past."""
LOOK_S = 5.0
"""How often rows that are due are looked for; never more often than once a second."""


class Publisher:
    """Both lanes and the archive's acknowledgements, for one gateway."""

    def __init__(self, link: Link, outbox: Outbox, origin: Origin, clock: Clock, counters: Counters) -> None:
        self._link = link
        self._outbox = outbox
        self._origin = origin
        self._clock = clock
        self._counters = counters
        self._live: deque[Row] = deque()
        self._out = Outstanding()
        self._behind = True  # rows of an earlier life may wait
        self._history = asyncio.Event()
        self._acked = asyncio.Event()
        self._acks: asyncio.Queue[Acknowledgement] = asyncio.Queue(maxsize=1000)
        self.published = 0
        """Events that were PUBACKed at least once, counting each time."""
        self.acked_machine = 0
        """Machine time of the archive's last word, ns."""
        self.refused: dict[str, str] = {}
        """What the broker refuses (`live who`, `history evt`), and why, until it takes such a publish again."""
        outbox.subscribe(self._committed)
        link.on_connect(self._reconnected)
        link.on_room(self._pump)
        link.subscribe(topics.ack(origin.site, origin.gateway), self._ack_received)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._take_acks(), name="publisher acks")
            group.create_task(self._send_history(), name="publisher history")

    # --- the live lane ----------------------------------------------------------------------------------------------

    def _committed(self, rows: list[Row]) -> None:
        live = self._live
        live.extend(rows)
        if len(live) > MOST_LIVE:
            for _ in range(len(live) - MOST_LIVE):
                live.popleft()  # it is on the disk
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
            key = (row.boot, row.sequence)
            if not self._out.sent(key):
                self._behind = (
                    True  # too many to remember: the history lane looks for it when the archive has caught up
                )
            if not link.publish(
                row.topic, row.body, content_type=CONTENT_TYPE, done=partial(self._puback, key, row.cls)
            ):
                self._out.forget(key)
                live.appendleft(row)
                return

    def _puback(self, key: Key, cls: str, result: Delivered | TransientError) -> None:
        if isinstance(result, TransientError):
            self._out.forget(key)
            self._fall_behind()
            return
        self._answered(f"live {cls}", result.text if result.reason >= REFUSED else "", 1)
        self._out.answered(key, self._clock.machine())

    def _answered(self, what: str, refusal: str, events: int) -> None:
        if refusal:
            if what not in self.refused:
                _log.error("broker: %s events are refused: %s; they are kept and tried again", what, refusal)
            self.refused[what] = refusal
            self._counters.add("publisher.refused", what, events)
            return
        self.published += events
        if self.refused:
            self.refused.pop(what, None)

    def _reconnected(self) -> None:
        """What was out when the connection was lost may not have arrived."""
        self._out.clear()
        self._acked.set()
        self._fall_behind()
        self._pump()

    def _fall_behind(self) -> None:
        self._behind = True
        self._history.set()

    # --- the history lane -------------------------------------------------------------------------------------------

    async def _send_history(self) -> None:
        attempt = 0
        while True:
            await self._until_wanted()
            self._behind = False
            try:
                await self._pass()
                attempt = 0
            except TransientError as error:
                _log.debug("history: %s", error)
                self._behind = True
                await asyncio.sleep(full_jitter(attempt))
                attempt += 1

    async def _until_wanted(self) -> None:
        while not (self._behind and self._link.state.connected):
            self._history.clear()
            try:
                async with asyncio.timeout(self._out.rest(self._clock.machine(), LOOK_S)):
                    await self._history.wait()
            except TimeoutError:
                self._behind = self._behind or self._out.overdue(self._clock.machine())

    async def _pass(self) -> None:
        """Once through the outbox, sending what is neither out nor on the live lane. Raises TransientError."""
        after: Key | None = None
        while rows := await self._outbox.pending(after=after):
            after = (rows[-1].boot, rows[-1].sequence)
            now = self._clock.machine()
            live = (self._live[0].boot, self._live[0].sequence) if self._live else None
            wanted = [
                row
                for row in rows
                if (live is None or (row.boot, row.sequence) < live) and self._out.wants((row.boot, row.sequence), now)
            ]
            made = batches(wanted, self._origin)
            for first in range(0, len(made), AT_ONCE):
                some = made[first : first + AT_ONCE]
                if not await self._room_for([row for _, rows in some for row in rows]):
                    self._behind = True  # what is due again goes first
                    return
                async with asyncio.TaskGroup() as group:
                    for topic, sending in some:
                        group.create_task(self._send(topic, sending), name="publisher batch")
                if not self._link.state.connected:
                    raise TransientError(self._link.state.reason)

    async def _room_for(self, rows: Sequence[Row]) -> bool:
        """When the archive has caught up enough; False when something else is due meanwhile."""
        fresh = sum((row.boot, row.sequence) not in self._out for row in rows)
        while fresh and self._out.room < fresh:
            if self._out.overdue(self._clock.machine()):
                return False
            self._acked.clear()
            try:
                async with asyncio.timeout(self._out.rest(self._clock.machine(), LOOK_S)):
                    await self._acked.wait()
            except TimeoutError:
                continue
        return True

    async def _send(self, topic: str, rows: Sequence[Row]) -> None:
        body = b"[" + b",".join(row.body for row in rows) + b"]"
        keys = [(row.boot, row.sequence) for row in rows]
        for key in keys:
            self._out.sent(key)
        try:
            await self._link.deliver(topic, body, content_type=BATCH_CONTENT_TYPE)
            self._counters.add("publisher.history", n=len(rows))
            self._answered(f"history {rows[0].cls}", "", len(rows))
        except PermanentError as error:
            self._answered(f"history {rows[0].cls}", str(error), len(rows))
        except TransientError:
            for key in keys:
                self._out.forget(key)
            self._behind = True
            return
        now = self._clock.machine()
        for key in keys:
            self._out.answered(key, now)

    # --- the archive's word -----------------------------------------------------------------------------------------

    def _ack_received(self, message: Message) -> None:
        try:
            self._acks.put_nowait(read_ack(message.payload))
        except PermanentError as error:
            self._counters.add("publisher.bad_ack", error.reason)
        except asyncio.QueueFull:
            self._counters.add(
                "publisher.bad_ack", "flood"
            )  # what it said is said again when the events are sent again
        message.ack()

    async def _take_acks(self) -> None:
        while True:
            ack = await self._acks.get()
            self.acked_machine = self._clock.machine()
            if not ack.boots:  # its greeting: what it has not acknowledged it has not got
                self._out.clear()
                self._fall_behind()
            for boot in ack.boots:
                for first, last in boot.committed:
                    self._out.retire(boot.boot, first, last)
                await self._outbox.retire(boot.boot, boot.committed)
                for refusal in boot.refused:
                    self._out.forget((boot.boot, refusal.seq))
                refusals = (self._outbox.refuse(boot.boot, refusal.seq, refusal.reason) for refusal in boot.refused)
                await asyncio.gather(*refusals)
            self._acked.set()


def batches(rows: Sequence[Row], origin: Origin) -> list[tuple[str, list[Row]]]:
    """Rows by history topic, in order, at most 100 events and 64 kB each."""
    made: list[tuple[str, list[Row]]] = []
    open_: dict[str, tuple[list[Row], int]] = {}
    for row in rows:
        topic = _history_topic(row, origin)
        current, size = open_.get(topic, ([], 2))
        if not current or len(current) >= MAX_IN_BATCH or size + len(row.body) + 1 > MAX_BATCH:
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
