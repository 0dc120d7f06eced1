"""docs/contract is what the models say, and holds together."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from gateway.contract import schema
from gateway.contract.arrival import refusal
from gateway.contract.channels import CHANNELS
from gateway.contract.envelope import Origin, decode, encode
from gateway.contract.events import EVENTS
from gateway.contract.lenient import read
from gateway.contract.topics import Topic
from rules.api import Event

DOCS = Path(__file__).parents[2] / "docs" / "contract"
FILES = schema.files()
SCHEMAS = schema.schemas()


def test_the_files_are_up_to_date() -> None:
    there = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*") if path.is_file()}
    assert there == set(FILES), "run `hadir schema`"
    for name, text in FILES.items():
        assert (DOCS / name).read_text(encoding="utf-8") == text, f"{name} differs: run `hadir schema`"


def test_writing_removes_what_is_gone(tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "old.type.json").write_text("{}")
    written = schema.write(tmp_path)
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()} == set(FILES)
    assert len(written) == len(FILES)


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_schemas(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])
    assert 'additionalProperties": false' not in FILES[f"schemas/{name}.json"]


def test_every_field_says_what_it_means() -> None:
    for name, found in SCHEMAS.items():
        data = found["properties"].get("data", found)
        models = [data, *found.get("$defs", {}).values()]
        for field, content in ((f, c) for model in models for f, c in model.get("properties", {}).items()):
            assert content.get("description"), f"{name}: {field} has no description"


def test_asyncapi_holds_together() -> None:
    document = yaml.safe_load(FILES["asyncapi.yaml"])
    assert document["asyncapi"].startswith("3.")
    assert set(document["channels"]) == set(document["operations"]) == {channel.name for channel in CHANNELS}
    for channel in document["channels"].values():
        assert set(re.findall(r"{(\w+)}", channel["address"])) == set(channel["parameters"])
    for reference in _references(document):
        if reference.startswith("#/"):
            at: Any = document
            for step in reference[2:].split("/"):
                at = at[step]
        else:
            assert (DOCS / reference).is_file(), reference
    told = {name for channel in document["channels"].values() for name in channel["messages"]}
    assert {name.replace(".", "_") for name in EVENTS} <= told
    evt = document["operations"]["state"]["bindings"]["mqtt"]
    assert (evt["qos"], evt["retain"], evt["messageExpiryInterval"]) == (1, True, 90)


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [found for value in node.values() for found in _references(value)]
    if isinstance(node, list):
        return [found for value in node for found in _references(value)]
    return []


def test_every_model_can_be_read_leniently() -> None:
    """No enumeration stands in a union, where `unknown` would swallow the other choices."""
    for kind in EVENTS.values():
        with pytest.raises(Exception, match="invalid"):
            read(kind.model, [])


def test_an_event_may_only_come_by_its_own_topic() -> None:
    origin = Origin(site="ikn", building="kk2", gateway="gw-1", boot="000001-00ff")
    place = "ikn/kk2/l05/timur/d-017"
    event = decode(
        encode(
            Event("badge.rejected", place, 1, {"reader": "r-1", "cause": "rate"}), origin, sequence=1, recorded_at=1
        ).body
    )
    assert refusal(Topic("evt", "ikn", "kk2", place=place, type="badge.rejected"), event) == ""
    assert refusal(Topic("hist", "ikn", gateway="gw-1"), event) == ""
    assert refusal(Topic("hist", "ikn", gateway="gw-2"), event) == "foreign_source"
    assert refusal(Topic("hist", "sby", gateway="gw-1"), event) == "foreign_source"
    assert refusal(Topic("whohist", "ikn", gateway="gw-1", unit="_"), event) == "wrong_topic"
    assert refusal(Topic("evt", "ikn", "kk2", place=place, type="occupancy.changed"), event) == "wrong_topic"
    elsewhere = Topic("evt", "ikn", "kk2", place="ikn/kk2/l05/timur/d-018", type="badge.rejected")
    assert refusal(elsewhere, event) == "wrong_topic"
