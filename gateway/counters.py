"""Counters: every loss is counted where it happens, by cause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping


class Counters:
    """Monotonic counts of one daemon, by name and cause. Used from the event loop's thread only.

    Names are dotted and stable, they are part of `health`: `decode.dropped`, `people.unknown`.
    A cause is one of a small fixed set; nothing that came from outside may be a cause.
    """

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, name: str, cause: str = "", n: int = 1) -> None:
        """Count `n` more of `name`, for `cause`."""
        self._counts[name, cause] += n

    def get(self, name: str, cause: str | None = None) -> int:
        """The count of `name` for one cause, or over all causes."""
        if cause is not None:
            return self._counts[name, cause]
        return sum(n for (found, _), n in self._counts.items() if found == name)

    def snapshot(self) -> Mapping[str, int]:
        """All counts, `name` or `name{cause}` -> n, sorted: what `health` carries."""
        return {f"{name}{{{cause}}}" if cause else name: n for (name, cause), n in sorted(self._counts.items())}
