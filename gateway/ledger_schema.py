"""The ledger's file: its tables, how it is opened, and what projections keep in it.

`event` holds what names nobody, `person_event` what does; ids go over both, in order of commit, and are never used
twice. `at` is where an event stands in time: its own time, or, of a boot without a synchronized clock (`free`), that
time shifted by the boot's `gateway.clock_corrected`, whichever of the two comes first; NULL until it is known. `span`
is what was ever committed. `era`: each life of the archive begins one with its first commit, from that id on; so what
was read of this file can be told from what was read of one that went on from a copy of it, under the same ids.
`projection`, `moved` and `silence` are the stores' cursors and what they must remember.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import apsw

from gateway import sqlite
from gateway.errors import ConfigError, HadirError, Problem, TransientError

BUSY_MS = 5000
"""How long a statement waits for another connection."""
CACHE_KB, CHECKPOINT_PAGES = 8_000, 4_000
"""Each place has a page of its own in an index: with SQLite's own 2 MB and 1,000 pages a commit took twice as long once
the ledger held 200,000 events, and longer with each more."""
_DAMAGED = (
    "the ledger is damaged ({}). Keep a copy of it and of its -wal file; then put back a backup, or save what can be"
    " read: sqlite3 ledger.sqlite .recover | sqlite3 new.sqlite. Without the file the archive begins empty: gateways"
    " send again what was not acknowledged, and what was acknowledged is in this file only"
)
SCHEMA = (
    """
    CREATE TABLE source (
        id INTEGER PRIMARY KEY, gateway TEXT NOT NULL, boot TEXT NOT NULL, UNIQUE (gateway, boot)
    ) STRICT;
    CREATE TABLE event (
        id INTEGER PRIMARY KEY, source INTEGER NOT NULL REFERENCES source (id), sequence INTEGER NOT NULL,
        cls TEXT NOT NULL, type TEXT NOT NULL, subject TEXT NOT NULL, time INTEGER NOT NULL,
        recorded INTEGER NOT NULL, body BLOB NOT NULL, free INTEGER NOT NULL, at INTEGER, UNIQUE (source, sequence)
    ) STRICT;
    CREATE INDEX event_subject ON event (subject, type, at);
    CREATE INDEX event_free ON event (source) WHERE free;
    CREATE INDEX event_type ON event (type);
    CREATE TABLE person_event (
        id INTEGER PRIMARY KEY, source INTEGER NOT NULL REFERENCES source (id), sequence INTEGER NOT NULL,
        cls TEXT NOT NULL, type TEXT NOT NULL, subject TEXT NOT NULL, time INTEGER NOT NULL,
        recorded INTEGER NOT NULL, body BLOB NOT NULL, free INTEGER NOT NULL, at INTEGER,
        pid TEXT NOT NULL, unit TEXT NOT NULL, stored INTEGER NOT NULL, UNIQUE (source, sequence)
    ) STRICT;
    CREATE INDEX person_event_pid ON person_event (pid, time);
    CREATE INDEX person_event_time ON person_event (time);
    CREATE INDEX person_event_stored ON person_event (stored);
    CREATE TABLE correction (
        gateway TEXT NOT NULL, boot TEXT NOT NULL, offset INTEGER NOT NULL, by TEXT NOT NULL,
        PRIMARY KEY (gateway, boot)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE span (
        source INTEGER NOT NULL REFERENCES source (id), first INTEGER NOT NULL, last INTEGER NOT NULL,
        PRIMARY KEY (source, first)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE erased (pid TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE last_id (one INTEGER PRIMARY KEY CHECK (one = 1), id INTEGER NOT NULL) STRICT;
    INSERT INTO last_id VALUES (1, 0);
    CREATE TABLE projection (
        store TEXT PRIMARY KEY, cursor INTEGER NOT NULL, safe INTEGER NOT NULL, swept INTEGER NOT NULL,
        instance TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE moved (
        store TEXT NOT NULL, series TEXT NOT NULL, owner INTEGER NOT NULL, given INTEGER NOT NULL,
        PRIMARY KEY (store, series, owner)
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX moved_given ON moved (store, series, given);
    CREATE TABLE silence (gateway TEXT PRIMARY KEY, since INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    """,
    "CREATE TABLE era (first INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE) STRICT;",
)
OLDEST = 1
"""The version that a program must know at least: an older hadir goes on with the file."""


class Progress(NamedTuple):
    """How far a store has been projected; ids of the ledger, and ns."""

    cursor: int = 0
    safe: int = 0
    """Where the cursor was a while ago: a store that lost its last minutes is healed from here."""
    swept: int = 0
    """Windows that end at or before this office time have been computed."""
    instance: str = ""
    """What the store said that it is when it was written to last."""


class Move(NamedTuple):
    """A point that stands at another millisecond than its own, because that one is taken."""

    series: str
    owner: int
    """Id of the event; of a computed window its negated start, s."""
    given: int
    """Millisecond."""


Noted = Mapping[str, tuple[Progress, tuple[Move, ...]]]
"""By store: how far it is, and what has moved since that was written last."""


class Notes:
    """What projections want remembered, until the next commit takes it along. Any thread may call."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._noted: dict[str, tuple[Progress, tuple[Move, ...]]] = {}

    def __bool__(self) -> bool:
        return bool(self._noted)

    def add(self, store: str, progress: Progress, moves: Iterable[Move]) -> None:
        """The latest progress, and all moves."""
        with self._lock:
            _, old = self._noted.get(store, (progress, ()))
            self._noted[store] = (progress, (*old, *moves))

    def take(self) -> Noted:
        """Everything; there is nothing left."""
        with self._lock:
            noted, self._noted = self._noted, {}
        return noted

    def put_back(self, noted: Noted) -> None:
        """What was taken was not written: it stands before what came meanwhile."""
        with self._lock:
            for store, (progress, moves) in noted.items():
                newer, more = self._noted.get(store, (progress, ()))
                self._noted[store] = (newer, (*moves, *more))


def write_notes(connection: apsw.Connection, noted: Noted) -> None:
    """As part of a transaction."""
    for store, (progress, moves) in noted.items():
        connection.execute("INSERT OR REPLACE INTO projection VALUES (?, ?, ?, ?, ?)", (store, *progress))
        sqlite.insert(connection, "INSERT OR REPLACE INTO moved", [(store, *move) for move in moves])


def new_era() -> str:
    """Of a life of the archive; eight hexadecimal digits."""
    return secrets.token_hex(4)


def advance(connection: apsw.Connection, before: int, last: int, era: str) -> None:
    """As part of a transaction: ids behind `before` were given out, up to `last`."""
    connection.execute("UPDATE last_id SET id = ?", (last,))
    connection.execute("INSERT OR IGNORE INTO era VALUES (?, ?)", (before + 1, era))


def connect(path: Path, vfs: str | None = None) -> apsw.Connection:
    """Open or make the file. Raises HadirError; ConfigError that says what to do when it is damaged."""
    try:
        connection = sqlite.connect(path, vfs=vfs, exclusive=False)
        connection.execute(f"PRAGMA cache_size=-{CACHE_KB}")
        connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
        connection.execute("PRAGMA secure_delete=ON")  # what is erased leaves no bytes on free pages
        sqlite.migrate(connection, SCHEMA, OLDEST)
    except (apsw.Error, HadirError) as error:
        cause = error if isinstance(error, apsw.Error) else error.__cause__
        if isinstance(cause, (apsw.CorruptError, apsw.NotADBError)):
            raise damaged(path, cause) from error
        found = sqlite.remedy(error) if isinstance(error, apsw.Error) else error
        kind = TransientError if isinstance(found, TransientError) else HadirError
        raise kind(f"{found}" if str(path) in str(found) else f"{path}: {found}") from error
    return connection


def damaged(path: Path, why: object) -> ConfigError:
    """What is said of a ledger that cannot be read: starting again would not help."""
    return ConfigError(Problem(file=str(path), line=None, text=_DAMAGED.format(why)))
