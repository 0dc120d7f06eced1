"""A building's radio maps, of office.yaml and its surveys: when there are any, and why not."""

from __future__ import annotations

import logging
from copy import deepcopy
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

pytest.importorskip("numpy")

from gateway import bindings, radio, wiring
from gateway.config import geometry
from gateway.config.document import Document
from gateway.config.load import load
from gateway.config.model import Office
from gateway.config.places import Places
from gateway.counters import Counters
from gateway.decode import installed
from gateway.errors import ConfigError, HadirError
from rules.api import SECOND, Located, Sighting

DRIVERS = installed()
BEGIN = 1_795_484_700 * SECOND
OFFICE: dict[str, Any] = {
    "site": "ikn",
    "buildings": [
        {
            "id": "b1",
            "coordinator": "gw1",
            "floors": [
                {
                    "id": "l1",
                    "owner": "gw1",
                    "zones": [
                        {"id": "barat", "area": [[0, 0], [6, 0], [6, 8], [0, 8]]},
                        {"id": "timur", "area": [[6, 0], [12, 0], [12, 8], [6, 8]]},
                        {"id": "musala", "private": True, "area": [[12, 0], [14, 0], [14, 8], [12, 8]]},
                    ],
                }
            ],
        }
    ],
    "gateways": [
        {
            "id": "gw1",
            "place": "b1/l1",
            "sources": [
                {"id": "s1", "type": "ble", "adapter": "hci0", "device": "r1"},
                {"id": "s2", "type": "ble", "adapter": "hci1", "device": "r2"},
                {"id": "s3", "type": "ble", "adapter": "hci2", "device": "r3"},
            ],
        }
    ],
    "devices": [
        {"id": "r1", "driver": "receiver", "place": "b1/l1/barat", "at": [1, 4, 2.6]},
        {"id": "r2", "driver": "receiver", "place": "b1/l1/timur", "at": [11, 4]},
        {"id": "r3", "driver": "receiver", "place": "b1/l1/timur", "at": [6, 7]},
    ],
}


def written(folder: Path, change: Any = None) -> Path:
    body = deepcopy(OFFICE)
    if change is not None:
        change(body)
    file = folder / "office.yaml"
    file.write_text(yaml.safe_dump(body, sort_keys=False), encoding="utf-8")
    return file


def office(folder: Path, change: Any = None) -> Office:
    return load(written(folder, change), drivers=DRIVERS)


