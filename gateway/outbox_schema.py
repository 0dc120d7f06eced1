"""The outbox file's tables, and the sums by which a row says that it is as it was written.

SQLite notices a page that it cannot walk, not a bit that has changed in a row. `crc` is over all other columns; NULL in
rows that an older hadir wrote, which are judged by their envelope.
"""

from __future__ import annotations

import json
from typing import Any
from zlib import crc32

SCHEMA = (
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
    """
    ALTER TABLE event ADD COLUMN crc INTEGER;
    ALTER TABLE fact ADD COLUMN crc INTEGER;
    """,
)
OLDEST = 2
"""The schema that hadir must know at least to work with a file of this one: later ones add columns that may be NULL.

Raise it only for a change that an older hadir would misread: then that one refuses the file, and the queue waits in it.
"""
EVENT = "INSERT INTO event (boot, sequence, cls, topic, body, recorded, person, unit, act, crc)"
ROWS = "SELECT boot, sequence, cls, topic, body, recorded, person, unit, act, crc FROM event"
FACT = "INSERT OR REPLACE INTO fact (rule, key, body, crc)"
DEAD = "INSERT OR REPLACE INTO dead (boot, sequence, reason, topic, body)"


def event_sum(
    boot: str, sequence: int, cls: str, topic: str, body: bytes, recorded: int, person: str, unit: str, act: int
) -> int:
    """Of a row of `event`, in the order of its columns."""
    head = f"{boot}\0{sequence}\0{cls}\0{topic}\0{recorded}\0{person}\0{unit}\0{act}"
    return crc32(body, crc32(head.encode()))


def is_event(columns: tuple[Any, ...], crc: object) -> bool:
    """Whether a row of `event` is as it was written. One without a sum is taken to be."""
    try:
        return crc is None or crc == event_sum(*columns)
    except TypeError:  # a value of another kind
        return False


def is_fact(rule: str, key: str, body: str, crc: object) -> bool:
    """The same of a row of `fact`; one without a sum must be what a fact is."""
    if crc is not None:
        return crc == fact_sum(rule, key, body)
    try:
        return isinstance(json.loads(body), dict)
    except (TypeError, ValueError):
        return False


def fact_sum(rule: str, key: str, body: str) -> int:
    """Of a row of `fact`."""
    return crc32(f"{rule}\0{key}\0{body}".encode())
