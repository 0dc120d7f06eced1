"""The world that is simulated: two floors with walls, desks and rooms, and people with badges and tags.

Everything follows from one seed and is plain data, so that gateway/demo.py can write it down as office.yaml and a
people table. What hangs on its walls is in hardware.py. Lengths are metres.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import NamedTuple
from uuid import UUID

from firmware_sim.beacon import Advert, eddystone_uid, ibeacon, random_address
from firmware_sim.hardware import BUILDING, Device, Spot, hang
from firmware_sim.space import Box, Point

SITE = "simulasi"
SIZE = 24.0
"""Both sides of the building."""
TAG_UUID = UUID("6b6b3274-332d-4e75-9361-6e746172612e")
TAG_NAMESPACE = bytes.fromhex("6b6b32743373696d7531")
UNITS = ("panrb", "bkn", "lan")
NAMES = [
    "Adi",
    "Ayu",
    "Bayu",
    "Citra",
    "Dewi",
    "Eka",
    "Fajar",
    "Gita",
    "Hadi",
    "Indah",
    "Joko",
    "Kartika",
    "Lestari",
    "Made",
    "Nanda",
    "Oka",
    "Putri",
    "Rangga",
    "Sari",
    "Tri",
    "Utami",
    "Vina",
    "Wahyu",
    "Yanti",
    "Zaki",
    "Bagus",
    "Dian",
    "Galih",
    "Ratna",
    "Surya",
]


class Wall(NamedTuple):
    """A straight wall and what it takes from a 2.4 GHz signal."""

    floor: str
    x1: float
    y1: float
    x2: float
    y2: float
    loss_db: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A box on the wall, the owner of one floor."""

    id: str
    floor: str
    coordinator: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """A storey."""

    id: str
    name: str
    level: int
    gateway: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """Part of a floor."""

    id: str
    floor: str
    name: str
    private: bool
    neighbours: tuple[str, ...]
    """Zone ids of the same floor."""
    box: Box


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """A desk or a room."""

    id: str
    floor: str
    zone: str
    name: str
    kind: str
    """desk, room."""
    capacity: int
    at: Point
    """Where one sits, or the middle of the room."""
    box: Box | None = None
    """Of a room."""

    @property
    def path(self) -> str:
        """`building/floor/zone/space`, as office.yaml writes it."""
        return f"{BUILDING}/{self.floor}/{self.zone}/{self.id}"

    @property
    def place(self) -> str:
        """`site/building/floor/zone/space`, as events name it."""
        return f"{SITE}/{self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A personal beacon."""

    id: str
    """As a driver reports it: `ibeacon:<uuid>:<major>:<minor>`, `eddystone-uid:<namespace>:<instance>`."""
    address: str
    advert: Advert
    power_1m: int
    """dBm at one metre: what the air does with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who works here, or a visitor (no unit, no tag, no home desk, not enrolled)."""

    index: int
    name: str
    unit: str
    badge: str
    """Ten upper-case hex digits of an EM4100 card."""
    card: tuple[int, int]
    """Facility and number of a second card, H10301, for readers that do not read the first."""
    tag: Tag | None
    home: str
    """The desk that this person likes best."""

    @property
    def credentials(self) -> tuple[str, ...]:
        """As drivers report badge, card and tag."""
        cards = (f"em4100:{self.badge}", "wiegand26:{}:{}".format(*self.card))
        return cards if self.tag is None else (*cards, self.tag.id)


