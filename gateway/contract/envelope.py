"""The envelope: structured CloudEvents 1.0 JSON, written once in the outbox and repeated byte for byte ever after."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gateway.clock import parse_rfc3339, rfc3339
from gateway.contract import topics
from gateway.errors import PermanentError
from rules.api import Event, event_id

MAX_EVENT = 8 * 1024
MAX_BATCH = 64 * 1024
MAX_IN_BATCH = 100
MAX_DEPTH = 16
TYPE_PREFIX = "hadir."
MAJOR = "v1"
MINOR = "1.0"
CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
BATCH_CONTENT_TYPE = "application/cloudevents-batch+json; charset=utf-8"
CLASSIFICATION = {"evt": "internal", "who": "restricted", "sense": "restricted"}
TIMES = frozenset({"since", "last_evidence", "due", "start", "from", "to"})
"""Fields of `data` that are times: ns inside, RFC 3339 on the wire."""
_SOURCE = re.compile(r"^/([a-z0-9-]{1,32})/gw/([a-z0-9-]{1,32})/(\d{6}-[0-9a-f]{4})$")


class ClockQuality(NamedTuple):
    """How good the gateway's clock was."""

    sync: str = "ntp"
    """ntp, rtc, none."""
    err_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where events come from: one boot of one gateway."""

    site: str
    building: str
    gateway: str
    boot: str
    source: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "source", f"/{self.site}/gw/{self.gateway}/{self.boot}")


class Encoded(NamedTuple):
    """Ready to be stored and published."""

    topic: str
    body: bytes


class Envelope(NamedTuple):
    """One event, as a subscriber reads it."""

    id: str
    type: str
    """Without prefix and version: `occupancy.changed`."""
    source: str
    site: str
    gateway: str
    boot: str
    sequence: int
    subject: str
    time: int
    recorded: int
    data: Mapping[str, Any]
    person: str
    unit: str
    cls: str
    raw: bytes
    """This event's own bytes."""


_dumps = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def topic_of(event: Event, origin: Origin) -> str:
    """The live topic of an event. Raises PermanentError."""
    match event.cls:
        case "evt":
            return topics.evt(event.place, event.type)
        case "who":
            return topics.who(origin.site, event.unit, origin.gateway, event.type)
        case "sense":
            return topics.sense(origin.site, origin.building, origin.gateway, event.type)
        case _:
            raise PermanentError("invalid", f"class {event.cls!r}")


def encode(
    event: Event,
    origin: Origin,
    *,
    sequence: int,
    recorded_at: int,
    rule: str = "",
    quality: str = "good",
    clock: ClockQuality = ClockQuality(),  # noqa: B008 a constant: a tuple cannot be changed
) -> Encoded:
    """Topic and bytes of one event. Raises PermanentError for what the contract does not allow."""
    topic = topic_of(event, origin)
    topics.place(event.place)
    number = f"{sequence:012d}"
    data: dict[str, Any] = {
        key: rfc3339(value) if key in TIMES and isinstance(value, int) else value for key, value in event.data.items()
    }
    if event.person and event.cls != "evt":
        data["pid"] = event.person
        data.setdefault("unit", event.unit)
    data.setdefault("quality", quality)
    if rule:
        data["rule"] = rule
    data["clock"] = {"sync": clock.sync} if clock.err_ms is None else {"sync": clock.sync, "err_ms": clock.err_ms}
    envelope: dict[str, Any] = {
        "specversion": "1.0",
        "type": f"{TYPE_PREFIX}{event.type}.{MAJOR}",
        "source": origin.source,
        "id": event_id(origin.source, number),
        "sequence": number,
        "subject": event.place,
        "time": rfc3339(event.at),
        "recordedtime": rfc3339(recorded_at),
        "datacontenttype": "application/json",
        "dataschema": f"urn:hadir:schema:{event.type}:{MINOR}",
        "dataclassification": CLASSIFICATION[event.cls],
        "data": data,
    }
    if event.correlation:
        envelope["correlation"] = event.correlation
    try:
        body = _dumps(envelope).encode()
    except (TypeError, ValueError) as error:
        raise PermanentError("invalid", f"{event.type}: {error}") from error
    if len(body) > MAX_EVENT:
        raise PermanentError("too_big", f"{event.type} has {len(body)} bytes")
    return Encoded(topic, body)


