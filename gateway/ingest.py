"""Hop 8: the archive commits, and only then acknowledges.

message ──▶ topic, limits, envelope, owner ──▶ ledger (one transaction for all that is here) ──▶ MQTT ack
                     │ refused                                                             ├──▶ ack/<site>/<gw>
                     └──▶ counted, told to the gateway: its dead-letter table              └──▶ projections wake
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple, Protocol

from gateway.acknowledge import Acknowledger, Name
from gateway.clock import SECOND, Clock
from gateway.config.model import Office
from gateway.config.owners import Owners
from gateway.contract import arrival, topics
from gateway.contract.acks import read_canary
from gateway.contract.envelope import Envelope, decode, decode_items
from gateway.contract.exchange import Beat
from gateway.contract.fence import Fence
from gateway.contract.state import parse
from gateway.contract.topics import PREFIX, Topic
from gateway.counters import Counters
from gateway.errors import PermanentError, TransientError
from gateway.ledger import Ledger, Outcome
from gateway.mqtt import Link, Message
from gateway.supervise import full_jitter

_log = logging.getLogger(__name__)

REPLAY = "replay"
"""The gateway that a recording is replayed as."""
MOST_IN_BATCH = 2_000
MOST_WAITING = 64 << 20
"""Bytes that wait for the ledger; beyond it messages are let go: their gateways send them again."""
FLUSH_S = 1.0
"""With nothing to commit for so long, what the projections noted is written."""
RETAIN_EVERY_S = 600.0
DAY = 86_400 * SECOND
_NAMED = re.compile(rb'"source"\s*:\s*"/[a-z0-9-]{1,32}/gw/([a-z0-9-]{1,32})/([0-9]{6}-[0-9a-f]{4})"')
_NUMBERED = re.compile(rb'"sequence"\s*:\s*"([0-9]{12})"')


class Projecting(Protocol):
    """What ingest asks of the projections."""

    def wake(self, *, busy: bool = False) -> None:
        """Something was committed; `busy`: and more waits to be."""
        ...


class _Taken(NamedTuple):
    """A message and its good events; the MQTT acknowledgement waits for their commit."""

    events: list[Envelope]
    message: Message
    canary: Name | None = None
    """Asks whether it has come as far as the ledger."""


class Ingest:
    """One ingest worker."""

    def __init__(
        self,
        link: Link,
        ledger: Ledger,
        office: Office,
        clock: Clock,
        counters: Counters,
        *,
        projections: Projecting | None = None,
        on_committed: Callable[[Sequence[Envelope], int], None] | None = None,
        replay: bool = False,
    ) -> None:
        """Subscribe. `on_committed(events, machine_ns)` is called after each commit with what was new.

        `replay`: this archive takes recordings too, told by the gateway `replay`, which may speak for every place.
        """
        self._ledger = ledger
        self._office = office
        self._owners = Owners(office)
        self._fence = Fence()
        self._clock = clock
        self._counters = counters
        self._projections = projections
        self._on_committed = on_committed
        self._replay = replay
        self._arrived: deque[tuple[Callable[[Message], _Taken | None], Message]] = deque()
        self._queue: deque[_Taken] = deque()
        self._events = 0
        """In the queue."""
        self._waiting = 0
        """Bytes that have arrived and are not committed."""
        self._wake = asyncio.Event()
        self._acks = Acknowledger(
            link, office, clock, counters, self._owners.gateways | ({REPLAY} if replay else set())
        )
        for cls in (*sorted(arrival.LIVE), *arrival.HISTORY):
            link.subscribe(f"{PREFIX}/{cls}/#", self.receive)
        link.subscribe(f"{PREFIX}/coord/{office.site}/#", partial(self._arrive, self._beat), qos=0)
        link.subscribe(f"{PREFIX}/gw/{office.site}/+/canary", partial(self._arrive, self._canary))

    async def run(self) -> None:
        """Until cancelled; what was received is committed before it ends."""
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger") as pool:
            async with asyncio.TaskGroup() as last:
                acks = last.create_task(self._acks.run(), name="ingest ack")
                try:
                    async with asyncio.TaskGroup() as group:
                        group.create_task(self._retain(pool), name="ingest retention")
                        group.create_task(self._commit_for_ever(pool), name="ingest commit")
                finally:
                    acks.cancel()  # after the last commit, so that it is told as well

    # --- taking -----------------------------------------------------------------------------------------------------

    def receive(self, message: Message) -> None:
        """Take one message; it is acknowledged when all that is good in it is committed."""
        if self._waiting > MOST_WAITING:
            self._counters.add("ingest.shed")
            message.ack()
            return
        self._arrive(self._told, message)

    def _arrive(self, take: Callable[[Message], _Taken | None], message: Message) -> None:
        self._arrived.append((take, message))
        self._waiting += len(message.payload)
        self._take()

    def _take(self) -> None:
        """Read what has arrived, in its order, no further than the next commit goes: read, it takes ten times the room.

        Else a fleet's backlog would stand in memory as objects whenever the disk is the slower one.
        """
        while self._arrived and self._events < MOST_IN_BATCH:
            take, message = self._arrived.popleft()
            taken = take(message)
            if taken is None:
                self._waiting -= len(message.payload)
                message.ack()
                continue
            self._queue.append(taken)
            self._events += len(taken.events)
            self._wake.set()

    def _told(self, message: Message) -> _Taken | None:
        """Its good events; None: there is none."""
        topic = topics.parse(message.topic)
        if topic is None or topic.site != self._office.site or message.retain:
            self._counters.add("ingest.refused", "retained" if message.retain else "topic")
            return None
        good: list[Envelope] = []
        for raw, event in self._each(topic, message.payload):
            reason = event.reason if isinstance(event, PermanentError) else self._refusal(topic, event)
            if reason:
                self._refuse(topic, event, raw, reason)
            elif isinstance(event, Envelope):
                good.append(event)
        return _Taken(good, message) if good else None

    @staticmethod
    def _each(topic: Topic, payload: bytes) -> list[tuple[bytes, Envelope | PermanentError]]:
        """Each event with its own bytes."""
        if topic.cls not in arrival.HISTORY:
            try:
                return [(payload, decode(payload))]
            except PermanentError as error:
                return [(payload, error)]
        try:
            return decode_items(payload)
        except PermanentError as error:
            return [(b"", error)]

    def _refusal(self, topic: Topic, event: Envelope) -> str:
        """Why the archive does not take a well-formed event; empty when it does."""
        if reason := arrival.refusal(topic, event):
            return reason
        quality = event.data.get("quality")
        if quality == "simulated" and not self._office.simulated:
            return "simulated"
        if event.gateway == REPLAY or quality == "replayed":
            return "" if self._replay and event.gateway == REPLAY else "replayed"
        if event.gateway not in self._owners.gateways:
            return "unknown_gateway"
        if event.type == "privacy.erased" and event.person:
            return "not_authority"  # it would delete a person's rows: only the people table's own box may say so
        if reason := self._owners.refusal(event.cls, event.type, event.subject, event.gateway):
            return reason
        self._fence.told("/".join(event.subject.split("/", 2)[:2]), event.data)
        stale = self._fence.refuses(event.type, event.subject, event.data, event.recorded)
        return "old_term" if stale else ""

    def _beat(self, message: Message) -> None:
        """A coordinator began: also before it has said anything, nobody of a lower term is listened to."""
        topic = topics.parse(message.topic)
        try:
            beat = parse(Beat, message.payload)
        except PermanentError as error:
            self._counters.add("ingest.refused", error.reason)
            beat = None
        if topic is not None and beat is not None:
            where = f"{topic.site}/{topic.building}"
            if topic.gateway in self._owners.candidates(where):
                self._fence.told(where, beat)

    def _canary(self, message: Message) -> _Taken | None:
        """It waits with the events for the ledger; an empty one is the broker's."""
        topic = topics.parse(message.topic)
        if not message.payload or topic is None or topic.gateway not in self._acks.gateways:
            return None
        try:
            canary = read_canary(message.payload)
        except PermanentError as error:
            self._counters.add("ingest.refused", error.reason)
            return None
        return _Taken([], message, Name(topic.gateway, canary.boot, canary.number))

    def _refuse(self, topic: Topic, event: Envelope | PermanentError, raw: bytes, reason: str) -> None:
        """Count it, and tell the gateway that the topic belongs to, if it says that it is that gateway's."""
        self._counters.add("ingest.refused", reason)
        name = Name(event.gateway, event.boot, event.sequence) if isinstance(event, Envelope) else name_in(raw)
        sender = topic.gateway or self._sender(topic, name)
        if name is not None and name.gateway == sender and name.gateway in self._acks.gateways:
            self._acks.refuse(name, reason)

    def _sender(self, topic: Topic, name: Name | None) -> str:
        """Of an `evt` topic, which names none: the place's owner, or the gateway whose own place it is."""
        if name is not None and topic.place == self._owners.home(name.gateway):
            return name.gateway
        return self._owners.owner(topic.place)

    # --- committing -------------------------------------------------------------------------------------------------

    async def _commit_for_ever(self, pool: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                try:
                    async with asyncio.timeout(FLUSH_S):
                        await self._wake.wait()
                except TimeoutError:
                    try:
                        await loop.run_in_executor(pool, self._ledger.flush)
                    except TransientError as error:
                        _log.debug("ledger: %s", error)  # the next commit says so aloud
                    continue
                self._wake.clear()
                while self._queue:
                    await self._commit(pool)
        finally:
            try:
                while self._queue:
                    await asyncio.shield(self._commit(pool, last=True))
            except TransientError as error:
                _log.error("ledger: %s; what came last was not acknowledged, its gateways have it", error)

    async def _commit(self, pool: ThreadPoolExecutor, *, last: bool = False) -> None:
        """Everything that is here, in one transaction; what arrives meanwhile shares the next one."""
        batch: list[_Taken] = []
        size = 0
        while self._queue and size < MOST_IN_BATCH:
            batch.append(self._queue.popleft())
            size += len(batch[-1].events)
        self._events -= size
        events = [event for taken in batch for event in taken.events]
        outcomes, at = await self._write(pool, events, last=last)
        new: list[Envelope] = []
        for event, outcome in zip(events, outcomes, strict=True):
            name = Name(event.gateway, event.boot, event.sequence)
            if outcome.state == "refused":
                self._counters.add("ingest.refused", outcome.reason)
                self._acks.refuse(name, outcome.reason)
                continue
            self._acks.commit(name)
            if outcome.state == "stored":
                new.append(event)
            else:
                self._counters.add("ingest.duplicates")
        for taken in batch:
            self._waiting -= len(taken.message.payload)
            taken.message.ack()
            if taken.canary is not None:
                self._acks.canary(taken.canary)
        self._acks.send()
        if new:
            self._counters.add("ingest.stored", n=len(new))
            if self._projections is not None:
                self._projections.wake(busy=bool(self._queue))  # with nothing read, nothing has arrived
            if self._on_committed is not None:
                self._on_committed(new, at)

    async def _write(
        self, pool: ThreadPoolExecutor, events: list[Envelope], *, last: bool
    ) -> tuple[list[Outcome], int]:
        loop = asyncio.get_running_loop()
        attempt = 0
        while True:
            try:
                writing = loop.run_in_executor(pool, self._ledger.commit, events, self._clock.office())
                self._take()  # while it writes
                return await writing, self._clock.machine()
            except TransientError as error:
                self._counters.add("ingest.retries")
                if attempt == 0:
                    _log.error("ledger: %s; nothing is acknowledged until that ends", error)
                if last:
                    raise  # nothing of it was acknowledged: the gateways still have it
                await asyncio.sleep(full_jitter(attempt, longest_s=5.0))
                attempt += 1

    async def _retain(self, pool: ThreadPoolExecutor) -> None:
        """Person rows end with their retention."""
        loop = asyncio.get_running_loop()
        while True:
            before = self._clock.office() - self._office.archive.retain_people_days * DAY
            try:
                known = self._clock.quality().known  # by a clock that may be years ahead, all would be over
                while known and (gone := await loop.run_in_executor(pool, self._ledger.retain, before)):
                    self._counters.add("ingest.retention_deleted", n=gone)
            except TransientError as error:
                _log.warning("retention: %s; trying again", error)
            await asyncio.sleep(RETAIN_EVERY_S)


def name_in(raw: bytes) -> Name | None:
    """The number that a broken event claims, so that its gateway can be told; None if it has none or several."""
    found = {(m[1], m[2]) for m in _NAMED.finditer(raw)}
    sequences = {int(m[1]) for m in _NUMBERED.finditer(raw)}
    if len(found) != 1 or len(sequences) != 1 or 0 in sequences:
        return None
    gateway, boot = found.pop()
    return Name(gateway.decode(), boot.decode(), sequences.pop())
