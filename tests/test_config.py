"""office.yaml: every mistake at once, with its line and what to do."""

from __future__ import annotations

from copy import deepcopy
from datetime import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config.load import load
from gateway.config.places import Places
from gateway.decode import installed
from gateway.errors import ConfigError, Problem

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
DRIVERS = installed()


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


def test_mistakes_of_every_kind_are_told_together(tmp_path: Path) -> None:
    """An unknown name, a wrong type and a key that is given twice do not hide what is wrong with references."""
    text = (
        GOOD.replace("site: ikn", "site: ikn\ntimezon: Asia/Makassar\ntimezone: Asia/Makasar")
        .replace("{id: d-08}", "{id: d-08, capacity: many}")
        .replace("        owner: gw-05\n", "")
        .replace("{id: barat, neighbours: [timur]}", "{id: barat, id: barat, owner: gw-05}")
        .replace("private: true}", "private: true, owner: gw-07}")
        .replace("port: /dev/ttyX", "prot: /dev/ttyX")
        .replace("timur/d-09}", "timur/d_09}")
        .replace("{id: rcv-1, driver: receiver,", "{id: rcv-1, driver: reciever, role: zon,")
        + "broker: {port: 99999}\n"
    )
    assert problems(tmp_path, text) == [
        'office.yaml:2: "timezon" is not a setting here; did you mean "timezone"?',
        'office.yaml:3: timezone "Asia/Makasar" is not known; write for example Asia/Makassar; '
        'did you mean "Asia/Makassar"?',
        'office.yaml:12: buildings.floors.zones.spaces.capacity must be a whole number (it is "many")',
        'office.yaml:12: space "d-08" has no owner; name a gateway here, on its zone or on its floor',
        'office.yaml:14: "id" is given twice; keep one',
        'office.yaml:15: zone "musala" names gateway "gw-07", which is not there; did you mean "gw-06"?',
        'office.yaml:20: "port" is missing in gateways.sources',
        'office.yaml:20: "prot" is not a setting here; did you mean "port"?',
        'office.yaml:24: device "ld-7" is bound to space "d_09", which floor "l05" does not have; did you mean "d-09"?',
        'office.yaml:25: device "rcv-1" wants driver "reciever", which is not installed; did you mean "receiver"?',
        "office.yaml:25: devices.role must be desk, in, out, in_out, zone, kiosk or enrol "
        '(it is "zon"); did you mean "zone"?',
        "office.yaml:26: broker.port must be at most 65535 (it is 99999)",
    ]


