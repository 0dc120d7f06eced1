"""The power suite, small: what is promised is there after a cut, and a database that does not sync is found out."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.api import Scene
from faults.power import power_cut
from faults.powercut import Note, survivors


def test_nothing_promised_is_lost_when_the_power_is_cut(tmp_path: Path) -> None:
    outcome = power_cut(Scene(tmp_path, 1, 60, False))
    assert outcome.cycles >= 60
    assert (outcome.lost, outcome.misses) == (0, [])


@pytest.mark.parametrize(("folder_synced", "there"), [(True, {"a": b"old"}), (False, {})])
def test_a_name_is_durable_when_its_folder_is(folder_synced: bool, there: dict[str, bytes]) -> None:
    notes = [Note("create", "a"), Note("write", "a", 0, b"old"), Note("sync", "a")]
    if folder_synced:
        notes.append(Note("folder", ""))
    notes += [Note("create", "a.new"), Note("write", "a.new", 0, b"new"), Note("rename", "a.new", 0, b"a")]
    assert survivors(notes) == there
