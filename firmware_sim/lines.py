"""Serial lines: a pseudo-terminal a device, with a stable name, that never blocks the loop.

The device's end is non-blocking; what does not fit waits, bounded, and the oldest whole frames are dropped and counted.
The gateway's end is held open here as well, so that a gateway may come and go without the line breaking.
"""

from __future__ import annotations

import asyncio
import os
import struct
import termios
import tty
from collections import deque
from collections.abc import Callable
from fcntl import ioctl
from pathlib import Path
from time import monotonic_ns

Written = Callable[[int], None]
"""Called with the machine time at which the write that completed a frame began: nobody can have read it before."""
WAITING = 64
"""Frames that wait for room at most."""
UNREAD = 2048
"""Bytes that a line keeps for a host that does not read, where old news is worthless."""


class SerialLine:
    """One line. Used from the event loop's thread only; `close` it."""

    def __init__(self, link: Path, *, fresh: bool, heard: Callable[[bytes], None] | None = None) -> None:
        """`fresh`: bytes that nobody reads are thrown away, as a UART does, so that a gateway that opens the line late
        does not take minutes-old reports for new ones. `heard` gets what the host writes."""
        self.dropped = 0
        self._fresh = fresh
        self._heard = heard
        self._half: tuple[bytes, Written | None] | None = None
        """What is left of a frame that has begun: it is never dropped, or the reader would see two halves as one."""
        self._waiting: deque[tuple[bytes, Written | None]] = deque()
        self._loop = asyncio.get_running_loop()
        self._master, self._slave = os.openpty()
        tty.setraw(self._master)
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._link = link
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(os.ttyname(self._slave))
        self._loop.add_reader(self._master, self._read)

    def send(self, frame: bytes, written: Written | None = None) -> None:
        """Send a whole frame; `written` is called when its last byte has been written, with the time of that."""
        if self._fresh and self._half is None and self.unread() > UNREAD:
            termios.tcflush(self._slave, termios.TCIFLUSH)
            self.dropped += 1
        self._waiting.append((frame, written))
        if self._half is None:
            self._write()
        while len(self._waiting) > WAITING:
            self._waiting.popleft()
            self.dropped += 1

    def unread(self) -> int:
        """Bytes that lie at the host's end."""
        count: int = struct.unpack("i", ioctl(self._slave, termios.FIONREAD, bytes(4)))[0]
        return count

    def close(self) -> None:
        """Hang up and take the name away."""
        self._loop.remove_reader(self._master)
        self._loop.remove_writer(self._master)
        os.close(self._master)
        os.close(self._slave)
        self._link.unlink(missing_ok=True)

    def _write(self) -> None:
        while self._half is not None or self._waiting:
            frame, written = self._half or self._waiting.popleft()
            at = monotonic_ns()
            try:
                count = os.write(self._master, frame)
            except BlockingIOError:
                count = 0
            if count < len(frame):
                self._half = (frame[count:], written)
                self._loop.add_writer(self._master, self._write)
                return
            self._half = None
            if written is not None:
                written(at)
        self._loop.remove_writer(self._master)

    def _read(self) -> None:
        try:
            data = os.read(self._master, 4096)
        except BlockingIOError:
            return
        if self._heard is not None:
            self._heard(data)
