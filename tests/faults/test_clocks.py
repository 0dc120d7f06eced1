"""Clocks that are wrong: some ways once, and the defect that must be noticed. `make faults` runs all of them."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from faults import clocks
from faults.api import Outcome, Scene

WAYS = {wrong.what: wrong for wrong in clocks.WAYS}


@pytest.mark.parametrize("what", ["killed before the time was known", "an hour ahead for a while"])
def test_a_day_with_a_wrong_clock_is_told_as_with_a_right_one(tmp_path: Path, what: str) -> None:
    outcome = Outcome()
    asyncio.run(clocks._as_ever(tmp_path, random.Random(5), outcome, wrong=WAYS[what]))
    assert outcome.applied == {what: 1}
    assert outcome.misses == []
    assert outcome.stored == outcome.offered > 10
    assert outcome.wrong == outcome.lost == 0


def test_whoever_was_there_before_the_machine_slept_did_not_leave(tmp_path: Path) -> None:
    outcome = Outcome()
    asyncio.run(clocks._sleeps(tmp_path, random.Random(5), outcome))
    assert outcome.applied
    assert outcome.misses == []


def test_events_that_always_say_ntp_are_found_out(tmp_path: Path) -> None:
    outcome = clocks.clocks(Scene(tmp_path, 1, 1, True))
    assert outcome.failed
    assert any("at a wrong date" in miss for miss in outcome.misses)
