"""Starts the parts of the demo, shows how it goes, and gives account at the end."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from firmware_sim import bus
from firmware_sim.office import Office, make_office
from gateway.broker import EmbeddedBroker
from gateway.clock import SECOND, ScaledClock
from gateway.control import call
from gateway.demo import report, world
from gateway.demo.usage import Usage, usage
from gateway.errors import HadirError
from gateway.ports import free_pair
from gateway.up import Children, Role

HEAD_S = 6.0
"""Until the office's day starts: devices speak already, people do not, and gateways get ready."""
READY_S = 60.0
TOO_OFTEN = 4
"""Ends of parts before everything is ready: one that cannot start will not do so by being tried again."""
DRAIN_S = 10.0
DAY = datetime(2026, 11, 24, 7, 50, tzinfo=ZoneInfo("Asia/Makassar"))
"""A Tuesday."""


@dataclass(slots=True)
class Stage:
    """Everything that runs, and what it has cost."""

    office: Office
    folder: Path
    broker: EmbeddedBroker
    bus_process: subprocess.Popen[bytes] | None
    ble: str
    children: Children
    clock: ScaledClock
    costs: dict[str, Usage] = field(default_factory=dict)

    def measure(self, simulator: int | None) -> None:
        """Note what each part has used until now."""
        gateways = [usage(pid) for name, pid in self.children.pids.items() if name.startswith("gw-")]
        parts = {
            "gateway": gateways,
            "archive": [usage(pid) for name, pid in self.children.pids.items() if name == "archive"],
            "broker": [usage(self.broker.pid)] if self.broker.pid else [],
            "bus": [usage(self.bus_process.pid)] if self.bus_process is not None else [],
            "simulator": [usage(simulator)] if simulator is not None else [],
        }
        for name, found in parts.items():
            total = Usage(sum(u.rss_mb for u in found), sum(u.cpu_s for u in found))
            if total.rss_mb:
                self.costs[name] = total


def demo(arguments: argparse.Namespace) -> int:
    """`hadir demo`: 0 when nothing was lost, unanswered, duplicated or wrong."""
    try:
        with _folder(arguments.folder) as folder:
            return asyncio.run(_demo(arguments, folder))
    except KeyboardInterrupt:
        return 130


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


async def _demo(arguments: argparse.Namespace, folder: Path) -> int:
    office = make_office(arguments.seed)
    ble, why = _ble(arguments)
    quiet = bool(arguments.json)
    _say(quiet, f"hadir demo: {len(office.desks)} desks, {len(office.people)} people; starting ...")
    bus_process, environment = None, {}
    if ble:
        bus_process, address = bus.start_bus(folder)
        environment["DBUS_SYSTEM_BUS_ADDRESS"] = address
    port = free_pair()
    broker = EmbeddedBroker(port, folder / "broker")
    try:
        broker.start()
        file = world.write(office, folder, broker_port=port, speed=arguments.speed, ble=ble)
        (folder / "trace").mkdir()
        clock = _clock(arguments.speed, seconds=arguments.head)
        return await _stage(arguments, office, folder, file, broker, bus_process, why, environment, clock)
    finally:
        broker.stop()
        if bus_process is not None:
            bus_process.terminate()
            bus_process.wait()


def _clock(speed: float, seconds: float) -> ScaledClock:
    """Office time that reaches the start of the day in `seconds`."""
    return ScaledClock(
        start=int(DAY.timestamp()) * SECOND, anchor=time.monotonic_ns() + int(seconds * SECOND), speed=speed
    )


