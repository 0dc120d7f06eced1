"""What office.yaml says of Modbus, GPIO, keyboard and PC/SC, and the sources and lights that it makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway import bindings
from gateway.clock import SystemClock
from gateway.config.load import load
from gateway.counters import Counters
from gateway.decode import installed
from gateway.errors import ConfigError
from gateway.sources.around import Around
from gateway.sources.build import build
from gateway.sources.gpio import GpioSource
from gateway.sources.gpio_light import lights
from gateway.sources.keyboard import KeyboardSource
from gateway.sources.modbus import ModbusSource
from gateway.sources.pcsc import PcscSource

OFFICE = """
version: 1
site: demo
buildings:
  - id: b
    coordinator: gw
    floors: [{id: f, owner: gw, zones: [{id: z, spaces: [{id: d1}, {id: d2}]}]}]
gateways:
  - id: gw
    place: b/f
    sources:
      - {type: modbus, id: bus, host: 192.0.2.7, poll_s: 30, devices: [air, door]}
      - {type: gpio, id: wires, devices: [pir]}
      - {type: keyboard, id: wedge, port: /dev/input/by-id/x-event-kbd, device: reader}
      - {type: pcsc, id: acr, reader: ACS, device: acr}
devices:
  - {id: air, driver: modbus, modality: environment, place: b/f/z, address: "3", mapping: MAP}
  - {id: door, driver: modbus, modality: contact, place: b/f/z, address: "4", expect_s: 5, mapping: {values: [
      {kind: opening, register: 0, type: bool, function: coil}]}}
  - {id: pir, driver: gpio_pir, place: b/f/z/d1, address: "17"}
  - {id: reader, driver: keyboard, profile: em10h, place: b/f/z/d1, light: {line: 5, refused_line: 6}}
  - {id: acr, driver: pcsc, place: b/f/z/d2}
"""
MAP = "{values: [{kind: co2, register: 2, type: uint16, unit: ppm}]}"


def around(folder: Path, text: str) -> tuple[Any, Around]:
    file = folder / "office.yaml"
    file.write_text(text)
    named = installed()
    office = load(file, drivers=named)
    (gateway,) = office.gateways
    return gateway, Around(
        office=office,
        gateway=gateway.id,
        bound=bindings.Bound(gateway, bindings.by_device(office, named)),
        named=named,
        clock=SystemClock(),
        counters=Counters(),
        is_ours=lambda _: False,
        on_device=lambda *_: None,
    )


def test_each_type_makes_its_source(tmp_path: Path) -> None:
    gateway, given = around(tmp_path, OFFICE.replace("MAP", MAP))
    made = [build(source, given, lambda _: None) for source in gateway.sources]
    assert [type(one) for one in made] == [ModbusSource, GpioSource, KeyboardSource, PcscSource]
    assert [one.id for one in made] == ["bus", "wires", "wedge", "acr"]


def test_a_polled_device_is_expected_as_often_as_it_is_polled(tmp_path: Path) -> None:
    _, given = around(tmp_path, OFFICE.replace("MAP", MAP))
    devices = given.bound.all()
    assert {name: devices[name].expect_s for name in ("air", "door", "pir", "reader")} == {
        "air": 30.0,
        "door": 5.0,
        "pir": None,
        "reader": None,
    }


def test_a_light_stands_beside_its_reader(tmp_path: Path) -> None:
    gateway, given = around(tmp_path, OFFICE.replace("MAP", MAP))
    assert list(lights(gateway, given.bound, given.counters)) == [("wedge", "")]


def test_a_modbus_device_without_a_register_map_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r'device "air" says nothing yet: driver "modbus" needs a mapping'):
        around(tmp_path, OFFICE.replace(", mapping: MAP", ""))
