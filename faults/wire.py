"""A network between a client and the broker that does what networks do, connection by connection."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

KINDS = ("cut", "reset", "half-open out", "half-open in", "silence", "slow", "late", "trickle")
"""Cut after some bytes; reset; one direction is dropped; accepted and silent; 10 kB/s; 2 s late; single bytes."""
DROPS = frozenset(KINDS) - {"slow", "late", "trickle"}
"""Those that lose a connection; the others only hamper it, and are cut in the end as well."""
MOST_BYTES = 6_000
"""Behind which a connection is cut."""
HAMPERED_S = 3.0
SLOW = 10_000
"""Bytes a second."""
BITE = 500


class BadWire:
    """A TCP proxy. While `kinds` is empty it is a good one."""

    def __init__(self, to_port: int, chance: random.Random, kinds: Sequence[str] = KINDS) -> None:
        self._to_port = to_port
        self._chance = chance
        self._tasks: set[asyncio.Task[None]] = set()
        self.kinds = list(kinds)
        self.port = 0
        self.done: Counter[str] = Counter()
        """Faults that a connection has met, by kind."""
        self.accepted = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[BadWire]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def turn(self, kinds: Sequence[str]) -> None:
        """From now on connections meet these; those that stand are cut, so that each is made anew."""
        self.kinds = list(kinds)
        for task in list(self._tasks):
            task.cancel()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.accepted += 1
        kind = self._chance.choice(self.kinds) if self.kinds else ""
        far: asyncio.StreamWriter | None = None
        try:
            if kind == "silence":
                await self._meet(kind, reader.read(1 << 20), asyncio.sleep(self._chance.uniform(0.5, 2.0)))
                return
            far_reader, far = await asyncio.open_connection("127.0.0.1", self._to_port)
            out = Pump(reader, far, kind if kind != "half-open in" else "", self._limit(kind, out=True))
            back = Pump(far_reader, writer, kind if kind != "half-open out" else "", self._limit(kind, out=False))
            pumps = [asyncio.create_task(pump.run()) for pump in (out, back)]
            try:
                timeout = self._chance.uniform(0.5, HAMPERED_S) if kind and kind not in ("cut", "reset") else None
                await asyncio.wait(pumps, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
            if kind:
                self.done[kind] += 1
        except OSError:
            pass  # the broker is away: so is this connection
        finally:
            for end in (writer, far):
                if end is not None and kind in ("reset", ""):
                    end.transport.abort()
                elif end is not None:
                    end.close()
            self._tasks.discard(task)

    async def _meet(self, kind: str, *waits: object) -> None:
        await asyncio.gather(*waits, return_exceptions=True)  # type: ignore[call-overload]
        self.done[kind] += 1

    def _limit(self, kind: str, *, out: bool) -> int | None:
        """Bytes after which this direction ends; of a cut, mostly within a packet."""
        if kind in ("cut", "reset") and out:
            return self._chance.randrange(1, MOST_BYTES)
        return None


class Pump:
    """One direction of one connection."""

    def __init__(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, kind: str, limit: int | None) -> None:
        self._source, self._sink, self._kind, self._left = source, sink, kind, limit

    async def run(self) -> None:
        """Until an end, a cut, or its cancellation."""
        try:
            while data := await self._source.read(BITE if self._kind in ("slow", "trickle") else 65_536):
                if self._left is not None:
                    data = data[: self._left]
                    self._left -= len(data)
                await self._pass(data)
                if self._left == 0:
                    return
        except ConnectionError:
            return  # an end of it is gone

    async def _pass(self, data: bytes) -> None:
        match self._kind:
            case "half-open out" | "half-open in":
                return  # swallowed
            case "late":
                await asyncio.sleep(0.5 + 1.5 * random.random())
            case "slow":
                await asyncio.sleep(len(data) / SLOW)
            case "trickle":
                for byte in data[:-1]:
                    self._sink.write(bytes((byte,)))
                    await asyncio.sleep(0)
                data = data[-1:]
            case _:
                pass  # what it does, it does to the connection
        self._sink.write(data)
        await self._sink.drain()
