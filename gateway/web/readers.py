"""How many streams are read at once: of all, and of one account or screen, so that one that leaks locks nobody out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

MOST_EACH = 24
"""Of one account or screen."""


class Readers:
    """Of one kind of stream. From the event loop."""

    def __init__(self, most: int) -> None:
        """`most`: of all together."""
        self._most = most
        self._of: Counter[str] = Counter()

    @property
    def count(self) -> int:
        """How many read now."""
        return self._of.total()

    def has_room(self, who: str) -> bool:
        """Whether one more reader of this account or screen is welcome."""
        return self.count < self._most and self._of[who] < MOST_EACH

    @contextmanager
    def reading(self, who: str) -> Iterator[None]:
        """Counted while it lasts. Enter it where the stream begins: one that never does would keep its place."""
        self._of[who] += 1
        try:
            yield
        finally:
            self._of[who] -= 1
            if not self._of[who]:
                del self._of[who]
