"""What docs/contract/README.md tells a backend's developer is true: its samples are read, its programs are run."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from gateway.clock import SECOND, SystemClock
from gateway.contract.envelope import Encoded, Origin, batch, decode, encode, erased
from gateway.contract.guide import GUIDE
from gateway.contract.state import VALID_S, GatewayStatus, place_state, write
from rules.api import Event
from tests.conftest import Mosquitto

ORIGIN = Origin(site="ikn", building="kk2", gateway="gw-1", boot="000001-00ff")
T0 = 1_795_484_700 * SECOND
PLACES = [f"ikn/kk2/l05/timur/d-{n:03d}" for n in range(1, 5)]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)


def test_the_sample_is_an_event() -> None:
    (sample,) = blocks("json")
    event = decode(sample.strip().encode())
    assert (event.type, event.sequence, event.data["state"]) == ("occupancy.changed", 1842, "occupied")


def test_every_measurement_of_the_stores_is_described() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (?:place|`site`)", GUIDE, re.MULTILINE)
    assert set(rows) == {"space_state", "space_use_15m", "checkin", "zone_people", "gw_health", "dev_health"}


def told(sequence: int) -> Encoded:
    event = Event("badge.rejected", PLACES[0], T0 + sequence * SECOND, {"reader": "r-1", "cause": "rate"})
    return encode(event, ORIGIN, sequence=sequence, recorded_at=event.at)


class Program:
    """A program of the guide, running in a folder of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self, wanted: Callable[[str], bool]) -> str:
        """Its next line of that kind."""
        assert self._process.stdout is not None
        async with asyncio.timeout(20):
            while True:
                text = (await self._process.stdout.readline()).decode()
                if not text:
                    pytest.fail("the program has ended")
                if wanted(text):
                    return text


@asynccontextmanager
async def program(name: str, folder: Path, port: int) -> AsyncIterator[Program]:
    (code,) = (block for block in blocks("python") if block.startswith(f"# {name} "))
    (folder / name).write_text(code)
    process = await asyncio.create_subprocess_exec(
        sys.executable, name, "127.0.0.1", str(port), "ikn", cwd=folder, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield Program(process)
    finally:
        process.kill()
        await process.communicate()


async def test_the_events_program_keeps_every_event_once_over_its_own_death(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    events = {n: told(n) for n in range(1, 61)}

    def kept() -> dict[str, Any]:
        with sqlite3.connect(tmp_path / "events.db") as base:
            rows = dict(base.execute("SELECT id, body FROM event").fetchall())
        base.close()
        return rows

    async def until(true: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not true():  # noqa: ASYNC110 another process's work
                await asyncio.sleep(0.02)

    async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
        async with program("events.py", tmp_path, mosquitto.port) as running:
            await running.line(lambda text: "connected" in text)
            async with asyncio.timeout(20):
                while len(kept()) < 3:  # it may not have subscribed yet
                    await client.publish("hadir/v1/evt/ikn/kk2/x", b"nonsense", qos=1)
                    for number in (1, 2, 2, 3):
                        await client.publish(events[number].topic, events[number].body, qos=1)
                    await asyncio.sleep(0.1)
        for number in range(3, 61):  # while it is away
            await client.publish(events[number].topic, events[number].body, qos=1)
        await client.publish("hadir/v1/hist/ikn/gw-1", batch(e.body for e in events.values())[0], qos=1)
        async with program("events.py", tmp_path, mosquitto.port):
            await until(lambda: len(kept()) == 60)
            empty = erased(events[7].body)
            await client.publish("hadir/v1/hist/ikn/gw-1", batch([empty, events[7].body])[0], qos=1)
            await until(lambda: json.loads(kept()[decode(empty).id])["type"] == "hadir.privacy.erased.v1")
    held = {identity: json.loads(body) for identity, body in kept().items()}
    assert held == {decode(e.body).id: json.loads(e.body) for n, e in events.items() if n != 7} | {
        decode(empty).id: json.loads(empty)
    }


async def test_the_states_program_takes_nothing_doubtful_for_free(tmp_path: Path, mosquitto: Mosquitto) -> None:
    now = SystemClock().office()
    good, late, lost, gone = PLACES

    def state(gateway: str, at: int) -> bytes:
        until = at + VALID_S * SECOND
        return place_state(
            "vacant", None, confidence=1.0, gateway=gateway, boot="000001-00ff", sequence=1, valid_until=until
        )

    async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
        for gateway, word in (("gw-1", "ready"), ("gw-2", "lost")):
            status = write(GatewayStatus, {"state": word, "boot": "000001-00ff"})
            await client.publish(f"hadir/v1/gw/ikn/{gateway}/status", status, qos=1, retain=True)
        for place, gateway, at in ((good, "gw-1", now), (late, "gw-1", now - 91 * SECOND), (lost, "gw-2", now)):
            await client.publish(f"hadir/v1/state/{place}", state(gateway, at), qos=1, retain=True)
        await client.publish(f"hadir/v1/state/{gone}", state("gw-1", now), qos=1, retain=True)
        async with program("states.py", tmp_path, mosquitto.port) as running:
            await running.line(lambda text: gone in text)
            await client.publish(f"hadir/v1/state/{gone}", b"", qos=1, retain=True)
            lines: deque[str] = deque(maxlen=6)
            while len(lines) < 6 or any(gone in line for line in lines):  # two rounds without it
                lines.append(await running.line(lambda _: True))
    final = dict(line.strip().split(" ", 1) for line in lines)
    assert final == {good: "vacant None", late: "unknown gateway_down", lost: "unknown gateway_down"}