@dataclass(frozen=True, kw_only=True)
class Office:
    """One building on one day. No slots: the look-ups below are made once."""

    seed: int
    gateways: tuple[Gateway, ...]
    floors: tuple[Floor, ...]
    zones: tuple[Zone, ...]
    spaces: tuple[Space, ...]
    devices: tuple[Device, ...]
    people: tuple[Person, ...]
    visitors: tuple[Person, ...]
    """Indices go on where those of the people end."""
    walls: tuple[Wall, ...]
    site: str = SITE
    building: str = BUILDING
    timezone: str = "Asia/Makassar"

    @cached_property
    def space(self) -> dict[str, Space]:
        return {space.id: space for space in self.spaces}

    @cached_property
    def desks(self) -> tuple[Space, ...]:
        return tuple(space for space in self.spaces if space.kind == "desk")

    @cached_property
    def rooms(self) -> tuple[Space, ...]:
        return tuple(space for space in self.spaces if space.kind == "room")

    @cached_property
    def sensor(self) -> dict[str, Device]:
        """The presence sensor of each space."""
        return {device.space: device for device in self.devices if device.modality}

    @cached_property
    def receivers(self) -> tuple[Device, ...]:
        return tuple(device for device in self.devices if device.adapter)

    @cached_property
    def level(self) -> dict[str, int]:
        return {floor.id: floor.level for floor in self.floors}

    def zone_at(self, point: Point) -> str:
        """`floor/zone` of a point; empty outside the building. A private zone lies within a public one and wins."""
        found = [zone for zone in self.zones if zone.floor == point.floor and zone.box.holds(point.x, point.y)]
        found.sort(key=lambda zone: not zone.private)
        return f"{point.floor}/{found[0].id}" if found else ""


OUTSIDE = Point(12.5, -3.0, "l05")
"""Before the entrance, which is on the lower floor."""
STAIRS = {"l05": Point(12.5, 22.5, "l05"), "l06": Point(12.5, 22.5, "l06")}
PANTRY = {"l05": Point(14.0, 2.5, "l05"), "l06": Point(14.5, 13.5, "l06")}
PRAYER = {"l05": Point(22.0, 22.0, "l05"), "l06": Point(2.0, 22.0, "l06")}


def make_office(seed: int) -> Office:
    """The office of a seed: places are always the same, people and their things are drawn."""
    rng = Random(f"office/{seed}")
    spaces = _desks() + _rooms()
    return Office(
        seed=seed,
        gateways=(
            Gateway(id="gw-05", floor="l05", coordinator=True),
            Gateway(id="gw-06", floor="l06", coordinator=False),
        ),
        floors=(
            Floor(id="l05", name="Lantai 5", level=5, gateway="gw-05"),
            Floor(id="l06", name="Lantai 6", level=6, gateway="gw-06"),
        ),
        zones=_ZONES,
        spaces=spaces,
        devices=hang((Spot(x.id, x.kind, x.floor, x.zone, x.at) for x in spaces), _CENTRES),
        people=_people(rng, [space.id for space in spaces if space.kind == "desk"]),
        visitors=_visitors(rng, first=len(NAMES)),
        walls=_WALLS,
    )


_ZONES = (
    Zone(id="timur", floor="l05", name="Timur", private=False, neighbours=("barat", "musala"), box=Box(12, 0, 24, 24)),
    Zone(id="barat", floor="l05", name="Barat", private=False, neighbours=("timur",), box=Box(0, 0, 12, 24)),
    Zone(id="musala", floor="l05", name="Musala", private=True, neighbours=("timur",), box=Box(20, 20, 24, 24)),
    Zone(
        id="utara", floor="l06", name="Utara", private=False, neighbours=("selatan", "musala"), box=Box(0, 12, 24, 24)
    ),
    Zone(id="selatan", floor="l06", name="Selatan", private=False, neighbours=("utara",), box=Box(0, 0, 24, 12)),
    Zone(id="musala", floor="l06", name="Musala", private=True, neighbours=("utara",), box=Box(0, 20, 4, 24)),
)
_CENTRES = {
    ("l05", "timur"): (18, 12),
    ("l05", "barat"): (6, 12),
    ("l06", "utara"): (12, 18),
    ("l06", "selatan"): (12, 6),
}
_ROOMS = (
    ("r-01", "l05", "timur", "Ruang Mahakam", Box(19, 0, 24, 4)),
    ("r-02", "l05", "barat", "Ruang Kayan", Box(0, 0, 5, 4)),
    ("r-03", "l06", "utara", "Ruang Sesayap", Box(19, 20, 24, 24)),
    ("r-04", "l06", "selatan", "Ruang Kedang", Box(19, 0, 24, 4)),
)


