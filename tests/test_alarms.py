"""A status with nothing wrong has no alarm, and each thing that is wrong has one with its next step."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.alarms import alarms

WELL: dict[str, Any] = {
    "stalled": "",
    "set_aside": [],
    "link": {"connected": True, "reason": ""},
    "archive_silent_s": 0.0,
    "broker_refuses": {},
    "forwarding": {"count": 2, "oldest_s": 1.5},
    "clock": {"sync": "ntp", "problem": ""},
    "sources": {},
    "people_problem": "",
    "down": [],
}


def test_a_gateway_that_is_well_has_none() -> None:
    assert alarms(WELL) == []
    assert alarms(WELL | {"forwarding": {"count": 0, "oldest_s": None}}) == []


@pytest.mark.parametrize(
    ("wrong", "name", "says"),
    [
        ({"stalled": "the disk is full"}, "outbox_stalled", "the disk is full"),
        ({"set_aside": ["corrupt: it is kept"]}, "outbox_damaged", "corrupt"),
        ({"link": {"connected": False, "reason": "refused"}}, "broker_lost", "refused"),
        ({"archive_silent_s": 7.0}, "archive_silent", "for 7 s"),
        ({"broker_refuses": {"hadir/v1/x": "Not authorized"}}, "broker_refuses", "Not authorized"),
        ({"forwarding": {"count": 3, "oldest_s": 75.0}}, "forward_stuck", "3 readings for other gateways"),
        ({"clock": {"sync": "none", "problem": ""}}, "clock_unknown", "not known"),
        ({"sources": {"door": "unplugged"}}, "source_down", "unplugged"),
        ({"people_problem": "no table"}, "people_unknown", "no table"),
        ({"down": ["gw-02"]}, "gateway_down", "not heard"),
    ],
)
def test_each_thing_has_its_own(wrong: dict[str, Any], name: str, says: str) -> None:
    (found,) = alarms(WELL | wrong)
    assert found.name == name
    assert says in found.why
    assert found.do


def test_without_a_broker_nobody_is_blamed_for_what_waits() -> None:
    cut = {"link": {"connected": False, "reason": "refused"}, "forwarding": {"count": 3, "oldest_s": 75.0}}
    assert [found.name for found in alarms(WELL | cut)] == ["broker_lost"]
