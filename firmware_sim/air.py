"""The 2.4 GHz air: everybody's tag and strangers' phones, as the receivers hear them.

Adverts go to a simulated BlueZ, or into a recording a receiver for the replay source.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from random import Random
from time import monotonic_ns
from typing import Protocol, TextIO

from firmware_sim.actions import SECOND
from firmware_sim.beacon import Advert, random_address, stranger
from firmware_sim.clock import Clock
from firmware_sim.hardware import Device
from firmware_sim.office import Office
from firmware_sim.radio import Radio
from firmware_sim.truth import Truth, frame_name
from firmware_sim.world import World

STRANGERS = 12
SENSOR_DBM = -62
MOST_SAID = 64
"""Adverts of sensors that wait while the bus is busy."""
ROTATE_S = 900
"""A phone takes a new address every quarter of an hour, office time."""


class Ether(Protocol):
    """Who takes adverts: BlueZ, or recordings."""

    async def advertise(
        self, adapter: str, address: str, rssi: int, manufacturer: Mapping[int, bytes], service: Mapping[str, bytes]
    ) -> bool:
        """True when somebody scans on that adapter and the advert was sent."""
        ...


class Air:
    """Sends adverts until cancelled; `now` makes a tag advertise at once."""

    def __init__(
        self, world: World, radio: Radio, ether: Ether, clock: Clock, truth: Truth, *, interval_s: float, seed: int
    ) -> None:
        self._world = world
        self._radio = radio
        self._ether = ether
        self._clock = clock
        self._truth = truth
        self._interval = interval_s
        self._rng = Random(f"air/{seed}")
        self._names: dict[int, str] = {}
        self.adverts = 0
        """Adverts that somebody heard."""
        self._urgent: deque[int] = deque()
        self._said: deque[tuple[Device, Advert]] = deque(maxlen=MOST_SAID)
        self._wake = asyncio.Event()

    def say(self, device: Device, advert: Advert) -> None:
        """A sensor advertises: the receiver that it belongs to hears it."""
        self._said.append((device, advert))
        self._wake.set()

    def now(self, person: int) -> None:
        """The person has crossed into another zone: the tag says so at once (it senses that it is carried)."""
        if person not in self._urgent:
            self._urgent.append(person)
            self._wake.set()

    async def run(self) -> None:
        """Tags and phones advertise in turn, spread evenly over the interval."""
        office = self._world.office
        phones = [_Phone(self._rng) for _ in range(STRANGERS)]
        count = len(office.people) + len(phones)
        loop = asyncio.get_running_loop()
        n, due = 0, loop.time()
        while True:
            delay = due - loop.time()
            if delay > 0 and not self._urgent and not self._said:
                with suppress(TimeoutError):
                    async with asyncio.timeout(delay):
                        await self._wake.wait()
            self._wake.clear()
            while self._urgent:
                await self._tag(self._urgent.popleft())
            while self._said:
                await self._sensor(*self._said.popleft())
            if loop.time() < due:
                continue
            if n < len(office.people):
                await self._tag(n)
            else:
                await self._phone(phones[n - len(office.people)])
            n = (n + 1) % count
            due = max(due + self._interval / count, loop.time() - self._interval)

    async def _tag(self, index: int) -> None:
        body, tag = self._world.people[index], self._world.office.people[index].tag
        if tag is None or not body.zone:  # outside the building nothing of ours hears it
            return
        now = self._clock.office()
        at = body.at(now)
        name = self._names.get(index)
        if name is None:
            name = self._names[index] = frame_name(tag.address, tag.advert.data_structures())
        service = tag.advert.bluez_service()
        for receiver in self._world.office.receivers:
            rssi = self._radio.rssi(tag, at, body.facing, receiver, now)
            sent = monotonic_ns()
            if rssi is not None and await self._ether.advertise(
                receiver.adapter, tag.address, rssi, tag.advert.manufacturer, service
            ):
                self.adverts += 1
                self._truth.frame(receiver.id, name, sent)

    async def _sensor(self, device: Device, advert: Advert) -> None:
        sent = monotonic_ns()
        service = advert.bluez_service()
        if await self._ether.advertise(device.source, device.address, SENSOR_DBM, advert.manufacturer, service):
            self.adverts += 1
            self._truth.frame(device.id, frame_name(device.address, advert.data_structures()), sent)

    async def _phone(self, phone: _Phone) -> None:
        phone.rotate(self._clock.office())
        receiver = self._world.office.receivers[phone.place]
        if await self._ether.advertise(
            receiver.adapter, phone.address, phone.rssi(), phone.advert.manufacturer, phone.advert.bluez_service()
        ):
            self.adverts += 1


class _Phone:
    """A stranger's phone or computer; it lies near one receiver."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self.place = rng.randrange(4)
        self._level = rng.randint(-88, -60)
        self._until = 0
        self.address = ""
        self.advert = Advert({}, {})

    def rotate(self, now: int) -> None:
        if now >= self._until:
            self._until = now + int(self._rng.uniform(0.5, 1.5) * ROTATE_S * SECOND)
            self.address = random_address(self._rng)
            self.advert = stranger(self._rng)

    def rssi(self) -> int:
        return self._level + self._rng.randint(-4, 4)


class Recordings:
    """Adverts as lines that the replay source reads, a file an adapter."""

    def __init__(self, folder: Path, office: Office, clock: Clock) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._clock = clock
        self._files: dict[str, TextIO] = {
            receiver.adapter: (folder / f"{receiver.adapter}.jsonl").open("w", encoding="ascii", buffering=1)
            for receiver in office.receivers
        }

    async def advertise(
        self, adapter: str, address: str, rssi: int, manufacturer: Mapping[int, bytes], service: Mapping[str, bytes]
    ) -> bool:
        """Append one line."""
        short = {int(uuid[4:8], 16): data for uuid, data in service.items()}
        line = {
            "medium": "ble_adv",
            "address": address,
            "hex": Advert(manufacturer, short, None).data_structures().hex(),
            "rssi": rssi,
            "received_at": self._clock.office(),
        }
        self._files[adapter].write(json.dumps(line, separators=(",", ":")) + "\n")
        return True

    def __enter__(self) -> Recordings:
        return self

    def __exit__(self, *exc: object) -> None:
        for file in self._files.values():
            file.close()
