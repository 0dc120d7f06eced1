"""Hops 2 to 6 together: what is shown when it is durable, and frames that are believed once, also over a restart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from drivers.api import Frame, Measurement
from firmware_sim import bthome, rdm6300
from gateway import wiring
from gateway.bindings import Bound, by_device
from gateway.clock import SECOND, ManualClock
from gateway.config.load import load
from gateway.config.places import Places
from gateway.counters import Counters
from gateway.credentials import SiteKey
from gateway.decode import by_medium, installed
from gateway.engine import Engine
from gateway.feedback import Feedback, outcome_of
from gateway.intake import Asked
from gateway.normalize import Normalizer
from gateway.outbox import Draft
from gateway.outbox_store import Row
from gateway.people import Directory, PeopleTable, Resolver
from gateway.pipeline import Pipeline
from gateway.replay_guard import NAME, ReplayGuard
from rules.api import Command, Fact, Input, Reading

CARD, STRANGERS = "0F0368568B", "0F0368568C"
SENSOR, KEY = "A4:C1:38:05:8E:E9", bytes(range(16))
T0 = 1_795_484_700 * SECOND
OFFICE = """
site: ikn
buildings:
  - {id: b, coordinator: gw, floors: [{id: f, owner: gw, zones: [{id: z, spaces: [{id: d1}, {id: r1, kind: room}]}]}]}
gateways:
  - id: gw
    place: b/f
    sources:
      - {id: tty, type: serial, port: /dev/null, device: rdr}
      - {id: ble, type: ble, device: rcv, devices: [mmw]}
devices:
  - {id: rdr, driver: rdm6300, place: b/f/z/d1}
  - {id: rcv, driver: receiver, place: b/f/z}
  - {id: mmw, driver: bthome, modality: seat, address: "A4:C1:38:05:8E:E9", place: b/f/z/r1}
"""


class Held:
    """An outbox whose commit is held until it is let go."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Sequence[Draft], Callable[[list[Row | None]], None] | None]] = []
        self.facts: list[Fact] = []
        self.refuses = ""
        """Type of the events that it does not accept."""

    def submit(
        self, drafts: Sequence[Draft], facts: Sequence[Fact], done: Callable[[list[Row | None]], None] | None
    ) -> None:
        self.waiting.append((drafts, done))
        self.facts += facts

    def commit(self) -> None:
        for drafts, done in self.waiting:
            rows = [
                None
                if draft.event.type == self.refuses
                else Row("b", n, draft.event.cls, f"hadir/v1/evt/x/{draft.event.type}", b"", 0, 1, "", "_")
                for n, draft in enumerate(drafts)
            ]
            if done is not None:
                done(rows)
        self.waiting.clear()


class Shown:
    """The surroundings: what a person sees."""

    def __init__(self) -> None:
        self.heard_of: list[tuple[str, list[str]]] = []
        self.answers: list[tuple[str, str]] = []
        self.feedback = Feedback({"tty": self}, {})
        self.elsewhere = False
        """Another gateway decides."""
        self.kept: list[Fact] = []

    def answer(self, address: str, outcome: str) -> None:
        self.answers.append((address, outcome))

    def forward(self, item: Input) -> bool:
        if self.elsewhere:
            self.kept.append(Fact("forwarding", "1", {"at": item.at}))
        return self.elsewhere

    def take_facts(self) -> Sequence[Fact]:
        kept, self.kept = self.kept, []
        return kept

    def heard(self, binding: Any, _frame: Frame, measurements: Sequence[Measurement]) -> None:
        self.heard_of.append((binding.device.id, [m.kind for m in measurements]))

    def committed(self, _emitted: Sequence[Input], _rows: Sequence[Row]) -> None:
        pass

    def tapped(self, frame: Frame, rows: Sequence[Row]) -> None:
        self.feedback.tapped(frame, rows)


