"""Hop 1, recordings: frames as JSON Lines, played in the recorded time.

    {"medium": "ble_adv", "address": "C0:..", "hex": "1aff4c00..", "rssi": -61, "received_at": 1795483802117000000}

Raw frames are recorded from simulated sources or from enrolled devices only; the recordings that `hadir record` makes
hold readings with pseudonyms instead (gateway/recording.py).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from drivers.api import Claim, DecodeError, Driver, Frame
from gateway.clock import SECOND, Clock
from gateway.counters import Counters
from gateway.errors import TransientError
from gateway.sources.adverts import advert_filter, taken_apart
from gateway.sources.base import Deliver, SourceState

MAX_LINE = 4096
BLE = "ble_adv"
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
        speed: float = 1.0,
        follow: bool = False,
    ) -> None:
        """`speed` 0: as fast as it is taken; `follow`: wait for more at the end, as `tail -f` does."""
        self.id = source_id
        self.state = SourceState()
        self._path = path
        self._accept = advert_filter(claimed)
        self._clock = clock
        self._counters = counters
        self._speed = speed
        self._follow = follow

    async def run(self, deliver: Deliver) -> None:
        """Play it once; with `follow`, until cancelled. Raises TransientError when the file is not there."""
        try:
            raw = self._path.open("rb")
        except OSError as error:
            self.state.problem = f"{self._path}: {error.strerror}"
            raise TransientError(self.state.problem) from error
        self.state.up, self.state.problem = True, ""
        self.state.opens += 1
        first: int | None = None
        started = self._clock.machine()
        with raw:
            kept = b""
            while True:
                block = raw.read(1 << 16)
                if not block:
                    if not self._follow:
                        return
                    await asyncio.sleep(POLL_S)
                    continue
                *lines, kept = (kept + block).split(b"\n")
                if len(kept) > MAX_LINE:
                    self._counters.add("replay.dropped", "oversize")
                    kept = b""
                for frame in self.frames(lines):
                    if not self._follow and self._speed > 0:
                        first = frame.received_at if first is None else first
                        due = started + int((frame.received_at - first) / self._speed)
                        await asyncio.sleep(max(0.0, (due - self._clock.machine()) / SECOND))
                    self.state.frames += 1
                    self.state.last_frame = self._clock.machine()
                    deliver(frame)
                await asyncio.sleep(0)

    def frames(self, lines: Iterable[bytes]) -> Iterator[Frame]:
        """Frames of good lines; others are counted. Strangers' adverts are turned away here as well."""
        for line in lines:
            try:
                frame = self._frame(json.loads(line[:MAX_LINE]))
            except (ValueError, KeyError, TypeError, AttributeError, DecodeError):
                self._counters.add("replay.dropped", "bad_line")
                continue
            if frame is not None:
                yield frame

    def _frame(self, row: Mapping[str, Any]) -> Frame | None:
        """None: a stranger's advert. Raises TypeError and others for a row that is not a frame."""
        payload, medium, address, at = (
            bytes.fromhex(row["hex"]),
            row["medium"],
            row.get("address", ""),
            row["received_at"],
        )
        if not (isinstance(medium, str) and isinstance(address, str) and isinstance(at, int)):
            raise TypeError("a field has another type")
        if medium == BLE:
            found = self._accept(*taken_apart(payload))
            if found is None:
                return None
            driver, payload = found
            medium = f"{BLE}:{driver.name}"
        return Frame(medium, self.id, address, payload, row.get("rssi"), at, self._clock.machine())
