"""Commands over a real broker: carried out once, answered each time, refused when they cannot be read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway.clock import SECOND, SystemClock, rfc3339
from gateway.commands import NAME, Commands
from gateway.config.load import load
from gateway.config.places import Places
from gateway.counters import Counters
from gateway.decode import installed
from gateway.intake import Asked, Intake
from gateway.outbox_store import Row
from gateway.terms import Terms
from rules.api import Command, Fact
from tests.conftest import Mosquitto
from tests.delivery.links import Reader, make_link
from tests.delivery.world import origin, running, until

DESK, PERSON = "ikn/kk2/l05/timur/d-017", "p-00000000000000a1"
IDENTITY = "5b0c5c8e-1111-4222-8333-44445555666{}"
OFFICE = """\
site: ikn
buildings:
  - {id: kk2, coordinator: gw-1, floors: [{id: l05, owner: gw-1, zones: [{id: timur, spaces: [{id: d-017}]}]}]}
gateways:
  - {id: gw-1, place: kk2/l05}
"""
GW_2 = "  - {id: gw-2, place: kk2/l05}\n"
EVENT = Row("000001-abcd", 7, "evt", "t", b'{"id": "b095c863-bb96-5b7b-8983-799d715e3ac2"}', 0, 0, "", "_")


class World:
    """A gateway's receiving side, and a client that asks it."""

    def __init__(self, folder: Path, port: int) -> None:
        file = folder / "office.yaml"
        file.write_text(OFFICE)
        self.clock = SystemClock()
        self.intake = Intake(Counters())
        self.places = Places(load(file, drivers=installed()))
        self.terms = Terms(self.places.candidates, "gw-1")
        self.link = make_link(port, "gw-1")
        self.commands = Commands(self.link, origin(), self.places, self.intake, self.clock, Counters(), self.terms)
        self.client = make_link(port, "kiosk")
        self.answers = Reader(self.client, "hadir/v1/res/kiosk/#")

    async def ask(self, name: str, *, number: int = 0, cls: str = "whocmd", **more: Any) -> None:
        body = {
            "id": IDENTITY.format(number),
            "issued_at": rfc3339(self.clock.office()),
            "actor": "kiosk",
            "role": "user",
            "client": "kiosk",
            "place": DESK,
            "pid": PERSON,
            "args": {},
            **more,
        }
        await self.client.deliver(f"hadir/v1/{cls}/ikn/gw-1/{name}", json.dumps(body).encode())

    async def answered(self, count: int) -> list[dict[str, Any]]:
        await until(lambda: len(self.answers.payloads()) == count)
        return [json.loads(payload) for payload in self.answers.payloads()]

    def taken(self) -> list[Asked]:
        found = [item for _, item in self.intake.take(len(self.intake))]
        return [item for item in found if isinstance(item, Asked)]


def ruled(asked: Asked, *rows: Row) -> Sequence[Fact]:
    """The rules have had it, and what they said of it is durable; the facts of that."""
    facts = asked.outcome(bool(rows))
    asked.answer(rows)
    return facts


@pytest.fixture
async def world(tmp_path: Path, mosquitto: Mosquitto) -> AsyncIterator[World]:
    made = World(tmp_path, mosquitto.port)
    async with running(made.link, made.client):
        await made.link.connected()
        await made.client.connected()
        await made.link.deliver("t", b"")
        await made.client.deliver("t", b"")
        yield made


async def test_it_is_carried_out_once_and_answered_each_time(world: World) -> None:
    await world.ask("checkin", args={"method": "kiosk"})
    await world.ask("checkin", args={"method": "kiosk"})
    await until(lambda: len(world.intake))
    (asked,) = world.taken()
    assert isinstance(asked.item, Command)
    assert (asked.item.name, asked.item.place, asked.item.person) == ("checkin", DESK, PERSON)
    assert [(fact.rule, fact.key) for fact in ruled(asked, EVENT)] == [(NAME, IDENTITY.format(0))]
    await world.ask("checkin", args={"method": "kiosk"})
    first, again = await world.answered(2)
    assert first == again
    assert (first["ok"], first["events"]) == (True, ["b095c863-bb96-5b7b-8983-799d715e3ac2"])
    assert not world.intake


async def test_what_changed_nothing_is_no_success(world: World) -> None:
    for number, name in enumerate(("checkin", "extend")):
        await world.ask(name, number=number)
        await until(lambda: len(world.intake))
        ruled(world.taken()[0])
    taken, extended = await world.answered(2)
    assert (taken["ok"], taken["reason"]) == (False, "no_change")
    assert (extended["ok"], extended["reason"]) == (True, None)


async def test_a_gateway_that_was_killed_before_its_answer_does_not_do_it_again(world: World) -> None:
    now = world.clock.office()
    days = 86_400 * SECOND
    facts = {IDENTITY.format(0): {"at": now - SECOND}, IDENTITY.format(1): {"at": now - 2 * days}}
    assert world.commands.restore(facts) == [Fact(NAME, IDENTITY.format(1), None)]
    await world.ask("checkin")
    (answer,) = await world.answered(1)
    assert (answer["id"], answer["ok"]) == (IDENTITY.format(0), True)
    assert not world.intake


