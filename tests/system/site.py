"""A site of real processes: gateways and an archive, devices on ptys, a real Mosquitto between them."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import subprocess
import sys
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiomqtt

from firmware_sim import rdm6300
from gateway import ledger
from gateway.cli import main
from gateway.control import call
from gateway.errors import HadirError
from tests.conftest import Mosquitto

CARD = "0F0368568B"
GUARD_S = 20.0
"""A guard against hanging, not a claim about speed."""


class Line:
    """A device's end of a serial line under a stable name."""

    def __init__(self, name: Path) -> None:
        self.name = name
        self.handle, self._other = pty.openpty()
        tty.setraw(self.handle)
        tty.setraw(self._other)
        name.unlink(missing_ok=True)
        name.symlink_to(os.ttyname(self._other))

    def write(self, data: bytes) -> None:
        os.write(self.handle, data)

    def unplug(self) -> None:
        os.close(self.handle)
        os.close(self._other)


class Site:
    """One office with its processes."""

    def __init__(self, folder: Path, broker: Mosquitto, office: str, lines: tuple[str, ...]) -> None:
        """`office`: the text of office.yaml, with {folder} and {port}; `lines`: names of ptys, `tty-<name>`."""
        self.folder, self.broker = folder, broker
        self.file = folder / "office.yaml"
        assert main(["init", str(folder), "--site", "kantor"]) == 0
        text = office.format(folder=folder, port=broker.port)
        self.file.write_text(f"{text}\nclock: {{trust: always}}\n", encoding="utf-8")  # whatever keeps this machine's
        assert main(["people", str(self.file), "enrol", "--unit", "bkn", "--credential", f"em4100:{CARD}"]) == 0
        self.lines = {name: Line(folder / f"tty-{name}") for name in lines}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def socket(self, gateway: str = "gw-01") -> Path:
        return self.folder / "var" / gateway / "control.sock"

    def start(self, name: str) -> None:
        self.launch(name, "gateway.cli")

    def launch(self, name: str, *module: str) -> None:
        """The gateway or archive of that name, run by `python -m MODULE ...`."""
        command = ["ingest", str(self.file)] if name == "archive" else ["run", str(self.file), "--gateway", name]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", *module, *command], stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )

    def kill(self, name: str, number: int = signal.SIGKILL) -> int:
        process = self.processes.pop(name)
        process.send_signal(number)
        return process.wait(timeout=GUARD_S)

    def tap(self, line: str = "reader") -> None:
        self.lines[line].write(rdm6300.frame(bytes.fromhex(CARD)))

    def status(self, gateway: str = "gw-01") -> dict[str, Any]:
        try:
            return asyncio.run(call(self.socket(gateway), "status"))
        except HadirError:
            return {}

    def until(self, what: Callable[[dict[str, Any]], Any], gateway: str = "gw-01") -> dict[str, Any]:
        """The first status that fulfils `what`."""
        deadline = time.monotonic() + GUARD_S
        status: dict[str, Any] = {}
        while time.monotonic() < deadline:
            status = self.status(gateway)
            if status and what(status):
                return status
            time.sleep(0.05)
        raise AssertionError(f"never happened; last status {status}; log {self.log()}")

    def log(self) -> str:
        return "".join(path.read_text()[-2000:] for path in self.folder.glob("*.log"))

    def stored(self, kind: str) -> list[dict[str, Any]]:
        rows = ledger.read(self.folder / "var" / "archive" / "ledger.sqlite")
        return [json.loads(row.body) for row in rows if row.type == kind and row.cls == "evt"]

    def acts(self, kind: str) -> list[dict[str, Any]]:
        """Events that name a person."""
        rows = ledger.read(self.folder / "var" / "archive" / "ledger.sqlite")
        return [json.loads(row.body) for row in rows if row.type == kind and row.cls == "who"]

    def ready(self, gateway: str = "gw-01") -> None:
        self.until(lambda status: status["people_version"] and status["link"]["connected"], gateway)

    def drained(self, gateway: str = "gw-01") -> None:
        self.until(lambda status: status["backlog"]["events"] == 0, gateway)

    def close(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()
        for line in self.lines.values():
            line.unplug()


@contextmanager
def pair(folder: Path, broker: Mosquitto, office: str) -> Iterator[Site]:
    """A site of gw-01, gw-02 and an archive, all up, with the serial lines `one` and `two`."""
    made = Site(folder, broker, office, ("one", "two"))
    try:
        for name in ("archive", "gw-01", "gw-02"):
            made.start(name)
        made.ready("gw-01")
        made.ready("gw-02")
        yield made
    finally:
        made.close()


async def state_until(port: int, place: str, what: str) -> dict[str, Any]:
    """The first retained state of `place` whose state or cause is `what`, as a plain subscriber sees it."""
    async with asyncio.timeout(GUARD_S), aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe(f"hadir/v1/state/{place}", qos=1)
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            state: dict[str, Any] = json.loads(message.payload)
            if what in (state["state"], state["cause"]):
                return state
    raise AssertionError("the subscription ended")
