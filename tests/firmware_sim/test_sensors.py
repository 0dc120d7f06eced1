"""Sensors tell what they see when it changes, however long they take to say it."""

from __future__ import annotations

from firmware_sim.actions import SECOND
from firmware_sim.hardware import Device
from firmware_sim.ld2410 import Seen, Target
from firmware_sim.office import make_office
from firmware_sim.radar import NO_ONE, Radar
from firmware_sim.sensors import Sensor
from tests.delivery.world import until


class Hand:
    """A clock that stands until it is moved."""

    speed = 1.0
    now = 1_000 * SECOND

    def office(self) -> int:
        return self.now


class Slow(Sensor):
    """To say something takes it longer than a radar needs to see that nobody is there any more."""

    def __init__(self, device: Device, radar: Radar, clock: Hand) -> None:
        super().__init__(device, radar, clock, 3_600)  # type: ignore[arg-type]
        self.clock = clock
        self.said: list[bool] = []

    def say(self, seen: Seen) -> None:
        self.said.append(seen.target is not Target.NONE)
        self.clock.now += NO_ONE + SECOND


async def test_a_change_while_it_says_the_one_before_is_told_at_once() -> None:
    clock = Hand()
    radar = Radar("x", clock.now, near=True)
    device = next(each for each in make_office(3).devices if each.modality == "radar")
    sensor = Slow(device, radar, clock)
    try:
        sensor.change()
        await until(lambda: sensor.said == [False, False])  # with the regular report; the next one is an hour away
        radar.arrive(clock.now)
        radar.leave(clock.now)
        sensor.change()
        await until(lambda: sensor.said[2:] == [True, False])
    finally:
        sensor.stop()
