"""Laws of the contract: what the models take comes back whole; whatever comes from outside is an event or refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from gateway.contract import acks, exchange, state, topics
from gateway.contract.channels import CHANNELS
from gateway.contract.envelope import (
    MAX_DEPTH,
    MAX_EVENT,
    TIMES,
    ClockQuality,
    Envelope,
    Origin,
    decode,
    decode_batch,
    decode_items,
    encode,
)
from gateway.contract.events import EVENTS, EventType
from gateway.contract.fields import Wire
from gateway.contract.lenient import read
from gateway.contract.payload import read_json, split_batch
from gateway.contract.schema import schemas
from gateway.contract.subscriber import Subscriber
from gateway.contract.times import LATEST, parsed, written
from gateway.errors import PermanentError
from rules.api import Event, event_id

SCHEMAS = schemas()
ORIGIN = Origin(site="ikn", building="kk2", gateway="gw-1", boot="000001-00ff")
EXAMPLE = encode(
    Event("badge.rejected", "ikn/kk2/l05/timur/d-017", 10**18, {"reader": "r-1", "cause": "unknown"}),
    ORIGIN,
    sequence=1,
    recorded_at=10**18,
).body
STAMPED = {"quality", "rule", "clock", "pid", "unit"}
times = st.integers(0, LATEST)
levels = st.from_regex(topics.LEVEL, fullmatch=True)
places = st.lists(levels | st.just("_"), min_size=4, max_size=4).map(lambda rest: "/".join(["ikn", *rest]))
soon = settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow], deadline=None)


def values_of(schema: dict[str, Any], parts: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Everything that a JSON Schema of ours allows (its own subset of the language)."""
    if "$ref" in schema:
        return values_of(parts[schema["$ref"].rpartition("/")[2]], parts)
    if "anyOf" in schema:
        return st.one_of([values_of(choice, parts) for choice in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "const" in schema:
        return st.just(schema["const"])
    match schema["type"]:
        case "null":
            return st.none()
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(schema.get("minimum", -(10**9)), schema.get("maximum", 10**9))
        case "number":
            return st.floats(schema.get("minimum", -1e9), schema.get("maximum", 1e9), allow_nan=False)
        case "string" if schema.get("format") == "date-time":
            return times.map(written)
        case "string":
            text = st.from_regex(schema["pattern"], fullmatch=True)
            most = schema.get("maxLength", 400)
            return text.filter(lambda found: len(found) <= most and not found.endswith("\n"))
        case "array":
            return st.lists(values_of(schema["items"], parts), max_size=min(8, schema.get("maxItems", 8)))
        case _:
            fields = {name: values_of(field, parts) for name, field in schema["properties"].items()}
            required = set(schema.get("required", ()))
            return st.fixed_dictionaries(
                {name: fields[name] for name in fields if name in required},
                optional={name: fields[name] for name in fields if name not in required},
            )


def data_of(kind: EventType) -> st.SearchStrategy[dict[str, Any]]:
    schema = kind.model.model_json_schema(by_alias=True)
    schema["properties"] = {name: field for name, field in schema["properties"].items() if name not in STAMPED}
    return values_of(schema, schema.get("$defs", {}))


DATA = {kind.name: data_of(kind) for kind in EVENTS.values()}


@pytest.mark.parametrize("kind", EVENTS.values(), ids=lambda kind: kind.name)
def test_what_the_models_take_comes_back(kind: EventType) -> None:
    validator = Draft202012Validator(SCHEMAS[kind.name])

    @soon
    @given(
        data=DATA[kind.name],
        place=places,
        at=times,
        sequence=st.integers(1, 10**12 - 1),
        cls=st.sampled_from(kind.classes),
        quality=st.sampled_from(["good", "degraded", "simulated", "replayed"]),
        sync=st.sampled_from(["ntp", "rtc", "none"]),
    )
    def law(data: dict[str, Any], place: str, at: int, sequence: int, cls: str, quality: str, sync: str) -> None:
        inside = {key: parsed(value) if key in TIMES and value is not None else value for key, value in data.items()}
        person = "" if cls == "evt" else "p-0123456789abcdef"
        event = Event(kind.name, place, at, inside, cls, person, "_" if cls == "evt" else "bkn", "c-1")
        try:
            topic, body = encode(
                event, ORIGIN, sequence=sequence, recorded_at=at, rule="r/1", quality=quality, clock=ClockQuality(sync)
            )
        except PermanentError as error:
            assert error.reason == "too_big"  # noqa: PT017 the only way out for what the models take
            return
        found = decode(body)
        assert {key: found.data[key] for key in data} == json.loads(json.dumps(data))
        assert (found.type, found.cls, found.subject, found.person) == (kind.name, cls, place, person)
        assert (found.sequence, found.correlation, found.raw) == (sequence, "c-1", body)
        assert found.time == found.recorded == at - at % 1_000_000
        assert found.id == event_id(ORIGIN.source, f"{sequence:012d}")
        assert found.data["quality"] == quality
        validator.validate(json.loads(body))
        parts = topics.parse(topic)
        assert parts is not None
        assert (parts.cls, parts.type) == (cls, kind.name)

    law()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def mangled() -> st.SearchStrategy[bytes]:
    """Bytes that are nearly an event: a field replaced, a byte replaced, cut short, or nothing like it."""
    example = json.loads(EXAMPLE)

    def replaced(name: str, value: Any, deep: bool) -> bytes:
        item = json.loads(EXAMPLE)
        (item["data"] if deep else item)[name] = value
        return json.dumps(item).encode()

    names = st.sampled_from([*example, *example["data"], "pid", "unit", "correlation", "since"])
    return st.one_of(
        st.binary(max_size=64),
        st.text(max_size=64).map(lambda text: text.encode("utf-8", "surrogatepass")),
        JSON.map(lambda value: json.dumps(value).encode()),
        st.builds(replaced, names, JSON, st.booleans()),
        st.integers(0, len(EXAMPLE)).map(lambda cut: EXAMPLE[:cut]),
        st.tuples(st.integers(0, len(EXAMPLE) - 1), st.integers(0, 255)).map(
            lambda change: EXAMPLE[: change[0]] + bytes([change[1]]) + EXAMPLE[change[0] + 1 :]
        ),
    )


@settings(deadline=None)
@given(mangled())
def test_bytes_are_an_event_or_refused(payload: bytes) -> None:
    try:
        event = decode(payload)
    except PermanentError:
        return
    assert isinstance(event, Envelope)
    assert 0 <= event.time <= LATEST
    topics.place(event.subject)


@settings(deadline=None)
@given(st.lists(mangled(), max_size=5))
def test_a_batch_gives_each_item_its_own_fate(payloads: list[bytes]) -> None:
    try:
        found = decode_batch(b"[" + b",".join([*payloads, EXAMPLE]) + b"]")
    except PermanentError:
        return
    assert all(isinstance(item, (Envelope, PermanentError)) for item in found)


@settings(deadline=None)
@given(st.sampled_from([channel.name for channel in CHANNELS]), st.text(max_size=20), mangled())
def test_a_subscriber_survives_everything(name: str, level: str, payload: bytes) -> None:
    subscriber = Subscriber()
    subscriber.take(f"hadir/v1/{name}/{level}", payload)
    subscriber.take("hadir/v1/evt/ikn/kk2/l05/timur/d-017/badge.rejected", payload)
    subscriber.take("hadir/v1/hist/ikn/gw-1", b"[" + payload + b"]")
    subscriber.take("hadir/v1/state/ikn/kk2/l05/timur/d-017", payload)
    subscriber.take("hadir/v1/gw/ikn/gw-1/status", payload)
    subscriber.view(10**18)


PAYLOADS: list[type[Wire]] = [c.payload for c in CHANNELS if c.payload is not None and issubclass(c.payload, Wire)]


@pytest.mark.parametrize("model", PAYLOADS, ids=lambda model: model.__name__)
def test_payloads_are_read_or_refused(model: type[Wire]) -> None:
    @settings(deadline=None, max_examples=50)
    @given(mangled())
    def law(payload: bytes) -> None:
        try:
            state.parse(model, payload)
        except PermanentError:
            return

    law()


@pytest.mark.parametrize("model", PAYLOADS, ids=lambda model: model.__name__)
@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"[" * 60_000, "too_deep"),
        (b'{"seq":' + b"9" * 60_000 + b"}", "not_json"),
        (b'{"seq":1e999}', "not_json"),
        (b'{"seq":NaN}', "not_json"),
        (b'{"boot":"000001-00ff","boot":"000002-00ff"}', "not_json"),
        (b'{"boot":"' + b"x" * 70_000 + b'"}', "too_big"),
        (b'{"seq":' + b"9" * 4_000 + b',"confidence":' + b"9" * 4_000 + b"}", "invalid"),
    ],
    ids=["deep", "digits", "infinite", "nan", "twice", "big", "many digits"],
)
def test_no_payload_is_worth_the_memory_it_asks_for(model: type[Wire], payload: bytes, reason: str) -> None:
    with pytest.raises(PermanentError) as caught:
        state.parse(model, payload)
    assert caught.value.reason == reason


