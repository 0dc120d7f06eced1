"""Mappings of the driver for JSON over MQTT: what they may say, what is wrong with them, and that none breaks it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.api import Context, DecodeError, Frame, Unsupported
from drivers.occupancy.mqtt_json.messages import DRIVER, alive, check, decode_with, topics
from drivers.occupancy.mqtt_json.plan import KINDS
from drivers.occupancy.mqtt_json.profiles import PLANS
from drivers.vocabulary import UNITS

FIELD = {"path": "x", "kind": "occupied"}


def frame(name: str, body: bytes) -> Frame:
    return Frame("mqtt", "test", "a", name.encode() + b"\0" + body)


def test_its_kinds_are_words_of_the_vocabulary() -> None:
    for kind, (_type, units) in KINDS.items():
        assert set(units) <= set(UNITS[kind])


def test_topics_of_profiles() -> None:
    assert topics("zigbee2mqtt/floor 1/pir", Context(profile="zigbee2mqtt")) == {
        "availability": ("zigbee2mqtt/floor 1/pir/availability", True),
        "bridge": ("zigbee2mqtt/bridge/state", True),
        "state": ("zigbee2mqtt/floor 1/pir", False),
    }
    assert topics("t{first}", Context(profile="tasmota"))["sensor"] == ("tele/t{first}/SENSOR", False)
    assert topics("x", Context()) == {"state": ("x", False)}
    for profile in DRIVER.profiles:
        names = topics("some/address", Context(profile=profile))
        assert any(not is_status for _topic, is_status in names.values())
        assert profile.endswith("_sleeping") != any(is_status for _topic, is_status in names.values())


def test_a_mapping_adds_replaces_and_takes_away_topics() -> None:
    mapping = {
        "status": {"availability": None, "bridge": "z2m/{first}/up"},
        "topics": {"extra": "{address}/+/more"},
    }
    assert topics("base/pir", Context(profile="zigbee2mqtt", mapping=mapping)) == {
        "bridge": ("z2m/base/up", True),
        "state": ("base/pir", False),
        "extra": ("base/pir/+/more", False),
    }


def test_a_name_stands_under_status_or_topics() -> None:
    with pytest.raises(Unsupported, match="under status and under topics"):
        topics("a/b", Context(profile="zigbee2mqtt", mapping={"topics": {"bridge": "x"}}))


@pytest.mark.parametrize(
    ("body", "word"), [(b"online", True), (b"OFF", False), (b"1", True), (b"lost", False), (b'{"state":"ready"}', True)]
)
def test_alive(body: bytes, word: bool) -> None:
    assert alive(body, Context(profile="esphome")) is word


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b"init", b'{"state":{}}', b"\xff", b"{"])
def test_a_status_that_says_nothing(body: bytes) -> None:
    with pytest.raises(DecodeError):
        alive(body, Context(profile="esphome"))


def test_a_good_mapping() -> None:
    field = {
        **FIELD,
        "topic": "sensor/*",
        "scale": 0.1,
        "offset": -1,
        "invert": True,
        "true_when": ["a", 1, True],
        "false_when": "b",
        "table": {"c": None, 2: "d"},
        "only": {"unit": "C"},
        "channel": "left",
        "unit": "",
    }
    mapping = {
        "status": {"availability": "{address}/up", "bridge": None},
        "topics": {"sensor": "{first}/+/x"},
        "fields": [field, {"path": "y", "kind": None}],
        "online": {"path": "a.b", "true_when": "awake", "false_when": ["asleep", 0]},
    }
    assert check(mapping) == []
    assert check({}) == []


@pytest.mark.parametrize(
    ("mapping", "sentence"),
    [
        ({"field": []}, '"field" is nothing that a mapping has; there are status, topics, fields, online'),
        ({"fields": {"a": 1}}, "fields is not a list"),
        ({"fields": ["x"]}, "field 1: is no object"),
        ({"fields": [FIELD, {"path": "y"}]}, "field 2: has no kind"),
        ({"fields": [{"kind": "weather"}]}, 'field 1: kind "weather" is none of occupied'),
        ({"fields": [{"kind": ["a"]}]}, "field 1: kind"),
        ({"fields": [{**FIELD, "unit": "m"}]}, 'field 1: unit "m" is none of occupied'),
        ({"fields": [{**FIELD, "unit": []}]}, "field 1: unit"),
        ({"fields": [{**FIELD, "scale": "1"}]}, "field 1: scale is not a number"),
        ({"fields": [{**FIELD, "offset": float("nan")}]}, "field 1: offset is not a number"),
        ({"fields": [{**FIELD, "invert": 1}]}, "field 1: invert is neither true nor false"),
        ({"fields": [{**FIELD, "path": 3}]}, "field 1: path is not text"),
        ({"fields": [{**FIELD, "true_when": {}}]}, "field 1: true_when is neither a word nor a list"),
        ({"fields": [{**FIELD, "table": ["a"]}]}, "field 1: table is no object of words"),
        ({"fields": [{**FIELD, "table": {"a": []}}]}, "field 1: table is no object of words"),
        ({"fields": [{**FIELD, "only": {1: "a"}}]}, "field 1: only does not begin with a path"),
        ({"fields": [{**FIELD, "channel": 1.5}]}, "field 1: channel is neither a number nor a short word"),
        ({"fields": [{**FIELD, "colour": 1}]}, 'field 1: "colour" is nothing that a field has'),
        ({"fields": [FIELD] * 65}, "65 fields, at most 64 are taken"),
        ({"topics": ["a"]}, "topics does not give topics their names"),
        ({"topics": {"A b": "x"}}, 'topics: "A b" is no name'),
        ({"topics": {"a": "x/#"}}, 'topics: "a" is no topic'),
        ({"topics": {"a": "x/b+"}}, 'topics: "a" has a + within a level'),
        ({"topics": {"a": "{device}/x"}}, 'topics: "a" has other braces than {address} and {first}'),
        ({"topics": {"a": "{address/x"}}, 'topics: "a" has other braces'),
        ({"topics": {f"a{n}": "x" for n in range(17)}}, "topics has 17 topics"),
        ({"status": {"a": "x"}, "topics": {"a": "y"}}, '"a" stands under status and under topics'),
        ({"online": "up"}, "online is no object"),
        ({"online": {"word": "up"}}, '"word" is nothing that online has'),
        ({"online": {"path": 1}}, "online: path is not text"),
        ({"online": {"true_when": {}}}, "online: true_when is neither a word nor a list of words"),
    ],
)
def test_mistakes_are_told(mapping: dict[str, Any], sentence: str) -> None:
    assert [text for text in check(mapping) if text.startswith(sentence)], check(mapping)
    with pytest.raises(Unsupported, match="mapping"):
        decode_with(frame("state", b"1"), Context(mapping=mapping))


def test_yaml_reads_on_and_yes_as_true() -> None:
    mapping = {"fields": [{"kind": "motion", "table": {True: False, False: True}}]}
    for body, value in ((b"on", False), (b"YES", False), (b"off", True), (b"false", True)):
        assert decode_with(frame("state", body), Context(mapping=mapping)).measurements[0].value is value


def test_a_search_with_stars_is_bounded() -> None:
    deep: Any = {"x": 1}
    for _ in range(5):
        deep = {f"k{n}": deep for n in range(5)}
    mapping = {"fields": [{"path": "*.*.*.*.*.nowhere", "kind": "count"}]}
    assert decode_with(frame("state", json.dumps(deep).encode()), Context(mapping=mapping)).measurements == []


def test_limits_of_a_message() -> None:
    context = Context(profile="zigbee2mqtt")
    for body in (
        b"[" * 100_000,
        b"[" * 20 + b"]" * 20,
        b'{"a":' * 5000,
        b" " * 65_537,
        b'{"co2": 1' + b"0" * 5000 + b"}",
    ):
        with pytest.raises(DecodeError):
            decode_with(frame("state", body), context)


words = st.sampled_from(["a", "b", "path", "kind", "occupied", "co2", "", "x.0", "*", "on", "{address}", "x/+"])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.booleans(), inner, max_size=3),
    max_leaves=6,
)
fields = st.lists(
    st.dictionaries(
        st.sampled_from(
            ["topic", "path", "kind", "unit", "scale", "offset", "invert", "true_when", "table", "only", "channel"]
        ),
        anything,
    )
    | anything,
    max_size=2,
)


@given(
    mapping=st.dictionaries(st.sampled_from(["status", "topics", "online"]), anything),
    more=fields | anything,
    body=anything.map(lambda value: json.dumps(value, skipkeys=True).encode()) | st.binary(max_size=40),
    profile=st.sampled_from([*PLANS, "strange"]),
)
def test_no_mapping_makes_it_raise_anything_else(mapping: Any, more: Any, body: bytes, profile: str) -> None:
    mapping["fields"] = more
    assert all(isinstance(text, str) for text in check(mapping))
    try:
        made = decode_with(frame("state", body), Context(profile=profile, mapping=mapping)).measurements
        topics("a/b", Context(profile=profile, mapping=mapping))
    except DecodeError:
        return
    for measurement in made:
        assert measurement.unit in UNITS[measurement.kind]
        json.dumps(measurement.value, allow_nan=False)
