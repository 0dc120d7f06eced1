"""Who may say what about which place."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.owners import Owners
from tests.archive.events import make_office

L1, L2 = "ikn/kk2/l1", "ikn/kk2/l2"


@pytest.mark.parametrize(
    ("cls", "kind", "subject", "gateway", "reason"),
    [
        ("evt", "occupancy.changed", f"{L1}/north/d-1", "gw-1", ""),
        ("evt", "occupancy.changed", f"{L1}/north/d-1", "gw-2", "not_owner"),
        ("evt", "occupancy.changed", f"{L2}/north/d-1", "gw-1", "not_owner"),  # the coordinator decides no desk
        ("who", "desk.checkin.started", f"{L2}/north/d-1", "gw-2", ""),
        ("evt", "occupancy.counted", f"{L2}/north/_", "gw-2", ""),
        ("evt", "occupancy.counted", f"{L2}/north/_", "gw-1", ""),  # a zone is also the coordinator's
        ("evt", "occupancy.counted", f"{L1}/north/_", "gw-2", "not_owner"),
        ("evt", "badge.rejected", f"{L2}/north/d-1", "gw-1", ""),
        ("sense", "presence.moved", f"{L2}/north/_", "gw-1", ""),
        ("sense", "presence.moved", f"{L2}/north/_", "gw-2", "not_coordinator"),
        ("who", "workplace.checkin.started", f"{L2}/north/_", "gw-2", "not_coordinator"),
        ("evt", "gateway.started", f"{L2}/_/_", "gw-2", ""),
        ("evt", "gateway.started", f"{L2}/_/_", "gw-1", "not_owner"),
        ("evt", "device.offline", f"{L1}/north/d-1", "gw-1", "not_owner"),  # told at the gateway's own place
        ("evt", "occupancy.changed", f"{L1}/north/d-99", "gw-1", ""),  # a place that left the plan is its floor's
        ("evt", "occupancy.changed", "ikn/kk9/l1/north/d-1", "gw-1", "not_owner"),
        ("sense", "presence.moved", "ikn/kk9/_/_/_", "gw-1", "not_coordinator"),
        ("who", "privacy.erased", "ikn/kk2/_/_/_", "gw-2", ""),
    ],
)
def test_a_gateway_says_only_what_it_decides(
    tmp_path: Path, cls: str, kind: str, subject: str, gateway: str, reason: str
) -> None:
    assert Owners(make_office(tmp_path)).refusal(cls, kind, subject, gateway) == reason