@settings(deadline=None)
@given(mangled())
def test_acknowledgements_are_read_or_refused(payload: bytes) -> None:
    try:
        acks.read_ack(payload)
    except PermanentError:
        return


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "not_json"),
        (b"\xff", "not_json"),
        (b"{", "not_json"),
        (b"[]", "invalid"),
        (b"{}", "invalid"),
        (b"null", "invalid"),
        (EXAMPLE.replace(b'"cause":"unknown"', b'"cause":NaN'), "not_json"),
        (EXAMPLE.replace(b'"cause":"unknown"', b'"cause":"unknown","n":1e999'), "not_json"),
        (EXAMPLE.replace(b'"cause":"unknown"', b'"cause":"unknown","cause":"rate"'), "not_json"),
        (EXAMPLE.replace(b'"cause":"unknown"', b'"cause":"unknown","n":"\\ud800"'), "not_json"),
        (EXAMPLE.replace(b'"cause":"unknown"', b'"cause":"unknown","n":' + b"[" * 15 + b"]" * 15), "too_deep"),
        (b"[" * 8000, "too_deep"),
        (b" " * MAX_EVENT + EXAMPLE, "too_big"),
        (EXAMPLE.replace(b'"1.0"', b'"0.3"'), "invalid"),
        (EXAMPLE.replace(b".v1", b".v2"), "invalid"),
        (EXAMPLE.replace(b"gw-1", b"gw-2"), "invalid"),
        (EXAMPLE.replace(b"000000000001", b"000000000002"), "invalid"),
        (EXAMPLE.replace(b'"ikn/', b'"sby/'), "invalid"),
        (EXAMPLE.replace(b"d-017", b"d+017"), "invalid"),
        (EXAMPLE.replace(b"internal", b"public"), "invalid"),
        (EXAMPLE.replace(b"internal", b"restricted"), "invalid"),
        (EXAMPLE.replace(b"2001-09-09", b"2001-13-09"), "invalid"),
        (EXAMPLE.replace(b"2001-09-09", b"9001-09-09"), "invalid"),
        (EXAMPLE.replace(b'"reader":"r-1"', b'"reader":"r/1"'), "invalid"),
        (EXAMPLE.replace(b'"reader":"r-1"', b'"reader":1'), "invalid"),
        (EXAMPLE.replace(b'"cause":"unknown"', b'"cause":"unknown","n":' + b"9" * 5_000), "not_json"),
        (EXAMPLE.replace(b',"clock":{"sync":"ntp"}', b""), "invalid"),
        (EXAMPLE.replace(b'"quality":"good",', b""), "invalid"),
        (EXAMPLE.replace(b'"clock":{"sync":"ntp"}', b'"clock":{}'), "invalid"),
        (EXAMPLE.replace(b"badge.rejected", b"badge.praised").replace(b',"clock":{"sync":"ntp"}', b""), "invalid"),
        (
            EXAMPLE.replace(b"badge.rejected", b"badge.praised").replace(b'"clock":{"sync":"ntp"}', b'"clock":1'),
            "invalid",
        ),
        (EXAMPLE.replace(b"badge.rejected", b"badge.praised").replace(b'"quality":"good"', b'"quality":1'), "invalid"),
    ],
)
def test_what_is_refused_says_why(payload: bytes, reason: str) -> None:
    with pytest.raises(PermanentError) as caught:
        decode(payload)
    assert caught.value.reason == reason