async def _stage(
    arguments: argparse.Namespace,
    office: Office,
    folder: Path,
    file: Path,
    broker: EmbeddedBroker,
    bus_process: subprocess.Popen[bytes] | None,
    ble: str,
    environment: Mapping[str, str],
    clock: ScaledClock,
) -> int:
    """Gateways and archive first; when all are ready the people come, at the clock's start."""
    children = Children(_roles(office, file, folder, clock, environment, arguments.control), log=folder)
    stage = Stage(office, folder, broker, bus_process, ble, children, clock)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    running = loop.create_task(children.run(), name="roles")
    simulator: asyncio.subprocess.Process | None = None
    try:
        simulator = await _simulate(arguments, folder, clock, environment, ble=not ble.startswith("replay"))
        await _ready(office, folder, clock, children, running, stop)
        await _watch(arguments, stage, simulator, running, stop)
        stage.measure(simulator.pid)
        await _end(simulator)
        statuses = await _drained(office, folder, hurry=stop.is_set() and not arguments.json)
        stage.measure(None)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        if simulator is not None:
            await _end(simulator)
    if stop.is_set() and not arguments.json and not arguments.seconds:
        return 0
    result = {"seed": arguments.seed, "speed": arguments.speed, "ble": stage.ble, **report.account(folder, statuses)}
    result["rss_mb"] = {name: round(cost.rss_mb, 1) for name, cost in stage.costs.items()}
    result["cpu_s"] = {name: round(cost.cpu_s, 2) for name, cost in stage.costs.items()}
    sys.stdout.write(json.dumps(result, indent=None if arguments.json else 2) + "\n")
    return 0 if result["ok"] else 1


def _roles(
    office: Office,
    file: Path,
    folder: Path,
    clock: ScaledClock,
    environment: Mapping[str, str],
    control: str | None,
) -> list[Role]:
    common = ("--with-parent", "--clock", str(clock))
    archive = Role(
        name="archive",
        arguments=("ingest", str(file), *common, "--trace", str(folder / "trace" / "archive.jsonl")),
        environment=environment,
    )
    gateways = [
        Role(
            name=gateway.id,
            arguments=(
                *("run", str(file), "--gateway", gateway.id, *common),
                *("--trace", str(folder / "trace" / f"{gateway.id}.jsonl")),
                *(("--control", control) if control else ()),
            ),
            environment=environment,
        )
        for gateway in office.gateways
    ]
    return [archive, *gateways]


async def _simulate(
    arguments: argparse.Namespace, folder: Path, clock: ScaledClock, environment: Mapping[str, str], *, ble: bool
) -> asyncio.subprocess.Process:
    """Start the simulator; its devices speak at once, its people at the clock's start."""
    command = [
        *(sys.executable, "-m", "firmware_sim", "--folder", str(folder), "--seed", str(arguments.seed)),
        *("--clock", str(clock), "--seconds", f"{arguments.seconds:g}", "--truth", str(folder / "truth.jsonl")),
        "--with-parent",
        *(() if ble else ("--no-ble",)),
    ]
    with (folder / "simulator.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            env={**os.environ, **environment},
            start_new_session=True,
        )
    if process.stdout is None or (await process.stdout.readline()).strip() != b"ready":
        raise HadirError(f"the simulator did not start: {(folder / 'simulator.log').read_text()[-500:]}")
    return process


async def _ready(
    office: Office,
    folder: Path,
    clock: ScaledClock,
    children: Children,
    running: asyncio.Task[None],
    stop: asyncio.Event,
) -> None:
    """Until each gateway is connected, knows its people and has seen every radar."""
    deadline = time.monotonic() + READY_S
    while not stop.is_set():
        statuses = await _statuses(office, folder)
        if all(status and status["people_version"] and not status["unknown"].get("starting") for status in statuses):
            break
        if running.done():
            await running
        if children.restarts >= TOO_OFTEN:
            raise HadirError(f"the parts of the demo do not start:\n{_last_words(folder)}")
        if time.monotonic() > deadline:
            raise HadirError(f"the gateways were not ready after {READY_S:.0f} s:\n{_last_words(folder)}")
        await asyncio.sleep(0.1)
    if time.monotonic_ns() > clock.anchor:
        raise HadirError("the gateways were not ready when the office opened: this machine is busy; try --head 20")


