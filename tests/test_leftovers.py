"""What a gateway owned before its configuration changed is gone from the broker after its next start."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt

from gateway import leftovers
from gateway.board import Board
from gateway.clock import SystemClock
from gateway.config.sources import Broker
from gateway.contract import topics
from gateway.counters import Counters
from gateway.mqtt import Link
from tests.conftest import Mosquitto

ROOM, DESK = "ikn/kk2/l05/timur/r-1", "ikn/kk2/l05/timur/d-1"


@asynccontextmanager
async def life(folder: Path, port: int, posts: list[str], owners: Mapping[str, str]) -> AsyncIterator[int]:
    clock, counters = SystemClock(), Counters()
    link = Link(Broker(port=port), client_id="gw-1", clock=clock, counters=counters, base=folder)
    board = Board(link, clock, counters)
    for topic in posts:
        board.set(topic, lambda: b"{}", expiry_s=None)
    cleared = leftovers.settle(folder / "retained.json", board, lambda place: owners.get(place, ""))
    tasks = [asyncio.create_task(link.run()), asyncio.create_task(board.run())]
    try:
        await link.connected()
        yield cleared
    finally:
        for task in reversed(tasks):
            task.cancel()
            await asyncio.wait((task,))


async def until_retained(port: int, wanted: set[str]) -> None:
    """What a new client finds."""
    async with asyncio.timeout(20):
        while True:
            found: set[str] = set()
            async with aiomqtt.Client("127.0.0.1", port) as client:
                await client.subscribe("#", qos=1)
                await client.publish("end", b"", qos=1)
                async for message in client.messages:
                    if message.topic.value == "end":
                        break
                    found.add(message.topic.value)
            if found == wanted:
                return
            await asyncio.sleep(0.05)


async def test_a_place_that_is_nobodys_and_a_device_that_is_gone_leave_the_broker(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    kept, gone = topics.state(DESK), topics.catalogue(ROOM)
    device, moved = topics.device("ikn", "gw-1", "mmw-1"), topics.catalogue("ikn/kk2/l05/timur/d-2")
    port, owners = mosquitto.port, {DESK: "gw-1", "ikn/kk2/l05/timur/d-2": "gw-2"}
    async with life(tmp_path, port, [kept, gone, device, moved], {}) as cleared:
        assert cleared == 0
        await until_retained(port, {kept, gone, device, moved})
    async with life(tmp_path, port, [kept], owners) as cleared:
        assert cleared == 2
        await until_retained(port, {kept, moved})  # the new owner of d-2 overwrites its own
    (tmp_path / "retained.json").write_text("damaged")
    async with life(tmp_path, port, [kept], owners) as cleared:
        assert cleared == 0
