"""Presence sensors without wires: what each sends and when, told by time alone, so that a day passes in seconds.

The same encoders as sensors.py; a sensor reports every interval, and at once when what it sees changes by itself or
because somebody comes or goes.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from firmware_sim import bthome, enocean, ld2410, ld2450, lorawan
from firmware_sim.actions import SECOND
from firmware_sim.hardware import Device
from firmware_sim.ld2410 import Seen, Target
from firmware_sim.motion import NEVER, Motion
from firmware_sim.radar import Radar
from firmware_sim.stuffy import Stuffy
from firmware_sim.tower import REPORT_S

VOLTS = 3.1
OCCUPANCY = 0x23
"""BTHome's object id."""
WARM, DAMP = 26.0, 60.0


class Said(NamedTuple):
    """Bytes of a fixed device, as its source cuts them."""

    at: int
    device: str
    payload: bytes
    port: int | None = None
    """LoRaWAN FPort."""


class Watcher:
    """One sensor. `due` is when it speaks next; `speak` then; `change` when somebody comes (+1) or goes (-1)."""

    def __init__(self, device: Device, seed: int, now: int, *, office: int = 0) -> None:
        """`seed`: of the day; `office`: of the building that it hangs in."""
        self.device = device
        name = f"{seed}/{device.id}"
        self._rng = Random(f"watcher/{name}")
        self._every = int(REPORT_S[device.driver] * SECOND)
        self._regular = now + int(self._rng.uniform(0, self._every))
        self._motion = Motion(name) if device.modality == "pir" else None
        self._air = Stuffy(name, now, sensor=f"{office}/{device.id}") if device.modality == "environment" else None
        self._radar = Radar(name, now, near=device.modality != "radar")
        self._count = 0
        self.dies_at = NEVER
        """From then on nothing is heard of it."""
        self.due = self._regular

    @property
    def interval_s(self) -> float:
        return self._every / SECOND

    def change(self, now: int, by: int) -> None:
        """Somebody has come or gone. It may speak at once."""
        for seer in (self._motion, self._air) if self._motion or self._air else (self._radar,):
            if seer is not None:
                seer.arrive(now) if by > 0 else seer.leave(now)
        if self._air is None and self._motion is None:
            self.due = now
        self._plan(now, self.due)

    def speak(self, now: int) -> Said | None:
        """What it sends at `now`, when that is due; None when it is dead."""
        moved = self._motion is not None and now >= self._motion.moves
        if self._motion is not None and moved:
            self._motion.told(now)
        payload, port = self._payload(now, moved)
        if now >= self._regular:
            self._regular += self._every * (1 + (now - self._regular) // self._every)
        self._plan(now, NEVER)
        return None if now >= self.dies_at else Said(now, self.device.id, payload, port)

    def _plan(self, now: int, soon: int) -> None:
        changes = NEVER
        if self._motion is not None:
            changes = self._motion.moves
        elif self._air is None:
            changes = self._radar.due(now)
        self.due = min(soon, self._regular, changes)

    def _payload(self, now: int, moved: bool) -> tuple[bytes, int | None]:
        device, driver = self.device, self.device.driver
        if self._air is not None:
            return _uplink(lorawan.am103(celsius=WARM, humidity=DAMP, co2=self._air.ppm(now)))
        if self._motion is not None:
            return enocean.pir(int(device.address, 16), moved, VOLTS), None
        seen = self._radar.see(now)
        there = seen.target is not Target.NONE
        match driver:
            case "ld2410":
                return ld2410.basic(seen), None
            case "ld2450":
                return ld2450.report([self._target(seen)] if there else []), None
            case "bthome":
                self._count += 1
                flag = bthome.flag(OCCUPANCY, there)
                made = bthome.encrypted([flag], key=device.key, address=device.address, counter=self._count)
                return made.data_structures(), None
            case "milesight_vs121":
                return _uplink(lorawan.vs121_people(max(1, self._radar.people) if there else 0, [there]))
            case "milesight_vs370":
                return _uplink(lorawan.vs370(occupied=there, bright=True))
            case _:
                return _uplink(lorawan.vs341(occupied=there))

    def _target(self, seen: Seen) -> ld2450.Target:
        moves = seen.target in (Target.MOVING, Target.BOTH)
        cm = seen.detection_cm
        return ld2450.Target(self._rng.randint(-200, 200), cm * 10, self._rng.randint(10, 60) if moves else 0)


def _uplink(uplink: lorawan.Uplink) -> tuple[bytes, int]:
    return uplink.payload, uplink.f_port
