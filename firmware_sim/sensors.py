"""Presence sensors of every kind: each sees its desk or room as a radar does, and says so in its own way.

A sensor reports every interval, and at once when what it sees changes. Times between reports are device time, which is
machine time: at 60 times speed a sensor that reports every half second is heard every 30 seconds of office time.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from random import Random

from firmware_sim import bthome, enocean, ld2410, ld2450, lorawan, mqtt_things
from firmware_sim.actions import SECOND
from firmware_sim.beacon import Advert
from firmware_sim.clock import Clock
from firmware_sim.faults import NONE, TOLD, TOLD_APART_S
from firmware_sim.hardware import Device
from firmware_sim.ld2410 import NOBODY, Seen, Target
from firmware_sim.radar import Radar
from firmware_sim.truth import frame_name
from firmware_sim.wires import Broker, Wire

ENGINEERING_SHARE = 0.03
"""Share of an LD2410's reports in engineering mode, with an acknowledgement before, whatever the host asked for."""
VOLTS = 3.1
EMPTY = 4
"""% of a battery that is about to die."""
REGIONS = 4
OCCUPANCY = 0x23
"""BTHome's object id."""


class Sensor(ABC):
    """One sensor at a desk or in a room."""

    def __init__(self, device: Device, radar: Radar, clock: Clock, interval_s: float) -> None:
        """`interval_s`: machine seconds between two reports."""
        self.device = device
        self.radar = radar
        self.silent_until = 0
        """Office ns; an injected outage."""
        self.faults = NONE
        self._clock = clock
        self._interval = interval_s
        self._stopped = False
        self._said: bool | None = None
        """Whether its last report was of somebody."""
        self._looked = 0
        """Office ns of the last look: what changes after that is still to be told."""
        self._loop = asyncio.get_running_loop()
        self._rng = Random(f"port/{device.id}")
        self._regular = self._loop.time()
        self._timer = self._loop.call_later(self._rng.uniform(0, interval_s), self._tick)

    @abstractmethod
    def say(self, seen: Seen) -> None:
        """Send what is seen now."""

    def change(self) -> None:
        """Somebody has come or gone: report now."""
        self._report()
        self._plan()

    def stop(self) -> None:
        """Say nothing any more."""
        self._stopped = True
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
        due = self.radar.due(self._looked)
        change = self._loop.time() + (due - self._clock.office()) / self._clock.speed / SECOND
        self._timer = self._loop.call_at(min(self._regular, change), self._tick)

    def _report(self) -> None:
        now = self._looked = self._clock.office()
        seen = self.radar.see(now)
        if now < self.silent_until or self._stopped:
            return
        self.say(seen)
        there = seen.target is not Target.NONE
        if there != self._said:
            if self._said is not None and self._rng.random() < self.faults.chatter:
                self.say(NOBODY if there else Seen(Target.STILL, still_cm=100, still_energy=60))
                self.say(seen)
            self._said = there
            for n in range(1, 1 if self.faults == NONE else TOLD):
                self._loop.call_later(n * TOLD_APART_S, self._report)


class Ld2410(Sensor):
    """On a line of its own; it answers commands, and while it is configured it does not report."""

    def __init__(self, device: Device, radar: Radar, clock: Clock, interval_s: float) -> None:
        super().__init__(device, radar, clock, interval_s)
        self.wire: Wire
        self._configuring = False
        self._engineering = False
        self._commands = b""

    def heard(self, data: bytes) -> None:
        """Commands of the host."""
        words, self._commands = ld2410.commands(self._commands + data)
        for word in words:
            match word:
                case ld2410.ENABLE_CONFIGURATION:
                    self._configuring = True
                case ld2410.END_CONFIGURATION:
                    self._configuring = False
                case ld2410.ENGINEERING_ON | ld2410.ENGINEERING_OFF if self._configuring:
                    self._engineering = word == ld2410.ENGINEERING_ON
            self._send(ld2410.acknowledgement(word))

    def say(self, seen: Seen) -> None:
        if self._configuring:
            return
        surprise = self._rng.random() < ENGINEERING_SHARE
        if surprise:
            self._send(ld2410.acknowledgement(ld2410.ENGINEERING_ON))
        if surprise or self._engineering:
            moving, still = self.radar.gates(seen)
            self._send(ld2410.engineering(seen, moving, still, light=self._rng.randint(60, 90), out=bool(seen.target)))
        else:
            self._send(ld2410.basic(seen))

    def _send(self, frame: bytes) -> None:
        self.wire.send(self.device.id, frame)


