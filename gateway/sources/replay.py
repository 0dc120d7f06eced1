"""Hop 1, recordings: frames as JSON Lines, played in the recorded time.

    {"medium": "ble_adv", "address": "C0:..", "hex": "1aff4c00..", "rssi": -61, "received_at": 1795483802117000000}

`received_at` is ns UTC; further keys (`device`, `source`) are passed over. Raw frames are recorded from simulated
sources or from enrolled devices only; the recordings that `hadir record` makes hold readings with pseudonyms instead
(gateway/recording.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

from drivers.api import Claim, Driver, Frame
from gateway.clock import SECOND, Clock
from gateway.contract.payload import read_json
from gateway.counters import Counters
from gateway.errors import PermanentError, TransientError
from gateway.sources.adverts import advert_filter, taken_apart
from gateway.sources.base import Deliver, OnState, SourceState, Teller
from gateway.sources.lines import Lines

MAX_LINE = 4096
MAX_ADDRESS = 64
LATEST = 2**63 - 1
BLE = "ble_adv"
BLOCK = 1 << 16
TURN = 128
"""Frames between two turns of the pipeline, which takes twice as many in one: full speed never overruns it."""
POLL_S = 0.05
"""A file that is being written has no event to wait for."""


class ReplaySource:
    """One recording."""

    def __init__(
        self,
        source_id: str,
        path: Path,
        claimed: Iterable[tuple[Claim, Driver]],
        clock: Clock,
        counters: Counters,
        *,
        sensors: Container[str] = (),
        speed: float = 1.0,
        follow: bool = False,
        on_state: OnState | None = None,
    ) -> None:
        """`sensors`: addresses of fixed devices of which every advert is wanted.

        `speed` 0: as fast as it is taken; `follow`: as it is written, waiting for more at the end, as `tail -f`.
        """
        self.id = source_id
        self.state = SourceState()
        self._path = path
        self._accept = advert_filter(claimed)
        self._sensors = sensors
        self._clock = clock
        self._counters = counters
        self._speed = 0.0 if follow else speed
        self._follow = follow
        self._teller = Teller(self.state, on_state)

    async def run(self, deliver: Deliver) -> None:
        """Play it once; with `follow`, until cancelled. Raises TransientError when the file cannot be read."""
        try:
            with self._path.open("rb", buffering=0) as raw:
                self.state.opens += 1
                self._teller.up()
                pace = _Pace(self._clock, self._speed)
                lines = Lines(MAX_LINE)
                while True:
                    block = raw.read(BLOCK)
                    if block:
                        await self._play(lines.feed(block), pace, deliver)
                    elif self._follow:
                        await asyncio.sleep(POLL_S)
                    else:
                        await self._play(lines.end(), pace, deliver)
                        return
        except OSError as error:
            self._teller.down("missing", f"{self._path}: {error.strerror}")
            raise TransientError(self.state.problem) from error
        finally:
            self.state.up = False

    async def _play(self, lines: Iterable[bytes | None], pace: _Pace, deliver: Deliver) -> None:
        state = self.state
        for number, frame in enumerate(self.frames(lines), 1):
            await pace.wait(frame.received_at)
            machine = self._clock.machine()
            state.frames += 1
            state.last_frame = machine
            deliver(frame._replace(machine_at=machine))
            if number % TURN == 0:
                await asyncio.sleep(0)
        await asyncio.sleep(0)

    def frames(self, lines: Iterable[bytes | None]) -> Iterator[Frame]:
        """Frames of good lines; others are counted. Strangers' adverts are turned away here as well."""
        for line in lines:
            if line is None:
                self._counters.add("replay.dropped", "oversize")
                continue
            try:
                frame = self._frame(line)
            except (PermanentError, ValueError, KeyError, TypeError, AttributeError):  # DecodeError is a ValueError
                self._counters.add("replay.dropped", "bad_line")
                continue
            if frame is not None:
                yield frame

    def _frame(self, line: bytes) -> Frame | None:
        row = read_json(line, MAX_LINE)
        medium, address, rssi, at = row["medium"], row.get("address", ""), row.get("rssi"), row["received_at"]
        payload = bytes.fromhex(row["hex"])
        if not _is_frame(medium, address, rssi, at):
            raise ValueError("a value is not of its type, or beyond its limit")
        if medium == BLE:
            self.state.adverts += 1
            if address in self._sensors:
                return Frame(medium, self.id, address, payload, rssi, at)
            found = self._accept(*taken_apart(payload))
            if found is None:
                return None
            driver, payload = found
            medium = f"{BLE}:{driver.name}"
        return Frame(medium, self.id, address, payload, rssi, at)


class _Pace:
    """The recording's time on this machine, from the first frame on."""

    def __init__(self, clock: Clock, speed: float) -> None:
        self._clock = clock
        self._speed = speed
        self._first: int | None = None
        self._started = 0

    async def wait(self, at: int) -> None:
        """Return when it is time for what was received at `at`; at once for what is older than what came before."""
        if self._speed <= 0:
            return
        if self._first is None:
            self._first, self._started = at, self._clock.machine()
        due = self._started + int((at - self._first) / self._speed)
        await asyncio.sleep(max(0.0, (due - self._clock.machine()) / SECOND))


def _is_frame(medium: object, address: object, rssi: object, at: object) -> bool:
    """Types and limits of what stands beside the bytes."""
    return (
        isinstance(medium, str)
        and len(medium) <= MAX_ADDRESS
        and isinstance(address, str)
        and len(address) <= MAX_ADDRESS
        and (rssi is None or (type(rssi) is int and -128 <= rssi <= 127))
        and type(at) is int
        and 0 <= at <= LATEST
    )
