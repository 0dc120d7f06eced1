"""The power is cut behind any write, sync, truncation and name, under the outbox, the ledger and a replaced file."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch
from zlib import crc32

import apsw

from faults.api import Fault, Outcome, Scene
from faults.powercut import Disk, Note, Recorder
from gateway import durable, sqlite
from gateway.errors import HadirError
from gateway.ledger import Ledger
from gateway.outbox_file import highest_boot, open_sound
from rules.api import Fact
from tests.archive.events import PID, START, make
from tests.delivery.world import BOOT, act, make_outbox, running, sense, telemetry

DEFECTS = ("OFF", "NORMAL")
SESSION = 300
"""Cuts of one run of a workload."""
PLACE = "ikn/kk2/l1/north/_"


class Found(NamedTuple):
    """What is there after a cut."""

    numbers: dict[int, int]
    """What each says, as a sum."""
    extra: Any = None


class Under(NamedTuple):
    """A file under test."""

    work: Callable[[Path, Recorder, random.Random, str], list[Note]]
    look: Callable[[Path], Found]
    """Raises HadirError: it cannot be opened, or is damaged."""
    broken: Callable[[list[str], Found], int]
    """Promises, as marks up to now -> how many are not kept."""


def power_cut(scene: Scene) -> Outcome:
    """Workloads with seeds of their own, each cut at many boundaries; every second cut tears what was not synced."""
    outcome, chance = Outcome(), scene.chance
    # files that are read back and thrown away: no disk need see them
    shm = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shm if shm.is_dir() else scene.folder) as where:
        number = 0
        while outcome.cycles < scene.cycles:
            name = list(UNDER)[number % len(UNDER)]
            _session(scene, outcome, name, Path(where), chance.randrange(1 << 30), number)
            number += 1
    if scene.broken and not all(outcome.notes.get(defect) for defect in DEFECTS):
        outcome.lost, outcome.misses = 0, []  # one of the two went unnoticed: that voids the suite
    return outcome


def _session(scene: Scene, outcome: Outcome, name: str, where: Path, seed: int, number: int) -> None:
    under, chance = UNDER[name], random.Random(seed)
    disk = Recorder(f"power-{os.getpid()}-{number}")
    folder = where / f"work-{number}"
    folder.mkdir()
    synchronous = DEFECTS[number % 2] if scene.broken else "FULL"
    try:
        notes = under.work(folder, disk, chance, synchronous)
    finally:
        disk.unregister()
        shutil.rmtree(folder)
    boundaries = [k for k, note in enumerate(notes) if note.what != "mark"]
    wanted = min(len(boundaries), SESSION // 2, -(-(scene.cycles - outcome.cycles) // 2))
    chosen = set(chance.sample(boundaries, wanted))
    state, marks = Disk(), []
    after = where / "after"
    for k, note in enumerate(notes):
        if note.what == "mark":
            marks.append(note.name)
        state.take(note)
        if k not in chosen:
            continue
        for torn in (None, chance):
            outcome.applies(f"{name}, behind a {note.what}" + (", torn" if torn else ""))
            _put(after, state.cut(torn))
            where_is = f"{name}, seed {seed}, note {k}{', torn' if torn else ''}, synchronous={synchronous}"
            try:
                found = under.look(after)
            except (HadirError, apsw.Error) as error:
                outcome.misses.append(f"{where_is}: {error}")
                outcome.notes[synchronous] = outcome.notes.get(synchronous, 0) + 1
                continue
            broken = under.broken(marks, found)
            outcome.lost += broken
            if broken:
                outcome.notes[synchronous] = outcome.notes.get(synchronous, 0) + 1
                outcome.notes.setdefault("first lost", where_is)
    outcome.accepted += sum(mark[0] == "+" for mark in marks)
    outcome.offered = outcome.accepted
    outcome.stored = max(0, outcome.accepted - outcome.lost)


def _promised(marks: list[str]) -> dict[int, int]:
    """What `+NUMBER SUM` marks say."""
    said = (mark[1:].split() for mark in marks if mark[0] == "+")
    return {int(number): int(body) for number, body in said}


def _put(folder: Path, files: dict[str, bytes]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)


# --- the outbox -----------------------------------------------------------------------------------------------------


def _outbox(folder: Path, disk: Recorder, chance: random.Random, synchronous: str) -> list[Note]:
    """Appends of all kinds and sizes, retirements, refusals, erasures, emptied logs."""

    async def work() -> list[Note]:
        outbox = make_outbox(folder, vfs=disk.name)
        table = outbox._table
        table._connection.execute(f"PRAGMA synchronous={synchronous}")
        async with running(outbox):
            for n in range(chance.randrange(20, 60)):
                kinds = [chance.choice((telemetry, act, sense)) for _ in range(chance.randrange(1, 6))]
                drafts = [telemetry(n, padding=chance.randrange(9)) if kind is telemetry else kind(n) for kind in kinds]
                rows = await outbox.append(drafts, [Fact("desk", f"d{n % 5}", {"n": n})])
                for row in rows:
                    disk.mark(f"+{row.sequence} {crc32(row.body)}")
                disk.mark(f"fact {n % 5} {n}")
                if chance.random() < 0.2:
                    first = chance.randrange(1, outbox.last_sequence + 1)
                    last = first + chance.randrange(12)
                    disk.mark(f"-{first} {last}")  # from here on it may be there or not
                    await outbox.retire(BOOT, [(first, last)])
                if chance.random() < 0.05:
                    table.make_room()
            return list(disk.notes)  # before the orderly end, which syncs everything

    return asyncio.run(work())


def _look_outbox(folder: Path) -> Found:
    path = folder / "outbox.sqlite"
    highest_boot(path)
    if list(folder.glob("*.damaged-*")):
        raise HadirError("what a power cut leaves is taken for damage")
    if not path.exists():
        return Found({}, {})
    connection = open_sound(path)
    try:
        if connection.execute("PRAGMA integrity_check").get != "ok":
            raise HadirError("damaged")
        numbers = {int(row[0]): crc32(row[1]) for row in connection.execute("SELECT sequence, body FROM event")}
        facts = {str(key): n for key, n in connection.execute("SELECT key, json_extract(body, '$.n') FROM fact")}
        return Found(numbers, facts)
    finally:
        sqlite.abandon(connection)


def _broken_outbox(marks: list[str], found: Found) -> int:
    promised: dict[int, int] = {}
    facts: dict[str, int] = {}
    for mark in marks:
        if mark[0] == "+":
            number, body = map(int, mark[1:].split())
            promised[number] = body
        elif mark[0] == "-":
            first, last = map(int, mark[1:].split())
            promised = {number: body for number, body in promised.items() if not first <= number <= last}
        else:
            _, key, value = mark.split()
            facts[f"d{key}"] = int(value)
    lost = sum(found.numbers.get(number) != body for number, body in promised.items())
    return lost + sum(int(found.extra.get(key, -1)) < value for key, value in facts.items())


# --- the ledger -----------------------------------------------------------------------------------------------------


def _ledger(folder: Path, disk: Recorder, chance: random.Random, synchronous: str) -> list[Note]:
    """Commits of several events, duplicates among them, and an erasure."""
    ledger = Ledger(folder / "ledger.sqlite", vfs=disk.name)
    ledger._connection.execute(f"PRAGMA synchronous={synchronous}")
    number = 0
    for _ in range(chance.randrange(10, 30)):
        size = chance.randrange(1, 12)
        some = [make(max(1, n)) for n in range(number - 2, number + size)]
        ledger.commit(some)
        number += size
        for event in some:
            disk.mark(f"+{event.sequence} {crc32(event.raw)}")
    ledger.commit([make(number, "presence.started", place=PLACE)])
    ledger.erase(PID, START)
    disk.mark("erased")
    notes = list(disk.notes)
    ledger.close()
    return notes


def _look_ledger(folder: Path) -> Found:
    ledger = Ledger(folder / "ledger.sqlite")
    try:
        if ledger._connection.execute("PRAGMA integrity_check").get != "ok":
            raise HadirError("damaged")
        rows = list(ledger.all())
        spans = {n for first, last in ledger.spans("gw-1", "000001-aaaa") for n in range(first, last + 1)}
        if {row.sequence for row in rows} - spans:
            raise HadirError("a row whose number is not known would be stored twice")
        return Found({row.sequence: crc32(row.body) for row in rows if not row.pid}, bool(ledger.people()))
    finally:
        ledger.close()


def _broken_ledger(marks: list[str], found: Found) -> int:
    promised = _promised(marks)
    lost = sum(found.numbers.get(number) != body for number, body in promised.items())
    return lost + ("erased" in marks and found.extra)


# --- a file that is replaced ----------------------------------------------------------------------------------------


def _replaced(folder: Path, disk: Recorder, chance: random.Random, synchronous: str) -> list[Note]:
    """The boot number's file and others: gateway/durable.py."""
    with _noted(disk.notes, syncs=synchronous == "FULL"):
        for n in range(1, chance.randrange(10, 30)):
            lines = chance.randrange(1, 400)
            durable.replace(folder / "boot", f"{n}\n".encode() * lines)
            disk.mark(f"+{n} {lines}")
    return disk.notes


