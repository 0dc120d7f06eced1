"""Hop 1, serial: a line is opened by its stable name, read without blocking and cut by the driver's framer."""

from __future__ import annotations

import asyncio

import serial

from drivers.api import Driver, Frame, SerialSettings
from gateway.clock import Clock
from gateway.counters import Counters
from gateway.errors import TransientError
from gateway.sources.base import Deliver, SourceState

READ = 4096


class SerialSource:
    """One serial line with one device at its end."""

    def __init__(
        self, source_id: str, port: str, driver: Driver, clock: Clock, counters: Counters, *, baud: int | None = None
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
        self._kept = b""

    async def run(self, deliver: Deliver) -> None:
        """Read until the line fails. Raises TransientError: unplugged, not there, taken by another program."""
        loop = asyncio.get_running_loop()
        try:
            line = await loop.run_in_executor(None, self._open)
        except OSError as error:  # SerialException is one
            self.state.problem = f"{self._port}: {error.strerror or error}"
            raise TransientError(self.state.problem) from error
        failed: asyncio.Future[str] = loop.create_future()
        handle = line.fileno()
        self._kept = b""
        loop.add_reader(handle, self._readable, line, deliver, failed)
        self.state.up, self.state.problem = True, ""
        self.state.opens += 1
        try:
            for command in self._driver.start:
                line.write(command)
            self.state.problem = await failed
            raise TransientError(self.state.problem)
        except OSError as error:
            self.state.problem = str(error)
            raise TransientError(self.state.problem) from error
        finally:
            self.state.up = False
            loop.remove_reader(handle)
            line.close()

    def _open(self) -> serial.Serial:
        return serial.Serial(
            self._port,
            self._baud,
            parity=self._settings.parity,
            stopbits=self._settings.stop_bits,
            timeout=0,
            write_timeout=0,
            exclusive=True,
        )

    def _readable(self, line: serial.Serial, deliver: Deliver, failed: asyncio.Future[str]) -> None:
        try:
            data = line.read(READ)
        except OSError as error:
            if not failed.done():
                failed.set_result(f"{self._port}: unplugged ({error})")
            return
        if data:
            self.feed(data, deliver)

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
