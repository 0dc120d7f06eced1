"""Buildings of any height for whole days: each floor has two zones, a room in each, a room with nothing but CO2, and
mixed hardware, drawn from one seed.

A floor is that of office.py: 24 m square, a plaster partition with a door in its middle, a receiver in the middle of
each zone. Desks stand in rows around the receiver. Each floor has a gateway; the lowest one is the coordinator and has
the readers at the entrance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from random import Random

from firmware_sim.beacon import ibeacon, random_address
from firmware_sim.hardware import BUILDING, Device
from firmware_sim.office import TAG_UUID, UNITS, Floor, Gateway, Office, Person, Space, Tag, Wall, Zone
from firmware_sim.space import Box, Point

SIDE = 24.0
BADGE_READERS = ("rdm6300", "id12la", "wiegand_bits")
MOTION, SEAT = ("enocean_esp3", "pir"), ("milesight_vs340", "seat")
DESK_SENSORS = (("ld2410", "radar"), MOTION, SEAT, ("ld2450", "radar"), ("milesight_vs370", "radar"), MOTION)
SECOND_EYE = 5
"""Each so many desks one has a second sensor of another kind."""
ROOM_SENSORS = (
    ("ld2410", "radar"),
    ("milesight_vs121", "counter"),
    ("bthome", "radar"),
    ("milesight_vs121", "counter"),
)
AIR_SENSOR = ("milesight_am103", "environment")
"""In every room; in the smallest one of each floor it is all there is."""
REPORT_S: Mapping[str, float] = {
    "ld2410": 30.0,
    "ld2450": 30.0,
    "milesight_vs370": 60.0,
    "milesight_vs340": 60.0,
    "milesight_vs121": 60.0,
    "enocean_esp3": 60.0,
    "bthome": 60.0,
    "milesight_am103": 120.0,
}
"""Seconds between two reports of an unchanged state, by driver; a change is told at once. A radar says the same ten
times a second: once in thirty is all that a day of it needs."""
DOOR_IN, DOOR_OUT = "rdr-in", "rdr-out"
ZONES = {"barat": Box(0, 0, 12, SIDE), "timur": Box(12, 0, SIDE, SIDE)}
CENTRE = {"barat": (6.0, 12.0), "timur": (18.0, 12.0)}
RECEIVERS = {"barat": ((3.0, 8.0), (9.0, 16.0)), "timur": ((15.0, 8.0), (21.0, 16.0))}
"""Where two hang in a zone, not all on one line; a single one hangs in its middle."""
ROOM = {"barat": Box(0, 0, 5, 4), "timur": Box(19, 0, 24, 4)}
AIR_ROOM = Box(0, 20, 5, 24)
PRIVATE = Box(20, 20, 24, 24)
PLASTER, GLASS, BRICK = 4.0, 2.5, 8.0


def floor_id(level: int) -> str:
    """`l01` and so on."""
    return f"l{level:02d}"


def entrance() -> Point:
    """Before the door of the lowest floor."""
    return Point(12.5, -3.0, floor_id(1))


def stairs(floor: str) -> Point:
    return Point(12.5, 22.5, floor)


def pantry(floor: str) -> Point:
    return Point(14.0, 2.5, floor)


def prayer(floor: str) -> Point:
    """In the private zone."""
    return Point(22.0, 22.0, floor)


def make_tower(
    seed: int, *, floors: int = 2, desks: int = 6, people: int = 24, guests: int = 6, receivers: int = 1
) -> Office:
    """A building. `desks`, `receivers` (1 or 2): in each zone. `people` have badges and tags, `guests` have nothing
    that anybody knows."""
    rng = Random(f"tower/{seed}/{floors}/{desks}/{people}")
    levels = range(1, floors + 1)
    spaces = tuple(space for level in levels for space in _spaces(level, desks))
    names = [space.id for space in spaces if space.kind == "desk"]
    rng.shuffle(names)
    return Office(
        seed=seed,
        gateways=tuple(Gateway(id=f"gw-{n:02d}", floor=floor_id(n), coordinator=n == 1) for n in levels),
        floors=tuple(Floor(id=floor_id(n), name=f"Lantai {n}", level=n, gateway=f"gw-{n:02d}") for n in levels),
        zones=tuple(zone for level in levels for zone in _zones(floor_id(level))),
        spaces=spaces,
        devices=tuple(_devices(spaces, floors, receivers)),
        people=tuple(_person(rng, n, names[n % len(names)]) for n in range(people)),
        visitors=tuple(_guest(people + n) for n in range(guests)),
        walls=tuple(wall for level in levels for wall in _walls(floor_id(level))),
        site="menara",
    )


def place_of(office: Office, space: str) -> str:
    """`site/building/floor/zone/space`."""
    return f"{office.site}/{office.space[space].path}"


def role_of(device: Device) -> str:
    """Of a badge reader, as office.yaml says it."""
    if device.id in (DOOR_IN, DOOR_OUT):
        return device.id.removeprefix("rdr-")
    return "desk" if "-d-" in device.id else "zone"


def _zones(floor: str) -> Iterator[Zone]:
    yield Zone(id="barat", floor=floor, name="Barat", private=False, neighbours=("timur",), box=ZONES["barat"])
    yield Zone(id="timur", floor=floor, name="Timur", private=False, neighbours=("barat", "musala"), box=ZONES["timur"])
    yield Zone(id="musala", floor=floor, name="Musala", private=True, neighbours=("timur",), box=PRIVATE)


def _spaces(level: int, desks: int) -> Iterator[Space]:
    floor = floor_id(level)
    for n, (zone, (x, y)) in enumerate(CENTRE.items()):
        rows = max(2, -(-desks // 6))
        for desk in range(desks):
            across, along = desk % rows, desk // rows
            at = Point(x - 3.5 + 7.0 * across / max(1, rows - 1), y - 5.0 + 2.0 * along, floor)
            name = f"d-{level:02d}{n * desks + desk + 1:02d}"
            yield Space(id=name, floor=floor, zone=zone, name=f"Meja {name[2:]}", kind="desk", capacity=1, at=at)
        yield _room(f"r-{level:02d}{n + 1}", floor, zone, ROOM[zone])
    yield _room(f"r-{level:02d}3", floor, "barat", AIR_ROOM)


def _room(name: str, floor: str, zone: str, box: Box) -> Space:
    at = Point((box.west + box.east) / 2, (box.south + box.north) / 2, floor)
    return Space(id=name, floor=floor, zone=zone, name=f"Ruang {name[2:]}", kind="room", capacity=8, at=at)


def _devices(spaces: tuple[Space, ...], floors: int, receivers: int) -> Iterator[Device]:
    desk = room = 0
    for space in spaces:
        if space.kind == "desk":
            kind = DESK_SENSORS[desk % len(DESK_SENSORS)]
            reader = BADGE_READERS[desk // 2 % len(BADGE_READERS)]
            desk += 1
        else:
            kind = AIR_SENSOR if space.id.endswith("3") else ROOM_SENSORS[room % len(ROOM_SENSORS)]
            reader = BADGE_READERS[room % len(BADGE_READERS)]
            room += 1
        yield _sensor(space, *kind)
        if space.kind == "room" and kind != AIR_SENSOR:
            yield _sensor(space, *AIR_SENSOR)
        elif space.kind == "desk" and desk % SECOND_EYE == 0:
            yield _sensor(space, *(MOTION if kind[1] != "pir" else SEAT))
        yield _reader(f"rdr-{space.id}", reader, space.floor, space.zone, space.id, space.at)
    for name in (DOOR_IN, DOOR_OUT):
        yield _reader(name, "rdm6300", floor_id(1), "timur", "", Point(12.5, 0.5, floor_id(1)))
    for level in range(1, floors + 1):
        floor = floor_id(level)
        for n, zone in enumerate(CENTRE):
            for k, (x, y) in enumerate([CENTRE[zone]] if receivers == 1 else RECEIVERS[zone][:receivers]):
                adapter = f"hci{n + len(CENTRE) * k}"
                yield Device(
                    id=f"ble-{floor}-{zone}" + (f"-{k + 1}" if k else ""),
                    driver="receiver",
                    gateway=f"gw-{level:02d}",
                    floor=floor,
                    zone=zone,
                    space="",
                    at=Point(x, y, floor),
                    source=f"{floor}-{adapter}",
                    adapter=adapter,
                )


def _sensor(space: Space, driver: str, modality: str) -> Device:
    name = f"{'mmw' if modality == 'radar' else modality}-{space.id}"
    digits = sha256(name.encode()).hexdigest()
    source, address, profile, key = f"tty-{name}", "", "", b""
    if driver.startswith("milesight"):
        source, address = f"{space.floor}-lora", f"24e124{digits[:10]}"
    elif driver == "enocean_esp3":
        source, address, profile = f"{space.floor}-stick", f"05{digits[:6].upper()}", "A5-07-01"
    elif driver == "bthome":
        adapter = f"hci{list(CENTRE).index(space.zone)}"
        source, address = (
            f"{space.floor}-{adapter}",
            ":".join(("C4", *(digits[i : i + 2].upper() for i in range(0, 10, 2)))),
        )
        key = sha256(f"key/{name}".encode()).digest()[:16]
    return Device(
        id=name,
        driver=driver,
        gateway=f"gw-{int(space.floor[1:]):02d}",
        floor=space.floor,
        zone=space.zone,
        space=space.id,
        at=space.at,
        source=source,
        address=address,
        modality=modality,
        profile=profile,
        key=key,
    )


def _reader(name: str, driver: str, floor: str, zone: str, space: str, at: Point) -> Device:
    return Device(
        id=name,
        driver=driver,
        gateway=f"gw-{int(floor[1:]):02d}",
        floor=floor,
        zone=zone,
        space=space,
        at=at,
        source=f"tty-{name}",
    )


def _person(rng: Random, index: int, home: str) -> Person:
    tag = Tag(
        id=f"ibeacon:{TAG_UUID}:{1 + index // 1000}:{index}",
        address=random_address(rng, resolvable=False),
        advert=ibeacon(TAG_UUID, 1 + index // 1000, index, -59),
        power_1m=-59,
    )
    return Person(
        index=index,
        name=f"Pegawai {index + 1}",
        unit=UNITS[index % len(UNITS)],
        badge=f"0F{(index + 1) * 7919:08X}",
        card=(118, 1000 + 37 * index),
        tag=tag,
        home=home,
    )


def _guest(index: int) -> Person:
    """Also who has lost the badge and was given one that nobody has enrolled yet."""
    return Person(
        index=index,
        name=f"Tamu {index}",
        unit="",
        badge=f"7A{(index + 1) * 7919:08X}",
        card=(119, 1000 + 37 * index),
        tag=None,
        home="",
    )


def _walls(floor: str) -> Iterator[Wall]:
    yield Wall(floor, 12, 0, 12, 10, PLASTER)
    yield Wall(floor, 12, 14, 12, SIDE, PLASTER)
    for box in (*ROOM.values(), AIR_ROOM):
        edge = box.east if box.west == 0 else box.west
        side = box.north if box.south == 0 else box.south
        yield Wall(floor, edge, box.south, edge, box.north, GLASS)
        yield Wall(floor, box.west, side, box.east, side, PLASTER)
    yield Wall(floor, PRIVATE.west, PRIVATE.south, PRIVATE.west, PRIVATE.north, BRICK)
    yield Wall(floor, PRIVATE.west, PRIVATE.south, PRIVATE.east, PRIVATE.south, BRICK)


__all__ = ["BUILDING", "DOOR_IN", "DOOR_OUT", "REPORT_S", "make_tower", "place_of", "role_of"]
