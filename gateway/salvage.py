"""A damaged outbox: it is set aside, and a new file goes on with what can be read of it.

A row is taken over only if its sum says that it is as it was written; of a row without one (an older hadir wrote it),
if its envelope says the same as its columns. So nothing is sent that was not accepted. What is known to be lost, the
numbers of rows that were found broken, becomes facts that are declared as `gateway.gap`. Numbers of which nothing was
found are not declared: most of them have been retired. Only the archive can tell, once it has got what was saved.

A power cut at any moment leaves the damaged file in its place, or a saved one beside it whose work `finish` ends.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import apsw

from gateway import sqlite
from gateway.carve import Image
from gateway.contract.decoding import decode
from gateway.contract.fields import BOOT
from gateway.errors import HadirError, PermanentError, TransientError
from gateway.outbox_schema import DEAD, EVENT, FACT, OLDEST, SCHEMA, event_sum, fact_sum, is_fact

_log = logging.getLogger(__name__)

SALVAGE, GAP = "salvage", "gap"
"""Rules whose facts they are: what was saved, by the name of the file set aside; numbers that are lost, to declare."""
KEPT = 3
"""Damaged files that are kept; of older ones, all that could be read was taken over long ago."""
_BOOT = re.compile(BOOT.strip("^$"))
_LOCKED, _LOCKED_BYTES = 0x40000000, 512
"""The bytes that SQLite locks."""
_EVENT = (str, int, str, str, bytes, int, str, str, int)
_DEAD = (str, int, str, str, bytes)


class Salvaged(NamedTuple):
    """What became of a damaged file."""

    file: str
    """Its name now."""
    why: str
    events: int
    facts: int
    dead: int
    lost: int
    """Rows that were found broken."""
    pages: int
    """Pages of which nothing could be read."""

    def __str__(self) -> str:
        return (
            f"{self.why}: it is kept as {self.file}; saved {self.events} events, {self.facts} facts and {self.dead}"
            f" dead letters; {self.lost} rows are lost, and what stood on {self.pages} pages that cannot be read"
        )


def rescue(path: Path, why: str) -> Salvaged:
    """Set the outbox aside and put in its place a new one with what it held.

    Raises TransientError: there is no room; HadirError: another process has the file.
    """
    try:
        handle = os.open(path, os.O_RDWR)
        try:
            _lock(handle, path)
            number = max(map(_number, _aside(path)), default=0) + 1
            kept = path.with_name(f"{path.name}.damaged-{number}")
            saved = _save(path, kept.name, why)
            _sync(path.with_name(f"{path.name}.new"))
            _move(path.with_name(f"{path.name}.new"), path.with_name(f"{path.name}.saved-{number}"))
            finish(path)
        finally:
            os.close(handle)
        for old in sorted(_aside(path), key=_number)[:-KEPT]:
            _log.warning("outbox: %s is removed: %d later ones are kept", old.name, KEPT)
            old.unlink()
            Path(f"{old}-wal").unlink(missing_ok=True)
    except OSError as error:
        raise TransientError(f"{path} is damaged, and cannot be set aside: {error.strerror}") from error
    _log.error("outbox: %s", saved)
    return saved


def finish(path: Path) -> None:
    """End what a rescue has begun whose process was ended: the saved file takes its place. Raises OSError."""
    for saved in path.parent.glob(f"{path.name}.saved-*"):
        kept = path.with_name(f"{path.name}.damaged-{_number(saved)}")
        for tail in ("-wal", ""):
            if Path(f"{path}{tail}").exists():
                _move(Path(f"{path}{tail}"), Path(f"{kept}{tail}"))
        _move(saved, path)


def _lock(handle: int, path: Path) -> None:
    """As SQLite does, so that no other daemon opens the file meanwhile."""
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, _LOCKED_BYTES, _LOCKED)
    except OSError as error:
        raise HadirError(f"{path} belongs to another running process") from error


def _aside(path: Path) -> list[Path]:
    found = path.parent.glob(f"{path.name}.damaged-*")
    return [one for one in found if one.name.rpartition("-")[2].isdigit()]


def _number(path: Path) -> int:
    return int(path.name.rpartition("-")[2])


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _move(old: Path, new: Path) -> None:
    old.rename(new)
    _sync(new.parent)


# --- what it held ---------------------------------------------------------------------------------------------------


def _save(path: Path, kept: str, why: str) -> Salvaged:
    fresh = path.with_name(f"{path.name}.new")
    for tail in ("", "-wal", "-shm"):
        Path(f"{fresh}{tail}").unlink(missing_ok=True)
    image = Image(path)
    try:
        connection = sqlite.connect(fresh)
        try:
            sqlite.migrate(connection, SCHEMA, OLDEST)
            # nobody's until it is whole, and synced then: no log, which would be each page a second time
            connection.execute("PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY; PRAGMA cache_size=-16384")
            with sqlite.transaction(connection):
                saved = _Sorting(connection).sort(image, kept, why)
        finally:
            connection.close()
    finally:
        image.close()
    return saved


class _Sorting:
    """Rows of all tables go where they belong."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._facts: dict[tuple[str, str], tuple[str, bool]] = {}
        self._broken: set[tuple[str, int]] = set()
        self._bad = 0

    def sort(self, image: Image, kept: str, why: str) -> Salvaged:
        rows = self._events(image)
        while some := list(islice(rows, 256)):
            sqlite.insert(self._connection, EVENT.replace("INSERT", "INSERT OR IGNORE"), some)
        events, dead = (
            int(self._connection.execute(count).get or 0)
            for count in ("SELECT count(*) FROM event", "SELECT count(*) FROM dead")
        )
        lost = sorted(key for key in self._broken if not self._is_here(key))
        saved = Salvaged(kept, why, events, len(self._facts), dead, self._bad, image.broken)
        facts = [
            (rule, key, body)
            for (rule, key), (body, _) in self._facts.items()
            if rule != SALVAGE or image.path.with_name(key).exists()
        ]
        facts += [gap_fact(*gap, cause="disk") for gap in runs(lost)]
        facts.append((SALVAGE, kept, json.dumps(saved._asdict())))
        sqlite.insert(self._connection, FACT, [(*fact, fact_sum(*fact)) for fact in facts])
        return saved

    def _is_here(self, key: tuple[str, int]) -> bool:
        found = self._connection.execute(
            "SELECT 1 FROM event WHERE boot = ?1 AND sequence = ?2"
            " UNION ALL SELECT 1 FROM dead WHERE boot = ?1 AND sequence = ?2",
            key,
        )
        return found.get is not None

    def _events(self, image: Image) -> Iterator[tuple[Any, ...]]:
        for row, sure in image.cells():
            if row is None:
                self._bad += 1
            elif _is(row[:9], _EVENT):
                whole = sound(row)
                if whole is not None:
                    yield whole
                else:
                    self._bad += 1
                    if _BOOT.fullmatch(row[0]) and 0 < row[1] < 10**12:
                        self._broken.add((row[0], row[1]))
            elif len(row) in (3, 4) and _is(row[:3], (str, str, str)):
                self._fact(row, sure)
            elif _is(row, _DEAD) and _BOOT.fullmatch(row[0]):
                self._connection.execute(f"{DEAD} VALUES (?, ?, ?, ?, ?)", row)

    def _fact(self, row: tuple[Any, ...], sure: bool) -> None:
        rule, key, body = row[:3]
        good = is_fact(rule, key, body, row[3] if len(row) == 4 else None)
        if not good:
            self._bad += 1
        elif sure or not self._facts.get((rule, key), ("", False))[1]:
            self._facts[rule, key] = body, sure


