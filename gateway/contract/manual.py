"""docs/contract/README.md: the guide, then the topics and the data dictionary in words, made from the models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from gateway.contract.acks import BootAck, Refusal
from gateway.contract.channels import CHANNELS
from gateway.contract.events import EVENTS, AboutPerson, Data
from gateway.contract.exchange import ForwardedReading, ReadingsAck
from gateway.contract.fields import Challenger, ClockState, Heard, Measured
from gateway.contract.guide import GUIDE
from gateway.contract.state import Desk, Names, SourceHealth, Waiting

PARTS: tuple[type[BaseModel], ...] = (
    ClockState,
    Measured,
    Heard,
    Challenger,
    Desk,
    Names,
    Waiting,
    SourceHealth,
    BootAck,
    Refusal,
    ForwardedReading,
    ReadingsAck,
)


def manual() -> str:
    """The whole page."""
    return GUIDE + "\n".join((*_topics(), *_events(), *_payloads(), *_parts()))


def _topics() -> Iterator[str]:
    yield "## Topics"
    yield "| topic | retained | QoS | sent by | content | read by |"
    yield "|---|---|---|---|---|---|"
    for channel in CHANNELS:
        expiry = f", {channel.expiry_s} s" if channel.expiry_s else ""
        kept = f"yes{expiry}" if channel.retained else f"no{expiry}"
        yield f"| `{channel.topic}` | {kept} | {channel.qos} | {channel.sender} | {channel.says} | {channel.readers} |"
    yield ""


def _events() -> Iterator[str]:
    yield "## Events, version 1"
    yield "A class is where an event stands: `evt` without a person, `who` an act of a person, `sense` an inference."
    yield ""
    yield "### In the data of every event"
    yield from _fields(Data, ())
    yield "### In the data of every event about a person"
    yield from _fields(AboutPerson, Data.model_fields)
    for kind in EVENTS.values():
        yield f"### {kind.name} ({', '.join(kind.classes)})"
        yield _says(kind.model)
        yield ""
        common = AboutPerson.model_fields if issubclass(kind.model, AboutPerson) else Data.model_fields
        yield from _fields(kind.model, common)


def _payloads() -> Iterator[str]:
    yield "## Other payloads"
    told: set[str] = set()
    for channel in CHANNELS:
        if channel.payload is not None and channel.payload.__name__ not in told:
            told.add(channel.payload.__name__)
            yield f"### {channel.payload.__name__}: `{channel.topic}`"
            yield _says(channel.payload)
            yield ""
            yield from _fields(channel.payload, ())


def _parts() -> Iterator[str]:
    yield "## Parts that the tables name"
    for model in PARTS:
        yield f"### {model.__name__}"
        yield _says(model)
        yield ""
        yield from _fields(model, ())


def _says(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").split())


def _fields(model: type[BaseModel], without: Any) -> Iterator[str]:
    schema = model.model_json_schema(by_alias=True)
    required = set(schema.get("required", ()))
    rows = [
        f"| `{name}` | {_type(field)} | {'yes' if name in required else ''} | {_cell(field.get('description', ''))} |"
        for name, field in schema.get("properties", {}).items()
        if name not in without
    ]
    if not rows:
        yield "No fields of its own."
    else:
        yield "| field | type | always | meaning |"
        yield "|---|---|---|---|"
        yield from rows
    yield ""


def _type(field: dict[str, Any]) -> str:
    """A field's type in a word or two; enumerations in full."""
    if "enum" in field:
        return _cell(" ".join(f"`{word}`" for word in field["enum"]))
    if "const" in field:
        return f"`{field['const']}`"
    if "$ref" in field:
        return str(field["$ref"]).rpartition("/")[2]
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_type(choice) for choice in field["anyOf"]))
    kind = field.get("format") or field.get("type", "any")
    if kind == "array" and "items" in field:
        return f"list of {_type(field['items'])}"
    return str(kind)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
