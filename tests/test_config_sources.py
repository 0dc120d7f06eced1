"""Mistakes around sources and devices in office.yaml: told with their line, all at once, and never by a traceback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.config import surroundings
from gateway.config.document import Document
from gateway.config.load import load
from gateway.decode import installed
from gateway.errors import ConfigError

DRIVERS = installed()
PLACE = "b1/l1/z1/d-1"
FIELDS = {"reader": "r", "badge": "b"}
CONTACT = {"kind": "motion", "register": 1, "type": "bool"}


def written(folder: Path, sources: list[Any], devices: list[Any]) -> Path:
    office = {
        "site": "ikn",
        "buildings": [
            {
                "id": "b1",
                "coordinator": "gw1",
                "floors": [{"id": "l1", "owner": "gw1", "zones": [{"id": "z1", "spaces": [{"id": "d-1"}]}]}],
            }
        ],
        "gateways": [{"id": "gw1", "place": "b1/l1", "sources": sources}],
        "devices": devices,
    }
    file = folder / "office.yaml"
    file.write_text(yaml.safe_dump(office, sort_keys=False), encoding="utf-8")
    return file


def device(name: str, driver: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "driver": driver, "place": PLACE, **more}


def problems(folder: Path, sources: list[Any], devices: list[Any]) -> list[str]:
    """Texts without file and line, which are there."""
    with pytest.raises(ConfigError) as caught:
        load(written(folder, sources, devices), drivers=DRIVERS)
    assert all(problem.line for problem in caught.value.problems)
    return [problem.text for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("kind", "more"),
    [("modbus", {"port": "/dev/x"}), ("gpio", {}), ("osdp", {"port": "/dev/x"}), ("enocean", {"port": "/dev/x"})],
)
def test_a_source_that_brings_nothing_is_a_mistake(tmp_path: Path, kind: str, more: dict[str, Any]) -> None:
    """A Modbus bus without units would have ended the gateway."""
    said = problems(tmp_path, [{"type": kind, "id": "s", "devices": [], **more}], [])
    assert said == ["gateways.sources.devices must name one at least (it is a list)"]


def test_a_mistake_beside_a_mapping_is_told(tmp_path: Path) -> None:
    """Whatever it is: every office with a mapping ended in a traceback as soon as it had one mistake."""
    (tmp_path / "map.yaml").write_text(yaml.safe_dump({"values": [CONTACT]}), encoding="utf-8")
    sources = [{"type": "modbus", "id": "m", "host": "h", "devices": ["a", "b"], "speed": 1}]
    devices = [
        device("a", "modbus", address="1", modality="pir", mapping={"values": [CONTACT]}),
        device("b", "modbus", address="2", modality="pir", mapping="map.yaml"),
    ]
    assert problems(tmp_path, sources, devices) == ['"speed" is not a setting here']


@pytest.mark.parametrize("mapping", [[1], 5, True])
def test_what_is_no_mapping_is_said_once(tmp_path: Path, mapping: Any) -> None:
    sources = [{"type": "modbus", "id": "m", "host": "h", "devices": ["a"]}]
    (said,) = problems(tmp_path, sources, [device("a", "modbus", address="1", modality="pir", mapping=mapping)])
    assert said.startswith("devices.mapping must be a mapping (name: value), or the path of a YAML file with one")


@pytest.mark.parametrize("kind", [[], {}, [1], {"a": 1}, 7, None])
def test_a_type_that_is_no_word(tmp_path: Path, kind: Any) -> None:
    (said,) = problems(tmp_path, [{"type": kind, "id": "s", "port": "/dev/x", "device": "a"}], [device("a", "ld2410")])
    assert said.startswith("gateways.sources.type must be serial, ble, ")


def test_two_sources_on_one_port_of_the_network(tmp_path: Path) -> None:
    source = {"type": "door_webhook", "port": 8080, "token_file": "t", "fields": FIELDS}
    said = problems(
        tmp_path,
        [{"id": "w1", "devices": ["a"], **source}, {"id": "w2", "devices": ["b"], **source}],
        [device(name, "door", address="R1", profile="text") for name in ("a", "b")],
    )
    assert said == ["port 8080 already belongs to the source on line 20"]


def test_a_line_of_a_chip_is_for_one_contact_or_one_light(tmp_path: Path) -> None:
    said = problems(
        tmp_path,
        [
            {"type": "serial", "id": "r", "port": "/dev/x", "device": "a"},
            {"type": "gpio", "id": "g", "devices": ["b"]},
            {"type": "gpio", "id": "h", "devices": ["c"]},
        ],
        [
            device("a", "rdm6300", light={"line": 5, "refused_line": 6}),
            device("b", "gpio_pir", address="5", light={"line": 9}),
            device("c", "gpio_pir", address="6"),
        ],
    )
    assert said == [
        "line 5 of /dev/gpiochip0 already belongs to the device on line 33",
        'device "b" has a light, and driver "gpio_pir" reads no badges',
        "line 6 of /dev/gpiochip0 already belongs to the device on line 34",
    ]


def test_a_line_that_is_no_number_beside_a_type_that_is_none(tmp_path: Path) -> None:
    sources = [{"type": 5, "id": "g", "chip": "/dev/gpiochip0", "bias": "as_is", "devices": ["c"]}]
    said = problems(tmp_path, sources, [device("c", "gpio_pir", address="x")])
    assert any("gateways.sources.type must be" in text for text in said)


def test_two_sources_that_may_mean_one_reader_of_cards(tmp_path: Path) -> None:
    """Each card would be a tap at two desks."""
    sources = [{"type": "pcsc", "id": f"s{n}", "device": name} for n, name in enumerate("ab")]
    devices = [device(name, "pcsc") for name in "ab"]
    (said,) = problems(tmp_path, sources, devices)
    assert said.startswith('source "s1" may mean the reader of the source on line 17')
    sources = [source | {"reader": f"ACR122U 0{n}"} for n, source in enumerate(sources)]
    load(written(tmp_path, sources, devices), drivers=DRIVERS)


def test_a_passive_scan_cannot_ask_for_tags_of_any_company(tmp_path: Path) -> None:
    """It would hear none of them, and say nothing of it."""
    source = {"type": "ble", "id": "r", "device": "rx", "drivers": ["ibeacon", "altbeacon"]}
    (said,) = problems(tmp_path, [source], [device("rx", "receiver")])
    assert said.startswith('source "r" is passive, and "altbeacon" may come from any company')
    load(written(tmp_path, [source | {"mode": "active"}], [device("rx", "receiver")]), drivers=DRIVERS)


def test_a_source_with_a_broker_of_its_own_is_checked_as_that_of_the_site(tmp_path: Path) -> None:
    broker = {"host": "h", "password_file": "p", "tls": {"certificate": "c"}, "embedded": True}
    sources = [{"type": "door_mqtt", "id": "d", "topic": "t/#", "fields": FIELDS, "devices": ["a"], "broker": broker}]
    here = "gateways.sources.broker"
    assert problems(tmp_path, sources, [device("a", "door", address="R1", profile="text")]) == [
        f"{here}.password_file without {here}.username",
        f"{here}.tls: certificate and key go together; give both or none",
        'source "d" has a broker of its own, and only that of the site is embedded',
    ]


@pytest.mark.parametrize("topic", ["a/#/b", "x/+y", "a#", "#/"])
def test_a_topic_filter_that_is_none(tmp_path: Path, topic: str) -> None:
    """The client's library raises for it, which would have ended the gateway."""
    sources = [{"type": "door_mqtt", "id": "d", "topic": topic, "fields": FIELDS, "devices": ["a"]}]
    (said,) = problems(tmp_path, sources, [device("a", "door", address="R1", profile="text")])
    assert said.startswith(f'gateways.sources.topic "{topic}" is not a topic filter')


