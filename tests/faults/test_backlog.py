"""The backlog suite's past and its judge, without the daemons."""

from __future__ import annotations

import asyncio
from pathlib import Path

import apsw
import pytest

from faults import backlog
from faults.api import Outcome
from faults.backlog import Past
from gateway.contract.envelope import Envelope, decode
from gateway.ledger import Ledger

MANY = 250


@pytest.fixture
def past(tmp_path: Path) -> Past:
    (tmp_path / "gw").mkdir()
    return asyncio.run(backlog.fill(tmp_path / "gw", MANY))


def events(folder: Path) -> list[Envelope]:
    """What waits in the outbox."""
    rows = apsw.Connection(str(folder / "gw" / "outbox.sqlite")).execute("SELECT body FROM event ORDER BY sequence")
    return [decode(body) for (body,) in rows]


def judged(folder: Path, past: Past, told: list[Envelope]) -> Outcome:
    ledger, outcome = Ledger(folder / "ledger.sqlite"), Outcome()
    ledger.commit(told)
    ledger.close()
    backlog._judge(folder / "ledger.sqlite", past, outcome)
    return outcome


def test_the_whole_past_is_stored_once(tmp_path: Path, past: Past) -> None:
    outcome = judged(tmp_path, past, events(tmp_path))
    assert (outcome.offered, outcome.stored, outcome.lost, outcome.duplicated, outcome.wrong) == (MANY, MANY, 0, 0, 0)


def test_what_is_missing_is_lost(tmp_path: Path, past: Past) -> None:
    outcome = judged(tmp_path, past, events(tmp_path)[3:])
    assert (outcome.stored, outcome.lost, outcome.wrong) == (MANY - 3, 3, 0)


def test_a_byte_that_differs_is_wrong(tmp_path: Path, past: Past) -> None:
    told = events(tmp_path)
    told[7] = told[7]._replace(raw=told[7].raw.replace(b'"confidence":0.9', b'"confidence":0.8'))
    assert judged(tmp_path, past, told).wrong == 1
