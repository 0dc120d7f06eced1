"""What is remembered moves with the office clock: all rules, set in the middle of a day, go on as if nothing were."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest

from gateway import wiring
from gateway.bindings import by_device
from gateway.clock import EARLIEST, SECOND
from gateway.config.load import load
from gateway.config.places import Places
from gateway.counters import Counters
from gateway.decode import installed
from gateway.engine import Engine, Outcome
from gateway.rebase import Move
from rules import desk, presence
from rules.api import Input, Located, Reading
from rules.desk_model import Checkin, Reservation, State

T0 = 1_795_654_800 * SECOND
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f-]{21}")
WEEK = 7 * 86_400 * SECOND
"""The calendar shows the same after it, so that every rule must tell the same."""
ZONE, DESK, ROOM = "ikn/b/f/z/_", "ikn/b/f/z/d1", "ikn/b/f/z/r1"
PERSON = "p-00000000000000a1"
OFFICE = """
site: ikn
buildings:
  - {id: b, coordinator: gw, floors: [{id: f, owner: gw, zones: [{id: z, spaces: [{id: d1}, {id: r1, kind: room}]}]}]}
gateways:
  - id: gw
    place: b/f
    sources:
      - {id: tty, type: serial, port: /dev/null, device: rdr}
      - {id: tty2, type: serial, port: /dev/zero, device: mmw}
      - {id: ble, type: ble, device: rcv, devices: [pir, air, door]}
devices:
  - {id: rdr, driver: rdm6300, place: b/f/z/d1}
  - {id: mmw, driver: ld2410, place: b/f/z/d1, expect_s: 60}
  - {id: rcv, driver: receiver, place: b/f/z}
  - {id: pir, driver: bthome, modality: pir, address: "A4:C1:38:05:8E:E1", place: b/f/z/r1, hold_s: 200}
  - {id: air, driver: bthome, modality: environment, address: "A4:C1:38:05:8E:E2", place: b/f/z/r1, expect_s: 300}
  - {id: door, driver: bthome, modality: contact, address: "A4:C1:38:05:8E:E3", place: b/f/z/r1}
