"""The file of a survey: t,receiver,rssi,x,y, grown spot by spot, plain or .gz (a member a spot).

A spot is on the disk before the next is proposed. What a power cut has torn is cut off when the file is opened again.
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from gateway import durable, tables
from gateway.errors import ConfigError, HadirError, Problem
from gateway.radio import COLUMNS
from gateway.survey.ground import Heard, Visit

HEADER = ",".join(COLUMNS)
PAUSE_S = 60.0
"""Rows of one point without a longer pause are one visit."""


class Store:
    """A survey on the disk, and in memory."""

    def __init__(self, path: Path) -> None:
        """Open or begin it. Raises ConfigError for a file that is something else, HadirError for one that cannot be."""
        self.path = path
        self.repaired = False
        self._packed = path.suffix == ".gz"
        self.visits: list[Visit] = []
        if path.exists():
            self._resume()

    def add(self, visit: Visit) -> None:
        """Return when it is on the disk."""
        try:
            begins = not self.path.exists() or self.path.stat().st_size == 0
            text = (f"{HEADER}\n" if begins else "") + _lines([visit])
            with self.path.open("ab") as out:
                out.write(self._coded(text))
                out.flush()
                os.fsync(out.fileno())
            if begins:
                folder = os.open(self.path.parent, os.O_RDONLY)
                try:
                    os.fsync(folder)
                finally:
                    os.close(folder)
        except OSError as error:
            raise HadirError(f"{self.path}: {error.strerror}; what was heard here is not written") from error
        self.visits.append(visit)

    def undo(self) -> Visit | None:
        """Take the last visit out again; None: there is none."""
        if not self.visits:
            return None
        self._replace(f"{HEADER}\n{_lines(self.visits[:-1])}")
        return self.visits.pop()

    def _resume(self) -> None:
        try:
            text, whole = _read(self.path, packed=self._packed)
        except OSError as error:
            raise HadirError(f"{self.path}: {error.strerror}") from error
        header, _, _ = text.partition("\n")
        if text and header.lstrip("\ufeff") != HEADER:
            words = (
                f"has the columns {header[:80]}, not {HEADER}: this walk cannot go on in it; name another with --out"
            )
            raise ConfigError(Problem(file=str(self.path), line=1, text=words))
        if not whole:
            self._set_aside() if not text else self._replace(text)
            self.repaired = True
        if text:
            mistakes = tables.Mistakes()
            fields = {name: tables.word if name == "receiver" else tables.number for name in COLUMNS}
            self.visits = _visits(tables.rows(self.path, fields, mistakes))
            mistakes.settle()

    def _set_aside(self) -> None:
        """Nothing of it can be read: it may be more than a first spot, so it is kept."""
        try:
            self.path.replace(self.path.with_name(f"{self.path.name}.torn"))
        except OSError as error:
            raise HadirError(f"{self.path}: {error.strerror}") from error

    def _replace(self, text: str) -> None:
        try:
            durable.replace(self.path, self._coded(text))
        except OSError as error:
            raise HadirError(f"{self.path}: {error.strerror}") from error

    def _coded(self, text: str) -> bytes:
        return gzip.compress(text.encode(), mtime=0) if self._packed else text.encode()


def visits_in(path: Path) -> list[Visit]:
    """What a file has, whole lines only; it is not mended. Raises ConfigError, HadirError."""
    try:
        text, _ = _read(path, packed=path.suffix == ".gz")
    except OSError as error:
        raise HadirError(f"{path}: {error.strerror}") from error
    header, _, _ = text.partition("\n")
    if text and header.lstrip("\ufeff") != HEADER:
        raise ConfigError(Problem(file=str(path), line=1, text=f"has the columns {header[:80]}, not {HEADER}"))
    found = []
    for number, line in enumerate(text.splitlines()[1:], 2):
        try:
            at, receiver, rssi, x, y = line.split(",")
            found.append((float(at), receiver, float(rssi), float(x), float(y)))
        except ValueError as error:
            raise ConfigError(Problem(file=str(path), line=number, text=f"is not {HEADER}")) from error
    return _visits(found)


def _read(path: Path, *, packed: bool) -> tuple[str, bool]:
    """The whole lines of a file, and whether that is all of it."""
    raw = path.read_bytes()
    data, whole = _unpacked(raw) if packed else (raw, True)
    good, hole, _ = data.partition(b"\0")  # blocks that were never written
    end = good.rfind(b"\n") + 1
    return good[:end].decode("utf-8", "replace"), whole and not hole and end == len(good)


def _unpacked(raw: bytes) -> tuple[bytes, bool]:
    """The members whose checksum is right, and whether that is all of it."""
    made = bytearray()
    while raw:
        opener = zlib.decompressobj(wbits=31)
        try:
            member = opener.decompress(raw)
        except zlib.error:
            return bytes(made), False
        if not opener.eof:
            return bytes(made), False
        made += member
        raw = opener.unused_data
    return bytes(made), True


def _visits(rows: Iterable[tuple[float, str, float, float, float]]) -> list[Visit]:
    found: list[tuple[float, float, list[Heard]]] = []
    for at, receiver, rssi, x, y in rows:
        if not found or found[-1][:2] != (x, y) or not 0 <= at - found[-1][2][-1].at <= PAUSE_S:
            found.append((x, y, []))
        found[-1][2].append(Heard(at, receiver, rssi))
    return [Visit(x, y, tuple(heard)) for x, y, heard in found]


def _lines(visits: Sequence[Visit]) -> str:
    return "".join(
        f"{one.at:.3f},{one.receiver},{one.rssi:g},{visit.x:g},{visit.y:g}\n" for visit in visits for one in visit.heard
    )
