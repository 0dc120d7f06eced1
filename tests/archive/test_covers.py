"""Losses of coverage, whatever comes late, twice, or was told by a clock that was corrected."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Any

from gateway.covers import PLACE, Covers
from gateway.ledger_view import LATEST, Stored
from rules.api import SECOND
from tests.archive.events import START, make

DESK = "ikn/kk2/l1/north/d-1"


def row(number: int, what: str, since: float, until: float | None, cause: str = "sensor", shift: int = 0) -> Stored:
    event = make(
        number,
        f"coverage.{what}",
        place="ikn/kk2/l1/_/_",
        places=[DESK],
        readers=[],
        **{"from": _at(since), "to": None if until is None else _at(until), "cause": cause},
    )
    body: dict[str, Any] = json.loads(event.raw)
    assert body["data"]["cause"] == cause
    place = event.subject
    return Stored(
        number, "gw-1", "000001-aaaa", number, "evt", event.type, place, START, START, event.raw, "", START + shift
    )


def _at(seconds: float) -> int:
    return START + int(seconds * SECOND)


def stretches(*rows: Stored) -> list[tuple[float, float | None, str]]:
    covers = Covers()
    for one in rows:
        covers.learn(one, json.loads(one.body)["data"])
    return [
        ((found.since - START) / SECOND, None if found.until == LATEST else (found.until - START) / SECOND, found.cause)
        for found in covers.of(PLACE, DESK)
    ]


def test_a_box_that_has_its_power_again_does_not_mend_a_sensor() -> None:
    rows = [row(1, "lost", 0, None), row(2, "restored", 3600, 7200, "powered_off")]
    for some in permutations(rows):
        assert sorted(stretches(*some)) == [(0.0, None, "sensor"), (3600.0, 7200.0, "powered_off")]


def test_a_loss_ends_with_its_restoration_and_with_a_later_word_of_the_same_thing() -> None:
    lost, restored = row(1, "lost", 0, None), row(2, "restored", 0, 100)
    assert stretches(lost, restored, lost) == [(0.0, 100.0, "sensor")]
    assert stretches(lost, row(3, "restored", 500, 600)) == [(0.0, 600.0, "sensor"), (500.0, 600.0, "sensor")]


def test_a_beginning_that_was_corrected_by_parts_of_a_millisecond_is_one_beginning() -> None:
    assert stretches(row(1, "lost", 0, None, shift=400_000), row(2, "restored", 0, 100)) == [(0.0, 100.0, "sensor")]
