"""Hop 1, keyboard wedge: a reader that types; taken for us alone, so that no number ends up in somebody's window.

The kernel's events are read as they are: the package `evdev` comes as source only and would need a compiler and the
kernel's headers on the gateway, for a structure of 24 bytes and two ioctls. A frame is one typed line.

Source: Linux kernel, include/uapi/linux/input.h (EVIOCGRAB, EVIOCSCLOCKID).
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
from collections.abc import Callable

from drivers.api import Frame
from gateway.clock import Clock
from gateway.counters import Counters
from gateway.errors import TransientError
from gateway.sources.base import Deliver, OnState, SourceState, Teller
from gateway.sources.keyboard_keys import EVENT, Keys
from gateway.sources.port import MOVED, Port

READ = 64 * EVENT.size
"""The kernel hands over whole events only."""
GRAB = 0x40044590
"""EVIOCGRAB: _IOW('E', 0x90, int)."""
SET_CLOCK = 0x400445A0
"""EVIOCSCLOCKID: _IOW('E', 0xa0, int)."""
MONOTONIC = 1


def grab(handle: int) -> None:
    """Have the keyboard for us alone; its events are stamped by a clock that is never set. Raises OSError."""
    fcntl.ioctl(handle, SET_CLOCK, MONOTONIC.to_bytes(4, "little"))
    fcntl.ioctl(handle, GRAB, 1)


class KeyboardSource:
    """One reader."""

    def __init__(
        self,
        source_id: str,
        port: str,
        clock: Clock,
        counters: Counters,
        *,
        take: Callable[[int], None] = grab,
        on_state: OnState | None = None,
    ) -> None:
        """`port`: a /dev/input/by-id path. `take`: makes it ours."""
        self.id = source_id
        self.state = SourceState()
        self._port = port
        self._name = Port(port)
        self._clock = clock
        self._counters = counters
        self._take = take
        self._teller = Teller(self.state, on_state)

    async def run(self, deliver: Deliver) -> None:
        """Read until the reader fails. Raises TransientError: unplugged, not there, taken by another program."""
        loop = asyncio.get_running_loop()
        handle = self._open()
        try:
            problem = MOVED
            if await self._name.settled(handle, self._clock):
                keys, failed = Keys(), loop.create_future()
                loop.add_reader(handle, self._readable, handle, keys, deliver, failed)
                self.state.opens += 1
                self._teller.up()
                problem = await failed
            self._teller.down("unplugged", f"{self._port}: {problem}")
            raise TransientError(self.state.problem, sign=self._name.appears)
        finally:
            loop.remove_reader(handle)
            os.close(handle)  # gives it back
            self.state.up = False

    def _open(self) -> int:
        handle = -1
        self._name.tries()
        try:
            handle = os.open(self._port, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            self._take(handle)
        except OSError as error:
            if handle >= 0:
                os.close(handle)
            self._teller.down("missing", f"{self._port}: {refusal(error)}")
            raise TransientError(self.state.problem, sign=self._name.appears) from error
        return handle

    def _readable(self, handle: int, keys: Keys, deliver: Deliver, failed: asyncio.Future[str]) -> None:
        if failed.done():
            return
        problem = "unplugged"
        try:
            data = os.read(handle, READ)
        except BlockingIOError:
            return
        except OSError as error:
            data, problem = b"", f"unplugged ({error.strerror})"
        if not data:
            asyncio.get_running_loop().remove_reader(handle)  # it stays readable for ever
            failed.set_result(problem)
            return
        try:
            self._feed(keys, data, deliver)
        except BaseException as error:
            failed.set_exception(error)  # a bug behind the source: `run` ends with it, the loop only logs it
            raise

    def _feed(self, keys: Keys, data: bytes, deliver: Deliver) -> None:
        typed = keys.feed(data)
        for cause, count in typed.dropped.items():
            self._counters.add("keyboard.dropped", cause, count)
        if not typed.lines:
            return
        office, machine = self._clock.office(), self._clock.machine()
        self.state.frames += len(typed.lines)
        self.state.last_frame = machine
        for line in typed.lines:
            deliver(Frame("keyboard", self.id, "", line, None, office, machine))


def refusal(error: OSError) -> str:
    """Why a reader cannot be had, and what to do about it."""
    match error.errno:
        case errno.ENOENT | errno.ENODEV | errno.ENXIO:
            return "is not there; ls -l /dev/input/by-id shows what is plugged in (its name ends in -event-kbd)"
        case errno.EACCES | errno.EPERM:
            return "Permission denied; the user of hadir must be in group input"
        case errno.ENOTTY | errno.EINVAL | errno.EISDIR:
            return "is no input device; its name in /dev/input/by-id ends in -event-kbd"
        case errno.EBUSY:
            return "another program has taken it for itself; fuser -v shows which"
        case _:
            return error.strerror or str(error)
