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
PERSON = "p-0f3a9c52d1e87b64"
FILES = schema.files()
SCHEMAS = schema.schemas()


def test_the_files_are_up_to_date() -> None:
    every = (path.relative_to(DOCS) for path in DOCS.rglob("*") if path.is_file())
    there = {str(path) for path in every if path.parts[0] != "conformance"}  # tests/contract/kit.py makes that
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


PLACE5 = "{site}/{building}/{floor}/{zone}/{space}"
TABLE = {
    # topic below hadir/v1: (QoS, retained, expiry in s, whether hadir sends it), as the design's table has it
    f"evt/{PLACE5}/{{type}}": (1, False, None, True),
    "who/{site}/{unit}/{gateway}/{type}": (1, False, None, True),
    "sense/{site}/{building}/{gateway}/{type}": (1, False, None, True),
    "hist/{site}/{gateway}": (1, False, None, True),
    "whohist/{site}/{unit}/{gateway}": (1, False, None, True),
    "sensehist/{site}/{building}/{gateway}": (1, False, None, True),
    f"state/{PLACE5}": (1, True, 90, True),
    "agg/{site}/{building}/{floor}/{zone}": (1, True, 90, True),
    f"place/{PLACE5}": (1, True, None, True),
    "gw/{site}/{gateway}/status": (1, True, None, True),
    "gw/{site}/{gateway}/health": (0, False, None, True),
    "gw/{site}/{gateway}/canary": (1, False, None, True),
    "dev/{site}/{gateway}/{device}": (1, True, None, True),
    "reading/{site}/{owner}/{gateway}": (1, False, None, True),
    "whosight/{site}/{building}/{gateway}": (0, False, None, True),
    "people/{site}/{gateway}": (1, False, None, True),
    "coord/{site}/{building}/{gateway}": (1, False, None, True),
    "ack/{site}/{gateway}": (1, False, None, True),
    "cmd/{site}/{gateway}/{command}": (1, False, 30, False),
    "whocmd/{site}/{gateway}/{command}": (1, False, 30, False),
    "res/{client}/{command}": (1, False, None, True),
}


def test_asyncapi_tells_of_every_topic_who_sends_it_and_how() -> None:
    document = yaml.safe_load(FILES["asyncapi.yaml"])
    found = {}
    for name, operation in document["operations"].items():
        mqtt = operation["bindings"]["mqtt"]
        assert operation["channel"] == {"$ref": f"#/channels/{name}"}
        how = (mqtt["qos"], mqtt["retain"], mqtt.get("messageExpiryInterval"), operation["action"] == "send")
        found[document["channels"][name]["address"]] = how
    expected = {f"hadir/v1/{topic}": how for topic, how in TABLE.items()}
    expected["homeassistant/device/{gateway}_{device}/config"] = (1, True, None, True)
    assert found == expected


def test_asyncapi_names_for_each_live_topic_the_types_that_may_come_by_it() -> None:
    document = yaml.safe_load(FILES["asyncapi.yaml"])
    for cls in ("evt", "who", "sense"):
        types = {kind.name for kind in EVENTS.values() if cls in kind.classes}
        assert set(document["channels"][cls]["parameters"]["type"]["enum"]) == types
        (history,) = document["channels"][{"evt": "hist", "who": "whohist", "sense": "sensehist"}[cls]]["messages"]
        items = document["components"]["messages"][history]["payload"]["items"]["anyOf"]
        assert {item["$ref"] for item in items} == {f"./schemas/{name}.json" for name in types}


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
    sensed = Event("presence.idle", place, 1, {"visit_id": "5b0c5c8e-1111-5222-8333-444455556666"}, "sense", PERSON)
    inferred = decode(encode(sensed, origin, sequence=1, recorded_at=1).body)
    for topic in (Topic("sense", "ikn", "kk2", "gw-1", type="presence.idle"), Topic("sensehist", "ikn", "kk2", "gw-1")):
        assert refusal(topic, inferred) == ""
        assert refusal(topic._replace(building="kk3"), inferred) == "wrong_topic", "another building's reader sees it"
    act = decode(
        encode(
            sensed._replace(type="desk.release.warning", data={"due": 1}, cls="who", unit="bkn"),
            origin,
            sequence=1,
            recorded_at=1,
        ).body
    )
    for topic in (
        Topic("who", "ikn", "", "gw-1", "bkn", type="desk.release.warning"),
        Topic("whohist", "ikn", "", "gw-1", "bkn"),
    ):
        assert refusal(topic, act) == ""
        assert refusal(topic._replace(unit="_"), act) == "wrong_topic", "another unit's reader sees it"
    elsewhere = Topic("evt", "ikn", "kk2", place="ikn/kk2/l05/timur/d-018", type="badge.rejected")
    assert refusal(elsewhere, event) == "wrong_topic"
