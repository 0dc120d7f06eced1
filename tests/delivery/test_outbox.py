"""The outbox on a real file: durable, in order, contiguous, bounded; and what leaves it, and how."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import apsw
import pytest

from gateway import outbox_store, sqlite
from gateway.clock import ManualClock
from gateway.contract.envelope import decode
from gateway.counters import Counters
from gateway.errors import HadirError, TransientError
from gateway.outbox import Outbox
from gateway.outbox_file import highest_boot
from gateway.outbox_store import Gap
from gateway.salvage import GAP
from rules.api import SECOND, Fact
from tests.delivery.world import (
    BOOT,
    OTHER,
    PERSON,
    T0,
    act,
    invalid,
    make_outbox,
    running,
    sense,
    sequences,
    telemetry,
    until,
)

MB = 1 << 20


def stored(path: Path) -> list[tuple[str, int]]:
    """What is in the file, read by nobody's code but SQLite's."""
    connection = sqlite.connect(path)
    try:
        return connection.execute("SELECT boot, sequence FROM event ORDER BY boot, sequence").fetchall()
    finally:
        connection.close()


async def test_append_returns_what_is_in_the_file_in_order(tmp_path: Path) -> None:
    outbox = make_outbox(tmp_path)
    async with running(outbox):
        rows = await outbox.append([telemetry(1), act(2), sense(3)], ())
        assert sequences(rows) == [1, 2, 3]
        assert [row.cls for row in rows] == ["evt", "who", "sense"]
        assert all(row.committed_machine > 0 for row in rows)
        assert sequences(await outbox.append([telemetry(4)], ())) == [4]
    assert stored(tmp_path / "outbox.sqlite") == [(BOOT, n) for n in (1, 2, 3, 4)]


async def test_sequence_is_contiguous_over_concurrent_writers(tmp_path: Path) -> None:
    outbox = make_outbox(tmp_path)
    told: list[int] = []
    outbox.subscribe(lambda rows: told.extend(sequences(rows)))
    async with running(outbox):
        made = await asyncio.gather(*(outbox.append([telemetry(n), sense(n)], ()) for n in range(50)))
    assert [n for rows in made for n in sequences(rows)] == list(range(1, 101))
    assert told == list(range(1, 101))


async def test_an_event_that_the_contract_refuses_takes_no_number(tmp_path: Path) -> None:
    counters = Counters()
    outbox = make_outbox(tmp_path, counters=counters)
    async with running(outbox):
        assert sequences(await outbox.append([telemetry(), invalid(), act()], ())) == [1, 2]
        assert await outbox.append([invalid()], ()) == []
        assert sequences(await outbox.append([telemetry()], ())) == [3]
    assert counters.get("outbox.refused", "invalid") == 2


async def test_stored_bytes_are_the_event(tmp_path: Path) -> None:
    outbox = make_outbox(tmp_path)
    async with running(outbox):
        (row,) = await outbox.append([act()], ())
        (kept,) = await outbox.pending()
    event = decode(kept.body)
    assert (event.boot, event.sequence, event.person, event.unit, event.cls) == (BOOT, 1, PERSON, "bkn", "who")
    assert kept.body == row.body
    assert kept.topic == row.topic == "hadir/v1/who/ikn/bkn/gw-1/desk.checkin.started"


async def test_facts_come_with_their_events_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outbox = make_outbox(tmp_path)
    async with running(outbox):
        await outbox.append([act()], [Fact("desk", "d-1", {"person": PERSON}), Fact("desk", "d-2", {"n": 1})])
        await outbox.append([], [Fact("desk", "d-2", None), Fact("other", "d-1", {"n": 2})])
        assert await outbox.facts("desk") == {"d-1": {"person": PERSON}}

        fails = [True, True]
        vacuum = outbox_store.Table.vacuum

        def once_full(table: outbox_store.Table) -> None:
            if fails:
                fails.pop()
                raise TransientError("the disk is full")
            vacuum(table)

        monkeypatch.setattr(outbox_store.Table, "vacuum", once_full)
        rows = await outbox.append([act(1), telemetry()], [Fact("desk", "d-1", {"person": OTHER})])
        assert sequences(rows) == [2, 3], "a commit that failed is tried again with the same numbers"
        assert await outbox.facts("desk") == {"d-1": {"person": OTHER}}
        assert (await outbox.backlog()).events == 3
    reopened = make_outbox(tmp_path, boot="000002-abcd")
    async with running(reopened):
        assert await reopened.facts("other") == {"d-1": {"n": 2}}


async def test_pending_is_oldest_boot_first_and_pages(tmp_path: Path) -> None:
    for boot in ("000009-ffff", "000010-0000"):
        outbox = make_outbox(tmp_path, boot=boot)
        async with running(outbox):
            await outbox.append([telemetry(n) for n in range(5)], ())
    outbox = make_outbox(tmp_path, boot="000011-0000")
    async with running(outbox):
        assert outbox.waiting == 10
        await outbox.append([telemetry()], ())
        keys = [(row.boot, row.sequence) for row in await outbox.pending()]
        assert keys == [(b, n) for b in ("000009-ffff", "000010-0000") for n in range(1, 6)] + [("000011-0000", 1)]
        paged: list[tuple[str, int]] = []
        while rows := await outbox.pending(after=paged[-1] if paged else None, limit=4):
            paged += [(row.boot, row.sequence) for row in rows]
        assert paged == keys
        assert len(await outbox.pending(max_bytes=1)) == 1, "one row always comes, whatever its size"
    assert highest_boot(tmp_path / "outbox.sqlite") == "000011-0000"
    assert highest_boot(tmp_path / "absent.sqlite") == ""


async def test_a_dead_letter_whose_body_a_damaged_page_has_lost_does_not_keep_a_gateway_from_starting(
    tmp_path: Path,
) -> None:
    outbox = make_outbox(tmp_path, boot="000009-ffff")
    async with running(outbox):
        await outbox.append([telemetry()], ())
    schema = "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql = replace(sql, ?, ?) WHERE name = 'dead'"
    steps: list[tuple[str, tuple[str, ...]]] = [
        (schema, ("body BLOB NOT NULL", "body BLOB")),
        ("INSERT INTO dead VALUES ('000010-0000', 1, 'invalid', 't', NULL)", ()),
        (schema, ("body BLOB,", "body BLOB NOT NULL,")),
    ]
    for statement, values in steps:
        connection = apsw.Connection(str(tmp_path / "outbox.sqlite"))
        connection.execute(statement, values)
        connection.close()
    assert highest_boot(tmp_path / "outbox.sqlite") == "000009-ffff"


async def test_retire_takes_exactly_its_ranges(tmp_path: Path) -> None:
    outbox = make_outbox(tmp_path)
    async with running(outbox):
        await outbox.append([telemetry(n) for n in range(10)], ())
        assert await outbox.retire("000099-abcd", [(1, 10)]) == 0
        assert await outbox.retire(BOOT, [(2, 3), (7, 7), (3, 4), (11, 900)]) == 4
        assert sequences(await outbox.pending()) == [1, 5, 6, 8, 9, 10]
        assert (await outbox.backlog()).events == outbox.waiting == 6
        assert await outbox.retire(BOOT, [(1, 999_999_999_999)]) == 6
        backlog = await outbox.backlog()
        assert (backlog.events, backlog.bytes, backlog.oldest_at) == (0, 0, None)
        assert sequences(await outbox.append([telemetry()], ())) == [11], "numbers go on"


async def test_refused_events_are_set_aside(tmp_path: Path) -> None:
    counters = Counters()
    outbox = make_outbox(tmp_path, counters=counters)
    async with running(outbox):
        rows = await outbox.append([telemetry(), act()], ())
        await outbox.refuse(BOOT, 1, "foreign_source")
        await outbox.refuse(BOOT, 77, "foreign_source")
        assert await outbox.dead_letters() == [(BOOT, 1, "foreign_source", rows[0].topic, rows[0].body)]
        assert sequences(await outbox.pending()) == [2]
        backlog = await outbox.backlog()
        assert (backlog.events, backlog.dead) == (1, 1)
    reopened = make_outbox(tmp_path, boot="000002-abcd")
    async with running(reopened):
        assert (await reopened.backlog()).bytes == backlog.bytes, "bounds are kept by the same measure over a restart"


async def test_the_oldest_dead_letters_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_store, "MOST_DEAD", 2)
    outbox = make_outbox(tmp_path)
    async with running(outbox):
        await outbox.append([telemetry(n) for n in range(4)], ())
        for sequence in (1, 2, 3):
            await outbox.refuse(BOOT, sequence, "invalid")
        assert [letter[1] for letter in await outbox.dead_letters()] == [2, 3]


async def test_erasure_keeps_the_sequence_and_nothing_of_the_person(tmp_path: Path) -> None:
    outbox = make_outbox(tmp_path)
    async with running(outbox):
        await outbox.append([act(1), sense(2), act(3, OTHER), telemetry(4), act(5)], ())
        await outbox.refuse(BOOT, 5, "invalid")
        before = await outbox.pending()
        assert await outbox.erase(PERSON) == 3
        after = await outbox.pending()
        assert [row.body for row in after[2:]] == [row.body for row in before[2:]]
        for row, was in zip(after[:2], before[:2], strict=True):
            old, new = decode(was.body), decode(row.body)
            assert (new.id, new.sequence, new.time) == (old.id, old.sequence, old.time)
            assert (new.type, new.person, new.subject) == ("privacy.erased", "", "ikn/kk2/_/_/_")
            assert row.topic == was.topic
            assert row.person == ""
        everything = [row.body for row in after] + [letter[4] for letter in await outbox.dead_letters()]

        assert not any(PERSON.encode() in body for body in everything)
        assert await outbox.erase(PERSON) == 0
        bytes_now = (await outbox.backlog()).bytes
    reopened = make_outbox(tmp_path, boot="000002-abcd")
    async with running(reopened):
        assert (await reopened.backlog()).bytes == bytes_now


async def _fill(outbox: Outbox, count: int, *, acts_every: int = 10) -> list[int]:
    """Numbers of the acts among `count` events."""
    acts: list[int] = []
    for n in range(0, count, 100):
        drafts = [act(k) if k % acts_every == 0 else telemetry(k, padding=8) for k in range(n, n + 100)]
        rows = await outbox.append(drafts, ())
        acts += [row.sequence for row in rows if row.cls == "who"]
    return acts


async def gaps_of(outbox: Outbox) -> list[Gap]:
    """Those that are to be declared; they are then no longer."""
    found = await outbox.facts(GAP)
    await outbox.append((), [Fact(GAP, key, None) for key in found])
    return [Gap(**told) for told in found.values()]


def _given_up(gaps: list[Gap], kept: set[int]) -> None:
    """Each number that is neither kept nor in a gap would be a silent loss."""
    for gap in gaps:
        assert gap.first <= gap.last
        assert 0 < gap.lost <= gap.last - gap.first + 1
    covered = {n for gap in gaps for n in range(gap.first, gap.last + 1)}
    lost = sum(gap.lost for gap in gaps)
    missing = set(range(1, max(kept) + 1)) - kept
    assert missing <= covered
    assert len(missing) == lost


async def test_the_byte_bound_gives_up_telemetry_before_acts_and_says_so(tmp_path: Path) -> None:
    counters = Counters()
    outbox = make_outbox(tmp_path, max_bytes=MB, counters=counters)
    gaps: list[Gap] = []
    async with running(outbox):
        acts = await _fill(outbox, 3000)
        gaps += await gaps_of(outbox)
        assert await gaps_of(outbox) == []
        kept: set[int] = set()
        while rows := await outbox.pending(after=(BOOT, max(kept)) if kept else None):
            kept |= set(sequences(rows))
        assert (await outbox.backlog()).bytes <= MB
    assert set(acts) <= kept
    _given_up(gaps, kept)
    assert counters.get("outbox.dropped") == sum(gap.lost for gap in gaps) > 0


async def test_acts_are_given_up_when_nothing_else_is_left(tmp_path: Path) -> None:
    outbox = make_outbox(tmp_path, max_bytes=MB)
    async with running(outbox):
        for n in range(40):
            await outbox.append([act(n) for _ in range(100)], ())
        kept = set(sequences(await outbox.pending(limit=10_000, max_bytes=1 << 30)))
        assert (await outbox.backlog()).bytes <= MB
        gaps = await gaps_of(outbox)
    assert max(kept) == 4000, "the newest stay"
    _given_up(gaps, kept)


async def test_the_age_bound_is_machine_paced_and_office_aged(tmp_path: Path) -> None:
    clock = ManualClock(office=T0, machine=0)
    outbox = make_outbox(tmp_path, clock=clock, max_age_days=1.0)
    async with running(outbox):
        await outbox.append([telemetry(), act()], ())
        clock.advance(86_400 / 2)
        await outbox.append([telemetry()], ())
        assert await gaps_of(outbox) == []
        clock.advance(86_400 / 2 + 120)
        await outbox.append([telemetry()], ())
        assert sequences(await outbox.pending()) == [3, 4]
        assert sum(gap.lost for gap in await gaps_of(outbox)) == 2
        oldest = (await outbox.backlog()).oldest_at
    assert oldest == T0 + 43_200 * SECOND


async def test_a_second_opener_is_refused(tmp_path: Path) -> None:
    outbox = make_outbox(tmp_path)
    async with running(outbox):
        with pytest.raises(HadirError, match="another running process"):
            make_outbox(tmp_path)
        await outbox.append([telemetry()], ())
    async with running(make_outbox(tmp_path)):
        pass


async def test_the_file_shrinks_after_a_drain(tmp_path: Path) -> None:
    file = tmp_path / "outbox.sqlite"
    outbox = make_outbox(tmp_path)
    async with running(outbox):
        for _ in range(30):
            await outbox.append([telemetry(n, padding=8) for n in range(200)], ())
        while rows := await outbox.pending(limit=200):
            await outbox.retire(BOOT, [(rows[0].sequence, rows[-1].sequence)])
    full = 30 * 200 * 1000
    assert file.stat().st_size < full / 2
    assert not file.with_name("outbox.sqlite-wal").exists()


async def test_what_was_submitted_before_the_stop_is_committed(tmp_path: Path) -> None:
    outbox = make_outbox(tmp_path)
    told: list[int] = []
    async with running(outbox):
        await asyncio.sleep(0)
        for n in range(25):
            outbox.submit([telemetry(n)], (), lambda rows: told.extend(sequences(rows)))
    assert told == list(range(1, 26))
    assert stored(tmp_path / "outbox.sqlite") == [(BOOT, n) for n in range(1, 26)]
    with pytest.raises(TransientError, match="closed"):
        outbox.submit([telemetry()], ())


@pytest.mark.parametrize("turns", range(8))
async def test_a_stop_in_the_middle_of_a_commit_leaves_no_hole(tmp_path: Path, turns: int) -> None:
    outbox = make_outbox(tmp_path)
    told: list[int] = []
    task = asyncio.create_task(outbox.run())
    for n in range(25):
        try:
            outbox.submit([telemetry(n)], (), lambda rows: told.extend(sequences(rows)))
        except TransientError:
            assert n > turns, "only behind the stop it says that it is closed"
            break
        await asyncio.sleep(0)
        if n == turns:
            task.cancel()
    await asyncio.wait((task,))
    assert task.cancelled()
    kept = [n for _, n in stored(tmp_path / "outbox.sqlite")]
    assert kept == told == list(range(1, len(kept) + 1))


async def test_a_stop_while_the_disk_fails_leaves_no_hole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outbox = make_outbox(tmp_path)
    failing = True
    vacuum = outbox_store.Table.vacuum

    def fails(table: outbox_store.Table) -> None:
        if failing:
            raise TransientError("the disk is full")
        vacuum(table)

    monkeypatch.setattr(outbox_store.Table, "vacuum", fails)
    told: list[int] = []
    task = asyncio.create_task(outbox.run())
    outbox.submit([telemetry(1)], (), lambda rows: told.extend(sequences(rows)))
    assert await until(lambda: outbox.stalled) == "the disk is full"
    outbox.submit([telemetry(2)], (), lambda rows: told.extend(sequences(rows)))
    task.cancel()
    failing = False
    await asyncio.wait((task,))
    assert [n for _, n in stored(tmp_path / "outbox.sqlite")] == told == [1, 2]


async def test_a_stop_ends_also_where_no_room_ever_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits then was never acknowledged to anybody."""
    outbox = make_outbox(tmp_path)
    monkeypatch.setattr(outbox_store.Table, "make_room", lambda _table: False)

    def fails(_table: outbox_store.Table) -> None:
        raise TransientError("the disk is full")

    monkeypatch.setattr(outbox_store.Table, "vacuum", fails)
    told: list[object] = []
    task = asyncio.create_task(outbox.run())
    outbox.submit([telemetry(1)], (), told.append)
    await until(lambda: outbox.stalled)
    task.cancel()
    with pytest.raises(TransientError):
        await asyncio.wait_for(task, 60)
    assert told == []


async def test_bodies_are_json_with_their_own_number(tmp_path: Path) -> None:
    outbox = make_outbox(tmp_path)
    async with running(outbox):
        await outbox.append([telemetry(n) for n in range(3)], ())
        found = [json.loads(row.body) for row in await outbox.pending()]
    assert [item["sequence"] for item in found] == ["000000000001", "000000000002", "000000000003"]
