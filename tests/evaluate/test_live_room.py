"""A room that was learned, from the file in the site's folder to the event: through the wiring of a gateway."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway import wiring
from gateway.bindings import by_device
from gateway.config import room_models
from gateway.config.load import load
from gateway.config.model import Office
from gateway.config.places import Places
from gateway.counters import Counters
from gateway.decode import installed
from gateway.engine import Engine
from gateway.errors import ConfigError
from gateway.recording import header
from gateway.tape import tape
from rules import occupancy
from rules.api import Reading
from rules.room_model_learn import learn
from tests.simulated_room import days, without

ROOM, DESK = "ikn/b/f/z/r1", "ikn/b/f/z/d1"
OFFICE = """
site: ikn
buildings:
  - {id: b, coordinator: gw, floors: [{id: f, owner: gw, zones: [{id: z, spaces: [{id: d1}, {id: r1, kind: room}]}]}]}
gateways:
  - id: gw
    place: b/f
    sources:
      - {id: ble, type: ble, device: rcv, devices: [air, lamp, ear]}
devices:
  - {id: rcv, driver: receiver, place: b/f/z}
  - {id: air, driver: bthome, modality: environment, address: "A4:C1:38:05:8E:E1", place: b/f/z/r1}
  - {id: lamp, driver: bthome, modality: environment, address: "A4:C1:38:05:8E:E2", place: b/f/z/r1}
  - {id: ear, driver: bthome, modality: environment, address: "A4:C1:38:05:8E:E3", place: b/f/z/r1}
rules: {room_models: models}
"""


def load_office(folder: Path) -> Office:
    (folder / "office.yaml").write_text(OFFICE)
    return load(folder / "office.yaml", drivers=installed())


def test_a_learned_room_lives_in_its_gateway(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    room_models.save(tmp_path / "models" / "r1.json", ROOM, learn(*without(days(1, 2), "motion")))
    named = installed()
    office = load_office(tmp_path)
    places, devices = Places(office), by_device(office, named)
    today = without(days(2, 1, first=9), "motion")
    start = today.labels[0].at
    rules = wiring.make_rules(office, places, "gw", devices, unit_sizes={}, now=start)
    engine = Engine(rules, wiring.make_route(places, "gw", devices), Counters())
    for rule in rules:
        engine.begin(rule.name, wiring.keys_of(rule.name, places, "gw"), start)
    readings = iter([one._replace(place=ROOM, modality="environment") for one in today.readings])
    item: Reading | None = next(readings)
    told, right = [], 0
    for label in today.labels:
        while item is not None and item.at <= label.at:
            told += engine.feed(item, item.at).events
            item = next(readings, None)
        told += engine.advance(label.at).events
        state = engine.state(occupancy.NAME, ROOM)
        right += state.state == ("occupied" if label.occupied else "vacant")
    assert right / len(today.labels) > 0.97
    assert {rule for rule, event in told if event.type == "occupancy.changed"} == {"occupancy/1"}
    assert engine.state(occupancy.NAME, DESK).cause == "unconfigured"
    assert wiring.watched(devices) == {ROOM}  # one of them may measure CO2
    assert wiring.watched(devices, wiring.models(office)) == {ROOM}


def test_a_recording_keeps_what_was_learned(tmp_path: Path) -> None:
    """It is replayed with the models that it was made with, wherever that is."""
    model = learn(*days(1, 1))
    office = load_office(tmp_path)
    facts = json.dumps({"facts": {room_models.NAME: room_models.told({ROOM: model})}})
    (tmp_path / "made.jsonl").write_text(f"{header(office, 'gw')}\n{facts}\n")
    played = tape(tmp_path / "made.jsonl")
    assert room_models.remembered(played.facts[room_models.NAME]) == {ROOM: model}
    (tmp_path / "bad.jsonl").write_text(
        f"{header(office, 'gw')}\n" + facts.replace('"version": 1', '"version": 9') + "\n"
    )
    with pytest.raises(ConfigError, match="learn it again"):
        tape(tmp_path / "bad.jsonl")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "Expecting"),
        ("[]", "names no place"),
        ('{"place": "a/b/c/d/e", "model": {"version": 9}}', "learn it again"),
        ('{"place": "a/b/c/d/e", "model": 7}', "not a room model"),
    ],
)
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "one.json").write_text(text)
    with pytest.raises(ConfigError, match=words):
        room_models.load(tmp_path)


def test_two_models_of_one_room_are_refused(tmp_path: Path) -> None:
    model = learn(*days(1, 1))
    for name in ("one.json", "two.json"):
        room_models.save(tmp_path / name, ROOM, model)
    with pytest.raises(ConfigError, match="another model"):
        room_models.load(tmp_path)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such folder"):
        room_models.load(tmp_path / "models")
