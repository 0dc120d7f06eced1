"""Committed numbers of one boot as few ranges: what was seen once is known for ever, in a few bytes."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator

import apsw

from gateway import sqlite


class Spans:
    """Inclusive ranges that neither touch nor overlap, and which of them changed since `changes` was asked."""

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        """`ranges`: in order, as they were saved."""
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in ranges:
            self._firsts.append(first)
            self._lasts.append(last)
        self._changed: set[int] = set()
        self._gone: set[int] = set()

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._firsts, number) - 1
        return at >= 0 and number <= self._lasts[at]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(zip(self._firsts, self._lasts, strict=True))

    def add(self, number: int) -> bool:
        """Cover one number, joining neighbours; False when it is covered already."""
        firsts, lasts = self._firsts, self._lasts
        at = bisect_right(firsts, number) - 1
        if at >= 0 and number <= lasts[at]:
            return False
        joins_below = at >= 0 and lasts[at] == number - 1
        joins_above = at + 1 < len(firsts) and firsts[at + 1] == number + 1
        if joins_above:
            self._changed.discard(number + 1)
            self._gone.add(number + 1)
        if joins_below and joins_above:
            lasts[at] = lasts[at + 1]
            del firsts[at + 1], lasts[at + 1]
        elif joins_below:
            lasts[at] = number
        elif joins_above:
            firsts[at + 1] = number
        else:
            firsts.insert(at + 1, number)
            lasts.insert(at + 1, number)
        self._changed.add(firsts[at] if joins_below else number)
        return True

    def changes(self) -> tuple[list[int], list[tuple[int, int]]]:
        """Firsts of ranges that are no more, and ranges to save, since the last call."""
        gone, changed = sorted(self._gone), sorted(self._changed)
        self._gone, self._changed = set(), set()
        return gone, [(first, self._lasts[bisect_right(self._firsts, first) - 1]) for first in changed]

    def save(self, connection: apsw.Connection, source: int) -> None:
        """Write what has changed to the table `span`: two steps, however many ranges there are."""
        gone, changed = self.changes()
        if gone:
            connection.execute(
                "DELETE FROM span WHERE source = ? AND first IN (SELECT value FROM json_each(?))",
                (source, json.dumps(gone)),
            )
        sqlite.insert(connection, "INSERT OR REPLACE INTO span", [(source, first, last) for first, last in changed])

    @classmethod
    def load(cls, connection: apsw.Connection, source: int) -> Spans:
        """As they were saved."""
        return cls(connection.execute("SELECT first, last FROM span WHERE source = ? ORDER BY first", (source,)))
