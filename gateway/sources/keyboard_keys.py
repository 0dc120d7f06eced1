"""What a keyboard's events mean: key presses -> lines of text, in the US layout that card readers are built for.

Source: Linux kernel, include/uapi/linux/input.h and input-event-codes.h; Documentation/input/event-codes.rst.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

EVENT = struct.Struct("@llHHi")
"""struct input_event: seconds, microseconds, type, code, value; `long` is 4 bytes on a 32-bit system, as there."""
SYN, KEY = 0, 1
SYN_DROPPED = 3
DOWN = 1
"""0 is up, 2 is a repetition of a key that is held."""
ENTER = (28, 96)
"""Enter, and that of the number pad."""
SHIFT = (42, 54)
LONGEST = 128
"""Characters of a line."""
PAUSE_US = 500_000
"""A reader types a line in one go; what was begun before such a pause is no line."""
_ROWS = (
    (2, "1234567890-=", "!@#$%^&*()_+"),
    (16, "qwertyuiop[]", "QWERTYUIOP{}"),
    (30, "asdfghjkl;'", 'ASDFGHJKL:"'),
    (44, "zxcvbnm,./", "ZXCVBNM<>?"),
)
_PAD = {82: "0", 79: "1", 80: "2", 81: "3", 75: "4", 76: "5", 77: "6", 71: "7", 72: "8", 73: "9", 83: ".", 74: "-"}
PLAIN = {first + i: ord(text) for first, row, _ in _ROWS for i, text in enumerate(row)}
SHIFTED = {first + i: ord(text) for first, _, row in _ROWS for i, text in enumerate(row)}
for _table in (PLAIN, SHIFTED):
    _table.update({code: ord(text) for code, text in _PAD.items()} | {57: ord(" "), 55: ord("*"), 78: ord("+")})
    _table[98] = ord("/")


class Typed(NamedTuple):
    """What a piece of the stream gave."""

    lines: list[bytes]
    dropped: dict[str, int]
    """Keys thrown away, by cause: `key` (no character), `oversize`, `pause` (a line that was not ended), `lost`."""


class Keys:
    """One keyboard's state between two pieces of its stream."""

    def __init__(self) -> None:
        self._rest = b""
        self._line = bytearray()
        self._last = 0
        """When the last key was pressed, us on the kernel's clock: how late we read is of no account."""
        self._spoilt = ""
        """Why what comes until Enter is the rest of a line that is none."""
        self._deaf = False
        """The kernel has lost events; until its next report come the remains of what it lost."""
        self._shift: set[int] = set()

    def feed(self, data: bytes) -> Typed:
        """Whole lines, without their Enter, and not the empty ones."""
        typed = Typed([], {})
        for at, kind, code, value in self._events(data):
            if kind == SYN and code == SYN_DROPPED:
                self._spoil(typed, "lost")
                self._deaf = True
                self._shift.clear()
            elif kind == SYN:
                self._deaf = False
            elif kind == KEY and not self._deaf:
                if code in SHIFT:
                    (self._shift.add if value else self._shift.discard)(code)
                elif value == DOWN:
                    self._press(at, code, typed)
        return typed

    def _events(self, data: bytes) -> Iterator[tuple[int, int, int, int]]:
        data = self._rest + data
        whole = len(data) - len(data) % EVENT.size
        self._rest = data[whole:]
        for seconds, micro, kind, code, value in EVENT.iter_unpack(data[:whole]):
            yield seconds * 1_000_000 + micro, kind, code, value

    def _press(self, at: int, code: int, typed: Typed) -> None:
        if abs(at - self._last) > PAUSE_US:
            if self._line:
                self._spoil(typed, "pause")
            self._spoilt = ""
        self._last = at
        if code in ENTER:
            if self._line:
                typed.lines.append(bytes(self._line))
            self._line.clear()
            self._spoilt = ""
            return
        character = (SHIFTED if self._shift else PLAIN).get(code)
        if character is None:
            typed.dropped["key"] = typed.dropped.get("key", 0) + 1
            return
        self._line.append(character)
        if self._spoilt or len(self._line) > LONGEST:
            self._spoil(typed, self._spoilt or "oversize")

    def _spoil(self, typed: Typed, cause: str) -> None:
        """There is no line until the next one begins."""
        typed.dropped[cause] = typed.dropped.get(cause, 0) + len(self._line)
        self._line.clear()
        self._spoilt = cause
