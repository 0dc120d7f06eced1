"""A disk that keeps, when its power is cut, what was synced; and of the rest, some, in pieces.

`Recorder` is a VFS that writes through to real files and notes each write, truncation, sync and deletion. `survivors`
replays the notes up to a cut. Without a random source only synced bytes survive; with one, each later write survives
or not, by 512-byte sectors, in any order. A new file has a name from its first sync on (SQLite syncs the folder then).
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, NamedTuple

import apsw

SECTOR = 512


class Note(NamedTuple):
    """What was done to a file; `mark` notes are the test's own (an append has returned)."""

    what: str
    """write, truncate, sync, delete, mark."""
    name: str
    at: int = 0
    data: bytes = b""


class Recorder(apsw.VFS):
    """Registered under `name` until it is unregistered."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "")
        self.name = name
        self.notes: list[Note] = []

    def xOpen(self, name: Any, flags: list[int]) -> RecordedFile:  # noqa: N802 SQLite's name
        return RecordedFile(self.notes, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        self.notes.append(Note("delete", Path(filename).name))
        super().xDelete(filename, syncdir)

    def mark(self, text: str) -> None:
        """Note that something was promised."""
        self.notes.append(Note("mark", text))


class RecordedFile(apsw.VFSFile):
    """One open file."""

    def __init__(self, notes: list[Note], name: Any, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._notes = notes
        self._name = Path(name.filename() if isinstance(name, apsw.URIFilename) else str(name)).name

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        super().xWrite(data, offset)
        self._notes.append(Note("write", self._name, offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        super().xTruncate(newsize)
        self._notes.append(Note("truncate", self._name, newsize))

    def xSync(self, flags: int) -> None:  # noqa: N802
        super().xSync(flags)
        self._notes.append(Note("sync", self._name))


def _apply(content: bytearray, note: Note) -> None:
    if note.what == "truncate":
        del content[note.at :]
        return
    if len(content) < note.at:
        content.extend(bytes(note.at - len(content)))
    content[note.at : note.at + len(note.data)] = note.data


def survivors(notes: list[Note], chance: random.Random | None = None) -> dict[str, bytes]:
    """The files that are there after a cut behind the last of `notes`."""
    durable: dict[str, bytearray] = {}
    loose: dict[str, list[Note]] = {}
    for note in notes:
        match note.what:
            case "write" | "truncate":
                loose.setdefault(note.name, []).append(note)
            case "sync":
                content = durable.setdefault(note.name, bytearray())
                for kept in loose.pop(note.name, ()):
                    _apply(content, kept)
            case "delete":
                durable.pop(note.name, None)
                loose.pop(note.name, None)
    if chance is not None:
        for name, content in durable.items():
            pieces = [piece for note in loose.get(name, ()) for piece in _sectors(note) if chance.random() < 0.5]
            chance.shuffle(pieces)
            for piece in pieces:
                _apply(content, piece)
    return {name: bytes(content) for name, content in durable.items()}


def _sectors(note: Note) -> list[Note]:
    if note.what == "truncate":
        return [note]
    data = note.data
    return [Note("write", note.name, note.at + k, data[k : k + SECTOR]) for k in range(0, len(data), SECTOR)]
