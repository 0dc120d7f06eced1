"""`hadir why` prints what an act, an end and a count rest on, and what spoke against them."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules.api import Event
from tests.test_why import DAY, DESK, RADAR, ZONE, Site, at, changed, checkin


def test_an_end_tells_its_evidence_and_what_spoke_against_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = Site(tmp_path / "site", capsys)
    vacant = {**RADAR, "dev": "d-001", "modality": "occupancy", "value": False, "age_s": 3600.0}
    lost = {"state": "occupied", "weight": 0.35}
    ended = checkin("11:30", "ended", reason="auto_release", evidence=[vacant], challenger=lost)
    site.tell(
        *checkin("09:00", "started", challenger={"state": "vacant", "weight": 0.95}),
        changed("10:00", "vacant", "occupied"),
        changed("10:20", "occupied", "vacant"),
        changed("10:20:15", "vacant", "occupied"),
        *ended,
    )
    text = site.why(DESK, f"{DAY} 10:30")[1]
    assert "  lost: vacant, weight 0.95" in text
    assert "it is released at 11:00:15" in text, "a ghost pauses the grace"
    text = site.why(DESK, f"{DAY} 11:31")[1]
    assert "    evidence: d-001 (occupancy) occupied: no, weight 0.92, 3600 s old when it was decided" in text
    assert "    lost: occupied, weight 0.35" in text


def test_a_count_tells_the_count_that_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = Site(tmp_path / "site", capsys)
    data = {"occupancy": 9, "method": "places", "confidence": 0.9, "cause": None, "evidence": []}
    lost = {"method": "tags", "occupancy": 6, "weight": 0.7}
    site.tell(Event("occupancy.counted", ZONE, at("09:00"), {**data, "challenger": lost}))
    assert "  lost: 6 people, by tags, weight 0.7" in site.why("timur", f"{DAY} 09:15")[1]
