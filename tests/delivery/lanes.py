"""One gateway's outbox, link and publisher, and an archive that sees every message and answers as it is told."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from gateway.clock import Clock, SystemClock
from gateway.contract.acks import Acknowledgement, BootAck, write_ack
from gateway.contract.envelope import MAX_BATCH, MAX_IN_BATCH, Envelope, decode, decode_batch
from gateway.counters import Counters
from gateway.mqtt import Message
from gateway.outbox import Draft, Outbox
from gateway.publisher import Publisher
from tests.delivery.links import linked, make_link, ready
from tests.delivery.world import BOOT, make_outbox, origin, running

ACK = "hadir/v1/ack/ikn/gw-1"
LIVE = ("evt", "who", "sense")
HISTORY = ("hist", "whohist", "sensehist")

Key = tuple[str, int]


class Heard(NamedTuple):
    """An event, and the topic that it came on."""

    topic: str
    event: Envelope

    @property
    def key(self) -> Key:
        return self.event.boot, self.event.sequence

    @property
    def cls(self) -> str:
        """Of the topic: evt, whohist, ..."""
        return self.topic.split("/")[2]


class Archive:
    """A stand-in for ingest and ledger."""

    def __init__(self, port: int) -> None:
        self.link = make_link(port, "archive")
        for cls in (*LIVE, *HISTORY):
            self.link.subscribe(f"hadir/v1/{cls}/#", self._received)
        self.link.on_room(self._answer)
        self.heard: list[Heard] = []
        self.batches: list[int] = []
        """Events in each."""
        self.acking = True
        self._unsaid: set[Key] = set()

    def _received(self, message: Message) -> None:
        if message.topic.split("/")[2] in LIVE:
            found: list[Any] = [decode(message.payload)]
        else:
            found = decode_batch(message.payload)
            assert len(message.payload) <= MAX_BATCH
            assert len(found) <= MAX_IN_BATCH
            self.batches.append(len(found))
        assert all(isinstance(event, Envelope) for event in found)
        heard = [Heard(message.topic, event) for event in found]
        self.heard += heard
        if self.acking:
            self._unsaid.update(item.key for item in heard)
        message.ack()

    def _answer(self) -> None:
        for boot in sorted({boot for boot, _ in self._unsaid}):
            numbers = tuple((n, n) for found, n in self._unsaid if found == boot)[:1000]
            ack = Acknowledgement(worker="archive", boots=(BootAck(boot=boot, committed=numbers),))
            if self.link.publish(ACK, write_ack(ack)):
                self._unsaid -= {(boot, n) for n, _ in numbers}

    async def say(self, *boots: BootAck) -> None:
        """Acknowledge; nothing is the greeting."""
        await self.link.deliver(ACK, write_ack(Acknowledgement(worker="archive", boots=boots)))

    @property
    def live(self) -> list[Key]:
        return [item.key for item in self.heard if item.cls in LIVE]

    @property
    def history(self) -> list[Key]:
        return [item.key for item in self.heard if item.cls in HISTORY]

    @property
    def times(self) -> Counter[Key]:
        """How often each event came."""
        return Counter(item.key for item in self.heard)

    @property
    def topics(self) -> set[str]:
        return {item.topic.removeprefix("hadir/v1/") for item in self.heard}


@asynccontextmanager
async def archive(port: int) -> AsyncIterator[Archive]:
    made = Archive(port)
    async with linked(made.link):
        yield made


class Gateway:
    """As the app builds it."""

    def __init__(self, port: int, folder: Path, boot: str = BOOT, clock: Clock | None = None, **more: Any) -> None:
        """`more`: bounds of the outbox, or the broker's configuration."""
        self.counters = Counters()
        clock = clock or SystemClock()
        bounds = {key: more.pop(key) for key in ("max_bytes", "max_age_days", "batch") if key in more}
        self.outbox: Outbox = make_outbox(folder, boot=boot, clock=clock, counters=self.counters, **bounds)
        canary = "hadir/v1/gw/ikn/gw-1/canary"
        self.link = make_link(port, "gw-1", counters=self.counters, canary=canary, **more)
        self.publisher = Publisher(self.link, self.outbox, origin(boot), clock, self.counters)

    @asynccontextmanager
    async def running(self, *, connected: bool = True) -> AsyncIterator[Outbox]:
        async with running(self.outbox, self.link, self.publisher):
            if connected:
                await ready(self.link)
            yield self.outbox

    async def empty(self) -> None:
        """Everything is retired."""
        async with asyncio.timeout(30):
            await self.outbox.empty()

    async def waiting(self) -> list[int]:
        return [row.sequence for row in await self.outbox.pending()]


async def leave(folder: Path, *drafts: Draft, boot: str = "000000-0001") -> list[bytes]:
    """Rows of an earlier life; their bodies."""
    before = make_outbox(folder, boot=boot)
    async with running(before):
        rows = await before.append(drafts, ())
    return [row.body for row in rows]


def keys(*numbers: int, boot: str = BOOT) -> list[Key]:
    return [(boot, n) for n in numbers]
