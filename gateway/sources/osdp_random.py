"""Chance for libosdp, which has none of its own.

It draws the challenge of each secure channel from the C library's `rand()` and never seeds it, so every start of a
process would ask the same questions in the same order: a recording of one morning would answer them the next. Both
seeds are process-wide; nothing else in hadir draws from them.
"""

from __future__ import annotations

import ctypes
import os

_libc = ctypes.CDLL(None)
_SIZE = 256
_state = ctypes.create_string_buffer(_SIZE)
"""glibc's generator works in this memory from the first `stir` on, so it must never be freed."""


def stir() -> None:
    """Make the next challenge one that nobody can foresee. To be called before each step that may draw one."""
    _libc.srand(int.from_bytes(os.urandom(4), "little"))  # all that musl knows
    if hasattr(_libc, "initstate"):
        _libc.initstate(1, _state, _SIZE)
        ctypes.memmove(ctypes.byref(_state, 4), os.urandom(_SIZE - 4), _SIZE - 4)  # behind glibc's word of bookkeeping
