"""What can still be read of a damaged SQLite file: the rows of its tables WITHOUT ROWID, each page by itself.

SQLite stops at the first page that makes no sense to it, and a table hangs by its upper pages. Here no page depends on
another: each says itself that it belongs to a tree, and the pointer map (the file has one: auto_vacuum) and the free
list say which pages are no longer in use. Nothing here is trusted: whoever takes rows checks each by its own sum.
Format: https://sqlite.org/fileformat2.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from gateway.write_ahead import PAGE, Log, read_log

MOST = 1 << 20
"""Bytes of a row, at most: far more than an event has."""
_LEAF, _INNER = 0x0A, 0x02
_X = (PAGE - 12) * 64 // 255 - 23
_M = (PAGE - 12) * 32 // 255 - 23
_MAPPED = PAGE // 5
"""Pages that one page of the pointer map tells of."""
_ROOT, _FREE, _TREE = 1, 2, 5
_INTS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
_CONSTANTS: Mapping[int, Callable[[bytes], Any]] = {0: lambda _: None, 8: lambda _: 0, 9: lambda _: 1}


class Found(NamedTuple):
    """One cell of a page."""

    row: tuple[Any, ...] | None
    """None: it cannot be read."""
    sure: bool
    """False: it may be a row that was deleted since, for nothing says any more whether its page is in use."""


class Image:
    """A database file with its write-ahead log, as they lie on the disk. Never written; a bad sector reads as zeros."""

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        self.path = path
        self._file = path.open("rb")
        log = Path(f"{path}-wal")
        self._log_file = log.open("rb") if log.exists() else None
        self.log = read_log(self._log_file) if self._log_file is not None else Log()
        size = path.stat().st_size
        self.pages = self.log.size or -(-size // PAGE)
        self.broken = 0
        """Pages of a tree of which nothing can be read."""

    def close(self) -> None:
        self._file.close()
        if self._log_file is not None:
            self._log_file.close()

    def page(self, number: int) -> bytes:
        """Its latest content."""
        at = self.log.pages.get(number)
        if at is not None and self._log_file is not None:
            return _read(self._log_file, at)
        return _read(self._file, (number - 1) * PAGE)

    def cells(self) -> Iterator[Found]:
        """Everything that may be a row, once for each page it is on; what the log holds last comes last."""
        free = self._free()
        for number in range(3, self.pages + 1):
            map_page = (number - 2) // (_MAPPED + 1) * (_MAPPED + 1) + 2
            if map_page == number:
                continue
            at = (number - map_page - 1) * 5
            kind = self.page(map_page)[at]
            if kind == _FREE or (free is not None and number in free):
                continue
            page = self.page(number)
            if page[0] in (_LEAF, _INNER):
                sure = kind in (_ROOT, _TREE) or free is not None
                yield from (Found(row, sure) for row in self._rows(page))
            elif kind in (_ROOT, _TREE):
                self.broken += 1
        for at in self.log.doubtful:
            if self._log_file is not None:
                page = _read(self._log_file, at)
                if page[0] in (_LEAF, _INNER):
                    yield from (Found(row, True) for row in self._rows(page))

    def _free(self) -> set[int] | None:
        """Pages that the free list names; None when it is not whole."""
        head = self.page(1)
        trunk, count = int.from_bytes(head[32:36]), int.from_bytes(head[36:40])
        free: set[int] = set()
        while trunk:
            if trunk in free or not 1 < trunk <= self.pages:
                return None
            page = self.page(trunk)
            leaves = int.from_bytes(page[4:8])
            if leaves > PAGE // 4 - 2:
                return None
            free.add(trunk)
            free.update(int.from_bytes(page[8 + 4 * k : 12 + 4 * k]) for k in range(leaves))
            trunk = int.from_bytes(page[:4])
        return free if len(free) == count else None

    def _rows(self, page: bytes) -> Iterator[tuple[Any, ...] | None]:
        inner = page[0] == _INNER
        first = 12 if inner else 8
        count = min(int.from_bytes(page[3:5]), (PAGE - first) // 2)
        for k in range(count):
            at = int.from_bytes(page[first + 2 * k : first + 2 * k + 2])
            if not first + 2 * count <= at < PAGE - 3:
                yield None
                continue
            try:
                yield record(self._payload(page, at + 4 if inner else at))
            except (IndexError, ValueError):
                yield None

    def _payload(self, page: bytes, at: int) -> bytes:
        size, at = _varint(page, at)
        if size <= _X:
            return page[at : at + size]
        if size > MOST:
            raise ValueError("too long for a row")
        local = _M + (size - _M) % (PAGE - 4)
        local = local if local <= _X else _M
        parts = [page[at : at + local]]
        left = size - local
        following = int.from_bytes(page[at + local : at + local + 4])
        while left > 0:
            if not 1 < following <= self.pages:
                raise ValueError("its overflow is not there")
            more = self.page(following)
            following = int.from_bytes(more[:4])
            parts.append(more[4 : 4 + left])
            left -= PAGE - 4
        return b"".join(parts)


def _read(file: Any, at: int) -> bytes:
    try:
        file.seek(at)
        data: bytes = file.read(PAGE)
    except OSError:  # a sector that the medium has lost is damage like any other
        data = b""
    return data if len(data) == PAGE else data + bytes(PAGE - len(data))


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for k in range(8):
        byte = data[at + k]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + k + 1
    return value << 8 | data[at + 8], at + 9


def record(data: bytes) -> tuple[Any, ...]:
    """The values of a record. Raises ValueError or IndexError for what is none."""
    at, _ = _varint(data, 0)
    if at > len(data):
        raise ValueError("the head is longer than the record")
    columns, end = _columns(data[:at])
    if end != len(data):
        raise ValueError("its parts do not fill it")
    return tuple([read(data[first:last]) for read, first, last in columns])


@lru_cache(maxsize=1024)
def _columns(head: bytes) -> tuple[list[tuple[Callable[[bytes], Any], int, int]], int]:
    """How and where to read each value, and where the record ends. Rows of a table share few heads."""
    columns: list[tuple[Callable[[bytes], Any], int, int]] = []
    _, at = _varint(head, 0)
    end = len(head)
    read: Callable[[bytes], Any]
    while at < len(head):
        kind, at = _varint(head, at)
        if kind >= 12:
            read, size = bytes.decode if kind & 1 else bytes, (kind - 12) >> 1
        elif kind in _INTS:
            read, size = _signed, _INTS[kind]
        elif kind in _CONSTANTS:
            read, size = _CONSTANTS[kind], 0
        else:
            raise ValueError("no type that hadir stores")
        columns.append((read, end, end + size))
        end += size
    if at != len(head):
        raise ValueError("its types do not fill its head")
    return columns, end


def _signed(data: bytes) -> int:
    return int.from_bytes(data, signed=True)
