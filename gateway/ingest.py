"""Hop 8: the archive commits, and only then acknowledges.

message ──▶ topic, limits, envelope, owner ──▶ ledger (one transaction for all that is here) ──▶ MQTT ack
                     │ refused                                                             └──▶ ack/<site>/<gw>
                     └──▶ counted, told to the gateway: its dead-letter table
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from gateway.clock import Clock
from gateway.config.model import Office
from gateway.config.places import Places
from gateway.contract import topics
from gateway.contract.acks import Acknowledgement, BootAck, Refusal
from gateway.contract.envelope import Envelope, decode, decode_batch
from gateway.contract.topics import PREFIX, Topic
from gateway.counters import Counters
from gateway.errors import HadirError, PermanentError, TransientError
from gateway.ledger import Ledger
from gateway.mqtt import Link, Message
from gateway.supervise import full_jitter

_log = logging.getLogger(__name__)

LIVE = ("evt", "who", "sense")
HISTORY = {"hist": "evt", "whohist": "who", "sensehist": "sense"}
MOST_IN_BATCH = 2_000
ACK_LINGER_S = 0.02
"""Acknowledgements of one gateway are gathered for so long, so that a busy gateway does not get one an event."""
RANGES_A_BATCH = 1_000


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
        self._owner_of_gateway_place = {self._places.full(gateway.place): gateway.id for gateway in office.gateways}
        self._gateways = {gateway.id for gateway in office.gateways}
        self._clock = clock
        self._counters = counters
        self._on_committed = on_committed
        self._queue: list[_Taken] = []
        self._wake = asyncio.Event()
        self._acks: dict[str, dict[str, tuple[set[int], dict[int, str]]]] = {}
        self._ack_wake = asyncio.Event()
        self.committed = asyncio.Event()
        """Set after each commit; the projections wait for it and clear it."""
        for cls in (*LIVE, *HISTORY):
            link.subscribe(f"{PREFIX}/{cls}/#", self._received)
        link.on_connect(self._greet)

    async def run(self) -> None:
        """Until cancelled; what was received is committed before it ends."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._commit_for_ever(), name="ingest commit")
            group.create_task(self._acknowledge(), name="ingest ack")

    def _greet(self) -> None:
        """Events that gateways sent while nobody listened are gone; each is asked to send again what it still has."""
        body = acknowledgement(self._office.archive.worker, {})
        for gateway in sorted(self._gateways):
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
        try:
            found = decode_batch(message.payload) if topic.cls in HISTORY else [decode(message.payload)]
        except PermanentError as error:
            self._counters.add("ingest.refused", error.reason)
            message.ack()
            return
        for event in found:
            if isinstance(event, PermanentError):
                self._counters.add("ingest.refused", event.reason)
                continue
            reason = self._refusal(topic, event)
            if not reason:
                events.append(event)
                continue
            self._counters.add("ingest.refused", reason)
            if event.gateway == self._sender(topic, event):
                refused.append((event, reason))  # its own gateway is told; a stranger's claim is not
        self._queue.append(_Taken(events, refused, message))
        self._wake.set()

    def _sender(self, topic: Topic, event: Envelope) -> str:
        """The gateway that the topic belongs to: named in it, or the owner of its place."""
        if topic.gateway:
            return topic.gateway
        return self._owner(event)

    def _owner(self, event: Envelope) -> str:
        if event.subject in self._owner_of_gateway_place and event.type.startswith(
            ("gateway.", "device.", "coverage.")
        ):
            return event.gateway if event.gateway in self._gateways else ""
        return self._places.owner(event.subject)

    def _refusal(self, topic: Topic, event: Envelope) -> str:
        """Why the archive does not take an event; empty when it does."""
        if event.site != self._office.site or event.gateway not in self._gateways:
            return "unknown_gateway"
        cls = HISTORY.get(topic.cls, topic.cls)
        if event.cls != cls:
            return "wrong_class"
        if topic.cls in LIVE and topic.type != event.type:
            return "wrong_type"
        if topic.gateway and topic.gateway != event.gateway:
            return "wrong_source"
        if topic.cls == "evt" and topic.place != event.subject:
            return "wrong_place"
        if event.data.get("quality") == "simulated" and not self._office.simulated:
            return "simulated"
        if cls == "evt" and self._owner(event) != event.gateway:
            return "not_owner"
        if cls == "sense" and self._places.coordinators.get(event.subject.split("/")[1]) != event.gateway:
            return "not_coordinator"
        return ""

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
                body = acknowledgement(self._office.archive.worker, boots)
                try:
                    await self._link.deliver(topics.ack(self._office.site, gateway), body)
                except HadirError as error:
                    # the gateway will send the events again, and then be told again
                    self._counters.add("ingest.ack_lost")
                    _log.debug("ack to %s: %s", gateway, error)


def acknowledgement(worker: str, boots: dict[str, tuple[set[int], dict[int, str]]]) -> bytes:
    """Payload that tells a gateway what was committed and refused, by boot."""
    made = Acknowledgement(
        worker=worker,
        boots=tuple(
            BootAck(
                boot=boot,
                committed=tuple(ranges(committed)),
                refused=tuple(Refusal(seq=seq, reason=reason) for seq, reason in sorted(refused.items())),
            )
            for boot, (committed, refused) in boots.items()
        ),
    )
    return made.model_dump_json().encode()


def ranges(numbers: set[int]) -> list[tuple[int, int]]:
    """Numbers as inclusive ranges, in order."""
    made: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if made and made[-1][1] == number - 1:
            made[-1] = (made[-1][0], number)
        else:
            made.append((number, number))
    return made
