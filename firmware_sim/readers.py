"""Badge readers: what they say when a card is held to them. Device time is machine time."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from time import monotonic_ns
from typing import Protocol

from firmware_sim import id12la, rdm6300, wiegand
from firmware_sim.hardware import Device
from firmware_sim.lines import Written
from firmware_sim.office import Person
from firmware_sim.truth import Truth, frame_name
from firmware_sim.wires import Wire

MOST_REPEATS = 3
Tapped = Written
"""Called with the machine time at which the last byte of a tap's first frame was written."""


class Reader(Protocol):
    """One reader."""

    device: Device

    def tap(self, person: Person, written: Tapped) -> None:
        """Somebody holds the cards before it: it reads the one that it can."""
        ...

    def stop(self) -> None:
        """Say nothing any more."""
        ...


class CoilReader:
    """An RDM6300 or ID-12LA on its line: it reads the EM4100 badge."""

    def __init__(self, device: Device, wire: Wire, rng: Random) -> None:
        self.device = device
        self._wire = wire
        self._rng = rng
        self._loop = asyncio.get_running_loop()
        self._repeats: list[asyncio.TimerHandle] = []

    def tap(self, person: Person, written: Tapped) -> None:
        tag = bytes.fromhex(person.badge)
        if self.device.driver == "id12la":
            self._wire.send(self.device.id, id12la.frame(tag), written, tap=True)
            return
        frame = rdm6300.frame(tag)
        self._wire.send(self.device.id, frame, written, tap=True)
        self._repeats = [
            self._loop.call_later(n * rdm6300.REPEAT_S, partial(self._wire.send, self.device.id, frame, tap=True))
            for n in range(1, self._rng.randint(1, MOST_REPEATS))
        ]

    def stop(self) -> None:
        for repeat in self._repeats:
            repeat.cancel()


class WiegandReader:
    """A Wiegand reader behind a bridge that writes its bits as a line."""

    def __init__(self, device: Device, wire: Wire) -> None:
        self.device = device
        self._wire = wire

    def tap(self, person: Person, written: Tapped) -> None:
        self._wire.send(self.device.id, wiegand.bits_line(wiegand.h10301(*person.card)), written, tap=True)

    def stop(self) -> None:
        """It says nothing by itself."""


class OsdpReader:
    """An OSDP reader: a process of its own on the bus, which tells of a card when it is asked."""

    def __init__(self, device: Device, port: Path, truth: Truth, shown: Callable[[str, str], None]) -> None:
        """`shown` is told what the reader shows: its id and a line of JSON."""
        self.device = device
        self._truth = truth
        self._shown = shown
        self._loop = asyncio.get_running_loop()
        command = [sys.executable, "-m", "firmware_sim.osdp_reader", str(port), device.address]
        self._process = subprocess.Popen(
            [*command, "--key", device.key.hex()], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None  # noqa: S101 it was asked for
        os.set_blocking(self._process.stdout.fileno(), False)
        self._loop.add_reader(self._process.stdout.fileno(), self._read)

    def tap(self, person: Person, written: Tapped) -> None:
        bits = wiegand.h10301(*person.card)
        at = monotonic_ns()
        self._truth.frame(self.device.id, frame_name(self.device.address, wiegand.payload(bits)), at)
        written(at)
        if self._process.stdin is not None and self._process.poll() is None:
            self._process.stdin.write(json.dumps({"card": bits}).encode() + b"\n")
            self._process.stdin.flush()

    def stop(self) -> None:
        """It answers until it is ended: a card that it has read waits for the controller's question."""

    def close(self) -> None:
        """End the process."""
        if self._process.stdout is not None:
            self._loop.remove_reader(self._process.stdout.fileno())
        self._process.terminate()
        self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 it was asked for
        data = self._process.stdout.read()
        if data == b"":  # it has ended
            self._loop.remove_reader(self._process.stdout.fileno())
        for line in (data or b"").splitlines():
            self._shown(self.device.id, line.decode("utf-8", "replace"))
