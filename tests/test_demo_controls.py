"""The demo with a rule that is wrong on purpose: its account must fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import few
from tests.run_demo import demo


@pytest.mark.timeout(150)
@pytest.mark.parametrize(
    ("control", "seconds"),
    few(
        [
            ("always_unknown", 3),
            ("hold_of_an_hour", 9),  # by then many have left their desks: test_people.py counts them
            ("always_occupied", 3),
        ],
        0,
    ),
)
def test_a_wrong_rule_fails_the_run(tmp_path: Path, control: str, seconds: int) -> None:
    status, result, errors = demo(tmp_path / "demo", seconds, "--control", control)
    assert status == 1, f"{result} {errors}"
    if control == "always_unknown":
        assert "unknown_share" in result["failures"]
        assert result["unknown_share"]["share"] == 1
    else:
        assert "desk_states_wrong" in result["failures"]
        assert any("aspect='occupancy', truth='vacant'" in detail for detail in result["details"])
    assert result["lost"] == 0
