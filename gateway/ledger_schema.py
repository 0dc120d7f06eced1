"""The ledger's tables.

`event` holds what names nobody, `person_event` what does; ids go over both, in order of commit, and are never used
twice. `at` is where an event stands in time: its own time, or, of a boot without a synchronized clock (`free`), that
time shifted by the boot's `gateway.clock_corrected`, whichever of the two comes first; NULL until it is known. `span`
is what was ever committed. `projection`, `moved` and `silence` are the stores' cursors and what they must remember.
"""

from __future__ import annotations

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
)