def test_a_newer_gateway_is_understood() -> None:
    """Additive changes: fields, words and types that this version does not know."""
    newer = EXAMPLE.replace(b'"cause":"unknown"', b'"cause":"eclipse","moon":{"phase":1}').replace(
        b'"specversion"', b'"partitionkey":"x","specversion"'
    )
    event = decode(newer)
    assert event.data["cause"] == "unknown"
    assert "moon" not in event.data
    assert event.raw == newer
    strange = decode(EXAMPLE.replace(b"badge.rejected", b"badge.praised"))
    assert (strange.type, strange.cls, strange.data["reader"]) == ("badge.praised", "evt", "r-1")
    with pytest.raises(PermanentError, match="names a person"):
        decode(
            EXAMPLE.replace(b"badge.rejected", b"badge.praised").replace(b'"r-1"', b'"r-1","pid":"p-0123456789abcdef"')
        )


def test_one_bad_item_does_not_lose_the_batch() -> None:
    bad = [b'{"a":NaN}', b"nonsense", b'{"a":1,"a":2}', b"[" * 20 + b"]" * 20, b'"' + b"x" * 9000 + b'"', b"", b'"],["']
    for item in bad:
        found = decode_batch(b" [ " + EXAMPLE + b" ,\n" + item + b"," + EXAMPLE + b"]\n")
        assert [type(event) for event in found] == [Envelope, PermanentError, Envelope]
        assert [event.raw for event in found if isinstance(event, Envelope)] == [EXAMPLE, EXAMPLE]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"{}", "not_json"),
        (b"[", "not_json"),
        (b"[{]", "not_json"),
        (b"[]]", "not_json"),
        (b'["]', "not_json"),
        (b"[" + b"1," * 100 + b"1]", "too_big"),
        (b"[" + b" " * 65_536 + b"]", "too_big"),
        (b'["' + b'\\"' * 30_000 + b"]", "not_json"),
    ],
)
def test_what_is_no_batch_is_refused_whole(payload: bytes, reason: str) -> None:
    with pytest.raises(PermanentError) as caught:
        decode_batch(payload)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "change",
    [
        {"type": "badge.praised"},
        {"cls": "who", "person": "p-0123456789abcdef"},
        {"cls": "rumour"},
        {"place": "ikn/kk2/l05"},
        {"place": "sby/kk2/l05/timur/d-017"},
        {"place": "ikn/kk2/l05/ti+mur/d-017"},
        {"at": -1},
        {"at": 2**63},
        {"data": {"reader": "r-1", "cause": "whim"}},
        {"data": {"reader": "r-1", "cause": "unknown", "uid": "04A1B2C3"}},
        {"data": {"reader": "04:A1:B2:C3", "cause": "unknown"}},
        {"data": {"reader": "r-1"}},
        {"data": {"reader": "r-1", "cause": "unknown", "late": float("nan")}},
        {"correlation": "a b"},
        {"correlation": 'x","data":{},"y":"'},
    ],
)
def test_what_the_contract_does_not_name_never_leaves(change: dict[str, Any]) -> None:
    event = Event("badge.rejected", "ikn/kk2/l05/timur/d-017", 10**18, {"reader": "r-1", "cause": "unknown"})
    with pytest.raises(PermanentError) as caught:
        encode(event._replace(**change), ORIGIN, sequence=1, recorded_at=10**18)
    assert caught.value.reason == "invalid"
    assert "04A1B2C3" not in str(caught.value)


