"""Reading an event: limits first, then JSON, then the model, leniently; what is no event is refused.

`gateway.contract.envelope` gives these names on: import them from there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from hashlib import sha1
from typing import Any, NamedTuple

from gateway.contract import topics
from gateway.contract.events import EVENTS, Data
from gateway.contract.fields import BOOT, CORRELATION, PID
from gateway.contract.lenient import read
from gateway.contract.payload import MAX_EVENT, quick_split, read_json, split_batch
from gateway.contract.times import parsed
from gateway.errors import PermanentError
from rules.api import HADIR_NAMESPACE

TIMES = frozenset({"since", "last_evidence", "due", "start", "from", "to", "until", "led_since"})
"""Fields of `data` that are times: ns inside, RFC 3339 on the wire."""
SOURCE = re.compile(rf"/({topics.LEVEL})/gw/({topics.LEVEL})/({BOOT[1:-1]})")
CORRELATED = re.compile(CORRELATION)
_TYPE = re.compile(rf"hadir\.({topics.TYPE})\.v1")
_SEQUENCE, _PID = re.compile(r"[0-9]{12}"), re.compile(PID)


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
    """When it happened, ns."""
    recorded: int
    """When the gateway decided, ns."""
    data: Mapping[str, Any]
    """What the type's model names; times are RFC 3339 text; unknown words are `unknown`. Of a type that this version
    does not know: everything that was sent."""
    person: str
    """pid, or empty."""
    unit: str
    """`_` if none."""
    cls: str
    """evt, who, sense."""
    raw: bytes
    """This event's own bytes, unchanged."""
    correlation: str = ""


@cache
def times_of(model: type[Data]) -> tuple[str, ...]:
    """The fields of a type's data that are times."""
    names = (info.alias or name for name, info in model.model_fields.items())
    return tuple(name for name in names if name in TIMES)


_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
"""The digit that says which variant of UUID this is (RFC 9562, section 4.1)."""


@lru_cache(maxsize=16)
def _hash_of(source: str) -> Any:
    return sha1(HADIR_NAMESPACE.bytes + f"{source}/".encode(), usedforsecurity=False)


def id_of(source: str, number: str) -> str:
    """`rules.api.event_id`, without making a UUID object for each event."""
    made = _hash_of(source).copy()
    made.update(number.encode())
    text = made.hexdigest()
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:32]}"


def decode(payload: bytes) -> Envelope:
    """One event. Raises PermanentError: too_big, too_deep, not_json, invalid."""
    item = read_json(payload, MAX_EVENT)
    if not isinstance(item, dict):
        raise PermanentError("invalid", "an event is a JSON object")
    try:
        return _envelope(item, payload)
    except (KeyError, TypeError) as error:
        raise PermanentError("invalid", f"{type(error).__name__}: {error}"[:100]) from error


def decode_batch(payload: bytes) -> list[Envelope | PermanentError]:
    """The events of a CloudEvents JSON batch, in order; a bad one does not lose the others. Raises PermanentError."""
    return [event for _, event in decode_items(payload)]


def decode_items(payload: bytes) -> list[tuple[bytes, Envelope | PermanentError]]:
    """As `decode_batch`, each with its own bytes."""
    quick = [(raw, _tried(raw)) for raw in quick_split(payload)]
    if quick and all(isinstance(event, Envelope) for _, event in quick):
        return quick
    return [(raw, _tried(raw)) for raw in split_batch(payload)]


def _tried(raw: bytes) -> Envelope | PermanentError:
    try:
        return decode(raw)
    except PermanentError as error:
        return error


def _envelope(item: dict[str, Any], raw: bytes) -> Envelope:
    source, number, subject = item["source"], item["sequence"], item["subject"]
    made_by, kind = SOURCE.fullmatch(source), _TYPE.fullmatch(item["type"])
    if made_by is None or item["specversion"] != "1.0":
        raise PermanentError("invalid", "not an event of a gateway")
    if kind is None:
        raise PermanentError("invalid", "not a type of hadir, version 1")
    if not _SEQUENCE.fullmatch(number) or item["id"] != id_of(source, number):
        raise PermanentError("invalid", "id is not that of source and sequence")
    if topics.place(subject).partition("/")[0] != made_by[1]:
        raise PermanentError("invalid", "subject is not of the source's site")
    correlation = item.get("correlation", "")
    if correlation and not CORRELATED.fullmatch(correlation):
        raise PermanentError("invalid", "correlation is not 1 to 64 of A-Z a-z 0-9 . _ : -")
    name, data = kind[1], item["data"]
    known = EVENTS.get(name)
    if known is not None:
        data = read(known.model, data)
        for key in times_of(known.model):
            if (value := data.get(key)) is not None:
                parsed(value)
    elif not isinstance(data, dict) or type(data["clock"]["sync"]) is not str or type(data["quality"]) is not str:
        raise PermanentError("invalid", "data of every event says quality and clock")
    cls = _class(name, item["dataclassification"])
    if known is not None and cls not in known.classes:
        raise PermanentError("invalid", f"{name} is never of class {cls}")
    person, unit = _whose(name, cls, data)
    return Envelope(
        item["id"],
        name,
        source,
        made_by[1],
        made_by[2],
        made_by[3],
        int(number),
        subject,
        parsed(item["time"]),
        parsed(item["recordedtime"]),
        data,
        person,
        unit,
        cls,
        raw,
        correlation,
    )


def _class(name: str, classification: Any) -> str:
    if classification == "internal":
        return "evt"
    if classification != "restricted":
        raise PermanentError("invalid", "dataclassification is neither internal nor restricted")
    known = EVENTS.get(name)
    if known is not None:
        return next((cls for cls in known.classes if cls != "evt"), "restricted")  # a class that no type has
    return "sense" if name.startswith("presence.") else "who"


def _whose(name: str, cls: str, data: Mapping[str, Any]) -> tuple[str, str]:
    person, unit = data.get("pid") or "", data.get("unit") or "_"
    if person and not _PID.fullmatch(person):
        raise PermanentError("invalid", "pid is not a pseudonym")
    if cls == "evt" and person:
        raise PermanentError("invalid", f"{name} of class evt names a person")
    if cls != "evt" and not person and not (name == "privacy.erased" and data["field"] == "event"):
        raise PermanentError("invalid", f"{name} of class {cls} is about nobody")
    return person, topics.level(unit)
