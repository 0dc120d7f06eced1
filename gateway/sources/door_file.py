"""A text file that grows, line by line, through rotation, truncation and a restart of ours.

Where reading stands is known by more than a number: by the bytes before it as well. So a file that was written anew
with the same beginning is read on, one with another beginning is read from its start, and a file that was renamed away
while nobody looked is found by its inode in the same folder and read to its end first. Blocking; no clock, no asyncio.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

MAX_LINE = 8 << 10
BLOCK = 64 << 10
MOST_BLOCKS = 100
"""Of a line without end that are looked through in one look."""
MOST_LINES = 100
"""Lines of one batch."""
TAIL = 256
"""Bytes before a position by which it is known again."""
MOST_ENTRIES = 10_000
"""Of the folder that a renamed file is looked for in."""


class Position(NamedTuple):
    """Behind the last line that was taken."""

    path: str
    inode: int
    offset: int
    tail: str
    """SHA-256 of the bytes before `offset`, at most TAIL: lines are about people."""

    def written(self) -> bytes:
        """For a file."""
        return json.dumps(self._asdict()).encode()

    @classmethod
    def parse(cls, data: bytes) -> Position:
        """The inverse of `written`. Raises ValueError."""
        found = json.loads(data)
        if not isinstance(found, dict) or found.keys() != set(cls._fields):
            raise ValueError("not a position")
        made = cls(**found)
        if [type(part) for part in made] != [str, int, int, str] or made.offset < 0:
            raise ValueError("not a position")
        return made


class Batch(NamedTuple):
    """What one look gave."""

    header: bytes
    """The file's first line."""
    lines: list[bytes | None]
    """Without their ends; None: a line that is too long."""
    position: Position
    unfinished: int = 0
    """Bytes at the end of a file that was left, of a line that was never ended."""


