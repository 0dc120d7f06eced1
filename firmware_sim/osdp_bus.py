"""Two wires that a controller and several OSDP readers share: what one sends, all others hear.

Each has a pseudo-terminal with a stable name. The wires go on when a reader dies; bytes for one who does not read are
lost, as on a real line.
"""

from __future__ import annotations

import asyncio
import os
import termios
import tty
from collections.abc import Callable
from pathlib import Path

HOST = "host"
"""Name of the controller's end."""


class Bus:
    """Used from the event loop's thread only; `close` it."""

    def __init__(
        self, folder: Path, *, heard: Callable[[str, bytes], bytes] | None = None, byte_s: float = 0.0
    ) -> None:
        """`heard` gets who sent what, and says what the others hear of it.

        `byte_s`: seconds that a byte takes to the host."""
        self._folder = folder
        self._heard = heard
        self._byte_s = byte_s
        self._loop = asyncio.get_running_loop()
        self._ends: dict[str, tuple[int, int]] = {}
        self._free_at = 0.0
        self.plug(HOST)

    def plug(self, name: str) -> Path:
        """An end of the wires; the host's may be pulled out and put in again."""
        master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        self._ends[name] = master, slave
        link = self._folder / name
        link.unlink(missing_ok=True)
        link.symlink_to(os.ttyname(slave))
        self._loop.add_reader(master, self._read, name, master)
        return link

    def unplug(self, name: str) -> None:
        """Hang up."""
        master, slave = self._ends.pop(name)
        self._loop.remove_reader(master)
        os.close(master)
        os.close(slave)
        (self._folder / name).unlink(missing_ok=True)

    def close(self) -> None:
        """Hang up everywhere."""
        for name in list(self._ends):
            self.unplug(name)

    def send(self, name: str, data: bytes) -> None:
        """Bytes arrive at one end."""
        if name not in self._ends:
            return
        if name == HOST and self._byte_s:
            self._free_at = max(self._free_at, self._loop.time())
            for byte in data:
                self._free_at += self._byte_s
                self._loop.call_at(self._free_at, self._write, name, bytes((byte,)))
        else:
            self._write(name, data)

    def _write(self, name: str, data: bytes) -> None:
        if name not in self._ends:
            return
        master, slave = self._ends[name]
        try:
            os.write(master, data)
        except BlockingIOError:
            termios.tcflush(slave, termios.TCIFLUSH)

    def _read(self, name: str, master: int) -> None:
        try:
            data = os.read(master, 4096)
        except OSError:
            return
        if self._heard is not None:
            data = self._heard(name, data)
        for other in list(self._ends):
            if other != name and data:
                self.send(other, data)
