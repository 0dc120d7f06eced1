"""The parts of a demo: broker, archive, web pages, gateways and devices. Started, asked, and ended in their order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from firmware_sim.office import Office
from gateway.broker import EmbeddedBroker
from gateway.clock import ScaledClock
from gateway.control import call
from gateway.demo import web, world
from gateway.demo.devices import Devices
from gateway.demo.usage import Usage, usage
from gateway.errors import HadirError
from gateway.ports import free_pair
from gateway.up import Children, Role

READY_S = 120.0
"""What has not started by then will not."""
TOO_OFTEN = 4
"""Ends of parts before everything is ready: one that cannot start will not do so by being tried again."""
ANSWER_S = 1.0
"""A gateway that is slower to answer is shown as one that does not answer."""
GUIDE = 1
"""Whose browser the code of an employee opens: index of a person."""
GOODBYE_S = 1.0
"""What gateways say when they end may still be committed by an archive that ends so much later at the latest."""

Status = dict[str, Any]


class Parts:
    """Everything that runs, what it has cost, and which events it has committed."""

    def __init__(self, office: Office, folder: Path, devices: Devices, clock: ScaledClock, control: str | None) -> None:
        """`control`: a deliberately wrong rule."""
        self.office = office
        self.folder = folder
        self.devices = devices
        self.clock = clock
        self.broker = EmbeddedBroker(free_pair(), folder / "broker")
        self.costs: dict[str, Usage] = {}
        self.last: dict[tuple[str, str], int] = {}
        """(gateway, boot) -> the highest sequence that it was seen to have given, also of boots that are over."""
        self.door = web.Door()
        self.codes = web.Codes("", "", "")
        """Empty before the start."""
        self._control = control
        self._children: list[tuple[Children, asyncio.Task[None]]] = []
        """Archive, gateways; in the order of their start."""
        self._web: list[tuple[Children, asyncio.Task[None]]] = []

    @property
    def restarts(self) -> int:
        """How often a part had to be started again."""
        return sum(children.restarts for children, _ in self._all)

    @property
    def _all(self) -> list[tuple[Children, asyncio.Task[None]]]:
        return [*self._children, *self._web]

    # --- starting -----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start all parts. Raises HadirError when one cannot start."""
        self.devices.start_bus()
        self.broker.start()
        await self.devices.start(self.clock, self.broker.port + 1)
        file, pids = world.write(
            self.office,
            self.folder,
            broker_port=self.broker.port,
            web_port=self.door.port,
            speed=self.clock.speed,
            ble=self.devices.ble,
        )
        (self.folder / "trace").mkdir()
        guide = self.office.people[GUIDE]
        self.codes = web.codes(self.folder, guide, pids[GUIDE], world.full_name(guide))
        self._children.append(self._kept(self._role("archive", "ingest", str(file))))
        self._web.append(self._kept(self._role("web", "serve", str(file))))
        await self.devices.ready()  # a gateway that finds no line says so, and tries again later
        control = ("--control", self._control) if self._control else ()
        gateways = [self._role(gw.id, "run", str(file), "--gateway", gw.id, *control) for gw in self.office.gateways]
        self._children.append(self._kept(*gateways))

    def _role(self, name: str, *arguments: str) -> Role:
        common = ("--with-parent", "--clock", str(self.clock), "--trace", str(self.folder / "trace" / f"{name}.jsonl"))
        return Role(name=name, arguments=(*arguments, *common), environment=self.devices.environment)

    def _kept(self, *roles: Role) -> tuple[Children, asyncio.Task[None]]:
        children = Children(roles, log=self.folder)
        return children, asyncio.get_running_loop().create_task(children.run(), name=roles[0].name)

    async def ready(self) -> None:
        """Until each gateway is connected, knows its people and has seen every radar, and pages can be had.

        Raises HadirError.
        """
        deadline = time.monotonic() + READY_S
        while True:
            statuses = await self.statuses()
            if (
                all(
                    status
                    and status["people_version"]
                    and not status["unknown"].get("starting")
                    and not status["sources"]  # every reader on a bus answers
                    for status in statuses
                )
                and self.door.is_open()
            ):
                return
            self.check()
            if self.restarts >= TOO_OFTEN:
                raise HadirError(f"the parts of the demo do not start:\n{self._last_words()}")
            if time.monotonic() > deadline:
                raise HadirError(f"the gateways were not ready after {READY_S:.0f} s:\n{self._last_words()}")
            await asyncio.sleep(0.05)

    # --- running ------------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Raises HadirError when a part cannot be kept running."""
        for _, task in self._all:
            if task.done() and (error := task.exception()) is not None:
                raise HadirError(f"{error}\n{self._last_words()}") from error

    async def statuses(self) -> list[Status]:
        """What each gateway answers to `status`, in order; empty for one that does not."""
        found: list[Status] = []
        for gateway in self.office.gateways:
            status: Status = {}
            with suppress(HadirError, TimeoutError):
                async with asyncio.timeout(ANSWER_S):
                    status = await call(self.folder / "var" / gateway.id / "control.sock", "status")
            if status:
                self.last[status["gateway"], status["boot"]] = status["last_sequence"]
            found.append(status)
        return found

    def measure(self) -> None:
        """Note what each part has used until now."""
        running = [*self.devices.pids.items(), *(item for c, _ in self._all for item in c.pids.items())]
        if self.broker.pid is not None:
            running.append(("broker", self.broker.pid))
        totals: dict[str, Usage] = {}
        gateways = {gateway.id for gateway in self.office.gateways}
        for name, pid in running:
            part = "gateway" if name in gateways else name
            totals[part] = totals.get(part, Usage()).plus(usage(pid))
        self.costs.update(totals)

    def _last_words(self) -> str:
        """The last lines of what each part logged."""
        return "\n".join(
            f"{path.name}: {line}"
            for path in sorted(self.folder.glob("*.log"))
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines()[-3:]
        )

    # --- ending -------------------------------------------------------------------------------------------------------

    async def end(self) -> None:
        """Gateways first, then who commits what they said last, then the lines and the bus, then the broker.

        The web application says nothing that somebody waits for: it ends meanwhile.
        """
        try:
            pages = [task for _, task in self._web]
            for task in pages:
                task.cancel()
            tasks = [task for _, task in reversed(self._children)]
            for task in tasks:
                task.cancel()
                await asyncio.wait((task,), timeout=GOODBYE_S)
            tasks += pages
            if tasks:
                await asyncio.wait(tasks)
        finally:
            try:
                await self.devices.end()
            finally:
                self.broker.stop()
                self.door.close()


def idle(statuses: Sequence[Status]) -> bool:
    """Every gateway answers, and nothing waits in its outbox."""
    return all(status and status["backlog"]["events"] == 0 for status in statuses)
