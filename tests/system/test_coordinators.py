"""The coordinator of a building is killed without a word: the next candidate goes on, with real processes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import ledger
from tests.conftest import Mosquitto
from tests.system.site import Site, pair, state_until

FIRST, SECOND = "kantor/utama/l01/timur/d-001", "kantor/utama/l02/utara/d-002"
OFFICE = """\
site: kantor
buildings:
  - id: utama
    coordinators: [gw-01, gw-02]
    floors:
      - {{id: l01, owner: gw-01, zones: [{{id: timur, spaces: [{{id: d-001}}]}}]}}
      - {{id: l02, owner: gw-02, zones: [{{id: utara, spaces: [{{id: d-002}}]}}]}}
gateways:
  - {{id: gw-01, place: utama/l01, sources: [{{id: one, type: serial, port: {folder}/tty-one, device: rdr-1}}]}}
  - {{id: gw-02, place: utama/l02, sources: [{{id: two, type: serial, port: {folder}/tty-two, device: rdr-2}}]}}
devices:
  - {{id: rdr-1, driver: rdm6300, place: utama/l01/timur/d-001}}
  - {{id: rdr-2, driver: rdm6300, place: utama/l02/utara/d-002}}
broker: {{port: {port}}}
"""


@pytest.fixture
def site(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Site]:
    with pair(tmp_path / "site", mosquitto, OFFICE) as made:
        yield made


def test_the_next_candidate_leads_and_goes_on_with_the_visit(site: Site) -> None:
    site.until(lambda status: status["coordinator"] and status["term"] == 8, "gw-01")
    site.tap("one")
    site.until(lambda status: status["desks"] == {"taken": 1}, "gw-01")
    site.drained("gw-01")
    site.until(lambda status: status["candidate"] and not status["coordinator"], "gw-02")
    site.kill("gw-01")
    site.until(lambda status: status["coordinator"] and status["term"] == 9, "gw-02")
    down = asyncio.run(state_until(site.broker.port, FIRST, "gateway_down"))
    assert (down["state"], down["gw"], down["term"]) == ("unknown", "gw-02", 9)
    site.tap("two")
    site.until(lambda status: status["desks"] == {"taken": 1}, "gw-02")
    site.drained("gw-02")
    rows = ledger.read(site.folder / "var" / "archive" / "ledger.sqlite")
    started, moved = [json.loads(row.body) for row in rows if row.cls == "sense"]
    assert (started["type"], moved["type"]) == ("hadir.presence.started.v1", "hadir.presence.moved.v1")
    assert started["data"]["visit_id"] == moved["data"]["visit_id"]
    assert (started["data"]["term"], moved["data"]["term"]) == (8, 9)
    site.start("gw-01")
    site.until(lambda status: status["candidate"] and status["link"]["connected"], "gw-01")
    site.until(lambda status: status["desks"].get("free") == 1, "gw-01")
    assert site.status("gw-02")["coordinator"], "who comes back waits before it takes over"
    site.drained("gw-01")
    (ended,) = site.stored("desk.checkin.ended")
    assert (ended["subject"], ended["data"]["reason"]) == (FIRST, "moved")