@pytest.mark.parametrize(
    ("old", "new", "only"),
    [
        ("devices:\n", "devise:\n", '"devise" is not a setting here; did you mean "devices"?'),
        ("buildings:\n", "gebouwen:\n", '"gebouwen" is not a setting here'),
        ("        owner: gw-05\n", "        owner: [gw-05, gw-06]\n", "must be text (it is a list)"),
        ("type: ble", "type: bel", 'did you mean "ble"?'),
        ("type: ble, ", "", '"type" is missing in gateways.sources'),
        ("driver: ld2410", "driver: {}", "devices.driver must be text (it is a mapping)"),
    ],
)
def test_a_mistake_does_not_bring_others_along(tmp_path: Path, old: str, new: str, only: str) -> None:
    found = problems(tmp_path, GOOD.replace(old, new, 1))
    assert [text for text in found if "is missing" not in text or only in text] == [
        text for text in found if only in text
    ]
    assert any(only in text for text in found)


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("site: ikn", "site: ikn\ntimezone: Asia", 2, 'timezone "Asia" is not known'),
        ("site: ikn", "site: ikn\ntimezone: ''", 2, 'timezone "" is not known'),
        ("site: ikn", "site: ikn\ntimezone: WITA", 2, 'timezone "WITA" is written Asia/Makassar'),
        ("site: ikn", "site: ikn\nbroker: {port: yes}", 2, "broker.port must be a whole number (it is true)"),
        ("site: ikn", "site: ikn\nbroker: {port: 01883}", 2, 'broker.port must be a whole number (it is "01883")'),
        ("site: ikn", "site: ikn\nbroker: {port: 0}", 2, "broker.port must be at least 1 (it is 0)"),
        ("site: ikn", "site: ikn\nbroker: {embedded: maybe}", 2, "must be true or false"),
        ("site: ikn", "site: ikn\nbroker: {embedded: true, port: 65535}", 2, "at most 65534"),
        ("site: ikn", "site: ikn\nbroker: {embedded: true, host: b.example}", 2, "for this machine alone"),
        ("site: ikn", "site: ikn\nbroker: {embedded: true, tls: {}}", 2, "knows neither TLS nor passwords"),
        ("site: ikn", "site: ikn\nbroker: {tls: {key: k}}", 2, "certificate and key go together"),
        ("site: ikn", "site: ikn\nbroker: {password_file: p}", 2, "without broker.username"),
        ("site: ikn", "site: ikn\nbroker: {host: ''}", 2, "broker.host must not be empty"),
        ("site: ikn", "site: ikn\nrules: {desk: {end_of_day: 1900}}", 2, 'must be a time of day: "19:00"'),
        ("site: ikn", "site: ikn\nrules: {desk: {end_of_day: 25:00}}", 2, "hour must be in 0..23"),
        ("site: ikn", "site: ikn\nrules: {hold_s: {raddar: 5}}", 2, 'did you mean "radar"?'),
        ("site: ikn", "site: ikn\nrules: {presence: {margin_db: .nan}}", 2, "margin_db must be a number"),
        (
            "site: ikn",
            "site: ikn\nrules: {desk: {breaks: [{start: 13:00, end: 12:00}]}}",
            2,
            "a break ends after it starts",
        ),
        (
            "site: ikn",
            "site: ikn\nrules: {desk: {breaks: [{start: 12:00, end: 13:00, first: 2026-02-30, last: 2026-03-01}]}}",
            2,
            "day is out of range for month",
        ),
        (
            "site: ikn",
            "site: ikn\narchive: {stores: [{kind: influx2, id: a, url: 127.0.0.1}]}",
            2,
            "is not an address that begins with http://",
        ),
        (
            "site: ikn",
            "site: ikn\narchive: {stores: [{kind: embedded}, {kind: embedded}]}",
            2,
            'store "embedded" stands twice',
        ),
        ("id: timur", "id: 101", 9, "must be text; put it in quotes (it is 101)"),
        ("id: timur", "id: no", 9, "must be text; put it in quotes (it is false)"),
        ("gateways:", "1: 2\ngateways:", 15, 'the name 1 is no text; put it in quotes: "1"'),
        ("kk2-t3/l05/timur/d-09", "ikn/kk2-t3/l05/timur/d-09", 23, 'without the site: "kk2-t3/l05/timur/d-09"'),
        ("kk2-t3/l05/timur/d-09", "kk2-t3/l05/barat/d-09", 23, 'but it stands in zone "timur"'),
        ("kk2-t3/l05/timur/d-09", "kk2-t3/l05/timur/d-09/x", 23, "a place has four levels"),
        ("kk2-t3/l05/timur/d-09", "kk2-t4/l05/timur/d-09", 23, 'did you mean "kk2-t3"?'),
        ("port: /dev/ttyX", "port: ''", 19, "port must not be empty"),
        ("driver: ld2410", "driver: em4100", 19, 'driver "em4100" reads no serial line; those that do: '),
        ("type: ble", "type: ble, adapter: bt0", 20, "is not an adapter: its address (bluetoothctl list), or hci0"),
        ("type: ble", "type: ble, drivers: [ibecon]", 20, 'did you mean "ibeacon"?'),
        ("type: ble", "type: ble, drivers: [ld2410]", 20, 'driver "ld2410", which reads no adverts'),
        (
            "device: rcv-1}",
            "device: rcv-1}\n      - {id: s3, type: ble, device: rcv-2, adapter: hci1}\n"
            "      - {id: s4, type: ble, device: rcv-3, adapter: hci1}",
            22,
            "adapter hci1 already belongs to the source on line 21",
        ),
        ("site: ikn", "site: ikn\n---\nsite: ikn", 2, "a second document begins here"),
        ("site: ikn", "site: ikn\n\tname: x", 2, "a tab stands here"),
        ("site: ikn", "site: !!python/name:os.system x", 1, "the tag !!python/name:os.system is not used here"),
        ("site: ikn", "site: ikn\ntimezone: Mars/Olympus", 2, 'timezone "Mars/Olympus" is not known'),
        ("{id: d-08}", "{id: d-09}", 12, 'space of floor "l05" "d-09" stands twice (first on line 11)'),
        ("{id: d-08}", "{id: d+08}", 11, '"d+08" is not an identifier'),
        ("{id: d-08}", "{id: d-08, capcity: 2}", 11, '"capcity" is not a setting here; did you mean "capacity"?'),
        ("        owner: gw-05\n", "", 10, "has no owner"),
        ("timur/d-09}", "musala}", 23, "private zone"),
        ("type: ble", "type: serial, port: /dev/y", 20, "driver: receiver"),
        ("driver: ld2410, place", "place", 23, '"driver" is missing'),
        ("    coordinator: gw-05\n", "", 3, "has no coordinator"),
        (
            "gateways:\n",
            "  - {id: kk2-t4, coordinator: gw-05}\ngateways:\n",
            15,
            'building "kk2-t4" has coordinator "gw-05", which stands in "kk2-t3"',
        ),
        (
            "coordinator: gw-05\n",
            "coordinators: [gw-05, gw-5]\n",
            4,
            'building "kk2-t3" names gateway "gw-5", which is not there; did you mean "gw-05"?',
        ),
        (
            "coordinator: gw-05\n",
            "coordinators:\n      - gw-05\n      - gw-06\n      - gw-05\n",
            7,
            'building "kk2-t3" names coordinator "gw-05" twice (first on line 5); the place is its rank',
        ),
        (
            "coordinator: gw-05\n",
            "coordinator: gw-05\n    coordinators: [gw-06]\n",
            4,
            "has coordinator and coordinators; write the ranked list alone",
        ),
        (
            "gateways:\n",
            "  - {id: kk2-t4, coordinators: [gw-07, gw-06]}\ngateways:\n  - {id: gw-07, place: kk2-t4}\n",
            15,
            'building "kk2-t4" has coordinator "gw-06", which stands in "kk2-t3"',
        ),
        ("coordinator: gw-05\n", "coordinators: []\n", 3, "has no coordinator"),
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
    with pytest.raises(ConfigError, match=r"cannot be read: Is a directory"):
        load(tmp_path)
    assert "nested too deep" in problems(tmp_path, "site: " + "[" * 200 + "]" * 200)[0]
    assert "is empty; start from `hadir init`" in problems(tmp_path, "")[0]
    assert "is empty; start from `hadir init`" in problems(tmp_path, "# nothing\n")[0]
    assert "must be a mapping" in problems(tmp_path, "- a\n")[0]
    assert "invalid literal" in problems(tmp_path, "site: !!int x")[0]


