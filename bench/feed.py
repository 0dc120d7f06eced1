"""A whole gateway whose sources are fed by the bench instead of a radio: everything behind them is the real thing."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench.adverts import START
from bench.site import GATEWAY
from gateway.app import GatewayApp
from gateway.clock import SECOND, Quality
from gateway.config.model import Office
from gateway.daemon import tune_interpreter
from gateway.decode import installed
from gateway.demo.usage import usage
from gateway.sources.base import Deliver

WAITS = 2_048
"""Frames that may wait for the pipeline: far below the bound at which telemetry is dropped."""


class FedClock:
    """Office time is that of the last frame fed; machine time is real."""

    def __init__(self) -> None:
        self.now = START

    def office(self) -> int:
        return self.now

    def quality(self) -> Quality:
        return Quality()

    def machine(self) -> int:
        return time.monotonic_ns()

    def seconds_until(self, office: int) -> float:
        return (office - self.now) / SECOND

    def office_in(self, seconds: float) -> int:
        return self.now + int(seconds * SECOND)

    async def sleep_until(self, office: int) -> None:
        while self.now < office:
            await asyncio.sleep(0.01)


class _Fed:
    """In place of a source's own run: up, and silent."""

    def __init__(self, app: GatewayApp, number: int) -> None:
        self._teller = app.sources[number]._teller  # type: ignore[attr-defined]

    async def __call__(self, deliver: Deliver) -> None:
        self._teller.up()
        await asyncio.Event().wait()


@asynccontextmanager
async def gateway(office: Office, clock: FedClock) -> AsyncIterator[GatewayApp]:
    """A running gateway that is connected and has nothing to do."""
    tune_interpreter()  # as `hadir run` does
    app = GatewayApp(office, office.gateways[0], installed(), clock)
    for number, source in enumerate(app.sources):
        source.run = _Fed(app, number)  # type: ignore[method-assign]
    async with asyncio.TaskGroup() as group:
        running = group.create_task(app.run(), name=GATEWAY)
        await app.link.connected()
        while not hasattr(app, "pipeline"):
            await asyncio.sleep(0.01)
        await settled(app)
        yield app
        running.cancel()


async def settled(app: GatewayApp) -> None:
    """When everything that was fed is ruled, durable and PUBACKed."""
    while True:
        while len(app.pipeline.intake):
            await asyncio.sleep(0)
        committed = await app.outbox.backlog()  # behind every commit submitted until now
        if app.publisher.published >= committed.events and not len(app.pipeline.intake):
            return
        await asyncio.sleep(0.001)


def memory_mb() -> float:
    """Resident memory of this process."""
    return usage(os.getpid()).rss_mb
