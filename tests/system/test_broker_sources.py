"""A gateway whose sensors are behind the broker: LoRaWAN and MQTT uplinks become occupancy, through a crash as well."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from firmware_sim import lorawan, mqtt_things
from gateway.clock import SystemClock
from tests.conftest import Mosquitto
from tests.system.site import Site

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
          - {{id: timur, spaces: [{{id: r-01, kind: room}}, {{id: r-02, kind: room}}]}}
gateways:
  - id: gw-01
    place: utama/l01
    sources:
      - {{id: net, type: lorawan, devices: [vs341]}}
      - {{id: things, type: mqtt, devices: [pir]}}
devices:
  - {{id: vs341, driver: milesight_vs340, address: 24-E1-24-13-6B-50-22-17, place: utama/l01/timur/r-01}}
  - {{id: pir, driver: mqtt_json, profile: zigbee2mqtt, modality: pir, address: zigbee2mqtt/pir,
     place: utama/l01/timur/r-02}}
broker: {{port: {port}}}
"""
SENSOR = lorawan.Device(dev_eui="24e124136b502217", name="vs341-1")


@pytest.fixture
def site(tmp_path: Path, make_mosquitto: Callable[..., Mosquitto]) -> Iterator[Site]:
    made = Site(tmp_path, make_mosquitto(), OFFICE, ())
    yield made
    made.close()


def publish(site: Site, *messages: tuple[str, bytes, bool]) -> None:
    async def run() -> None:
        async with aiomqtt.Client("127.0.0.1", site.broker.port) as client:
            for topic, body, retain in messages:
                await client.publish(topic, body, qos=1, retain=retain)

    asyncio.run(run())


def desk(occupied: bool, f_cnt: int) -> tuple[str, bytes, bool]:
    at = SystemClock().office()
    return (*lorawan.chirpstack_up(SENSOR, lorawan.vs341(occupied=occupied), f_cnt, at), False)


def changes(site: Site, place: str) -> list[tuple[str, str | None]]:
    found = site.stored("occupancy.changed")
    return [(e["data"]["state"], e["data"]["cause"]) for e in found if e["subject"].endswith(place)]


def test_uplinks_become_occupancy_and_an_offline_device_is_unknown(site: Site) -> None:
    pir = mqtt_things.z2m_pir("pir", occupancy=True)
    for name in ("gw-01", "archive"):
        site.start(name)
    site.ready()
    counter = itertools.count()

    def seen(status: dict[str, Any]) -> bool:
        if status["sensed"].get("occupied") == 2:
            return True
        publish(site, desk(True, next(counter)), pir)  # again: it may not have subscribed yet
        return False

    site.until(seen)
    publish(site, mqtt_things.z2m_availability("pir", online=False))
    site.until(lambda status: status["unknown"])
    site.drained()
    assert changes(site, "r-01") == [("unknown", "starting"), ("occupied", None)]
    assert changes(site, "r-02") == [("unknown", "starting"), ("occupied", None), ("unknown", "sensor_stale")]
    # killed: the desk's next uplink waits at the broker, and the PIR sensor is still missed though it was said before
    site.kill("gw-01")
    publish(site, desk(True, next(counter)))
    site.start("gw-01")
    site.until(lambda status: status["sensed"].get("occupied") == 1 and status["frames"] >= 2)
    site.drained()
    assert changes(site, "r-01")[2:] == [("unknown", "starting"), ("occupied", None)]
    assert changes(site, "r-02")[-1] == ("unknown", "sensor_stale")
    publish(site, mqtt_things.z2m_availability("pir", online=True), pir)
    site.until(lambda status: status["sensed"].get("occupied") == 2)