def _look_replaced(folder: Path) -> Found:
    path = folder / "boot"
    lines = path.read_text().split() if path.exists() else []
    if len(set(lines)) > 1 or (path.exists() and not lines):
        raise HadirError("a part of the old and a part of the new, or nothing")
    return Found({int(line): len(lines) for line in lines[:1]})


def _broken_replaced(marks: list[str], found: Found) -> int:
    promised = _promised(marks)
    last, held = max(promised, default=0), max(found.numbers, default=0)
    return int(held < last or (held in promised and found.numbers[held] != promised[held]))


class _File:
    def __init__(self, file: Any, name: str, notes: list[Note]) -> None:
        self._file, self._name, self._notes, self._at = file, name, notes, 0

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._notes.append(Note("write", self._name, self._at, data))
        self._at += len(data)

    def flush(self) -> None:
        self._file.flush()

    def fileno(self) -> int:
        return int(self._file.fileno())


@contextmanager
def _noted(notes: list[Note], *, syncs: bool) -> Iterator[None]:
    """What durable.replace asks of the system, noted; `syncs`: whether a sync does anything."""
    names: dict[int, str] = {}
    real_open, real_fdopen, real_fsync, real_replace = os.open, os.fdopen, os.fsync, Path.replace

    def opened(path: Any, flags: int, mode: int = 0o777) -> int:
        handle = real_open(path, flags, mode)
        names[handle] = "" if Path(path).is_dir() else Path(path).name
        if flags & os.O_TRUNC:
            notes.append(Note("create", names[handle]))
        return handle

    def synced(handle: int) -> None:
        real_fsync(handle)
        if syncs:
            notes.append(Note("sync", names[handle]) if names[handle] else Note("folder", ""))

    def replaced(self: Path, target: Any) -> Path:
        notes.append(Note("rename", self.name, 0, Path(target).name.encode()))
        return real_replace(self, target)

    with (
        patch.object(os, "open", opened),
        patch.object(os, "fdopen", lambda handle, mode: _File(real_fdopen(handle, mode), names[handle], notes)),
        patch.object(os, "fsync", synced),
        patch.object(Path, "replace", replaced),
    ):
        yield


UNDER = {
    "outbox": Under(_outbox, _look_outbox, _broken_outbox),
    "ledger": Under(_ledger, _look_ledger, _broken_ledger),
    "replaced file": Under(_replaced, _look_replaced, _broken_replaced),
}
POWER = Fault(
    name="power-cut",
    title="power cut behind any write, sync, truncation or name, torn by sectors (outbox, ledger, replaced files)",
    promise="every file opens and is sound; what was promised is there, byte for byte; nothing is taken for damage",
    defect="synchronous=OFF, synchronous=NORMAL, a sync that does nothing",
    run=power_cut,
    quick=900,
    long=10_000,
    control=900,
    part=2_500,
)