@pytest.mark.parametrize("topic", ["#", "+", "a/+/b", "a/#", "/a", "$share/g/a", "+/+/#"])
def test_topic_filters(tmp_path: Path, topic: str) -> None:
    sources = [{"type": "door_mqtt", "id": "d", "topic": topic, "fields": FIELDS, "devices": ["a"]}]
    load(written(tmp_path, sources, [device("a", "door", address="R1", profile="text")]), drivers=DRIVERS)


@pytest.mark.parametrize("port", ["/dev/a\x00b", "/dev/\x1b[2J", "/dev/\ud800"])
def test_a_control_character_behind_an_escape(tmp_path: Path, port: str) -> None:
    """What opens such a path raises no OSError."""
    file = written(
        tmp_path,
        [{"type": "serial", "id": "s", "port": "PORT", "device": "a"}],
        [device("a", "ld2410")],
    )
    escaped = "".join(f"\\u{ord(one):04x}" for one in port)
    file.write_text(file.read_text(encoding="utf-8").replace("PORT", f'"{escaped}"'), encoding="utf-8")
    with pytest.raises(ConfigError, match="port has a control character in it"):
        load(file, drivers=DRIVERS)


def test_keys_that_no_driver_can_use_are_told_without_them(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        [
            {"type": "osdp", "id": "o", "port": "/dev/x", "devices": ["a"]},
            {"type": "ble", "id": "r", "device": "rx", "devices": ["b"]},
            {"type": "serial", "id": "s", "port": "/dev/y", "device": "c"},
        ],
        [
            device("a", "wiegand", address="1"),
            device("rx", "receiver"),
            device("b", "bthome", address="A4:C1:38:05:8E:E9", modality="pir"),
            device("c", "ld2410"),
        ],
    )
    office = load(file, drivers=DRIVERS)
    assert surroundings.keys(office, DRIVERS) == []
    (tmp_path / "keys").mkdir()
    secrets = tmp_path / "keys" / "devices.keys"
    secrets.write_text("a abcd\nb abcdef\nc abcdef01\n")
    secrets.chmod(0o600)
    said = [str(problem) for problem in surroundings.keys(office, DRIVERS)]
    assert [text.removeprefix(f"{secrets}: the key of device ") for text in said] == [
        '"a" has 2 bytes, and 16 are wanted',
        '"b" has 3 bytes, and 16 are wanted',
        '"c" is of no use to driver "ld2410"',
    ]
    secrets.chmod(0o644)
    (said_now,) = surroundings.keys(office, DRIVERS)
    assert "chmod 600" in said_now.text


def test_files_that_a_source_needs_are_noted(tmp_path: Path) -> None:
    broker = {"username": "u", "password_file": "nobody"}
    file = written(
        tmp_path,
        [
            {
                "type": "door_webhook",
                "id": "w",
                "port": 8080,
                "token_file": "token",
                "fields": FIELDS,
                "devices": ["a"],
            },
            {"type": "door_mqtt", "id": "m", "topic": "t", "broker": broker, "fields": FIELDS, "devices": ["b"]},
        ],
        [device(name, "door", address="R1", profile="text") for name in ("a", "b")],
    )
    office = load(file, drivers=DRIVERS)
    said = [note.text for note in surroundings.notes(office, Document.read(file))]
    assert said == [f"there is no file {tmp_path / name}" for name in ("token", "nobody")]
