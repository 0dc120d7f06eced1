"""A mapping of office.yaml: what is wrong with it, and a plan with the mapping over it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from drivers.occupancy.mqtt_json.plan import KINDS, LARGEST, Field, Plan, steps, word_of

MOST_FIELDS, MOST_TOPICS = 64, 16
PLACES = re.compile(r"\{([^{}]*)\}")
"""What stands in braces in a topic."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_NONE = object()
_PARTS = ("status", "topics", "fields", "online")
_FIELD_KEYS = (
    *("topic", "path", "kind", "unit", "scale", "offset", "invert"),
    *("true_when", "false_when", "table", "only", "channel"),
)


def over(base: Plan, mapping: Mapping[str, Any]) -> Plan:
    """The plan with a mapping over it that `check` finds nothing wrong with."""
    online = base.online
    if said := mapping.get("online"):
        online = online._replace(
            path=steps(said.get("path", "state")),
            yes=(online.yes | _words(said.get("true_when"))) - _words(said.get("false_when")),
            no=(online.no | _words(said.get("false_when"))) - _words(said.get("true_when")),
        )
    return Plan(
        status=_named(base.status, mapping.get("status")),
        topics=_named(base.topics, mapping.get("topics")),
        fields=(*map(_made, mapping.get("fields") or ()), *base.fields),
        online=online,
    )


def _named(base: Mapping[str, str], over: Mapping[str, str | None] | None) -> Mapping[str, str]:
    return {name: text for name, text in {**base, **(over or {})}.items() if text is not None}


def _made(field: Mapping[str, Any]) -> Field:
    kind = field["kind"] or ""
    yes, no = _words(field.get("true_when")), _words(field.get("false_when"))
    return Field(
        topic=field.get("topic", "*"),
        path=steps(field.get("path", "")),
        kind=kind,
        unit=field.get("unit", KINDS[kind][1][0]) if kind else "",
        scale=field.get("scale", 1),
        offset=field.get("offset", 0),
        invert=field.get("invert", False),
        yes=yes,
        no=no - yes,
        table={one: value for word, value in (field.get("table") or {}).items() for one in _words(word)},
        only=tuple((steps(path), word_of(word)) for path, word in (field.get("only") or {}).items()),
        channel=field.get("channel"),
    )


def _words(said: Any) -> frozenset[str]:
    """Words of a mapping. YAML reads on and yes as true: either may be meant."""
    values = said if isinstance(said, list | tuple) else () if said is None else (said,)
    meant = {True: ("true", "on", "yes"), False: ("false", "off", "no")}
    return frozenset(
        word for value in values for word in (meant[value] if isinstance(value, bool) else (word_of(value),))
    )


def check(mapping: Mapping[str, Any]) -> list[str]:
    """What is wrong with a mapping, a sentence each."""
    wrong = list(_strangers(mapping, _PARTS, "a mapping"))
    for part in ("status", "topics"):
        wrong += _check_topics(part, mapping.get(part))
    status, measured = mapping.get("status"), mapping.get("topics")
    if isinstance(status, dict) and isinstance(measured, dict):
        both = [name for name in status if name in measured and status[name] is not None and measured[name] is not None]
        wrong += [
            f'"{_short(name)}" stands under status and under topics; give one of them another name' for name in both
        ]
    wrong += _check_online(mapping.get("online"))
    fields = mapping.get("fields")
    if fields is None:
        return wrong
    if not isinstance(fields, list | tuple):
        return [*wrong, "fields is not a list; write - {path: presence, kind: occupied}"]
    if len(fields) > MOST_FIELDS:
        return [*wrong, f"{len(fields)} fields, at most {MOST_FIELDS} are taken"]
    for number, field in enumerate(fields, 1):
        wrong += [f"field {number}: {text}" for text in _check_field(field)]
    return wrong


def _check_topics(part: str, names: Any) -> Iterator[str]:
    if names is None:
        return
    if not isinstance(names, dict):
        yield f'{part} does not give topics their names; write {part}: {{state: "{{address}}"}}'
        return
    if len(names) > MOST_TOPICS:
        yield f"{part} has {len(names)} topics, at most {MOST_TOPICS} are taken"
    for name, text in names.items():
        shown = f'{part}: "{_short(name)}"'
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            yield f"{shown} is no name; write lower-case letters, digits and _"
        if text is None:
            continue
        if not isinstance(text, str) or not text or len(text) > 256 or "#" in text or "\0" in text:
            yield f"{shown} is no topic; write one without #"
            continue
        if any("+" in level and level != "+" for level in text.split("/")):
            yield f"{shown} has a + within a level; a + stands alone between slashes"
        strange = [place for place in PLACES.findall(text) if place not in ("address", "first")]
        if strange or set(PLACES.sub("", text)) & set("{}"):
            yield f"{shown} has other braces than {{address}} and {{first}}"


def _check_online(online: Any) -> Iterator[str]:
    if online is None:
        return
    if not isinstance(online, dict):
        yield "online is no object; write online: {path: state, true_when: [awake], false_when: [asleep]}"
        return
    yield from _strangers(online, ("path", "true_when", "false_when"), "online")
    if not isinstance(online.get("path", ""), str):
        yield "online: path is not text"
    for key in ("true_when", "false_when"):
        if not _is_words(online.get(key)):
            yield f"online: {key} is neither a word nor a list of words"


def _check_field(field: Any) -> Iterator[str]:
    if not isinstance(field, dict):
        yield "is no object; write {path: presence, kind: occupied}"
        return
    yield from _strangers(field, _FIELD_KEYS, "a field")
    for key in ("topic", "path"):
        if not isinstance(field.get(key, ""), str) or len(field.get(key, "")) > 256:
            yield f"{key} is not text"
    kind = field.get("kind", _NONE)
    if kind is _NONE:
        yield "has no kind; write kind: occupied, or kind: null to leave the value alone"
    elif kind is not None and (not isinstance(kind, str) or kind not in KINDS):
        yield f'kind "{_short(kind)}" is none of {", ".join(KINDS)}'
    elif kind is not None and "unit" in field and field["unit"] not in KINDS[kind][1]:
        yield f'unit "{_short(field["unit"])}" is none of {kind}: {", ".join(KINDS[kind][1]) or "none"}; use scale'
    for key in ("scale", "offset"):
        value = field.get(key, 1)
        if isinstance(value, bool) or not isinstance(value, int | float) or not -LARGEST < value < LARGEST:
            yield f"{key} is not a number"
    if not isinstance(field.get("invert", False), bool):
        yield "invert is neither true nor false"
    for key in ("true_when", "false_when"):
        if not _is_words(field.get(key)):
            yield f"{key} is neither a word nor a list of words"
    for key in ("table", "only"):
        value = field.get(key)
        if value is not None and not (isinstance(value, dict) and all(map(_is_scalar, (*value, *value.values())))):
            yield f"{key} is no object of words"
        elif value is not None and key == "only" and not all(isinstance(path, str) for path in value):
            yield "only does not begin with a path"
    channel = field.get("channel")
    if isinstance(channel, bool) or not isinstance(channel, int | str | None) or len(str(channel)) > 32:
        yield "channel is neither a number nor a short word"


def _strangers(given: Mapping[Any, Any], known: Iterable[str], what: str) -> Iterator[str]:
    names = tuple(known)
    for name in given:
        if name not in names:
            yield f'"{_short(name)}" is nothing that {what} has; there are {", ".join(names)}'


def _is_words(value: Any) -> bool:
    return all(map(_is_scalar, value)) if isinstance(value, list | tuple) else _is_scalar(value)


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)


def _short(value: object) -> str:
    return str(value)[:40]
