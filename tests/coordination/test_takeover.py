"""What becomes of people and desks when another gateway begins to coordinate, with real daemons on a real broker."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.election import DEAD_S, SETTLE_S
from gateway.outbox import Draft
from rules.api import Event
from tests.conftest import Mosquitto
from tests.coordination.world import OF, A, B, C, House, opened


@pytest.fixture
async def house(tmp_path: Path, mosquitto: Mosquitto) -> AsyncIterator[House]:
    async with opened(tmp_path / "house", mosquitto) as made:
        yield made


async def test_a_visit_goes_on_under_its_id_when_the_coordinator_is_gone(house: House) -> None:
    await house.start(A, B, C)
    await house.passes(DEAD_S + 1)
    assert house.leaders == {A: 8}
    house.tap(C)
    await house.until(lambda: house.visit(A))
    visit = house.visit(A)
    assert visit.zone == f"{OF[C]}/_"
    await house.until(lambda: house.apps[B].leadership.shadow.rows)
    await house.stop(A)
    await house.passes(DEAD_S + 1)
    assert house.leaders == {B: 9}
    assert house.visit(B).id == visit.id
    assert house.visit(B).start == visit.start
    house.tap(B)
    await house.until(lambda: house.visit(B).zone == f"{OF[B]}/_")
    await house.passes(1)
    await house.drained(B, C)
    events = house.stored("presence.", cls="sense")
    assert [(e["type"], e["data"]["term"], e["data"]["visit_id"]) for e in events] == [
        ("hadir.presence.started.v1", 8, visit.id),
        ("hadir.presence.moved.v1", 9, visit.id),
    ]
    assert house.held() == [f"{OF[B]}/d-1"], "one desk a person, across the change"


async def test_tags_are_unknown_meanwhile_and_not_gone(house: House) -> None:
    await house.start(A, B, C)
    await house.passes(DEAD_S + 1)
    await house.passes(30, (C, -50))
    await house.until(lambda: house.visit(A))
    visit = house.visit(A)
    await house.until(lambda: house.apps[B].leadership.shadow.rows)
    await house.stop(A)
    await house.passes(DEAD_S + 1)
    assert house.leaders == {B: 9}
    assert house.apps[B].views.summary()["people"] == {"present": 0}, "nobody's tag was heard by it yet"
    assert house.visit(B).id == visit.id
    await house.passes(30, (C, -50))
    assert house.apps[B].views.summary()["people"] == {"present": 1}
    assert house.visit(B).id == visit.id
    await house.drained(B, C)
    assert [event["type"] for event in house.stored("presence.")] == ["hadir.presence.started.v1"]


async def test_a_tap_while_nobody_leads_waits_and_has_one_outcome(house: House) -> None:
    await house.start(A, B, C)
    await house.passes(DEAD_S + 1)
    await house.stop(A)
    house.tap(C, "door")
    await house.passes(1)
    assert house.leaders == {}
    assert house.apps[C].forwarder.waiting == 1
    await house.passes(DEAD_S + 1)
    assert house.leaders == {B: 9}
    await house.until(lambda: house.apps[C].forwarder.waiting == 0)
    await house.drained(B)
    (came,) = house.stored("workplace.")
    assert (came["type"], came["data"]["term"]) == ("hadir.workplace.checkin.started.v1", 9)


async def test_a_tap_that_the_old_one_had_decided_is_not_decided_again(house: House) -> None:
    """Its word that it had was lost: the sender gives the tap to the next coordinator, which has heard of the outcome.

    A second outcome of one tap at an in/out reader would send the person away again.
    """
    await house.start(A, B, C)
    await house.passes(DEAD_S + 1)
    forwarder = house.apps[C].forwarder
    forwarder._acknowledged = lambda *_: None  # type: ignore[method-assign]
    house.tap(C, "door")
    await house.until(lambda: house.apps[B].leadership.shadow.acted(house.ana))
    assert forwarder.waiting == 1
    await house.stop(A)
    await house.passes(DEAD_S + 1)
    assert house.leaders == {B: 9}
    await house.until(lambda: house.apps[B].counters.get("leadership.decided_before"))
    await house.drained(B)
    assert [event["type"] for event in house.stored("workplace.")] == ["hadir.workplace.checkin.started.v1"]


async def test_the_first_takes_over_again_a_minute_after_it_is_back(house: House) -> None:
    await house.start(A, B, C)
    await house.passes(DEAD_S + 1)
    house.tap(C)
    await house.until(lambda: house.visit(A))
    visit = house.visit(A)
    await house.until(lambda: house.apps[B].leadership.shadow.rows)
    await house.stop(A)
    await house.passes(DEAD_S + 1)
    house.tap(B)
    await house.until(lambda: house.visit(B).zone == f"{OF[B]}/_")
    await house.start(A)
    await house.passes(SETTLE_S - 1)
    assert house.leaders == {B: 9}
    await house.passes(5)
    assert house.leaders == {A: 16}, "above the term of the other, and its own"
    assert house.visit(B) is None
    assert (house.visit(A).id, house.visit(A).zone) == (visit.id, f"{OF[B]}/_"), "it heard where she had gone meanwhile"
    house.tap(C)
    await house.until(lambda: house.visit(A).zone == f"{OF[C]}/_")
    await house.passes(1)
    await house.drained()
    assert [event["data"]["term"] for event in house.stored("presence.")] == [8, 9, 16]
    assert house.held() == [f"{OF[C]}/d-1"]


async def test_a_term_is_not_led_twice_by_a_gateway_that_restarts(house: House) -> None:
    await house.start(A, B)
    await house.passes(DEAD_S + 1)
    assert house.leaders == {A: 8}
    await house.stop(A)
    await house.stop(B)
    house.broker.stop()
    house.broker.start()  # it has forgotten what was retained
    await house.start(A)
    await house.passes(DEAD_S + 1)
    assert house.leaders == {A: 16}


async def test_whoever_wants_not_to_be_sensed_is_not_after_a_change_either(house: House) -> None:
    """The desk that she holds is no reason to begin a visit: her wish is known before the desks are told."""
    await house.start(A, B, C)
    await house.passes(DEAD_S + 1)
    house.quiet()
    await house.until(lambda: all(house.ana in app.directory.quiet for app in house.apps.values()))
    await house.passes(1)
    house.tap(C)
    await house.until(lambda: house.held(C))
    await house.until(lambda: house.apps[B].engine.state("one_desk", house.ana))
    await house.stop(A)
    await house.passes(DEAD_S + 2)
    assert house.leaders == {B: 9}
    await house.until(lambda: house.apps[B].engine.state("presence", house.ana))
    assert house.visit(B) is None
    await house.drained(B, C)
    assert house.stored("presence.") == []
    assert len(house.stored("desk.checkin.started", cls="evt")) == 1, "what she does on purpose counts"


async def test_a_full_outbox_does_not_keep_a_coordinator_from_saying_that_it_lives(house: House) -> None:
    await house.start(A, B)
    await house.passes(DEAD_S + 1)
    app = house.apps[A]
    event = Event("gateway.started", app.place, house.clock.office(), {"version": "1", "config": "c"})
    app.outbox.submit([Draft(event, "", "good")] * 4000, ())
    await house.passes(30)
    assert house.leaders == {A: 8}
    assert app.counters.get("candidacy.stood_down") == 0
