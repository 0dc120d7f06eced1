"""What a person asked for by the web, kept for a day: until the ledger has it, or to say that it was refused.

A refused act leaves no event, and a refused tap names nobody: without this, nobody could be told of it afterwards.
Times are ns of office time.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass

import apsw

from gateway.clock import SECOND

DAY = 86_400 * SECOND
MOST = 200
"""Of one person; the oldest are forgotten."""
SENT, REFUSED, UNSURE = "sent", "refused", "unsure"
_TABLE = """
CREATE TABLE IF NOT EXISTS attempt (
    id TEXT PRIMARY KEY, pid TEXT NOT NULL, at INTEGER NOT NULL, act TEXT NOT NULL, place TEXT NOT NULL,
    state TEXT NOT NULL, reason TEXT NOT NULL, events TEXT NOT NULL, ref TEXT NOT NULL, starts INTEGER NOT NULL,
    ends INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS attempt_pid ON attempt (pid, at);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One command and what became of it."""

    id: str
    pid: str
    at: int
    act: str
    """checkin, checkout, reserve, cancel, extend, arrive, depart."""
    place: str
    state: str
    """sent: the gateway has carried it out; refused; unsure: nobody answered."""
    reason: str = ""
    events: tuple[str, ...] = ()
    """Ids of what it caused."""
    ref: str = ""
    """Of a booking, with its beginning and end."""
    starts: int = 0
    ends: int = 0

    def is_stored(self, ids: Collection[str]) -> bool:
        """Whether the ledger, which has these ids of the person, has what it caused. Some acts cause no event."""
        return not self.events or any(event in ids for event in self.events)


class Attempts:
    """The table, in the web's database, which forgets all of a person by their pid."""

    def __init__(self, database: apsw.Connection) -> None:
        self._db = database
        database.execute(_TABLE)

    def note(self, attempt: Attempt) -> None:
        """Remember it; what is older than a day goes, of everybody."""
        self._db.execute("DELETE FROM attempt WHERE at < ?", (attempt.at - DAY,))
        self._db.execute(
            "INSERT OR REPLACE INTO attempt VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                attempt.id,
                attempt.pid,
                attempt.at,
                attempt.act,
                attempt.place,
                attempt.state,
                attempt.reason,
                json.dumps(attempt.events),
                attempt.ref,
                attempt.starts,
                attempt.ends,
            ),
        )
        self._db.execute(
            "DELETE FROM attempt WHERE pid = ?1 AND id NOT IN"
            " (SELECT id FROM attempt WHERE pid = ?1 ORDER BY at DESC LIMIT ?2)",
            (attempt.pid, MOST),
        )

    def of(self, pid: str, since: int) -> list[Attempt]:
        """A person's, oldest first."""
        rows = self._db.execute("SELECT * FROM attempt WHERE pid = ? AND at >= ? ORDER BY at", (pid, since))
        return [_read(row) for row in rows]

    def one(self, pid: str, identity: str) -> Attempt | None:
        """One of a person's own; None: there is none."""
        row = self._db.execute("SELECT * FROM attempt WHERE id = ? AND pid = ?", (identity, pid)).fetchone()
        return None if row is None else _read(row)


def _read(row: tuple[object, ...]) -> Attempt:
    identity, pid, at, act, place, state, reason, events, ref, starts, ends = row
    return Attempt(
        id=str(identity),
        pid=str(pid),
        at=int(str(at)),
        act=str(act),
        place=str(place),
        state=str(state),
        reason=str(reason),
        events=tuple(map(str, json.loads(str(events)))),
        ref=str(ref),
        starts=int(str(starts)),
        ends=int(str(ends)),
    )
