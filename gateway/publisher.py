"""Hop 7: what is committed goes out, and goes out again until the archive says that it has it.

Two lanes share the link's window. The live lane sends each event on its own topic right after its commit. The history
lane sends in batches, on the history topics, what the live lane could not: rows of old boots, rows that waited while
the broker was away, and rows that the archive has not acknowledged in time. A PUBACK frees the window; only the
archive's acknowledgement retires a row.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from gateway.clock import SECOND, Clock
from gateway.contract import topics
from gateway.contract.acks import Acknowledgement, read_ack
from gateway.contract.envelope import BATCH_CONTENT_TYPE, CONTENT_TYPE, MAX_BATCH, MAX_IN_BATCH, Origin
from gateway.counters import Counters
from gateway.errors import HadirError, PermanentError, TransientError
from gateway.mqtt import REFUSED, Delivered, Link, Message
from gateway.outbox import Outbox
from gateway.outbox_store import Row
from gateway.supervise import full_jitter

_log = logging.getLogger(__name__)

RESEND_S = 60.0
"""An event without the archive's word so long after its PUBACK is sent again."""
RESEND_MOST_S = 600.0
LOOK_EVERY_S = 5.0
"""How often the history lane looks for what is overdue."""
MOST_LIVE = 5_000
"""Rows that wait for the window on the live lane; more go by the history lane, from the disk."""
MOST_UNACKED = 20_000
"""Rows out without the archive's word: beyond it the history lane waits."""

Key = tuple[str, int]


class _Sent(NamedTuple):
    due: int
    """Machine time at which it is sent again, ns; 0: not yet PUBACKed."""
    attempt: int
    refused: bool = False
    """By the broker. Mosquitto 2.0.11 then closes the connection: it must not be the first thing on the next one."""


