"""The office of office.py behind a real `hadir serve`, with a real Mosquitto that holds what its gateways said."""

from __future__ import annotations

import subprocess
import sys
import threading
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
from bench.screens.office import CROWDED, TODAY, Made, alive, make
from gateway.clock import SECOND, ScaledClock, SystemClock
from gateway.config.places import Places
from gateway.contract import topics
from gateway.contract.times import written
from gateway.credentials import SiteKey
from gateway.people import PeopleTable
from gateway.ports import free_port
from gateway.web.accounts import Accounts
from gateway.web.mine.places import path_of
from gateway.web.mine.requests import Requests
from gateway.web.viewer import Role

READY_S = 120.0
BEAT_S = 5.0
NOTES = (
    "Datang pukul 07.40, kartu tertinggal di mobil.",
    "Rapat koordinasi di kantor pusat sampai pukul 10.00.",
)
"""What people write who ask for a correction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A site whose pages can be had."""

    made: Made
    url: str
    broker: int
    process: subprocess.Popen[bytes]
    accounts: Accounts
    correction: str
    """Id of a correction that somebody has asked for."""

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
            "free": path_of(self._free()).removeprefix("/d/"),
            "today": str(TODAY),
            "correction": self.correction,
            "device": self.made.office.devices[0].id,
        }

    def _free(self) -> str:
        """A desk of the first floor that can be taken; the first one where none can."""
        states = dict(self.made.retained)
        desks = [place for place, spot in Places(self.made.office).spots.items() if spot.space.kind == "desk"]
        free = (
            place
            for place in desks
            if (body := states.get(topics.state(place))) and b'"vacant"' in body and b'"free"' in body
        )
        return next(free, desks[0])

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
def served(folder: Path, *, archive: bool = False, **what: Any) -> Iterator[Served]:
    """`what` goes to office.make. Office time goes on where the days behind end.

    `archive`: runs as well, and gateways say every few seconds that they are there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with mosquitto(folder) as broker:
        made = make(folder / "site", broker_port=broker, web_port=free_port(), **what)
        clock = ScaledClock(start=made.now, anchor=time.monotonic_ns(), speed=1.0)
        started = {
            role: _start(role, made, clock, folder / f"{role}.log")
            for role in ("serve", *(["ingest"] if archive else []))
        }
        process = started["serve"]
        url = made.office.web.address
        over = threading.Event()
        beat = threading.Thread(target=lambda: _beat(found, clock, over), name="beat")
        accounts: Accounts | None = None
        try:
            _until_up(url, process, folder / "serve.log")
            accounts = Accounts(made.office.path(made.office.web.data) / "web.sqlite", SystemClock())
            correction = _asked(made, accounts)
            found = Served(made=made, url=url, broker=broker, process=process, accounts=accounts, correction=correction)
            found.publish(made.retained)
            if archive:
                beat.start()
            yield found
        finally:
            over.set()
            if beat.ident is not None:
                beat.join()
            if accounts is not None:
                accounts.close()
            for one in started.values():
                one.terminate()
                one.wait()


def _start(role: str, made: Made, clock: ScaledClock, log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "gateway.cli", role, str(made.file), "--clock", str(clock)]
    with log.open("ab") as out:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)


def _asked(made: Made, accounts: Accounts) -> str:
    """Somebody forgot a tap in the morning; another one says why the morning is missing."""
    ids = []
    for index, (kind, field, new, note) in enumerate(
        (
            (
                "lupa_tap",
                "start",
                written(made.now - 3 * 3600 * SECOND),
                "Datang pukul 07.40, kartu tertinggal di mobil.",
            ),
            ("surat_tugas", "note", str(TODAY), "Rapat koordinasi di kantor pusat sampai pukul 10.00."),
        )
    ):
        person = made.tower.people[index]
        requests = Requests(accounts.connection)
        ids.append(
            requests.ask(
                pid=made.pids[person.index],
                unit=person.unit,
                at=made.now - 1800 * SECOND,
                kind=kind,
                field=field,
                target="",
                old="",
                new=new,
                note=note,
            )
        )
    return ids[0]


def _beat(site: Served, clock: ScaledClock, over: threading.Event) -> None:
    while not over.wait(BEAT_S):
        site.publish(list(alive(site.made, clock.office())))


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
