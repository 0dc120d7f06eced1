"""The archive's ledger: the commit. (gateway, boot, sequence) is unique; order of arrival does not matter.

Acknowledgements follow its commits, and time-series stores are projections of it. What was committed is remembered as
ranges, so that a duplicate is recognised also after a person was erased or a row has outlived its retention.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import apsw

from gateway import sqlite
from gateway.contract.envelope import Envelope

_SCHEMA = (
    """
    CREATE TABLE event (
        id INTEGER PRIMARY KEY, gateway TEXT NOT NULL, boot TEXT NOT NULL, sequence INTEGER NOT NULL,
        cls TEXT NOT NULL, type TEXT NOT NULL, subject TEXT NOT NULL, time INTEGER NOT NULL, body BLOB,
        UNIQUE (gateway, boot, sequence)
    ) STRICT;
    CREATE INDEX event_subject ON event (subject, time);
    CREATE TABLE person_event (
        id INTEGER PRIMARY KEY REFERENCES event (id), pid TEXT NOT NULL, unit TEXT NOT NULL, time INTEGER NOT NULL,
        body BLOB NOT NULL
    ) STRICT;
    CREATE INDEX person_event_pid ON person_event (pid, time);
    CREATE INDEX person_event_time ON person_event (time);
    CREATE TABLE span (
        gateway TEXT NOT NULL, boot TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
        PRIMARY KEY (gateway, boot, first)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE erased (pid TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE cursor (store TEXT PRIMARY KEY, id INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    """,
)

Key = tuple[str, str]
"""(gateway, boot)."""


class Stored(NamedTuple):
    """A row of the ledger."""

    id: int
    gateway: str
    boot: str
    sequence: int
    cls: str
    type: str
    subject: str
    time: int
    body: bytes
    """Empty when the person was erased."""


class Ledger:
    """One file, one writer. Its methods block: ingest.py calls them in a worker thread."""

    def __init__(self, path: Path, *, vfs: str | None = None) -> None:
        """Open or make it. Raises HadirError."""
        self._connection = sqlite.connect(path, vfs=vfs, exclusive=False)
        sqlite.migrate(self._connection, _SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def commit(self, events: Sequence[Envelope]) -> list[bool]:
        """Commit what is new, in one transaction; for each event whether it was (False: a duplicate)."""
        if not events:
            return []
        with sqlite.transaction(self._connection):
            return [self._insert(event) for event in events]

    def _insert(self, event: Envelope) -> bool:
        if not self._cover(event.gateway, event.boot, event.sequence):
            return False
        erased = bool(event.person) and self._is_erased(event.person)
        self._connection.execute(
            "INSERT INTO event (gateway, boot, sequence, cls, type, subject, time, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                event.gateway,
                event.boot,
                event.sequence,
                event.cls,
                event.type,
                event.subject,
                event.time,
                None if event.person else event.raw,
            ),
        )
        if event.person and not erased:
            self._connection.execute(
                "INSERT INTO person_event VALUES (?, ?, ?, ?, ?)",
                (self._connection.last_insert_rowid(), event.person, event.unit, event.time, event.raw),
            )
        return True

    def _cover(self, gateway: str, boot: str, sequence: int) -> bool:
        """Add one number to the committed ranges, merging neighbours; False when it is covered already."""
        run = self._connection.execute
        below = run(
            "SELECT first, last FROM span WHERE gateway = ? AND boot = ? AND first <= ? ORDER BY first DESC LIMIT 1",
            (gateway, boot, sequence),
        ).fetchone()
        if below is not None and sequence <= below[1]:
            return False
        above = run(
            "SELECT first, last FROM span WHERE gateway = ? AND boot = ? AND first = ?", (gateway, boot, sequence + 1)
        ).fetchone()
        first = below[0] if below is not None and below[1] == sequence - 1 else sequence
        last = sequence if above is None else above[1]
        if above is not None:
            run("DELETE FROM span WHERE gateway = ? AND boot = ? AND first = ?", (gateway, boot, above[0]))
        run("INSERT OR REPLACE INTO span VALUES (?, ?, ?, ?)", (gateway, boot, first, last))
        return True

    def _is_erased(self, pid: str) -> bool:
        return self._connection.execute("SELECT 1 FROM erased WHERE pid = ?", (pid,)).get is not None

    # --- reading ----------------------------------------------------------------------------------------------------

    def spans(self, gateway: str, boot: str) -> list[tuple[int, int]]:
        """Committed ranges, inclusive, in order."""
        rows = self._connection.execute(
            "SELECT first, last FROM span WHERE gateway = ? AND boot = ? ORDER BY first", (gateway, boot)
        )
        return [(int(first), int(last)) for first, last in rows]

    def boots(self) -> dict[Key, int]:
        """Committed events of each (gateway, boot)."""
        rows = self._connection.execute("SELECT gateway, boot, sum(last - first + 1) FROM span GROUP BY gateway, boot")
        return {(str(gateway), str(boot)): int(count) for gateway, boot, count in rows}

    def after(self, cursor: int, limit: int = 1000) -> list[Stored]:
        """Rows committed behind `cursor`, in order of commit."""
        return list(_rows(self._connection, "WHERE event.id > ? ORDER BY event.id LIMIT ?", (cursor, limit)))

    def all(self) -> Iterator[Stored]:
        """Every row, in order of commit."""
        return _rows(self._connection, "ORDER BY event.id", ())

    def cursor(self, store: str) -> int:
        """How far `store` has been projected."""
        return int(self._connection.execute("SELECT id FROM cursor WHERE store = ?", (store,)).get or 0)

    def set_cursor(self, store: str, cursor: int) -> None:
        """Remember it, durably."""
        with sqlite.transaction(self._connection):
            self._connection.execute("INSERT OR REPLACE INTO cursor VALUES (?, ?)", (store, cursor))

    # --- people -----------------------------------------------------------------------------------------------------

    def erase(self, pid: str, at: int) -> int:
        """Delete a person's rows and refuse what may still arrive of them; rows deleted."""
        with sqlite.transaction(self._connection):
            self._connection.execute("INSERT OR IGNORE INTO erased VALUES (?, ?)", (pid, at))
            gone = self._connection.execute("DELETE FROM person_event WHERE pid = ? RETURNING 1", (pid,)).fetchall()
        return len(gone)

    def retain(self, before: int) -> int:
        """Delete person rows that are older than `before`; rows deleted."""
        with sqlite.transaction(self._connection):
            gone = self._connection.execute("DELETE FROM person_event WHERE time < ? RETURNING 1", (before,)).fetchall()
        return len(gone)


def read(path: Path) -> list[Stored]:
    """Every row of a ledger that another process may be writing, in order of commit. Raises HadirError."""
    connection = sqlite.read_only(path)
    try:
        return list(_rows(connection, "ORDER BY event.id", ()))
    finally:
        connection.close()


def _rows(connection: apsw.Connection, where: str, values: tuple[object, ...]) -> Iterator[Stored]:
    for row in connection.execute(
        "SELECT event.id, gateway, boot, sequence, cls, type, subject, event.time,"  # noqa: S608 `where` is ours
        f" coalesce(event.body, person_event.body, x'') FROM event LEFT JOIN person_event USING (id) {where}",
        values,
    ):
        yield Stored(*row)