def _last_words(folder: Path) -> str:
    """The last lines of what each part logged."""
    return "\n".join(
        f"{path.name}: {line}"
        for path in sorted(folder.glob("*.log"))
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines()[-3:]
    )


async def _watch(
    arguments: argparse.Namespace,
    stage: Stage,
    simulator: asyncio.subprocess.Process,
    running: asyncio.Task[None],
    stop: asyncio.Event,
) -> None:
    """Show the table until the end of the time, Ctrl-C, or the end of a part."""
    ended = asyncio.get_running_loop().create_task(simulator.wait(), name="simulator")
    stopped = asyncio.get_running_loop().create_task(stop.wait(), name="stop")
    try:
        if arguments.json or not sys.stdout.isatty():
            done: set[asyncio.Future[Any]] = set()
            while not done:
                stage.measure(simulator.pid)  # the simulator ends by itself: afterwards it is too late to ask
                done, _ = await asyncio.wait(
                    (ended, stopped, running), timeout=1.0, return_when=asyncio.FIRST_COMPLETED
                )
        else:
            await _live(stage, arguments.speed, simulator.pid, (ended, stopped, running))
    finally:
        for task in (ended, stopped):
            task.cancel()
    if running.done():
        await running


async def _live(stage: Stage, speed: float, simulator: int, ends: Sequence[asyncio.Future[Any]]) -> None:
    from rich.console import Console
    from rich.live import Live

    from gateway.demo.table import View, draw

    zone = ZoneInfo(stage.office.timezone)
    before, at = 0, time.monotonic()
    with Live(console=Console(), auto_refresh=False, vertical_overflow="crop") as live:
        done: set[asyncio.Future[Any]] = set()
        while not done:
            stage.measure(simulator)
            statuses = await _statuses(stage.office, stage.folder)
            events, now = sum(status.get("events", 0) for status in statuses), time.monotonic()
            office_time = datetime.fromtimestamp(stage.clock.office() / SECOND, zone)
            view = View(
                time=f"{_DAYS[office_time.weekday()]} {office_time:%H.%M}",
                speed=speed,
                port=stage.broker.port,
                ble=stage.ble,
                gateways=statuses,
                events_per_s=(events - before) / max(0.001, now - at),
                stored=events - sum(status["backlog"]["events"] for status in statuses if status),
            )
            before, at = events, now
            live.update(draw(view), refresh=True)
            done, _ = await asyncio.wait(ends, timeout=1.0, return_when=asyncio.FIRST_COMPLETED)


_DAYS = ("Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu")


async def _statuses(office: Office, folder: Path) -> list[dict[str, Any]]:
    """What each gateway answers to `status`; empty for one that does not."""
    found: list[dict[str, Any]] = []
    for gateway in office.gateways:
        try:
            found.append(await call(folder / "var" / gateway.id / "control.sock", "status"))
        except HadirError:
            found.append({})
    return found


async def _drained(office: Office, folder: Path, *, hurry: bool) -> list[dict[str, Any]]:
    """The last statuses, when nothing waits any more or its time is up."""
    deadline = time.monotonic() + (0.3 if hurry else DRAIN_S)
    while True:
        statuses = await _statuses(office, folder)
        idle = all(status and status["backlog"]["events"] == 0 for status in statuses)
        if idle or time.monotonic() > deadline:
            return [status for status in statuses if status]
        await asyncio.sleep(0.05)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(2.0):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def _ble(arguments: argparse.Namespace) -> tuple[bool, str]:
    """Whether tags are heard by real bleak, and how to say so."""
    if arguments.no_ble:
        return False, "replay source (--no-ble)"
    if not bus.available():
        return False, "replay source (no dbus-daemon here)"
    if find_spec("bleak") is None or find_spec("dbus_fast") is None:
        return False, "replay source (bleak is not installed)"
    return True, "bleak on a private D-Bus"


def _say(quiet: bool, text: str) -> None:
    if not quiet:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
