"""Runs a simulated office in one process: people act, devices speak, the truth is written down.

Devices speak from the start; people come when they are told to, but not before the clock's START. If the machine lags,
the rest of the day is moved back by as much, so that the plan's distances between taps hold.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic_ns
from typing import Any

from firmware_sim.actions import SECOND, Action, Enter, Silence, Sit, Stand, Tap, shifted
from firmware_sim.air import Air, Ether
from firmware_sim.clock import Clock
from firmware_sim.devices import WALL_S, Devices, interval_s
from firmware_sim.faults import NONE, Rates
from firmware_sim.office import Office
from firmware_sim.people import DAY, days
from firmware_sim.radio import Radio
from firmware_sim.truth import Truth
from firmware_sim.world import BATTERY, SILENT, UNPLUGGED, Wanted, World, with_outages

TAG_S = 1.0
"""Between two adverts of a tag at speed 1."""
LAG = 2 * SECOND
"""Office time that an action may be late before the rest of the plan is moved back."""
ASKED_S = 0.3
"""The last cards are asked for by their bus within so long, machine time."""
UNPLUGGED_S = 0.5
"""A line is pulled out for so long, machine time, at least."""
STALE_INTERVALS = 3
"""A silent device is held for stale after so many of its intervals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What to run."""

    folder: Path
    """Lines appear in `tty/` and recordings in `ble/` below it."""
    seed: int
    clock: Clock
    seconds: float = 0.0
    """Machine seconds of office life; 0: until stopped."""
    truth: Path | None = None
    outages: bool = True
    faults: Rates = NONE
    broker: int = 0
    """Port of the MQTT broker; 0: there is none, and what would go there is not sent."""


@dataclass(frozen=True, slots=True)
class Lead:
    """What the one who started the simulator tells it, in this order."""

    begin: asyncio.Event = field(default_factory=asyncio.Event)
    """People may come."""
    end: asyncio.Event = field(default_factory=asyncio.Event)
    """Devices fall silent, also before the time is up."""


class Simulator:
    """One office: `open`, `run` until its devices are silent, `close` when nobody reads its lines any more."""

    def __init__(self, settings: Settings, office: Office, ether: Ether) -> None:
        self._settings = settings
        self._office = office
        self._clock = clock = settings.clock
        self._truth = Truth(settings.truth)
        self._world = World(office, settings.seed, clock.office())
        self._air = Air(
            self._world,
            Radio(office, settings.seed),
            ether,
            clock,
            self._truth,
            interval_s=TAG_S if clock.speed <= 1 else WALL_S,
            seed=settings.seed,
        )
        self._people_of = {person.index: person for person in (*office.people, *office.visitors)}
        self._devices = Devices(
            office, settings.folder, self._truth, clock, settings.broker, settings.faults, settings.seed
        )
        self._taps = 0
        self._late = 0

    def open(self) -> None:
        """Make the lines and begin the ledger; sensors speak from here on."""
        settings, clock = self._settings, self._clock
        self._truth.write(
            "begin",
            seed=settings.seed,
            start=clock.start,
            anchor=clock.anchor,
            speed=clock.speed,
            spaces=self._catalogue(),
        )
        self._devices.open(self._world.radars, self._air.say)

    async def run(self, lead: Lead, opened: Callable[[], None] = lambda: None) -> None:
        """Live for the time that was asked for, or until `lead.end`; returns when all devices are silent.

        `opened` is called when people begin to come. The lines stay open.
        """
        try:
            async with asyncio.TaskGroup() as group:
                air = group.create_task(self._air.run(), name="air")
                await lead.begin.wait()
                start = self._clock.start
                await asyncio.sleep(max(0.0, (self._clock.machine_at(start) - monotonic_ns()) / SECOND))
                now = monotonic_ns()
                start = max(start, self._clock.office_at(now))
                self._truth.write("open", office=start, machine=now)
                opened()
                people = group.create_task(self._people(start), name="people")
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._settings.seconds or None):
                        await lead.end.wait()
                people.cancel()
                await asyncio.sleep(ASKED_S)
                air.cancel()
        finally:
            self._end()

    def close(self) -> None:
        """Hang up the lines and close the ledger."""
        self._devices.close()
        self._truth.close()

    def _catalogue(self) -> dict[str, Any]:
        readers = {device.space: device.id for device in self._office.devices if device.reads_badges}
        return {
            space.place: {
                "kind": space.kind,
                "modality": self._office.sensor[space.id].modality,
                "device": self._office.sensor[space.id].id,
                "reader": readers.get(space.id, ""),
            }
            for space in self._office.spaces
        }

    def _plan(self, start: int) -> Iterator[Action]:
        plan = days(self._office, self._settings.seed, start)
        return with_outages(plan, start, self._settings.seed, self._wanted()) if self._settings.outages else plan

    def _wanted(self) -> list[Wanted]:
        """One radar falls silent; amid faults one loses its line as well, and a battery dies."""
        sensors, speed = self._office.sensor.values(), max(1.0, self._clock.speed)
        lines = frozenset(device.space for device in sensors if device.serial)
        stale = self._stale_after(WALL_S * speed)
        wanted = [Wanted(SILENT, lines, stale, stale + 60 * SECOND)]
        if self._settings.faults != NONE:
            seats = frozenset(device.space for device in sensors if device.modality == "seat")
            dead = self._stale_after(interval_s("milesight_vs340", self._clock.speed) * speed)
            gone = int(UNPLUGGED_S * speed) * SECOND
            wanted += [Wanted(UNPLUGGED, lines, 3 * gone, gone), Wanted(BATTERY, seats, dead, DAY)]
        return wanted

    def _stale_after(self, interval: float) -> int:
        """By then everybody knows that a sensor with so many office seconds between its reports is silent, ns."""
        return int((STALE_INTERVALS * interval + 10) * SECOND)

    async def _people(self, start: int) -> None:
        clock = self._clock
        for planned in self._plan(start):
            action = shifted(planned, self._late)
            await asyncio.sleep(max(0.0, (clock.machine_at(action.at) - monotonic_ns()) / SECOND))
            now = clock.office()
            if now - action.at > LAG:
                self._late += now - action.at
            self._apply(action, now)

    def _apply(self, action: Action, now: int) -> None:
        self._world.apply(action, now)
        match action:
            case Sit(person=person, space=space) | Stand(person=person, space=space):
                kind = "sit" if isinstance(action, Sit) else "stand"
                place = self._office.space[space].place
                self._truth.write(kind, place=place, person=person, office=now, machine=monotonic_ns())
                self._devices.sensors[space].change()
            case Enter():
                self._truth.write("zone", person=action.person, zone=action.zone, office=now)
                self._air.now(action.person)
            case Tap():
                self._tap(action)
            case Silence():
                sensor = self._devices.sensors[action.space]
                sensor.silent_until = now + action.until - action.at
                self._devices.fail(sensor, action.how, (action.until - action.at) / SECOND / self._clock.speed)
                place = self._office.space[action.space].place
                fields = {"dev": sensor.device.id, "place": place, "from": now, "to": sensor.silent_until}
                self._truth.write("outage", **fields)
            case _:
                pass

    def _tap(self, tap: Tap) -> None:
        reader = self._devices.readers[tap.desk]
        moved_from = self._office.space[tap.moved_from].place if tap.moved_from else ""

        def written(machine: int) -> None:
            self._taps += 1
            self._truth.write(
                "tap",
                reader=reader.device.id,
                place=self._office.space[tap.desk].place,
                badge=tap.person,
                machine=machine,
                office=self._clock.office_at(machine),
                expected=tap.expected,
                moved_from=moved_from,
            )

        reader.tap(self._people_of[tap.person], written)

    def _end(self) -> None:
        """Devices stop."""
        self._devices.stop()
        machine = monotonic_ns()
        self._truth.write(
            "end",
            office=self._clock.office_at(machine),
            machine=machine,
            frames=self._devices.frames,
            adverts=self._air.adverts,
            taps=self._taps,
            dropped=self._devices.dropped,
            late=self._late,
        )
