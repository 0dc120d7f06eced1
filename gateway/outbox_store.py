"""The outbox's table: what SQLite does for outbox.py, in its one worker thread. Nothing here waits or retries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from pydantic_core import to_json

from gateway import sqlite
from gateway.contract.envelope import erased
from gateway.errors import TransientError

_SCHEMA = (
    """
    CREATE TABLE event (
        boot TEXT NOT NULL, sequence INTEGER NOT NULL, cls TEXT NOT NULL, topic TEXT NOT NULL, body BLOB NOT NULL,
        recorded INTEGER NOT NULL, person TEXT NOT NULL, unit TEXT NOT NULL, act INTEGER NOT NULL,
        PRIMARY KEY (boot, sequence)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX event_person ON event (person) WHERE person <> '';
    CREATE TABLE fact (
        rule TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (rule, key)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE dead (
        boot TEXT NOT NULL, sequence INTEGER NOT NULL, reason TEXT NOT NULL, topic TEXT NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (boot, sequence)
    ) STRICT, WITHOUT ROWID;
    """,
)
OVERHEAD = 64
"""Bytes a row costs beside topic and body: for the bound, not for accounting."""
MOST_DEAD = 10_000
VACUUM_PAGES = 256
"""Free pages given back a commit: the file shrinks after a drain, and no commit is long."""


class Row(NamedTuple):
    """A committed event."""

    boot: str
    sequence: int
    cls: str
    topic: str
    body: bytes
    recorded_at: int
    """Office time, ns."""
    committed_machine: int
    """Machine time of the commit, ns; 0 for rows read back after a restart."""
    person: str
    unit: str


COMMITTED = Row._fields.index("committed_machine")
"""The one field of a Row that is no column: between the others, which stand in the table's order."""


def committed(row: Row, at: int) -> Row:
    """The row, with the machine time of its commit. Once an event: `_replace` takes three times as long."""
    boot, sequence, cls, topic, body, recorded, _, person, unit = row
    return Row(boot, sequence, cls, topic, body, recorded, at, person, unit)


class Gap(NamedTuple):
    """Events that were given up before the archive had them: declared by `gateway.gap`."""

    boot: str
    first: int
    last: int
    lost: int


class Table:
    """One open outbox file."""

    def __init__(self, path: Path, ballast: Path, ballast_bytes: int, vfs: str | None = None) -> None:
        self._ballast = ballast
        self._ballast_bytes = ballast_bytes
        try:
            self._connection = sqlite.connect(path, vfs=vfs)
        except TransientError:
            if not self.free_ballast():
                raise
            self._connection = sqlite.connect(path, vfs=vfs)  # an earlier life left no room to read its own log
        sqlite.migrate(self._connection, _SCHEMA)
        self.bytes, self.count = self._measure()
        self.fill_ballast()

    def _measure(self) -> tuple[int, int]:
        row = self._connection.execute(
            "SELECT coalesce(sum(length(body) + length(topic) + ?), 0), count(*) FROM event", (OVERHEAD,)
        ).get
        return int(row[0]), int(row[1])

    def close(self) -> None:
        self._connection.close()

    def _all(self, statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement, values).fetchall()

    def commit(self, rows: Sequence[Row], facts: Iterable[tuple[str, str, str | None]], acts: Sequence[int]) -> None:
        """Insert rows and facts in the running transaction; of several facts of one key the last one stays."""
        sqlite.insert(
            self._connection,
            "INSERT INTO event",
            [(*row[:COMMITTED], *row[COMMITTED + 1 :], act) for row, act in zip(rows, acts, strict=True)],
        )
        latest = {(rule, key): body for rule, key, body in facts}
        kept = [(rule, key, body) for (rule, key), body in latest.items() if body is not None]
        sqlite.insert(self._connection, "INSERT OR REPLACE INTO fact", kept)
        for (rule, key), body in latest.items():
            if body is None:
                self._connection.execute("DELETE FROM fact WHERE rule = ? AND key = ?", (rule, key))

    def transaction(self) -> Any:
        """Context of one transaction; errors come out by remedy."""
        return sqlite.transaction(self._connection)

    def facts(self, rule: str) -> list[tuple[str, str]]:
        return [
            (str(k), str(b)) for k, b in self._connection.execute("SELECT key, body FROM fact WHERE rule = ?", (rule,))
        ]

    def pending(self, after: tuple[str, int] | None, limit: int, max_bytes: int) -> list[Row]:
        boot, sequence = after or ("", -1)
        rows: list[Row] = []
        size = 0
        for b, s, cls, topic, body, recorded, person, unit in self._connection.execute(
            "SELECT boot, sequence, cls, topic, body, recorded, person, unit FROM event"
            " WHERE (boot, sequence) > (?, ?) ORDER BY boot, sequence LIMIT ?",
            (boot, sequence, limit),
        ):
            size += len(body)
            if rows and size > max_bytes:
                break
            rows.append(Row(b, s, cls, topic, body, recorded, 0, person, unit))
        return rows

    def retire(self, boot: str, ranges: Iterable[tuple[int, int]]) -> int:
        """Delete what the archive has committed, in the running transaction; rows deleted."""
        gone = 0
        for first, last in ranges:
            values = (boot, first, last)
            count, size = self._all(
                "SELECT count(*), coalesce(sum(length(body) + length(topic)), 0) FROM event"
                " WHERE boot = ? AND sequence BETWEEN ? AND ?",
                values,
            )[0]
            if count:
                self._connection.execute("DELETE FROM event WHERE boot = ? AND sequence BETWEEN ? AND ?", values)
                gone += count
                self.bytes -= size + count * OVERHEAD
        self.count -= gone
        return gone

    def refuse(self, boot: str, sequence: int, reason: str) -> None:
        """Move one event to the dead letters, in the running transaction."""
        row = self._connection.execute(
            "DELETE FROM event WHERE boot = ? AND sequence = ? RETURNING topic, body", (boot, sequence)
        ).fetchone()
        if row is None:
            return
        self.bytes -= len(row[0]) + len(row[1]) + OVERHEAD
        self.count -= 1
        self._connection.execute("INSERT OR REPLACE INTO dead VALUES (?, ?, ?, ?, ?)", (boot, sequence, reason, *row))
        self._connection.execute(
            "DELETE FROM dead WHERE (boot, sequence) IN (SELECT boot, sequence FROM dead"
            " ORDER BY boot DESC, sequence DESC LIMIT -1 OFFSET ?)",
            (MOST_DEAD,),
        )

    def dead_letters(self, limit: int) -> list[tuple[str, int, str, str, bytes]]:
        return [
            (str(b), int(s), str(r), str(t), bytes(body))
            for b, s, r, t, body in self._connection.execute(
                "SELECT * FROM dead ORDER BY boot, sequence LIMIT ?", (limit,)
            )
        ]

    def dead_count(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM dead").get)

    def oldest(self) -> int | None:
        """recorded_at of the oldest event."""
        found = self._connection.execute("SELECT recorded FROM event ORDER BY boot, sequence LIMIT 1").get
        return None if found is None else int(found)

    def drop_oldest(self, to_bytes: int, before: int) -> list[Gap]:
        """Give up events until the rest fits `to_bytes`, and all recorded before `before`; acts of people go last."""
        gaps: list[Gap] = []
        for act in (0, 1):
            while self.bytes > to_bytes or self._any_before(before, act):
                rows = self._all(
                    "DELETE FROM event WHERE (boot, sequence) IN (SELECT boot, sequence FROM event WHERE act = ?"
                    " ORDER BY boot, sequence LIMIT 500) AND (? OR recorded < ?)"
                    " RETURNING boot, sequence, length(body) + length(topic)",
                    (act, self.bytes > to_bytes, before),
                )
                if not rows:
                    break
                self.count -= len(rows)
                self.bytes -= sum(size + OVERHEAD for _, _, size in rows)
                for boot in sorted({str(b) for b, _, _ in rows}):
                    numbers = [s for b, s, _ in rows if b == boot]
                    gaps.append(Gap(boot, min(numbers), max(numbers), len(numbers)))
        return gaps

    def _any_before(self, before: int, act: int) -> bool:
        oldest = self.oldest()
        if oldest is None or oldest >= before:
            return False  # without a look at every row for the first act
        found = self._connection.execute(
            "SELECT recorded FROM event WHERE act = ? ORDER BY boot, sequence LIMIT 1", (act,)
        ).get
        return found is not None and int(found) < before

    def erase(self, person: str) -> int:
        """Replace the bodies of a person's events and dead letters; the sequence stays, so that no gap appears."""
        rows = self._all("SELECT boot, sequence, body FROM event WHERE person = ?", (person,))
        for boot, sequence, body in rows:
            empty = erased(bytes(body))
            self.bytes += len(empty) - len(body)
            self._connection.execute(
                "UPDATE event SET body = ?, person = '' WHERE boot = ? AND sequence = ?", (empty, boot, sequence)
            )
        dead = self._all("SELECT boot, sequence, body FROM dead WHERE instr(body, ?)", (person.encode(),))
        for boot, sequence, body in dead:
            self._connection.execute(
                "UPDATE dead SET body = ? WHERE boot = ? AND sequence = ?", (erased(bytes(body)), boot, sequence)
            )
        return len(rows) + len(dead)

    def vacuum(self) -> None:
        """Give some free pages back to the file system, once half of the file is free.

        Each page that goes has to take in one that is in use from the file's end: the emptier the file, the fewer. At
        the end of a drain none is left to be moved.
        """
        free = int(self._connection.execute("PRAGMA freelist_count").get or 0)
        if free > VACUUM_PAGES and 2 * free > int(self._connection.execute("PRAGMA page_count").get):
            self._connection.execute(f"PRAGMA incremental_vacuum({VACUUM_PAGES})").fetchall()

    def make_room(self) -> bool:
        """Empty the write-ahead log into the file, then allocate the ballast again: whether there is room to go on.

        Raises TransientError.
        """
        sqlite.checkpoint(self._connection)
        return self.fill_ballast()

    def free_ballast(self) -> bool:
        """Remove the ballast so that a full disk has room to delete; False when it is gone already."""
        try:
            self._ballast.unlink()
        except FileNotFoundError:
            return False
        return True

    def fill_ballast(self) -> bool:
        """Allocate the ballast again, where there is room."""
        if not self._ballast_bytes or self._ballast.exists():
            return True
        fresh = self._ballast.with_suffix(".new")
        try:
            with fresh.open("wb") as out:
                out.write(b"\0" * self._ballast_bytes)
            fresh.replace(self._ballast)
        except OSError:
            with suppress(OSError):
                fresh.unlink()
            return False
        return True


def fact_rows(facts: Iterable[tuple[str, str, Mapping[str, Any] | None]]) -> list[tuple[str, str, str | None]]:
    """Facts as rows of text."""
    return [(rule, key, None if body is None else to_json(body).decode()) for rule, key, body in facts]


def highest_boot(path: Path) -> str:
    """The greatest boot in an outbox that no daemon has open; "" where there is none."""
    if not path.exists():
        return ""
    connection = sqlite.connect(path)
    try:
        sqlite.migrate(connection, _SCHEMA)
        return str(
            connection.execute(
                "SELECT max(coalesce((SELECT max(boot) FROM event), ''), coalesce((SELECT max(boot) FROM dead), ''))"
            ).get
        )
    finally:
        connection.close()
