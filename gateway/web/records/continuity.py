"""Whether the ledger is still the one that was read before, and what went when it was put back from an older copy.

What gateways had told the archive that was replaced they have let go: nothing brings it again. How complete the record
is must not be said by what was proven of the other file, and days of which something went are never complete.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gateway.web.records.cursors import Cursor, cursor_of
from gateway.web.records.rows import Rows

MOST_ERAS, MOST_REPLACED = 16, 100


class Replaced(NamedTuple):
    """What happened between these may have been told to an archive that is no more. Office time, ns."""

    since: int
    """When the last was recorded that both files have; 0: they have nothing in common."""
    until: int
    """When it was noticed."""


class Continuity:
    """Of one ledger. `follow` from one thread at a time; others may ask meanwhile."""

    def __init__(self) -> None:
        self._seen: tuple[Cursor, ...] = ()
        """The last row that was seen of each era, the latest last."""
        self.replaced: tuple[Replaced, ...] = ()

    def restore(self, seen: Iterable[str], replaced: Iterable[Sequence[int]]) -> None:
        """As `kept` gave it to an earlier process. Raises PermanentError, ValueError."""
        self._seen = tuple(map(cursor_of, seen))
        self.replaced = tuple(Replaced(int(since), int(until)) for since, until in replaced)

    @property
    def kept(self) -> tuple[list[str], list[list[int]]]:
        """For `restore`, JSON values."""
        return [str(cursor) for cursor in self._seen], [list(each) for each in self.replaced]

    def holds(self, rows: Rows) -> bool:
        """Whether the ledger has what was seen last."""
        return not self._seen or rows.knows(self._seen[-1])

    def follow(self, rows: Rows, now: int) -> None:
        """See how far it is, at this office time, and what has gone if it was replaced since the last time."""
        seen = self._seen
        if not self.holds(rows):
            common = next((found for each in reversed(seen) if (found := rows.common(each)).id), Cursor())
            since = rows.said_at(common.id)
            self.replaced = (*self.replaced, Replaced(since, max(since, now)))[-MOST_REPLACED:]
            seen = ()
        newest = rows.newest()
        self._seen = (*(each for each in seen if each.era != newest.era), newest)[-MOST_ERAS:]
