"""The time-series store of a single box: SQLite, beside the ledger. Nothing to install, nothing to forget.

synchronous=NORMAL: a power cut may take its last seconds, and the projection heals it at the next start.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock

import apsw

from gateway import sqlite
from gateway.errors import HadirError, PermanentError, TransientError
from gateway.stores import line
from gateway.stores.base import Point, Tags

_log = logging.getLogger(__name__)

_SCHEMA = (
    """
    CREATE TABLE series (id INTEGER PRIMARY KEY, measurement TEXT NOT NULL, tags TEXT NOT NULL,
        UNIQUE (measurement, tags)) STRICT;
    CREATE TABLE point (series INTEGER NOT NULL REFERENCES series (id), time INTEGER NOT NULL, fields TEXT NOT NULL,
        PRIMARY KEY (series, time)) STRICT, WITHOUT ROWID;
    CREATE TABLE made (id TEXT NOT NULL) STRICT;
    INSERT INTO made VALUES (lower(hex(randomblob(8))));
    """,
)
LATEST = 2**63 - 1


class EmbeddedStore:
    """Points in a file. `write` is for the event loop; `query` blocks and may be called from any thread."""

    name = "embedded"
    milliseconds = False
    whole = True
    answers = False

    def __init__(self, path: Path) -> None:
        """Open or make it; one that is damaged is set aside, for all of it is in the ledger. Raises HadirError."""
        self._path = path
        self._lock = Lock()
        self._series: dict[tuple[str, str], int] = {}
        try:
            self._open()
        except (apsw.Error, HadirError) as error:
            cause = error if isinstance(error, apsw.Error) else error.__cause__
            if not isinstance(cause, (apsw.CorruptError, apsw.NotADBError)):
                raise
            self._set_aside(cause)

    def _open(self) -> None:
        self._connection = sqlite.connect(self._path, exclusive=False)
        self._connection.execute("PRAGMA synchronous=NORMAL")
        sqlite.migrate(self._connection, _SCHEMA)
        self._made = str(self._connection.execute("SELECT id FROM made").get)

    def _set_aside(self, error: Exception) -> None:
        _log.error("%s is damaged (%s): set aside as .damaged, and written again from the ledger", self._path, error)
        for end in ("", "-wal", "-shm"):
            file = self._path.with_name(self._path.name + end)
            if file.exists():
                file.replace(file.with_name(file.name + ".damaged"))
        self._open()

    async def write(self, points: Sequence[Point]) -> None:
        """See Store."""
        line.lines(points)  # what no other store would take, this one does not take either
        await asyncio.to_thread(self._write, points)

    def _write(self, points: Sequence[Point]) -> None:
        with self._lock:
            try:
                self._insert(points)
            except PermanentError as error:
                if error.reason != "corrupt":
                    raise
                self._connection.close()
                self._set_aside(error)
                raise TransientError(f"{self._path} was damaged: it begins anew") from error

    def _insert(self, points: Sequence[Point]) -> None:
        try:
            with sqlite.transaction(self._connection):
                rows = [(self._series_of(p), p.time, json.dumps(dict(p.fields), sort_keys=True)) for p in points]
                sqlite.insert(self._connection, "INSERT OR REPLACE INTO point", rows)
        except BaseException:
            self._series.clear()  # what is cached may be of the transaction that was rolled back
            raise

    def _series_of(self, point: Point) -> int:
        key = (point.measurement, json.dumps(dict(point.tags), sort_keys=True))
        known = self._series.get(key)
        if known is None:
            self._connection.execute("INSERT OR IGNORE INTO series (measurement, tags) VALUES (?, ?)", key)
            found = self._connection.execute("SELECT id FROM series WHERE measurement = ? AND tags = ?", key).get
            known = self._series[key] = int(found)
        return known

    async def count(self, measurement: str, tags: Tags, first: int, last: int) -> int | None:
        """See Store."""
        return await asyncio.to_thread(lambda: len(self.query(measurement, first, last + 1, dict(tags))))

    async def life(self) -> str:
        """Another file is another life, and an empty one."""
        return self._made

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def query(
        self, measurement: str, start: int = 0, end: int = LATEST, tags: Mapping[str, str] | None = None
    ) -> list[Point]:
        """Points of [start, end) whose tags include `tags`, by time."""
        with self._lock:
            return query(self._connection, measurement, start, end, tags)


def query(
    connection: apsw.Connection,
    measurement: str,
    start: int = 0,
    end: int = LATEST,
    tags: Mapping[str, str] | None = None,
) -> list[Point]:
    """The same over a connection of a reader's own (`gateway.sqlite.read_only`)."""
    found: list[Point] = []
    for series, text in connection.execute("SELECT id, tags FROM series WHERE measurement = ?", (measurement,)):
        own: Tags = tuple(json.loads(text).items())
        if tags and not set(tags.items()) <= set(own):
            continue
        rows = connection.execute(
            "SELECT time, fields FROM point WHERE series = ? AND time >= ? AND time < ?", (series, start, end)
        )
        found += [Point(measurement, own, tuple(json.loads(fields).items()), int(time)) for time, fields in rows]
    return sorted(found, key=lambda point: (point.time, point.tags))
