"""The verdicts on lines and radios: whatever is wrong in a store is seen."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from faults import radio, usb
from faults.api import Outcome
from faults.book import Action, Book
from faults.floor import ZONE
from faults.plugs import Plug
from faults.usb import ACTS, Kept

PEOPLE = ["p-0", "p-1"]
AT = 1_795_484_700_000_000_000
SECOND = 1_000_000_000


def act(sequence: int, card: int, at: int, kind: str = ACTS[0], cls: str = "evt", **more: Any) -> SimpleNamespace:
    data = {"evidence": [{"dev": f"reader-{card}"}]}
    row = {
        "id": sequence,
        "gateway": "gw-01",
        "boot": "000001-00ff",
        "sequence": sequence,
        "type": kind,
        "cls": cls,
        "subject": f"{ZONE}/d-00{card}",
        "time": at,
        "pid": PEOPLE[card] if cls == "who" else "",
        "body": json.dumps({"data": data}),
    }
    return SimpleNamespace(**row | more)


GOOD = [act(1, 0, AT), act(2, 0, AT, cls="who"), act(3, 1, AT + SECOND), act(4, 1, AT + SECOND, cls="who")]


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        (GOOD, (2, 0, 0, 0)),
        (GOOD[:2], (1, 1, 0, 0)),
        ([*GOOD[:3], act(4, 1, AT + SECOND, cls="who", pid="p-0")], (2, 0, 0, 1)),
        ([act(1, 0, AT, body=act(0, 1, AT).body), *GOOD[1:]], (2, 0, 0, 1)),
        ([*GOOD, act(5, 0, AT + 60 * SECOND, ACTS[1])], (2, 0, 0, 1)),
        ([*GOOD, act(5, 0, AT + SECOND // 2, ACTS[1])], (2, 0, 1, 0)),
        ([*GOOD, act(4, 1, AT + SECOND, "other", "evt")], (1, 1, 1, 0)),
    ],
    ids=["right", "lost", "another person", "another reader", "nobody tapped", "twice", "a number twice"],
)
def test_taps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: Sequence[Any], found: tuple[int, int, int, int]
) -> None:
    monkeypatch.setattr(usb.ledger, "read", lambda _store: iter(rows))
    book, outcome = Book(tmp_path / "book"), Outcome()
    actions = [Action(1, 0, AT), Action(2, 1, AT + SECOND)]
    book.offer(actions)
    book.accept(actions)
    book.close()
    kept = {1: Kept(GOOD[0].subject, "000001-00ff", 1), 2: Kept(GOOD[2].subject, "000001-00ff", 4)}
    usb.judge(outcome, tmp_path / "book", tmp_path, PEOPLE, kept, {1, 2})
    assert (outcome.stored, outcome.lost, outcome.duplicated, outcome.wrong) == found


@pytest.mark.parametrize(
    ("kind", "said", "lies"),
    [
        ("presence.ended", {"state": "unknown", "cause": "radio_deaf"}, 0),
        ("presence.ended", {"state": "left", "cause": None}, 1),
        ("presence.idle", {"state": "present", "cause": "no_evidence"}, 1),
        ("occupancy.changed", {"state": "vacant", "cause": None}, 1),
        ("occupancy.changed", {"state": "unknown", "cause": "sensor_stale"}, 1),
        ("gateway.started", {"state": "vacant"}, 0),
    ],
)
def test_nobody_has_left_because_a_radio_is_deaf(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, said: dict[str, Any], lies: int
) -> None:
    row = SimpleNamespace(type=kind, body=json.dumps({"data": said}))
    monkeypatch.setattr(radio.ledger, "read", lambda _store: iter([row]))
    assert radio.lies(tmp_path, Outcome()) == lies


def test_a_plug_that_nobody_reads_is_seen_as_such(tmp_path: Path) -> None:
    (tmp_path / "by-id").mkdir()
    plug = Plug(tmp_path / "by-id" / "usb-reader")
    try:
        assert not plug.is_read()
        with plug.name.open("rb", buffering=0) as reading:
            reading.read(100)
            plug.write(b"x")
            reading.read(100)
            assert plug.unread == 0
        old = plug.number
        plug.pull()
        assert not plug.name.exists()
        plug.plug(other_than=old)
        assert plug.name.readlink() == tmp_path / plug.number != tmp_path / old
    finally:
        plug.close()
