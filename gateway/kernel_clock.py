"""What the machine says of its clocks: the only file that asks the kernel.

`boot` counts since the machine started, through a suspend, and nobody sets it. `wall` is what somebody set: a battery,
a file of the last shutdown, an NTP daemon, a person. Whether it is synchronized the kernel knows from the daemon that
keeps it, also inside a container.
"""

from __future__ import annotations

import ctypes
import time
from pathlib import Path
from typing import NamedTuple, Protocol

LOST_US = 16_000_000
"""adjtimex: the kernel lets `maxerror` grow by 500 ppm until it is this, and sets it so when somebody sets the clock.
systemd goes by it as well: STA_UNSYNC also stands where chrony keeps the clock, and is not to write the battery's."""
RUNNING = ("run/systemd/timesync", "run/chrony", "run/ntpd.pid", "run/ntpd", "run/openntpd.sock")
"""Traces of a daemon that keeps the clock and runs."""
SYSTEMD = "run/systemd/system"
ENABLED = (
    "etc/systemd/system/sysinit.target.wants/systemd-timesyncd.service",
    "etc/systemd/system/multi-user.target.wants/chrony.service",
    "etc/systemd/system/multi-user.target.wants/chronyd.service",
    "etc/systemd/system/multi-user.target.wants/ntpsec.service",
    "etc/systemd/system/multi-user.target.wants/ntp.service",
)
"""Traces of one that systemd, where it runs, is about to start. (An image of a container has them as well.)"""
SYNCHRONIZED = "run/systemd/timesync/synchronized"
"""timesyncd touches it when it has set the clock. It stays when somebody sets another time: the kernel goes first."""
BOOT_ID = "proc/sys/kernel/random/boot_id"


class Sync(NamedTuple):
    """What the kernel says of `wall`."""

    synchronized: bool
    err_ms: float | None = None
    """The greatest error that it believes in; None: it does not say."""


class Machine(Protocol):
    """The clocks of a machine. All times in ns."""

    def wall(self) -> int:
        """UTC as it is set."""
        ...

    def boot(self) -> int:
        """Since the machine started, time asleep included."""
        ...

    def monotonic(self) -> int:
        """As `boot`, without time asleep: what timers of this process go by."""
        ...

    def sync(self) -> Sync:
        """Whether `wall` is kept, and how well."""
        ...

    def kept(self) -> bool:
        """Whether a daemon that will synchronize it is here."""
        ...

    def life(self) -> str:
        """Names the time since the machine started: `boot` of two lives cannot be compared."""
        ...


class _Timeval(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("fraction", ctypes.c_long)]


class _Timex(ctypes.Structure):
    """struct timex of <sys/timex.h>."""

    _fields_ = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("time", _Timeval),
        ("tick", ctypes.c_long),
        ("ppsfreq", ctypes.c_long),
        ("jitter", ctypes.c_long),
        ("shift", ctypes.c_int),
        ("stabil", ctypes.c_long),
        ("jitcnt", ctypes.c_long),
        ("calcnt", ctypes.c_long),
        ("errcnt", ctypes.c_long),
        ("stbcnt", ctypes.c_long),
        ("tai", ctypes.c_int),
        ("reserved", ctypes.c_int * 11),
    ]


class Linux:
    """This machine."""

    def __init__(self, root: Path = Path("/")) -> None:
        """`root`: of the files that are looked at."""
        self._root = root
        self._adjtimex = getattr(ctypes.CDLL(None, use_errno=True), "adjtimex", None)

    def wall(self) -> int:
        return time.time_ns()

    def boot(self) -> int:
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def monotonic(self) -> int:
        return time.monotonic_ns()

    def sync(self) -> Sync:
        found = _Timex()  # modes 0: it is read, which everybody may
        if self._adjtimex is None or self._adjtimex(ctypes.byref(found)) < 0:  # a sandbox that does not let us ask
            return Sync((self._root / SYNCHRONIZED).exists())
        if found.maxerror >= LOST_US:
            return Sync(False)
        return Sync(True, round(found.maxerror / 1000, 3))

    def kept(self) -> bool:
        found = [*RUNNING, *(ENABLED if (self._root / SYSTEMD).exists() else ())]
        return any((self._root / trace).exists() for trace in found)

    def life(self) -> str:
        try:
            return (self._root / BOOT_ID).read_text(encoding="ascii").strip()
        except OSError:
            return ""


class ManualMachine:
    """A machine whose clocks a test sets."""

    def __init__(self, wall: int, *, synchronized: bool = True, kept: bool = True, life: str = "life-1") -> None:
        self._wall, self._boot, self._slept = wall - 1_000_000_000, 1_000_000_000, 0
        self._kept, self._life = kept, life
        self.synchronized = synchronized

    def wall(self) -> int:
        return self._wall + self._boot

    def boot(self) -> int:
        return self._boot

    def monotonic(self) -> int:
        return self._boot - self._slept

    def sync(self) -> Sync:
        return Sync(True, 5.0) if self.synchronized else Sync(False)

    def kept(self) -> bool:
        return self._kept

    def life(self) -> str:
        return self._life

    def advance(self, seconds: float) -> None:
        """Time passes."""
        self._boot += int(seconds * 1e9)

    def sleep(self, seconds: float) -> None:
        """The machine is suspended, and goes on."""
        self._slept += int(seconds * 1e9)
        self.advance(seconds)

    def set(self, wall: int, *, synchronized: bool) -> None:
        """Somebody sets the wall clock."""
        self._wall = wall - self._boot
        self.synchronized = synchronized
