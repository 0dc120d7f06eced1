"""Lines of a byte stream that nobody vouches for: bounded, whatever is in it."""

from __future__ import annotations


class Lines:
    """A fold over blocks of bytes. A line longer than `longest` comes out as None, once, and the next one is found."""

    def __init__(self, longest: int) -> None:
        """`longest`: bytes of a line without its end."""
        self._longest = longest
        self._kept = b""
        self._skipping = False

    def feed(self, block: bytes) -> list[bytes | None]:
        """Whole lines that `block` completes, without their ends."""
        *whole, rest = block.split(b"\n")
        lines: list[bytes | None] = []
        for piece in whole:
            lines.append(self._line(piece))
            self._kept, self._skipping = b"", False
        if self._skipping or len(self._kept) + len(rest) > self._longest:
            self._kept, self._skipping = b"", True
        else:
            self._kept += rest
        return lines

    def end(self) -> list[bytes | None]:
        """What the last line held, where the stream ends without a line end."""
        left: list[bytes | None] = [None] if self._skipping else [self._kept] if self._kept else []
        self._kept, self._skipping = b"", False
        return left

    def _line(self, piece: bytes) -> bytes | None:
        if self._skipping or len(self._kept) + len(piece) > self._longest:
            return None
        return self._kept + piece
