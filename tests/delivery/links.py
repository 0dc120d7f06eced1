"""Links for tests, what they received, brokers that refuse or freeze, and a wire to the broker that can be cut."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import aiomqtt

from gateway.clock import SystemClock
from gateway.config.sources import Broker
from gateway.counters import Counters
from gateway.errors import TransientError
from gateway.mqtt import Link, Message
from tests.conftest import Mosquitto
from tests.delivery.world import running, until

PROBE = "probe"
PROTOCOLS = ["5", "3.1.1"]
ABOUT_LINK = {"will", "farewell", "canary", "clean_start", "session_expiry_s"}
READS_OURS = "user root\n"
"""Where tests run as root, Mosquitto would become another user, who cannot read a test's folder."""

MakeBroker = Callable[..., Mosquitto]
_readers = count()


def make_link(
    port: int, name: str = "a", *, counters: Counters | None = None, base: Path = Path(), **more: Any
) -> Link:
    """`more`: of the link, or of the broker's configuration."""
    options = {key: value for key, value in more.items() if key in ABOUT_LINK}
    broker = Broker(port=port, **{key: value for key, value in more.items() if key not in ABOUT_LINK})
    return Link(broker, client_id=name, clock=SystemClock(), counters=counters or Counters(), base=base, **options)


class Reader:
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

    @property
    def latest(self) -> dict[str, bytes]:
        """What each topic said last."""
        return {message.topic: message.payload for message in self.messages}


async def ready(*links: Link) -> None:
    """Connected, and subscriptions answered: the PUBACK of a probe comes behind them, and behind what is retained."""
    for link in links:
        async with asyncio.timeout(20):
            while True:
                try:
                    await link.deliver(PROBE, b"")
                    break
                except TransientError:
                    await asyncio.sleep(0.02)


@asynccontextmanager
async def linked(*links: Link) -> AsyncIterator[None]:
    """Links that run and are ready."""
    async with running(*links):
        await ready(*links)
        yield


@asynccontextmanager
async def reading(port: int, topic_filter: str = "#", **more: Any) -> AsyncIterator[Reader]:
    """Somebody new, who has received what is retained and reads on."""
    link = make_link(port, f"reader-{next(_readers)}", **more)
    reader = Reader(link, topic_filter)
    async with linked(link):
        yield reader


def peer(port: int, protocol: str = "5") -> aiomqtt.Client:
    """A client that is not ours."""
    version = aiomqtt.ProtocolVersion.V5 if protocol == "5" else aiomqtt.ProtocolVersion.V311
    return aiomqtt.Client("127.0.0.1", port, protocol=version)


def access(folder: Path, *rules: str, cuts: bool = False) -> str:
    """What a broker is told that allows only this, e.g. `readwrite mine/#`.

    `cuts`: it ends a connection behind each refusal, as Mosquitto 2.0.11 does where its queues have no limit.
    """
    file = folder / "acl"
    file.write_text("".join(f"topic {rule}\n" for rule in (f"readwrite {PROBE}", *rules)), encoding="ascii")
    return f"{READS_OURS}max_queued_messages {0 if cuts else 1000}\nacl_file {file}\n"


@contextmanager
def frozen(broker: Mosquitto) -> Iterator[None]:
    """It is there and does nothing; it may be killed meanwhile."""
    process = broker.process
    assert process is not None
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGCONT)


class Wire:
    """A TCP proxy: `cut()` ends every connection without a word; while `deaf`, nothing reaches the broker.

    While it `refuses`, nobody gets a new connection.
    """

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.deaf = self.refuses = False

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
        if self.refuses:
            writer.transport.abort()
            return
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
