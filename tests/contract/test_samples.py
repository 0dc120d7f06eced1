"""Golden samples, one file a type: what rules say goes in, exactly these bytes come out, every reader takes them.

A new sample: write its event and stamp, run this, and copy topic and payload from the failure once you have read them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from gateway.contract import topics
from gateway.contract.arrival import refusal
from gateway.contract.channels import CHANNELS
from gateway.contract.envelope import TIMES, ClockQuality, Origin, batch, decode, decode_batch, encode, erased
from gateway.contract.events import EVENTS
from gateway.contract.schema import payload_name, schemas
from gateway.contract.times import parsed
from gateway.errors import PermanentError
from rules.api import Event, event_id

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted((GOLDEN / "samples").glob("*.json"))
SAMPLES = [
    pytest.param(file, sample, id=f"{file['type']}-{sample['event']['cls']}")
    for file in (json.loads(path.read_text()) for path in FILES)
    for sample in file["samples"]
]
PAYLOADS = json.loads((GOLDEN / "payloads.json").read_text())
SCHEMAS = schemas()


def event_of(name: str, sample: dict[str, Any]) -> Event:
    event = sample["event"]
    data = {key: parsed(value) if key in TIMES and value else value for key, value in event["data"].items()}
    return Event(name, event["place"], parsed(event["time"]), data, event["cls"], event["person"], event["unit"])


def check(name: str, payload: Any) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])
    Draft202012Validator(SCHEMAS[name], format_checker=FormatChecker()).validate(payload)


def encoded(file: dict[str, Any], sample: dict[str, Any]) -> tuple[str, bytes]:
    stamp = sample["stamp"]
    return encode(
        event_of(file["type"], sample),
        Origin(**file["origin"]),
        sequence=stamp["sequence"],
        recorded_at=parsed(stamp["recordedtime"]),
        rule=stamp["rule"],
        clock=ClockQuality(**file["clock"]),
    )


def test_every_type_has_a_sample_of_each_class() -> None:
    found = {(file["type"], sample["event"]["cls"]) for file, sample in (param.values for param in SAMPLES)}
    assert found == {(kind.name, cls) for kind in EVENTS.values() for cls in kind.classes}
    assert {path.stem for path in FILES} == set(EVENTS)


@pytest.mark.parametrize(("file", "sample"), SAMPLES)
def test_an_event_is_written_as_the_sample(file: dict[str, Any], sample: dict[str, Any]) -> None:
    topic, body = encoded(file, sample)
    assert topic == sample["topic"]
    assert json.loads(body) == sample["payload"]
    assert body == json.dumps(sample["payload"], separators=(",", ":"), ensure_ascii=False).encode()


@pytest.mark.parametrize(("file", "sample"), SAMPLES)
def test_a_sample_holds_the_published_schema(file: dict[str, Any], sample: dict[str, Any]) -> None:
    check(file["type"], sample["payload"])


@pytest.mark.parametrize(("file", "sample"), SAMPLES)
def test_a_subscriber_reads_the_sample(file: dict[str, Any], sample: dict[str, Any]) -> None:
    _, body = encoded(file, sample)
    event = decode(body)
    payload = sample["payload"]
    assert event.raw == body
    assert event.id == payload["id"] == event_id(payload["source"], payload["sequence"])
    assert (event.type, event.cls) == (file["type"], sample["event"]["cls"])
    assert (event.gateway, event.boot) == (file["origin"]["gateway"], file["origin"]["boot"])
    assert event.sequence == sample["stamp"]["sequence"]
    assert event.time == parsed(payload["time"])
    assert event.data == payload["data"]
    assert event.person == sample["event"]["person"]
    topic = topics.parse(sample["topic"])
    assert topic is not None
    assert refusal(topic, event) == ""


@pytest.mark.parametrize(("file", "sample"), SAMPLES)
def test_only_who_and_sense_name_a_person(file: dict[str, Any], sample: dict[str, Any]) -> None:
    event = event_of(file["type"], sample)
    origin = Origin(**file["origin"])
    if event.cls == "evt":
        for leak in (
            event._replace(person="p-0f3a9c52d1e87b64"),
            event._replace(data={**event.data, "pid": "p-0f3a9c52d1e87b64"}),
        ):
            with pytest.raises(PermanentError, match="names a person"):
                encode(leak, origin, sequence=1, recorded_at=1)
        payload = sample["payload"] | {"data": sample["payload"]["data"] | {"pid": "p-0f3a9c52d1e87b64"}}
        if "pid" in EVENTS[event.type].model.model_fields:
            with pytest.raises(PermanentError, match="names a person"):
                decode(json.dumps(payload).encode())
    else:
        with pytest.raises(PermanentError, match="about nobody"):
            encode(event._replace(person=""), origin, sequence=1, recorded_at=1)


@pytest.mark.parametrize(("file", "sample"), SAMPLES)
def test_an_erased_event_keeps_its_place_and_nothing_else(file: dict[str, Any], sample: dict[str, Any]) -> None:
    _, body = encoded(file, sample)
    was, event = decode(body), decode(erased(body))
    assert (event.id, event.source, event.sequence, event.time) == (was.id, was.source, was.sequence, was.time)
    assert event.person == ""
    assert b"p-0f3a9c52d1e87b64" not in event.raw
    assert b"timur" not in event.raw
    check("privacy.erased", json.loads(event.raw))
    assert erased(event.raw) == event.raw
    topic = topics.parse(sample["topic"])
    assert topic is not None
    if sample["event"]["cls"] != "evt":
        assert refusal(topic, event) == ""


def test_a_batch_repeats_the_stored_bytes() -> None:
    bodies = [encoded(file, sample)[1] for file, sample in (param.values for param in SAMPLES)]
    payload, taken = batch(bodies)
    assert taken == len(bodies)
    assert [event.raw for event in decode_batch(payload) if not isinstance(event, PermanentError)] == bodies
    assert batch(bodies * 100)[1] < 101
    assert batch([])[0] == b"[]"
    assert decode_batch(b"[]") == []


@pytest.mark.parametrize("sample", PAYLOADS, ids=lambda sample: sample["topic"])
def test_payloads_hold_their_schema_and_model(sample: dict[str, Any]) -> None:
    parts = topics.parse(sample["topic"])
    assert parts is not None
    channel = next(channel for channel in CHANNELS if channel.name == parts.cls)
    assert channel.payload is not None
    check(payload_name(channel.payload), sample["payload"])
    channel.payload.model_validate_json(json.dumps(sample["payload"]))


def test_every_payload_has_a_sample() -> None:
    found = {topics.parse(sample["topic"]) for sample in PAYLOADS}
    assert {topic.cls for topic in found if topic} == {channel.name for channel in CHANNELS if channel.payload}
