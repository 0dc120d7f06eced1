"""What hangs in the simulated office: no two zones have the same readers and sensors, as in a building that grew.

l05 timur     RDM6300 readers, LD2410 radars; the room: an LD2410
l05 barat     ID-12LA readers, LD2450 radars; the room: a BTHome radar over Bluetooth, encrypted
l06 utara     two OSDP readers on one bus, Wiegand readers; EnOcean motion sensors; the room: a counter on Modbus
l06 selatan   Wiegand readers; LoRaWAN seat sensors and Zigbee radars over MQTT; the room: a LoRaWAN people counter
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from firmware_sim.space import Point

BUILDING = "kk2-t3"
OWNER = {"l05": "gw-05", "l06": "gw-06"}
"""Gateway of each floor."""
ADAPTER = {"timur": "hci0", "barat": "hci1", "utara": "hci2", "selatan": "hci3"}
"""Bluetooth adapter of each zone."""
OSDP_BUS, STICK, MODBUS_BUS, LORA, BRIDGE = "osdp-utara", "enocean-utara", "modbus-utara", "lora", "zigbee"
"""Sources that several devices share; the Bluetooth adapters are the others."""
OSDP_DESKS = 2


class Sensor(NamedTuple):
    """A kind of presence sensor."""

    driver: str
    modality: str
    """How its word is weighed, and how long a judge lets it be wrong."""
    source: str
    """Which shared source brings it; empty: a line of its own."""
    interval_s: float
    """Between two reports of an unchanged state, its own time; shorter than a battery would allow, so that an office
    is known soon."""
    profile: str = ""
    keyed: bool = False


LD2410 = Sensor("ld2410", "radar", "", 0.1)
LD2450 = Sensor("ld2450", "radar", "", 0.1)
ENOCEAN = Sensor("enocean_esp3", "pir", STICK, 10.0, "A5-07-01")
BTHOME = Sensor("bthome", "radar", "hci1", 10.0, keyed=True)
SEAT = Sensor("milesight_vs340", "seat", LORA, 10.0)
CEILING = Sensor("milesight_vs121", "counter", LORA, 10.0)
ZIGBEE = Sensor("mqtt_json", "radar", BRIDGE, 10.0, "zigbee2mqtt")
MODBUS = Sensor("modbus", "counter", MODBUS_BUS, 5.0)
KINDS = {sensor.driver: sensor for sensor in (LD2410, LD2450, ENOCEAN, BTHOME, SEAT, CEILING, ZIGBEE, MODBUS)}

DESK_SENSORS: Mapping[str, Sequence[Sensor]] = {
    "timur": (LD2410,),
    "barat": (LD2450,),
    "utara": (ENOCEAN,),
    "selatan": (SEAT, ZIGBEE),
}
ROOM_SENSORS = {"timur": LD2410, "barat": BTHOME, "utara": MODBUS, "selatan": CEILING}
READERS = {"timur": "rdm6300", "barat": "id12la", "utara": "wiegand_bits", "selatan": "wiegand_bits"}
OWN_CARD = ("rdm6300", "id12la")
"""Readers of the EM4100 badge; all others read the Wiegand card."""
COUNT_REGISTER = 100
"""Input register in which the Modbus counter says how many people it sees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A fixed device and where it hangs."""

    id: str
    driver: str
    """As office.yaml names it; `receiver` for a Bluetooth adapter."""
    gateway: str
    floor: str
    zone: str
    space: str
    """Desk or room; empty for a receiver, which serves its zone."""
    at: Point
    source: str
    """What brings it, as office.yaml names that."""
    address: str = ""
    """By which the source knows it; empty for one that has the source for itself."""
    adapter: str = ""
    """hci0 and so on, of a receiver."""
    modality: str = ""
    """Of a sensor."""
    profile: str = ""
    key: bytes = b""

    @property
    def path(self) -> str:
        """The bound place as office.yaml writes it: `building/floor/zone/space` or `building/floor/zone`."""
        zone = f"{BUILDING}/{self.floor}/{self.zone}"
        return f"{zone}/{self.space}" if self.space else zone

    @property
    def serial(self) -> bool:
        """It has a line of its own."""
        return not self.adapter and not self.address

    @property
    def reads_badges(self) -> bool:
        """A badge reader."""
        return not self.adapter and not self.modality


class Spot(NamedTuple):
    """A desk or room that gets devices."""

    id: str
    kind: str
    floor: str
    zone: str
    at: Point


def hang(spots: Iterable[Spot], centres: Mapping[tuple[str, str], tuple[float, float]]) -> tuple[Device, ...]:
    """A reader and a sensor at each desk, a sensor in each room, a receiver in the middle of each zone."""
    devices: list[Device] = []
    count: dict[str, int] = {}
    for spot in spots:
        n = count[spot.zone + spot.kind] = count.get(spot.zone + spot.kind, 0) + 1
        if spot.kind == "desk":
            devices.append(_reader(spot, n))
            sensors = DESK_SENSORS[spot.zone]
            devices.append(_sensor(spot, sensors[n % len(sensors)], n))
        else:
            devices.append(_sensor(spot, ROOM_SENSORS[spot.zone], n))
    for (floor, zone), (x, y) in centres.items():
        adapter = ADAPTER[zone]
        devices.append(
            Device(
                id=f"ble-{zone}",
                driver="receiver",
                gateway=OWNER[floor],
                floor=floor,
                zone=zone,
                space="",
                at=Point(x, y, floor),
                source=adapter,
                adapter=adapter,
            )
        )
    return tuple(devices)


def _reader(spot: Spot, n: int) -> Device:
    name = f"rdr-{spot.id}"
    on_bus = spot.zone == "utara" and n <= OSDP_DESKS
    return Device(
        id=name,
        driver="wiegand" if on_bus else READERS[spot.zone],
        gateway=OWNER[spot.floor],
        floor=spot.floor,
        zone=spot.zone,
        space=spot.id,
        at=spot.at,
        source=OSDP_BUS if on_bus else f"tty-{name}",
        address=str(n) if on_bus else "",
        key=_key(name) if on_bus else b"",
    )


def _sensor(spot: Spot, kind: Sensor, n: int) -> Device:
    name = f"{'mmw' if kind.modality == 'radar' else kind.modality}-{spot.id}"
    return Device(
        id=name,
        driver=kind.driver,
        gateway=OWNER[spot.floor],
        floor=spot.floor,
        zone=spot.zone,
        space=spot.id,
        at=spot.at,
        source=kind.source or f"tty-{name}",
        address=_address(kind, name, n),
        modality=kind.modality,
        profile=kind.profile,
        key=_key(name) if kind.keyed else b"",
    )


def _address(kind: Sensor, name: str, n: int) -> str:
    """As the medium spells it."""
    digits = sha256(name.encode()).hexdigest()
    match kind.source:
        case "":
            return ""
        case "hci1":
            return ":".join(("C4", *(digits[i : i + 2].upper() for i in range(0, 10, 2))))
        case source if source == STICK:
            return f"05{digits[:6].upper()}"
        case source if source == LORA:
            return f"24e124{digits[:10]}"
        case source if source == BRIDGE:
            return f"zigbee2mqtt/{name}"
        case _:
            return str(n)


def _key(name: str) -> bytes:
    """Made of its name: a simulated secret keeps nobody out."""
    return sha256(f"key/{name}".encode()).digest()[:16]