class Publisher:
    """Both lanes and the archive's acknowledgements, for one gateway."""

    def __init__(self, link: Link, outbox: Outbox, origin: Origin, clock: Clock, counters: Counters) -> None:
        self._link = link
        self._outbox = outbox
        self._origin = origin
        self._clock = clock
        self._counters = counters
        self._live: deque[Row] = deque()
        self._sent: dict[Key, _Sent] = {}
        self._behind = True  # rows of an earlier life may wait
        self._history = asyncio.Event()
        self._acked = asyncio.Event()
        self._acks: asyncio.Queue[Acknowledgement] = asyncio.Queue(maxsize=1000)
        self.published = 0
        """Events that were PUBACKed at least once, counting each time."""
        self.acked_machine = 0
        """Machine time of the archive's last word, ns."""
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
        if not self._link.state.connected or len(self._live) + len(rows) > MOST_LIVE:
            self._fall_behind()
            return
        self._live.extend(rows)
        self._pump()

    def _pump(self) -> None:
        live = self._live
        while live and self._link.room:
            row = live.popleft()
            key = (row.boot, row.sequence)
            self._sent[key] = _Sent(0, 0)
            if not self._link.publish(row.topic, row.body, content_type=CONTENT_TYPE, done=partial(self._puback, key)):
                del self._sent[key]
                live.appendleft(row)
                return

    def _puback(self, key: Key, result: Delivered | TransientError) -> None:
        sent = self._sent.get(key)
        if isinstance(result, Delivered):
            self.published += 1
        if sent is None:
            return  # the archive was faster
        if isinstance(result, TransientError):
            del self._sent[key]
            self._fall_behind()
            return
        if result.reason >= REFUSED:
            self._counters.add("publisher.refused", str(result.reason))
        self._sent[key] = self._again(sent, refused=result.reason >= REFUSED)

    def _again(self, sent: _Sent, *, refused: bool = False) -> _Sent:
        wait = RESEND_S + full_jitter(sent.attempt, first_s=RESEND_S / 2, longest_s=RESEND_MOST_S - RESEND_S)
        return _Sent(self._clock.machine() + int(wait * SECOND), sent.attempt + 1, refused)

    def _reconnected(self) -> None:
        """What was out when the connection was lost may not have arrived."""
        self._acked.set()
        self._send_again()

    def _send_again(self) -> None:
        self._sent = {key: sent for key, sent in self._sent.items() if sent.refused}
        self._fall_behind()

    def _fall_behind(self) -> None:
        if self._live:
            self._live.clear()  # they are on the disk; the history lane reads them in order
        self._behind = True
        self._history.set()

    # --- the history lane -------------------------------------------------------------------------------------------

    async def _send_history(self) -> None:
        while True:
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._history.wait()
            except TimeoutError:
                self._behind = self._behind or bool(self._overdue())
            self._history.clear()
            if self._behind and self._link.state.connected:
                self._behind = False
                try:
                    await self._pass()
                except HadirError as error:
                    _log.debug("history: %s", error)
                    self._behind = True
                    await asyncio.sleep(full_jitter(0, first_s=2.0))
                    self._history.set()

    def _overdue(self) -> set[Key]:
        now = self._clock.machine()
        return {key for key, sent in self._sent.items() if sent.due and sent.due <= now}

    async def _pass(self) -> None:
        """Once through the outbox, sending what is neither out nor waiting on the live lane."""
        after: Key | None = None
        overdue = self._overdue()
        while True:
            rows = await self._outbox.pending(after=after)
            overdue.difference_update([(row.boot, row.sequence) for row in rows])
            if not rows:
                for key in overdue:  # retired while it was being sent, or given up
                    self._sent.pop(key, None)
                return
            after = (rows[-1].boot, rows[-1].sequence)
            live = {(row.boot, row.sequence) for row in self._live}
            now = self._clock.machine()
            wanted = []
            for row in rows:
                key = (row.boot, row.sequence)
                sent = self._sent.get(key)
                if key not in live and (sent is None or (sent.due and sent.due <= now)):
                    wanted.append(row)
            for batch in batches(wanted, self._origin):
                while len(self._sent) > MOST_UNACKED and self._link.state.connected:
                    self._acked.clear()
                    await self._acked.wait()
                await self._send(batch)

    async def _send(self, batch: tuple[str, list[Row]]) -> None:
        topic, rows = batch
        keys = [(row.boot, row.sequence) for row in rows]
        body = b"[" + b",".join(row.body for row in rows) + b"]"
        for key in keys:
            self._sent[key] = _Sent(0, self._sent[key].attempt if key in self._sent else 0)
        refused = False
        try:
            await self._link.deliver(topic, body, content_type=BATCH_CONTENT_TYPE)
        except PermanentError:
            refused = True
            self._counters.add("publisher.refused", "history")  # it is tried again later; other topics go on
        except HadirError:
            for key in keys:
                self._sent.pop(key, None)
            raise
        else:
            self._counters.add("publisher.history", n=len(rows))
            self.published += len(rows)
        for key in keys:
            if key in self._sent:
                self._sent[key] = self._again(self._sent[key], refused=refused)

    # --- the archive's word -----------------------------------------------------------------------------------------

    def _ack_received(self, message: Message) -> None:
        try:
            ack = read_ack(message.payload)
            self._acks.put_nowait(ack)
        except PermanentError as error:
            self._counters.add("publisher.bad_ack", error.reason)
        except asyncio.QueueFull:
            self._counters.add("publisher.bad_ack", "flood")
        message.ack()

    async def _take_acks(self) -> None:
        while True:
            ack = await self._acks.get()
            self.acked_machine = self._clock.machine()
            self._acked.set()
            if not ack.boots:  # its greeting: what it has not acknowledged it has not got
                self._send_again()
            for boot in ack.boots:
                for first, last in boot.committed:
                    self._forget(boot.boot, first, last)
                await self._outbox.retire(boot.boot, boot.committed)
                for refusal in boot.refused:
                    self._sent.pop((boot.boot, refusal.seq), None)
                    await self._outbox.refuse(boot.boot, refusal.seq, refusal.reason)

    def _forget(self, boot: str, first: int, last: int) -> None:
        if last - first < len(self._sent):
            for sequence in range(first, last + 1):
                self._sent.pop((boot, sequence), None)
        else:
            for key in [key for key in self._sent if key[0] == boot and first <= key[1] <= last]:
                del self._sent[key]


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
