"""A running site with its web application, for what needs gateways that answer and browsers that look."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import httpx

from gateway.clock import SystemClock
from gateway.config.load import load
from gateway.credentials import SiteKey
from gateway.people import PeopleTable
from gateway.web.accounts import Accounts
from gateway.web.viewer import Role
from tests.conftest import Mosquitto, free_port, wait_for_port
from tests.system.site import CARD, GUARD_S, Site
from tests.web.office import OFFICE

LINES = ("reader", "radar", "radar-2", "radar-3")


class RunningWeb(Site):
    """Site, and `hadir serve` on a free port."""

    def __init__(self, folder: Path, broker: Mosquitto, more: str = "") -> None:
        folder.mkdir()
        self.port = free_port()
        text = OFFICE.replace("{web_port}", str(self.port)).replace("clock: {{trust: always}}\n", "")
        super().__init__(folder, broker, text + more, LINES)
        self.office = load(self.file)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, name: str = "") -> None:
        """All processes, or one of `Site`'s."""
        if name:
            super().start(name)
            return
        for part in ("archive", "gw-01"):
            super().start(part)
        self.serve()
        self.ready()

    def ready(self, gateway: str = "gw-01") -> None:
        """The gateway is, and the web application, where it runs: it listens before it has found the broker."""
        super().ready(gateway)
        deadline = time.monotonic() + GUARD_S
        while "web" in self.processes and httpx.get(f"{self.url}/readyz").status_code != 200:
            assert time.monotonic() < deadline, f"the web application is not ready; log {self.log()}"
            time.sleep(0.05)

    def serve(self) -> None:
        """Start the web application."""
        self.launch_serve()
        wait_for_port(self.port, self.processes["web"], GUARD_S)

    def launch_serve(self) -> None:
        import sys

        with (self.folder / "web.log").open("ab") as log:
            self.processes["web"] = subprocess.Popen(
                [sys.executable, "-m", "gateway.cli", "serve", str(self.file)],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    def stop(self) -> None:
        for name in list(self.processes):
            self.processes[name].kill()
            self.processes.pop(name).wait(timeout=GUARD_S)

    def people(self) -> PeopleTable:
        office = self.office
        return PeopleTable(office.path(office.people.table), SiteKey.load(office.path(office.people.site_key)))

    def holder(self) -> str:
        """Pid of whoever holds CARD."""
        with self.people() as table:
            return table.people()[0][0]

    def code(self, *roles: Role, pid: str = "", units: tuple[str, ...] = ()) -> str:
        """A one-time code that signs in an account of these roles."""
        accounts = Accounts(self.office.path(self.office.web.data) / "web.sqlite", SystemClock())
        try:
            if pid:
                account = accounts.of_person(pid, "bkn")
                accounts.grant(account, roles, units)
            else:
                account = accounts.create(roles=roles, units=units)
            return accounts.new_code(account)
        finally:
            accounts.close()

    def until_state(self, client: httpx.Client, what: str) -> None:
        """Wait until the page `/` shows a text."""
        deadline = time.monotonic() + GUARD_S
        while time.monotonic() < deadline:
            if what in client.get("/").text:
                return
            time.sleep(0.1)
        raise AssertionError(f"{what} never appeared; log {self.log()}")


R = TypeVar("R", bound=RunningWeb)


@contextmanager
def running_site(folder: Path, make: Callable[[Path, Mosquitto], R]) -> Iterator[R]:
    """One that runs until the block ends, with a broker of its own."""
    broker = Mosquitto(folder, free_port())
    broker.start()
    made = make(folder / "site", broker)
    try:
        made.start()
        yield made
    finally:
        made.stop()
        broker.stop()


__all__ = ["CARD", "RunningWeb", "running_site"]
