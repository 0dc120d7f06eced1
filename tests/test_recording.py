"""Recordings of readings, and zone packs: what is written is read again, and what is broken is named and left out."""

from __future__ import annotations

import csv
import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.beacon import ibeacon
from gateway import recording
from gateway.config.model import Office
from gateway.counters import Counters
from gateway.errors import ConfigError
from gateway.packs import Pack
from gateway.recording import MAX_LINE, Recording, Tap, header, line, parse
from rules.api import Booked, Command, Health, Input, Life, Reading, Sighting, Tick

SHARED = Path(__file__).parents[1].parent / "shared" / "data"
PACKS = sorted(path.parent for path in SHARED.glob("*/sightings.csv.gz"))
AT = 1_795_483_802_117_000_000
PLACE, PERSON = "ikn/kk2/l05/timur/d-017", "p-0123456789abcdef"
OFFICE = Office.model_validate(
    {
        "site": "ikn",
        "timezone": "Asia/Makassar",
        "buildings": [
            {
                "id": "kk2",
                "coordinator": "gw-05",
                "floors": [{"id": "l05", "owner": "gw-05", "zones": [{"id": "timur"}]}],
            }
        ],
        "gateways": [{"id": "gw-05", "place": "kk2/l05"}],
    }
)
SITE = {
    "name": "Tiny Office",
    "receivers": [{"id": "R1", "x": 1, "y": 1, "z": 2}, {"id": "R2", "x": 9, "y": 1, "z": 2}],
    "zones": [
        {"id": "West", "polygon": [[0, 0], [4, 0], [4, 4], [0, 4]]},
        {"id": "East", "polygon": [[5, 0], [8, 0], [8, 4], [5, 4]]},
    ],
}

times = st.integers(0, 2**63 - 1)
identifiers = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", fullmatch=True)
places = st.lists(identifiers, min_size=5, max_size=5).map("/".join)
persons = st.one_of(st.just(""), st.from_regex(r"p-[0-9a-f]{16}", fullmatch=True))
words = st.text(st.characters(codec="utf-8"), max_size=64)
numbers = st.floats(allow_nan=False, allow_infinity=False)
values = st.one_of(st.booleans(), st.integers(-(2**53), 2**53), numbers, words)
TOLD = dict.fromkeys(("unit", "checkin_id", "reader", "assurance"), words)
"""Hypothesis would make texts of any length for what it is not told."""
inputs = st.one_of(
    st.builds(
        Reading,
        dev=identifiers,
        kind=words.filter(lambda kind: kind != "badge"),
        value=values,
        place=places,
        at=times,
        person=persons,
        unit=words,
        **dict.fromkeys(("modality", "role", "refused", "assurance", "quality"), words),
        late=st.booleans(),
        sequence=times,
    ),
    st.builds(Sighting, person=persons, receiver=identifiers, rssi=numbers, at=times, heard=times),
    st.builds(Health, dev=identifiers, alive=st.booleans(), cause=words, at=times),
    st.builds(Life, place=places, life=words, since=times, at=times, person=persons, began=times, last=times, **TOLD),
    st.builds(
        Booked,
        place=places,
        at=times,
        person=persons,
        ref=st.text(st.characters(codec="utf-8"), max_size=200),
        start=times,
        end=times,
        unit=words,
    ),
    st.builds(
        Command,
        name=words,
        place=st.one_of(st.just(""), places),
        at=times,
        person=persons,
        unit=words,
        actor=words,
        args=st.just({"a": 1}),
    ),
    st.builds(Tick, at=times),
)


def reading(**other: Any) -> dict[str, Any]:
    return Reading("rdr-1", "badge", True, PLACE, AT, person=PERSON)._asdict() | other


def write(path: Path, *lines: str | bytes) -> Path:
    body = [header(OFFICE, "gw-05"), '{"facts":{"desk":{"a":{"b":1}}}}', *lines]
    path.write_bytes(b"".join((one if isinstance(one, bytes) else one.encode()) + b"\n" for one in body))
    return path


