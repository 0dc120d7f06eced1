"""Time-series stores against the ledger: point by point what a fresh projection of that says.

Quarter hours are left out: they are computed when they have ended, and one may end while this is asked.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
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
from tests.archive.conftest import Victoria

WINDOWS = "space_use_15m"
PATIENCE_S = 30.0
MS = 1_000_000
Found = dict[tuple[str, str, int], dict[str, Any]]
"""Fields by measurement, tags and time."""


def compare(office_file: Path, outcome: Outcome, victoria: Victoria | None = None) -> None:
    """When nothing new comes: the archive runs, and is given time to write its last points."""
    office = load(office_file, drivers=installed())
    ledger = office.path(office.archive.ledger)
    embedded, other = Memory("fresh"), Memory("fresh-ms", milliseconds=True)
    asyncio.run(_project(office, ledger, [embedded, other] if victoria else [embedded]))
    points = ledger.with_name("points.sqlite")
    _equal(outcome, "embedded store", lambda: stored(points), embedded.found)
    if victoria is not None:
        names = {name for name, _, _ in other.found}
        _equal(outcome, "VictoriaMetrics", lambda: _served(victoria, names), other.numbers())


def _equal(outcome: Outcome, name: str, read: Callable[[], Found], wanted: Found) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while (found := read()) != wanted and time.monotonic() < deadline:
        time.sleep(0.3)
    missing, surplus = wanted.keys() - found.keys(), found.keys() - wanted.keys()
    other = sum(found[key] != wanted[key] for key in wanted.keys() & found.keys())
    outcome.notes[f"points, {name}"] = len(found)
    if missing or surplus or other:
        text = f"{len(missing)} are missing, {len(surplus)} too many, {other} say something else"
        outcome.misses.append(f"{name}: of {len(wanted)} points {text}: {sorted(missing)[:2]} {sorted(surplus)[:2]}")


def stored(path: Path) -> Found:
    """What the embedded store holds."""
    with closing(sqlite.read_only(path)) as connection:
        rows = connection.execute(
            "SELECT measurement, tags, time, fields FROM point JOIN series ON series.id = point.series"
            " WHERE measurement <> ?",
            (WINDOWS,),
        )
        return {(name, tags, at): json.loads(fields) for name, tags, at, fields in rows}


def _served(server: Victoria, names: set[str]) -> Found:
    found: Found = {}
    for name in names:
        for (field, tags, at), value in server.read(name).items():
            found.setdefault((name, _text(tags), at), {})[field] = value
    return found


async def _project(office: Office, path: Path, stores: Sequence[Memory]) -> None:
    """From a copy, as a projection notes in the ledger how far it is."""
    copy = path.with_name("copy.sqlite")
    copy.unlink(missing_ok=True)
    with closing(sqlite.read_only(path)) as connection:
        connection.execute("VACUUM INTO ?", (str(copy),))
    ledger = Ledger(copy)
    fresh = Projections(ledger, stores, office, ManualClock(time.time_ns(), SECOND), Counters())
    running = asyncio.create_task(fresh.run())
    newest = ledger.last_id()
    while not all(fresh.is_done(store.name, newest) for store in stores) and not running.done():
        await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.wait((running,))
    ledger.close()


class Memory:
    """A store that keeps what it is given."""

    whole, answers = False, False

    def __init__(self, name: str, *, milliseconds: bool = False) -> None:
        self.name, self.milliseconds = name, milliseconds
        self.found: Found = {}

    async def write(self, points: Sequence[Point]) -> None:
        for point in points:
            if point.measurement != WINDOWS:
                at = point.time // MS if self.milliseconds else point.time
                self.found[point.measurement, _text(point.tags), at] = dict(point.fields)

    def numbers(self) -> Found:
        """As a store shows it that keeps nothing but numbers."""
        return {key: {name: float(value) for name, value in fields.items()} for key, fields in self.found.items()}

    async def life(self) -> str:
        return "1"

    async def count(self, *_: Any) -> None:
        return None

    def close(self) -> None:
        """Nothing is open."""


def _text(tags: Sequence[tuple[str, str]]) -> str:
    return json.dumps(dict(tags), sort_keys=True)
