"""Two clocks, injected.

`office` is the time that people live in: when a thing was observed, holds, calendars, event times. The demo scales it.
`machine` is monotonic and never scaled: lingers, timeouts, back-off, watchdogs, ages, heartbeats, latency.
Both are integers in nanoseconds; office time is UTC since 1970. How far office time may be believed is `quality`; a box
whose clock may be wrong, or be set while it runs, has the clock of timekeeping.py.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

SECOND = 1_000_000_000
EARLIEST = 1_767_225_600 * SECOND
"""2026: no clock that is right shows an earlier time, and nothing but a time is such a large number of ns."""
LONGEST_SLEEP_S = 60.0
"""The wall clock may be set forward or back while somebody sleeps: look again at least so often."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Quality(NamedTuple):
    """How good office time is."""

    sync: str = "ntp"
    """ntp: synchronized; rtc: right as far as is known, and nothing keeps it; none: it may be any time."""
    err_ms: float | None = None
    """Greatest error that is believed; None: not known."""

    @property
    def known(self) -> bool:
        """Whether it is known what time it is: else nothing may be judged by its age or its day."""
        return self.sync != "none"


class Clock(Protocol):
    """What a daemon asks for the time; nothing else in hadir reads a clock."""

    def office(self) -> int:
        """Office time, ns UTC."""
        ...

    def quality(self) -> Quality:
        """How far `office` may be believed now."""
        ...

    def machine(self) -> int:
        """Machine time, ns, monotonic, comparable between processes of one machine until it restarts."""
        ...

    def seconds_until(self, office: int) -> float:
        """Machine seconds until office time reaches `office`; negative when it is past."""
        ...

    def office_in(self, seconds: float) -> int:
        """Office time in `seconds` of machine time: until when something may be believed that is repeated by it."""
        ...

    async def sleep_until(self, office: int) -> None:
        """Return when office time has reached `office`."""
        ...


async def wait_until(clock: Clock, office: int) -> None:
    """Return when the office time of `clock` has reached `office`, also where it is set meanwhile."""
    while True:
        left = clock.seconds_until(office)
        if left <= 0:
            return
        await asyncio.sleep(min(left, LONGEST_SLEEP_S))


class SystemClock:
    """The clocks of the machine, office time as it is, whatever it is: for tools that run for a moment."""

    def office(self) -> int:
        return time.time_ns()

    def quality(self) -> Quality:
        return Quality()

    def machine(self) -> int:
        return time.monotonic_ns()

    def seconds_until(self, office: int) -> float:
        return (office - self.office()) / SECOND

    def office_in(self, seconds: float) -> int:
        return self.office() + int(seconds * SECOND)

    async def sleep_until(self, office: int) -> None:
        await wait_until(self, office)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaledClock:
    """Office time that starts at `start` when machine time is `anchor`, and runs `speed` times as fast.

    The anchor is the machine's own monotonic time, so that all processes of one demo agree to the nanosecond.
    """

    start: int
    anchor: int
    speed: float

    def office(self) -> int:
        return self.start + int((time.monotonic_ns() - self.anchor) * self.speed)

    def quality(self) -> Quality:
        return Quality()

    def machine(self) -> int:
        return time.monotonic_ns()

    def seconds_until(self, office: int) -> float:
        return (office - self.office()) / self.speed / SECOND

    def office_in(self, seconds: float) -> int:
        return self.office() + int(seconds * SECOND * self.speed)

    async def sleep_until(self, office: int) -> None:
        await wait_until(self, office)

    def __str__(self) -> str:
        return f"{rfc3339(self.start)}@{self.anchor}x{self.speed:g}"

    @classmethod
    def parse(cls, text: str) -> ScaledClock:
        """The inverse of `str`, e.g. `2026-11-24T07:50:00+08:00@123456789x60`. Raises ValueError."""
        start, _, rest = text.partition("@")
        anchor, _, speed = rest.partition("x")
        return cls(start=parse_rfc3339(start), anchor=int(anchor), speed=float(speed))


class ManualClock:
    """A clock that a test moves. `sleep_until` waits for `advance`."""

    def __init__(self, office: int = 0, machine: int = 0, sync: str = "ntp") -> None:
        self.sync = sync
        self._office = office
        self._machine = machine
        self._moved = asyncio.Event()

    def office(self) -> int:
        return self._office

    def quality(self) -> Quality:
        return Quality(self.sync)

    def machine(self) -> int:
        return self._machine

    def advance(self, seconds: float) -> None:
        """Move both clocks on."""
        self._office += int(seconds * SECOND)
        self._machine += int(seconds * SECOND)
        self._moved.set()
        self._moved = asyncio.Event()

    def seconds_until(self, office: int) -> float:
        return (office - self._office) / SECOND

    def office_in(self, seconds: float) -> int:
        return self._office + int(seconds * SECOND)

    async def sleep_until(self, office: int) -> None:
        while self._office < office:
            await self._moved.wait()


def age_s(at: int | None, now: int) -> float | None:
    """Seconds from `at` to `now`, by one clock; never negative; None: there is nothing that could be old."""
    return None if at is None else max(0.0, (now - at) / SECOND)


def rfc3339(ns: int) -> str:
    """`2026-11-24T01:30:02.117Z`: UTC, milliseconds, rounded down."""
    seconds, rest = divmod(ns, SECOND)
    moment = _EPOCH + timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest // 1_000_000:03d}Z"


def parse_rfc3339(text: str) -> int:
    """ns UTC of a date-time that names its offset. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset from UTC; write for example {text}Z")
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * SECOND + delta.microseconds * 1_000
