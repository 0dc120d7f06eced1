"""What must be true of whatever a driver answers, and of the time that it takes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from signal import ITIMER_VIRTUAL, SIGVTALRM, setitimer, signal
from time import perf_counter, thread_time
from types import FrameType
from typing import Any

from drivers.api import Cut, DecodeError, Driver, Measurement
from drivers.vocabulary import UNITS
from fuzz.corpus import Origin, described
from gateway.conformance import MOST_KEPT, Broken

SLOW_S = 0.010
"""What one call may take of the processor; that other programs have it meanwhile is not the driver's doing."""
REPEATS = 3
"""A call counts as slow when it is slow again each time."""
STUCK_S = 2.0
"""A call that has not come back after so much of the processor is broken off."""
LOOKS = 4
CAUSES = frozenset(("garbage", "unfinished", "oversize", "BadChecksum"))
PLAIN = frozenset((bool, int))
DIFFERENT = 5
"""Failures of one driver and suite that are told; they differ in what is wrong."""
ENOUGH = 500
"""Failures after which a suite stops."""


class Stuck(BaseException):
    """A call did not come back. Not an Exception: a driver must not be able to catch it."""


class Tally:
    """What was done to one driver by one suite, and what went wrong."""

    def __init__(self) -> None:
        self.calls: dict[str, int] = {}
        self.said = 0
        """Frames that gave a measurement."""
        self.refused: dict[str, int] = {}
        self.slowest_ms = 0.0
        """Of the slowest call, the best of four tries."""
        self.failures: dict[str, dict[str, Any]] = {}
        """By what is wrong: the frame as a line of a vectors file has it."""
        self._failed = 0
        self._stuck = 0

    @property
    def goes_on(self) -> bool:
        """Whether there is more to learn."""
        return self._failed < ENOUGH and self._stuck < DIFFERENT

    def fail(self, what: str, payload: bytes, origin: Origin) -> None:
        """Keep the shortest frame of each kind of failure."""
        self._failed += 1
        self._stuck += what.startswith("does not come back")
        key = what.partition(": ")[0]
        known = self.failures.get(key)
        if known is None and len(self.failures) >= DIFFERENT:
            return
        if known is None or len(payload) * 2 < len(known["frame"]["hex"]):
            self.failures[key] = {"what": what[:300], "frame": described(payload, origin)}

    def clock(self, took: float, again: Callable[[bytes, Origin], object], payload: bytes, origin: Origin) -> float:
        """Note a call that took long, a failure if it does so each time; what the next must take to be noted."""
        for _ in range(REPEATS):
            started = thread_time()
            with suppress(DecodeError):
                again(payload, origin)
            took = min(took, thread_time() - started)
        if took > SLOW_S:
            self.fail(f"slow: {took * 1000:.1f} ms", payload, origin)
        self.slowest_ms = max(self.slowest_ms, took * 1000)
        return self.slowest_ms / 1000

    def as_json(self) -> dict[str, Any]:
        return {
            "calls": self.calls,
            "said": self.said,
            "refused": self.refused,
            "slowest_ms": round(self.slowest_ms, 3),
            "failures": list(self.failures.values()),
        }


def name_of(error: BaseException) -> str:
    """What is wrong with a driver that raised this: the exception, where it was raised, and its words."""
    if isinstance(error, Broken):
        return str(error)
    if isinstance(error, Stuck):
        return f"does not come back: broken off after {STUCK_S:g} s or later"
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    where = "" if at is None else f" in {at.tb_frame.f_code.co_name}"
    return f"{type(error).__name__}{where}: {error}"


def check_measurements(driver: Driver, made: list[Measurement]) -> None:
    """Raises Broken for what was not declared, or cannot be written down."""
    for one in made:
        if type(one) is not Measurement:
            raise Broken(f"no Measurement: {one!r}")
        kind, value, unit, channel = one
        if kind not in driver.kinds:
            raise Broken(f"kind {kind} is not declared")
        if unit not in UNITS[kind]:
            raise Broken(f"unit of {kind}: {unit!r}")
        if channel is not None and type(channel) not in (int, str):
            raise Broken(f"channel: {channel!r}")
        check_value(value)


def check_value(value: object) -> None:
    """Raises Broken for what JSON cannot hold: NaN, infinities, half a surrogate pair, other types."""
    kind = type(value)
    if kind in PLAIN or (kind is str and value.isascii()):  # type: ignore[attr-defined]
        return
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        raise Broken(f"value that JSON cannot hold: {value!r}, {error}") from error


def check_cut(before: int, fed: int, cut: Cut) -> None:
    """Raises Broken when bytes went astray, or too many are kept."""
    state, frames, dropped = cut
    if len(state) > MOST_KEPT:
        raise Broken(f"keeps too much: {len(state)} bytes")
    out = len(state)
    for frame in frames:
        out += len(frame)
    for cause, size in dropped.items():
        if size <= 0 or cause not in CAUSES:
            raise Broken(f"dropped: {dropped}")
        out += size
    if out != before + fed:
        raise Broken(f"bytes not accounted for: {before + fed - out} of {before} kept and {fed} fed")
    if not all(frames):
        raise Broken("cuts an empty frame")


@contextmanager
def watchdog(progress: Callable[[], int], patience: float = 1) -> Iterator[None]:
    """Raises Stuck within the block when `progress` says the same for STUCK_S times `patience`. In the main thread.

    It looks LOOKS times, and a look needs its time on the wall as well: where a virtual machine is put aside, the
    processor's time jumps, and all looks come at once.
    """
    seconds, last, same, before = STUCK_S * patience / LOOKS, -1, 0, perf_counter()

    def look(_signal: int, _frame: FrameType | None) -> None:
        nonlocal last, same, before
        if perf_counter() - before < seconds / 2:
            return
        before, now = perf_counter(), progress()
        same = same + 1 if now == last else 0
        last = now
        if same >= LOOKS:
            same = 0
            raise Stuck

    handler = signal(SIGVTALRM, look)
    timer = setitimer(ITIMER_VIRTUAL, seconds, seconds)
    try:
        yield
    finally:
        setitimer(ITIMER_VIRTUAL, 0)
        signal(SIGVTALRM, handler)
        setitimer(ITIMER_VIRTUAL, *timer)
