"""Every configured device in one row: where it is, when it was heard, how it is, and why.

Pure but for the live picture that it reads. A device that nobody speaks of is unknown, never well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from drivers.api import Driver
from gateway.config.connections import RECEIVER
from gateway.config.model import Device, Office
from gateway.config.places import Places
from gateway.config.sources import alone, shared
from gateway.contract.times import parsed
from gateway.decode import installed
from gateway.equipment import LOW
from gateway.web.live import NOT_CONNECTED, Live

GOOD, BATTERY, SILENT, STUCK, BY_DESIGN, UNKNOWN = STATES = ("good", "low", "silent", "stuck", "by_design", "unknown")
"""How a device is, in one word; by_design: it speaks only when something happens, and has not yet."""
WORST = (SILENT, STUCK, BATTERY, UNKNOWN, BY_DESIGN, GOOD)
"""In the order in which somebody should look."""
WORKING = frozenset({GOOD, BATTERY, BY_DESIGN})
"""Their gateway hears for them, and nothing is wrong with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One device."""

    id: str
    name: str
    place: str
    """Five levels."""
    where: str
    """Its place in people's names: building, floor, zone, space."""
    floor: str
    """`building/floor`."""
    driver: str
    modality: str
    """badge, tag, radar, seat, pir, contact, counter, environment."""
    role: str
    """Of a badge reader; empty otherwise."""
    gateway: str
    source: str
    state: str
    """One of STATES."""
    cause: str
    """Why, as the machine says it; empty where there is nothing to say."""
    heard: int
    """Office ns; 0: not yet, as far as is known."""
    battery: float | None
    signal: float | None
    quality: str
    """Of what its place says: good, degraded, stale, ...; empty: nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What of them, and in what order; every empty field means all."""

    text: str = ""
    gateway: str = ""
    floor: str = ""
    state: str = ""
    sort: str = "state"
    down: bool = False


def modality(device: Device) -> str:
    """What kind of thing it is, as rules weigh it; empty: its driver is not installed here."""
    if device.modality is not None:
        return device.modality
    if device.driver == RECEIVER:
        return "tag"
    driver = _drivers().get(device.driver)
    return "" if driver is None else driver.profile_modality.get(device.profile or "", driver.modality)


def title(device: Device) -> str:
    """Maker and product, where its driver names them."""
    driver = _drivers().get(device.driver)
    return "" if driver is None else driver.title


def drivers_of(medium: str) -> list[str]:
    """Drivers that read what comes over a medium."""
    return sorted(
        name
        for name, driver in _drivers().items()
        if any(one == medium or one.startswith(f"{medium}:") for one in driver.media)
    )


@cache
def _drivers() -> Mapping[str, Driver]:
    return installed()


def rows(office: Office, live: Live) -> list[Row]:
    """All, in the order of the configuration."""
    places = Places(office)
    names = _names(office)
    behind = _behind(office)
    return [
        _row(device, modality(device), live, places, names, behind.get(device.id, ("", "")))
        for device in office.devices
    ]


def chosen(found: Iterable[Row], wanted: Wanted) -> list[Row]:
    """Those that are wanted, sorted; ties by id."""
    text = wanted.text.casefold()
    kept = [
        row
        for row in found
        if (not text or text in f"{row.id} {row.name} {row.place} {row.where} {row.driver}".casefold())
        and wanted.gateway in ("", row.gateway)
        and wanted.floor in ("", row.floor)
        and wanted.state in ("", row.state)
    ]
    kept.sort(key=lambda row: row.id)
    kept.sort(key=SORTS.get(wanted.sort, SORTS["state"]), reverse=wanted.down)
    return kept


def _number(value: float | None) -> float:
    """What is not known comes last, as it asks for nobody."""
    return float("inf") if value is None else value


SORTS: Mapping[str, Callable[[Row], Any]] = {
    "state": lambda row: WORST.index(row.state),
    "id": lambda row: row.id,
    "place": lambda row: row.where.casefold(),
    "heard": lambda row: -row.heard,
    "battery": lambda row: _number(row.battery),
    "signal": lambda row: _number(row.signal),
    "driver": lambda row: row.driver,
    "gateway": lambda row: row.gateway,
}
"""What may be sorted by."""


def _row(
    device: Device, modality: str, live: Live, places: Places, names: Mapping[str, str], behind: tuple[str, str]
) -> Row:
    place = places.full(device.place) or device.place
    told = live.devices.get(device.id)
    gateway, source = behind
    if told is not None:
        gateway = str(told["gw"])
    state, cause = _state(told, gateway, live)
    now = live.now(place)
    return Row(
        id=device.id,
        name=device.name or "",
        place=place,
        where=" · ".join(_levels(device.place, names)),
        floor="/".join(device.place.split("/")[:2]),
        driver=device.driver,
        modality=modality,
        role=device.role if modality == "badge" else "",
        gateway=gateway,
        source=source,
        state=state,
        cause=cause,
        heard=parsed(told["last_heard"]) if told is not None and told.get("last_heard") else 0,
        battery=None if told is None else told.get("battery"),
        signal=None if told is None else told.get("signal"),
        quality="" if now is None else now.quality,
    )


def _state(told: Mapping[str, Any] | None, gateway: str, live: Live) -> tuple[str, str]:
    """(state, cause)."""
    if not live.connected:
        return UNKNOWN, NOT_CONNECTED
    status = live.gateways.get(gateway)
    if status is None or status["state"] != "ready":
        return UNKNOWN, "gateway_down"
    if told is None:
        return UNKNOWN, "not_told"
    cause = str(told.get("cause") or "")
    alive = told.get("alive")
    if alive is False:
        return (STUCK if cause == "stuck" else SILENT), cause
    battery = told.get("battery")
    if battery is not None and battery < LOW:
        return BATTERY, ""
    return (BY_DESIGN, "") if alive is None else (GOOD, "")


def _behind(office: Office) -> dict[str, tuple[str, str]]:
    """By device: the gateway and source that bring it."""
    found: dict[str, tuple[str, str]] = {}
    for gateway in office.gateways:
        for source in gateway.sources:
            for device in (alone(source), *shared(source)):
                if device is not None:
                    found.setdefault(device, (gateway.id, source.id))
    return found


def _names(office: Office) -> dict[str, str]:
    """By place without the site: what people call it."""
    names: dict[str, str] = {}
    for building in office.buildings:
        names[building.id] = building.name or building.id
        for floor in building.floors:
            on = f"{building.id}/{floor.id}"
            names[on] = floor.name or floor.id
            for zone in floor.zones:
                names[f"{on}/{zone.id}"] = zone.name or zone.id
                for space in zone.spaces:
                    names[f"{on}/{zone.id}/{space.id}"] = space.name or space.id
    return names


def _levels(place: str, names: Mapping[str, str]) -> Iterable[str]:
    levels = place.split("/")
    many_buildings = sum("/" not in one for one in names) > 1
    for end in range(1 if many_buildings else 2, len(levels) + 1):
        short = "/".join(levels[:end])
        yield names.get(short, levels[end - 1])