rules: {desk: {release_after_s: 900, warn_before_s: 120, away_after_s: 60}}
"""


def made(folder: Path) -> tuple[Engine, dict[str, Any]]:
    file = folder / "office.yaml"
    file.write_text(OFFICE)
    named = installed()
    office = load(file, drivers=named)
    places = Places(office)
    devices = by_device(office, named, {name: bytes(16) for name in ("pir", "air", "door")})
    rules = wiring.make_rules(office, places, "gw", devices, unit_sizes={}, now=T0)
    engine = Engine(rules, wiring.make_route(places, "gw", devices), Counters(), {})
    return engine, {rule.name: wiring.keys_of(rule.name, places, "gw") for rule in rules}


def inputs(seed: int, minutes: int) -> list[Input]:
    """Of a busy desk and a room, several a minute."""
    chance = random.Random(seed)
    found: list[Input] = []
    at, co2, there, sits = T0, 450.0, True, True
    for _ in range(minutes * 4):
        at += chance.randrange(5, 25) * SECOND
        there, sits = there ^ (chance.random() < 0.03), sits ^ (chance.random() < 0.03)
        co2 += (1000 - co2) / 80 if there else (430 - co2) / 60
        found.append(Reading("mmw", "occupied", sits, DESK, at, "radar"))
        if chance.random() < 0.5:
            found.append(Reading("air", "co2", round(co2, 1), ROOM, at + 1, "environment"))
        if there and chance.random() < 0.3:
            found.append(Reading("pir", "motion", True, ROOM, at + 2, "pir"))
        if chance.random() < 0.05:
            found.append(Reading("door", "opening", True, ROOM, at + 3, "contact"))
        if chance.random() < 0.05:
            found.append(Reading("rdr", "badge", "x", DESK, at + 4, "badge", "desk", PERSON, "bkn"))
        if chance.random() < 0.3:
            found.append(Located(PERSON, ZONE, None, at + 5, at + 5, 0.8))
    return found


def told(outcome: Outcome, move: Move) -> list[Any]:
    """Events and facts with moved times, without the ids that are made of a time."""
    said = [(label, *event) for label, event in outcome.events] + [tuple(fact) for fact in outcome.facts]
    return [_without_ids(move.of(one)) for one in said]


def _without_ids(value: Any) -> Any:
    if isinstance(value, str):
        return UUID.sub("id", value)
    if isinstance(value, dict):
        return {key: _without_ids(part) for key, part in value.items()}
    return [_without_ids(part) for part in value] if isinstance(value, (list, tuple)) else value


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("by", [WEEK, -WEEK])
def test_rules_go_on_across_a_step_as_if_there_were_none(tmp_path: Path, seed: int, by: int) -> None:
    given = inputs(seed, 120)
    cut = random.Random(seed).randrange(len(given) // 4, len(given) // 2)
    now = given[cut - 1].at
    stands, moves = Move(0, T0), Move(by, T0)
    right: list[Any] = []
    engine, keys = made(tmp_path)
    for rule, names in keys.items():
        right += told(engine.begin(rule, names, T0), moves)
    for item in given:
        right += told(engine.feed(item, item.at), moves)

    found: list[Any] = []
    engine, keys = made(tmp_path)
    for rule, names in keys.items():
        found += told(engine.begin(rule, names, T0), moves)
    for item in given[:cut]:
        found += told(engine.feed(item, item.at), moves)
    found += told(engine.rebase(moves, now + by, (desk.NAME, presence.NAME)), stands)
    for item in given[cut:]:
        found += told(engine.feed(moves.of(item), item.at + by), stands)
    assert found == right
    kinds = {str(one[1]) for one in right}
    assert {"occupancy.changed", "desk.checkin.started", "desk.checkin.ended", "occupancy.counted"} <= kinds


def test_a_day_that_is_over_by_the_new_time_ends_by_it(tmp_path: Path) -> None:
    engine, keys = made(tmp_path)
    for rule, names in keys.items():
        engine.begin(rule, names, T0)
    tap = Reading("rdr", "badge", "x", DESK, T0 + SECOND, "badge", "desk", PERSON, "bkn")
    assert engine.feed(tap, tap.at)
    hour = 3600 * SECOND
    engine.advance(T0 + 6 * hour)  # 15:00, and it is 20:00
    later = T0 + 11 * hour
    said = engine.rebase(Move(5 * hour, T0), later, (desk.NAME, presence.NAME)).events
    said += engine.advance(later + hour // 2).events
    ended = [event for _, event in said if event.type == "desk.checkin.ended"]
    assert {event.data["reason"] for event in ended} == {"end_of_day"}
    assert all(later <= event.at < later + hour // 2 for event in ended)


def test_what_a_calendar_says_and_what_was_before_stands() -> None:
    checkin = Checkin("c", PERSON, "_", T0 - SECOND, "badge", "claimed", T0 + SECOND, away=T0 + 2 * SECOND)
    booked = (Reservation("r", PERSON, "_", T0 + 5 * SECOND, T0 + 9 * SECOND),)
    state = State(DESK, checkin, booked, confidence=0.5, vacant_from=T0, since=0)
    moved = Move(WEEK, T0).of(state)
    assert moved.checkin == checkin._replace(last=T0 + SECOND + WEEK, away=T0 + 2 * SECOND + WEEK)
    assert moved == state._replace(checkin=moved.checkin, vacant_from=T0 + WEEK)
    row = {"checkin": checkin._asdict(), "reservations": [one._asdict() for one in booked]}
    assert Move(WEEK, T0).of(row) == row | {"checkin": moved.checkin._asdict()}


def test_only_times_are_moved() -> None:
    move = Move(-5, EARLIEST - 100)
    assert move.since == EARLIEST
    whole = {"n": 2**53, "t": EARLIEST, "f": 1.8e18, "s": frozenset({EARLIEST + 7}), "l": [True, None, "x", b"y"]}
    assert move.of(whole) == whole | {"t": EARLIEST - 5, "s": frozenset({EARLIEST + 2})}
    with pytest.raises(TypeError):
        move.of(object())
