"""What the archive's tests share: a small office of two gateways, and events that its gateways may say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gateway.config.model import Office
from gateway.contract.envelope import ClockQuality, Encoded, Envelope, Origin, decode, encode
from rules.api import SECOND, Event

T0 = 1_795_484_700 * SECOND
"""A quarter hour begins."""
DESK, OTHER_DESK = "ikn/kk2/l05/timur/d-001", "ikn/kk2/l06/barat/d-101"
HOME = {"gw-1": "ikn/kk2/l05/_/_", "gw-2": "ikn/kk2/l06/_/_"}
BOOT = "000001-abcd"
PERSON, ANOTHER = "p-00000000000000a1", "p-00000000000000b2"
VISIT = "5b0c5c8e-1111-5222-8333-444455556666"


def office(folder: Path, port: int = 1883, *, simulated: bool = False, **archive: Any) -> Office:
    """Two floors, one gateway each; gw-1 is the coordinator."""
    floors = [
        {"id": "l05", "owner": "gw-1", "zones": [{"id": "timur", "spaces": [{"id": "d-001"}, {"id": "d-002"}]}]},
        {"id": "l06", "owner": "gw-2", "zones": [{"id": "barat", "spaces": [{"id": "d-101"}]}]},
    ]
    return Office.model_validate(
        {
            "site": "ikn",
            "simulated": simulated,
            "buildings": [{"id": "kk2", "coordinator": "gw-1", "floors": floors}],
            "gateways": [{"id": "gw-1", "place": "kk2/l05"}, {"id": "gw-2", "place": "kk2/l06"}],
            "broker": {"port": port},
            "archive": {"ledger": "ledger.sqlite", **archive},
        },
        context={"base": folder},
    )


def written(
    event: Event, sequence: int, *, gateway: str = "gw-1", boot: str = BOOT, sync: str = "ntp", quality: str = "good"
) -> Encoded:
    """Topic and bytes."""
    origin = Origin(site="ikn", building="kk2", gateway=gateway, boot=boot)
    clock = ClockQuality(sync)
    return encode(event, origin, sequence=sequence, recorded_at=event.at + 5_000_000, quality=quality, clock=clock)


def envelope(event: Event, sequence: int, **how: Any) -> Envelope:
    return decode(written(event, sequence, **how).body)


def changed(state: str = "occupied", at: int = T0, place: str = DESK) -> Event:
    cause = "sensor_stale" if state == "unknown" else None
    data = {"state": state, "prev": "vacant", "cause": cause, "since": at, "confidence": 0.9, "evidence": []}
    return Event("occupancy.changed", place, at, data)


def counted(people: int | None, at: int = T0, place: str = "ikn/kk2/l05/timur/_") -> Event:
    return Event("occupancy.counted", place, at, {"occupancy": people, "method": "desks", "confidence": 1.0})


def checkin(at: int = T0, person: str = "", place: str = DESK) -> Event:
    data = {"checkin_id": VISIT, "method": "badge"}
    return Event("desk.checkin.started", place, at, data, "who" if person else "evt", person, "_")


def erasure(person: str, at: int = T0) -> Event:
    data = {"target_id": person, "field": "person", "actor_role": "authority"}
    return Event("privacy.erased", "ikn/kk2/_/_/_", at, data, "who", person, "_")


def corrected(boot: str, offset_ms: float, at: int = T0, gateway: str = "gw-1") -> Event:
    return Event("gateway.clock_corrected", HOME[gateway], at, {"boot": boot, "offset_ms": offset_ms})
