"""Two gateways of one building: one desk a person, readings that belong to the other, and a gateway that is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Mosquitto
from tests.system.site import Site, pair, state_until

FIRST, SECOND = "kantor/utama/l01/timur/d-001", "kantor/utama/l02/utara/d-002"
ZONE = "kantor/utama/l02/utara/_"
OFFICE = """\
site: kantor
buildings:
  - id: utama
    coordinator: gw-01
    floors:
      - {{id: l01, owner: gw-01, zones: [{{id: timur, spaces: [{{id: d-001}}]}}]}}
      - {{id: l02, owner: gw-02, zones: [{{id: utara, spaces: [{{id: d-002}}]}}]}}
gateways:
  - id: gw-01
    place: utama/l01
    sources:
      - {{id: one, type: serial, port: {folder}/tty-one, device: rdr-1}}
      - {{id: two, type: serial, port: {folder}/tty-two, device: rdr-2}}
  - {{id: gw-02, place: utama/l02}}
devices:
  - {{id: rdr-1, driver: rdm6300, place: utama/l01/timur/d-001}}
  - {{id: rdr-2, driver: rdm6300, place: utama/l02/utara/d-002}}
broker: {{port: {port}}}
"""


@pytest.fixture
def site(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Site]:
    with pair(tmp_path / "site", mosquitto, OFFICE) as made:
        yield made


def test_a_desk_of_the_other_gateway_moves_the_person(site: Site) -> None:
    """The second reader hangs on gw-01, but its desk is gw-02's: the reading is forwarded."""
    site.tap("one")
    site.until(lambda status: status["desks"] == {"taken": 1}, "gw-01")
    time.sleep(1.6)  # a card that is held is one tap; this is another
    site.tap("two")
    site.until(lambda status: status["desks"] == {"taken": 1}, "gw-02")
    site.until(lambda status: status["desks"] == {"free": 1}, "gw-01")
    site.drained("gw-01")
    site.drained("gw-02")
    assert [event["subject"] for event in site.stored("desk.checkin.started")] == [FIRST, SECOND]
    (ended,) = site.stored("desk.checkin.ended")
    assert (ended["subject"], ended["data"]["reason"]) == (FIRST, "moved")


def test_the_places_of_a_lost_gateway_are_unknown_and_say_why(site: Site) -> None:
    site.kill("gw-02")
    state = asyncio.run(state_until(site.broker.port, SECOND, "gateway_down"))
    assert state["state"] == "unknown"
    assert state["gw"] == "gw-01"
    zone = asyncio.run(state_until(site.broker.port, ZONE, "gateway_down"))
    assert (zone["state"], zone["gw"], zone["sensed"]) == ("unknown", "gw-01", None)
    site.start("gw-02")
    back = asyncio.run(state_until(site.broker.port, SECOND, "unconfigured"))
    assert back["gw"] == "gw-02"
    assert asyncio.run(state_until(site.broker.port, ZONE, "unconfigured"))["gw"] == "gw-02"
