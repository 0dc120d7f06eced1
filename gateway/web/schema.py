"""The web application's own database: accounts, sessions, requests for corrections, and who looked whom up.

Nothing of it is presence: that is the archive's. Times are ns UTC of the machine's wall clock unless a comment says
otherwise.
"""

from __future__ import annotations

from pathlib import Path

import apsw

from gateway import sqlite

SCHEMA = (
    """
    CREATE TABLE account (
        id TEXT PRIMARY KEY, pid TEXT, unit TEXT NOT NULL, roles TEXT NOT NULL, units TEXT NOT NULL,
        place TEXT NOT NULL DEFAULT '', label TEXT NOT NULL DEFAULT '', language TEXT NOT NULL DEFAULT '',
        created INTEGER NOT NULL, disabled INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE UNIQUE INDEX account_pid ON account (pid) WHERE pid NOT NULL;
    CREATE TABLE identity (
        issuer TEXT NOT NULL, subject TEXT NOT NULL, account TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        PRIMARY KEY (issuer, subject)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE code (
        digest BLOB PRIMARY KEY, account TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        expires INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE session (
        digest BLOB PRIMARY KEY, account TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        csrf TEXT NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE token (
        digest BLOB PRIMARY KEY, account TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        label TEXT NOT NULL, created INTEGER NOT NULL, used INTEGER NOT NULL DEFAULT 0
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE lookup (
        id INTEGER PRIMARY KEY, at INTEGER NOT NULL, account TEXT NOT NULL, unit TEXT NOT NULL, pid TEXT NOT NULL,
        what TEXT NOT NULL, reason TEXT NOT NULL
    ) STRICT;
    CREATE INDEX lookup_pid ON lookup (pid, at);
    CREATE TABLE correction (
        id TEXT PRIMARY KEY, pid TEXT NOT NULL, unit TEXT NOT NULL, asked INTEGER NOT NULL, target TEXT NOT NULL,
        kind TEXT NOT NULL, field TEXT NOT NULL, old TEXT NOT NULL, new TEXT NOT NULL, note TEXT NOT NULL,
        state TEXT NOT NULL, decided INTEGER, decided_by TEXT, answer TEXT NOT NULL DEFAULT ''
    ) STRICT;
    CREATE INDEX correction_pid ON correction (pid, asked);
    CREATE INDEX correction_state ON correction (state, asked);
    CREATE TABLE muted (
        about TEXT NOT NULL, name TEXT NOT NULL, until INTEGER NOT NULL, account TEXT NOT NULL, at INTEGER NOT NULL,
        PRIMARY KEY (about, name)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE idempotency (
        account TEXT NOT NULL, key TEXT NOT NULL, request BLOB NOT NULL, status INTEGER NOT NULL, body BLOB NOT NULL,
        at INTEGER NOT NULL, PRIMARY KEY (account, key)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE hook (
        id TEXT PRIMARY KEY, cursor INTEGER NOT NULL, failing_since INTEGER, dead INTEGER NOT NULL DEFAULT 0,
        why TEXT NOT NULL DEFAULT ''
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE booking (
        ref TEXT PRIMARY KEY, source TEXT NOT NULL, place TEXT NOT NULL, pid TEXT NOT NULL, starts INTEGER NOT NULL,
        ends INTEGER NOT NULL, state TEXT NOT NULL, seen INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    """,
    """
    ALTER TABLE session ADD COLUMN id TEXT NOT NULL DEFAULT '';
    ALTER TABLE session ADD COLUMN seen INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE session ADD COLUMN issuer TEXT NOT NULL DEFAULT '';
    ALTER TABLE session ADD COLUMN device TEXT NOT NULL DEFAULT '';
    CREATE INDEX session_account ON session (account, created);
    ALTER TABLE identity ADD COLUMN linked INTEGER NOT NULL DEFAULT 0;
    CREATE UNIQUE INDEX identity_account ON identity (issuer, account);
    """,
    # what was refused may be held all the same, as it was before the change: it is cancelled, which costs nothing
    """
    ALTER TABLE booking ADD COLUMN kept TEXT NOT NULL DEFAULT '';
    ALTER TABLE booking ADD COLUMN command TEXT NOT NULL DEFAULT '';
    UPDATE booking SET kept = place;
    """,
    """
    ALTER TABLE hook ADD COLUMN era TEXT NOT NULL DEFAULT '';
    ALTER TABLE hook ADD COLUMN upper INTEGER;
    ALTER TABLE hook ADD COLUMN upper_era TEXT NOT NULL DEFAULT '';
    """,
)


def connect(path: Path) -> apsw.Connection:
    """Open or make the file. Raises HadirError, as every statement of the connection does."""
    connection = sqlite.by_remedy(sqlite.connect(path, exclusive=False))
    connection.execute("PRAGMA secure_delete=ON")
    sqlite.migrate(connection, SCHEMA)
    return connection
