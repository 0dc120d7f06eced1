"""A disk that is full, out of inodes, read-only, or fails to write or sync; a queue over its bound; and room again."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import apsw

from faults.api import Fault, Outcome, Scene
from faults.defects import answers_before_the_commit
from gateway import boot
from gateway.counters import Counters
from gateway.errors import HadirError
from gateway.outbox import Outbox
from gateway.salvage import GAP
from tests.delivery.world import act, make_outbox, running, telemetry

SMALL_MB = 24
BALLAST = 1 << 20
BACK_S = 5.0
SICK_S = 0.5
"""How long a disk is ill."""
BOUND = 2 << 20
"""Bytes that may wait, in an office whose archive stays away."""
FILLS = "filled and freed"
"""A note: how often, while it ran or at a start."""
BUSY = 0.5
"""Of a core, at most, while it is."""


class Sick(apsw.VFS):
    """Fails writes or syncs while it is told to."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "")
        self.name = name
        self.fails = ""
        self.failed = 0

    def xOpen(self, name: Any, flags: list[int]) -> _SickFile:  # noqa: N802 SQLite's name
        return _SickFile(self, name, flags)


class _SickFile(apsw.VFSFile):
    def __init__(self, disk: Sick, name: Any, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._disk = disk

    def _fail(self, what: str) -> None:
        if self._disk.fails == what:
            self._disk.failed += 1
            raise apsw.IOError(what)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        if self._disk.fails == "half a write":
            super().xWrite(data[: len(data) // 2], offset)
        self._fail("write")
        self._fail("half a write")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._fail("sync")
        super().xSync(flags)


class Office:
    """What was answered, over all lives of one outbox."""

    def __init__(self, folder: Path, vfs: str | None) -> None:
        self.folder, self.vfs = folder, vfs
        self.answered: set[tuple[str, int]] = set()
        self.offered = 0

    def open(self) -> Outbox:
        """As the daemon does it."""
        number = boot.next_boot(self.folder)
        return make_outbox(self.folder, boot=number, vfs=self.vfs, ballast_bytes=BALLAST, counters=Counters())

    def tap(self, outbox: Outbox, telemetry_too: int) -> None:
        """A tap among telemetry, answered when it is durable."""
        self.offered += 1
        outbox.submit([telemetry(n, padding=8) for n in range(telemetry_too)], ())
        number = outbox.last_sequence + 1
        outbox.submit([act()], (), lambda rows: self.answered.update((r.boot, number) for r in rows if r is not None))


def disk_ill(scene: Scene) -> Outcome:
    """Each cycle one illness of the disk."""
    outcome, chance = Outcome(), scene.chance
    if scene.broken:
        answers_before_the_commit()
    disk = Sick(f"sick-{os.getpid()}")
    with _small_disk() as (folder, mounted):
        office = Office(folder / "gw", disk.name)
        kinds = [kind for kind in TURN if mounted or kind not in NEED_A_MOUNT]
        if not mounted:
            outcome.impossible = f"{', '.join(NEED_A_MOUNT)}: that needs the right to mount a small tmpfs"
        for cycle in range(scene.cycles):
            kind = kinds[cycle % len(kinds)]
            if kind == OVER:
                (over := scene.folder / f"over-{cycle}").mkdir()
                asyncio.run(_over_its_bound(over, chance, outcome))
            elif kind in RUNNING:
                asyncio.run(_while_it_runs(office, disk, kind, chance, outcome, scene.broken))
            else:
                asyncio.run(_at_a_start(office, kind, outcome))
        kept = asyncio.run(_kept(office))
    disk.unregister()
    outcome.notes[FILLS] = sum(many for how, many in outcome.applied.items() if how.startswith("full"))
    outcome.offered += office.offered
    outcome.accepted += len(office.answered)
    outcome.lost += len(office.answered - kept)
    outcome.stored += len(office.answered & kept)
    return outcome


async def _while_it_runs(
    office: Office, disk: Sick, kind: str, chance: random.Random, outcome: Outcome, broken: bool
) -> None:
    outbox = office.open()
    task = asyncio.create_task(outbox.run())
    for _ in range(chance.randrange(1, 6)):
        office.tap(outbox, 3)
        await asyncio.sleep(0.005)
    heal = RUNNING[kind](office.folder, disk)
    begun, used = time.monotonic(), time.process_time()
    while time.monotonic() - begun < SICK_S or (not outbox.stalled and time.monotonic() - begun < 3 * SICK_S):
        office.tap(outbox, 20)
        await asyncio.sleep(0.02)
    busy = (time.process_time() - used) / (time.monotonic() - begun)
    if outbox.stalled:
        outcome.applies(kind)
    if broken:  # the process dies on its full disk
        task.cancel()
        await asyncio.wait((task,))
        heal()
        return
    if busy > BUSY:
        outcome.misses.append(f"{kind}: {busy:.0%} of a core while the disk was ill")
    before = len(office.answered)
    rows = await outbox.pending(limit=1)  # reads go on
    office.answered -= {(row.boot, row.sequence) for row in rows}
    before = len(office.answered)
    word = asyncio.create_task(outbox.retire(rows[0].boot, [(rows[0].sequence, rows[0].sequence)]))
    await asyncio.wait((word,), timeout=2.0)
    if kind == "full" and not word.done():
        outcome.misses.append("full: what the archive has committed does not make room")
    heal()
    healed = time.monotonic()
    while len(office.answered) == before and time.monotonic() - healed < 20:
        await asyncio.sleep(0.005)
    outcome.recovery_s.append(time.monotonic() - healed)
    if outcome.recovery_s[-1] > BACK_S:
        outcome.misses.append(f"{kind}: {outcome.recovery_s[-1]:.1f} s until it accepted again")
    await word
    await outbox.append([act()], ())
    for first in range(0, outbox.last_sequence, 500):  # the archive takes the telemetry; the disk is small
        taps = {number for name, number in office.answered if name == outbox._origin.boot}
        gone = [(n, n) for n in range(first + 1, first + 501) if n not in taps and n < outbox.last_sequence]
        await outbox.retire(outbox._origin.boot, gone)
    task.cancel()
    await asyncio.wait((task,))


async def _at_a_start(office: Office, kind: str, outcome: Outcome) -> None:
    heal = STARTING[kind](office.folder)
    number = boot.last(office.folder)
    try:
        outbox = office.open()
        outcome.applies(f"{kind}: it starts")
    except HadirError as error:
        outcome.applies(f"{kind}: it says {str(error).partition(': ')[2][:40]}")
        heal()
        begun = time.monotonic()
        outbox = office.open()
        outcome.recovery_s.append(time.monotonic() - begun)
    if boot.last(office.folder) <= number:
        outcome.misses.append(f"{kind}: the boot did not rise")
    async with running(outbox):
        heal()
        office.tap(outbox, 1)
        await outbox.append([act()], ())


async def _over_its_bound(folder: Path, chance: random.Random, outcome: Outcome) -> None:
    """The archive stays away until more waits than may: telemetry is given up and told, no act of a person is."""
    office, counters = Office(folder, None), Counters()
    outbox = make_outbox(folder, max_bytes=BOUND, counters=counters)
    async with running(outbox):
        while _dropped(counters) < 1_000:
            office.tap(outbox, chance.randrange(20, 200))
            await outbox.append((), ())  # each is committed before the next: acts alone never fill the bound
    later = office.open()
    async with running(later):
        declared = sum(gap["lost"] for gap in (await later.facts(GAP)).values())
    kept = await _kept(office)
    missing = outbox.last_sequence - len(kept)
    outcome.applies(OVER)
    outcome.offered += office.offered
    outcome.accepted += len(office.answered)
    outcome.stored += len(office.answered & kept)
    outcome.lost += len(office.answered - kept)
    if not missing == declared == _dropped(counters):
        outcome.misses.append(f"{OVER}: {missing} are gone, {declared} are declared")


def _dropped(counters: Counters) -> int:
    return sum(many for name, many in counters.snapshot().items() if name.startswith("outbox.dropped"))


async def _kept(office: Office) -> set[tuple[str, int]]:
    outbox = office.open()
    kept: set[tuple[str, int]] = set()
    after = None
    async with running(outbox):
        while rows := await outbox.pending(after=after):
            kept |= {(row.boot, row.sequence) for row in rows}
            after = rows[-1].boot, rows[-1].sequence
    return kept


# --- illnesses ------------------------------------------------------------------------------------------------------


def _full(folder: Path, _disk: Sick | None = None) -> Callable[[], None]:
    hog = folder.parent / "hog"
    with hog.open("wb", buffering=0) as out:
        try:
            while True:
                out.write(bytes(1 << 16))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
    return lambda: hog.unlink(missing_ok=True)


def _fails(what: str) -> Callable[[Path, Sick], Callable[[], None]]:
    def ill(_folder: Path, disk: Sick) -> Callable[[], None]:
        disk.fails = what
        return lambda: setattr(disk, "fails", "")

    return ill


def _limited(_folder: Path, _disk: Sick) -> Callable[[], None]:
    limit = ExitStack()
    limit.enter_context(_may_not_grow())
    return limit.close


def _no_inodes(folder: Path) -> Callable[[], None]:
    many = folder.parent / "many"
    many.mkdir(exist_ok=True)
    try:
        for n in range(100_000):
            (many / str(n)).touch()
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise

    def heal() -> None:
        for path in many.iterdir():
            path.unlink()

    return heal


def _read_only(folder: Path) -> Callable[[], None]:
    _mount("-o", "remount,ro", str(folder.parent))
    return lambda: _mount("-o", "remount,rw", str(folder.parent))


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True, capture_output=True)


@contextmanager
def _small_disk() -> Iterator[tuple[Path, bool]]:
    """A folder, and whether it is a small disk: that takes the right to mount."""
    folder = Path(tempfile.mkdtemp(prefix="hadir-disk-"))
    try:
        _mount("-t", "tmpfs", "-o", f"size={SMALL_MB}m,nr_inodes=200", "tmpfs", str(folder))
        mounted = True
    except (OSError, subprocess.CalledProcessError):
        mounted = False
    try:
        yield folder, mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)
        shutil.rmtree(folder)


@contextmanager
def _may_not_grow() -> Iterator[None]:
    """The kernel lets this process write to no file any more (EFBIG)."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


RUNNING: dict[str, Callable[[Path, Sick], Callable[[], None]]] = {
    "full": _full,
    "a sync fails": _fails("sync"),
    "a write fails": _fails("write"),
    "a write stops half-way": _fails("half a write"),
    "no file may grow": _limited,
}
OVER = "more waits than may"
STARTING: dict[str, Callable[[Path], Callable[[], None]]] = {
    "full at the start": _full,
    "out of inodes at the start": _no_inodes,
    "read-only at the start": _read_only,
}
NEED_A_MOUNT = ("full", *STARTING)
TURN = (*RUNNING, OVER, *STARTING, *["full", "full at the start", "full"] * 3)
"""Each kind once, and then what a small disk does most: it fills, and is freed."""
DISK = Fault(
    name="disk-ill",
    title="disk full, out of inodes, read-only, failing writes and syncs; more waits than may",
    promise="nothing is answered that is not durable; it accepts again within 5 s of room; no busy waiting; where"
    " something must be given up, it is telemetry, and it is counted: never what a person did",
    defect="a tap is answered before its commit",
    run=disk_ill,
    quick=9,
    long=180,
    control=4,
    part=90,
    least={FILLS: 100},
    limits={"p99_s": BACK_S},
)