async def test_what_changed_nothing_is_no_success_after_a_restart_either(world: World) -> None:
    kept = []
    for number, rows in enumerate(((), (EVENT,))):
        await world.ask("checkin", number=number)
        await until(lambda: len(world.intake))
        kept += ruled(world.taken()[0], *rows)
    before = await world.answered(2)
    world.commands = Commands(world.link, origin(), world.places, world.intake, world.clock, Counters(), world.terms)
    assert world.commands.restore({fact.key: fact.body for fact in kept if fact.body is not None}) == []
    for number in (0, 1):
        await world.ask("checkin", number=number)
    after = (await world.answered(4))[2:]
    assert [(one["ok"], one["reason"]) for one in after] == [(False, "no_change"), (True, None)]
    assert [(one["ok"], one["reason"]) for one in before] == [(one["ok"], one["reason"]) for one in after]
    assert not world.intake


async def test_what_came_too_late_is_carried_out_when_it_is_asked_again(world: World) -> None:
    await world.ask("checkin", issued_at=rfc3339(world.clock.office() - 40 * SECOND))
    await world.ask("checkin")
    await until(lambda: len(world.intake))
    ruled(world.taken()[0], EVENT)
    late, done = await world.answered(2)
    assert (late["reason"], done["ok"]) == ("expired", True)


async def test_what_another_gateway_decided_is_carried_out_once_it_is_ours(world: World, tmp_path: Path) -> None:
    places = world.places
    (tmp_path / "office.yaml").write_text(OFFICE.replace("owner: gw-1", "owner: gw-2") + GW_2)
    world.commands._places = Places(load(tmp_path / "office.yaml", drivers=installed()))
    await world.ask("checkin")
    assert [one["reason"] for one in await world.answered(1)] == ["not_owner"]
    world.commands._places = places
    await world.ask("checkin")
    await until(lambda: len(world.intake))
    ruled(world.taken()[0], EVENT)
    assert [one["ok"] for one in await world.answered(2)] == [False, True]


@pytest.mark.parametrize(
    ("name", "more", "reason"),
    [
        ("dance", {}, "unknown_command"),
        ("checkin", {"place": "ikn/kk2/l05/timur/d-099"}, "not_owner"),
        ("checkin", {"cls": "cmd"}, "forbidden"),
        ("checkin", {"issued_at": "2020-01-01T00:00:00.000Z"}, "expired"),
        ("checkin", {"at": "2250-01-01T00:00:00.000Z"}, "invalid"),
        ("checkin", {"args": {"method": "telepathy"}}, "invalid"),
        ("reserve", {}, "invalid"),
        ("reserve", {"args": {"booking_ref": "b", "start": "nine", "end": 5}}, "invalid"),
        ("reserve", {"args": {"booking_ref": "b", "start": -1, "end": 5}}, "invalid"),
        ("cancel", {"args": {"booking_ref": 5}}, "invalid"),
        ("move", {"args": {"at": "soon"}}, "invalid"),
        ("move", {"args": {"at": 2**62}}, "invalid"),
        ("quiet", {"args": {"on": "yes"}}, "invalid"),
    ],
)
async def test_what_cannot_be_done_is_refused_and_reaches_no_rule(
    world: World, name: str, more: dict[str, Any], reason: str
) -> None:
    await world.ask(name, **more)
    (answer,) = await world.answered(1)
    assert (answer["ok"], answer["reason"]) == (False, reason)
    assert not len(world.intake)


async def test_what_was_carried_out_a_day_ago_leaves_the_disk_with_the_next_command(world: World) -> None:
    almost = world.clock.office() - 86_400 * SECOND + SECOND
    assert world.commands.restore({IDENTITY.format(7): {"at": almost}}) == []
    await asyncio.sleep(1.1)
    await world.ask("checkin")
    await until(lambda: len(world.intake))
    assert world.taken()[0].facts == (Fact(NAME, IDENTITY.format(7), None),)


