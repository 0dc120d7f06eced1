"""Writes a simulated office down as the files of a real one: office.yaml, plans, the site's key, the people table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import yaml

from firmware_sim import hardware
from firmware_sim.devices import interval_s
from firmware_sim.hardware import Device
from firmware_sim.office import Office, Person
from gateway.demo import floor_plan
from gateway.demo.web import DATA
from gateway.people import PeopleTable, SiteKey

TAG_S = 1.0
"""Seconds between adverts of a tag at data-sheet rates ..."""
TAG_WALL_S = 0.5
"""... and machine seconds when office time is scaled."""
POLL_S = 0.2
"""Machine seconds between two questions on the Modbus."""
PIR_HOLDS = 3.5
"""Of its own intervals: a motion sensor under a desk sees a leg move in nearly each of them, and two may be lost."""
OWNERS = {("l05", "timur"): "panrb", ("l05", "barat"): "bkn", ("l06", "utara"): "lan"}
"""Agency of a zone; everybody may sit there. The rest of the building is everybody's."""
SECOND_NAMES = (
    *("Saputra", "Lestari", "Pratama", "Wulandari", "Anggraini", "Prasetyo", "Nugroho", "Maharani", "Kusuma"),
    *("Permata Sari", "Santoso", "Puspita", "Handayani", "Wirawan", "Setiawan", "Mahendra", "Rahmawati", "Hidayat"),
    *("Kurniasih Wijayaningrum", "Hartono", "Dewanti", "Amelia", "Budiman", "Safitri", "Ramadhan", "Firmansyah"),
    *("Novitasari", "Wibowo", "Pertiwi", "Utomo"),
)
"""People of pages have more than a first name; one is long. Made up, as everybody here."""
KEEPS_TO_ONESELF = 4
"""Every fourth person shares nothing with colleagues."""


class Written(NamedTuple):
    """What was written."""

    file: Path
    """office.yaml."""
    pids: Mapping[int, str]
    """Index of a person -> pid."""


def full_name(person: Person) -> str:
    """As pages show it."""
    return f"{person.name} {SECOND_NAMES[person.index % len(SECOND_NAMES)]}"


def write(
    office: Office,
    folder: Path,
    *,
    broker_port: int,
    web_port: int,
    speed: float,
    ble: bool,
    hold_s: dict[str, float] | None = None,
) -> Written:
    """Write all files into `folder`.

    The interval of devices follows from `speed`: at 60, a device that sends twice a wall second is heard every 30
    seconds of office time, and says so by `expect_s`.
    """
    file = folder / "office.yaml"
    file.write_text(
        "# written by `hadir demo`: a simulated office\n"
        + yaml.safe_dump(_document(office, folder, broker_port, web_port, speed, ble, hold_s or {}), sort_keys=False),
        encoding="utf-8",
    )
    floor_plan.write(office, folder)
    return Written(file, enrol(office, folder))


def enrol(office: Office, folder: Path) -> dict[int, str]:
    """Make the site's key and enrol everybody with name, badge and tag; index -> pid."""
    key_file = folder / "keys" / "site.key"
    key_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = SiteKey.create(key_file)
    (folder / "var" / "archive").mkdir(parents=True, exist_ok=True)
    with PeopleTable(folder / "var" / "archive" / "people.sqlite", key) as table:
        pids = {
            person.index: table.enrol(
                unit=person.unit,
                credentials=[(value, office.site) for value in person.credentials],
                visibility="unit" if (person.index + 1) % KEEPS_TO_ONESELF else "self",
                name=full_name(person),
                staff_number=f"SIM {person.index + 1:04d}",
            )
            for person in office.people
        }
    keys = folder / "keys" / "devices.keys"
    keys.touch(mode=0o600)
    keys.write_text("".join(f"{device.id} {device.key.hex()}\n" for device in office.devices if device.key))
    return pids


def devices_of_sources(office: Office) -> dict[str, list[str]]:
    """Source -> the devices behind it."""
    found: dict[str, list[str]] = {}
    for device in office.devices:
        found.setdefault(device.source, []).append(device.id)
    return found


def tag_interval_s(speed: float) -> float:
    """Office seconds between two adverts of a tag."""
    return TAG_S if speed <= 1 else TAG_WALL_S * speed


