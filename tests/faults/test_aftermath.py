"""The check behind every fault finds what it is for."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults import aftermath
from faults.api import Outcome
from gateway.contract.envelope import Envelope
from gateway.ledger import Ledger
from tests.archive.events import make

DESK = "ikn/kk2/l1/north/d-1"
STARTED = make(1, "gateway.started", gateway="gw-01", place="ikn/kk2/l1/_/_", version="0.1.0")
TAKEN = make(2, "desk.checkin.started", gateway="gw-01", place=DESK)
LOST = make(3, "gateway.gap", gateway="gw-01", place="ikn/kk2/l1/_/_", corrects="000001-aaaa", first=1, last=1, lost=1)


@pytest.mark.parametrize(
    ("events", "lives", "says"),
    [
        ([STARTED, TAKEN], {DESK: "taken"}, ""),
        ([STARTED, TAKEN], {DESK: "free"}, "shown otherwise than they are stored"),
        ([STARTED, TAKEN], {}, "shown otherwise than they are stored"),
        ([TAKEN], {DESK: "away"}, "never said that they began"),
        ([STARTED, TAKEN, LOST], {DESK: "taken"}, "lost events were declared"),
    ],
)
def test_what_is_shown_must_be_what_is_stored(
    tmp_path: Path, events: list[Envelope], lives: dict[str, str], says: str
) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    ledger.commit(events)
    ledger.close()
    outcome = Outcome()
    aftermath.recorded(tmp_path / "ledger.sqlite", lives, outcome)
    assert [says in miss for miss in outcome.misses] == ([True] if says else [])
