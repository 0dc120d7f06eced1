"""A building in one process: real daemons and an archive on a real broker, and one clock that the test moves."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from drivers.api import Frame
from firmware_sim import rdm6300
from gateway.app import GatewayApp
from gateway.archive import Archive
from gateway.cli import main
from gateway.clock import SECOND, ManualClock
from gateway.config.load import load
from gateway.decode import installed
from gateway.ledger import read
from gateway.people import PeopleTable, SiteKey
from rules.api import Sighting
from tests.conftest import Mosquitto

T0 = 1_795_484_000 * SECOND
CARD = "0F0368568B"
STEP_S = 0.5
A, B, C = "gw-a", "gw-b", "gw-c"
"""The candidates, ranked, and a gateway that is none."""
OF = {A: "kantor/utama/l01/timur", B: "kantor/utama/l02/utara", C: "kantor/utama/l03/barat"}
OFFICE = """\
site: kantor
buildings:
  - id: utama
    coordinators: [gw-a, gw-b]
    floors:
      - {{id: l01, owner: gw-a, zones: [{{id: timur, spaces: [{{id: d-1}}]}}]}}
      - {{id: l02, owner: gw-b, zones: [{{id: utara, spaces: [{{id: d-1}}]}}]}}
      - {{id: l03, owner: gw-c, zones: [{{id: barat, spaces: [{{id: d-1}}, {{id: d-2}}]}}]}}
gateways:
  - id: gw-a
    place: utama/l01
    sources:
      - {{id: tap, type: serial, port: {folder}/none-a, device: rdr-a}}
      - {{id: door, type: serial, port: {folder}/none-f, device: rdr-door-a}}
      - {{id: radio, type: ble, device: rx-a}}
  - {{id: gw-b, place: utama/l02, sources: [{{id: tap, type: serial, port: {folder}/none-b, device: rdr-b}}]}}
  - id: gw-c
    place: utama/l03
    sources:
      - {{id: tap, type: serial, port: {folder}/none-c, device: rdr-c}}
      - {{id: tap-2, type: serial, port: {folder}/none-d, device: rdr-c2}}
      - {{id: door, type: serial, port: {folder}/none-e, device: rdr-door}}
      - {{id: radio, type: ble, device: rx-c}}
devices:
  - {{id: rdr-a, driver: rdm6300, place: utama/l01/timur/d-1}}
  - {{id: rdr-b, driver: rdm6300, place: utama/l02/utara/d-1}}
  - {{id: rdr-c, driver: rdm6300, place: utama/l03/barat/d-1}}
  - {{id: rdr-c2, driver: rdm6300, place: utama/l03/barat/d-2}}
  - {{id: rdr-door, driver: rdm6300, place: utama/l03, role: in_out}}
  - {{id: rdr-door-a, driver: rdm6300, place: utama/l01, role: in_out}}
  - {{id: rx-a, driver: receiver, place: utama/l01/timur}}
  - {{id: rx-c, driver: receiver, place: utama/l03/barat}}