# --- the format -------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(inputs, times)
def test_what_is_written_is_read_again(item: Input, at: int) -> None:
    assert parse(line(item, at).encode()) == (at, item)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_noise_is_refused_and_nothing_worse(noise: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(noise)


def test_a_recording_holds_what_is_needed_to_run_it_again(tmp_path: Path) -> None:
    items: list[Input] = [Reading("rdr-1", "badge", True, PLACE, AT, person=PERSON), Tick(AT + 5)]
    made = Recording(write(tmp_path / "r", *(line(item, AT + n) for n, item in enumerate(items))))
    assert (made.gateway, made.office, made.facts) == ("gw-05", OFFICE, {"desk": {"a": {"b": 1}}})
    assert re.fullmatch("[0-9a-f]{12}", made.config)
    for _ in range(2):  # it may be read again
        counters = Counters()
        assert list(made.inputs(counters)) == [(AT, items[0]), (AT + 1, items[1])]
        assert not counters.snapshot()
        assert not made.problems


def row(kind: str = "Reading", at: Any = AT, **other: Any) -> str:
    return json.dumps([kind, at, reading(**other)])


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "not json",
        b"\xff",
        b"[" * 5000,
        "{}",
        "[1,2]",
        '["Nothing",1,{}]',
        '[["Reading"],1,{}]',
        '["Tick",1,[]]',
        '["Tick",1,{"at":1,"more":2}]',
        '["Tick",1,{"at":NaN}]',
        row(at="now"),
        row(at=True),
        row(at=-1),
        row(at=2**63),
        row(dev="a/b"),
        row(dev="+"),
        row(dev="x" * 65),
        row(place="ikn/#"),
        row(place=""),
        row(person="Budi"),
        row(person="p-0123456789ABCDEF"),
        row(person=7),
        row(late=1),
        row(kind_="x"),
        row(value="em4100:0F0368568B"),
        row(value=[1]),
        row(value={"deep": {}}),
        row(unit="u" * 100),
        json.dumps(["Sighting", AT, {"person": PERSON, "receiver": "r", "rssi": "-60", "at": AT}]),
        json.dumps(["Sighting", AT, {"person": PERSON, "receiver": "r", "rssi": 1e999, "at": AT}]),
        json.dumps(["Command", AT, {"name": "x", "place": "", "at": AT, "args": []}]),
    ],
)
def test_a_bad_line_is_named_and_the_next_one_is_read(tmp_path: Path, bad: str | bytes) -> None:
    good = line(Tick(AT), AT)
    made = Recording(write(tmp_path / "r", good, bad, good))
    counters = Counters()
    assert len(list(made.inputs(counters))) == 2
    assert counters.snapshot() == {"recording.dropped{bad_line}": 1}
    assert [problem.line for problem in made.problems] == [4]
    assert "left out" in str(made.problems[0])


def test_a_line_that_is_too_long_is_one_bad_line(tmp_path: Path) -> None:
    good = line(Tick(AT), AT)
    made = Recording(write(tmp_path / "r", good, "x" * (3 * MAX_LINE) + good, good))
    assert len(list(made.inputs(Counters()))) == 2
    assert [(problem.line, str(MAX_LINE) in problem.text) for problem in made.problems] == [(4, True)]


