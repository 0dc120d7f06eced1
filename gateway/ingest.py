"""Hop 8: the archive commits, and only then acknowledges.

message ──▶ topic, limits, envelope, owner ──▶ ledger (one transaction for all that is here) ──▶ MQTT ack
                     │ refused                                                             └──▶ ack/<site>/<gw>
                     └──▶ counted, told to the gateway: its dead-letter table
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from gateway.clock import Clock
from gateway.config.model import Office
from gateway.config.places import Places
from gateway.contract import arrival, topics
from gateway.contract.acks import Acknowledgement, BootAck, Refusal, write_ack
from gateway.contract.envelope import Envelope
from gateway.contract.topics import PREFIX, Topic
from gateway.counters import Counters
from gateway.errors import HadirError, PermanentError, TransientError
from gateway.ledger import Ledger
from gateway.mqtt import Link, Message
from gateway.supervise import full_jitter

_log = logging.getLogger(__name__)

OF_GATEWAYS = ("gateway.", "device.", "coverage.")
"""Types that a gateway says at its own place, whoever decides that."""
MOST_IN_BATCH = 2_000
ACK_LINGER_S = 0.02
"""Acknowledgements of one gateway are gathered for so long, so that a busy gateway does not get one an event."""
MOST_A_MESSAGE = 1_000
"""Ranges and refusals that one acknowledgement carries: it stays far below 64 kB."""


class _Taken(NamedTuple):
    """A message and its good events; the MQTT acknowledgement waits for their commit."""

    events: list[Envelope]
    refused: list[tuple[Envelope, str]]
    message: Message


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
        on_committed: Callable[[Sequence[Envelope], int], None] | None = None,
    ) -> None:
        """`on_committed(events, machine_ns)` is called after each commit with what was new."""
        self._link = link
        self._ledger = ledger
        self._office = office
        self._places = Places(office)
        self._home = {gateway.id: self._places.full(gateway.place) or "" for gateway in office.gateways}
        self._clock = clock
        self._counters = counters
        self._on_committed = on_committed
        self._queue: list[_Taken] = []
        self._wake = asyncio.Event()
        self._acks: dict[str, dict[str, tuple[set[int], dict[int, str]]]] = {}
        self._ack_wake = asyncio.Event()
        self.committed = asyncio.Event()
        """Set after each commit; the projections wait for it and clear it."""
        for cls in (*sorted(arrival.LIVE), *arrival.HISTORY):
            link.subscribe(f"{PREFIX}/{cls}/#", self._received)
        link.on_connect(self._greet)

    async def run(self) -> None:
        """Until cancelled; what was received is committed before it ends."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._commit_for_ever(), name="ingest commit")
            group.create_task(self._acknowledge(), name="ingest ack")

    def _greet(self) -> None:
        """Events that gateways sent while nobody listened are gone; each is asked to send again what it still has."""
        body = write_ack(Acknowledgement(worker=self._office.archive.worker, boots=()))
        for gateway in sorted(self._home):
            self._link.publish(topics.ack(self._office.site, gateway), body)

    # --- taking -----------------------------------------------------------------------------------------------------

    def _received(self, message: Message) -> None:
        topic = topics.parse(message.topic)
        if topic is None or topic.site != self._office.site:
            self._counters.add("ingest.refused", "topic")
            message.ack()
            return
        events: list[Envelope] = []
        refused: list[tuple[Envelope, str]] = []
        for event in arrival.events(topic, message.payload):
            if isinstance(event, PermanentError):
                self._counters.add("ingest.refused", event.reason)
                continue
            reason = self._refusal(topic, event)
            if not reason:
                events.append(event)
                continue
            self._counters.add("ingest.refused", reason)
            refused.append((event, reason))
        self._queue.append(_Taken(events, refused, message))
        self._wake.set()

    def _refusal(self, topic: Topic, event: Envelope) -> str:
        """Why the archive does not take an event that its topic allows; empty when it does.

        Topics of people name their gateway. An `evt` topic does not: the configuration says who decides its place.
        """
        home = self._home.get(event.gateway)
        if home is None:
            return "unknown_gateway"
        if event.data.get("quality") == "simulated" and not self._office.simulated:
            return "simulated"
        if event.type == "privacy.erased":
            return ""
        building = event.subject.split("/")[1]
        if event.cls == "sense" and self._places.coordinators.get(building) != event.gateway:
            return "not_coordinator"
        if event.cls == "evt":
            own = event.subject == home and event.type.startswith(OF_GATEWAYS)
            if not own and self._places.owner(event.subject) != event.gateway:
                return "not_owner"
        return "" if topic.cls in arrival.LIVE or topic.cls in arrival.HISTORY else "wrong_topic"

    # --- committing -------------------------------------------------------------------------------------------------

    async def _commit_for_ever(self) -> None:
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger") as pool:
            try:
                while True:
                    await self._wake.wait()
                    self._wake.clear()
                    while self._queue:
                        await self._commit(pool)
            finally:
                if self._queue:
                    await asyncio.shield(self._commit(pool))

    async def _commit(self, pool: ThreadPoolExecutor) -> None:
        batch: list[_Taken] = []
        size = 0
        while self._queue and size < MOST_IN_BATCH:
            batch.append(self._queue.pop(0))
            size += len(batch[-1].events)
        events = [event for taken in batch for event in taken.events]
        fresh = await self._write(pool, events)
        at = self._clock.machine()
        new = [event for event, is_new in zip(events, fresh, strict=True) if is_new]
        self._counters.add("ingest.stored", n=len(new))
        if len(events) > len(new):
            self._counters.add("ingest.duplicates", n=len(events) - len(new))
        for taken in batch:
            for event in taken.events:
                self._note(event.gateway, event.boot)[0].add(event.sequence)
            for event, reason in taken.refused:
                self._note(event.gateway, event.boot)[1][event.sequence] = reason
            taken.message.ack()
        self._ack_wake.set()
        self.committed.set()
        if new and self._on_committed is not None:
            self._on_committed(new, at)

    async def _write(self, pool: ThreadPoolExecutor, events: list[Envelope]) -> list[bool]:
        loop = asyncio.get_running_loop()
        attempt = 0
        while True:
            try:
                return await loop.run_in_executor(pool, self._ledger.commit, events)
            except TransientError as error:
                self._counters.add("ingest.retries")
                if attempt == 0:
                    _log.error("ledger: %s; nothing is acknowledged until that ends", error)
                await asyncio.sleep(full_jitter(attempt, longest_s=5.0))
                attempt += 1

    def _note(self, gateway: str, boot: str) -> tuple[set[int], dict[int, str]]:
        return self._acks.setdefault(gateway, {}).setdefault(boot, (set(), {}))

    # --- acknowledging ----------------------------------------------------------------------------------------------

    async def _acknowledge(self) -> None:
        while True:
            await self._ack_wake.wait()
            await asyncio.sleep(ACK_LINGER_S)
            self._ack_wake.clear()
            acks, self._acks = self._acks, {}
            for gateway, boots in acks.items():
                try:
                    for body in acknowledgements(self._office.archive.worker, boots):
                        await self._link.deliver(topics.ack(self._office.site, gateway), body)
                except HadirError as error:
                    # the gateway will send the events again, and then be told again
                    self._counters.add("ingest.ack_lost")
                    _log.debug("ack to %s: %s", gateway, error)


def acknowledgements(worker: str, boots: dict[str, tuple[set[int], dict[int, str]]]) -> Iterator[bytes]:
    """Payloads that tell a gateway what was committed and refused, by boot."""
    for boot, (committed, refused) in boots.items():
        spans = ranges(committed)
        words = [Refusal(seq=seq, reason=reason) for seq, reason in sorted(refused.items())]
        for at in range(0, max(len(spans), len(words)), MOST_A_MESSAGE):
            part = slice(at, at + MOST_A_MESSAGE)
            said = BootAck(boot=boot, committed=tuple(spans[part]), refused=tuple(words[part]))
            yield write_ack(Acknowledgement(worker=worker, boots=(said,)))


def ranges(numbers: set[int]) -> list[tuple[int, int]]:
    """Numbers as inclusive ranges, in order."""
    made: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if made and made[-1][1] == number - 1:
            made[-1] = (made[-1][0], number)
        else:
            made.append((number, number))
    return made
