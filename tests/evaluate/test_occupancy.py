"""`hadir evaluate occupancy`: causal, repeatable, one parameter set, and clear about packs that are wrong."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import main
from gateway.clock import SECOND
from gateway.config import room_models
from gateway.errors import ConfigError
from gateway.evaluate import occupancy, room
from rules.api import Reading
from tests.conftest import few
from tests.simulated_room import Days, days, without

PACKS = Path(__file__).parents[3] / "shared" / "data"
BARS = {
    "uci-room-pir-dev": (0.985, None),
    "uci-room-dev": (0.986, 0.95),
    "uci-occupancy-dev": (0.975, None),
    "uci-occupancy-nolight-dev": (0.90, None),
}
"""Accuracy that no change may lose: occupied, count."""
MOST = 2000
"""Answers of each pack: the days on which somebody is there."""


def today() -> Days:
    """A day that was not learned, until two in the afternoon: nobody, and people who come and go."""
    whole, minutes = days(2, 1, first=9), 14 * 60
    return Days(whole.readings[: minutes * 5], whole.labels[:minutes])


def seconds(at: int) -> str:
    return f"{at / SECOND:.3f}"


def write(folder: Path, name: str, header: str, rows: Any) -> None:
    text = "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n"
    path = folder / name
    path.write_bytes(gzip.compress(text.encode(), mtime=0) if name.endswith(".gz") else text.encode())


def table(readings: list[Reading]) -> list[tuple[str, ...]]:
    return [(seconds(one.at), one.dev, one.kind, str(float(one.value))) for one in readings]


def truth(some: Days, *, count: bool = True) -> list[tuple[Any, ...]]:
    return [(seconds(one.at), int(one.occupied), one.people if count else "") for one in some.labels]


def pack(folder: Path, *, training: Days | None = None, test: Days | None = None, count: bool = True) -> Path:
    training, test = training or days(1, 1), test or today()
    folder.mkdir(exist_ok=True)
    (folder / "site.json").write_text(json.dumps({"name": "a-room", "sensors": [{"id": "air", "kind": "co2"}]}))
    write(folder, "train_readings.csv.gz", "t,sensor,kind,value", table(training.readings))
    write(folder, "train_truth.csv", "t,occupied,count", truth(training, count=count))
    write(folder, "readings.csv.gz", "t,sensor,kind,value", table(test.readings))
    write(folder, "at.csv", "t", [(seconds(one.at),) for one in test.labels])
    write(folder, "truth.csv", "t,occupied,count", truth(test, count=count))
    return folder


def answers(folder: Path, out: Path) -> list[dict[str, str]]:
    assert main(["evaluate", "occupancy", str(folder), "--out", str(out)]) == 0
    with out.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_room_is_answered_and_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = pack(tmp_path / "room")
    rows = answers(folder, tmp_path / "out.csv")
    assert list(rows[0]) == ["t", "occupied", "count", "confidence"]
    assert [row["t"] for row in rows] == [seconds(one.at) for one in today().labels]
    assert all(0.5 <= float(row["confidence"]) <= 1 for row in rows)
    said = capsys.readouterr().out
    assert "a-room: 840 answers; learned from 1440 labels" in said
    assert "occupied 100.00 % (95 %: 100.0 to 100.0; 840 answers)" in said
    assert "95 %" in said
    assert "count" in said
    again = tmp_path / "again.csv"
    answers(folder, again)
    assert again.read_bytes() == (tmp_path / "out.csv").read_bytes(), "the same pack gives the same bytes"


def test_no_answer_knows_what_comes_later(tmp_path: Path) -> None:
    """The input ends at any t: all answers until then are the same bytes."""
    whole = today()
    answers(pack(tmp_path / "room"), tmp_path / "whole.csv")
    lines = (tmp_path / "whole.csv").read_bytes().splitlines()
    for cut in (0, 433, 700):
        at = whole.labels[cut].at
        some = Days([one for one in whole.readings if one.at <= at], whole.labels[: cut + 1])
        answers(pack(tmp_path / "room", test=some), tmp_path / "cut.csv")
        assert (tmp_path / "cut.csv").read_bytes().splitlines() == lines[: cut + 2]


def test_a_set_without_counts_is_answered_without(tmp_path: Path) -> None:
    assert {row["count"] for row in answers(pack(tmp_path / "room", count=False), tmp_path / "out.csv")} == {""}


def test_missing_sensors_gaps_and_strange_kinds_are_borne(tmp_path: Path) -> None:
    gone = without(today(), "illuminance", "sound")
    holes = [one for one in gone.readings if not 600 < (one.at // SECOND // 60) % 1440 < 700]
    odd = [Reading("new", "wind", 3.0, "", gone.readings[0].at)]
    test = Days([*odd, *holes], gone.labels)
    rows = answers(pack(tmp_path / "room", test=test), tmp_path / "out.csv")
    right = sum(row["occupied"] == str(int(one.occupied)) for row, one in zip(rows, test.labels, strict=True))
    assert len(rows) == len(test.labels)
    assert right / len(rows) > 0.85


def test_without_days_to_learn_from_the_defaults_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = pack(tmp_path / "room")
    for name in ("train_readings.csv.gz", "train_truth.csv", "truth.csv"):
        (folder / name).unlink()
    rows = answers(folder, tmp_path / "out.csv")
    assert {row["occupied"] for row in rows} == {"0", "1"}, "it has a motion sensor"
    assert "the defaults" in capsys.readouterr().out


def test_labels_that_cannot_teach_leave_the_defaults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = pack(tmp_path / "room")
    write(folder, "train_truth.csv", "t,occupied,count", [(seconds(days(1, 1).labels[0].at), 1, 1)])
    answers(folder, tmp_path / "out.csv")
    assert "nothing learned (needs 20 labels" in capsys.readouterr().out


def test_every_mistake_of_a_pack_is_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = pack(tmp_path / "room")
    (folder / "site.json").write_text('{"name": "x",\n "sensors": [')
    good = table(days(1, 1).readings)[:3]
    write(folder, "readings.csv.gz", "t,sensor,kind,value", [*good, ("soon", "air", "co2", "x"), ("1", "air")])
    write(folder, "train_truth.csv", "t,occupied,count", [("1", 2, -1)])
    write(folder, "at.csv", "time", [("1",)])
    assert main(["evaluate", "occupancy", str(folder)]) == 2
    told = capsys.readouterr().err.splitlines()
    expected = [
        "site.json:2: is not JSON",
        "train_truth.csv:2: occupied: '2' is neither 0 nor 1",
        "train_truth.csv:2: count: '-1' is not a number of people",
        "readings.csv.gz:5: t: 'soon' is not a time in seconds",
        "readings.csv.gz:5: value: 'x' is not a number",
        "readings.csv.gz:6: has 2 cells, which are too few",
        "at.csv:1: lacks the column t",
    ]
    assert [any(f"{folder}/{words}" in line for line in told) for words in expected] == [True] * len(expected)
    assert len(told) == len(expected)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("readings.csv.gz", b"not gzip", "cannot be read"),
        (
            "readings.csv.gz",
            gzip.compress(b"t,sensor,kind,value\n" + b"1,a,co2,5\n" * 99, mtime=0)[:-20],
            "cannot be read",
        ),
        ("at.csv", b"t\n\xff\xfe\n", "is not UTF-8"),
        ("at.csv", b"t\n" + b"1" * 10_000, "longer than"),
        ("at.csv", b't\n"1', "is not CSV"),
        ("at.csv", b"t\n-5\nnan\n1e400\n", "since 1970"),
        ("site.json", b"[]", "is not an object"),
        ("site.json", b'{"sensors": 5}', "is not a list"),
        ("site.json", b'{"sensors": [{"id": 5}]}', "needs an id and a kind"),
    ],
)
def test_bad_packs_are_refused_in_words(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    folder = pack(tmp_path / "room")
    (folder / name).write_bytes(content)
    with pytest.raises(ConfigError, match=words):
        room.read(folder)


def test_of_many_mistakes_the_first_are_told(tmp_path: Path) -> None:
    folder = pack(tmp_path / "room")
    write(folder, "at.csv", "t", [("x",)] * 500)
    with pytest.raises(ConfigError, match="and 480 more mistakes"):
        room.read(folder)


def test_a_folder_that_is_no_pack_says_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no at\.csv"):
        room.read(tmp_path)


def test_what_was_learned_is_kept_for_the_site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = pack(tmp_path / "room")
    file = tmp_path / "models" / "r1.json"
    file.parent.mkdir()
    assert main(["learn", str(folder), "--place", "s/b/f/z/r1", "--out", str(file)]) == 0
    (folder / "train_truth.csv").unlink()
    other = tmp_path / "models" / "r2.json"
    assert main(["learn", str(folder), "--place", "s/b/f/z/r2", "--out", str(other)]) == 0
    assert "(the room's own)" in capsys.readouterr().out
    models = room_models.load(file.parent)
    assert set(models) == {"s/b/f/z/r1", "s/b/f/z/r2"}
    assert not any(one.kind == "motion" for one in models["s/b/f/z/r2"].sensors), "the teacher is no pupil"


def test_a_room_that_taught_itself_goes_on_without_its_teacher(tmp_path: Path) -> None:
    from gateway.evaluate.learn import taught

    model = taught(days(1, 3).readings)
    test = without(today(), "motion")
    asked = [room.Asked(one.at, seconds(one.at)) for one in test.labels]
    found = room.Room("x", (), (), test.readings, asked, ())
    right = [
        one.occupied == label.occupied for one, label in zip(occupancy.answer(found, model), test.labels, strict=True)
    ]
    assert sum(right) / len(right) > 0.95


@pytest.mark.parametrize("name", few(tuple(BARS), 1, 2))
def test_rooms_that_nobody_here_made(name: str) -> None:
    """One call, no parameters, all packs."""
    if not (PACKS / name).is_dir():
        pytest.skip("the packs are not here")
    found = room.read(PACKS / name)
    found = found._replace(asked=found.asked[:MOST], truth=found.truth[:MOST])
    model, _ = occupancy.learned(found)
    pairs = list(zip(occupancy.answer(found, model), found.truth, strict=True))
    right, counted = BARS[name]
    assert sum(one.occupied == label.occupied for one, label in pairs) / len(pairs) >= right
    if counted is not None:
        assert sum(one.people == label.people for one, label in pairs) / len(pairs) >= counted