def _is(row: tuple[Any, ...], types: tuple[type, ...]) -> bool:
    return tuple(map(type, row)) == types


def sound(row: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """The row with its sum, as it was written; None where that is not known."""
    columns = row[:9]
    if not _is(columns, _EVENT):
        return None
    crc = row[9] if len(row) > 9 else None
    if crc is not None and crc == event_sum(*columns):
        return (*columns, crc)
    try:
        event = decode(columns[4])
    except PermanentError:
        return None
    named = (event.boot, event.sequence, *columns[2:])  # the body says its number as well
    if crc is None:
        same = named == columns and event.cls == columns[2] and f"/{event.cls}/" in columns[3]
        same = same and event.person in (columns[6], "") and event.type in columns[3]
    else:
        same = crc == event_sum(*named)
    return (*named, event_sum(*named)) if same else None


def runs(keys: Iterable[tuple[str, int]]) -> list[tuple[str, int, int, int]]:
    """(boot, first, last, how many) of sorted numbers that follow one another."""
    made: list[tuple[str, int, int, int]] = []
    for boot, number in keys:
        if made and made[-1][0] == boot and made[-1][2] + 1 == number:
            made[-1] = (boot, made[-1][1], number, made[-1][3] + 1)
        else:
            made.append((boot, number, number, 1))
    return made


def gap_fact(boot: str, first: int, last: int, lost: int, *, cause: str) -> tuple[str, str, str]:
    """A fact that stays until the gap is declared."""
    body = {"boot": boot, "first": first, "last": last, "lost": lost, "cause": cause}
    return GAP, f"{boot}/{first}", json.dumps(body)


# --- a log that is not there ----------------------------------------------------------------------------------------


def _mark(path: Path) -> Path:
    return path.with_name(f"{path.name}.open")


def log_begins(path: Path) -> None:
    """From now on there is a log, until it is emptied or the file is closed in order."""
    with suppress(OSError):  # a full disk: what it would tell is then not told
        os.close(os.open(_mark(path), os.O_WRONLY | os.O_CREAT, 0o600))
        _sync(path.parent)


def log_ends(path: Path) -> None:
    """The log is about to be emptied, or the file to be closed in order."""
    with suppress(OSError):
        _mark(path).unlink(missing_ok=True)
        path.with_name(f"{path.name}.log-lost").unlink(missing_ok=True)


def log_is_missing(path: Path) -> bool:
    """Whether an earlier life left a log that somebody took away, and perhaps the file with it; until this one ends."""
    log, lost = Path(f"{path}-wal"), path.with_name(f"{path.name}.log-lost")
    with suppress(OSError):
        if _mark(path).exists() and not (log.exists() and log.stat().st_size):
            _log.error("outbox: the log of %s is gone; what was committed last went with it", path.name)
            _mark(path).rename(lost)
    return lost.exists()
