"""A gateway behind a door system: a card known from a desk's own reader is known there, three ways, through a crash."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiomqtt
import pytest

from firmware_sim import door_system
from gateway.clock import SECOND, SystemClock, parse_rfc3339
from tests.conftest import Mosquitto, free_port
from tests.system.site import CARD, Site

OFFICE = """\
version: 1
site: kantor
timezone: Asia/Makassar
buildings:
  - id: utama
    coordinator: gw-01
    floors:
      - id: l01
        owner: gw-01
        zones:
          - {{id: timur, spaces: [{{id: d-01}}, {{id: d-02}}, {{id: d-03}}]}}
gateways:
  - id: gw-01
    place: utama/l01
    sources:
      - id: log
        type: door_csv
        path: events.csv
        fields: {{reader: Reader, badge: Card, at: Date/Time, id: Event ID}}
        devices: [desk-1]
      - id: hook
        type: door_webhook
        port: HOOK
        token_file: door.token
        fields: {{reader: door.reader, badge: card.number, at: time, id: event.id}}
        devices: [desk-2]
      - id: bus
        type: door_mqtt
        topic: acs/events
        fields: {{reader: door.reader, badge: card.number, at: time, id: event.id}}
        devices: [desk-3]
devices:
  - {{id: desk-1, driver: door, profile: em4100_hex, address: Desk 1, place: utama/l01/timur/d-01}}
  - {{id: desk-2, driver: door, profile: em4100_dec, address: Desk 2, place: utama/l01/timur/d-02}}
  - {{id: desk-3, driver: door, profile: em4100_hex, address: Desk 3, place: utama/l01/timur/d-03}}
broker: {{port: {port}}}
"""
TAG = bytes.fromhex(CARD)
TOKEN = "3b1f8a0c5e7d42969b1f8a0c5e7d4296"
ids = itertools.count(1)


class Doors(Site):
    """With the door system's side of it."""

    def __init__(self, folder: Path, broker: Mosquitto) -> None:
        self.port = free_port()
        super().__init__(folder, broker, OFFICE.replace("HOOK", str(self.port)), ())
        self.log_file = folder / "events.csv"
        self.log_file.write_bytes(door_system.header())
        token = folder / "door.token"
        token.write_text(TOKEN)
        token.chmod(0o600)

    def write(self, at: int) -> None:
        tap = door_system.Tap("Desk 1", door_system.tag_hex(TAG), at, next(ids))
        with self.log_file.open("ab") as file:
            file.write(door_system.line(tap, ZoneInfo("Asia/Makassar")))

    def post(self) -> int:
        tap = door_system.Tap("Desk 2", door_system.tag_dec(TAG), SystemClock().office(), next(ids))
        client = HTTPConnection("127.0.0.1", self.port, timeout=20)
        client.request("POST", "/", door_system.message(tap), {"Authorization": f"Bearer {TOKEN}"})
        status = client.getresponse().status
        client.close()
        return status

    def publish(self) -> None:
        tap = door_system.Tap("Desk 3", door_system.tag_hex(TAG), SystemClock().office(), next(ids))

        async def run() -> None:
            async with aiomqtt.Client("127.0.0.1", self.broker.port) as client:
                await client.publish("acs/events", door_system.message(tap), qos=1)

        asyncio.run(run())

    def begun(self) -> list[dict[str, Any]]:
        return self.stored("desk.checkin.started")

    def desks(self) -> list[str]:
        return [event["subject"].rpartition("/")[2] for event in self.begun()]

    def came(self, *desks: str) -> None:
        self.until(lambda _: self.desks() == list(desks))


@pytest.fixture
def doors(tmp_path: Path, make_mosquitto: Callable[..., Mosquitto]) -> Iterator[Doors]:
    made = Doors(tmp_path, make_mosquitto())
    yield made
    made.close()


def test_taps_at_the_doors_are_check_ins_and_an_outage_makes_them_late(doors: Doors) -> None:
    for name in ("gw-01", "archive"):
        doors.start(name)
    doors.ready()
    doors.until(lambda _: (doors.folder / "var" / "gw-01" / "door-log.position").exists())

    doors.kill("gw-01")
    with pytest.raises(ConnectionError):
        doors.post()
    hour_ago = SystemClock().office() - 3600 * SECOND
    doors.write(hour_ago)
    doors.start("gw-01")
    doors.ready()
    doors.came("d-01")
    (event,) = doors.begun()
    assert event["data"]["late"] is True
    assert abs(parse_rfc3339(event["time"]) - hour_ago) < SECOND  # the door system writes milliseconds

    assert doors.post() == 202
    doors.came("d-01", "d-02")
    doors.publish()
    doors.came("d-01", "d-02", "d-03")
    assert not any(event["data"].get("late") for event in doors.begun()[1:])

    doors.kill("gw-01")
    doors.publish()  # the broker keeps it: the desk is left
    doors.start("gw-01")
    doors.ready()
    doors.until(lambda _: doors.stored("desk.checkin.ended")[-1]["subject"].endswith("d-03"))
    doors.write(SystemClock().office())
    doors.came("d-01", "d-02", "d-03", "d-01")
