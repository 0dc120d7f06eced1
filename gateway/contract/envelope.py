"""The envelope: structured CloudEvents 1.0 JSON, written once in the outbox and repeated byte for byte ever after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError, to_json

from gateway.clock import Quality as ClockQuality
from gateway.contract import topics
from gateway.contract.decoding import (
    CORRELATED,
    SOURCE,
    TIMES,
    Envelope,
    decode,
    decode_batch,
    decode_items,
    id_of,
    times_of,
)
from gateway.contract.events import EVENTS
from gateway.contract.lenient import invalid
from gateway.contract.payload import MAX_BATCH, MAX_DEPTH, MAX_EVENT, MAX_IN_BATCH, read_json
from gateway.contract.times import written
from gateway.errors import PermanentError
from rules.api import Event, event_id

TYPE_PREFIX = "hadir."
MAJOR = "v1"
MINOR = "1.0"
CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
BATCH_CONTENT_TYPE = "application/cloudevents-batch+json; charset=utf-8"
CLASSIFICATION = {"evt": "internal", "who": "restricted", "sense": "restricted"}
MARKS = frozenset({"simulated", "replayed"})
"""Qualities of a whole run: they win over what a rule says of one observation."""
_LAST = 10**12 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where events come from: one boot of one gateway. Raises PermanentError for what is no identifier or boot."""

    site: str
    building: str
    gateway: str
    boot: str
    source: str = field(init=False)

    def __post_init__(self) -> None:
        for level in (self.site, self.building, self.gateway):
            topics.identifier(level)
        object.__setattr__(self, "source", f"/{self.site}/gw/{self.gateway}/{self.boot}")
        if not SOURCE.fullmatch(self.source):
            raise PermanentError("invalid", "site, gateway or boot cannot stand in a source")


class Encoded(NamedTuple):
    """Ready to be stored and published."""

    topic: str
    body: bytes


class _Kind(NamedTuple):
    """What is looked up once a type."""

    validate: Any
    times: tuple[str, ...]
    tail: str


@cache
def _kind(name: str, cls: str) -> _Kind:
    known = EVENTS.get(name)
    if known is None:
        raise PermanentError("invalid", f"{name[:64]!r} is not a type of version 1")
    if cls not in known.classes:
        raise PermanentError("invalid", f"{name} is never of class {cls[:8]!r}")
    known.model.model_rebuild()
    return _Kind(
        known.model.__pydantic_validator__.validate_python,
        times_of(known.model),
        f'"datacontenttype":"application/json","dataschema":"urn:hadir:schema:{name}:{MINOR}",'
        f'"dataclassification":"{CLASSIFICATION[cls]}",',
    )


@lru_cache(maxsize=8192)
def _topic(cls: str, place: str, name: str, unit: str, site: str, building: str, gateway: str) -> str:
    if topics.place(place).partition("/")[0] != site:
        raise PermanentError("invalid", "the place is not of this gateway's site")
    match cls:
        case "evt":
            return topics.evt(place, name)
        case "who":
            return topics.who(site, unit, gateway, name)
        case _:
            return topics.sense(site, building, gateway, name)


def topic_of(event: Event, origin: Origin) -> str:
    """The live topic of an event. Raises PermanentError."""
    _kind(event.type, event.cls)
    return _live(event, origin)


def _live(event: Event, origin: Origin) -> str:
    unit = event.unit if event.cls == "who" else "_"
    return _topic(event.cls, event.place, event.type, unit, origin.site, origin.building, origin.gateway)