async def test_a_flood_of_refused_commands_forgets_nothing_that_was_done(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.commands.MOST_REMEMBERED", 5)
    await world.ask("checkin", number=0)
    await until(lambda: bool(len(world.intake)))
    ruled(world.taken()[0], EVENT)
    await world.answered(1)
    for n in range(20):
        body = f"5b0c5c8e-1111-4222-8333-{n:012d}"
        await world.ask("no_such_command", id=body)
    await world.answered(21)
    await world.ask("checkin", number=0)
    answers = await world.answered(22)
    assert answers[-1] == answers[0]
    assert world.taken() == []


async def test_a_coordinator_of_a_lower_term_is_refused_also_after_a_restart(world: World) -> None:
    boss = {"role": "coordinator", "actor": "gw-1"}
    await world.ask("move", number=0, term=9, **boss)
    await until(lambda: len(world.intake))
    (asked,) = world.taken()
    facts = {fact.key: fact.body for fact in asked.facts if fact.rule == "term"}
    assert facts == {"kk2": {"term": 9}}, "in the transaction of what it asked for"
    for number, term in enumerate((8, None, 9), start=1):
        await world.ask("move", number=number, term=term, **boss)
    await until(lambda: len(world.intake))
    assert [answer["reason"] for answer in await world.answered(2)] == ["old_term", "old_term"]
    world.taken()
    world.terms = world.commands._terms = Terms(world.places.candidates, "gw-1")
    world.terms.restore({key: body for key, body in facts.items() if body is not None})
    await world.ask("move", number=4, term=8, **boss)
    assert (await world.answered(3))[2]["reason"] == "old_term"


async def test_only_a_candidate_of_the_building_asks_as_its_coordinator(world: World) -> None:
    await world.ask("move", role="coordinator", actor="gw-2", term=900)
    (answer,) = await world.answered(1)
    assert answer["reason"] == "not_coordinator"
    assert world.terms.highest("kk2") == 0


HALL = "ikn/kk2/_/_/_"


async def test_who_comes_is_the_coordinators_to_decide(world: World) -> None:
    await world.ask("arrive", place=HALL, role="kiosk", args={"method": "kiosk", "arrangement": "visitor"})
    assert [answer["reason"] for answer in await world.answered(1)] == ["not_coordinator"]
    world.terms.lead(8, world.clock.office())
    for number, place in enumerate((HALL, DESK), start=1):
        await world.ask("arrive", number=number, place=place, role="kiosk", args={"method": "phone"})
    await until(lambda: len(world.intake) == 2)
    first, _ = world.taken()
    assert isinstance(first.item, Command)
    assert (first.item.name, first.item.place, first.item.person) == ("arrive", HALL, PERSON)
    ruled(first, EVENT)
    await world.ask("arrive", number=1, place=HALL, role="kiosk", args={"method": "phone"})
    _, done, again = await world.answered(3)
    assert (done["ok"], done) == (True, again), "answered again, and carried out once"
    assert not world.intake


async def test_who_led_until_a_moment_ago_does_not_say_that_they_are_here_already(world: World) -> None:
    world.terms.lead(8, world.clock.office())
    for number in (0, 1):
        await world.ask("depart", number=number, place=HALL)
    await until(lambda: len(world.intake) == 2)
    first, second = world.taken()
    ruled(first)
    world.terms.follow()
    assert ruled(second) == ()
    assert [answer["reason"] for answer in await world.answered(2)] == ["no_change", "not_coordinator"]
    world.terms.lead(16, world.clock.office())
    await world.ask("depart", number=1, place=HALL)
    await until(lambda: len(world.intake) == 1)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"place": "ikn/kk9/_/_/_"}, "not_coordinator"),
        ({"place": None}, "not_coordinator"),
        ({"place": "other/kk2/_/_/_"}, "not_coordinator"),
        ({"pid": None}, "invalid"),
        ({"cls": "cmd"}, "forbidden"),
        ({"args": {"method": "badge"}}, "invalid"),
        ({"args": {"arrangement": "at home"}}, "invalid"),
        ({"args": {"arrangement": 1}}, "invalid"),
        ({"at": "2250-01-01T00:00:00.000Z"}, "invalid"),
    ],
)
async def test_a_coming_that_cannot_be_is_refused(world: World, more: dict[str, Any], reason: str) -> None:
    world.terms.lead(8, world.clock.office())
    await world.ask("arrive", **{"place": HALL, **more})
    assert [answer["reason"] for answer in await world.answered(1)] == [reason]
    assert not world.intake


async def test_a_phone_is_no_way_to_take_a_desk(world: World) -> None:
    await world.ask("checkin", args={"method": "phone"})
    assert [answer["reason"] for answer in await world.answered(1)] == ["invalid"]


AMENDMENT = {"target_id": "8567dff2-fd7f-5cc9-a0ca-922e8b2ce0ca", "field": "event", "reason": "lupa_tap"}


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({}, ""),
        ({"role": "user"}, "forbidden"),
        ({"pid": None}, "invalid"),
        ({"place": "ikn/kk9/_/_/_"}, "not_coordinator"),
        ({"args": {"field": "event"}}, "invalid"),
        ({"args": {**AMENDMENT, "target_id": "d-017"}}, "invalid"),
        ({"args": {**AMENDMENT, "field": "Event!"}}, "invalid"),
        ({"args": {**AMENDMENT, "old": 1}}, "invalid"),
    ],
)
async def test_a_record_is_put_right_by_an_operator_where_the_coordinator_leads(
    world: World, more: dict[str, Any], reason: str
) -> None:
    world.terms.lead(8, world.clock.office())
    await world.ask("amend", **{"role": "operator", "args": AMENDMENT, **more})
    if not reason:
        await until(lambda: len(world.intake) == 1)
        return
    assert [answer["reason"] for answer in await world.answered(1)] == [reason]
    assert not world.intake
