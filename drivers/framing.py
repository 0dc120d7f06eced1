"""A framer that several devices share: frames that stand between a mark at their head and one at their end."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from drivers.api import Cut, Framer

LENGTH_KNOWN = 6
"""Bytes of a frame that say how long it is."""


def between_marks(ends: Mapping[bytes, bytes], size: Callable[[bytes], int], longest: int) -> Framer:
    """`ends`: head -> end of a frame. `size`: of the frame that begins with these six bytes; over `longest` is a lie.

    A frame reaches at most to the next head, so a broken one never hides a good one.
    """
    head = re.compile(b"|".join(map(re.escape, ends)))
    width = max(map(len, ends))

    def begun(buffer: bytes) -> int:
        """How many bytes at the end may be the start of a head."""
        longest_start = min(width - 1, len(buffer))
        return next((n for n in range(longest_start, 0, -1) if any(mark.startswith(buffer[-n:]) for mark in ends)), 0)

    def framer(state: bytes, data: bytes) -> Cut:
        buffer = state + data
        heads = [(found.start(), ends[found[0]]) for found in head.finditer(buffer)]
        frames: list[bytes] = []
        dropped: dict[str, int] = {}
        at = 0
        for number, (start, end) in enumerate(heads):
            _drop(dropped, "garbage", start - at)
            following = heads[number + 1][0] if number + 1 < len(heads) else None
            candidate = buffer[start:following]
            wanted = size(candidate) if len(candidate) >= LENGTH_KNOWN else LENGTH_KNOWN + len(end)
            if following is None and len(candidate) < wanted <= longest:
                return Cut(candidate, frames, dropped)  # the rest of it may come
            if len(candidate) >= wanted and wanted <= longest and candidate[:wanted].endswith(end):
                frames.append(candidate[:wanted])
                at = start + wanted
            else:
                at = len(buffer) - begun(buffer) if following is None else following
                _drop(dropped, "oversize" if wanted > longest else "unfinished", at - start)
        rest = begun(buffer[at:])
        _drop(dropped, "garbage", len(buffer) - at - rest)
        return Cut(buffer[len(buffer) - rest :], frames, dropped)

    return framer


def _drop(dropped: dict[str, int], cause: str, size: int) -> None:
    if size:
        dropped[cause] = dropped.get(cause, 0) + size
