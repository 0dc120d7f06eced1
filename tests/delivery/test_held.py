"""While the time is not known, events about people wait, and are sent with the right time once it is."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gateway.clock import SECOND, ManualClock, Quality, SystemClock
from gateway.contract.envelope import ClockQuality, Envelope, decode, encode
from gateway.contract.retimed import retimed
from gateway.held import HOLD_S
from gateway.outbox import Draft, Outbox
from gateway.outbox_store import Table
from gateway.rebase import Move
from rules.api import Event, Fact
from tests.conftest import Mosquitto
from tests.delivery.lanes import Gateway, archive, leave
from tests.delivery.world import PLACE, T0, act, make_outbox, origin, running, sense, sequences, telemetry, until

BY = 3600 * SECOND
MOVE = Move(BY, T0)
CORRECTED = Draft(Event("gateway.clock_corrected", PLACE, T0 + BY, {"boot": "000001-abcd", "offset_ms": BY / 1e6}))


class Free(SystemClock):
    """Of a machine that does not know the time."""

    known = False

    def quality(self) -> Quality:
        return Quality("ntp" if self.known else "none")


def right(body: bytes) -> bytes:
    return retimed(body, MOVE.time, Quality("ntp", 3.0))


def retime(outbox: Outbox, done: Callable[[Any], None] = lambda _: None) -> None:
    """As gateway/timing.py does it."""
    numbers = outbox.held.numbers
    outbox.submit(
        [CORRECTED],
        [],
        done,
        partial(Table.retime, boots=("000001-abcd",), numbers=numbers, move=MOVE, change=right),
    )


async def test_events_about_people_wait_and_others_do_not(tmp_path: Path) -> None:
    clock = ManualClock(T0, SECOND, sync="none")
    outbox = make_outbox(tmp_path, clock=clock)
    sent: list[int] = []
    outbox.subscribe(lambda rows: sent.extend(sequences(rows)))
    async with running(outbox):
        assert len(await outbox.append([telemetry(), act(), sense(), telemetry()], ())) == 4
        assert sent == [1, 4]
        assert sequences(await outbox.pending()) == [1, 4]
        assert sequences(await outbox.pending(after=("000001-abcd", 1), limit=1)) == [4]
        assert outbox.held.numbers == [2, 3]
        assert outbox.waiting == 4
        clock.sync = "ntp"
        await outbox.append([act(1)], ())
        assert sent == [1, 4, 5]
        clock.advance(HOLD_S - 1)
        assert outbox.held.overdue() == []
        clock.advance(1)
        outbox.held.release(outbox.held.overdue())
        assert sequences(await outbox.pending()) == [1, 2, 3, 4, 5]


async def test_another_boot_does_not_hold_what_it_cannot_know(tmp_path: Path) -> None:
    async with running(outbox := make_outbox(tmp_path, clock=ManualClock(T0, SECOND, sync="none"))):
        await outbox.append([act()], ())
        assert await outbox.pending() == []
    again = make_outbox(tmp_path, boot="000002-abcd", clock=ManualClock(T0, SECOND, sync="none"))
    async with running(again):
        await again.append([act()], ())
        assert [(row.boot, row.sequence) for row in await again.pending()] == [("000001-abcd", 1)]


async def test_once_the_time_is_known_they_go_out_with_it_once(tmp_path: Path, mosquitto: Mosquitto) -> None:
    clock = Free()
    gateway = Gateway(mosquitto.port, tmp_path, clock=clock)
    async with archive(mosquitto.port) as seen, gateway.running() as outbox:
        await outbox.append([telemetry(), act(), telemetry(), sense(2)], [Fact("desk", "d", {"at": T0, "n": 7})])
        await until(lambda: len(seen.heard) == 2)
        clock.known = True
        retime(outbox, lambda _: outbox.held.release([2, 4]))
        await outbox.append([telemetry(5)], ())
        await gateway.empty()
        assert await outbox.facts("desk") == {"d": {"at": T0 + BY, "n": 7}}
    assert {key[1]: times for key, times in seen.times.items()} == dict.fromkeys(range(1, 7), 1)
    person = {heard.event.sequence: heard.event for heard in seen.heard if heard.event.person}
    assert [person[n].time for n in (2, 4)] == [T0 + BY, T0 + 2 * SECOND + BY]


async def test_what_is_set_right_in_its_own_transaction_is_not_sent_as_it_was(tmp_path: Path) -> None:
    clock, given = Free(), list[int]()
    outbox = make_outbox(tmp_path, clock=clock)
    outbox.subscribe(lambda rows: given.extend(sequences(rows)))
    async with running(outbox):
        outbox.submit([act()], ())
        clock.known = True
        retime(outbox, lambda _: outbox.held.release([1]))
        await outbox.append([telemetry(5)], ())
        assert given == [2, 3]
        assert [decode(row.body).time for row in await outbox.pending(limit=1)] == [T0 + BY]


async def test_what_is_released_while_the_first_page_is_read_is_sent(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """The page begins with a row of an earlier life, which the live lane has not, and ends behind what is released."""
    await leave(tmp_path, telemetry())
    gateway = Gateway(mosquitto.port, tmp_path, clock=Free())
    read, there, reads = gateway.outbox.pending, asyncio.Event(), 0

    async def pending(**more: Any) -> Any:
        nonlocal reads
        await there.wait()
        rows = await read(**more)
        reads += 1
        if reads == 1:
            assert [(row.boot, row.sequence) for row in rows] == [("000000-0001", 1), ("000001-abcd", 2)]
            gateway.outbox.held.release([1])
        return rows

    gateway.outbox.pending = pending  # type: ignore[method-assign]
    async with archive(mosquitto.port) as seen, gateway.running() as outbox:
        seen.acking = False
        await outbox.append([act(), telemetry()], ())
        await until(lambda: seen.live)
        there.set()
        await until(lambda: ("000001-abcd", 1) in seen.history)
    assert reads > 1


def test_a_retimed_event_is_the_same_event(tmp_path: Path) -> None:
    data = {"visit_id": act().event.data["checkin_id"], "state": "present", "last_evidence": T0 + SECOND}
    event = Event("presence.idle", PLACE.replace("d-017", "_"), T0 + 2 * SECOND, data, "sense", act().event.person)
    how = {"sequence": 9, "rule": "presence/1"}
    before = encode(event, origin(), recorded_at=T0 + 3 * SECOND, clock=ClockQuality("none"), **how)  # type: ignore[arg-type]
    later = event._replace(at=event.at + BY, data={**data, "last_evidence": T0 + SECOND + BY})
    after = encode(later, origin(), recorded_at=T0 + 3 * SECOND + BY, clock=ClockQuality("ntp", 3.0), **how)  # type: ignore[arg-type]
    assert right(before.body) == after.body
    assert decode(after.body).id == decode(before.body).id
    early = json.loads(retimed(before.body, Move(BY, T0 + 2 * SECOND).time, Quality("ntp")))
    assert early["data"]["last_evidence"] == json.loads(before.body)["data"]["last_evidence"], "of an earlier life"


async def test_nothing_is_too_old_for_a_clock_that_may_be_years_ahead(tmp_path: Path) -> None:
    async with running(outbox := make_outbox(tmp_path, clock=ManualClock(T0, SECOND))):
        await outbox.append([act()], ())
    later = ManualClock(T0 + 3652 * 86_400 * SECOND, SECOND, sync="none")
    async with running(outbox := make_outbox(tmp_path, boot="000002-abcd", clock=later, max_age_days=30.0)):
        for sync, left in (("none", 1), ("ntp", 0)):
            later.sync = sync
            later.advance(61)
            await outbox.append((), [Fact("desk", "d", {"n": 1})])
            assert outbox.waiting == left


@pytest.mark.parametrize("function", ["retime", "_write"])
def test_a_kill_leaves_all_of_it_or_nothing(tmp_path: Path, function: str) -> None:
    """Killed in the transaction, or when it has been committed and nobody has been told."""
    child = os.fork()
    if child == 0:
        try:
            asyncio.run(_retime_and_die(tmp_path, function))
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    rows, facts = asyncio.run(_left(tmp_path))
    done = function == "_write"
    assert [event.type for event in rows] == ["desk.checkin.started"] * 3 + ["gateway.clock_corrected"] * done
    by = BY if done else 0
    assert [event.time for event in rows[:3]] == [T0 + n * SECOND + by for n in range(3)]
    assert {event.data["clock"]["sync"] for event in rows[:3]} == {"ntp" if done else "none"}
    assert facts == {"d": {"at": T0 + by}}


async def _left(folder: Path) -> tuple[list[Envelope], Any]:
    async with running(outbox := make_outbox(folder, boot="000002-abcd")):
        return [decode(row.body) for row in await outbox.pending()], await outbox.facts("desk")


async def _retime_and_die(folder: Path, function: str) -> None:
    clock = Free()
    outbox = make_outbox(folder, clock=clock)
    outbox._encode = lambda draft, sequence, at: encode(  # as gateway/app.py does
        draft.event, origin(), sequence=sequence, recorded_at=at, clock=clock.quality()
    )
    async with running(outbox):
        await outbox.append([act(n) for n in range(3)], [Fact("desk", "d", {"at": T0})])
        owner: Any = Table if function == "retime" else Outbox
        original = getattr(owner, function)

        def dies(*args: Any, **more: Any) -> Any:
            original(*args, **more)
            os.kill(os.getpid(), signal.SIGKILL)

        setattr(owner, function, dies)
        clock.known = True
        numbers = outbox.held.numbers
        outbox.submit(
            [CORRECTED],
            [],
            None,
            lambda table: table.retime(("000001-abcd",), numbers, MOVE, right),
        )
        await asyncio.sleep(10)
