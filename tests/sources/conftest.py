"""A private system bus, and sources that are kept running as the daemons keep them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from drivers.api import Frame
from firmware_sim.bus import available, start_bus
from gateway.clock import SystemClock
from gateway.counters import Counters
from gateway.sources.base import Source
from gateway.supervise import keep


@pytest.fixture
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Address of a private dbus-daemon that stands for the system bus."""
    if not available():
        pytest.skip("dbus-daemon is not installed: run `make test`, or apt-get install dbus")
    process, address = start_bus(tmp_path)
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
    yield address
    process.terminate()
    process.wait()


class Heard:
    """What a source delivered."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self._more = asyncio.Event()

    def __call__(self, frame: Frame) -> None:
        self.frames.append(frame)
        self._more.set()

    async def until(self, enough: Callable[[list[Frame]], bool], seconds: float = 20.0) -> list[Frame]:
        """The frames, as soon as they are enough; a failure when they never are."""
        async with asyncio.timeout(seconds):
            while not enough(self.frames):
                self._more.clear()
                await self._more.wait()
        return self.frames

    async def count(self, number: int) -> list[Frame]:
        return await self.until(lambda frames: len(frames) >= number)


async def soon(true: Callable[[], bool], seconds: float = 20.0) -> None:
    """Return when it is true; a failure when it never is."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 what it looks at tells nobody
            await asyncio.sleep(0.01)


@asynccontextmanager
async def kept(source: Source, counters: Counters) -> AsyncIterator[Heard]:
    """The source, run again after each TransientError, as in a daemon."""
    heard = Heard()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(
            keep(source.id, lambda: source.run(heard), SystemClock(), counters, first_s=0.05, longest_s=0.2),
            name=source.id,
        )
        yield heard
        running.cancel()
