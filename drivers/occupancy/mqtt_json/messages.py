"""Sensors that publish JSON or plain text over MQTT: a profile or a mapping says what their words mean.

A payload is one message of one of the device's topics, as gateway/sources/mqtt_json.py puts it together:

    name of the topic | 00 | body of the message

The name is that which profile or mapping give the topic; where the topic is a filter, the levels that its + stood for
follow, with slashes: `state`, `availability`, `binary_sensor/desk_presence`. A mapping, beside a profile or alone:

    status: {availability: "{address}/availability"}     topics that say whether the device is there
    topics: {state: "{address}"}                         topics that say what it measures; null takes one away
    fields:                                              what they mean; the first field that reads a value has it
      - {path: presence, kind: occupied}                 `path` a.b.0 into the JSON; without one, the whole body
      - {topic: "sensor/*lux*", kind: illuminance}       `topic`: of this name only; * stands for anything
      - {path: "*.Temperature", kind: temperature, scale: 0.1, offset: -40, only: {unit: C}}
      - {path: door, kind: opening, true_when: [ajar], false_when: [shut], invert: true}
      - {path: mode, kind: motion, table: {busy: true, idle: false, learning: null}}
      - {path: occupancy, kind: null}                    not read, whatever the profile says
    online: {path: state, true_when: [awake], false_when: [asleep]}

{address} is the device's address, {first} what stands before its first slash. What is not there, null, and words such
as `unknown` and `nan` give no measurement; a value of the wrong type makes the whole message a DecodeError.

Profiles, and where their facts come from: drivers/mqtt/profiles.py.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from drivers.api import Context, Decoded, DecodeError, Driver, Frame, Measurement, Truncated, Unsupported
from drivers.occupancy.mqtt_json.mapping import PLACES, check, over
from drivers.occupancy.mqtt_json.plan import (
    CLOSED,
    FALSE,
    KINDS,
    LARGEST,
    NOTHING,
    OPEN,
    TRUE,
    Field,
    Path,
    Plan,
    word_of,
)
from drivers.occupancy.mqtt_json.profiles import PLANS

MOST_BYTES = 64 * 1024
MOST_DEPTH = 16
MOST_SEARCHED = 256
"""Values that a path with a * in it looks at."""
PRESSES = {
    "single": "press",
    "double": "double_press",
    "triple": "triple_press",
    "hold": "long_press",
    "long": "long_press",
}
_NUMBER = re.compile(r"[+-]?\d{1,18}(?:\.\d{1,18})?(?:[eE][+-]?\d{1,3})?")
_BUTTON = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)*")
_MISSING = object()
_MEMO: dict[int, tuple[Mapping[str, Any], str, Plan]] = {}
_MOST_MEMO = 1024


# --- what the source asks


def topics(address: str, context: Context) -> dict[str, tuple[str, bool]]:
    """Name -> (topic or filter, whether it says that the device is there). Raises Unsupported for a bad mapping."""
    plan = plan_of(context)
    places = {"address": address, "first": address.partition("/")[0]}
    filled = {name: (_filled(text, places), True) for name, text in plan.status.items()}
    return {**filled, **{name: (_filled(text, places), False) for name, text in plan.topics.items()}}


def alive(body: bytes, context: Context) -> bool:
    """What a message of a status topic says. Raises DecodeError, also when the device does not know."""
    said = _online(plan_of(context), body)
    if not said:
        raise DecodeError("says neither online nor offline")
    return bool(said[0].value)


def _filled(text: str, places: Mapping[str, str]) -> str:
    return PLACES.sub(lambda found: places[found[1]], text)


# --- decoding


def decode(_frame: Frame) -> list[Measurement]:
    """Nothing can be read without knowing what its words mean."""
    raise Unsupported("needs a profile (zigbee2mqtt, tasmota, ...) or a mapping")


def decode_with(frame: Frame, context: Context) -> Decoded:
    """What the message says, by profile and mapping. Nothing for a topic or a value that none of them knows."""
    if not context.profile and not context.mapping:
        return Decoded(decode(frame))
    plan = plan_of(context)
    name, separator, body = frame.payload.partition(b"\0")
    if not separator:
        raise Truncated("no name of a topic")
    try:
        topic = name.decode()
    except UnicodeDecodeError as error:
        raise DecodeError("the name of its topic is not UTF-8") from error
    first = topic.partition("/")[0]
    if first in plan.status:
        return Decoded(_online(plan, body))
    if first not in plan.topics:
        raise Unsupported("a topic that is not the device's")
    return Decoded(list(_read(plan.fields, topic, _value(body))))


def _online(plan: Plan, body: bytes) -> list[Measurement]:
    value = _value(body)
    field = plan.online if isinstance(value, dict) else plan.online._replace(path=())
    return list(_read((field,), "", value))


def _read(fields: Iterable[Field], topic: str, message: Any) -> Iterator[Measurement]:
    """Of the values that a field reads the first is taken; no value is read twice, and nothing is said twice."""
    taken: set[Path] = set()
    said: set[tuple[str, int | str | None]] = set()
    for field in fields:
        if (field.topic != "*" and not fnmatchcase(topic, field.topic)) or not _applies(field, message):
            continue
        at, value = _find(message, field.path)
        if value is _MISSING or at in taken:
            continue
        taken.add(at)
        if not field.kind or (field.kind, field.channel) in said:
            continue
        made = _meaning(field, value)
        if made is not None:
            said.add((field.kind, field.channel))
            yield Measurement(field.kind, made, field.unit, field.channel)


def _applies(field: Field, message: Any) -> bool:
    return all(word_of(_find(message, path)[1]) == word.lower() for path, word in field.only)


def _find(message: Any, path: Path) -> tuple[Path, Any]:
    """Where the value is and what it is; `_MISSING` where there is none.

    A step with * in it finds the first key that fits and leads to a value; a number of steps bounds the search.
    """
    guessed = any("*" in step for step in path)
    waiting: list[tuple[Any, Path]] = [(message, ())]
    for _ in range(MOST_SEARCHED):
        if not waiting:
            break
        value, at = waiting.pop()
        if len(at) == len(path):
            if guessed and isinstance(value, dict | list):
                continue
            return at, value
        step = path[len(at)]
        if isinstance(value, dict):
            if "*" in step:
                fits = [key for key in value if fnmatchcase(key, step)]
                waiting += [(value[key], (*at, key)) for key in reversed(fits[:MOST_SEARCHED])]
            elif step in value:
                waiting.append((value[step], (*at, step)))
        elif (
            isinstance(value, list) and step.isascii() and step.isdecimal() and len(step) < 6 and int(step) < len(value)
        ):
            waiting.append((value[int(step)], (*at, step)))
    return (), _MISSING


def _meaning(field: Field, value: Any) -> Any:
    """The measured value; None: it does not know."""
    word = word_of(value)
    if word in field.table:
        value = field.table[word]
        word = word_of(value)
    if value is None or (word in NOTHING and word not in field.yes | field.no):
        return None
    match KINDS[field.kind][0]:
        case "bool":
            return _truth(field, word) != field.invert
        case "whole":
            number = _number(field, value)
            if number < 0 or number != int(number):
                raise DecodeError(f"{field.kind} is no whole number")
            return int(number)
        case "number":
            return _number(field, value)
        case _:
            return _text(field, value)


def _truth(field: Field, word: str) -> bool:
    opening = field.kind == "opening"
    if word in field.yes:
        return True
    if word in field.no:
        return False
    if word in TRUE or (opening and word in OPEN):
        return True
    if word in FALSE or (opening and word in CLOSED):
        return False
    raise DecodeError(f"{field.kind} is neither true nor false")


def _number(field: Field, value: Any) -> float:
    if isinstance(value, str) and _NUMBER.fullmatch(text := value.strip()):
        value = float(text) if any(sign in text for sign in ".eE") else int(text)
    if isinstance(value, bool) or not isinstance(value, int | float) or not -LARGEST < value < LARGEST:
        raise DecodeError(f"{field.kind} is not a number, or out of all bounds")
    if field.scale == 1 and field.offset == 0:
        return value
    return round(value * field.scale + field.offset, 6)


def _text(field: Field, value: Any) -> str:
    if not isinstance(value, str) or len(value) > 32:
        raise DecodeError(f"{field.kind} is no short text")
    word = value.strip().lower().replace("-", "_").replace(" ", "_")
    word = PRESSES.get(word, word)
    if not _BUTTON.fullmatch(word):
        raise DecodeError(f"{field.kind} has signs that no name has")
    return word


def _value(body: bytes) -> Any:
    """The JSON of a message; text where it is none. Raises DecodeError."""
    if not body:
        raise Truncated("an empty message")
    if len(body) > MOST_BYTES:
        raise DecodeError(f"{len(body)} bytes")
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise DecodeError("not UTF-8") from error
    try:
        value = _JSON.decode(text)
    except (ValueError, RecursionError) as error:
        if text.lstrip()[:1] in ("{", "[", '"'):
            raise DecodeError("JSON that is broken, or with NaN, a number too large or a key given twice") from error
        return text
    if _deep(value, MOST_DEPTH):
        raise DecodeError(f"more than {MOST_DEPTH} levels")
    return value


def _deep(value: Any, left: int) -> bool:
    if isinstance(value, dict):
        return left == 0 or any(_deep(part, left - 1) for part in value.values())
    return isinstance(value, list) and (left == 0 or any(_deep(part, left - 1) for part in value))


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key is given twice")
    return made


_JSON = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)


def plan_of(context: Context) -> Plan:
    """The profile with the mapping over it. Raises Unsupported for a mapping with mistakes, or no such profile."""
    base = PLANS.get(context.profile)
    if base is None:
        raise Unsupported("no such profile")
    mapping = context.mapping
    if not mapping:
        return base
    known = _MEMO.get(id(mapping))
    if known is not None and known[0] is mapping and known[1] == context.profile:
        return known[2]
    wrong = check(mapping)
    if wrong:
        raise Unsupported(f"mapping: {wrong[0]}")
    plan = over(base, mapping)
    if set(plan.status) & set(plan.topics):
        raise Unsupported("mapping: a topic stands under status and under topics")
    if len(_MEMO) >= _MOST_MEMO:
        _MEMO.clear()
    _MEMO[id(mapping)] = (mapping, context.profile, plan)
    return plan


DRIVER = Driver(
    name="mqtt_json",
    title="JSON over MQTT: Zigbee2MQTT, Tasmota, ESPHome, Shelly, and others by a mapping",
    media=("mqtt",),
    modality="environment",
    mixed=True,
    decode=decode,
    decode_with=decode_with,
    profiles=tuple(name for name in PLANS if name),
    check=check,
    kinds=tuple(KINDS),
    checked="2026-11-26",
)