def test_a_recording_of_noise_is_bounded_in_what_it_says(tmp_path: Path) -> None:
    made, counters = Recording(write(tmp_path / "r", *["x"] * 500)), Counters()
    assert not list(made.inputs(counters))
    assert counters.get("recording.dropped") == 500
    assert len(made.problems) == recording.MOST_PROBLEMS


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        (b"", b"", "is not a recording"),
        (b"\xff\xfe", b"", "is not a recording"),
        (b"[" * 100_000, b"", "is not a recording"),
        (b"[]", b"", "is not a recording"),
        (b'{"hadir":"recording","version":2}', b"", "version 1"),
        (b'{"hadir":"recording","version":1}', b"", "is not a recording"),
        (header(OFFICE, "gw-05").encode(), b"[]", "is not a recording"),
        (header(OFFICE, "gw-05").encode(), b'{"facts":{"desk":7}}', "is not a recording"),
        (header(OFFICE, "gw-99").encode(), b'{"facts":{}}', "gw-99"),
    ],
)
def test_another_file_is_refused_in_words(tmp_path: Path, first: bytes, second: bytes, says: str) -> None:
    path = tmp_path / "r"
    path.write_bytes(first + b"\n" + second + b"\n")
    with pytest.raises(ConfigError, match=says):
        Recording(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        Recording(tmp_path / "none")


# --- the tap ----------------------------------------------------------------------------------------------------------


def fetch(tap: Tap, cursor: int) -> tuple[list[str], int]:
    answer = tap.after(cursor)
    assert answer["lost"] == 0
    return answer["lines"], answer["cursor"]


def test_the_tap_gives_each_line_once_and_in_order() -> None:
    tap = Tap()
    assert not tap.on
    cursor = tap.after(None)["cursor"]
    assert tap.on
    for n in range(5):
        tap.take(Tick(n), n)
    first, cursor = fetch(tap, cursor)
    tap.take(Tick(5), 5)
    second, cursor = fetch(tap, cursor)
    assert [parse(text.encode())[0] for text in first + second] == [0, 1, 2, 3, 4, 5]
    assert fetch(tap, cursor) == ([], cursor)


def test_two_may_record_at_once() -> None:
    tap = Tap()
    one = tap.after(None)["cursor"]
    tap.take(Tick(0), 0)
    two = tap.after(None)["cursor"]
    tap.take(Tick(1), 1)
    assert [len(fetch(tap, cursor)[0]) for cursor in (one, two, one)] == [2, 1, 2]


def test_an_answer_is_bounded_and_the_rest_comes_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MOST_GIVEN", 100)
    tap = Tap()
    cursor = tap.after(None)["cursor"]
    for n in range(50):
        tap.take(Tick(n), n)
    got: list[str] = []
    while True:
        lines, cursor = fetch(tap, cursor)
        if not lines:
            break
        assert sum(map(len, lines)) <= 100
        got += lines
    assert [parse(text.encode())[0] for text in got] == list(range(50))


def test_what_is_lost_is_said_and_a_forgotten_tap_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MOST_KEPT", 10)
    tap = Tap()
    cursor = tap.after(None)["cursor"]
    for n in range(10):
        tap.take(Tick(n), n)
    tap.after(None)  # somebody else is still there
    for n in range(10, 15):
        tap.take(Tick(n), n)
    answer = tap.after(cursor)
    assert (answer["lost"], len(answer["lines"]), answer["cursor"]) == (5, 10, 15)
    for n in range(11):
        tap.take(Tick(n), n)
    assert not tap.on  # the pipeline does not ask it any more
    assert tap.after(15)["lost"] > 0
    assert tap.on


def test_a_cursor_of_an_earlier_life_is_a_loss() -> None:
    tap = Tap()
    tap.after(None)
    assert tap.after(5000)["lost"] > 0
    assert tap.after(-1)["lost"] > 0


# --- zone packs -------------------------------------------------------------------------------------------------------


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "site.json").write_text(json.dumps(SITE))
    rows = ["t,beacon,receiver,rssi", "1567783106.448,a,R1,-70", "nonsense", "1567783107,b,R2,-60.4", "1,a,R9,-60"]
    with gzip.open(folder / "sightings.csv.gz", "wt") as out:
        out.write("\n".join(rows) + "\n")
    return folder


def test_a_pack_is_an_office_of_one_gateway(tiny: Path) -> None:
    office = Pack(tiny).office()
    assert office.site == "tiny-office"
    assert {device.id: device.place.rsplit("/", 1)[1] for device in office.devices} == {
        "r1": "west",  # stands in it
        "r2": "east",  # stands in none: the nearest
    }


def test_packets_of_a_pack_take_the_path_from_hop_one(tiny: Path) -> None:
    pack, counters = Pack(tiny), Counters()
    frames = list(pack.frames(counters))
    assert [(frame.received_at, frame.source, frame.rssi) for frame in frames] == [
        (1_567_783_106_448_000_000, "r1", -70),
        (1_567_783_107_000_000_000, "r2", -60),
    ]
    assert counters.snapshot() == {"replay.dropped{bad_line}": 1, "replay.dropped{receiver}": 1}
    said = [ibeacon.decode(frame)[0].value for frame in frames]
    assert said == [pack.credential(0), pack.credential(1)]


