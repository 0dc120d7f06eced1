"""Links for tests, what they received, and a wire between link and broker that can be cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gateway.clock import SystemClock
from gateway.config.model import Broker
from gateway.counters import Counters
from gateway.errors import TransientError
from gateway.mqtt import Link, Message
from tests.delivery.world import until

PROBE = "probe"
ABOUT_LINK = {"will", "farewell", "canary", "clean_start", "session_expiry_s"}


def make_link(
    port: int, name: str = "a", *, counters: Counters | None = None, base: Path = Path(), **more: Any
) -> Link:
    """`more`: of the link, or of the broker's configuration."""
    options = {key: value for key, value in more.items() if key in ABOUT_LINK}
    broker = Broker(port=port, **{key: value for key, value in more.items() if key not in ABOUT_LINK})
    return Link(broker, client_id=name, clock=SystemClock(), counters=counters or Counters(), base=base, **options)


class Inbox:
    """What a link received, acknowledged at once unless told otherwise."""

    def __init__(self, link: Link, topic_filter: str = "#", *, acks: bool = True) -> None:
        self.messages: list[Message] = []
        self.acks = acks
        link.subscribe(topic_filter, self._take)

    def _take(self, message: Message) -> None:
        if message.topic != PROBE:
            self.messages.append(message)
        if self.acks or message.topic == PROBE:
            message.ack()

    def payloads(self, topic: str | None = None) -> list[bytes]:
        return [m.payload for m in self.messages if topic is None or m.topic == topic]


async def ready(*links: Link) -> None:
    """Connected, and subscriptions answered: the PUBACK of a probe comes behind them."""
    for link in links:
        async with asyncio.timeout(20):
            while True:
                try:
                    await link.deliver(PROBE, b"")
                    break
                except TransientError:
                    await asyncio.sleep(0.02)


def idle(link: Link) -> bool:
    """Everything that was published has been answered."""
    return link.state.connected and link.room == link.window


class Wire:
    """A TCP proxy: `cut()` ends every connection without a word; while `deaf`, nothing reaches the broker."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.deaf = False

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Wire]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.cut()
            await until(lambda: not self._tasks)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
        self._writers |= {writer, far_writer}
        for source, sink, outward in ((reader, far_writer, True), (far_reader, writer, False)):
            task = asyncio.create_task(self._pump(source, sink, outward=outward))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, outward: bool) -> None:
        try:
            while data := await source.read(65_536):
                if not (outward and self.deaf):
                    sink.write(data)
                    await sink.drain()
        except ConnectionError:
            pass  # cut
        finally:
            sink.close()

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()
