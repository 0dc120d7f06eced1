"""Alarms that an operator does not want to be told of for a while: by what they are about, until a time."""

from __future__ import annotations

from typing import NamedTuple

import apsw

from gateway.clock import SECOND, Clock

EVERYTHING = "*"
"""As an alarm's name: all of what is about one thing."""
LONGEST_S = 30 * 86_400


class Mute(NamedTuple):
    """One of them."""

    about: str
    name: str
    until: int
    account: str


class Muting:
    """The table `muted`. Times are wall time, never scaled."""

    def __init__(self, connection: apsw.Connection, wall: Clock) -> None:
        self._db, self._wall = connection, wall

    def mute(self, about: str, seconds: int, account: str, name: str = EVERYTHING) -> None:
        """Keep quiet about it for `seconds`, at most LONGEST_S; 0: speak again."""
        now = self._wall.office()
        self._db.execute("DELETE FROM muted WHERE until <= ? OR (about = ? AND name = ?)", (now, about, name))
        if seconds > 0:
            until = now + min(seconds, LONGEST_S) * SECOND
            self._db.execute("INSERT INTO muted VALUES (?, ?, ?, ?, ?)", (about, name, until, account, now))

    def all(self) -> dict[tuple[str, str], Mute]:
        """What is muted now, by (about, name)."""
        rows = self._db.execute(
            "SELECT about, name, until, account FROM muted WHERE until > ? ORDER BY until", (self._wall.office(),)
        )
        return {(str(a), str(n)): Mute(str(a), str(n), int(u), str(who)) for a, n, u, who in rows}

    def of(self, about: str, name: str) -> Mute | None:
        """What keeps an alarm quiet, if something does."""
        found = self.all()
        return found.get((about, EVERYTHING)) or found.get((about, name))