def encode(
    event: Event,
    origin: Origin,
    *,
    sequence: int,
    recorded_at: int,
    rule: str = "",
    quality: str = "good",
    clock: ClockQuality = ClockQuality(),  # noqa: B008 a constant: a tuple cannot be changed
    signature: Mapping[str, Any] | None = None,
) -> Encoded:
    """Topic and bytes of one event. Raises PermanentError, invalid or too_big, for what the contract does not allow.

    `quality` is the run's; a rule's own quality in `event.data` wins, unless the run is simulated or replayed.
    `signature` is added to the data: a coordinator's term.
    """
    kind = _kind(event.type, event.cls)
    topic = _live(event, origin)
    if not 0 < sequence <= _LAST:
        raise PermanentError("invalid", "a sequence has at most 12 digits, and begins with 1")
    data: dict[str, Any] = dict(event.data, **signature) if signature else dict(event.data)
    for key in kind.times:
        if (value := data.get(key)) is not None:
            data[key] = written(value)
    if event.cls == "evt":
        if event.person or "pid" in data:
            raise PermanentError("invalid", f"{event.type} of class evt names a person")
    else:
        if not event.person:
            raise PermanentError("invalid", f"{event.type} of class {event.cls} is about nobody")
        data["pid"] = event.person
        data["unit"] = event.unit
    if quality in MARKS or "quality" not in data:
        data["quality"] = quality
    if rule:
        data["rule"] = rule
    data["clock"] = {"sync": clock.sync} if clock.err_ms is None else {"sync": clock.sync, "err_ms": clock.err_ms}
    correlation = ""
    if event.correlation:
        if not CORRELATED.fullmatch(event.correlation):
            raise PermanentError("invalid", "correlation is not 1 to 64 of A-Z a-z 0-9 . _ : -")
        correlation = f'"correlation":"{event.correlation}",'
    try:
        kind.validate(data)
        content = to_json(data)
    except ValidationError as error:
        fault = invalid(error)
        raise PermanentError(fault.reason, f"{event.type}: {fault}") from error
    except PydanticSerializationError as error:
        raise PermanentError("invalid", f"{event.type}: {error}"[:200]) from error
    number = f"{sequence:012d}"
    head = (
        f'{{"specversion":"1.0","type":"hadir.{event.type}.v1","source":"{origin.source}",'
        f'"id":"{id_of(origin.source, number)}","sequence":"{number}","subject":"{event.place}",'
        f'"time":"{written(event.at)}","recordedtime":"{written(recorded_at)}",{kind.tail}{correlation}"data":'
    )
    body = head.encode() + content + b"}"
    if len(body) > MAX_EVENT:
        raise PermanentError("too_big", f"{event.type} has {len(body)} bytes")
    return Encoded(topic, body)


def erased(body: bytes) -> bytes:
    """What takes the place of a person's stored event once they are erased. Raises PermanentError.

    Same source, sequence, id, times and class, so that no gap appears and the live topic stays; the place is
    reduced to its building, and no person, unit or content is left.
    """
    event = decode(body)
    site, building, *_ = event.subject.split("/")
    data = {
        "quality": event.data.get("quality", "good"),
        "clock": event.data.get("clock", {"sync": "none"}),
        "target_id": event.id,
        "field": "event",
        "actor_role": "authority",
    }
    return (
        f'{{"specversion":"1.0","type":"hadir.privacy.erased.v1","source":"{event.source}","id":"{event.id}",'
        f'"sequence":"{event.sequence:012d}","subject":"{site}/{building}/_/_/_","time":"{written(event.time)}",'
        f'"recordedtime":"{written(event.recorded)}",{_kind("privacy.erased", "who").tail}"data":'
    ).encode() + (to_json(data) + b"}")


def batch(bodies: Iterable[bytes]) -> tuple[bytes, int]:
    """A CloudEvents JSON batch of as many of the first `bodies` as the limits allow, and how many those are."""
    chosen: list[bytes] = []
    size = 2
    for body in bodies:
        if len(chosen) == MAX_IN_BATCH or size + len(body) + bool(chosen) > MAX_BATCH:
            break
        size += len(body) + bool(chosen)
        chosen.append(body)
    return b"[" + b",".join(chosen) + b"]", len(chosen)


__all__ = [
    "MAX_BATCH",
    "MAX_DEPTH",
    "MAX_EVENT",
    "MAX_IN_BATCH",
    "TIMES",
    "ClockQuality",
    "Encoded",
    "Envelope",
    "Origin",
    "batch",
    "decode",
    "decode_batch",
    "decode_items",
    "encode",
    "erased",
    "event_id",
    "read_json",
    "topic_of",
]
