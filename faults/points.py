"""The embedded time-series store against the ledger: point by point what a fresh projection of that says.

Quarter hours are left out: they are computed when they have ended, and one may end while this is asked.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from faults.api import Outcome
from gateway import sqlite
from gateway.clock import SECOND, ManualClock
from gateway.config.load import load
from gateway.config.model import Office
from gateway.counters import Counters
from gateway.decode import installed
from gateway.ledger import Ledger
from gateway.projections import Projections
from gateway.stores.base import Point

WINDOWS = "space_use_15m"
PATIENCE_S = 20.0
Found = dict[tuple[str, str, int], dict[str, Any]]
"""Fields by measurement, tags and time."""


def compare(office_file: Path, outcome: Outcome) -> None:
    """When nothing new comes: the archive runs, and is given time to write its last points."""
    office = load(office_file, drivers=installed())
    ledger = office.path(office.archive.ledger)
    wanted = asyncio.run(_fresh(office, ledger))
    deadline = time.monotonic() + PATIENCE_S
    while (found := stored(ledger.with_name("points.sqlite"))) != wanted and time.monotonic() < deadline:
        time.sleep(0.3)
    missing, surplus = wanted.keys() - found.keys(), found.keys() - wanted.keys()
    other = sum(found[key] != wanted[key] for key in wanted.keys() & found.keys())
    outcome.notes["points"] = len(found)
    if missing or surplus or other:
        text = f"{len(missing)} are missing, {len(surplus)} too many, {other} say something else"
        outcome.misses.append(f"of {len(wanted)} points in the time-series store {text}: {sorted(missing)[:2]}")


def stored(path: Path) -> Found:
    """What the embedded store holds."""
    with closing(sqlite.read_only(path)) as connection:
        rows = connection.execute(
            "SELECT measurement, tags, time, fields FROM point JOIN series ON series.id = point.series"
            " WHERE measurement <> ?",
            (WINDOWS,),
        )
        return {(name, tags, at): json.loads(fields) for name, tags, at, fields in rows}


async def _fresh(office: Office, path: Path) -> Found:
    """From a copy, as a projection notes in the ledger how far it is."""
    copy = path.with_name("copy.sqlite")
    copy.unlink(missing_ok=True)
    with closing(sqlite.read_only(path)) as connection:
        connection.execute("VACUUM INTO ?", (str(copy),))
    ledger, store = Ledger(copy), Memory()
    fresh = Projections(ledger, [store], office, ManualClock(time.time_ns(), SECOND), Counters())
    running = asyncio.create_task(fresh.run())
    newest = ledger.last_id()
    while not fresh.is_done(store.name, newest) and not running.done():
        await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.wait((running,))
    ledger.close()
    return store.found


class Memory:
    """A store that keeps what it is given."""

    name, milliseconds, whole, answers = "fresh", False, False, False

    def __init__(self) -> None:
        self.found: Found = {}

    async def write(self, points: Sequence[Point]) -> None:
        for point in points:
            if point.measurement != WINDOWS:
                tags = json.dumps(dict(point.tags), sort_keys=True)
                self.found[point.measurement, tags, point.time] = dict(point.fields)

    async def life(self) -> str:
        return "1"

    async def count(self, *_: Any) -> None:
        return None

    def close(self) -> None:
        """Nothing is open."""