def _desks() -> tuple[Space, ...]:
    """Six a zone around the zone's receiver, in two rows of three that run along the partition."""
    desks: list[Space] = []
    for (floor, zone), (x, y) in _CENTRES.items():
        for across in (-2.5, 2.5):
            for along in (-3.5, 0.5, 3.5):
                dx, dy = (across, along) if floor == "l05" else (along, across)
                number = len(desks) + 1
                desks.append(
                    Space(
                        id=f"d-{number:03d}",
                        floor=floor,
                        zone=zone,
                        name=f"Meja {number}",
                        kind="desk",
                        capacity=1,
                        at=Point(x + dx, y + dy, floor),
                    )
                )
    return tuple(desks)


def _rooms() -> tuple[Space, ...]:
    return tuple(
        Space(
            id=name,
            floor=floor,
            zone=zone,
            name=title,
            kind="room",
            capacity=8,
            at=Point((box.west + box.east) / 2, (box.south + box.north) / 2, floor),
            box=box,
        )
        for name, floor, zone, title, box in _ROOMS
    )


def _people(rng: Random, desks: list[str]) -> tuple[Person, ...]:
    homes = desks[:]
    rng.shuffle(homes)
    badges = _badges(rng, len(NAMES))
    cards = _cards(len(NAMES), first=0)
    people: list[Person] = []
    for index, name in enumerate(NAMES):
        address = random_address(rng, resolvable=False)
        if index % 5 == 4:
            instance = rng.randbytes(6)
            tag = Tag(
                id=f"eddystone-uid:{TAG_NAMESPACE.hex()}:{instance.hex()}",
                address=address,
                advert=eddystone_uid(TAG_NAMESPACE, instance, -18),
                power_1m=-59,
            )
        else:
            major, minor = 1 + index // 10, rng.randrange(1000 * index, 1000 * index + 1000)
            tag = Tag(
                id=f"ibeacon:{TAG_UUID}:{major}:{minor}",
                address=address,
                advert=ibeacon(TAG_UUID, major, minor, -59),
                power_1m=-59,
            )
        people.append(
            Person(
                index=index,
                name=name,
                unit=UNITS[index % len(UNITS)],
                badge=badges[index],
                card=cards[index],
                tag=tag,
                home=homes[index % len(homes)],
            )
        )
    return tuple(people)


def _visitors(rng: Random, first: int) -> tuple[Person, ...]:
    return tuple(
        Person(
            index=first + n,
            name=f"Tamu {n + 1}",
            unit="",
            badge=f"7A{rng.randrange(1 << 32):08X}",
            card=card,
            tag=None,
            home="",
        )
        for n, card in enumerate(_cards(6, first=first))
    )


def _cards(count: int, *, first: int) -> list[tuple[int, int]]:
    """Access cards of one order: one facility, numbers with gaps."""
    return [(118, 1000 + 37 * (first + n)) for n in range(count)]


def _badges(rng: Random, count: int) -> list[str]:
    """Different card numbers; the version byte of staff cards is 0F."""
    return [f"0F{number:08X}" for number in rng.sample(range(1 << 24, 1 << 32), count)]


_GLASS, _PLASTER, _BRICK = 2.5, 4.0, 8.0
_WALLS = (
    # the partition between the two zones of a floor, with a door in its middle
    Wall("l05", 12, 0, 12, 10, _PLASTER),
    Wall("l05", 12, 14, 12, 24, _PLASTER),
    Wall("l06", 0, 12, 10, 12, _PLASTER),
    Wall("l06", 14, 12, 24, 12, _PLASTER),
    # rooms
    Wall("l05", 19, 0, 19, 4, _GLASS),
    Wall("l05", 19, 4, 24, 4, _PLASTER),
    Wall("l05", 5, 0, 5, 4, _GLASS),
    Wall("l05", 0, 4, 5, 4, _PLASTER),
    Wall("l06", 19, 20, 19, 24, _GLASS),
    Wall("l06", 19, 20, 24, 20, _PLASTER),
    Wall("l06", 19, 0, 19, 4, _GLASS),
    Wall("l06", 19, 4, 24, 4, _PLASTER),
    # prayer rooms
    Wall("l05", 20, 20, 20, 24, _BRICK),
    Wall("l05", 20, 20, 24, 20, _BRICK),
    Wall("l06", 4, 20, 4, 24, _BRICK),
    Wall("l06", 0, 20, 4, 20, _BRICK),
)
