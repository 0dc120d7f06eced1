"""`hadir demo`: starts the parts, lets people come when all is ready, shows how it goes, and gives account."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from firmware_sim.office import make_office
from gateway.clock import SECOND, ScaledClock
from gateway.demo import report, watch
from gateway.demo.devices import Devices
from gateway.demo.parts import Parts, idle
from gateway.errors import HadirError

DAY = datetime(2026, 11, 24, 7, 50, tzinfo=ZoneInfo("Asia/Makassar"))
"""A Tuesday."""
HEAD_S = 1.0
"""From our start until it is 07:50: less than any machine needs until all is ready. The people come then, and find the
clock some minutes on where the machine is slow."""
DRAIN_S = 10.0
STOPPED = 130


def demo(arguments: argparse.Namespace) -> int:
    """0 when nothing was lost, unanswered, duplicated or wrong, and when Ctrl-C ended what has no other end."""
    with _folder(arguments.folder) as folder:
        return asyncio.run(_until_stopped(arguments, folder))


@contextmanager
def _folder(wanted: Path | None) -> Iterator[Path]:
    if wanted is not None:
        wanted.mkdir(parents=True, exist_ok=True)
        if any(wanted.iterdir()):
            raise HadirError(f"{wanted} is not empty: the demo begins with an empty office")
        yield wanted.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="hadir-demo-") as made:
        yield Path(made)


async def _until_stopped(arguments: argparse.Namespace, folder: Path) -> int:
    """Ctrl-C (or SIGTERM, or a closed terminal) cancels the work, once."""
    loop = asyncio.get_running_loop()
    work = loop.create_task(_demo(arguments, folder), name="demo")
    stopped = False

    def stop() -> None:
        nonlocal stopped
        if not stopped:
            stopped = True
            work.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)
    await asyncio.wait((work,))
    if not work.cancelled():
        return work.result()
    return 0 if watch.is_live(arguments) and not arguments.seconds else STOPPED


def make_parts(
    folder: Path,
    *,
    seed: int,
    speed: float,
    seconds: float = 0,
    replay: bool = False,
    faults: bool = False,
    control: str | None = None,
) -> Parts:
    """The parts of a demo in an empty folder; its clock has begun."""
    anchor = time.monotonic_ns() + int(HEAD_S * SECOND)
    clock = ScaledClock(start=int(DAY.timestamp()) * SECOND, anchor=anchor, speed=speed)
    devices = Devices(folder, seed=seed, seconds=seconds, replay=replay, faults=faults)
    return Parts(make_office(seed), folder, devices, clock, control)


async def _demo(arguments: argparse.Namespace, folder: Path) -> int:
    parts = make_parts(
        folder,
        seed=arguments.seed,
        speed=arguments.speed,
        seconds=arguments.seconds,
        replay=arguments.no_ble,
        faults=arguments.faults,
        control=arguments.control,
    )
    desks, people = len(parts.office.desks), len(parts.office.people)
    watch.say(arguments, f"hadir demo: {desks} desks, {people} people; starting ...")
    try:
        await parts.start()
        await parts.ready()
        watch.say(arguments, watch.welcome(parts))
        await parts.devices.open()
        await watch.watch(arguments, parts)
        archive = await _settled(parts)
    finally:
        ending = asyncio.get_running_loop().create_task(parts.end(), name="end")
        await _to_the_end(ending)
    result = {
        "seed": arguments.seed,
        "speed": arguments.speed,
        "ble": parts.devices.how,
        **report.account(folder, parts.office, parts.last, archive),
        "restarts": parts.restarts,
        "rss_mb": {name: round(cost.rss_mb, 1) for name, cost in sorted(parts.costs.items())},
        "cpu_s": {name: round(cost.cpu_s, 2) for name, cost in sorted(parts.costs.items())},
    }
    sys.stdout.write((json.dumps(result) if arguments.json else report.words(result)) + "\n")
    return 0 if result["ok"] else 1


async def _settled(parts: Parts) -> report.Archive:
    """What is stored when nothing waits any more, or when the backlog's time is up. The lines are still open."""
    deadline = time.monotonic() + DRAIN_S
    while True:
        statuses = await parts.statuses()
        parts.measure()
        late = time.monotonic() > deadline
        if late or idle(statuses):
            archive = report.read_back(parts.folder, statuses)
            if late or not archive.unprojected:
                return archive
        await asyncio.sleep(0.05)


async def _to_the_end(ending: asyncio.Task[None]) -> None:
    """Ctrl-C while everything ends: the ending goes on. It takes less than two seconds."""
    while not ending.done():
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            if ending.cancelled():
                raise
    ending.result()