def _document(
    office: Office, folder: Path, broker_port: int, web_port: int, speed: float, ble: bool, hold_s: dict[str, float]
) -> dict[str, Any]:
    coordinator = next(gateway.id for gateway in office.gateways if gateway.coordinator)
    return {
        "version": 1,
        "site": office.site,
        "name": "Kantor simulasi",
        "timezone": office.timezone,
        "simulated": True,
        "buildings": [
            {
                "id": office.building,
                "coordinator": coordinator,
                "floors": [{**floor_of(office, f.id, OWNERS), "plan": floor_plan.path_of(f.id)} for f in office.floors],
            }
        ],
        "gateways": [
            {
                "id": gateway.id,
                "place": f"{office.building}/{gateway.floor}",
                "sources": _sources([d for d in office.devices if d.gateway == gateway.id], folder, ble),
            }
            for gateway in office.gateways
        ],
        "devices": [_device(device, speed) for device in office.devices],
        "broker": {"port": broker_port, "embedded": True},
        "web": {"port": web_port, "data": str(DATA)},
        "rules": {
            "presence": {"tag_expect_s": tag_interval_s(speed), "smooth_s": max(5.0, 2 * tag_interval_s(speed))},
            **({"hold_s": hold_s} if hold_s else {}),
        },
    }


def floor_of(
    office: Office, floor: str, owners: Mapping[tuple[str, str], str] = MappingProxyType({})
) -> dict[str, Any]:
    """A floor of the simulated office, as office.yaml has it. `owners`: (floor, zone) -> unit."""
    found = next(f for f in office.floors if f.id == floor)
    return {
        "id": floor,
        "name": found.name,
        "owner": found.gateway,
        "zones": [
            {
                "id": zone.id,
                "name": zone.name,
                "private": zone.private,
                **({"unit": owners[floor, zone.id]} if (floor, zone.id) in owners else {}),
                "neighbours": list(zone.neighbours),
                "spaces": [
                    {"id": space.id, "name": space.name, "kind": space.kind, "capacity": space.capacity}
                    for space in office.spaces
                    if (space.floor, space.zone) == (floor, zone.id)
                ],
            }
            for zone in office.zones
            if zone.floor == floor
        ],
    }


def _sources(devices: list[Device], folder: Path, ble: bool) -> list[dict[str, Any]]:
    """One for each line, adapter, bus, stick and server; those that share one are its `devices`."""
    made: dict[str, dict[str, Any]] = {}
    for device in devices:
        if device.source not in made:
            made[device.source] = {"id": device.source, **_medium(device.source, folder, ble)}
        if device.address:
            made[device.source].setdefault("devices", []).append(device.id)
        else:
            made[device.source]["device"] = device.id
    return list(made.values())


def _medium(source: str, folder: Path, ble: bool) -> dict[str, Any]:
    match source:
        case hardware.OSDP_BUS:
            return {"type": "osdp", "port": str(folder / "osdp" / "host")}
        case hardware.STICK:
            return {"type": "enocean", "port": str(folder / "tty" / source)}
        case hardware.MODBUS_BUS:
            return {"type": "modbus", "port": str(folder / "tty" / source), "poll_s": POLL_S}
        case hardware.LORA:
            return {"type": "lorawan", "network": "chirpstack"}
        case hardware.BRIDGE:
            return {"type": "mqtt"}
        case _ if source in hardware.ADAPTER.values():
            if ble:
                return {"type": "ble", "adapter": source, "mode": "active"}
            return {"type": "replay", "path": str(folder / "ble" / f"{source}.jsonl"), "follow": True}
        case _:
            return {"type": "serial", "port": str(folder / "tty" / source.removeprefix("tty-"))}


def _device(device: Device, speed: float) -> dict[str, Any]:
    made: dict[str, Any] = {"id": device.id, "driver": device.driver, "place": device.path}
    if device.address:
        made["address"] = device.address
    if device.profile:
        made["profile"] = device.profile
    if not device.modality:
        return made
    machine_s = POLL_S if device.driver == "modbus" else interval_s(device.driver, speed)
    expect_s = machine_s * max(1.0, speed)
    made |= {"modality": device.modality, "expect_s": expect_s}
    if device.modality == "pir":
        made["hold_s"] = PIR_HOLDS * expect_s
    if device.driver == "modbus":
        count = {"kind": "count", "function": "input", "register": hardware.COUNT_REGISTER, "type": "uint16"}
        made["mapping"] = {"values": [count]}
    return made
