"""Two that both believe that they coordinate a building: only the higher term's words count."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gateway.election import DEAD_S, SETTLE_S
from tests.conftest import Mosquitto
from tests.coordination.world import OF, A, B, C, House, opened, reload, withheld


@pytest.fixture
async def house(tmp_path: Path, make_mosquitto: Callable[..., Mosquitto]) -> AsyncIterator[House]:
    """The broker keeps the beats of the candidates from each other; everything else it carries."""
    broker = make_mosquitto(withheld(tmp_path))
    async with opened(tmp_path / "house", broker) as made:
        await made.start(A, B, C)
        await made.passes(DEAD_S + 1)
        assert made.leaders == {A: 8}
        withheld(tmp_path, (A, B), (B, A))
        reload(broker)
        await made.passes(DEAD_S + 2)
        assert made.leaders == {A: 8, B: 9}, "each holds the other to be dead"
        yield made


async def test_owners_and_archive_take_the_higher_terms_words_only(house: House) -> None:
    house.tap(C)
    await house.until(lambda: house.visit(A) and house.visit(B))
    await house.passes(1)
    house.tap(B)
    await house.until(lambda: house.held() == [f"{OF[B]}/d-1"])
    await house.until(lambda: house.visit(A).zone == house.visit(B).zone == f"{OF[B]}/_")
    await house.until(lambda: house.apps[C].counters.get("commands.refused", "old_term"))
    await house.drained(B, C)
    assert [event["data"]["reason"] for event in house.stored("desk.checkin.ended", cls="evt")] == ["moved"]
    said = house.stored("presence.")
    assert [(event["type"], event["source"].split("/")[3]) for event in said] == [
        ("hadir.presence.started.v1", B),
        ("hadir.presence.moved.v1", B),
    ]
    await house.drained(A)
    dead = await house.apps[A].outbox.dead_letters()
    assert [(reason, topic.rpartition("/")[2]) for _, _, reason, topic, _ in dead] == [
        ("old_term", "presence.started"),
        ("old_term", "presence.moved"),
    ]


async def test_when_they_hear_each_other_again_one_stops_and_the_other_goes_on(house: House) -> None:
    house.tap(C)
    await house.until(lambda: house.visit(A) and house.visit(B))
    ours = house.visit(B)
    withheld(house.folder.parent)
    reload(house.broker)
    await house.passes(3)
    assert house.leaders == {B: 9}
    await house.passes(SETTLE_S + 2)
    assert house.leaders == {A: 16}, "it has been there for long: it takes over from a leader that lives"
    house.tap(B)
    await house.until(lambda: house.visit(A).zone == f"{OF[B]}/_")
    assert house.visit(A).id == ours.id
    await house.drained()
    assert [event["data"]["term"] for event in house.stored("presence.")] == [9, 16]
