"""Hop 1, serial: a line is opened by its stable name, read without blocking and cut by the driver's framer.

pyserial opens and sets the line; bytes go by the file descriptor itself, because pyserial's own `write` spins while a
line that must not block is full, and its `read` cannot tell "nothing yet" from "unplugged" without an exception.
"""

from __future__ import annotations

import asyncio
import os
import termios
from contextlib import suppress

import serial

from drivers.api import Driver, Frame, SerialSettings
from gateway.clock import Clock
from gateway.counters import Counters
from gateway.errors import TransientError
from gateway.sources.base import Deliver, OnState, SourceState, Teller

READ = 4096
MOST_WAITING = 1024
"""Bytes for the device that wait while the line is full: a second of 9600 baud."""
REFUSED = (OSError, ValueError, termios.error)
"""What opening may raise: SerialException is an OSError; a setting that this adapter cannot do is one of the others."""


class SerialSource:
    """One serial line with one device at its end."""

    def __init__(
        self,
        source_id: str,
        port: str,
        driver: Driver,
        clock: Clock,
        counters: Counters,
        *,
        baud: int | None = None,
        on_state: OnState | None = None,
    ) -> None:
        """`port`: a /dev/serial/by-id path: a replugged adapter is found under its name. `driver` has a framer."""
        if driver.framer is None:
            raise ValueError(f"{driver.name} does not read a serial line")
        self.id = source_id
        self.state = SourceState()
        self._port = port
        self._driver = driver
        self._framer = driver.framer
        self._medium = f"serial:{driver.name}"
        self._settings = driver.settings or SerialSettings(9600)
        self._baud = baud or self._settings.baud
        self._clock = clock
        self._counters = counters
        self._teller = Teller(self.state, on_state)
        self._kept = b""
        self._handle: int | None = None
        self._waiting = b""

    async def run(self, deliver: Deliver) -> None:
        """Read until the line fails. Raises TransientError: unplugged, not there, taken by another program."""
        loop = asyncio.get_running_loop()
        opening = loop.run_in_executor(None, self._open)  # some adapters take seconds
        try:
            line = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_unused)
            raise
        except REFUSED as error:
            self._teller.down("missing", f"{self._port}: {_words(error)}")
            raise TransientError(self.state.problem) from error
        failed: asyncio.Future[str] = loop.create_future()
        self._handle, self._waiting = line.fileno(), b""
        loop.add_reader(self._handle, self._readable, self._handle, deliver, failed)
        self.state.opens += 1
        self._teller.up()
        try:
            for command in self._driver.start:
                self.write(command)
            problem = await failed
            self._teller.down("unplugged", f"{self._port}: {problem}")
            raise TransientError(self.state.problem)
        finally:
            loop.remove_reader(self._handle)
            loop.remove_writer(self._handle)
            self._handle = None
            self.state.up = False
            if self._kept:  # the rest of this frame will never come
                self._counters.add("serial.dropped", "cut", len(self._kept))
                self._kept = b""
            _close(line)

    def write(self, data: bytes) -> bool:
        """Send bytes to the device without waiting; False, and counted, when the line is down or full."""
        if self._handle is None or len(self._waiting) + len(data) > MOST_WAITING:
            self._counters.add("serial.unwritten", "down" if self._handle is None else "full", len(data))
            return False
        self._waiting += data
        self._writable(self._handle)
        return True

    def feed(self, data: bytes, deliver: Deliver) -> None:
        """Bytes have arrived: the clock is read here, once, for all frames that they complete."""
        cut = self._framer(self._kept, data)
        self._kept = cut.state
        for cause, size in cut.dropped.items():
            self._counters.add("serial.dropped", cause, size)
        if not cut.frames:
            return
        office, machine = self._clock.office(), self._clock.machine()
        self.state.frames += len(cut.frames)
        self.state.last_frame = machine
        for payload in cut.frames:
            deliver(Frame(self._medium, self.id, "", payload, None, office, machine))

    def _open(self) -> serial.Serial:
        return serial.Serial(
            self._port,
            self._baud,
            parity=self._settings.parity,
            stopbits=self._settings.stop_bits,
            timeout=0,
            exclusive=True,
        )

    def _readable(self, handle: int, deliver: Deliver, failed: asyncio.Future[str]) -> None:
        try:
            data = os.read(handle, READ)
        except BlockingIOError:
            return
        except OSError as error:
            data, problem = b"", f"unplugged ({_words(error)})"
        else:
            problem = "unplugged (end of file)"
        if data:
            self.feed(data, deliver)
        elif not failed.done():
            asyncio.get_running_loop().remove_reader(handle)  # it stays readable for ever
            failed.set_result(problem)

    def _writable(self, handle: int) -> None:
        try:
            self._waiting = self._waiting[os.write(handle, self._waiting) :]
        except BlockingIOError:
            pass
        except OSError:  # the reader sees the same and ends the run
            self._counters.add("serial.unwritten", "down", len(self._waiting))
            self._waiting = b""
        loop = asyncio.get_running_loop()
        if self._waiting:
            loop.add_writer(handle, self._writable, handle)
        else:
            loop.remove_writer(handle)


def _words(error: BaseException) -> str:
    """What went wrong, for people: `termios.error` carries number and text as its arguments."""
    said = getattr(error, "strerror", None) or (error.args[-1] if error.args else "")
    return str(said) or type(error).__name__


def _close(line: serial.Serial) -> None:
    """Close at once: what was not sent yet is thrown away, or the kernel would wait for it up to 30 s."""
    with suppress(OSError, termios.error):  # it has hung up already: nothing waits
        termios.tcflush(line.fileno(), termios.TCOFLUSH)
    line.close()


def _close_unused(opening: asyncio.Future[serial.Serial]) -> None:
    """The run was cancelled while the line was being opened."""
    if not opening.cancelled() and opening.exception() is None:
        _close(opening.result())
