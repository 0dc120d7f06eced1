"""SQLite's write-ahead log as it lies on the disk: which pages it holds, and whether something in its middle is broken.

SQLite reads the log up to the first frame whose sum is wrong and takes the rest for what a power cut has left. That is
right for the last transaction. When another one follows, the broken one was synced (synchronous=FULL: no transaction
begins before), so the log was damaged afterwards, and what SQLite drops was promised.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from struct import unpack
from typing import IO, NamedTuple

PAGE = 4096
"""SQLite's own, which hadir never changes."""
HEAD = 32
FRAME = PAGE + 24
_MAGIC = (0x377F0682, 0x377F0683)


@dataclass(slots=True)
class Log:
    """What a log holds."""

    pages: dict[int, int] = field(default_factory=dict)
    """Page number -> where its latest whole content begins in the file."""
    doubtful: list[int] = field(default_factory=list)
    """Where contents begin that are not whole, or of a page whose number is not sure, and that nothing has replaced."""
    size: int = 0
    """Pages of the database after the last commit; 0: it holds no commit."""
    damaged: int = 0
    """Broken frames before the last transaction; 1 as well where the head is broken."""


class _Frame(NamedTuple):
    at: int
    page: int
    size: int
    """Pages of the database after this commit; 0 within a transaction."""
    salt: bytes
    whole: bool


def read_log(file: IO[bytes]) -> Log:
    """Raises OSError."""
    file.seek(0)
    head = file.read(HEAD)
    if len(head) < HEAD or not any(head):
        return Log()
    order = "<" if int.from_bytes(head[:4]) == _MAGIC[0] else ">"
    sound = int.from_bytes(head[:4]) in _MAGIC and _sum(head[:24], (0, 0), order) == unpack(">2I", head[24:])
    if not sound:
        order = "<"  # what every machine writes that hadir runs on
    frames = list(_frames(file, head, order))
    salt = head[16:24] if sound else frames[0].salt if frames else b""
    mine = [frame for frame in frames if frame.salt == salt or not frame.whole]
    last = max((k for k, frame in enumerate(mine) if frame.size and frame.whole and frame.salt == salt), default=-1)
    before = max((k for k in range(last) if mine[k].size), default=-1)
    whole_until = next((k for k, frame in enumerate(mine) if not frame.whole), len(mine))
    if last < 0 or (sound and whole_until > before):
        # all is well up to the last transaction, which is there whole or not at all
        kept = mine[:whole_until] if sound else []
        end = max((k for k, frame in enumerate(kept) if frame.size), default=-1)
        return _log(kept[: end + 1], 0)
    return _log(mine[: last + 1], max(1, sum(not frame.whole for frame in mine[: last + 1])))


def _log(frames: list[_Frame], damaged: int) -> Log:
    log = Log(damaged=damaged)
    doubtful: dict[int, int] = {}
    for frame in frames:
        if frame.whole:
            log.pages[frame.page] = frame.at
            doubtful.pop(frame.page, None)
            log.size = frame.size or log.size
        else:
            doubtful[frame.page] = frame.at
    log.doubtful = list(doubtful.values())
    return log


def _frames(file: IO[bytes], head: bytes, order: str) -> Iterator[_Frame]:
    """Up to the first of another run of the log."""
    seed = unpack(">2I", head[24:])
    salt, strange, at = head[16:24], 0, HEAD
    while True:
        file.seek(at)
        data = file.read(FRAME)
        if len(data) < FRAME:
            return
        page, size = unpack(">2I", data[:8])
        found = _sum(data[24:], _sum(data[:8], seed, order), order)
        seed = unpack(">2I", data[16:24])
        strange = 0 if data[8:16] == salt else strange + 1
        if strange == 1 and at == HEAD:
            salt, strange = data[8:16], 0  # the head's own is broken
        if strange > 2:
            return
        yield _Frame(at + 24, page, size, data[8:16], found == seed)
        at += FRAME


def _sum(data: bytes, seed: tuple[int, ...], order: str) -> tuple[int, ...]:
    """The log's own sum over `data`, which goes on from `seed`."""
    one, two = seed
    words = iter(unpack(f"{order}{len(data) // 4}I", data))
    for word in words:
        one = one + word + two & 0xFFFFFFFF
        two = two + next(words) + one & 0xFFFFFFFF
    return one, two
