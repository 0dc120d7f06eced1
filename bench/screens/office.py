"""The office of pictures and browser tests: a tower with days behind it, a crowded floor, all its files in a folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from bench.accuracy import office_file
from bench.accuracy.building import index_of, pid_of
from bench.screens import drawing
from bench.screens.days import Day, store
from firmware_sim.office import NAMES
from firmware_sim.office import Office as Tower
from firmware_sim.tower import make_tower
from gateway.clock import SECOND, rfc3339
from gateway.config.load import load
from gateway.config.model import Office
from gateway.config.places import Places
from gateway.contract import state as wire
from gateway.contract import topics
from gateway.contract.envelope import Origin
from gateway.credentials import SiteKey
from gateway.decode import installed
from gateway.demo.world import SECOND_NAMES
from gateway.outbox_store import Row
from gateway.people import PeopleTable
from gateway.views import STARTING, Views
from rules import counting

TODAY = date(2026, 11, 26)
"""A Thursday."""
CLOSE_OF_WORK = time(14, 10)
VALID = 12 * 3600 * SECOND
OWNERS = {("l01", "barat"): "panrb", ("l01", "timur"): "bkn", ("l02", "barat"): "lan"}
ALARMS = {
    "gw-02": (
        {
            "name": "source_down",
            "about": "l02-stick",
            "why": "USB-300: is not there (No such file or directory)",
            "do": "see to its cable, power or address; `hadir check` names what is there",
        },
    )
}
"""What needs somebody in the pictures."""
CROWDED = "l09"
"""The floor of many desks; nothing is simulated there."""
STATES = (
    ("vacant", None, "free"),
    ("vacant", None, "free"),
    ("occupied", None, "taken"),
    ("occupied", None, "taken"),
    ("vacant", None, "away"),
    ("vacant", None, "reserved"),
    ("unknown", "sensor_stale", "free"),
    ("vacant", None, "out_of_order"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What was made."""

    office: Office
    file: Path
    now: int
    """Office time of the picture, ns."""
    pids: dict[int, str]
    """Index of a person of the tower -> pid."""
    tower: Tower
    retained: list[tuple[str, bytes]]
    """Topic and payload of everything that gateways would have published until now."""
    seated: list[int]
    """People of the tower who have a desk."""
    origins: dict[str, Origin]
    """By gateway."""


def make(
    folder: Path,
    *,
    broker_port: int,
    web_port: int,
    days: int = 1,
    floors: int = 2,
    desks: int = 6,
    people: int = 30,
    crowd: int = 0,
    until: time = CLOSE_OF_WORK,
    seed: int = 7,
) -> Made:
    """All files in an empty folder. `days`: working days, today among them; `crowd`: desks of the crowded floor."""
    tower = make_tower(seed, floors=floors, desks=desks, people=people)
    file = _write(tower, folder, broker_port, web_port, crowd)
    office = load(file, drivers=installed())
    pids = _enrol(tower, office)
    swapped = {pid_of(index).encode(): pid.encode() for index, pid in pids.items()}
    now = int(datetime.combine(TODAY, until, ZoneInfo(office.timezone)).timestamp()) * SECOND
    rows: list[Row] = []
    last: Day | None = None
    for number, day in enumerate(_working_days(days), 1):
        last = Day(tower, office, number, day, swapped, last)
        rows += last.play(now if day == TODAY else None)
    assert last is not None
    store(office, rows, now)
    retained = [*_told(office, last, now), *_crowd(office, now, seed)]
    seated = [
        index_of(life.person)
        for views in last.views.values()
        for place in views.places
        if (life := views.life(place)) is not None and life.life == "taken" and life.person
    ]
    return Made(
        office=office,
        file=file,
        now=now,
        pids=pids,
        tower=tower,
        retained=retained,
        seated=sorted(seated),
        origins=last.origins,
    )


def alive(made: Made, now: int) -> Iterator[tuple[str, bytes]]:
    """What gateways repeat of themselves."""
    for name, origin in made.origins.items():
        yield topics.gateway_status(made.office.site, name), _status(origin, now)
        yield topics.gateway_health(made.office.site, name), _health(origin, now)


def _working_days(count: int) -> list[date]:
    found, day = [TODAY], TODAY
    while len(found) < count:
        day -= timedelta(days=1)
        if day.weekday() < 5:
            found.append(day)
    return found[::-1]


# --- files ------------------------------------------------------------------------------------------------------------


