"""Where the projection of a store is, and how far back it has to go when the store may have lost something."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from gateway.stores.windows import Stretches


class Mark(NamedTuple):
    """Where a store was at a machine time."""

    machine: int
    cursor: int
    swept: int


class Marks:
    """Those of the last while. What was written before the oldest is safe."""

    def __init__(self, first: Mark) -> None:
        self._marks = deque([first])

    @property
    def oldest(self) -> Mark:
        return self._marks[0]

    def add(self, mark: Mark, *, safe: int) -> None:
        """`safe`: machine time before which nothing is in danger."""
        self._marks.append(mark)
        while len(self._marks) > 1 and self._marks[1].machine <= safe:
            self._marks.popleft()


class Held:
    """Rows whose points are written, and whose quarter hours are not yet computed."""

    def __init__(self, cursor: int) -> None:
        """`cursor`: the last row before them."""
        self.last = cursor
        self.rows = 0
        self.more = False
        self.anew = Stretches()
        """Closed quarter hours that are touched by rows which are projected for the first time ..."""
        self.again = Stretches()
        """... and by rows that were projected before."""

    def took(self, last: int, rows: int, *, more: bool) -> None:
        """Some are being written; `more`: others wait behind them."""
        self.last, self.rows, self.more = last, self.rows + rows, more
