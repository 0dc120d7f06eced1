"""Tags that hang somewhere: how office.yaml says it, and that they are nobody."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random

import pytest

pytest.importorskip("numpy")

from gateway import radio, wiring
from gateway.bindings import by_device
from gateway.config import surroundings
from gateway.config.document import Document
from gateway.config.load import load
from gateway.config.places import Places
from gateway.counters import Counters
from gateway.decode import installed
from gateway.errors import ConfigError
from rules import locate, locate_map, presence
from rules.api import SECOND, Sighting
from tests.simulated_floor import T0, Floor, office

PID, OTHER = "p-00000000000000f1", "p-00000000000000a1"
FIXED = f"{{id: fix-1, driver: ibeacon, place: b/f/z11, at: [6.0, 6.0], address: {PID}}}"
NAMED = installed()


def made(folder: Path, *devices: str, mapped: bool = True) -> tuple[list[str], list[str]]:
    """(Keys of the locator, of presence) after a minute of one fixed tag and one person's."""
    text = office(*devices)
    file = folder / "office.yaml"
    file.write_text(text if mapped else re.sub(r", area: .*\]\]", "", text), encoding="utf-8")
    found = load(file, drivers=NAMED)
    places, bound = Places(found), by_device(found, NAMED)
    maps = radio.maps(found, places.may_coordinate("gw"))
    rules = wiring.make_rules(found, places, "gw", bound, unit_sizes={}, now=T0, floors=maps.floors)
    engine = wiring.make_engine(rules, places, "gw", bound, Counters(), {})
    random, floor = Random(1), Floor()
    for second in range(60):
        for person in (PID, OTHER):
            for name, rssi in floor.heard(6.0, 6.0, random):
                at = T0 + second * SECOND
                engine.feed(Sighting(person, name, rssi, at), at)
    engine.advance(T0 + 61 * SECOND)
    if mapped:
        state: locate_map.State = engine.state(locate.NAME, "b")
        return sorted(state.tags), sorted(engine.keys(presence.NAME))
    strongest: locate.State = engine.state(locate.NAME, "b")
    return sorted(strongest.tags), sorted(engine.keys(presence.NAME))


@pytest.mark.parametrize("mapped", [True, False])
def test_a_fixed_tag_is_nobody(tmp_path: Path, mapped: bool) -> None:
    assert made(tmp_path, FIXED, mapped=mapped) == ([OTHER], [OTHER])


def test_without_the_device_it_is_somebody(tmp_path: Path) -> None:
    assert made(tmp_path) == ([OTHER, PID], [OTHER, PID])


def test_it_bears_no_witness_and_no_source_is_missed(tmp_path: Path) -> None:
    file = tmp_path / "office.yaml"
    file.write_text(office(FIXED), encoding="utf-8")
    found = load(file, drivers=NAMED)
    assert wiring.watched(by_device(found, NAMED)) == frozenset()
    assert not [note for note in surroundings.notes(found, Document.read(file)) if "fix-1" in note.text]


@pytest.mark.parametrize(
    ("device", "words"),
    [
        (FIXED.replace("at: [6.0, 6.0], ", ""), "nobody knows where it hangs"),
        (FIXED.replace("ibeacon", "ld2410"), 'driver "ld2410" reads no tags'),
        (FIXED.replace(f", address: {PID}", ""), "write as address the pid"),
        (FIXED.replace("b/f/z11", "b/f/z99"), "z99"),
    ],
)
def test_each_mistake_is_told_with_its_line(tmp_path: Path, device: str, words: str) -> None:
    file = tmp_path / "office.yaml"
    file.write_text(office(device), encoding="utf-8")
    with pytest.raises(ConfigError, match=words) as caught:
        load(file, drivers=NAMED)
    line = 1 + file.read_text(encoding="utf-8").splitlines().index(f"  - {device}")
    assert [problem.line for problem in caught.value.problems] == [line]


def test_one_tag_hangs_once(tmp_path: Path) -> None:
    file = tmp_path / "office.yaml"
    file.write_text(office(FIXED, FIXED.replace("fix-1", "fix-2")), encoding="utf-8")
    with pytest.raises(ConfigError, match='has the pid of device "fix-1"'):
        load(file, drivers=NAMED)


def test_what_a_gone_radio_map_remembered_goes_as_well() -> None:
    step = locate.rule(locate.Settings(receivers={})).start("b", {"at": 1, "floors": {}}, T0)
    assert [(one.rule, one.key, one.body) for one in step.facts] == [("locate", "b", None)]