class Ld2450(Sensor):
    """On a line of its own: where a person is, and how quickly that changes."""

    def __init__(self, device: Device, radar: Radar, clock: Clock, interval_s: float, wire: Wire) -> None:
        super().__init__(device, radar, clock, interval_s)
        self._wire = wire

    def say(self, seen: Seen) -> None:
        targets = []
        if seen.target is not Target.NONE:
            speed = self._rng.randint(10, 60) if _moves(seen) else 0
            targets = [ld2450.Target(self._rng.randint(-200, 200), seen.detection_cm * 10, speed, 360)]
        self._wire.send(self.device.id, ld2450.report(targets))


class EnOceanPir(Sensor):
    """A telegram to the stick; a motion sensor says what moved in this moment, not who is there."""

    def __init__(self, device: Device, radar: Radar, clock: Clock, interval_s: float, stick: Wire) -> None:
        super().__init__(device, radar, clock, interval_s)
        self._stick = stick

    def say(self, seen: Seen) -> None:
        telegram = enocean.pir(int(self.device.address, 16), _moves(seen), VOLTS)
        self._stick.send(self.device.id, telegram, address=self.device.address)


class BthomeRadar(Sensor):
    """An encrypted advert, heard by the receiver of its zone."""

    def __init__(
        self, device: Device, radar: Radar, clock: Clock, interval_s: float, say: Callable[[Device, Advert], None]
    ) -> None:
        super().__init__(device, radar, clock, interval_s)
        self._say = say
        self._counter = 0

    def say(self, seen: Seen) -> None:
        self._counter += 1
        there = bthome.flag(OCCUPANCY, seen.target is not Target.NONE)
        device = self.device
        advert = bthome.encrypted([there], key=device.key, address=device.address, counter=self._counter)
        self._say(device, advert)


class LorawanSensor(Sensor):
    """An uplink, as its network server publishes it: a seat sensor or a people counter."""

    def __init__(self, device: Device, radar: Radar, clock: Clock, interval_s: float, broker: Broker) -> None:
        super().__init__(device, radar, clock, interval_s)
        self._broker = broker
        self._known = lorawan.Device(device.address, device.id)
        self._there = False
        self._count = 0

    def say(self, seen: Seen) -> None:
        there = seen.target is not Target.NONE
        if self.device.modality == "counter":
            people = max(1, self.radar.people) if there else 0
            self._uplink(lorawan.vs121_people(people, [there] + [False] * (REGIONS - 1)))
        else:
            self._there = there
            self._uplink(lorawan.vs341(occupied=there))

    def last_words(self) -> None:
        """The battery is nearly empty."""
        self._uplink(lorawan.vs341(occupied=self._there, battery=EMPTY))

    def _uplink(self, uplink: lorawan.Uplink) -> None:
        self._count += 1
        skew = int(self._rng.uniform(-1, 1) * self.faults.skew_s * SECOND)
        topic, body = lorawan.chirpstack_up(self._known, uplink, self._count, self._clock.office() + skew)
        name = frame_name(self.device.address, uplink.payload)
        self._broker.publish(topic, body, device=self.device.id, name=name)


class ZigbeeRadar(Sensor):
    """A message of the Zigbee bridge, which also says whether the device is there."""

    def __init__(self, device: Device, radar: Radar, clock: Clock, interval_s: float, broker: Broker) -> None:
        super().__init__(device, radar, clock, interval_s)
        self._broker = broker
        self._name = device.address.partition("/")[2]
        self._send(mqtt_things.z2m_availability(self._name, online=True))

    def say(self, seen: Seen) -> None:
        there = seen.target is not Target.NONE
        self._send(mqtt_things.z2m_radar(self._name, presence=there, distance_m=seen.detection_cm / 100))

    def _send(self, sent: mqtt_things.Published) -> None:
        self._broker.publish(sent.topic, sent.body, retain=sent.retain)


class ModbusCounter(Sensor):
    """A people counter that says its number when it is asked."""

    def __init__(
        self, device: Device, radar: Radar, clock: Clock, interval_s: float, hold: Callable[[int], None]
    ) -> None:
        """`hold`: puts the number into its register."""
        super().__init__(device, radar, clock, interval_s)
        self._hold = hold

    def say(self, seen: Seen) -> None:
        self._hold(max(1, self.radar.people) if seen.target is not Target.NONE else 0)


def _moves(seen: Seen) -> bool:
    return seen.target in (Target.MOVING, Target.BOTH)
