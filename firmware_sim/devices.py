"""Readers and radars on their serial lines: what they send, when, and what is written down about it.

Device time is machine time: a reader repeats its frame after 65 ms whatever the office clock does.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

from firmware_sim import id12la, ld2410, rdm6300
from firmware_sim.actions import SECOND
from firmware_sim.clock import Clock
from firmware_sim.lines import SerialLine, Written
from firmware_sim.office import Device
from firmware_sim.radar import Radar
from firmware_sim.truth import Truth, frame_name

ENGINEERING_SHARE = 0.03
"""Share of reports in engineering mode, with an acknowledgement before, whatever the host asked for."""
MOST_REPEATS = 3

Tapped = Written
"""Called with the machine time at which the last byte of a tap's first frame was written."""


class Port:
    """A device on its line; every frame is counted and written down."""

    def __init__(self, device: Device, folder: Path, truth: Truth, *, fresh: bool) -> None:
        self.device = device
        self.frames = 0
        self._truth = truth
        self._loop = asyncio.get_running_loop()
        self._line = SerialLine(folder / "tty" / device.id, fresh=fresh, heard=self.heard)

    @property
    def dropped(self) -> int:
        """Frames that the line could not take."""
        return self._line.dropped

    def send(self, frame: bytes, written: Tapped | None = None) -> None:
        """Send one frame."""
        name = frame_name("", frame)

        def done(at: int) -> None:
            self.frames += 1
            self._truth.frame(self.device.id, name, at)
            if written is not None:
                written(at)

        self._line.send(frame, done)

    def heard(self, data: bytes) -> None:
        """What the host wrote; a reader does not listen."""

    def stop(self) -> None:
        """Say nothing any more."""

    def close(self) -> None:
        self.stop()
        self._line.close()


class Reader(Port):
    """An RDM6300 or ID-12LA."""

    def __init__(self, device: Device, folder: Path, truth: Truth, rng: Random) -> None:
        super().__init__(device, folder, truth, fresh=False)
        self._rng = rng
        self._repeats: list[asyncio.TimerHandle] = []

    def tap(self, badge: str, written: Tapped) -> None:
        """Somebody holds a card (ten hex digits) before the coil."""
        tag = bytes.fromhex(badge)
        if self.device.driver == "id12la":
            self.send(id12la.frame(tag), written)
            return
        frame = rdm6300.frame(tag)
        self.send(frame, written)
        self._repeats = [
            self._loop.call_later(n * rdm6300.REPEAT_S, self.send, frame)
            for n in range(1, self._rng.randint(1, MOST_REPEATS))
        ]

    def stop(self) -> None:
        for repeat in self._repeats:
            repeat.cancel()


class RadarPort(Port):
    """An LD2410: a report every interval, and at once when what it sees changes."""

    def __init__(
        self, device: Device, folder: Path, truth: Truth, radar: Radar, clock: Clock, interval_s: float
    ) -> None:
        super().__init__(device, folder, truth, fresh=True)
        self.radar = radar
        self.silent_until = 0
        """Office ns; an injected outage."""
        self._clock = clock
        self._interval = interval_s
        self._rng = Random(f"port/{device.id}")
        self._configuring = False
        self._engineering = False
        self._commands = b""
        self._regular = self._loop.time()
        self._timer = self._loop.call_later(self._rng.uniform(0, interval_s), self._tick)

    def change(self) -> None:
        """Somebody has come or gone: report now."""
        self._report()
        self._plan()

    def heard(self, data: bytes) -> None:
        """Commands of the host: acknowledged; while it configures there are no reports."""
        words, self._commands = ld2410.commands(self._commands + data)
        for word in words:
            match word:
                case ld2410.ENABLE_CONFIGURATION:
                    self._configuring = True
                case ld2410.END_CONFIGURATION:
                    self._configuring = False
                case ld2410.ENGINEERING_ON | ld2410.ENGINEERING_OFF if self._configuring:
                    self._engineering = word == ld2410.ENGINEERING_ON
            self.send(ld2410.acknowledgement(word))

    def stop(self) -> None:
        self._timer.cancel()

    def _tick(self) -> None:
        self._report()
        now = self._loop.time()
        if now >= self._regular:
            self._regular = max(self._regular + self._interval, now)
        self._plan()

    def _plan(self) -> None:
        """Wake for the next regular report, or earlier when what is seen changes by itself."""
        self._timer.cancel()
        now = self._clock.office()
        change = self._loop.time() + (self.radar.due(now) - now) / self._clock.speed / SECOND
        self._timer = self._loop.call_at(min(self._regular, change), self._tick)

    def _report(self) -> None:
        now = self._clock.office()
        seen = self.radar.see(now)
        if self._configuring or now < self.silent_until:
            return
        surprise = self._rng.random() < ENGINEERING_SHARE
        if surprise:
            self.send(ld2410.acknowledgement(ld2410.ENGINEERING_ON))
        if surprise or self._engineering:
            moving, still = self.radar.gates(seen)
            self.send(ld2410.engineering(seen, moving, still, light=self._rng.randint(60, 90), out=bool(seen.target)))
        else:
            self.send(ld2410.basic(seen))
