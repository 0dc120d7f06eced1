"""What was mirrored, in the web's database: what each booking is to be, and where a gateway may hold it.

The two are apart: a gateway that refuses a change, or has not answered, still holds what was before.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import apsw

from gateway.clock import SECOND

DAY = 86_400 * SECOND
ASKED, HELD, REFUSED = "asked", "held", "refused"


class Wanted(NamedTuple):
    """A reservation as it should be."""

    ref: str
    place: str
    pid: str
    start: int
    end: int


class Mirrored(NamedTuple):
    """One of them, and what became of it."""

    wanted: Wanted
    state: str
    """asked (and not answered yet), held, refused."""
    kept: str
    """Place at which a gateway holds it, or may hold it, perhaps for other times; empty: none does."""
    command: str
    """Id of the last reserve: who has not answered is asked again under it, and does nothing twice."""
    seen: int
    """Office time of the last answer; 0: it is to be asked for at once."""


class Table:
    """The bookings of one source. Used from the event loop."""

    def __init__(self, connection: apsw.Connection, source: str) -> None:
        self._db = connection
        self._source = source

    def all(self) -> dict[str, Mirrored]:
        """By reference."""
        rows: list[tuple[Any, ...]] = self._db.execute(
            "SELECT ref, place, pid, starts, ends, state, kept, command, seen FROM booking WHERE source = ?",
            (self._source,),
        ).fetchall()
        return {row[0]: Mirrored(Wanted(*row[:5]), *row[5:]) for row in rows}

    def asking(self, one: Wanted, command: str) -> None:
        """A gateway is about to be asked for it: from now on it may hold it."""
        self._db.execute(
            "INSERT OR REPLACE INTO booking (ref, source, place, pid, starts, ends, state, seen, kept, command)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?)",
            (one.ref, self._source, one.place, one.pid, one.start, one.end, ASKED, one.place, command),
        )

    def answered(self, ref: str, state: str, kept: str, now: int) -> None:
        """The gateway has said `state`."""
        self._db.execute("UPDATE booking SET state = ?, kept = ?, seen = ? WHERE ref = ?", (state, kept, now, ref))

    def cancelled(self, ref: str) -> None:
        """No gateway holds it any more."""
        self._db.execute("UPDATE booking SET kept = '', seen = 0 WHERE ref = ?", (ref,))

    def forget(self, ref: str) -> None:
        """It is gone there, and no gateway holds it."""
        self._db.execute("DELETE FROM booking WHERE ref = ?", (ref,))

    def sweep(self, now: int) -> None:
        """Forget what was over a day ago, but not where a gateway may still hold another time of it."""
        self._db.execute(
            "DELETE FROM booking WHERE source = ? AND ends < ? AND (state = ? OR kept = '')",
            (self._source, now - DAY, HELD),
        )


def forget_person(connection: apsw.Connection, pid: str) -> None:
    """In the caller's transaction: what is held for them is given up, and is held for nobody if it still stands."""
    connection.execute("UPDATE booking SET pid = '', state = ?, seen = 0 WHERE pid = ?", (REFUSED, pid))