def _write(tower: Tower, folder: Path, broker_port: int, web_port: int, crowd: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    SiteKey.create(_made(folder / "keys" / "site.key"))
    keys = folder / "keys" / "devices.keys"
    keys.touch(mode=0o600)
    keys.write_text("".join(f"{device.id} {device.key.hex()}\n" for device in tower.devices if device.key))
    office_file.read(tower, folder, tag_s=120.0)
    file = folder / "office.yaml"
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    document |= {"name": "Gedung Menara Nusantara", "broker": {"port": broker_port}, "web": {"port": web_port}}
    document["buildings"][0]["name"] = "Menara"
    for floor in document["buildings"][0]["floors"]:
        floor["plan"] = drawing.write(tower, floor["id"], folder)
        for zone in floor["zones"]:
            if unit := OWNERS.get((floor["id"], zone["id"])):
                zone["unit"] = unit
        floor["zones"][0]["spaces"][:1] = [{**space, "accessible": True} for space in floor["zones"][0]["spaces"][:1]]
    if crowd:
        document["buildings"][0]["floors"].append(_crowded(crowd))
        document["gateways"].append({"id": "gw-09", "place": f"{tower.building}/{CROWDED}"})
    file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return file


def _crowded(crowd: int) -> dict[str, Any]:
    zones = ("barat", "tengah", "timur", "selatan")
    each = -(-crowd // len(zones))
    return {
        "id": CROWDED,
        "name": "Lantai 9",
        "owner": "gw-09",
        "zones": [
            {
                "id": zone,
                "name": zone.capitalize() if n else "Barat, Pusat Layanan Terpadu dan Kerja Bersama Antarinstansi",
                "neighbours": [other for other in zones if other != zone],
                "spaces": [
                    *(
                        {"id": f"d-9{n}{desk:02d}", "name": f"Meja 9{n}{desk:02d}"}
                        for desk in range(1, min(each, crowd - n * each) + 1)
                    ),
                    {"id": f"r-9{n}", "name": "Ruang Rapat Mahakam Hulu", "kind": "room", "capacity": 12},
                ],
            }
            for n, zone in enumerate(zones)
        ],
    }


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def _enrol(tower: Tower, office: Office) -> dict[int, str]:
    path = office.path(office.people.table)
    path.parent.mkdir(parents=True, exist_ok=True)
    with PeopleTable(path, SiteKey.load(office.path(office.people.site_key))) as table:
        return {
            person.index: table.enrol(
                unit=person.unit,
                credentials=[(value, office.site) for value in person.credentials],
                visibility="unit" if person.index % 5 != 4 else "self",
                name=f"{NAMES[person.index % len(NAMES)]} {SECOND_NAMES[person.index * 7 % len(SECOND_NAMES)]}",
                staff_number=f"SIM {person.index + 1:04d}",
            )
            for person in tower.people
        }


# --- what is retained -------------------------------------------------------------------------------------------------


def _told(office: Office, day: Day, now: int) -> Iterator[tuple[str, bytes]]:
    places = Places(office)
    for name, views in day.views.items():
        origin = day.origins[name]
        yield topics.gateway_status(office.site, name), _status(origin, now)
        yield topics.gateway_health(office.site, name), _health(origin, now)
        for place in views.places:
            yield topics.state(place), _state(views, place, origin, now)
        for zone in views.zones:
            rows = [
                (_sensed(views, place)[0], "" if (life := views.life(place)) is None else life.life)
                for place in views.in_zone(zone)
            ]
            told = wire.aggregate(**counting.aggregate(rows), gateway=name, valid_until=now + VALID)
            yield topics.agg(places.areas[zone].place), told
        day.equipment[name].look()
        for topic, body in day.shown[name].topics.items():
            yield topic, _device(topic, body(), now)


def _device(topic: str, body: bytes, now: int) -> bytes:
    """What the bytes of simulated devices do not say: their batteries and signals, and that receivers hear."""
    told, rng = json.loads(body), Random(f"device/{topic}")
    if told["driver"] == "receiver":
        told |= {"alive": True, "last_heard": rfc3339(now - rng.randrange(1, 4) * SECOND)}
    elif told["driver"].startswith("milesight"):
        told |= {"battery": float(rng.choice((12, 34, 58, 71, 83, 96, 100))), "signal": -float(rng.randrange(71, 113))}
    elif told["driver"] in ("enocean_esp3", "bthome"):
        told["signal"] = -float(rng.randrange(55, 88))
    return wire.write(wire.DeviceState, told)


def _sensed(views: Views, place: str) -> tuple[str, str | None, float]:
    held = views.sensed(place)
    return ("unknown", STARTING, 0.0) if held is None else (held.state, held.cause, held.confidence)


def _state(views: Views, place: str, origin: Origin, now: int) -> bytes:
    state, cause, confidence = _sensed(views, place)
    life = views.life(place)
    boot, sequence = views.sequence(place) or (origin.boot, 0)
    return wire.place_state(
        state,
        cause,
        confidence=confidence,
        gateway=origin.gateway,
        boot=boot,
        sequence=sequence,
        valid_until=now + VALID,
        quality="simulated",
        sensed=state,
        life=None if life is None else life.life,
        life_since=0 if life is None else life.since,
    )


def _status(origin: Origin, now: int) -> bytes:
    return wire.gateway_status("ready", boot=origin.boot, version="0.1.0", config="c0ffee15", at=now - 8 * SECOND)


def _health(origin: Origin, now: int) -> bytes:
    return wire.write(
        wire.GatewayHealth,
        {
            "boot": origin.boot,
            "at": rfc3339(now - 4 * SECOND),
            "counters": {"frames": 48_211, "outbox.committed": 1_904},
            "backlog": {"count": 0, "bytes": 0, "oldest_s": None, "dead": 0},
            "clock": {"sync": "ntp", "err_ms": 3.0},
            "sources": {},
            "alarms": ALARMS.get(origin.gateway, ()),
        },
    )


def _crowd(office: Office, now: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """The floor of many desks, of all states."""
    rng = Random(f"crowd/{seed}")
    spots = [spot for place, spot in Places(office).spots.items() if f"/{CROWDED}/" in place]
    if not spots:
        return
    origin = Origin(site=office.site, building=office.buildings[0].id, gateway="gw-09", boot="000001-5ca1")
    yield topics.gateway_status(office.site, "gw-09"), _status(origin, now)
    yield topics.gateway_health(office.site, "gw-09"), _health(origin, now)
    for spot in spots:
        state, cause, life = rng.choice(STATES)
        yield (
            topics.state(spot.place),
            wire.place_state(
                state,
                cause,
                confidence=0.0 if state == "unknown" else 0.93,
                gateway="gw-09",
                boot=origin.boot,
                sequence=1,
                valid_until=now + VALID,
                quality="simulated",
                sensed=state,
                life=life if spot.space.kind == "desk" else "free",
                life_since=now - rng.randrange(5, 180) * 60 * SECOND,
            ),
        )
