"""Writes a simulated office down as the files of a real one: office.yaml, the site's key and the people table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from firmware_sim.office import Device, Office
from gateway.people import PeopleTable, SiteKey

DATA_SHEET_S = {"radar": 0.1, "tag": 1.0}
"""Seconds between reports at data-sheet rates."""
WALL_S = 0.5
"""Machine seconds between reports when office time is scaled: devices send at a fixed wall rate."""


def write(
    office: Office, folder: Path, *, broker_port: int, speed: float, ble: bool, hold_s: dict[str, float] | None = None
) -> Path:
    """Write all files into `folder`; the path of office.yaml.

    The interval of devices follows from `speed`: at 60, a device that sends twice a wall second is heard every 30
    seconds of office time, and says so by `expect_s`.
    """
    file = folder / "office.yaml"
    file.write_text(
        "# written by `hadir demo`: a simulated office\n"
        + yaml.safe_dump(_document(office, folder, broker_port, speed, ble, hold_s or {}), sort_keys=False),
        encoding="utf-8",
    )
    enrol(office, folder)
    return file


def enrol(office: Office, folder: Path) -> None:
    """Make the site's key and enrol everybody's badge and tag."""
    key_file = folder / "keys" / "site.key"
    key_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = SiteKey.create(key_file)
    (folder / "var" / "archive").mkdir(parents=True, exist_ok=True)
    with PeopleTable(folder / "var" / "archive" / "people.sqlite", key) as table:
        for person in office.people:
            credentials = [person.credential] + ([person.tag.id] if person.tag is not None else [])
            table.enrol(unit=person.unit, credentials=[(value, office.site) for value in credentials])


def device_of_source(office: Office) -> dict[str, str]:
    """Source -> the device at its end; the sources' names are given here."""
    return {_source_id(device): device.id for device in office.devices}


def _source_id(device: Device) -> str:
    return f"tty-{device.id}" if device.serial else device.adapter


def interval_s(modality: str, speed: float) -> float:
    """Office seconds between two reports of a device."""
    return DATA_SHEET_S[modality] if speed <= 1 else WALL_S * speed


def _document(
    office: Office, folder: Path, broker_port: int, speed: float, ble: bool, hold_s: dict[str, float]
) -> dict[str, Any]:
    coordinator = next(gateway.id for gateway in office.gateways if gateway.coordinator)
    return {
        "version": 1,
        "site": office.site,
        "timezone": office.timezone,
        "simulated": True,
        "buildings": [
            {"id": office.building, "coordinator": coordinator, "floors": [_floor(office, f.id) for f in office.floors]}
        ],
        "gateways": [
            {
                "id": gateway.id,
                "place": f"{office.building}/{gateway.floor}",
                "sources": [_source(device, folder, ble) for device in office.devices if device.gateway == gateway.id],
            }
            for gateway in office.gateways
        ],
        "devices": [_device(device, speed) for device in office.devices],
        "broker": {"port": broker_port, "embedded": True},
        "rules": {
            "presence": {"tag_expect_s": interval_s("tag", speed), "smooth_s": max(5.0, 2 * interval_s("tag", speed))},
            **({"hold_s": hold_s} if hold_s else {}),
        },
    }


def _floor(office: Office, floor: str) -> dict[str, Any]:
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


def _source(device: Device, folder: Path, ble: bool) -> dict[str, Any]:
    if device.serial:
        port = str(folder / "tty" / device.id)
        return {"id": _source_id(device), "type": "serial", "port": port, "device": device.id}
    if ble:
        return {
            "id": _source_id(device),
            "type": "ble",
            "adapter": device.adapter,
            "mode": "active",
            "device": device.id,
        }
    path = str(folder / "ble" / f"{device.adapter}.jsonl")
    return {"id": _source_id(device), "type": "replay", "path": path, "follow": True, "device": device.id}


def _device(device: Device, speed: float) -> dict[str, Any]:
    made: dict[str, Any] = {"id": device.id, "driver": device.driver, "place": device.path}
    if device.driver == "ld2410":
        made["expect_s"] = interval_s("radar", speed)
    return made
