"""The contract as files for others: a JSON Schema for each type and payload, an AsyncAPI 3 document, a dictionary.

Made from the models; a test fails when docs/contract differs from them.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from gateway.contract.channels import CHANNELS, Channel
from gateway.contract.envelope import CLASSIFICATION, MAJOR, MINOR, TYPE_PREFIX
from gateway.contract.events import EVENTS, EventType
from gateway.contract.fields import BOOT, CORRELATION, PLACE, SEQUENCE, TIME, UUID
from gateway.contract.manual import manual
from gateway.contract.topics import LEVEL

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ASYNCAPI = "3.0.0"
MQTT_BINDING = "0.2.0"
BATCH = "application/cloudevents-batch+json"
EVENT = "application/cloudevents+json"


def write(folder: Path) -> list[Path]:
    """Write all files of the contract into `folder`; the paths written. Schemas of types that are gone are removed."""
    made = files()
    schemas = folder / "schemas"
    schemas.mkdir(parents=True, exist_ok=True)
    for old in schemas.glob("*.json"):
        if f"schemas/{old.name}" not in made:
            old.unlink()
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in made]


def files() -> dict[str, str]:
    """Name below docs/contract -> content."""
    made = {f"schemas/{name}.json": _json(schema) for name, schema in schemas().items()}
    made["asyncapi.yaml"] = "# Made by `hadir schema`: change gateway/contract, not this file.\n" + yaml.safe_dump(
        asyncapi(), sort_keys=False, width=110, allow_unicode=True
    )
    made["README.md"] = manual()
    return made


def schemas() -> dict[str, dict[str, Any]]:
    """Every JSON Schema, by name: event types, and payloads as `payload.<model>`."""
    made = {kind.name: event_schema(kind) for kind in EVENTS.values()}
    for channel in CHANNELS:
        if channel.payload is not None:
            name = payload_name(channel.payload)
            made[name] = {"$schema": DIALECT, "$id": f"urn:hadir:schema:{name}:{MINOR}"} | _open(channel.payload)
    return made


def payload_name(model: type[BaseModel]) -> str:
    """`PlaceState` -> `payload.place_state`."""
    return "payload." + re.sub(r"(?<!^)(?=[A-Z])", "_", model.__name__).lower()


def event_schema(kind: EventType) -> dict[str, Any]:
    """The whole event: envelope and data."""
    data = _open(kind.model)
    definitions = data.pop("$defs", {})
    classes = sorted({CLASSIFICATION[cls] for cls in kind.classes})
    properties: dict[str, Any] = {
        "specversion": {"const": "1.0"},
        "type": {"const": f"{TYPE_PREFIX}{kind.name}.{MAJOR}"},
        "source": _text(rf"^/{LEVEL}/gw/{LEVEL}/{BOOT[1:-1]}$", "/<site>/gw/<gateway>/<boot>"),
        "id": _text(UUID, "UUIDv5 of source and sequence: dedupe by it"),
        "sequence": _text(SEQUENCE, "12 digits, contiguous in a boot over all classes: order by it within a source"),
        "subject": _text(PLACE, "the place: site/building/floor/zone/space, `_` for an empty level"),
        "time": {**_text(TIME, "when it happened, by observation"), "format": "date-time"},
        "recordedtime": {**_text(TIME, "when the gateway decided"), "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "dataschema": {"type": "string", "description": f"urn:hadir:schema:{kind.name}:<major.minor>"},
        "dataclassification": {"enum": classes, "description": "restricted: about a person"},
        "correlation": _text(CORRELATION, "joins what belongs together"),
        "data": data,
    }
    made: dict[str, Any] = {
        "$schema": DIALECT,
        "$id": f"urn:hadir:schema:{kind.name}:{MINOR}",
        "title": kind.name,
        "description": data.pop("description", ""),
        "type": "object",
        "required": [name for name in properties if name != "correlation"],
        "properties": properties,
    }
    if "pid" in data["properties"] and kind.name != "privacy.erased":
        made |= {
            "if": {"properties": {"dataclassification": {"const": "restricted"}}},
            "then": {"properties": {"data": {"required": ["pid"], "properties": {"pid": {"type": "string"}}}}},
            "else": {"properties": {"data": {"properties": {"pid": False}}}},
        }
    if definitions:
        made["$defs"] = definitions
    return made


def asyncapi() -> dict[str, Any]:
    """AsyncAPI 3: channels are topics, operations are told from hadir's side."""
    return {
        "asyncapi": ASYNCAPI,
        "info": {
            "title": "hadir",
            "version": MINOR,
            "description": "Presence and occupancy from an office's sensors. Events are structured CloudEvents 1.0.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "broker": {
                "host": "broker.example:8883",
                "protocol": "mqtts",
                "protocolVersion": "5",
                "description": "MQTT 5; MQTT 3.1.1 works as well.",
            }
        },
        "channels": {channel.name: _channel(channel) for channel in CHANNELS},
        "operations": {channel.name: _operation(channel) for channel in CHANNELS},
        "components": {"messages": _messages()},
    }


