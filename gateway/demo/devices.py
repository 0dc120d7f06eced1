"""The office's devices as the demo leads them: the simulator's process and, where it can be, a private D-Bus."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from firmware_sim import bus
from gateway.clock import ScaledClock
from gateway.errors import HadirError

END_S = 1.0
"""The simulator only has to close its files; after that it is killed."""


class Devices:
    """`start`, `ready`, `open`, `silent`, and `end` when nobody reads their lines any more."""

    def __init__(self, folder: Path, *, seed: int, seconds: float, replay: bool, faults: bool) -> None:
        """`seconds`: of office life, 0 until told to end. `replay`: tags by recordings, whatever is installed.

        `faults`: the devices and their wires are as bad as real ones.
        """
        self._folder = folder
        self._seed = seed
        self._seconds = seconds
        self._faults = faults
        self.ble, self.how = (False, "the replay source (--no-ble)") if replay else _ble()
        """Whether tags are heard by real bleak, and how to say so."""
        self.environment: Mapping[str, str] = {}
        """What a process needs to find the bus."""
        self._bus: subprocess.Popen[bytes] | None = None
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pids(self) -> dict[str, int]:
        """Of what runs: `bus`, `simulator`."""
        found = {} if self._bus is None else {"bus": self._bus.pid}
        if self._process is not None and self._process.returncode is None:
            found["simulator"] = self._process.pid
        return found

    def start_bus(self) -> None:
        """Raises HadirError when it does not start."""
        if self.ble:
            try:
                self._bus, address = bus.start_bus(self._folder)
            except (OSError, RuntimeError) as error:
                raise HadirError(f"{error}; without a bus: --no-ble") from error
            self.environment = {"DBUS_SYSTEM_BUS_ADDRESS": address}

    async def start(self, clock: ScaledClock, broker: int) -> None:
        """Begin; nothing is there yet when this returns. `broker`: its port for clients of MQTT 3.1.1."""
        with (self._folder / "simulator.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "firmware_sim", "--led", "--folder", str(self._folder)),
                *("--seed", str(self._seed), "--clock", str(clock), "--seconds", f"{self._seconds:g}"),
                *("--truth", str(self._folder / "truth.jsonl"), "--broker", str(broker)),
                *(() if self.ble else ("--no-ble",)),
                *(("--faults",) if self._faults else ()),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env={**os.environ, **self.environment},
                start_new_session=True,  # Ctrl-C is for us: it ends last
            )

    async def ready(self) -> None:
        """Return when all lines are there and devices speak. This and what follows raise HadirError when they die."""
        await self._word("ready")

    async def open(self) -> None:
        """Let people come; return when the first may, which is not before the clock's start."""
        self._tell()
        await self._word("open")

    async def silent(self) -> None:
        """Return when the time is up and the devices have stopped. Their lines are still there."""
        await self._word("silent")

    async def end(self) -> None:
        """Hang up the lines, and end the bus."""
        process, bus_process = self._process, self._bus
        try:
            if process is not None and process.returncode is None:
                if process.stdin is not None:
                    process.stdin.close()
                try:
                    async with asyncio.timeout(END_S):
                        await process.wait()
                except TimeoutError:
                    process.kill()
                    await process.wait()
        finally:
            if bus_process is not None:
                bus_process.terminate()
                bus_process.wait()

    def _tell(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with suppress(ConnectionError):  # it has died: the word that we wait for says so
                self._process.stdin.write(b"\n")

    async def _word(self, word: str) -> None:
        if self._process is None or self._process.stdout is None:
            raise RuntimeError("the devices have not been started")
        said = (await self._process.stdout.readline()).decode("ascii", "replace").strip()
        if said != word:
            last = (self._folder / "simulator.log").read_text(encoding="utf-8", errors="replace")[-500:]
            raise HadirError(f"the simulated devices ended before they were {word}: {said} {last}".rstrip())


def _ble() -> tuple[bool, str]:
    if not bus.available():
        return False, "the replay source (no dbus-daemon here)"
    if find_spec("bleak") is None or find_spec("dbus_fast") is None:
        return False, "the replay source (bleak is not installed)"
    return True, "bleak on a private D-Bus"
