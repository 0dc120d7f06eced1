"""An office and what its gateways tell, as the archive reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gateway.config.model import Office
from gateway.contract.envelope import ClockQuality, Encoded, Envelope, Origin, decode, encode
from rules.api import SECOND, Event

START = 1_790_002_800 * SECOND
"""A full quarter hour: 2026-09-21T15:00:00Z."""
DESKS = ("d-1", "d-2", "d-3")
PID = "p-00000000000000a1"
BOOT = "000001-aaaa"


def make_office(folder: Path, port: int = 1883, **archive: Any) -> Office:
    """Two floors, a gateway each; gw-1 is the coordinator."""

    def floor(name: str, owner: str) -> dict[str, Any]:
        zone = {"id": "north", "spaces": [{"id": desk} for desk in DESKS]}
        return {"id": name, "owner": owner, "zones": [zone]}

    return Office.model_validate(
        {
            "site": "ikn",
            "buildings": [{"id": "kk2", "coordinator": "gw-1", "floors": [floor("l1", "gw-1"), floor("l2", "gw-2")]}],
            "gateways": [{"id": "gw-1", "place": "kk2/l1"}, {"id": "gw-2", "place": "kk2/l2"}],
            "broker": {"port": port},
            "archive": {"ledger": "ledger.sqlite", **archive},
        },
        context={"base": folder},
    )


def origin(gateway: str = "gw-1", boot: str = BOOT) -> Origin:
    return Origin(site="ikn", building="kk2", gateway=gateway, boot=boot)


def tell(
    number: int,
    kind: str = "occupancy.changed",
    *,
    gateway: str = "gw-1",
    boot: str = BOOT,
    place: str = "",
    at: float | None = None,
    person: str = "",
    cls: str = "",
    sync: str = "ntp",
    quality: str = "good",
    **data: Any,
) -> Encoded:
    """Topic and bytes of an event; `at`: seconds after START."""
    floor = "l1" if gateway == "gw-1" else "l2"
    when = START + int((number if at is None else at) * SECOND)
    if kind.startswith("gateway."):
        place = place or f"ikn/kk2/{floor}/_/_"
        if "corrects" in data:
            data["boot"] = data.pop("corrects")
    elif kind == "occupancy.changed":
        data = {"state": "occupied", "prev": "vacant", "cause": None, "since": when, "confidence": 0.9, **data}
    elif kind == "presence.started":
        data = {"visit_id": "8567dff2-fd7f-5cc9-a0ca-922e8b2ce0ca", "state": "present", **data}
        cls, person = cls or "sense", person or PID
    elif kind == "desk.checkin.started":
        data = {"checkin_id": "8567dff2-fd7f-5cc9-a0ca-922e8b2ce0ca", "method": "badge", **data}
    event = Event(kind, place or f"ikn/kk2/{floor}/north/d-1", when, data, cls or "evt", person)
    return encode(
        event, origin(gateway, boot), sequence=number, recorded_at=when, quality=quality, clock=ClockQuality(sync)
    )


def make(number: int, kind: str = "occupancy.changed", **what: Any) -> Envelope:
    """The same, read."""
    return decode(tell(number, kind, **what).body)
