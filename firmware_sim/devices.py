"""All devices of an office, each at its wire: made together, silenced together, hung up together."""

from __future__ import annotations

import asyncio
import os
import tty
from collections.abc import Callable
from pathlib import Path
from random import Random

from firmware_sim import modbus, osdp_bus
from firmware_sim.beacon import Advert
from firmware_sim.clock import Clock
from firmware_sim.faults import Rates, Trouble
from firmware_sim.hardware import COUNT_REGISTER, KINDS, MODBUS_BUS, OSDP_BUS, OWN_CARD, STICK, Device
from firmware_sim.office import Office
from firmware_sim.radar import Radar
from firmware_sim.readers import CoilReader, OsdpReader, Reader, WiegandReader
from firmware_sim.sensors import (
    BthomeRadar,
    EnOceanPir,
    Ld2410,
    Ld2450,
    LorawanSensor,
    ModbusCounter,
    Sensor,
    ZigbeeRadar,
)
from firmware_sim.truth import Truth
from firmware_sim.wires import Broker, Wire

WALL_S = 0.5
"""Between two reports when office time is scaled, machine seconds, at least."""

Advertise = Callable[[Device, Advert], None]


def interval_s(driver: str, speed: float) -> float:
    """Machine seconds between two reports of a sensor."""
    own = KINDS[driver].interval_s
    return own if speed <= 1 else max(WALL_S, own / speed)


class Devices:
    """Readers and sensors by the space that they serve."""

    def __init__(
        self, office: Office, folder: Path, truth: Truth, clock: Clock, broker: int, faults: Rates, seed: int
    ) -> None:
        """Lines appear in `tty/` below the folder. `broker`: port of the MQTT broker; 0: there is none."""
        self.readers: dict[str, Reader] = {}
        self.sensors: dict[str, Sensor] = {}
        self._office = office
        self._folder = folder
        self._truth = truth
        self._clock = clock
        self._port = broker
        self._faults = faults
        self._seed = seed
        self._wires: dict[str, Wire] = {}
        self._broker: Broker | None = None
        self._osdp: osdp_bus.Bus | None = None
        self._modbus: tuple[modbus.RtuLine, int, int] | None = None
        self._units: dict[int, modbus.Unit] = {}

    @property
    def frames(self) -> int:
        """Sent so far."""
        return sum(wire.frames for wire in self._sending)

    @property
    def dropped(self) -> int:
        """Frames that a wire could not take."""
        return sum(wire.dropped for wire in self._sending)

    @property
    def _sending(self) -> list[Wire | Broker]:
        return [*self._wires.values(), *([self._broker] if self._broker else [])]

    def open(self, radars: dict[str, Radar], advertise: Advertise) -> None:
        """Make the wires; sensors speak from here on. `advertise`: sends an advert of a sensor."""
        rng = Random(f"readers/{self._seed}")
        self._broker = Broker(self._port, self._truth, Trouble(self._faults, f"{self._seed}/broker"))
        stick = self._wire(STICK, fresh=True)
        for device in self._office.devices:
            if device.modality:
                made = self.sensors[device.space] = self._sensor(device, radars[device.space], stick, advertise)
                made.faults = self._faults
            elif device.reads_badges:
                self.readers[device.space] = self._reader(device, rng)
        self._serve_modbus()

    def fail(self, sensor: Sensor, how: str, seconds: float) -> None:
        """Something happens to a sensor that is silent from now on, for so many machine seconds."""
        match how:
            case "unplugged":
                wire = self._wires[sensor.device.id]
                wire.unplug()
                asyncio.get_running_loop().call_later(seconds, wire.plug)
            case "battery" if isinstance(sensor, LorawanSensor):
                sensor.last_words()
            case _:
                pass

    def stop(self) -> None:
        """Say nothing any more."""
        for reader in self.readers.values():
            reader.stop()
        for sensor in self.sensors.values():
            sensor.stop()

    def close(self) -> None:
        """Hang up."""
        self.stop()
        for reader in self.readers.values():
            if isinstance(reader, OsdpReader):
                reader.close()
        for wire in self._sending:
            wire.close()
        if self._osdp is not None:
            self._osdp.close()
        if self._modbus is not None:
            line, master, slave = self._modbus
            line.close()
            os.close(master)
            os.close(slave)
            (self._folder / "tty" / MODBUS_BUS).unlink(missing_ok=True)

    def _wire(
        self, name: str, *, fresh: bool, heard: Callable[[bytes], None] | None = None, checked: bool = True
    ) -> Wire:
        made = self._wires[name] = Wire(
            name,
            self._folder,
            self._truth,
            fresh=fresh,
            heard=heard,
            trouble=Trouble(self._faults, f"{self._seed}/{name}", checked=checked),
        )
        return made

    def _sensor(self, device: Device, radar: Radar, stick: Wire, advertise: Advertise) -> Sensor:
        clock, every = self._clock, interval_s(device.driver, self._clock.speed)
        assert self._broker is not None  # noqa: S101 `open` has made it
        match device.driver:
            case "ld2410":
                made = Ld2410(device, radar, clock, every)
                made.wire = self._wire(device.id, fresh=True, heard=made.heard, checked=False)
                return made
            case "ld2450":
                return Ld2450(device, radar, clock, every, self._wire(device.id, fresh=True, checked=False))
            case "enocean_esp3":
                return EnOceanPir(device, radar, clock, every, stick)
            case "bthome":
                return BthomeRadar(device, radar, clock, every, advertise)
            case "mqtt_json":
                return ZigbeeRadar(device, radar, clock, every, self._broker)
            case "modbus":
                table = {COUNT_REGISTER: 0}
                self._units[int(device.address)] = modbus.Unit({modbus.INPUT: table})
                return ModbusCounter(device, radar, clock, every, lambda count: table.update({COUNT_REGISTER: count}))
            case _:
                return LorawanSensor(device, radar, clock, every, self._broker)

    def _reader(self, device: Device, rng: Random) -> Reader:
        if device.source == OSDP_BUS:
            if self._osdp is None:
                folder = self._folder / "osdp"
                folder.mkdir(parents=True, exist_ok=True)
                self._osdp = osdp_bus.Bus(folder)  # without faults: libosdp's own reader loses a card with a packet
            port = self._osdp.plug(device.id)
            return OsdpReader(device, port, self._truth, self._shown)
        wire = self._wire(device.id, fresh=False)
        if device.driver in OWN_CARD:
            return CoilReader(device, wire, rng)
        return WiegandReader(device, wire)

    def _shown(self, reader: str, line: str) -> None:
        """What an OSDP reader shows is written down as well."""
        self._truth.write("shown", reader=reader, line=line)

    def _serve_modbus(self) -> None:
        if not self._units:
            return
        master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        link = self._folder / "tty" / MODBUS_BUS
        link.unlink(missing_ok=True)
        link.symlink_to(os.ttyname(slave))
        self._modbus = modbus.RtuLine(modbus.Bus(self._units), master), master, slave
