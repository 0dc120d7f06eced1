"""What a time-series store is told of an event: pure, the same points each time.

space_state   occupied 0/1 (absent while unknown), state 0 vacant, 1 occupied, 2 unknown, confidence, seq
checkin       started 1 or ended 1 with dwell_s and inferred 0/1, seq
zone_people   people, entries, exits (each absent while unknown, and below five), known 0/1, capacity, confidence, seq
gw_health     up 0/1, lost, backlog, backlog_bytes, clock_offset_ms
dev_health    online 0/1, battery
No person and no unique id is ever a tag. A field has one type for ever: whole numbers, or floats.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gateway.ledger_view import Stored
from gateway.stores.base import Point, Tags

MS = 1_000_000
PLACE_TAGS = ("site", "building", "floor", "zone", "space")
STATES = {"vacant": 0, "occupied": 1}
UNKNOWN = 2
FEWEST = 5
"""Fewer people than this are not told: where `known` is 1 and `people` is absent, there are fewer, or none."""
Fields = tuple[tuple[str, float | int], ...]
Kind = Callable[[str], str]
"""Kind of a place: desk, room, booth, zone, other."""


def points_of(row: Stored, data: Mapping[str, Any], kind: Kind) -> Point | None:
    """The point of a row that stands in time; None for types that stores are not told of."""
    teller = _TELLERS.get(row.type)
    if teller is None or row.at is None or row.cls != "evt":
        return None
    measurement, tags, fields = teller(row, data, kind)
    return Point(measurement, tags, fields, stamp(row.at, row.sequence))


def stamp(at: int, sequence: int) -> int:
    """An event's time for its point: its millisecond, and the sequence modulo 10^6 in the digits below."""
    return at // MS * MS + sequence % MS


def place_tags(place: str, kind: str) -> Tags:
    """Tags of a place of five levels."""
    return (*zip(PLACE_TAGS, place.split("/"), strict=True), ("kind", kind))


def siblings(kind: str) -> tuple[str, ...]:
    """All types whose points share series with those of this type."""
    measurement = _MEASUREMENT.get(kind)
    return tuple(other for other, name in _MEASUREMENT.items() if name == measurement)


_Told = tuple[str, Tags, Fields]


def _state(row: Stored, data: Mapping[str, Any], kind: Kind) -> _Told:
    state = STATES.get(data["state"], UNKNOWN)
    fields: Fields = (("state", state), ("confidence", float(data["confidence"])), ("seq", row.sequence))
    known: Fields = () if state == UNKNOWN else (("occupied", state),)
    return "space_state", place_tags(row.subject, kind(row.subject)), (*known, *fields)


def _checkin(row: Stored, data: Mapping[str, Any], kind: Kind) -> _Told:
    tags = (*place_tags(row.subject, kind(row.subject)), ("method", _word(data["method"])))
    if row.type.endswith(".started"):
        return "checkin", tags, (("started", 1), ("seq", row.sequence))
    dwell, inferred = float(data["dwell_s"]), int(data["ended_by"] != "act")
    return "checkin", tags, (("ended", 1), ("dwell_s", dwell), ("inferred", inferred), ("seq", row.sequence))


def _people(row: Stored, data: Mapping[str, Any], kind: Kind) -> _Told:
    counts = (("people", "occupancy"), ("entries", "entries"), ("exits", "exits"))
    fields = [(name, count) for name, key in counts if (count := int(data.get(key) or 0)) >= FEWEST]
    if data.get("capacity") is not None:
        fields.append(("capacity", int(data["capacity"])))
    known = int(data.get("cause") is None)  # below five it is known, and not told
    told: Fields = (*fields, ("known", known), ("confidence", float(data["confidence"])), ("seq", row.sequence))
    return "zone_people", place_tags(row.subject, kind(row.subject)), told


def _gateway(row: Stored, data: Mapping[str, Any], _kind: Kind) -> _Told:
    site, building, *_ = row.subject.split("/")
    tags = (("site", site), ("building", building), ("gateway", row.gateway))
    fields: Fields
    match row.type:
        case "gateway.gap":
            fields = (("lost", int(data["lost"])),)
        case "gateway.outbox_high":
            fields = (("backlog", int(data["count"])), ("backlog_bytes", int(data["bytes"])))
        case "gateway.clock_stepped":
            fields = (("clock_offset_ms", float(data["offset_ms"])),)
        case _:
            fields = (("up", int(row.type == "gateway.started")),)
    return "gw_health", tags, fields


def _device(row: Stored, data: Mapping[str, Any], _kind: Kind) -> _Told:
    site, building, *_ = row.subject.split("/")
    tags = (("site", site), ("building", building), ("gateway", row.gateway), ("dev", str(data["dev"])))
    if row.type == "device.battery_low":
        return "dev_health", tags, (("battery", float(data["battery"])),)
    return "dev_health", tags, (("online", int(row.type == "device.online")),)


def _word(text: str) -> str:
    return text if text in _METHODS else "unknown"


_METHODS = frozenset({"badge", "qr", "nfc", "web", "kiosk", "operator", "tag"})
_TELLERS: Mapping[str, Callable[[Stored, Mapping[str, Any], Kind], _Told]] = {
    "occupancy.changed": _state,
    "occupancy.counted": _people,
    "desk.checkin.started": _checkin,
    "desk.checkin.ended": _checkin,
    "gateway.started": _gateway,
    "gateway.stopped": _gateway,
    "gateway.gap": _gateway,
    "gateway.outbox_high": _gateway,
    "gateway.clock_stepped": _gateway,
    "device.online": _device,
    "device.offline": _device,
    "device.battery_low": _device,
}
_MEASUREMENT = {
    kind: ".".join(kind.split(".")[:2]) if kind.startswith(("occupancy.", "desk.")) else kind.split(".")[0]
    for kind in _TELLERS
}
"""Groups of types that share series."""
