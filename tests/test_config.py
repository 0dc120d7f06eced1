"""office.yaml: every mistake at once, with its line and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config.load import load
from gateway.config.places import Places
from gateway.decode import installed
from gateway.errors import ConfigError

GOOD = """\
site: ikn
buildings:
  - id: kk2-t3
    coordinator: gw-05
    floors:
      - id: l05
        owner: gw-05
        zones:
          - id: timur
            spaces:
              - {id: d-08}
              - {id: d-09, owner: gw-06}
          - {id: barat, neighbours: [timur]}
          - {id: musala, private: true}
gateways:
  - id: gw-05
    place: kk2-t3/l05
    sources:
      - {id: s1, type: serial, port: /dev/ttyX, device: ld-7}
      - {id: s2, type: ble, device: rcv-1}
  - {id: gw-06, place: kk2-t3/l05}
devices:
  - {id: ld-7, driver: ld2410, place: kk2-t3/l05/timur/d-09}
  - {id: rcv-1, driver: receiver, place: kk2-t3/l05/timur}
"""
DRIVERS = ["ld2410", "rdm6300", "ibeacon", "eddystone"]


def problems(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "office.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(file, drivers=DRIVERS)
    return [str(problem).removeprefix(str(tmp_path) + "/") for problem in caught.value.problems]


def test_a_good_file_loads_with_owners_from_the_nearest_level(tmp_path: Path) -> None:
    file = tmp_path / "office.yaml"
    file.write_text(GOOD, encoding="utf-8")
    places = Places(load(file, drivers=DRIVERS))
    assert places.owner("ikn/kk2-t3/l05/timur/d-08") == "gw-05"
    assert places.owner("ikn/kk2-t3/l05/timur/d-09") == "gw-06"
    assert places.owner("ikn/kk2-t3/l05/barat/_") == "gw-05"
    assert places.full("kk2-t3/l05") == "ikn/kk2-t3/l05/_/_"
    assert places.full("kk2-t3/l05/timur/d-10") is None


def test_five_mistakes_are_five_lines(tmp_path: Path) -> None:
    text = (
        GOOD.replace("coordinator: gw-05", "coordinator: gw-5")
        .replace("timur/d-09}", "timur/d-99}")
        .replace("driver: ld2410", "driver: ld241")
        .replace("device: rcv-1", "device: rcv-2")
        .replace("neighbours: [timur]", "neighbours: [timor]")
    )
    assert problems(tmp_path, text) == [
        'office.yaml:4: building "kk2-t3" names gateway "gw-5", which is not there; did you mean "gw-05"?',
        'office.yaml:13: zone "barat" has neighbour "timor", which floor "l05" does not have; did you mean "timur"?',
        'office.yaml:20: source "s2" names device "rcv-2", which is not there; did you mean "rcv-1"?',
        'office.yaml:23: device "ld-7" is bound to space "d-99", which floor "l05" does not have; did you mean "d-09"?',
        'office.yaml:23: device "ld-7" wants driver "ld241", which is not installed; did you mean "ld2410"?',
    ]


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("site: ikn", "site: ikn\ntimezone: Mars/Olympus", 2, 'timezone "Mars/Olympus" is not known'),
        ("{id: d-08}", "{id: d-09}", 12, 'space of floor "l05" "d-09" stands twice (first on line 11)'),
        ("{id: d-08}", "{id: d+08}", 11, '"d+08" is not an identifier'),
        ("{id: d-08}", "{id: d-08, capcity: 2}", 11, '"capcity" is not a setting here; did you mean "capacity"?'),
        ("        owner: gw-05\n", "", 10, "has no owner"),
        ("timur/d-09}", "musala}", 23, "private zone"),
        ("type: ble", "type: serial, port: /dev/y", 20, "driver: receiver"),
        ("driver: ld2410, place", "place", 23, '"driver" is missing'),
        ("    coordinator: gw-05\n", "", 3, "has no coordinator"),
        ("id: gw-06,", "id: gw-05,", 21, 'gateway "gw-05" stands twice'),
        (
            "device: ld-7}",
            "device: ld-7}\n      - {id: s9, type: serial, port: /dev/z, device: ld-7}",
            20,
            "one source a device",
        ),
        ("site: ikn", "site: ikn\nsite: ikn2", 2, '"site" is given twice'),
        ("site: ikn", "site: [", 3, "YAML"),
    ],
)
def test_each_mistake_says_where_and_what(tmp_path: Path, old: str, new: str, line: int, words: str) -> None:
    assert old in GOOD
    found = problems(tmp_path, GOOD.replace(old, new, 1))
    hits = [text for text in found if words in text]
    assert hits, found
    assert any(text.startswith(f"office.yaml:{line}: ") for text in hits), hits


def test_a_file_that_is_not_there_or_too_deep_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read: No such file"):
        load(tmp_path / "nothing.yaml")
    assert "nested too deep" in problems(tmp_path, "site: " + "[" * 200 + "]" * 200)[0]


@settings(max_examples=200)
@given(text=st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_any_text_gives_a_config_error_and_nothing_else(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.mktemp("any") / "office.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError):
        load(file)


EXAMPLES = sorted((Path(__file__).parents[1] / "config").glob("*.yaml"))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_every_example_in_config_loads(file: Path) -> None:
    assert load(file, drivers=installed()).site