def test_beacons_of_a_pack_are_the_same_people_each_time(tiny: Path) -> None:
    people = [[Pack(tiny).person(number).pid for number in range(50)] for _ in range(2)]
    assert people[0] == people[1]
    assert len(set(people[0])) == 50
    assert all(re.fullmatch(r"p-[0-9a-f]{16}", pid) for pid in people[0])


@pytest.mark.parametrize(
    ("row", "cause"),
    [
        ("1567783106.448,a,R1,21", "rssi"),
        ("1567783106.448,a,R1,-128", "rssi"),
        ("1567783106.448,a,R1,", "bad_line"),
        ("1567783106.448,a,R1,nan", "bad_line"),
        ("1567783106.448,a,R1", "bad_line"),
        (",a,R1,-60", "bad_line"),
        ("-1,a,R1,-60", "bad_line"),
        ("0,a,R1,-60", "bad_line"),
        ("9" * 30 + ",a,R1,-60", "bad_line"),
        ("1567783106.448,a,R9,-60", "receiver"),
        ("1567783106.448,a,,-60", "bad_line"),
    ],
)
def test_what_is_no_packet_is_counted_by_its_cause(tiny: Path, row: str, cause: str) -> None:
    good = "1567783106.448,b,R1,-70"
    (tiny / "sightings.csv.gz").write_bytes(gzip.compress(f"t,beacon,receiver,rssi\n{row}\n{good}\n".encode()))
    counters = Counters()
    assert [frame.rssi for frame in Pack(tiny).frames(counters)] == [-70]
    assert counters.snapshot() == {f"replay.dropped{{{cause}}}": 1}


def test_a_pack_that_is_cut_ends_where_it_is_cut(tiny: Path) -> None:
    rows = "t,beacon,receiver,rssi\n" + "".join(f"{1567783106 + n},b{n},R1,-70\n" for n in range(5000))
    whole = gzip.compress(rows.encode())
    (tiny / "sightings.csv.gz").write_bytes(whole[: len(whole) // 2])
    counters = Counters()
    assert 0 < len(list(Pack(tiny).frames(counters))) < 5000
    assert counters.snapshot()["replay.dropped{cut_file}"] == 1


@pytest.mark.parametrize(
    "site",
    [
        [],
        {},
        SITE | {"name": "!"},
        SITE | {"receivers": [{"id": "R1"}]},
        SITE | {"receivers": [{"id": "R1", "x": "a", "y": 1}]},
        SITE | {"receivers": [{"id": "R1", "x": 1, "y": 1}, {"id": "r1", "x": 2, "y": 2}]},
        SITE | {"zones": []},
        SITE | {"zones": [{"id": "West", "polygon": []}]},
        SITE | {"zones": [{"id": "West", "polygon": [1, 2]}]},
        SITE | {"zones": [{"id": "West", "polygon": {"a": 1}}]},
    ],
)
def test_a_folder_that_is_no_pack_says_so(tiny: Path, site: Any) -> None:
    (tiny / "site.json").write_text(json.dumps(site))
    with pytest.raises(ConfigError, match=r"is not a zone pack|of one name"):
        Pack(tiny)


@pytest.mark.skipif(not PACKS, reason="the shared packs are not here")
@pytest.mark.parametrize("folder", PACKS, ids=lambda path: path.name)
def test_every_packet_of_a_shared_pack_is_read(folder: Path) -> None:
    """All but those that no Bluetooth controller can have reported: tetam-dev-walks holds +42 and +29 dBm."""
    pack, counters = Pack(folder), Counters()
    site = json.loads((folder / "site.json").read_text())
    frames = list(pack.frames(counters))
    with gzip.open(folder / "sightings.csv.gz", "rt") as lines:
        heard = [float(row["rssi"]) for row in csv.DictReader(lines)]
    impossible = sum(not -127 <= rssi <= 20 for rssi in heard)
    assert len(frames) == len(heard) - impossible
    assert counters.snapshot() == ({"replay.dropped{rssi}": impossible} if impossible else {})
    assert [frame.received_at for frame in frames] == sorted(frame.received_at for frame in frames)
    office = pack.office()
    assert len(office.devices) == len(site["receivers"])
    assert len(office.buildings[0].floors[0].zones) == len(site["zones"])
    assert {frame.source for frame in frames} <= {device.id for device in office.devices}
