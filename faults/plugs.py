"""Badge readers on USB adapters that can be pulled out and put back: ptys under stable names, as udev gives them."""

from __future__ import annotations

import fcntl
import itertools
import os
import pty
import struct
import termios
import time
import tty
from pathlib import Path

NOISE = b"\x00"
"""Belongs to no frame: the framer drops it."""


class Plug:
    """One adapter with its device. It has its name for life (by-id/usb-reader-1), its number until it is pulled.

    A number is a link of our own to the pty, beside the folder of names: numbers of two runs on one machine must not
    mix, as ptys come from one pool.
    """

    def __init__(self, name: Path) -> None:
        """`name`: in a folder by-id."""
        self.name = name
        self._master = self._slave = -1
        self.number = ""
        """ttyUSB0, ttyUSB1, ..."""
        self.named_at = 0.0
        """time.monotonic() of when its name led to it."""
        self.plug()

    def plug(self, *, named: bool = True, number: str = "", other_than: str = "") -> None:
        """Put it in, as `number` or the first free one but `other_than`. The name comes behind it: `call` it, if not
        `named`."""
        self._master, self._slave = pty.openpty()
        tty.setraw(self._master)
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        free = (f"ttyUSB{n}" for n in itertools.count())
        self.number = number or next(one for one in free if one != other_than and not self._node(one).is_symlink())
        self._node(self.number).symlink_to(os.ttyname(self._slave))
        if named:
            self.call()

    def call(self) -> None:
        """Let the name lead to the number: in one step, as udev does."""
        new = self.name.with_name(f".{self.name.name}")
        new.unlink(missing_ok=True)
        new.symlink_to(self._node(self.number))
        new.rename(self.name)
        self.named_at = time.monotonic()

    def pull(self, *, named: bool = False) -> None:
        """Pull it out. `named`: the name still leads to the number, until udev has got so far."""
        self._node(self.number).unlink()
        os.close(self._master)
        os.close(self._slave)
        self._master = self._slave = -1
        if not named:
            self.unname()

    def unname(self) -> None:
        """Take the name back."""
        self.name.unlink(missing_ok=True)

    def _node(self, number: str) -> Path:
        return self.name.parent.parent / number

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
