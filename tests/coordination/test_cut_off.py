"""A gateway that is cut off decides alone what it owns; on return, a person has one desk: the later act wins."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.election import DEAD_S
from tests.conftest import Mosquitto
from tests.coordination.world import OF, A, B, C, House, opened
from tests.delivery.links import Wire


@pytest.fixture
async def cut(tmp_path: Path, mosquitto: Mosquitto) -> AsyncIterator[tuple[House, Wire]]:
    """A house whose gateway C hangs on a wire."""
    wire = Wire(mosquitto.port)
    async with opened(tmp_path / "house", mosquitto) as house, wire.open():
        await house.start(A, B)
        await house.start(C, port=wire.port)
        await house.passes(DEAD_S + 1)
        yield house, wire


async def off(house: House, wire: Wire) -> None:
    wire.refuses = True
    wire.cut()
    await house.until(lambda: not house.apps[C].link.state.connected)


async def on(house: House, wire: Wire) -> None:
    wire.refuses = False
    await house.until(lambda: house.apps[C].link.state.connected)


async def test_both_desks_are_its_own(cut: tuple[House, Wire]) -> None:
    house, wire = cut
    house.tap(C)
    await house.until(lambda: house.held() == [f"{OF[C]}/d-1"])
    await off(house, wire)
    await house.passes(5)
    house.tap(C, "tap-2")
    await house.until(lambda: house.held() == [f"{OF[C]}/d-2"])
    await on(house, wire)
    await house.drained(A, C)
    (ended,) = house.stored("desk.checkin.ended", cls="evt")
    assert (ended["data"]["place"], ended["data"]["reason"]) == (f"{OF[C]}/d-1", "moved")
    assert len(house.stored("desk.checkin.started", cls="evt")) == 2


@pytest.mark.parametrize("away_first", [True, False])
async def test_one_desk_is_anothers(cut: tuple[House, Wire], away_first: bool) -> None:
    """She takes a desk of the gateway that is cut off, and one of another; before or after it."""
    house, wire = cut
    first, second = (C, B) if away_first else (B, C)
    await off(house, wire)
    house.tap(first)
    await house.until(lambda: house.held(first))
    await house.passes(5)
    house.tap(second)
    await house.until(lambda: house.held(second))
    assert len(house.held()) == 2, "nobody can know"
    await on(house, wire)
    for _ in range(20):  # what waited is sent again, and the coordinator asks again, in machine and office time
        if len(house.held()) == 1:
            break
        await house.passes(5)
    assert house.held() == [f"{OF[second]}/d-1"]
    await house.drained()
    (ended,) = house.stored("desk.checkin.ended", cls="evt")
    assert (ended["data"]["place"], ended["data"]["reason"]) == (f"{OF[first]}/d-1", "moved")


async def test_whoever_left_by_the_coordinator_that_was_cut_off_has_left(tmp_path: Path, mosquitto: Mosquitto) -> None:
    """For its last seconds it is still in office. What it decided then stands, and is heard when it is back."""
    wire = Wire(mosquitto.port)
    async with opened(tmp_path / "house", mosquitto) as house, wire.open():
        await house.start(A, port=wire.port)
        await house.start(B, C)
        await house.passes(DEAD_S + 1)
        assert house.leaders == {A: 8}
        house.tap(C, "door")
        house.tap(C)
        await house.until(lambda: (row := house.apps[B].leadership.shadow.rows.get(house.ana)) and row["workplace"])
        await house.until(lambda: house.apps[B].leadership.shadow.rows[house.ana]["visit"])
        await house.passes(1)
        wire.refuses = True
        wire.cut()
        await house.until(lambda: not house.apps[A].link.state.connected)
        await house.passes(1)
        house.tap(A, "door")
        await house.until(lambda: house.visit(A) is None)
        await house.passes(DEAD_S + 1)
        assert house.leaders == {B: 9}
        assert house.visit(B) is not None, "it cannot know yet"
        wire.refuses = False
        await house.until(lambda: house.apps[A].link.state.connected)
        await house.until(lambda: house.visit(B) is None)
        assert house.apps[B].engine.state("presence", house.ana).workplace is None
        await house.drained()
        (ended,) = house.stored("presence.ended")
        assert (ended["data"]["state"], ended["data"]["term"]) == ("left", 8)
        house.tap(C, "door")
        await house.until(lambda: house.apps[B].engine.state("presence", house.ana).workplace)
        await house.drained()
        assert [event["type"].split(".")[3] for event in house.stored("workplace.")] == ["started", "ended", "started"]
