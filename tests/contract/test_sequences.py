"""Golden sequences: messages in, the state that every subscriber must end in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.contract.subscriber import Subscriber
from gateway.contract.times import parsed

SEQUENCES = sorted((Path(__file__).parent / "golden" / "sequences").glob("*.json"))


def run(sequence: dict[str, Any]) -> dict[str, Any]:
    subscriber = Subscriber()
    for message in sequence["messages"]:
        payload = message["payload"]
        subscriber.take(message["topic"], json.dumps(payload).encode() if payload != "" else b"")
    return {"refused": subscriber.refused, **subscriber.view(parsed(sequence["now"]))}


@pytest.mark.parametrize("path", SEQUENCES, ids=lambda path: path.stem)
def test_a_subscriber_ends_in_this_state(path: Path) -> None:
    sequence = json.loads(path.read_text())
    assert run(sequence) == sequence["ends"]


def test_the_hard_cases_are_all_there() -> None:
    assert {path.stem for path in SEQUENCES} == {
        "box-replaced",
        "box-returned",
        "clock-corrected",
        "correction",
        "duplicate",
        "erasure",
        "history",
        "reorder",
        "two-coordinators",
        "unknown",
    }


@pytest.mark.parametrize("path", SEQUENCES, ids=lambda path: path.stem)
def test_all_over_again_changes_nothing(path: Path) -> None:
    """Delivery is at least once: a broker may give everything a second time."""
    sequence = json.loads(path.read_text())
    once = run(sequence)
    twice = run(sequence | {"messages": sequence["messages"] * 2})
    assert once | {"refused": 0} == twice | {"refused": 0}


@pytest.mark.parametrize("path", SEQUENCES, ids=lambda path: path.stem)
def test_events_may_arrive_in_any_order(path: Path) -> None:
    """Retained messages replace each other in the broker's order; events need none."""
    sequence = json.loads(path.read_text())
    retained = [m for m in sequence["messages"] if "/state/" in m["topic"] or "/status" in m["topic"]]
    others = [m for m in sequence["messages"] if m not in retained]
    ends = run(sequence)

    @settings(max_examples=25, deadline=None)
    @given(st.permutations(others))
    def law(shuffled: list[dict[str, Any]]) -> None:
        assert run(sequence | {"messages": shuffled + retained}) == ends

    law()
