"""How far a ledger was read, so that it shows when the archive was put back from an older copy.

Ids go on from where the copy ends, and are soon those of other events. So each life of the archive that commits
something begins an era (gateway/ledger_schema.py), and a cursor says of which era its row is. A copy has the eras of
the file that it was made of; what either commits later is of an era that the other does not know.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from operator import itemgetter
from typing import NamedTuple

from gateway.errors import PermanentError

MOST_CHARACTERS = 27
CURSOR = r"^([0-9]{1,18}(\.[0-9a-f]{8})?)?$"
"""As text. Without an era: of a row that was committed before there were any, or 0."""


class Cursor(NamedTuple):
    """The row up to which everything was read; 0: nothing was."""

    id: int = 0
    era: str = ""

    def __str__(self) -> str:
        return f"{self.id}.{self.era}" if self.era else str(self.id)


class Eras:
    """Which ids are of which era, from some id on."""

    def __init__(self, begun: Sequence[tuple[int, str]] = ()) -> None:
        """`begun`: (first id, era), in order, from the one on that the first id asked for is of."""
        self._begun = begun

    def cursor(self, at: int) -> Cursor:
        """The one behind the row with this id."""
        before = bisect_right(self._begun, at, key=itemgetter(0))
        return Cursor(at, self._begun[before - 1][1] if before else "")


def cursor_of(text: str) -> Cursor:
    """What a cursor says; empty: from the beginning. Raises PermanentError `invalid`."""
    if len(text) > MOST_CHARACTERS or not re.fullmatch(CURSOR, text, re.ASCII):
        raise PermanentError("invalid", "a cursor is what an earlier page gave, or 0")
    number, _, era = text.partition(".")
    return Cursor(int(number or 0), era)
