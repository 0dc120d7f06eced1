"""Badge readers on USB adapters that can be pulled out and put back: ptys under stable names, as udev gives them."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import termios
import time
import tty
from pathlib import Path

NOISE = b"\x00"
"""Belongs to no frame: the framer drops it."""
MOST = 64
"""Numbers that are tried."""


class Plug:
    """One adapter with its device. It has its name of /dev/serial/by-id for life, its number until it is pulled."""

    def __init__(self, name: Path) -> None:
        self.name = name
        self._master = self._slave = -1
        self.number = ""
        self.named_at = 0.0
        """time.monotonic() of when its name led to it."""
        self.plug()

    def plug(self, *, named: bool = True, number: str = "", other_than: str = "") -> None:
        """Put it in, as `number` or `other_than` a number. The name comes a moment after it: `call`, if not `named`."""
        pairs = [pty.openpty()]
        while (number and os.ttyname(pairs[-1][1]) != number) or os.ttyname(pairs[-1][1]) == other_than:
            if len(pairs) == MOST:
                break
            pairs.append(pty.openpty())
        self._master, self._slave = pairs.pop()
        for handle in (handle for pair in pairs for handle in pair):
            os.close(handle)
        tty.setraw(self._master)
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.number = os.ttyname(self._slave)
        if named:
            self.call()

    def call(self) -> None:
        """Let the name lead to it: in one step, as udev does."""
        new = self.name.with_name(f".{self.name.name}")
        new.unlink(missing_ok=True)
        new.symlink_to(self.number)
        new.rename(self.name)
        self.named_at = time.monotonic()

    def pull(self, *, named: bool = False) -> None:
        """Pull it out. `named`: the name still leads to the number, until udev has got so far."""
        os.close(self._master)
        os.close(self._slave)
        self._master = self._slave = -1
        if not named:
            self.unname()

    def unname(self) -> None:
        self.name.unlink(missing_ok=True)

    def write(self, data: bytes) -> None:
        os.write(self._master, data)

    def read(self) -> bytes:
        """What the gateway has sent."""
        try:
            return os.read(self._master, 4096)
        except BlockingIOError:
            return b""

    @property
    def unread(self) -> int:
        """Bytes that arrived and that nobody has read."""
        (waiting,) = struct.unpack("i", fcntl.ioctl(self._slave, termios.FIONREAD, b"\0" * 4))
        return int(waiting)

    def is_read(self) -> bool:
        """Write noise, and look whether somebody takes it."""
        self.write(NOISE)
        time.sleep(0.004)
        return not self.unread

    def close(self) -> None:
        if self._master >= 0:
            self.pull()