def decode(payload: bytes) -> Envelope:
    """One event. Raises PermanentError: too_big, too_deep, not_json, invalid."""
    if len(payload) > MAX_EVENT:
        raise PermanentError("too_big", f"{len(payload)} bytes")
    return _envelope(read_json(payload), payload)


def decode_batch(payload: bytes) -> list[Envelope | PermanentError]:
    """The events of a CloudEvents JSON batch; a bad one does not lose the others. Raises PermanentError."""
    if len(payload) > MAX_BATCH:
        raise PermanentError("too_big", f"{len(payload)} bytes")
    batch = read_json(payload)
    if not isinstance(batch, list) or len(batch) > MAX_IN_BATCH:
        raise PermanentError("invalid", f"not a batch of at most {MAX_IN_BATCH} events")
    out: list[Envelope | PermanentError] = []
    for item in batch:
        try:
            raw = _dumps(item).encode()
            if len(raw) > MAX_EVENT:
                raise PermanentError("too_big", f"{len(raw)} bytes")
            out.append(_envelope(item, raw))
        except PermanentError as error:
            out.append(error)
    return out


def read_json(payload: bytes) -> Any:
    """JSON with limits checked before it is parsed. Raises PermanentError."""
    depth = 0
    in_string = escaped = False
    for byte in payload:
        if in_string:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                in_string = False
        elif byte == 0x22:
            in_string = True
        elif byte in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise PermanentError("too_deep", f"more than {MAX_DEPTH} levels")
        elif byte in b"]}":
            depth -= 1
    try:
        return json.loads(payload, parse_constant=_no_constant, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise PermanentError("not_json", str(error)[:100]) from error


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key is given twice")
    return made


def _envelope(item: Any, raw: bytes) -> Envelope:
    if not isinstance(item, dict):
        raise PermanentError("invalid", "not an object")
    try:
        source = item["source"]
        found = _SOURCE.match(source)
        kind = item["type"]
        if found is None or item["specversion"] != "1.0":
            raise PermanentError("invalid", "not an event of a gateway")
        if not kind.startswith(TYPE_PREFIX) or not kind.endswith(f".{MAJOR}"):
            raise PermanentError("invalid", "not a type of hadir, version 1")
        number = item["sequence"]
        if not (isinstance(number, str) and len(number) == 12 and number.isdecimal()):
            raise PermanentError("invalid", "sequence is not 12 digits")
        if item["id"] != event_id(source, number):
            raise PermanentError("invalid", "id does not belong to source and sequence")
        data = item["data"]
        if not isinstance(data, dict):
            raise PermanentError("invalid", "data is not an object")
        person = data.get("pid", "")
        unit = data.get("unit") or "_"
        if not isinstance(person, str) or not isinstance(unit, str):
            raise PermanentError("invalid", "pid or unit is not text")
        return Envelope(
            id=item["id"],
            type=kind[len(TYPE_PREFIX) : -len(MAJOR) - 1],
            source=source,
            site=found[1],
            gateway=found[2],
            boot=found[3],
            sequence=int(number),
            subject=topics.place(item["subject"]),
            time=parse_rfc3339(item["time"]),
            recorded=parse_rfc3339(item["recordedtime"]),
            data=data,
            person=person,
            unit=unit,
            cls=_class(kind, person),
            raw=raw,
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise PermanentError("invalid", f"{type(error).__name__}: {error}"[:100]) from error


def _class(kind: str, person: str) -> str:
    if not person:
        return "evt"
    return "sense" if kind.startswith(f"{TYPE_PREFIX}presence.") and ".corrected." not in kind else "who"
