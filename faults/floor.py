"""An office whose devices speak on lines and in the air: broker and archive run, the gateway is the suite's."""

from __future__ import annotations

import io
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import yaml

from faults.api import Outcome, Scene
from faults.judge import holes
from faults.office import ARCHIVE, GATEWAY
from faults.work import peak_mb
from gateway.credentials import SiteKey
from gateway.people import PeopleTable
from tests.conftest import Mosquitto, free_port
from tests.system.site import Site

DRAIN_S = 30.0
"""So long may what waits for the archive take at the end."""
ZONE = "kantor/utama/l01/timur"


def document(
    port: int, spaces: Iterable[str], sources: list[Any], devices: list[Any], more: Mapping[str, Any]
) -> dict[str, Any]:
    """office.yaml of one zone."""
    zone = {"id": "timur", "spaces": [{"id": space} for space in spaces]}
    floor = {"id": "l01", "owner": GATEWAY, "zones": [zone]}
    return {
        "version": 1,
        "site": "kantor",
        "timezone": "Asia/Makassar",
        "buildings": [{"id": "utama", "coordinator": GATEWAY, "floors": [floor]}],
        "gateways": [{"id": GATEWAY, "place": "utama/l01", "sources": sources}],
        "devices": devices,
        "broker": {"port": port},
        **more,
    }


class Floor:
    """Its processes, and its people."""

    def __init__(self, scene: Scene, outcome: Outcome) -> None:
        folder = scene.folder / "broker"
        folder.mkdir(parents=True)
        self.outcome = outcome
        self.broker = Mosquitto(folder, free_port())
        self.folder = scene.folder / "office"
        self.folder.mkdir()
        self.site: Site

    def furnish(
        self, spaces: Iterable[str], sources: list[Any], devices: list[Any], more: Mapping[str, Any] | None = None
    ) -> None:
        """Write office.yaml, and start the broker."""
        whole = document(self.broker.port, spaces, sources, devices, more or {})
        text = yaml.safe_dump(whole, sort_keys=False).replace("{", "{{").replace("}", "}}")
        with redirect_stdout(io.StringIO()):  # `hadir init` says what to do next
            self.site = Site(self.folder, self.broker, text, ())
        self.broker.start()

    def enrol(self, credentials: Iterable[str]) -> list[str]:
        """A person for each; their pids."""
        key = SiteKey.load(self.folder / "keys" / "site.key")
        with PeopleTable(self.folder / "var" / "archive" / "people.sqlite", key) as table:
            return [table.enrol(unit="bkn", credentials=[(text, "kantor")]) for text in credentials]

    @property
    def ledger(self) -> Path:
        return self.folder / "var" / "archive" / "ledger.sqlite"

    @property
    def pid(self) -> int:
        """Of the gateway."""
        return self.site.processes[GATEWAY].pid

    def memory(self) -> None:
        """Note the peak of the gateway's memory."""
        self.outcome.rss_mb = max(self.outcome.rss_mb, peak_mb(self.pid))

    def drain(self) -> dict[tuple[str, str], int]:
        """Wait until the archive has everything: up to this number, by (gateway, boot)."""
        deadline = time.monotonic() + DRAIN_S
        backlog: Any = None
        given: dict[tuple[str, str], int] = {}
        while time.monotonic() < deadline:
            status = self.site.status()
            backlog = status.get("backlog")
            if status and given and backlog["events"] == 0:
                return given
            if status:
                given = {(GATEWAY, status["boot"]): status["last_sequence"]}
            time.sleep(0.05)
        self.outcome.misses.append(f"not drained within {DRAIN_S:.0f} s: {backlog}")
        return given


@contextmanager
def at_work(floor: Floor, *module: str) -> Iterator[Floor]:
    """Archive and gateway (`python -m MODULE`) run; at the end everything is in the archive."""
    site = floor.site
    try:
        site.launch(ARCHIVE, "gateway.cli")
        site.launch(GATEWAY, *(module or ("gateway.cli",)))
        site.ready()
        yield floor
        floor.memory()
        given = floor.drain()
        for name in (GATEWAY, ARCHIVE):
            site.kill(name, 15)
        if gone := holes(floor.ledger, given):
            floor.outcome.lost += sum(hole.many for hole in gone)
            floor.outcome.misses.append(f"numbers that the archive never got: {[tuple(hole) for hole in gone[:5]]}")
    finally:
        site.close()
        floor.broker.stop()