def test_no_file_is_read_or_unfolded_without_bounds(tmp_path: Path) -> None:
    assert "is larger than 4 MB" in problems(tmp_path, "#" * (10 << 20))[0]
    with pytest.raises(ConfigError, match="is larger than 4 MB"):
        load(Path("/dev/zero"))
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    for one, two in pairwise("abcdefghijkl"):
        bomb += f"{two}: &{two} [{', '.join([f'*{one}'] * 10)}]\n"
    assert "aliases of aliases" in problems(tmp_path, bomb)[0]
    assert "nested too deep" in problems(tmp_path, "a: &a [*a]\n")[0]
    merges = "a: &a {x: 1}\n"
    for one, two in pairwise("abcdefghijkl"):
        merges += f"{two}: &{two} {{<<: [{', '.join([f'*{one}'] * 10)}]}}\n"
    assert "aliases of aliases" in problems(tmp_path, merges)[0]


@pytest.mark.parametrize(
    ("raw", "line", "words"),
    [
        (b"site: ikn\nname: \xff\n", 2, "not utf-8 text"),
        (b"site: ikn\nname: a\0b\n", 2, "a control character"),
        ("name: é\n\nsite: \x07\n".encode(), 3, "a control character"),
    ],
)
def test_bytes_that_are_no_text_are_found(tmp_path: Path, raw: bytes, line: int, words: str) -> None:
    file = tmp_path / "office.yaml"
    file.write_bytes(raw)
    with pytest.raises(ConfigError, match=rf"office\.yaml:{line}: YAML: {words}"):
        load(file)


