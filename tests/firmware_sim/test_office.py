"""The world that a seed makes."""

from __future__ import annotations

import re
from collections import Counter

from firmware_sim.office import OUTSIDE, PANTRY, PRAYER, STAIRS, make_office
from firmware_sim.space import Point

IDENTIFIER = re.compile(r"^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$")


def test_same_seed_same_office() -> None:
    assert make_office(7) == make_office(7)
    assert make_office(7).people != make_office(8).people


def test_the_office_is_as_described() -> None:
    office = make_office(1)
    assert Counter(space.kind for space in office.spaces) == {"desk": 24, "room": 4}
    assert Counter(desk.floor for desk in office.desks) == {"l05": 12, "l06": 12}
    assert Counter(device.driver for device in office.devices) == {
        "rdm6300": 6,
        "id12la": 6,
        "wiegand": 2,
        "wiegand_bits": 10,
        "ld2410": 7,
        "ld2450": 6,
        "bthome": 1,
        "enocean_esp3": 6,
        "modbus": 1,
        "milesight_vs340": 3,
        "milesight_vs121": 1,
        "mqtt_json": 3,
        "receiver": 4,
    }
    assert [(device.id, device.adapter, device.path) for device in office.receivers] == [
        ("ble-timur", "hci0", "kk2-t3/l05/timur"),
        ("ble-barat", "hci1", "kk2-t3/l05/barat"),
        ("ble-utara", "hci2", "kk2-t3/l06/utara"),
        ("ble-selatan", "hci3", "kk2-t3/l06/selatan"),
    ]
    assert len(office.people) == 30
    assert {person.unit for person in office.people} == {"panrb", "bkn", "lan"}
    assert [gateway.id for gateway in office.gateways if gateway.coordinator] == ["gw-05"]


def test_no_two_floors_are_alike() -> None:
    office = make_office(1)
    drivers = [{d.driver for d in office.devices if d.floor == f.id and not d.adapter} for f in office.floors]
    assert not drivers[0] & drivers[1]
    assert set(office.sensor) == {space.id for space in office.spaces}
    assert {device.space for device in office.devices if device.reads_badges} == {desk.id for desk in office.desks}
    shared = [device for device in office.devices if device.address]
    assert len({(device.source, device.address) for device in shared}) == len(shared)


def test_ids_are_identifiers_and_unique() -> None:
    office = make_office(1)
    names = [device.id for device in office.devices] + [space.id for space in office.spaces]
    assert all(IDENTIFIER.match(name) for name in names)
    assert len(set(names)) == len(names)
    for zone in office.zones:
        others = {z.id for z in office.zones if z.floor == zone.floor}
        assert set(zone.neighbours) < others


def test_badges_and_tags_are_different_and_written_as_drivers_say_them() -> None:
    office = make_office(3)
    badges = [person.badge for person in (*office.people, *office.visitors)]
    assert len(set(badges)) == len(badges)
    assert all(re.fullmatch(r"[0-9A-F]{10}", badge) for badge in badges)
    tags = [person.tag.id for person in office.people if person.tag is not None]
    assert len(set(tags)) == 30
    uuid = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    assert all(
        re.fullmatch(rf"ibeacon:{uuid}:\d+:\d+|eddystone-uid:[0-9a-f]{{20}}:[0-9a-f]{{12}}", tag) for tag in tags
    )
    assert 3 <= sum(tag.startswith("eddystone") for tag in tags) < 15


def test_everything_stands_in_its_zone() -> None:
    office = make_office(1)
    for space in office.spaces:
        assert office.zone_at(space.at) == f"{space.floor}/{space.zone}"
    for receiver in office.receivers:
        assert office.zone_at(receiver.at) == f"{receiver.floor}/{receiver.zone}"
    for floor in ("l05", "l06"):
        assert office.zone_at(PRAYER[floor]) == f"{floor}/musala"
        assert office.zone_at(PANTRY[floor])
        assert office.zone_at(STAIRS[floor])
    assert office.zone_at(OUTSIDE) == ""
    assert office.zone_at(Point(25, 1, "l06")) == ""
