"""What somebody does in the demo's browser is no mistake of hadir: the simulator knows nothing of it.

A desk that was taken or left by hand is not held against the simulator's ledger from then on, nor before: the account
says how many such desks there were.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from firmware_sim.story import Story

BY_ITSELF = ("badge", "seat", "tag")
"""Methods of check-ins that need no hand in a browser."""


def touched(events: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Desks that a command changed, and those that a command elsewhere freed."""
    found, moments, moved = set(), set(), []
    for event in events:
        data = event["data"]
        match event["type"]:
            case "hadir.desk.checkin.started.v1" if data.get("method") not in BY_ITSELF:
                found.add(str(event["subject"]))
                moments.add(event["time"])
            case "hadir.desk.checkin.ended.v1" if data.get("reason") == "moved":
                moved.append(event)
            case "hadir.desk.checkin.ended.v1" if data.get("reason") in (
                "user",
                "operator",
                "correction",
            ) and not _by_card(data):
                found.add(str(event["subject"]))
            case "hadir.desk.reservation.created.v1":
                found.add(str(event["subject"]))
            case _:
                pass
    return frozenset(found | {str(event["subject"]) for event in moved if event["time"] in moments})


def without(story: Story, places: frozenset[str]) -> Story:
    """The same story with nothing in it about these desks."""
    return replace(
        story,
        places={place: told for place, told in story.places.items() if place not in places},
        taps=[tap for tap in story.taps if tap.place not in places],
    )


def _by_card(data: Mapping[str, Any]) -> bool:
    evidence: Sequence[Mapping[str, Any]] = data.get("evidence") or ()
    return any("dev" in item for item in evidence)
