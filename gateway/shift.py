"""Stores that keep milliseconds only: points of one series must not share one, and the ledger remembers who moved.

An event's point that would stand where an earlier one stands takes the next free millisecond. A window's point that is
computed anew takes the next one after its last, because such a store keeps any of two points at one time: readers take
the last point of the quarter hour.
"""

from __future__ import annotations

from gateway.ledger import Move
from gateway.ledger_view import Stored, View
from gateway.stores.base import Point
from gateway.stores.points import MS, siblings
from gateway.stores.windows import SECOND

MOST_REMEMBERED = 20_000
"""Moves kept in memory until they are in the ledger for certain."""


class Shifter:
    """Of one store. One thread at a time; `take_moves` gives what the ledger is to remember."""

    def __init__(self, view: View, store: str) -> None:
        self._view = view
        self._store = store
        self._owners: dict[tuple[str, int], int] = {}
        self._given: set[tuple[str, int]] = set()
        self._new: list[Move] = []

    def event(self, point: Point, row: Stored) -> Point:
        """The point at a millisecond of its own."""
        series = _series(point, row.subject)
        wanted = point.time // MS
        given = self._known(series, row.id)
        if given is None:
            given = wanted
            while self._taken(series, row, given):
                given += 1
            if given != wanted:
                self._move(Move(series, row.id, given))
        return point if given == wanted else point._replace(time=given * MS)

    def window(self, point: Point, *, anew: bool) -> Point:
        """The point at its window's start, or, if it was told before, behind what was told."""
        series = _series(point, "/".join(value for _, value in point.tags[:5]))
        start = point.time // MS
        owner = -(point.time // SECOND)
        last = self._known(series, owner)
        if anew:
            last = (start if last is None else last) + 1
            self._move(Move(series, owner, last))
        return point if last is None else point._replace(time=last * MS)

    def take_moves(self) -> tuple[Move, ...]:
        """What has moved since the last call."""
        moves, self._new = tuple(self._new), []
        return moves

    def _known(self, series: str, owner: int) -> int | None:
        found = self._owners.get((series, owner))
        return self._view.moved(self._store, series, owner) if found is None else found

    def _taken(self, series: str, row: Stored, millisecond: int) -> bool:
        if (series, millisecond) in self._given or self._view.is_given(self._store, series, millisecond):
            return True
        at_home = millisecond * MS <= (row.at or 0) < (millisecond + 1) * MS
        for other in self._view.ids_in(row.subject, siblings(row.type), millisecond):
            # of several at home in one millisecond the first that was committed stays; elsewhere nobody is a guest
            if other != row.id and (other < row.id or not at_home) and self._known(series, other) is None:
                return True
        return False

    def _move(self, move: Move) -> None:
        if len(self._owners) > MOST_REMEMBERED:
            self._owners.clear()
            self._given.clear()
        self._owners[move.series, move.owner] = move.given
        self._given.add((move.series, move.given))
        self._new.append(move)


def _series(point: Point, subject: str) -> str:
    return f"{point.measurement} {subject}"
