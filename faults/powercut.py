"""A disk that keeps, when its power is cut, what was synced; and of the rest, some, in pieces.

`Recorder` is a VFS that writes through to real files and notes what is done to them. `Disk` follows the notes and says
which files are there after a cut. Without a random source only synced bytes survive; with one, each later write
survives or not, by 512-byte sectors, in any order, and so does each name that was given, replaced or taken since the
folder was synced. SQLite's unix VFS syncs the folder with the first sync of a log or journal that it has made, and with
a deletion that asks for it (seen with strace; a database's own name it leaves to those).
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import apsw

SECTOR = 512
_NEW = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL


class Note(NamedTuple):
    """What was done to a file; `mark` notes are the test's own (an append has returned)."""

    what: str
    """create, write, truncate, sync, delete, rename, folder, mark."""
    name: str
    at: int = 0
    data: bytes = b""
    """Of a rename: the new name."""


class Recorder(apsw.VFS):
    """Registered under `name` until it is unregistered."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "")
        self.name = name
        self.notes: list[Note] = []

    def xOpen(self, name: Any, flags: list[int]) -> RecordedFile:  # noqa: N802 SQLite's name
        return RecordedFile(self.notes, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        super().xDelete(filename, syncdir)
        self.notes.append(Note("delete", Path(filename).name))
        if syncdir:
            self.notes.append(Note("folder", ""))

    def mark(self, text: str) -> None:
        """Note that something was promised."""
        self.notes.append(Note("mark", text))


class RecordedFile(apsw.VFSFile):
    """One open file."""

    def __init__(self, notes: list[Note], name: Any, flags: list[int]) -> None:
        path = Path(name.filename() if isinstance(name, apsw.URIFilename) else str(name))
        self._notes = notes
        self._name = path.name
        self._new = not path.exists()
        if self._new or not path.stat().st_size:
            notes.append(Note("create", self._name))
        self._syncs_folder = self._new and bool(flags[0] & _NEW)
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        super().xWrite(data, offset)
        self._notes.append(Note("write", self._name, offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        super().xTruncate(newsize)
        self._notes.append(Note("truncate", self._name, newsize))

    def xSync(self, flags: int) -> None:  # noqa: N802
        super().xSync(flags)
        self._notes.append(Note("sync", self._name))
        if self._syncs_folder:
            self._syncs_folder = False
            self._notes.append(Note("folder", ""))


class _File:
    """What a name stands for."""

    __slots__ = ("durable", "loose")

    def __init__(self) -> None:
        self.durable = bytearray()
        self.loose: list[Note] = []

    def after(self, chance: random.Random | None) -> bytes:
        if chance is None or not self.loose:
            return bytes(self.durable)
        content = bytearray(self.durable)
        pieces = [piece for note in self.loose for piece in _sectors(note) if chance.random() < 0.5]
        chance.shuffle(pieces)
        for piece in pieces:
            _apply(content, piece)
        return bytes(content)


class Disk:
    """The state of a folder, note by note."""

    def __init__(self, notes: Iterable[Note] = ()) -> None:
        self._names: dict[str, _File] = {}
        self._durable: dict[str, _File] = {}
        self._changed: list[dict[str, _File | None]] = []
        """Names given and taken since the folder was synced, in order; what is done at once stands together."""
        for note in notes:
            self.take(note)

    def take(self, note: Note) -> None:
        """Go on."""
        match note.what:
            case "create":
                self._give({note.name: _File()})
            case "write" | "truncate":
                self._file(note.name).loose.append(note)
            case "sync":
                file = self._file(note.name)
                for kept in file.loose:
                    _apply(file.durable, kept)
                file.loose.clear()
            case "delete":
                self._give({note.name: None})
            case "rename":
                self._give({note.data.decode(): self._file(note.name), note.name: None})
            case "folder":
                self._durable = dict(self._names)
                self._changed.clear()
            case "mark":
                pass
            case other:
                raise ValueError(f"{other} is no note")

    def cut(self, chance: random.Random | None = None) -> dict[str, bytes]:
        """The files that are there when the power goes now."""
        names = dict(self._durable)
        for change in self._changed:
            if chance is not None and chance.random() < 0.5:
                _set(names, change)
        return {name: file.after(chance) for name, file in names.items()}

    def _file(self, name: str) -> _File:
        if name not in self._names:
            self._give({name: _File()})
        return self._names[name]

    def _give(self, change: dict[str, _File | None]) -> None:
        _set(self._names, change)
        self._changed.append(change)


def _set(names: dict[str, _File], change: dict[str, _File | None]) -> None:
    for name, file in change.items():
        if file is None:
            names.pop(name, None)
        else:
            names[name] = file


def survivors(notes: Iterable[Note], chance: random.Random | None = None) -> dict[str, bytes]:
    """The files that are there after a cut behind the last of `notes`."""
    return Disk(notes).cut(chance)


def _apply(content: bytearray, note: Note) -> None:
    if note.what == "truncate":
        del content[note.at :]
        return
    if len(content) < note.at:
        content.extend(bytes(note.at - len(content)))
    content[note.at : note.at + len(note.data)] = note.data


def _sectors(note: Note) -> list[Note]:
    if note.what == "truncate":
        return [note]
    data = note.data
    return [Note("write", note.name, note.at + k, data[k : k + SECTOR]) for k in range(0, len(data), SECTOR)]