def floor(body: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = body["buildings"][0]["floors"][0]
    return found


def said(file: Path) -> list[str]:
    return [str(one.text) for one in geometry.notes(load(file, drivers=DRIVERS), Document.read(file))]


def test_areas_and_positions_make_a_map(tmp_path: Path) -> None:
    found = radio.maps(office(tmp_path), frozenset({"b1"}))
    assert found.building == "b1"
    ((one,),) = [found.floors]
    assert one.radio.receivers == ("r1", "r2", "r3")
    assert one.radio.zones == ("ikn/b1/l1/barat/_", "ikn/b1/l1/timur/_", "ikn/b1/l1/musala/_")
    assert one.private == {"ikn/b1/l1/musala/_"}


@pytest.mark.parametrize(
    "change",
    [
        lambda body: floor(body).update(zones=[{"id": "barat"}, {"id": "timur"}]),
        lambda body: body["devices"][1].pop("at"),
        lambda body: floor(body).update(zones=[{"id": "barat"}, {"id": "timur"}], survey="walk.csv"),
    ],
)
def test_without_areas_or_enough_positions_there_is_none(tmp_path: Path, change: Any) -> None:
    assert radio.maps(office(tmp_path, change), frozenset({"b1"})) == radio.Maps("", ())


def test_of_a_building_that_is_coordinated_elsewhere_there_is_none(tmp_path: Path) -> None:
    assert radio.maps(office(tmp_path), frozenset()) == radio.Maps("", ())


def test_a_survey_is_learned_and_a_nonsense_row_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    random, rows = Random(1), ["t,receiver,rssi,x,y"]
    for number in range(140):
        x, y = 0.5 + number % 14, 0.5 + number // 14 * 0.7
        rows += [f"{number},{name},{-60 - 2 * abs(x - at) + random.gauss(0, 2):.0f},{x},{y}" for name, at in AT]
    (tmp_path / "walk.csv").write_text("\n".join([*rows, "141,r1,99,1,1"]))
    with caplog.at_level(logging.WARNING):
        found = radio.maps(office(tmp_path, lambda body: floor(body).update(survey="walk.csv")), frozenset({"b1"}))
    assert f"{tmp_path}/walk.csv:422: rssi: '99' is no signal in dBm; left out" in caplog.text
    heard = found.floors[0].radio
    assert abs(heard.mean[0][heard.centres[:, 0] < 2].mean() - -60) < 3
    assert abs(heard.mean[0][heard.centres[:, 0] > 11].mean() - -84) < 4


AT = (("r1", 1.0), ("r2", 11.0), ("r3", 6.0))


def test_a_survey_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    chosen = office(tmp_path, lambda body: floor(body).update(survey="walk.csv"))
    with pytest.raises(HadirError, match=r"walk\.csv: there is no such file"):
        radio.maps(chosen, frozenset({"b1"}))
    (tmp_path / "walk.csv").write_text("time,receiver\n1,r1\n")
    with pytest.raises(ConfigError, match="lacks the column t, rssi, x, y"):
        radio.maps(chosen, frozenset({"b1"}))


def test_check_says_what_a_map_lacks(tmp_path: Path) -> None:
    def change(body: dict[str, Any]) -> None:
        floor(body)["zones"][1].pop("area")
        floor(body)["survey"] = "walk.csv"
        body["devices"][1].pop("at")
        body["devices"][2].pop("at")

    notes = said(written(tmp_path, change))
    assert f"there is no file {tmp_path}/walk.csv" in notes
    assert 'receiver "r2" has no position (at: [x, y]): the radio map does without it' in notes
    assert 'zone "timur" has no area, others of the building have: no tag is ever located in it' in notes
    assert any("located by the strongest receiver until each floor" in note for note in notes)
    assert len(notes) == 5
    assert said(written(tmp_path)) == []
    plain = written(tmp_path, lambda body: floor(body).update(zones=[{"id": "barat"}, {"id": "timur"}], survey="w.csv"))
    assert 'floor "l1" has a survey, but no zone has an area' in said(plain)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda body: floor(body)["zones"][0].update(area=[[0, 0], [1, 1]]), "area"),
        (lambda body: floor(body)["zones"][0].update(area=[[0, 0], [1, 1], [2, 20_000]]), "area"),
        (lambda body: body["devices"][0].update(at=[1]), "at"),
        (lambda body: body["devices"][0].update(at=[1, "left"]), "at"),
    ],
)
def test_geometry_that_is_none_is_refused_with_its_line(tmp_path: Path, change: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=rf"office\.yaml:\d+.*{words}"):
        office(tmp_path, change)


def test_tags_of_the_building_go_to_one_locator(tmp_path: Path) -> None:
    chosen = office(tmp_path)
    places, devices = Places(chosen), bindings.by_device(chosen, DRIVERS)
    found = radio.maps(chosen, places.may_coordinate("gw1"))
    rules = wiring.make_rules(chosen, places, "gw1", devices, unit_sizes={}, now=BEGIN, floors=found.floors)
    engine = wiring.make_engine(rules, places, "gw1", devices, Counters(), {})
    told: list[Any] = []
    for second in range(20):
        at = BEGIN + second * SECOND
        told += engine.feed(Sighting("ana", "r1", -58.0, at), at).emitted
        told += engine.feed(Sighting("ana", "r2", -80.0, at), at).emitted
        told += engine.feed(Sighting("budi", "r2", -61.0, at), at).emitted
        told += engine.feed(Sighting("budi", "r3", -60.0, at), at).emitted
    last = {one.person: one.zone for one in told if isinstance(one, Located)}
    assert last == {"ana": "ikn/b1/l1/barat/_", "budi": "ikn/b1/l1/timur/_"}
    assert list(engine.keys("locate")) == ["b1"]
