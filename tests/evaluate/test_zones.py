"""`hadir evaluate zones`: causal, repeatable, one parameter set, and clear about packs that are wrong."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from math import hypot, log10
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numpy")

from gateway.cli import main
from gateway.errors import ConfigError
from gateway.evaluate import zones
from tests.conftest import few

PACKS = Path(__file__).parents[3] / "shared" / "data"
BARS = {
    ("tetam-dev", False): (0.57, 1.85, 0.17),
    ("tetam-dev-walks", False): (0.44, 1.6, 0.24),
    ("warsaw-dev-blocks", True): (0.88, 0.75, 0.14),
    ("warsaw-dev", True): (0.82, 1.5, 0.1),
    ("cnr-dev", True): (0.46, 1.4, 0.22),
}
"""Share of right zones, mean error in metres and calibration error of the confidence that no change may lose:
(folder, dense) -> all three."""
RECEIVERS = {"r1": (1.0, 1.0), "r2": (9.0, 1.0), "r3": (1.0, 7.0), "r4": (9.0, 7.0)}
ROOMS = {f"z{i}{j}": (5.0 * i, 4.0 * j) for i in range(2) for j in range(2)}
BEGIN = 1_795_484_700
SECONDS = 40


def level(receiver: str, x: float, y: float, random: Random) -> int:
    away = max(1.0, hypot(RECEIVERS[receiver][0] - x, RECEIVERS[receiver][1] - y))
    return round(-50 - 22 * log10(away) + random.gauss(0, 3))


def surveyed() -> Iterator[tuple[Any, ...]]:
    random, t = Random(3), 0.0
    for i in range(10):
        for j in range(8):
            for name in RECEIVERS:
                yield f"{t:.2f}", name, level(name, i + 0.5, j + 0.5, random), i + 0.5, j + 0.5
            t += 1


def walked() -> Iterator[tuple[float, float, float]]:
    """(seconds, x, y): from one corner of the floor to the other."""
    for t in range(SECONDS):
        yield BEGIN + t, 1.5 + 7 * t / SECONDS, 2.0 if t < SECONDS / 2 else 6.0


def write(folder: Path, name: str, header: str, rows: Any) -> None:
    text = "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n"
    (folder / name).write_bytes(gzip.compress(text.encode(), mtime=0) if name.endswith(".gz") else text.encode())


def sightings() -> list[tuple[Any, ...]]:
    random = Random(5)
    return [
        (f"{t + delay:.3f}", beacon, name, level(name, x, y, random))
        for t, x, y in walked()
        for beacon, delay in (("b1", 0.1), ("b2", 0.35))
        for name in RECEIVERS
    ]


def pack(folder: Path, heard: list[tuple[Any, ...]] | None = None, *, survey: bool = True) -> Path:
    folder.mkdir(exist_ok=True)
    site = {
        "name": "a-floor",
        "receivers": [{"id": name, "x": x, "y": y} for name, (x, y) in RECEIVERS.items()],
        "zones": [
            {"id": name, "polygon": [[x, y], [x + 5, y], [x + 5, y + 4], [x, y + 4]]} for name, (x, y) in ROOMS.items()
        ],
    }
    (folder / "site.json").write_text(json.dumps(site))
    if survey:
        write(folder, "survey.csv.gz", "t,receiver,rssi,x,y", surveyed())
    write(folder, "sightings.csv.gz", "t,beacon,receiver,rssi", sightings() if heard is None else heard)
    moments = [(t + 0.9, x, y) for t, x, y in walked()]
    write(folder, "at.csv", "t,beacon", ((t, b) for t, _, _ in moments for b in ("b1", "b2")))
    rooms = [(t, x, y, f"z{int(x // 5)}{int(y // 4)}") for t, x, y in moments]
    write(folder, "truth.csv", "t,beacon,x,y,zone", ((t, b, x, y, z) for t, x, y, z in rooms for b in ("b1", "b2")))
    return folder


def lines(folder: Path) -> list[str]:
    return [answer.line() for answer in zones.answer(zones.read(folder))]


@cache
def whole() -> tuple[str, ...]:
    """The answers to a pack that nothing was cut off from."""
    with TemporaryDirectory() as folder:
        return tuple(lines(pack(Path(folder))))


@pytest.mark.skipif(not PACKS.is_dir(), reason="needs the recorded floors")
@pytest.mark.parametrize(("name", "dense"), few(sorted(BARS), 0, 1, 3))
def test_floors_that_nobody_here_made(name: str, dense: bool) -> None:
    """All with one set of parameters: nothing is given to the command but the folder."""
    found = zones.read(PACKS / name, dense=dense)
    answers = list(zones.answer(found))
    scored = zones.score(answers, found.truth)
    share, metres, unsure = BARS[name, dense]
    assert scored.zone is not None
    assert scored.metres is not None
    assert scored.zone.mean >= share
    assert scored.metres.mean <= metres
    assert scored.zone.low < scored.zone.mean < scored.zone.high
    assert miscalibrated(answers, found.truth) <= unsure


def miscalibrated(answers: Iterable[zones.Answer], truth: Mapping[tuple[int, str], zones.Truth]) -> float:
    """How far confidence is from how often it is right, in ten bins of confidence, by their answers."""
    bins: dict[int, list[float]] = {}
    answered = 0
    for one in answers:
        true = truth.get((one.asked.at, one.asked.beacon))
        if true is not None and true.zone:
            bins.setdefault(min(9, int(one.confidence * 10)), []).append(one.confidence - (one.zone == true.zone))
            answered += 1
    return sum(abs(sum(each)) for each in bins.values()) / answered


def test_answers_are_written_and_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = pack(tmp_path / "floor"), tmp_path / "out.csv"
    assert main(["evaluate", "zones", str(folder), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "a-floor: 80 answers; 320 packets of survey" in said
    assert "zone" in said
    assert "error" in said
    with out.open() as file:
        rows = list(csv.DictReader(file))
    assert [f"{row['t']},{row['beacon']}" for row in rows] == (folder / "at.csv").read_text().split()[1:]
    right = [row["zone"] == f"z{int(x // 5)}{int(y // 4)}" for row, (_, x, y) in zip(rows[::2], walked(), strict=True)]
    assert sum(right) / len(right) > 0.8
    assert all(0 < float(row["confidence"]) <= 1 for row in rows)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, SECONDS * 8))
def test_cutting_the_input_leaves_all_earlier_answers_as_they_were(cut: int) -> None:
    heard = sightings()
    heard.sort(key=lambda row: float(row[0]))
    after = float(heard[cut][0]) if cut < len(heard) else BEGIN + SECONDS + 1.0
    with TemporaryDirectory() as folder:
        some = lines(pack(Path(folder), heard[:cut]))
    earlier = [n for n, line in enumerate(whole()) if float(line.split(",")[0]) < after]
    assert [some[n] for n in earlier] == [whole()[n] for n in earlier]


def test_the_same_pack_gives_the_same_bytes(tmp_path: Path) -> None:
    assert tuple(lines(pack(tmp_path / "again"))) == whole()


def test_the_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    heard = sightings()
    Random(1).shuffle(heard)
    by_time = sorted(sightings(), key=lambda row: float(row[0]))
    assert lines(pack(tmp_path / "a", heard)) == lines(pack(tmp_path / "b", by_time))


def test_a_beacon_that_was_not_heard_yet_has_no_zone(tmp_path: Path) -> None:
    late = [row for row in sightings() if row[1] == "b1" or float(row[0]) > BEGIN + 10]
    rows = lines(pack(tmp_path / "floor", late))
    assert rows[1].split(",")[1:] == ["b2", "", "", "", "0.0000"]
    assert rows[-1].split(",")[2] != ""


def test_a_nonsense_row_costs_itself_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    heard = [*sightings(), (BEGIN + 5, "b1", "r1", 42), ("soon", "b1", "r1", -60), (BEGIN + 6, "b1", "nobody", -60)]
    rows = lines(pack(tmp_path / "floor", heard))
    assert tuple(rows) == whole()
    told = capsys.readouterr().err
    assert f"{tmp_path}/floor/sightings.csv.gz:322: rssi: '42' is no signal in dBm; left out" in told
    assert "sightings.csv.gz:323: t: 'soon' is not a time in seconds; left out" in told
    half = [(BEGIN, "b1", "r1", 42)] * 9
    with pytest.raises(ConfigError, match="9 of its 9 rows cannot be read"):
        zones.read(pack(tmp_path / "other", half))


def test_every_mistake_of_a_pack_is_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = pack(tmp_path / "floor")
    site = {"receivers": [{"id": "r1"}], "zones": [{"id": "z", "polygon": [[0, 0], [1, 1]]}, {"id": "y"}]}
    (folder / "site.json").write_text(json.dumps(site))
    write(folder, "at.csv", "t,beacon", [("x", "b1"), (BEGIN, "")])
    (folder / "sightings.csv.gz").unlink()
    assert main(["evaluate", "zones", str(folder)]) == 2
    told = capsys.readouterr().err.splitlines()
    expected = [
        "site.json: receiver 1 needs id, x and y",
        'site.json: zone "z" has fewer than three corners',
        "site.json: zone 2 needs id and polygon",
        "has neither sightings.csv nor sightings.csv.gz",
        "at.csv:2: t: 'x' is not a time in seconds",
        "at.csv:3: beacon: is empty",
    ]
    assert [any(words in line for line in told) for words in expected] == [True] * len(expected)
    assert len(told) == len(expected)


def test_without_a_survey_geometry_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = pack(tmp_path / "floor", survey=False)
    assert main(["evaluate", "zones", str(folder)]) == 0
    assert "no survey: geometry alone" in capsys.readouterr().out
    found = zones.read(folder)
    scored = zones.score(zones.answer(found), found.truth)
    assert scored.zone is not None
    assert scored.zone.mean > 0.7
