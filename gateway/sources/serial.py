"""Hop 1, serial: a line is opened by its stable name, read without blocking and cut by the driver's framer.

pyserial opens and sets the line; bytes go by the file descriptor itself, because pyserial's own `write` spins while a
line that must not block is full, and its `read` cannot tell "nothing yet" from "unplugged" without an exception.

A device that reports by itself and is silent is down, though its line is open: after a replug it may need its start
bytes again. The line is opened anew, with patience that doubles, and the device is up again with its first frame.
"""

from __future__ import annotations

import asyncio
import errno
import grp
import os
import pwd
import termios
from collections.abc import Callable
from contextlib import suppress

import serial

from drivers.api import DecodeError, Driver, Frame, SerialSettings
from gateway.clock import SECOND, Clock
from gateway.counters import Counters
from gateway.errors import TransientError
from gateway.sources.base import Deliver, OnState, SourceState, Teller, at_once
from gateway.sources.port import MOVED, Port

READ = 4096
MOST_WAITING = 1024
"""Bytes for the device that wait while the line is full: a second of 9600 baud."""
SILENT_S = 30.0
"""A device that should have reported has so long, at least."""
INTERVALS = 20
"""So many of its own intervals may pass without a report: not `stale`, which the rules decide, but gone."""
PATIENCE = 6
"""The patience with a device that stays silent doubles up to this many times."""
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
        silent_s: float | None = None,
        on_state: OnState | None = None,
    ) -> None:
        """`port`: a /dev/serial/by-id path: a replugged adapter is found under its name. `driver` has a framer.

        `silent_s`: machine seconds without a frame that mean that the device is gone (`patience`); None: never.
        """
        if driver.framer is None:
            raise ValueError(f"{driver.name} does not read a serial line")
        self.id = source_id
        self.state = SourceState()
        self._port = port
        self._name = Port(port)
        self._driver = driver
        self._framer = driver.framer
        self._medium = f"serial:{driver.name}"
        self._settings = driver.settings or SerialSettings(9600)
        self._baud = baud or self._settings.baud
        self._clock = clock
        self._counters = counters
        self._teller = Teller(self.state, on_state)
        self._silent_s = silent_s
        self._silences = 0
        """Openings in a row without a frame."""
        self._kept = b""
        self._garbage = 0
        """Bytes since the line was opened that belonged to no frame."""
        self._handle: int | None = None
        self._waiting = b""

    async def run(self, deliver: Deliver) -> None:
        """Read until the line fails. Raises TransientError: unplugged, silent, not there, taken by another program."""
        loop = asyncio.get_running_loop()
        self._name.tries()
        opening = loop.run_in_executor(None, self._open)  # some adapters take seconds
        try:
            line = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_unused)
            raise
        except REFUSED as error:
            self._teller.down("missing", f"{self._port}: {refusal(self._port, error)}")
            raise TransientError(self.state.problem, sign=self._name.appears) from error
        try:
            if not await self._name.settled(line.fileno(), self._clock):
                self._teller.down("unplugged", f"{self._port}: {MOVED}")
                raise TransientError(self.state.problem, sign=self._name.appears)
            await self._read(line.fileno(), deliver)
        finally:
            _close(line)

    async def _read(self, handle: int, deliver: Deliver) -> None:
        """Until the line fails: TransientError."""
        loop = asyncio.get_running_loop()
        failed: asyncio.Future[str] = loop.create_future()
        self._handle, self._waiting, self._garbage = handle, b"", 0
        loop.add_reader(handle, self._readable, handle, deliver, failed)
        self.state.opens += 1
        if not self._silences:
            self._teller.up()
        try:
            for command in self._driver.start:
                self.write(command)
            problem = await self._until_failed(failed)
            cause = "unplugged" if failed.done() else "silent"
            self._teller.down(cause, f"{self._port}: {problem}")
            raise TransientError(self.state.problem, sign=self._name.appears if failed.done() else at_once)
        finally:
            loop.remove_reader(handle)
            loop.remove_writer(handle)
            self._handle = None
            self.state.up = False
            if self._kept:  # the rest of this frame will never come
                self._counters.add("serial.dropped", "cut", len(self._kept))
                self._kept = b""

    async def _until_failed(self, failed: asyncio.Future[str]) -> str:
        """What is wrong with the line, or with the device behind it."""
        if self._silent_s is None:
            return await failed
        opened = self._clock.machine()
        longest = self._silent_s * 2 ** min(self._silences, PATIENCE)
        while True:
            if self.state.last_frame > opened:
                longest = self._silent_s
            left = longest - (self._clock.machine() - max(opened, self.state.last_frame)) / SECOND
            if left <= 0:
                break
            await asyncio.wait((failed,), timeout=left)
            if failed.done():
                return failed.result()
        self._silences += 1
        self._counters.add("serial.silent")
        hint = "is it powered, and are its lines (RX, TX, ground) right?"
        if self._garbage:
            hint = f"{self._garbage} bytes belonged to none: is it a {self._driver.name} at {self._baud} baud?"
        return f"open, but no frame for {longest:.0f} s; {hint}"

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
            self._garbage += size
        if not cut.frames:
            return
        self._silences = 0
        if not self.state.up:
            self._teller.up()
        office, machine = self._clock.office(), self._clock.machine()
        self.state.frames += len(cut.frames)
        self.state.last_frame = machine
        for payload in cut.frames:
            deliver(Frame(self._medium, self.id, self._sender(payload), payload, None, office, machine))

    def _sender(self, payload: bytes) -> str:
        """Who of those that share the line; empty where there is one device, or where the frame does not say."""
        sender = self._driver.sender
        if sender is None:
            return ""
        try:
            return sender(payload)
        except DecodeError:  # hop 3 counts it
            return ""

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
            if data and not self._name.holds(handle, self._clock):
                self._counters.add("serial.dropped", "moved", len(data))
                data, problem = b"", MOVED
        if failed.done():
            return
        if data:
            try:
                self.feed(data, deliver)
            except BaseException as error:
                failed.set_exception(error)  # a bug behind the source: `run` ends with it, the loop only logs it
                raise
        else:
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


def patience(expect_s: float | None) -> float | None:
    """How long a device that reports every `expect_s` may be silent before its line is opened anew; None: for ever."""
    return None if expect_s is None else max(SILENT_S, INTERVALS * expect_s)


def refusal(port: str, error: BaseException) -> str:
    """Why a line cannot be opened, and what to do about it."""
    match getattr(error, "errno", None):
        case errno.ENOENT | errno.ENXIO | errno.ENODEV:
            return "is not there (No such file or device); ls -l /dev/serial/by-id shows what is plugged in"
        case errno.EACCES | errno.EPERM:
            return f"Permission denied; {_permission(port)}"
        case errno.EAGAIN | errno.EBUSY:
            return f"another program holds it; fuser -v {port} shows which"
        case int() as number:
            return os.strerror(number)
        case _:
            return _words(error)


def _permission(port: str) -> str:
    """What gives this user the port."""
    user = _name(lambda: pwd.getpwuid(os.geteuid()).pw_name, str(os.geteuid()))
    group = _name(lambda: grp.getgrgid(os.stat(port).st_gid).gr_name, "dialout")
    if group == "root":
        return f"it belongs to the group root; a udev rule gives it to dialout, and user {user} must be in that"
    return f"user {user} must be in group {group}: sudo usermod -aG {group} {user}, then start hadir anew"


def _name(ask: Callable[[], str], otherwise: str) -> str:
    try:
        return ask()
    except (KeyError, OSError):
        return otherwise


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