def test_an_event_has_at_most_8_kb() -> None:
    event = Event(
        "coverage.lost",
        "ikn/kk2/_/_/_",
        1,
        {"places": ["/".join(["ikn", *["x" * 32] * 4])] * 64, "readers": [], "from": 1, "cause": "radio"},
    )
    with pytest.raises(PermanentError) as caught:
        encode(event, ORIGIN, sequence=1, recorded_at=1)
    assert caught.value.reason == "too_big"


def test_json_at_the_limit_of_depth_is_taken() -> None:
    assert read_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH) != []
    assert read_json(b'"' + b"[" * 99 + b'"') == "[" * 99
    assert read_json(b"[" + b"{}," * 50 + b"{}]") == [{}] * 51


def test_a_payload_is_read_with_every_field() -> None:
    """Consumers need not ask what was sent."""
    body = (
        b'{"boot":"000001-00ff","readings":[{"seq":1,"dev":"r-1","kind":"badge","value":true,"place":"a/b/c/d/e",'
        b'"at":"2026-11-24T01:30:02.117Z","modality":"badge"}]}'
    )
    found = state.parse(exchange.Readings, body)
    assert found is not None
    assert found["ack"] is None
    assert (found["readings"][0]["pid"], found["readings"][0]["role"], found["readings"][0]["unit"]) == (None, "", "_")
    assert state.parse(exchange.Readings, b"") is None


def test_commands_expire() -> None:
    command = read(
        exchange.CommandMessage,
        {
            "id": "c3c9f3d4-8f0e-4d7c-9b7a-2f6f1f0f7f11",
            "issued_at": written(10**18),
            "actor": "portal",
            "role": "emperor",
            "client": "portal",
        },
    )
    assert command["role"] == "unknown"
    assert not exchange.expired(command, 10**18 + 30 * 10**9)
    assert exchange.expired(command, 10**18 + 31 * 10**9)


NESTED = EXAMPLE.replace(b'"data":{', b'"data":{"more":[{"a":1},{"specversion":"1.0"}],')
QUOTED = EXAMPLE.replace(b'"data":{', b'"data":{"more":",{\\"specversion\\":",')
TWICE = EXAMPLE.replace(b'"data":{', b'"data":{"more":1,"more":2,')
SPACED = EXAMPLE.replace(b'"data":', b'"data" : ')
pieces = st.sampled_from(
    [EXAMPLE, NESTED, QUOTED, TWICE, SPACED, b'{"specversion":', b'{"specversion":"1.0"}', b"{}", b"1"]
)


@given(st.lists(pieces, max_size=5))
def test_a_batch_is_taken_apart_in_one_way_however_it_is_written(items: list[bytes]) -> None:
    payload = b"[" + b",".join(items) + b"]"
    try:
        expected = [(raw, alone(raw)) for raw in split_batch(payload)]
    except PermanentError as error:
        with pytest.raises(PermanentError, match=error.reason):
            decode_items(payload)
        return
    assert [(raw, found if isinstance(found, Envelope) else found.reason) for raw, found in decode_items(payload)] == (
        expected
    )


def alone(raw: bytes) -> Envelope | str:
    try:
        return decode(raw)
    except PermanentError as error:
        return error.reason
