"""`hadir serve` under a crowd: how soon a change is in a thousand browsers, and how soon a program has its answer.

The broker is a real Mosquitto and `hadir serve` a process of its own, begun with 1,024 open files as a shell of Debian
has. Browsers are connections of this process, each signed in as an account of its own. It also publishes the changes,
as a gateway would, so that one clock measures both ends. Answers are asked for on the dot, whether the last has come or
not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.client as mqtt
import yaml
from paho.mqtt.enums import CallbackAPIVersion

from bench.broker import mosquitto
from gateway.clock import SECOND, SystemClock
from gateway.config.load import load
from gateway.config.model import Office
from gateway.contract import state as wire
from gateway.contract import topics
from gateway.credentials import SiteKey
from gateway.demo.usage import usage
from gateway.ports import free_port
from gateway.web.accounts import Accounts
from gateway.web.viewer import Role

SITE, BUILDING, GATEWAY, BOOT = "bench", "b1", "gw-01", "000001-0000"
DESKS, ZONES, ON_FLOOR = 10_000, 4, 200
FILES = 1024
"""Open files of a process, as a shell of Debian allows them until somebody asks for more."""
PATIENCE_S = 60.0
LAST_S = 2.0
"""A change that is not there by then is missed."""
QUESTION = "/api/v1/availability"


# --- the site ---------------------------------------------------------------------------------------------------------


def make(folder: Path, broker: int) -> Office:
    """An office of 10,000 desks on 50 floors."""
    SiteKey.create(_made(folder / "keys" / "site.key"))
    (folder / "var" / "archive").mkdir(parents=True)
    floors = [
        {
            "id": f"l{floor:02d}",
            "owner": GATEWAY,
            "zones": [
                {
                    "id": f"z{zone}",
                    "spaces": [{"id": f"d-{floor:02d}{zone}{n:02d}"} for n in range(ON_FLOOR // ZONES)],
                }
                for zone in range(ZONES)
            ],
        }
        for floor in range(1, DESKS // ON_FLOOR + 1)
    ]
    document = {
        "version": 1,
        "site": SITE,
        "buildings": [{"id": BUILDING, "coordinator": GATEWAY, "floors": floors}],
        "gateways": [{"id": GATEWAY, "place": f"{BUILDING}/l01"}],
        "broker": {"port": broker},
        "web": {"port": free_port()},
    }
    file = folder / "office.yaml"
    file.write_text(yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=False), encoding="utf-8")
    return load(file)


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, mode=0o700)
    return path


def desks(floor: int) -> list[str]:
    """Places of a floor."""
    each = ON_FLOOR // ZONES
    return [
        f"{SITE}/{BUILDING}/l{floor:02d}/z{zone}/d-{floor:02d}{zone}{n:02d}"
        for zone in range(ZONES)
        for n in range(each)
    ]


def state(taken: bool) -> bytes:
    """What a gateway says of a desk."""
    now = time.time_ns()
    return wire.place_state(
        "occupied" if taken else "vacant",
        None,
        confidence=0.9,
        gateway=GATEWAY,
        boot=BOOT,
        sequence=1,
        valid_until=now + 3600 * SECOND,
        life="taken" if taken else "free",
        life_since=now,
    )


@contextmanager
def serving(folder: Path, office: Office) -> Iterator[subprocess.Popen[bytes]]:
    """`hadir serve`, with as many open files as a shell allows it."""

    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

    command = [sys.executable, "-m", "gateway.cli", "serve", str(folder / "office.yaml")]
    with (folder / "web.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=few)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if process.poll() is not None:
                break
            try:
                httpx.get(f"{office.web.address}/masuk")
            except httpx.TransportError:
                time.sleep(0.05)
            else:
                yield process
                return
        raise RuntimeError((folder / "web.log").read_text()[-2000:])
    finally:
        process.terminate()
        process.wait()


def sessions(office: Office, count: int) -> list[str]:
    """Cookies of so many accounts, one session each."""
    accounts = Accounts(office.path(office.web.data) / "web.sqlite", SystemClock())
    try:
        found = [accounts.sign_in(accounts.create(roles=[Role.DISPLAY])) for _ in range(count)]
        return [f"__Host-hadir={one.secret}" for one in found if one is not None]
    finally:
        accounts.close()


def token(office: Office) -> str:
    """Of a backend."""
    accounts = Accounts(office.path(office.web.data) / "web.sqlite", SystemClock())
    try:
        return accounts.new_token(accounts.create(roles=[Role.INTEGRATOR], units=["*"]), "bench")
    finally:
        accounts.close()


class Broker:
    """Publishes as a gateway does."""

    def __init__(self, port: int) -> None:
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.max_inflight_messages_set(1000)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def say(self, topic: str, body: bytes) -> mqtt.MQTTMessageInfo:
        """Retained, at least once."""
        return self._client.publish(topic, body, qos=1, retain=True)

    def begin(self) -> None:
        """The gateway is there, and every desk is free; returns when the broker has it all."""
        ready = wire.gateway_status("ready", boot=BOOT, version="0", config="0", at=time.time_ns())
        self.say(topics.gateway_status(SITE, GATEWAY), ready)
        free = state(taken=False)
        last = [self.say(topics.state(place), free) for floor in range(1, 51) for place in desks(floor)][-1]
        last.wait_for_publish(PATIENCE_S)

    def end(self) -> None:
        """Go."""
        self._client.disconnect()
        self._client.loop_stop()


# --- browsers ---------------------------------------------------------------------------------------------------------


class Crowd:
    """All browsers, and what they have seen."""

    def __init__(self) -> None:
        self.told: dict[str, float] = {}
        """Place -> when its last change was handed to the broker."""
        self.late: list[float] = []
        self.open = 0
        self.lost = 0
        self._parsed: dict[bytes, list[str]] = {}

    def took(self, message: bytes) -> None:
        """One event; a thousand browsers get the same bytes, which are read once."""
        now = time.monotonic()
        places = self._parsed.get(message)
        if places is None:
            if len(self._parsed) > 100:
                self._parsed.clear()
            places = self._parsed[message] = _places(message)
        for place in places:
            at = self.told.get(place)
            if at is not None:
                self.late.append(now - at)


def _places(message: bytes) -> list[str]:
    name, _, rest = message.partition(b"\n")
    if name != b"event: places":
        return []
    data = next(line for line in rest.split(b"\n") if line.startswith(b"data: "))
    return [place["place"] for place in json.loads(data[6:])["places"]]


class Browser(asyncio.Protocol):
    """One connection to the stream of a floor."""

    def __init__(self, crowd: Crowd, request: bytes) -> None:
        self._crowd = crowd
        self._request = request
        self._rest = b""
        self._begun = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._rest += data
        if not self._begun:
            if b"event: snapshot" not in self._rest:
                return
            self._begun = True
            self._crowd.open += 1
        # chunked: lines with a length in hexadecimal stand between the events
        *whole, self._rest = self._rest.split(b"\n\n")
        for one in whole:
            at = one.find(b"event: ")
            if at >= 0:
                self._crowd.took(one[at:])

    def connection_lost(self, _error: Exception | None) -> None:
        self._crowd.lost += 1
        if self._begun:
            self._crowd.open -= 1


async def streams(
    office: Office, broker: Broker, pid: int, *, browsers: int, rate: float, seconds: float
) -> dict[str, Any]:
    """Browsers look at one floor while `rate` desks a second change there."""
    loop, crowd = asyncio.get_running_loop(), Crowd()
    host = f"{office.web.host}:{office.web.port}"
    lines = []
    for cookie in sessions(office, browsers):
        request = f"GET /langsung/{BUILDING}/l01 HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n".encode()
        made, _ = await loop.create_connection(partial(Browser, crowd, request), office.web.host, office.web.port)
        lines.append(made)
    deadline = loop.time() + PATIENCE_S
    while crowd.open < browsers and loop.time() < deadline and not crowd.lost:
        await asyncio.sleep(0.05)
    opened = crowd.open
    bodies = state(taken=True), state(taken=False)
    before, rss = usage(pid), 0.0
    places, began, sent = desks(1), loop.time(), 0
    while (now := loop.time()) < began + seconds:
        while sent < (now - began) * rate:
            place = places[sent % len(places)]
            crowd.told[place] = time.monotonic()
            broker.say(topics.state(place), bodies[sent // len(places) % 2])
            sent += 1
        rss = max(rss, usage(pid).rss_mb)
        await asyncio.sleep(0.005)
    after = usage(pid)
    await asyncio.sleep(LAST_S)
    lost = crowd.lost
    for line in lines:
        line.abort()
    return {
        "browsers": opened,
        "broken": lost,
        "changes": sent,
        "seen": len(crowd.late),
        "missed": sent * opened - len(crowd.late),
        "p50_ms": _percentile(crowd.late, 50),
        "p99_ms": _percentile(crowd.late, 99),
        "max_ms": _percentile(crowd.late, 100),
        "rss_mb": round(rss, 1),
        "cpu_percent": round((after.cpu_s - before.cpu_s) / seconds * 100, 1),
    }


# --- programs ---------------------------------------------------------------------------------------------------------


async def answers(
    office: Office, broker: Broker, pid: int, *, rate: float, changes: float, seconds: float, everything: bool
) -> dict[str, Any]:
    """A backend asks what is free, `rate` times a second, while `changes` desks a second change.

    `everything`: all desks in one compressed answer; else the first page, as it comes.
    """
    what = f"?limit={DESKS}" if everything else ""
    request = (
        f"GET {QUESTION}{what} HTTP/1.1\r\nHost: {office.web.host}\r\nAuthorization: Bearer {token(office)}\r\n"
        f"Accept: application/json\r\nAccept-Encoding: {'gzip' if everything else 'identity'}\r\n\r\n"
    ).encode()
    loop = asyncio.get_running_loop()
    free: list[Any] = []
    took: list[float] = []
    statuses: dict[int, int] = {}
    size = 0

    async def ask(due: float) -> None:
        nonlocal size
        reader, writer = free.pop() if free else await asyncio.open_connection(office.web.host, office.web.port)
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = next(int(line.split(":")[1]) for line in head.splitlines() if line.startswith("content-length:"))
        body = await reader.readexactly(length)
        took.append(loop.time() - due)
        size = len(body)
        status = int(head.split()[1])
        statuses[status] = statuses.get(status, 0) + 1
        free.append((reader, writer))

    bodies, places = (state(taken=True), state(taken=False)), desks(1)
    before = usage(pid)
    async with asyncio.TaskGroup() as group:
        began, said = loop.time(), 0
        for number in range(int(rate * seconds)):
            due = began + number / rate
            if number * changes >= said * rate:
                broker.say(topics.state(places[said % len(places)]), bodies[said // len(places) % 2])
                said += 1
            await asyncio.sleep(max(0.0, due - loop.time()))
            group.create_task(ask(due), name=f"ask {number}")
    return {
        "asked": len(took),
        "statuses": statuses,
        "bytes": size,
        "p50_ms": _percentile(took, 50),
        "p99_ms": _percentile(took, 99),
        "cpu_ms": round((usage(pid).cpu_s - before.cpu_s) * 1000 / len(took), 2),
    }


def _percentile(values: list[float], percent: int) -> float | None:
    if not values:
        return None
    ranked = sorted(values)
    return round(ranked[min(len(ranked) - 1, len(ranked) * percent // 100)] * 1000, 1)


def measure(*, browsers: int = 1000, rate: float = 50.0, asked: float = 200.0, seconds: float = 15.0) -> dict[str, Any]:
    """All, one after the other, at one `hadir serve`."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with tempfile.TemporaryDirectory(prefix="hadir-bench-web-") as made:
        folder = Path(made)
        with mosquitto(folder) as port:
            office = make(folder / "site", port)
            broker = Broker(port)
            broker.begin()
            try:
                with serving(folder / "site", office) as process:
                    told = asyncio.run(
                        streams(office, broker, process.pid, browsers=browsers, rate=rate, seconds=seconds)
                    )
                    how = {"rate": asked, "changes": rate, "seconds": seconds}
                    page = asyncio.run(answers(office, broker, process.pid, everything=False, **how))
                    everything = asyncio.run(answers(office, broker, process.pid, everything=True, **how))
            finally:
                broker.end()
    return {"stream": told, "page": page, "everything": everything}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.web", description=__doc__)
    parser.add_argument("--browsers", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=50.0, help="changes a second")
    parser.add_argument("--asked", type=float, default=200.0, help="questions a second")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each")
    found = measure(**vars(parser.parse_args()))
    print(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
