"""The office of office.py behind a real `hadir serve`, with a real Mosquitto that holds what its gateways said."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from bench.broker import mosquitto
from bench.screens.office import CROWDED, TODAY, Made, make
from gateway.clock import ScaledClock, SystemClock
from gateway.config.places import Places
from gateway.credentials import SiteKey
from gateway.people import PeopleTable
from gateway.ports import free_port
from gateway.web.accounts import Accounts
from gateway.web.mine.places import path_of
from gateway.web.viewer import Role

READY_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A site whose pages can be had."""

    made: Made
    url: str
    broker: int
    process: subprocess.Popen[bytes]
    accounts: Accounts

    @property
    def cookie(self) -> str:
        """Name of the session's cookie."""
        return "__Host-hadir" if self.made.office.web.secure else "hadir"

    @property
    def words(self) -> dict[str, str]:
        """What paths of pages are made of."""
        site, building = self.made.office.site, self.made.office.buildings[0].id
        place = next(iter(Places(self.made.office).spots))
        return {
            "site": site,
            "building": building,
            "floor": f"{building}/l01",
            "crowded": f"{building}/{CROWDED}",
            "place": place,
            "desk": path_of(place).removeprefix("/d/"),
            "today": str(TODAY),
            "device": self.made.office.devices[0].id,
        }

    def session(self, *roles: Role, person: int = -1, units: Collection[str] = ("*",), place: str = "") -> str:
        """The cookie's value of a new session: of a person of the tower, and of further roles."""
        accounts = self.accounts
        if person >= 0:
            unit = next(one.unit for one in self.made.tower.people if one.index == person)
            account = accounts.of_person(self.made.pids[person], unit)
            if roles:
                accounts.grant(account, roles, units)
        else:
            account = accounts.create(roles=roles, units=units, place=place)
        session = accounts.sign_in(account)
        assert session is not None
        return session.secret

    def people(self) -> list[str]:
        """Names of everybody."""
        office = self.made.office
        key = SiteKey.load(office.path(office.people.site_key))
        with PeopleTable(office.path(office.people.table), key) as table:
            return [person.name or "" for pid in self.made.pids.values() if (person := table.person(pid)) is not None]

    def publish(self, told: Collection[tuple[str, bytes]]) -> None:
        """Retain these at the broker; returns when it has them all."""
        client = mqtt.Client(CallbackAPIVersion.VERSION2)
        client.max_inflight_messages_set(1000)
        client.connect("127.0.0.1", self.broker)
        client.loop_start()
        try:
            for sent in [client.publish(topic, body, qos=1, retain=True) for topic, body in told]:
                sent.wait_for_publish(READY_S)
        finally:
            client.disconnect()
            client.loop_stop()


@contextmanager
def served(folder: Path, *, speed: float = 1.0, **what: Any) -> Iterator[Served]:
    """`what` goes to office.make. `speed` of office time, which begins where the days behind end."""
    folder.mkdir(parents=True, exist_ok=True)
    with mosquitto(folder) as broker:
        made = make(folder / "site", broker_port=broker, web_port=free_port(), **what)
        clock = ScaledClock(start=made.now, anchor=time.monotonic_ns(), speed=speed)
        command = [sys.executable, "-m", "gateway.cli", "serve", str(made.file), "--clock", str(clock)]
        with (folder / "web.log").open("ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        url = made.office.web.address
        accounts: Accounts | None = None
        try:
            _until_up(url, process, folder / "web.log")
            accounts = Accounts(made.office.path(made.office.web.data) / "web.sqlite", SystemClock())
            found = Served(made=made, url=url, broker=broker, process=process, accounts=accounts)
            found.publish(made.retained)
            yield found
        finally:
            if accounts is not None:
                accounts.close()
            process.terminate()
            process.wait()


def _until_up(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            if httpx.get(f"{url}/masuk").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise RuntimeError(f"hadir serve does not answer at {url}: {log.read_text()[-2000:]}")
