"""The demo as a whole: real processes, a real broker, real protocols. Nothing is lost, and wrong rules are caught."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HEAD_S = 9
SPEED = 30
"""Tests run beside each other on a small machine: the gateways get more time before the office opens, and the office's
tolerances (35 s of a radar) last longer in machine time."""


def demo(folder: Path, seconds: int, *extra: str) -> tuple[int, dict[str, Any], str]:
    """(exit status, the JSON object, standard error)."""
    command = [sys.executable, "-m", "gateway.cli", "demo", "--json", "--seconds", str(seconds), "--head", str(HEAD_S)]
    command += ["--speed", str(SPEED)]
    done = subprocess.run(
        [*command, "--folder", str(folder), *extra], capture_output=True, text=True, timeout=120, check=False
    )
    lines = done.stdout.strip().splitlines()
    return done.returncode, json.loads(lines[-1]) if lines else {}, done.stderr


@pytest.mark.timeout(150)
def test_nothing_is_lost_unanswered_duplicated_or_wrong(tmp_path: Path) -> None:
    status, result, errors = demo(tmp_path / "demo", 10)
    assert status == 0, (result, errors)
    assert (result["lost"], result["unanswered"], result["duplicated"], result["desk_states_wrong"]) == (0, 0, 0, 0)
    assert result["stored"] == result["events"] > 100
    assert result["taps"] > 10
    assert result["unknown_share"]["share"] <= result["unknown_share"]["explained"] + 0.01


@pytest.mark.timeout(150)
def test_without_a_bus_tags_come_by_the_replay_source(tmp_path: Path) -> None:
    status, result, errors = demo(tmp_path / "demo", 4, "--no-ble", "--seed", "2")
    assert status == 0, (result, errors)
    assert result["ble"].startswith("replay source")
    assert result["lost"] == 0


@pytest.mark.timeout(150)
@pytest.mark.parametrize("control", ["always_unknown", "always_occupied", "hold_of_an_hour"])
def test_a_wrong_rule_fails_the_run(tmp_path: Path, control: str) -> None:
    status, result, errors = demo(tmp_path / "demo", 6, "--control", control)
    assert status == 1, (result, errors)
    expected = "unknown_share" if control == "always_unknown" else "desk_states_wrong"
    assert expected in result["failures"]
    assert result["lost"] == 0
