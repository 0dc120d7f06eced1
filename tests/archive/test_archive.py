"""The archive's daemon as a whole, over a real broker: what is acknowledged is soon in the store as well."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import aiomqtt

from gateway import sqlite
from gateway.archive import Archive
from gateway.clock import SystemClock
from gateway.credentials import SiteKey
from gateway.ledger_view import View
from gateway.stores.embedded import query
from tests.archive.world import DESK, T0, changed, office, written
from tests.conftest import Mosquitto

STATUS = b'{"state":"%s","boot":"000001-abcd"}'


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 what is waited for has no event
            await asyncio.sleep(0.02)


async def test_committed_events_reach_the_store_and_a_lost_gateway_is_remembered(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    (tmp_path / "keys").mkdir()
    SiteKey.create(tmp_path / "keys/site.key")
    daemon = Archive(office(tmp_path, mosquitto.port), SystemClock())
    running = asyncio.create_task(daemon.run())
    view = View.open(tmp_path / "ledger.sqlite")
    points = sqlite.read_only(tmp_path / "var/archive/points.sqlite")
    try:
        async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
            sent = {n: written(changed(at=T0 + n * 1_000_000), n) for n in range(1, 101)}

            async def send() -> None:
                for event in sent.values():
                    await client.publish(event.topic, event.body, qos=1)

            await send()
            async with asyncio.timeout(20):
                while len(list(view.all())) < len(sent):  # the archive may not have subscribed yet: send again
                    await asyncio.sleep(0.2)
                    await send()
            await until(lambda: len(query(points, "space_state")) == len(sent))
            found = query(points, "space_state", tags={"space": DESK.rpartition("/")[2]})
            assert {dict(point.fields)["seq"] for point in found} == set(sent)
            topic = "hadir/v1/gw/ikn/gw-1/status"
            await client.publish(topic, STATUS % b"lost", qos=1)
            await until(lambda: "gw-1" in view.silences())
            await client.publish(topic, STATUS % b"ready", qos=1)
            await until(lambda: not view.silences())
            await client.publish("hadir/v1/gw/ikn/gw-9/status", STATUS % b"lost", qos=1)
            await client.publish("hadir/v1/gw/ikn/gw-2/status", STATUS % b"lost", qos=1)
            await until(lambda: "gw-2" in view.silences())
            assert set(view.silences()) == {"gw-2"}, "a gateway that is not of this office is nobody"
    finally:
        running.cancel()
        await asyncio.wait((running,))
        view.close()
        points.close()
    assert running.cancelled(), running.exception()
