"""What the outbox promises, kept when its process is killed, its power is cut, or its disk is full."""

from __future__ import annotations

import asyncio
import os
import random
import resource
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import sqlite
from gateway.boot import counter, next_boot
from gateway.counters import Counters
from gateway.errors import TransientError
from gateway.outbox import Outbox
from gateway.outbox_file import highest_boot
from rules.api import Fact
from tests.delivery.world import BOOT, act, make_outbox, running, sequences, telemetry, until

KILLS = 10
BALLAST = 4 << 20


def _append_until_killed(folder: Path, pipe: int) -> None:
    """In the child: a line for each append that has returned."""

    async def main() -> None:
        boot = next_boot(folder, counter(highest_boot(folder / "outbox.sqlite")))
        outbox = make_outbox(folder, boot=boot)
        async with running(outbox):
            while True:
                rows = await outbox.append([telemetry(), act()], [Fact("desk", "d", {"boot": boot})])
                os.write(pipe, "".join(f"{row.boot} {row.sequence}\n" for row in rows).encode())

    asyncio.run(main())


def _life(folder: Path, lines: int) -> list[tuple[str, int]]:
    """Fork a child, read some of what it was promised, kill it, and read the rest."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            _append_until_killed(folder, writer)
        finally:
            os._exit(1)
    os.close(writer)
    try:
        with os.fdopen(reader, "rb") as out:
            promised = [out.readline() for _ in range(lines)]
            os.kill(child, signal.SIGKILL)
            promised += out.readlines()
    finally:
        _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the child ended before it was killed"
    found = [line.decode().split() for line in promised if line.endswith(b"\n")]
    return [(boot, int(sequence)) for boot, sequence in found]


def test_what_was_promised_survives_kill_9(tmp_path: Path) -> None:
    chance = random.Random(7)
    promised: list[tuple[str, int]] = []
    for _ in range(KILLS):
        promised += _life(tmp_path, chance.randrange(1, 60))
    connection = sqlite.connect(tmp_path / "outbox.sqlite")
    try:
        kept = connection.execute("SELECT boot, sequence FROM event ORDER BY boot, sequence").fetchall()
        assert connection.execute("PRAGMA integrity_check").get == "ok"
    finally:
        connection.close()
    assert set(promised) <= set(kept)
    boots = sorted({boot for boot, _ in kept})
    assert len(boots) == len({counter(boot) for boot in boots}) == KILLS
    for boot in boots:
        numbers = [sequence for found, sequence in kept if found == boot]
        assert numbers == list(range(1, len(numbers) + 1)), "one transaction is there whole or not at all"
        assert len(numbers) % 2 == 0


# --- a full disk ----------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


async def _until_full(outbox: Outbox) -> list[int]:
    """Submit until the outbox stalls; the list goes on growing with what is committed."""
    told: list[int] = []
    async with asyncio.timeout(30):
        while not outbox.stalled:
            outbox.submit([telemetry(n, padding=8) for n in range(50)], (), lambda rows: told.extend(sequences(rows)))
            await asyncio.sleep(0.001)
    return told


async def test_a_full_disk_is_said_and_heals_when_others_make_room(small_disk: Path) -> None:
    counters = Counters()
    outbox = make_outbox(small_disk, ballast_bytes=BALLAST, counters=counters)
    ballast = small_disk / "outbox.ballast"
    assert ballast.stat().st_size == BALLAST
    hog = small_disk / "hog"
    hog.write_bytes(bytes(6 << 20))
    async with running(outbox):
        told = await _until_full(outbox)
        assert "full" in outbox.stalled
        assert not ballast.exists()
        assert counters.get("outbox.retries", "ballast") == 1
        before = len(told)
        late = asyncio.create_task(outbox.append([act()], ()))
        assert (await outbox.backlog()).events == before, "reads go on"
        assert not late.done()
        hog.unlink()
        (row,) = await late
        assert outbox.stalled == ""
        assert ballast.stat().st_size == BALLAST
        assert told == list(range(1, row.sequence))
        assert (await outbox.backlog()).events == row.sequence


async def test_a_disk_filled_by_the_backlog_heals_by_the_archives_word(small_disk: Path) -> None:
    outbox = make_outbox(small_disk, ballast_bytes=BALLAST)
    async with running(outbox):
        told = await _until_full(outbox)
        late = asyncio.create_task(outbox.append([act()], ()))
        retired = 0
        async with asyncio.timeout(30):
            while not late.done():
                rows = await outbox.pending(limit=200)
                if not rows:
                    break
                retired += await outbox.retire(BOOT, [(rows[0].sequence, rows[-1].sequence)])
        (row,) = await late
        await until(lambda: not outbox.stalled)
        assert told == list(range(1, row.sequence))
        assert (await outbox.backlog()).events == row.sequence - retired


async def test_a_stop_on_a_full_disk_says_so_and_leaves_a_sound_file(small_disk: Path) -> None:
    hog = small_disk / "hog"
    hog.write_bytes(bytes(6 << 20))
    outbox = make_outbox(small_disk)
    task = asyncio.create_task(outbox.run())
    told = await _until_full(outbox)
    task.cancel()
    await asyncio.wait((task,))
    assert isinstance(task.exception(), TransientError)
    hog.unlink()
    reopened = make_outbox(small_disk, boot="000002-abcd")
    async with running(reopened):
        kept = sequences(await reopened.pending(limit=100_000, max_bytes=1 << 30))
    assert kept == told == list(range(1, len(told) + 1))


async def test_a_start_on_a_full_disk_frees_the_ballast(small_disk: Path) -> None:
    (small_disk / "outbox.ballast").write_bytes(bytes(BALLAST))
    hog = small_disk / "hog"
    hog.write_bytes(bytes(12 << 20))
    outbox = make_outbox(small_disk, ballast_bytes=BALLAST)
    assert not (small_disk / "outbox.ballast").exists()
    async with running(outbox):
        assert sequences(await outbox.append([act()], ())) == [1]


def test_a_file_that_may_not_grow_stalls_and_heals(tmp_path: Path) -> None:
    """The same without a mount: the limit is a process's, so in a child."""

    async def main() -> None:
        outbox = make_outbox(tmp_path)
        async with running(outbox):
            _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, hard))
            told = await _until_full(outbox)
            assert "disk" in outbox.stalled
            late = asyncio.create_task(outbox.append([act()], ()))
            assert (await outbox.backlog()).events == len(told)
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
            (row,) = await late
            assert told == list(range(1, row.sequence))

    child = os.fork()
    if child == 0:
        status = 1
        try:
            asyncio.run(main())
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    connection = sqlite.connect(tmp_path / "outbox.sqlite")
    try:
        assert connection.execute("PRAGMA integrity_check").get == "ok"
    finally:
        connection.close()