class World:
    """A gateway's middle."""

    def __init__(self, folder: Path, facts: dict[str, Any] | None = None) -> None:
        file = folder / "office.yaml"
        file.write_text(OFFICE)
        named = installed()
        office = load(file, drivers=named)
        self.clock = ManualClock(T0, SECOND)
        self.counters = Counters()
        key_file = folder / "site.key"
        key = SiteKey.load(key_file) if key_file.exists() else SiteKey.create(key_file)
        directory = Directory(folder / "directory", key, "gw")
        with PeopleTable(folder / "people.sqlite", key) as table:
            if not table.people():
                table.enrol(unit="bkn", credentials=[(f"em4100:{CARD}", "ikn")])
            directory.apply(table.snapshot("gw"))
        places, devices = Places(office), by_device(office, named, {"mmw": KEY})
        rules = wiring.make_rules(office, places, "gw", devices, unit_sizes={}, now=T0)
        self.outbox, self.shown = Held(), Shown()
        self.pipeline = Pipeline(
            bound=Bound(office.gateways[0], devices),
            drivers=by_medium(named),
            normalizer=Normalizer(Resolver(directory, key), self.counters, site_realm="ikn"),
            engine=Engine(rules, wiring.make_route(places, "gw", devices), self.counters, {}),
            outbox=self.outbox,
            surroundings=self.shown,
            clock=self.clock,
            counters=self.counters,
            guard=ReplayGuard(facts),
            begin={rule.name: wiring.keys_of(rule.name, places, "gw") for rule in rules},
        )
        self.pipeline.start(T0)
        self.outbox.commit()

    def frame(self, source: str, payload: bytes, address: str = "", medium: str = "serial:rdm6300") -> None:
        self.clock.advance(5)
        now = self.clock.office()
        self.pipeline.deliver(Frame(medium, source, address, payload, -60, now, self.clock.machine()))
        self.pipeline.step(now)

    def tap(self, card: str) -> None:
        self.frame("tty", rdm6300.frame(bytes.fromhex(card)))

    def sees(self, counter: int, *, there: bool) -> None:
        objects = [bthome.flag(0x23, there)]
        advert = bthome.encrypted(objects, key=KEY, address=SENSOR, counter=counter)
        self.frame("ble", advert.data_structures(), SENSOR, "ble_adv")

    @property
    def believed(self) -> int:
        return len(self.shown.heard_of)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    yield World(tmp_path)  # noqa: PT022 one line either way


def test_a_reader_answers_when_the_event_is_durable_and_not_before(world: World) -> None:
    world.tap(CARD)
    assert world.outbox.waiting
    assert world.shown.answers == []
    world.outbox.commit()
    assert world.shown.answers == [("", "taken")]


def test_an_event_that_is_not_accepted_moves_no_answer_to_another_tap(world: World) -> None:
    world.outbox.refuses = "badge.rejected"
    for card in (STRANGERS, CARD):
        world.clock.advance(5)
        now = world.clock.office()
        payload = rdm6300.frame(bytes.fromhex(card))
        world.pipeline.deliver(Frame("serial:rdm6300", "tty", card, payload, None, now, world.clock.machine()))
    world.pipeline.step(world.clock.office())
    world.outbox.commit()
    assert world.shown.answers == [(CARD, "taken")]


def test_what_a_tap_was_is_what_is_shown(world: World) -> None:
    for card in (STRANGERS, CARD, CARD):
        world.tap(card)
        world.outbox.commit()
    assert [outcome for _, outcome in world.shown.answers] == ["refused", "taken", "left"]


def test_a_frame_of_a_held_card_shows_nothing_more(world: World) -> None:
    world.tap(CARD)
    world.outbox.commit()
    now = world.clock.office()
    again = Frame("serial:rdm6300", "tty", "", rdm6300.frame(bytes.fromhex(CARD)), None, now, world.clock.machine())
    world.pipeline.deliver(again)
    world.pipeline.step(now)
    world.outbox.commit()
    assert len(world.shown.answers) == 1


def test_one_who_moves_is_shown_taken() -> None:
    def row(kind: str) -> Row:
        return Row("b", 1, "evt", f"hadir/v1/evt/a/b/c/d/e/{kind}", b"", 0, 1, "", "_")

    assert outcome_of([row("desk.checkin.ended"), row("desk.checkin.started")]) == "taken"
    assert outcome_of([row("occupancy.changed")]) is None
    assert outcome_of([]) is None


def test_a_durable_frame_is_told_when_it_is_and_one_that_means_nothing_at_once(world: World) -> None:
    told: list[str] = []
    now = world.clock.office()
    tap = Frame("serial:rdm6300", "tty", "", rdm6300.frame(bytes.fromhex(CARD)), None, now, world.clock.machine())
    world.pipeline.deliver(tap, lambda: told.append("tap"))
    world.pipeline.step(now)
    assert told == []
    world.outbox.commit()
    assert told == ["tap"]
    world.pipeline.deliver(tap._replace(payload=b"rubbish"), lambda: told.append("rubbish"))
    world.pipeline.step(now)
    assert told == ["tap", "rubbish"]


