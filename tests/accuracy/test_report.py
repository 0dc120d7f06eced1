"""The table, and what goes into it besides days."""

from __future__ import annotations

from pathlib import Path

import pytest

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


@pytest.mark.parametrize("knows", locator.KNOWLEDGE[1:])
def test_with_positions_a_room_behind_two_walls_is_known_by_who_does_not_hear_it(knows: str) -> None:
    pytest.importorskip("numpy")
    where, zone = locator.SPOTS["in a meeting room"]
    answers = locator.still(where, zone, 1, 0.2, knows, receivers=2)
    assert answers.wrong < 0.5 * answers.seconds, "with a survey it takes a while to be sure"