def test_numbers_and_times_are_what_people_mean(tmp_path: Path) -> None:
    """YAML 1.1 reads 18:30 as 1110 and 017 as 15."""
    file = tmp_path / "office.yaml"
    text = GOOD.replace("d-08", "017") + "rules: {desk: {end_of_day: 18:30, breaks: [{start: 9:05, end: 12:00:30}]}}\n"
    file.write_text(text, encoding="utf-8")
    office = load(file, drivers=DRIVERS)
    assert office.rules.desk.end_of_day == time(18, 30)
    assert [(one.start, one.end) for one in office.rules.desk.breaks] == [(time(9, 5), time(12, 0, 30))]
    assert office.buildings[0].floors[0].zones[0].spaces[0].id == "017"


@settings(max_examples=200, deadline=None)
@given(text=st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_any_text_gives_a_config_error_and_nothing_else(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.mktemp("any") / "office.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError):
        load(file)


leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-10, 10**20),
    st.floats(),
    st.sampled_from(("gw-05", "timur", "ld2410", "ble", "serial", "kk2-t3/l05", "", "x" * 200)),
    st.text(max_size=5),
    st.lists(st.one_of(st.none(), st.text(max_size=3)), max_size=2),
    st.dictionaries(st.one_of(st.text(max_size=3), st.sampled_from(("id", "type", "owner"))), st.none(), max_size=2),
)


DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
CALENDAR = {
    "hours": [{"days": ["mon"], "start": "07:30", "end": "16:00"}],
    "breaks": [{"start": "12:00", "end": "13:00"}],
    "ramadan": {"dates": [{"first": "2026-02-19", "last": "2026-03-20"}]},
    "holidays": {"add": [{"day": "2026-06-17", "name": "x"}], "remove": ["2026-06-18"]},
    "notes": [{"first": "2026-03-16", "last": "2026-03-17", "text": "masa WFA"}],
}
PARSED = yaml.safe_load(GOOD) | {"rules": {"hold_s": {"radar": 5}, "desk": {"breaks": []}}, "calendar": CALENDAR}


@st.composite
def mutilated(draw: st.DrawFn) -> dict[str, Any]:
    """A good office with values, names and items changed anywhere."""
    office: dict[str, Any] = deepcopy(PARSED)
    for _ in range(draw(st.integers(1, 5))):
        here: Any = office
        while True:
            keys = list(here) if isinstance(here, dict) else list(range(len(here)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(here[key], dict | list) and here[key] and draw(st.booleans()):
                here = here[key]
                continue
            match draw(st.sampled_from(("change", "delete", "rename"))):
                case "change":
                    here[key] = draw(leaves)
                case "delete":
                    del here[key]
                case _ if isinstance(here, dict):
                    here[draw(st.one_of(st.text(max_size=6), st.integers(0, 9)))] = here.pop(key)
            break
    return office


@settings(max_examples=100, deadline=None)
@given(office=mutilated())
def test_any_mistakes_are_a_list_with_lines(tmp_path_factory: pytest.TempPathFactory, office: dict[str, Any]) -> None:
    file = tmp_path_factory.mktemp("any") / "office.yaml"
    file.write_text(yaml.dump(office, Dumper=DUMPER), encoding="utf-8")
    found: tuple[Problem, ...] = ()
    try:
        load(file, drivers=DRIVERS)
    except ConfigError as error:
        found = error.problems
    assert all(problem.line is not None and "\n" not in problem.text for problem in found)


EXAMPLES = sorted((Path(__file__).parents[1] / "config").glob("*.yaml"))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_every_example_in_config_loads(file: Path) -> None:
    assert load(file, drivers=installed()).site


def test_candidates_are_ranked_and_one_may_be_written_short(tmp_path: Path) -> None:
    file = tmp_path / "office.yaml"
    file.write_text(GOOD.replace("coordinator: gw-05", "coordinators: [gw-06, gw-05]"), encoding="utf-8")
    assert Places(load(file, drivers=DRIVERS)).candidates == {"kk2-t3": ("gw-06", "gw-05")}
    file.write_text(GOOD, encoding="utf-8")
    assert Places(load(file, drivers=DRIVERS)).candidates == {"kk2-t3": ("gw-05",)}
