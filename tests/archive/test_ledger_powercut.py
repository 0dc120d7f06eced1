"""What the ledger has committed is there after the power was cut at any write or sync: acknowledgements rest on it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.errors import HadirError
from gateway.ledger import Ledger
from tests.archive.events import PID, START, make
from tests.delivery.powercut import Note, Recorder, survivors

PLACE = "ikn/kk2/l1/north/_"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Recorder]:
    recorder = Recorder(f"ledger-{tmp_path.name}")
    yield recorder
    recorder.unregister()


def work(folder: Path, disk: Recorder, synchronous: str) -> list[Note]:
    """Commits of several events, duplicates among them, and an erasure; a mark for each promise."""
    ledger = Ledger(folder / "ledger.sqlite", vfs=disk.name)
    ledger._connection.execute(f"PRAGMA synchronous={synchronous}")
    for first in range(1, 61, 5):
        ledger.commit([make(max(1, number)) for number in range(first - 2, first + 5)])
        disk.mark(f"{first + 4}")
    ledger.commit([make(65, "presence.started", place=PLACE)])
    ledger.erase(PID, START)
    disk.mark("erased")
    notes = list(disk.notes)  # before the orderly end, which syncs everything
    ledger.close()
    return notes


def kept(folder: Path, files: dict[str, bytes]) -> tuple[set[int], bool] | None:
    """Sequences that are there, and whether the person is; None: it cannot be opened, or is damaged."""
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    try:
        ledger = Ledger(folder / "ledger.sqlite")
        try:
            if ledger._connection.execute("PRAGMA integrity_check").get != "ok":
                return None
            rows = list(ledger.all())
            spans = {n for first, last in ledger.spans("gw-1", "000001-aaaa") for n in range(first, last + 1)}
            if {row.sequence for row in rows} - spans:
                return None  # a row whose number is not known would be stored twice
            return {row.sequence for row in rows if not row.pid}, bool(ledger.people())
        finally:
            ledger.close()
    except HadirError:
        return None


def losses(folder: Path, notes: list[Note], step: int) -> tuple[int, int, int]:
    """Cuts tried, promises broken, and files damaged, over cuts behind every `step`-th write or sync."""
    chance = random.Random(1)
    promised, erased = 0, False
    cuts = broken = damaged = 0
    for k, note in enumerate(notes):
        if note.what == "mark":
            promised, erased = (promised, True) if note.name == "erased" else (int(note.name), erased)
        elif k % step == 0:
            for torn in (None, chance):
                cuts += 1
                found = kept(folder, survivors(notes[: k + 1], torn))
                if found is None:
                    damaged += 1
                else:
                    broken += len(set(range(1, promised + 1)) - found[0]) + (erased and found[1])
    return cuts, broken, damaged


def test_nothing_committed_is_lost_when_the_power_is_cut(tmp_path: Path, disk: Recorder) -> None:
    cuts, broken, damaged = losses(tmp_path / "after", work(tmp_path, disk, "FULL"), 2)
    assert cuts > 50
    assert (broken, damaged) == (0, 0)


def test_the_power_cut_finds_a_ledger_that_does_not_sync(tmp_path: Path, disk: Recorder) -> None:
    cuts, broken, damaged = losses(tmp_path / "after", work(tmp_path, disk, "OFF"), 6)
    assert cuts > 10
    assert broken + damaged > 0
