"""A damaged outbox, small: one of each kind of damage; and rows that are sent unchecked are found out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from faults import corrupt
from faults.api import Scene
from gateway import salvage
from gateway.gaps import Gaps
from rules.api import Fact
from tests.delivery.world import BOOT, act, make_outbox, running, sequences, telemetry


def test_the_outbox_starts_whatever_its_file_is_like(tmp_path: Path) -> None:
    outcome = corrupt.corrupted(Scene(tmp_path, 1, len(corrupt.DAMAGES), False))
    assert outcome.cycles == len(corrupt.DAMAGES)
    assert (outcome.lost, outcome.wrong, outcome.misses) == (0, 0, [])


async def test_damage_that_is_met_while_it_runs_is_saved_and_the_tap_is_kept(tmp_path: Path) -> None:
    outbox = make_outbox(tmp_path)
    async with running(outbox):
        await outbox.append([telemetry(n) for n in range(200)], [Fact("desk", "d", {"n": 1})])
        outbox._table.make_room()
        file = tmp_path / "outbox.sqlite"
        pages = file.stat().st_size // 4096
        with file.open("r+b") as out:
            out.seek(4096 * (pages - 2))
            out.write(bytes(8192))
        outbox._table._connection.execute("PRAGMA shrink_memory")
        (row,) = await outbox.append([act()], [Fact("desk", "d", {"n": 2})])
        assert row.sequence == 201
        await outbox.retire(BOOT, [(1, 50)])
        kept = sequences(await outbox.pending(limit=1000, max_bytes=1 << 30))
        assert kept[-1] == 201
        assert await outbox.facts("desk") == {"d": {"n": 2}}
        (told,) = await outbox.set_aside()
        assert "outbox.sqlite.damaged-1" in told


async def test_a_row_that_was_changed_is_lost_and_declared_once(tmp_path: Path) -> None:
    outbox = make_outbox(tmp_path)
    async with running(outbox):
        await outbox.append([telemetry(), act()], ())
        change = "UPDATE event SET body = CAST(replace(body, 'badge', 'bedge') AS BLOB) WHERE sequence = 2"
        outbox._table._connection.execute(change)
        assert sequences(await outbox.pending()) == [1]
        said: list[object] = []
        for _ in range(2):
            await Gaps(outbox, lambda data: said.append(dict(data)) or telemetry()).declare()
            await outbox.append((), ())
        assert said == [{"boot": BOOT, "first": 2, "last": 2, "lost": 1, "cause": "disk"}]
        assert [(number, why) for _, number, why, *_ in await outbox.dead_letters()] == [(2, "damaged")]
        assert sequences(await outbox.pending()) == [1, 3]


@pytest.mark.parametrize("dies_at", range(6))
async def test_a_rescue_that_is_ended_at_any_step_is_ended_by_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_at: int
) -> None:
    outbox = make_outbox(tmp_path)
    async with running(outbox):
        await outbox.append([telemetry(n) for n in range(50)], ())
    file = tmp_path / "outbox.sqlite"
    file.write_bytes(b"\xff" * 100 + file.read_bytes()[100:])
    move, left = salvage._move, [dies_at]

    def dying(old: Path, new: Path) -> None:
        if left[0] == 0:
            raise KeyboardInterrupt
        left[0] -= 1
        move(old, new)
        if left[0] == 0:
            raise KeyboardInterrupt

    monkeypatch.setattr(salvage, "_move", dying)
    try:
        make_outbox(tmp_path)._table.close()
    except KeyboardInterrupt:
        monkeypatch.setattr(salvage, "_move", move)
    again = make_outbox(tmp_path, boot="000002-abcd")
    async with running(again):
        assert sequences(await again.pending()) == list(range(1, 51))
        assert len(await again.set_aside()) == 1
    assert [name for name in os.listdir(tmp_path) if ".damaged-" in name] == ["outbox.sqlite.damaged-1"]
