"""A tower of the simulator as office.yaml, as an operator would write it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from firmware_sim import tower
from firmware_sim.hardware import Device
from firmware_sim.office import Office as Tower
from gateway.config.load import load
from gateway.config.model import Office
from gateway.decode import installed
from gateway.demo.world import floor_of

RAMADAN = ("2027-02-08", "2027-03-09")
"""As the operator sets it. Hours and breaks are the defaults, those of the scenarios: docs/calendar.md."""


def read(
    made: Tower,
    folder: Path,
    *,
    tag_s: float,
    positions: bool = True,
    survey: str | None = None,
    models: Path | None = None,
) -> Office:
    """Write it and read it, with every check of `hadir check`. `tag_s`: between two adverts of a tag.

    `positions`: zones have areas and receivers positions, so that tags are located by a radio map; else by the
    strongest receiver. `survey`: file of a calibration walk of every floor, in `folder`. `models`: of rooms.
    """
    file = folder / "office.yaml"
    document = _document(made, tag_s)
    if models is not None:
        document["rules"]["room_models"] = str(models)
    if positions:
        _place(made, document, survey)
    file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return load(file, drivers=installed())


def _document(made: Tower, tag_s: float) -> dict[str, Any]:
    return {
        "version": 1,
        "site": made.site,
        "timezone": made.timezone,
        "simulated": True,
        "buildings": [
            {
                "id": made.building,
                "coordinator": next(gateway.id for gateway in made.gateways if gateway.coordinator),
                "floors": [floor_of(made, floor.id) for floor in made.floors],
            }
        ],
        "gateways": [
            {
                "id": gateway.id,
                "place": f"{made.building}/{gateway.floor}",
                "sources": _sources([device for device in made.devices if device.gateway == gateway.id]),
            }
            for gateway in made.gateways
        ],
        "devices": [_device(device) for device in made.devices],
        "calendar": {"ramadan": {"dates": [{"first": RAMADAN[0], "last": RAMADAN[1]}]}},
        "rules": {"presence": {"tag_expect_s": tag_s, "smooth_s": max(5.0, 2 * tag_s)}},
    }


def _place(made: Tower, document: dict[str, Any], survey: str | None) -> None:
    """Areas of zones and positions of receivers, metres. A zone within another is drawn first: the first one counts."""
    box = {(zone.floor, zone.id): zone.box for zone in made.zones}
    for floor in document["buildings"][0]["floors"]:
        floor["zones"].sort(key=lambda zone: not zone["private"])
        for zone in floor["zones"]:
            west, south, east, north = box[floor["id"], zone["id"]]
            zone["area"] = [[west, south], [east, south], [east, north], [west, north]]
        if survey is not None:
            floor["survey"] = survey
    at = {device.id: device.at for device in made.devices}
    for device in document["devices"]:
        if device["driver"] == "receiver":
            device["at"] = [at[device["id"]].x, at[device["id"]].y]


def _sources(devices: list[Device]) -> list[dict[str, Any]]:
    made: dict[str, dict[str, Any]] = {}
    for device in devices:
        one = made.setdefault(device.source, {"id": device.source, **_medium(device)})
        if device.address:
            one.setdefault("devices", []).append(device.id)
        else:
            one["device"] = device.id
    return list(made.values())


def _medium(device: Device) -> dict[str, Any]:
    source = device.source
    if source.endswith("-lora"):
        return {"type": "lorawan", "network": "chirpstack"}
    if source.endswith("-stick"):
        return {"type": "enocean", "port": f"/dev/serial/by-id/{source}"}
    if "-hci" in source:
        return {"type": "ble", "adapter": source.rpartition("-")[2], "mode": "active"}
    return {"type": "serial", "port": f"/dev/serial/by-id/{source}"}


def _device(device: Device) -> dict[str, Any]:
    made: dict[str, Any] = {"id": device.id, "driver": device.driver, "place": device.path}
    if device.address:
        made["address"] = device.address
    if device.profile:
        made["profile"] = device.profile
    if device.reads_badges:
        made["role"] = tower.role_of(device)
    if device.modality:
        made |= {"modality": device.modality, "expect_s": tower.REPORT_S[device.driver]}
    return made
