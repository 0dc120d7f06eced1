"""What the user sees while the demo runs: a live table in a terminal, a few lines elsewhere, nothing with --json."""

from __future__ import annotations

import argparse
import asyncio
import logging
import shlex
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO
from zoneinfo import ZoneInfo

from gateway.clock import SECOND
from gateway.demo.parts import Parts, Status

if TYPE_CHECKING:  # rich is imported only where somebody looks
    from gateway.demo.table import View

EVERY_S = 1.0
MEAN_OVER = 5
"""Seconds over which events a second are counted: in one alone it jumps."""


def is_live(arguments: argparse.Namespace) -> bool:
    """Whether somebody looks at a terminal."""
    return not arguments.json and sys.stdout.isatty()


def say(arguments: argparse.Namespace, text: str) -> None:
    """One line, unless one JSON object is all that is wanted."""
    if not arguments.json:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


async def watch(arguments: argparse.Namespace, parts: Parts) -> None:
    """Until the devices fall silent. Raises HadirError when a part cannot be kept running."""
    silent = asyncio.get_running_loop().create_task(parts.devices.silent(), name="silent")
    try:
        if is_live(arguments):
            await _live(parts, silent)
        else:
            say(arguments, "\n".join(("the office is open", *(f"{why}\n  {what}" for why, what in commands(parts)))))
            while not await _tick(parts, silent):
                await parts.statuses()
        silent.result()
    finally:
        silent.cancel()


async def _tick(parts: Parts, silent: asyncio.Task[None]) -> bool:
    """Wait a little; whether it is over."""
    parts.measure()
    await asyncio.wait((silent,), timeout=EVERY_S)
    parts.check()
    return silent.done()


async def _live(parts: Parts, silent: asyncio.Task[None]) -> None:
    from rich.console import Console
    from rich.live import Live

    from gateway.demo.table import draw

    seen: deque[tuple[float, int]] = deque(maxlen=MEAN_OVER + 1)
    with Live(console=Console(), auto_refresh=False, vertical_overflow="crop") as live, _log_above():
        over = False
        while not over:
            statuses = await parts.statuses()
            if all(statuses):
                seen.append((time.monotonic(), sum(status["events"] for status in statuses)))
            live.update(draw(view(parts, statuses, _rate(seen))), refresh=True)
            over = await _tick(parts, silent)


def view(parts: Parts, statuses: Sequence[Status], events_per_s: float) -> View:
    """This moment."""
    from gateway.demo.table import View

    return View(
        time=datetime.fromtimestamp(parts.clock.office() / SECOND, ZoneInfo(parts.office.timezone)),
        speed=parts.clock.speed,
        people=len(parts.office.people),
        ble=parts.devices.how,
        names=[gateway.id for gateway in parts.office.gateways],
        statuses=statuses,
        events_per_s=events_per_s,
        commands=[in_browser(parts), *commands(parts)],
    )


def _rate(seen: Sequence[tuple[float, int]]) -> float:
    """Of the time and count of each look; 0 where a gateway was started again and counts anew."""
    if len(seen) < 2:
        return 0.0
    (before, first), (now, last) = seen[0], seen[-1]
    return max(0.0, (last - first) / (now - before))


@contextmanager
def _log_above() -> Iterator[None]:
    """While a table is shown, what is logged goes above it: rich has put itself in the place of standard error."""
    changed: list[tuple[logging.StreamHandler[TextIO], TextIO]] = []
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            changed.append((handler, handler.stream))
            handler.setStream(sys.stderr)
    try:
        yield
    finally:
        for handler, stream in changed:
            handler.setStream(stream)


def commands(parts: Parts) -> list[tuple[str, str]]:
    """What somebody can type in another terminal: (why, what)."""
    port, socket = parts.broker.port, parts.folder / "var" / parts.office.gateways[0].id / "control.sock"
    return [
        (
            f"subscribe with any MQTT client (3.1.1 here; MQTT 5 on port {port}):",
            f"mosquitto_sub -h 127.0.0.1 -p {port + 1} -v -t 'hadir/v1/evt/#'",
        ),
        (
            "what places are now: -t 'hadir/v1/state/#'; events without a client:",
            f"{_hadir()} tail {shlex.quote(str(socket))}",
        ),
    ]


def in_browser(parts: Parts) -> tuple[str, str]:
    """The same as `welcome` says, for the table."""
    codes = parts.codes
    return f"in a browser; codes, once each: employee {codes.employee}, operator {codes.operator}", parts.door.address


def welcome(parts: Parts) -> str:
    """Where the pages are, and who may sign in, before anything is shown that moves."""
    codes = parts.codes
    return (
        f"in a browser: {parts.door.address}\n"
        f"  {codes.employee} signs in as {codes.who}, an employee; {codes.operator} as an operator; each once"
    )


def _hadir() -> str:
    """Our own command as it can be typed here."""
    installed = Path(sys.executable).with_name("hadir")
    with suppress(ValueError):
        return str(installed.relative_to(Path.cwd()))
    return str(installed)