class GrowingFile:
    """One file. `read` looks, `accept` moves on; a batch that is not accepted comes again."""

    def __init__(self, path: Path, position: Position | None) -> None:
        """`position`: where an earlier life stood; None: at the end of what is there now, if it is."""
        self._path = path
        self._position = position if position is not None and position.path == str(path) else None
        self._handle: int | None = None
        self._offset = 0
        self._header: bytes | None = None
        self._opened = False
        """Just now: its header is told, and where reading begins."""
        self._doubted = False
        """The file does not look like the one that was read: it may be about to be written anew."""
        self._left = False
        """The file has another name now; it was looked at since."""
        self._drained = 0
        """Inode of the file that was left last."""
        self._passed = 0
        """How far a line without end was looked through."""
        self._awaited = False
        """The file was not there: all of it is new."""

    def close(self) -> None:
        """Let the file go; `read` opens it again."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def read(self) -> Batch | None:
        """The next lines; none at first, when a file was opened; None: nothing new. Raises OSError."""
        if self._handle is None:
            try:
                self._open()
            except FileNotFoundError:
                self._awaited = True
                raise
        assert self._handle is not None  # noqa: S101 `_open` has set it
        if not self._is_same():
            return None
        if self._header is None:
            self._header = self._first_line()
            if self._header is None:
                return self._elsewhere()
        offset = max(self._offset, len(self._header))
        lines, end = ([], self._offset) if self._opened else self._lines(offset)
        if end == self._offset and not self._opened:
            return self._elsewhere()
        self._left = self._opened = False
        return Batch(self._header, lines, self._at(end))

    def accept(self, batch: Batch) -> None:
        """The batch was taken."""
        self._position = batch.position
        self._offset = batch.position.offset

    # --- which file -------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        known = self._position
        handle = _opened(self._path)
        try:
            offset = 0
            if known is None:
                if not self._awaited:
                    offset = _end_of_lines(handle)
            elif _stands(handle, known):
                offset = known.offset
            else:
                earlier = self._renamed(known)
                if earlier is not None:
                    os.close(handle)
                    handle, offset = earlier, known.offset
        except OSError:
            os.close(handle)
            raise
        self._handle, self._offset, self._header, self._passed = handle, offset, None, 0
        self._opened, self._doubted, self._left = True, False, False
        self._position = self._at(offset)

    def _renamed(self, known: Position) -> int | None:
        """The file that was read before, under another name of the same folder, unless it was read to its end."""
        if known.inode == self._drained:
            return None
        with os.scandir(self._path.parent) as entries:
            for _, entry in zip(range(MOST_ENTRIES), entries, strict=False):
                if entry.inode() == known.inode and entry.name != self._path.name and entry.is_file():
                    handle = _opened(Path(entry.path))
                    if _stands(handle, known):
                        return handle
                    os.close(handle)
        return None

    def _is_same(self) -> bool:
        """Whether what was read still stands before the offset; if not twice in a row, it begins anew."""
        assert self._handle is not None and self._position is not None  # noqa: S101, PT018
        if _stands(self._handle, self._position):
            self._doubted = False
            return True
        if not self._doubted:
            self._doubted = True
        else:
            self._offset, self._header, self._doubted, self._passed = 0, None, False, 0
            self._position = self._at(0)
        return False

    def _elsewhere(self) -> Batch | None:
        """Nothing new: is another file to be read from now on? Its writer may still be in the old one for a moment."""
        assert self._handle is not None and self._position is not None  # noqa: S101, PT018
        mine = os.fstat(self._handle)
        try:
            named = os.stat(self._path)
        except FileNotFoundError:
            named = None
        if named is not None and (named.st_ino, named.st_dev) == (mine.st_ino, mine.st_dev):
            return None
        if not self._left:
            self._left = True
            return None
        unfinished = mine.st_size - self._offset
        self.close()
        self._drained, self._awaited = mine.st_ino, True
        if unfinished and self._header is not None:
            return Batch(self._header, [], self._position, unfinished)
        return None

    def _at(self, offset: int) -> Position:
        assert self._handle is not None  # noqa: S101
        return Position(str(self._path), os.fstat(self._handle).st_ino, offset, _tail(self._handle, offset))

    # --- lines ------------------------------------------------------------------------------------------------------

    def _first_line(self) -> bytes | None:
        """The header with its end; None: it is not whole yet."""
        assert self._handle is not None  # noqa: S101
        block = os.pread(self._handle, MAX_LINE, 0)
        end = block.find(b"\n") + 1
        return block[:end] if end else block if len(block) == MAX_LINE else None

    def _lines(self, offset: int) -> tuple[list[bytes | None], int]:
        """(whole lines from `offset` on, where they end)."""
        assert self._handle is not None  # noqa: S101
        block = os.pread(self._handle, BLOCK, offset)
        end = block.rfind(b"\n") + 1
        if not end:
            return ([], offset) if len(block) < BLOCK else self._beyond(offset)
        pieces = block[: end - 1].split(b"\n")
        if len(pieces) > MOST_LINES:
            pieces = pieces[:MOST_LINES]
            end = sum(map(len, pieces)) + MOST_LINES
        lines: list[bytes | None] = [None if len(piece) > MAX_LINE else piece.removesuffix(b"\r") for piece in pieces]
        return lines, offset + end

    def _beyond(self, start: int) -> tuple[list[bytes | None], int]:
        """A line longer than a block: passed over when its end is there."""
        assert self._handle is not None  # noqa: S101
        offset = max(start, self._passed)
        for _ in range(MOST_BLOCKS):
            block = os.pread(self._handle, BLOCK, offset)
            end = block.find(b"\n") + 1
            if end:
                return [None], offset + end
            if not block:
                break
            offset += len(block)
        self._passed = offset
        return [], start


def _opened(path: Path) -> int:
    """Raises OSError, also for what is no file: a pipe would have us wait for a writer."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "is no file")
    return handle


def _tail(handle: int, offset: int) -> str:
    size = min(TAIL, offset)
    return sha256(os.pread(handle, size, offset - size)).hexdigest()


def _stands(handle: int, known: Position) -> bool:
    """Whether the bytes before a position are there."""
    return os.fstat(handle).st_size >= known.offset and _tail(handle, known.offset) == known.tail


def _end_of_lines(handle: int) -> int:
    """Behind the last whole line."""
    end = os.fstat(handle).st_size
    while end > 0:
        start = max(0, end - BLOCK)
        found = os.pread(handle, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