def test_what_became_of_a_command_is_committed_with_what_it_caused(world: World) -> None:
    """Who asks at night for what cannot be is not told that the day's end, which falls due with it, was their doing."""
    told: list[list[str]] = []

    def ask(name: str) -> None:
        now = world.clock.office()
        command = Command(name, "ikn/b/f/z/d1", now, "p-00000000000000a1", "bkn", "user")
        world.pipeline.intake.act(
            Asked(
                command,
                lambda rows: told.append([row.topic.rpartition("/")[2] for row in rows]),
                (),
                lambda changed: [Fact("became", name, {"changed": changed})],
            ),
            now,
        )
        world.pipeline.step(now)
        world.outbox.commit()

    ask("checkin")
    world.clock.advance(12 * 3600)
    ask("checkout")
    became = {fact.key: fact.body for fact in world.outbox.facts if fact.rule == "became"}
    assert became == {"checkin": {"changed": True}, "checkout": {"changed": False}}
    assert told == [["desk.checkin.started"] * 2 + ["presence.started"], []]


def test_a_tap_for_another_gateway_is_durable_when_it_is_remembered_here(world: World) -> None:
    """The other one may be away for hours, and this one may be started anew meanwhile."""
    told: list[str] = []
    world.shown.elsewhere = True
    now = world.clock.office()
    tap = Frame("serial:rdm6300", "tty", "", rdm6300.frame(bytes.fromhex(CARD)), None, now, world.clock.machine())
    world.pipeline.deliver(tap, lambda: told.append("tap"))
    world.pipeline.step(now)
    assert told == []
    assert world.outbox.facts[-1].rule == "forwarding"
    world.outbox.commit()
    assert told == ["tap"]


def test_a_frame_that_was_recorded_is_not_believed_again(world: World) -> None:
    world.sees(7, there=True)
    assert world.believed == 1
    world.sees(7, there=True)
    assert world.counters.get("decode.repeated") == 1
    world.sees(8, there=False)
    world.sees(7, there=True)
    assert world.counters.get("decode.dropped", "Replayed") == 1
    assert world.believed == 2


def test_a_counter_is_a_fact_of_what_its_frame_caused_and_survives(tmp_path: Path) -> None:
    world = World(tmp_path)
    for counter in range(7, 20):
        world.sees(counter, there=True)
    kept = {fact.key: fact.body for fact in world.outbox.facts if fact.rule == NAME}
    assert kept["mmw"] is not None
    caused = kept["mmw"]["last"]
    again = World(tmp_path, kept)
    again.sees(caused, there=True)
    again.sees(caused - 1, there=True)
    assert again.believed == 0
    again.sees(caused + 20, there=True)
    assert again.believed == 1


def test_a_sensor_with_another_key_is_not_believed(world: World) -> None:
    advert = bthome.encrypted([bthome.flag(0x23, True)], key=bytes(16), address=SENSOR, counter=9)
    world.frame("ble", advert.data_structures(), SENSOR, "ble_adv")
    plain = bthome.advert([bthome.flag(0x23, True)])
    world.frame("ble", plain.data_structures(), SENSOR, "ble_adv")
    assert world.believed == 0
    assert world.counters.get("decode.dropped", "NotAuthentic") == 2


def test_a_sender_that_nobody_configured_is_counted(world: World) -> None:
    world.frame("nowhere", b"\x00", "0512ABCD", "serial:enocean_esp3")
    assert world.counters.get("decode.dropped", "unbound") == 1


def test_what_is_of_the_future_ends_no_wait_of_anybody_else(world: World) -> None:
    """Somebody sits in the room; a gateway whose clock is ahead says something of the desk: the room's hold goes on."""
    world.sees(1, there=True)
    world.sees(2, there=False)
    now, room = world.clock.office(), "ikn/b/f/z/r1"
    engine = world.pipeline._engine
    before, due = engine.state("occupancy", room), engine.due
    assert due is not None
    tap = Reading("rdr-9", "badge", True, "ikn/b/f/z/d1", now + 86_400 * SECOND, "badge", "desk", "p-00112233aabbccdd")
    world.pipeline.intake.act(tap, tap.at)
    world.pipeline.step(now)
    assert engine.state("desk", "ikn/b/f/z/d1").checkin is not None
    assert engine.now == now
    assert engine.state("occupancy", room) == before
    world.clock.advance((due - now) / SECOND)
    world.pipeline.step(world.clock.office())
    assert engine.state("occupancy", room) != before, "its own time comes"
