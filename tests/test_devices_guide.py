"""docs/devices.md is what the drivers say, and its examples are an office that loads."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.load import load
from gateway.decode import built_in, installed
from gateway.devices_guide import MEDIA, Medium, guide

PAGE = Path(__file__).parents[1] / "docs" / "devices.md"
DRIVERS = {driver.name: driver for _, driver in built_in()}
OFFICE = """
site: demo
buildings:
  - id: b
    coordinator: gw
    floors: [{id: f, owner: gw, zones: [{id: z, spaces: [{id: d1}, {id: r1, kind: room}]}]}]
gateways:
  - id: gw
    place: b/f
    sources:
"""


def test_the_page_is_as_the_drivers_are() -> None:
    assert PAGE.read_text(encoding="utf-8") == guide(DRIVERS), "run: make docs"


def test_each_driver_stands_in_it_once() -> None:
    text = guide(DRIVERS)
    assert {name: text.count(f"| `{name}` |") for name in DRIVERS} == dict.fromkeys(DRIVERS, 1)


@pytest.mark.parametrize("medium", [medium for medium in MEDIA if medium.sources], ids=lambda medium: medium.title)
def test_an_example_loads(tmp_path: Path, medium: Medium) -> None:
    def below(text: str) -> str:
        return "".join(f"      {line}\n" for line in text.splitlines())

    file = tmp_path / "office.yaml"
    file.write_text(OFFICE + below(medium.sources) + "devices:\n" + below(medium.devices))
    office = load(file, drivers=installed())
    assert office.gateways[0].sources