def _names(channel: Channel) -> list[str]:
    if channel.batch:
        return [f"{channel.events}.batch"]
    if channel.events:
        return [kind.name for kind in EVENTS.values() if channel.events in kind.classes]
    return [payload_name(channel.payload) if channel.payload else f"opaque.{channel.name}"]


def _channel(channel: Channel) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    for name in re.findall(r"{(\w+)}", channel.address):
        parameters[name] = {"description": _PARAMETERS[name]}
        if name == "type":
            parameters[name]["enum"] = _names(channel)
    return {
        "address": channel.topic,
        "description": f"{channel.says} Read by: {channel.readers}.",
        "messages": {
            name.replace(".", "_"): {"$ref": f"#/components/messages/{name.replace('.', '_')}"}
            for name in _names(channel)
        },
        "parameters": parameters,
    }


def _operation(channel: Channel) -> dict[str, Any]:
    binding: dict[str, Any] = {"qos": channel.qos, "retain": channel.retained}
    if channel.expiry_s is not None:
        binding["messageExpiryInterval"] = channel.expiry_s
    return {
        "action": "receive" if channel.sender == "client" else "send",
        "summary": f"Sent by: {channel.sender}.",
        "channel": {"$ref": f"#/channels/{channel.name}"},
        "bindings": {"mqtt": {**binding, "bindingVersion": MQTT_BINDING}},
    }


def _messages() -> dict[str, Any]:
    made: dict[str, Any] = {}
    for channel in CHANNELS:
        for name in _names(channel):
            message: dict[str, Any] = {"name": name, "contentType": "application/json"}
            if channel.batch:
                items = [
                    {"$ref": f"./schemas/{kind.name}.json"}
                    for kind in EVENTS.values()
                    if channel.events in kind.classes
                ]
                message["contentType"] = BATCH
                message["payload"] = {"type": "array", "maxItems": 100, "items": {"anyOf": items}}
            elif channel.events:
                message |= {"contentType": EVENT, "payload": {"$ref": f"./schemas/{name}.json"}}
            elif channel.payload is not None:
                message["payload"] = {"$ref": f"./schemas/{name}.json"}
            else:
                message |= {"contentType": "application/octet-stream", "payload": {"description": channel.says}}
            made.setdefault(name.replace(".", "_"), message)
    return made


def _open(model: type[BaseModel]) -> dict[str, Any]:
    """A model's schema as a reader may hold it: what is added later in this major is allowed."""
    schema = model.model_json_schema(by_alias=True)
    _clean(schema)
    return schema


def _clean(node: Any) -> None:
    if isinstance(node, dict):
        if node.get("additionalProperties") is False:
            del node["additionalProperties"]
        if isinstance(node.get("title"), str):
            del node["title"]
        for value in node.values():
            _clean(value)
    elif isinstance(node, list):
        for value in node:
            _clean(value)


def _text(pattern: str, description: str) -> dict[str, Any]:
    return {"type": "string", "pattern": pattern, "description": description}


def _json(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


_PARAMETERS = {
    "site": "the site's id",
    "building": "the building's id",
    "floor": "the floor's id, or `_`",
    "zone": "the zone's id, or `_`",
    "space": "the desk's or room's id, or `_`",
    "type": "the event's type, without prefix and version",
    "unit": "the person's unit, `_` if none",
    "gateway": "the gateway's id",
    "owner": "gateway that owns the place",
    "device": "the fixed device's id",
    "client": "who asked",
    "command": "the command's name",
}