rules: {{desk: {{release_after_s: 36000, away_after_s: 30000}}}}
broker: {{port: {port}, username: {user}}}
"""


class House:
    """Its daemons by name."""

    def __init__(self, folder: Path, broker: Mosquitto) -> None:
        self.folder, self.broker = folder, broker
        self.clock = ManualClock(T0, SECOND)
        self.apps: dict[str, GatewayApp] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}
        assert main(["init", str(folder), "--site", "kantor"]) == 0
        self._write(folder / "office.yaml", "archive", broker.port)
        with PeopleTable(folder / "var/archive/people.sqlite", SiteKey.load(folder / "keys/site.key")) as people:
            self.ana = people.enrol(unit="bkn", credentials=[(f"em4100:{CARD}", "kantor")])

    def quiet(self) -> None:
        """Ana does not want to be sensed."""
        with PeopleTable(
            self.folder / "var/archive/people.sqlite", SiteKey.load(self.folder / "keys/site.key")
        ) as people:
            people.set_quiet(self.ana, True)

    def _write(self, file: Path, user: str, port: int) -> None:
        file.write_text(OFFICE.format(folder=self.folder, port=port, user=user), encoding="utf-8")

    # --- daemons ------------------------------------------------------------------------------------------------------

    async def start(self, *names: str, port: int | None = None) -> None:
        """Returns when they are connected and know who is enrolled. `port`: of a wire to the broker."""
        for name in names:
            file = self.folder / f"{name}.yaml"
            self._write(file, name, port or self.broker.port)
            named = installed()
            office = load(file, drivers=named)
            if name == "archive":
                self.tasks[name] = asyncio.create_task(Archive(office, self.clock).run())
            else:
                box = next(gateway for gateway in office.gateways if gateway.id == name)
                app = self.apps[name] = GatewayApp(office, box, named, self.clock)
                self.tasks[name] = asyncio.create_task(app.run())
                await self.until(partial(self._ready, app))

    @staticmethod
    def _ready(app: GatewayApp) -> bool:
        return app.leadership.begun and app.link.state.connected and app.directory.version > 0

    async def stop(self, name: str) -> None:
        self.apps.pop(name, None)
        task = self.tasks.pop(name)
        task.cancel()
        await asyncio.wait((task,))

    async def until(self, what: Callable[[], Any]) -> Any:
        """What `what` answers once it is true; the time is only a guard."""
        async with asyncio.timeout(20):
            while not (found := what()):
                for name, task in self.tasks.items():
                    assert not task.done(), (name, task)
                await asyncio.sleep(0.005)
            return found

    async def passes(self, seconds: float, *heard: tuple[str, int]) -> None:
        """Time passes for all. `heard`: (gateway, rssi) of those that hear Ana's tag meanwhile."""
        for number in range(round(seconds / STEP_S)):
            self.clock.advance(STEP_S)
            if number % 2 == 0:
                for gateway, rssi in heard:
                    self.hears(gateway, rssi)
            for app in self.apps.values():
                app.pipeline.step(self.clock.office())
                app.reporter.say()
                await app.leadership.look()
            await self.idle()

    async def idle(self) -> None:
        """What was said has arrived."""
        for _ in range(2):
            for app in self.apps.values():
                if app.link.state.connected:
                    await self.until(partial(self._answered, app))
            await asyncio.sleep(0.004)

    @staticmethod
    def _answered(app: GatewayApp) -> bool:
        return not app.link.in_flight or not app.link.state.connected

    # --- what happens -------------------------------------------------------------------------------------------------

    def tap(self, gateway: str, source: str = "tap") -> None:
        """Ana's card."""
        payload = rdm6300.frame(bytes.fromhex(CARD))
        frame = Frame("serial:rdm6300", source, "", payload, None, self.clock.office(), self.clock.machine())
        self.apps[gateway].pipeline.deliver(frame)

    def hears(self, gateway: str, rssi: int) -> None:
        """Ana's tag."""
        app, now = self.apps[gateway], self.clock.office()
        app.pipeline.intake.telemetry(Sighting(self.ana, f"rx-{gateway[-1]}", rssi, now), now)

    # --- what has become of it ----------------------------------------------------------------------------------------

    @property
    def leaders(self) -> dict[str, int]:
        """Terms by gateway that holds itself to be the coordinator."""
        return {name: app.terms.term for name, app in self.apps.items() if app.terms.leading}

    def held(self, *names: str) -> list[str]:
        """Desks that Ana holds, as their owners say."""
        apps = [self.apps[name] for name in names or self.apps]
        return sorted(place for app in apps for place in app.views.held_by(self.ana))

    def visit(self, gateway: str) -> Any:
        """Ana's visit in the presence rule of `gateway`."""
        state = self.apps[gateway].engine.state("presence", self.ana)
        return None if state is None else state.visit

    def stored(self, *kinds: str, cls: str = "") -> list[dict[str, Any]]:
        """Events of the archive by time and source."""
        rows = read(self.folder / "var/archive/ledger.sqlite")
        found = [json.loads(row.body) for row in rows if row.type.startswith(kinds) and cls in ("", row.cls)]
        return sorted(found, key=lambda event: (event["time"], event["source"], event["sequence"]))

    async def drained(self, *names: str) -> None:
        """The archive has answered for everything; what was lost on its way is sent again when time passes."""
        apps = [self.apps[name] for name in names or self.apps]
        async with asyncio.timeout(30):
            for number in count(1):
                if not any([(await app.outbox.backlog()).events for app in apps]):
                    return
                await asyncio.sleep(0.02)
                if number % 50 == 0:
                    await self.passes(10)


@asynccontextmanager
async def opened(folder: Path, broker: Mosquitto) -> AsyncIterator[House]:
    house = House(folder, broker)
    try:
        await house.start("archive")
        yield house
    finally:
        await asyncio.gather(*(house.stop(name) for name in list(house.apps)))
        await house.stop("archive")


def withheld(folder: Path, *pairs: tuple[str, str]) -> str:
    """What a broker is told: the second of each pair hears neither beats nor words of the first."""
    users = {A, B, C, "archive"}
    lines = []
    for user in sorted(users):
        lines.append(f"user {user}")
        for who, to in pairs:
            if to == user:
                lines += [f"topic deny hadir/v1/{cls}/kantor/utama/{who}/#" for cls in ("coord", "sense", "sensehist")]
                lines.append(f"topic deny hadir/v1/coord/kantor/utama/{who}")
        lines.append("topic readwrite #")
    file = folder / "acl"
    file.write_text("\n".join(lines) + "\n", encoding="ascii")
    return f"user root\nacl_file {file}\n"


def reload(broker: Mosquitto) -> None:
    """The broker reads its ACL again."""
    assert broker.process is not None
    os.kill(broker.process.pid, signal.SIGHUP)
