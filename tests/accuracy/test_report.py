"""The table, and what goes into it besides days."""

from __future__ import annotations

from pathlib import Path

from bench.accuracy import locator, packs
from bench.accuracy.table import HEAD, Row, draw, title


def test_the_table_says_what_is_missed() -> None:
    text = draw([title("days"), Row("wrong", "1 %", ("1", "2", "3"), "<= 0.5 %", met=False), Row("zone", "90 %")])
    lines = text.splitlines()
    assert len({len(line) for line in lines}) == 1
    assert all(word in lines[0] for word in HEAD)
    assert "**NO**" in lines[3]
    assert "NO" not in lines[4]


def test_packs_that_are_not_there_are_named_and_not_judged(tmp_path: Path) -> None:
    rows = [*packs.rows(None), *packs.rows(tmp_path / "none"), *packs.rows(tmp_path)]
    assert all("left out" in row.measured and row.met is None for row in rows)
    assert len(rows) == 3


def test_a_pack_is_known_by_its_files(tmp_path: Path) -> None:
    for name, file in (("a", "sightings.csv.gz"), ("b", "readings.csv.gz"), ("c", "notes.txt")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).touch()
    assert [packs.kind(tmp_path / name) for name in "abc"] == ["zones", "occupancy", None]


def test_a_still_tag_keeps_its_zone_and_an_eager_locator_does_not() -> None:
    where, zone = locator.SPOTS["beside the partition"]
    answers = locator.still(where, zone, 1, 0.1)
    assert answers.flaps == 0
    assert answers.wrong == answers.unknown == 0
    assert answers.seconds > 300
    where, zone = locator.SPOTS["before its door"]
    assert locator.still(where, zone, 1, 0.3, eager=True).flaps > 5
