"""References within office.yaml: what one part of the file says of another, checked with suggestions."""

from __future__ import annotations

from collections.abc import Iterable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.config.document import Document, Where, did_you_mean, short
from gateway.config.model import Office
from gateway.config.places import Places
from gateway.errors import Problem

RECEIVER = "receiver"
"""Driver name of a BLE adapter: it has a place, and no bytes of its own."""

Rows = list[tuple[Where, str]]


class References:
    """What one part of the file says of another."""

    def __init__(self, office: Office, document: Document, drivers: frozenset[str] | None) -> None:
        self._office = office
        self._document = document
        self._drivers = drivers
        self._places = Places(office)
        self._gateways = [gateway.id for gateway in office.gateways]
        self._devices = [device.id for device in office.devices]

    def problems(self) -> Iterable[Problem]:
        yield from self._timezone()
        yield from self._unique()
        yield from self._owners()
        yield from self._coordinators()
        yield from self._bound_devices()
        yield from self._bound_sources()
        yield from self._zones()

    def _at(self, path: Where, text: str) -> Problem:
        return self._document.problem(path, text)

    def _timezone(self) -> Iterable[Problem]:
        try:
            ZoneInfo(self._office.timezone)
        except (ZoneInfoNotFoundError, ValueError):
            yield self._at(
                ("timezone",), f'timezone "{self._office.timezone}" is not known; write for example Asia/Makassar'
            )

    def _unique(self) -> Iterable[Problem]:
        office = self._office
        groups: list[tuple[str, Rows]] = [
            ("gateway", [(("gateways", i, "id"), g.id) for i, g in enumerate(office.gateways)]),
            ("device", [(("devices", i, "id"), d.id) for i, d in enumerate(office.devices)]),
            ("building", [(("buildings", i, "id"), b.id) for i, b in enumerate(office.buildings)]),
        ]
        for i, gateway in enumerate(office.gateways):
            rows: Rows = [(("gateways", i, "sources", j, "id"), s.id) for j, s in enumerate(gateway.sources)]
            groups.append((f'source of gateway "{gateway.id}"', rows))
        for b, building in enumerate(office.buildings):
            floors: Rows = [(("buildings", b, "floors", f, "id"), x.id) for f, x in enumerate(building.floors)]
            groups.append((f'floor of building "{building.id}"', floors))
            for f, floor in enumerate(building.floors):
                base: Where = ("buildings", b, "floors", f, "zones")
                zones: Rows = [((*base, z, "id"), x.id) for z, x in enumerate(floor.zones)]
                groups.append((f'zone of floor "{floor.id}"', zones))
                spaces: Rows = [
                    ((*base, z, "spaces", s, "id"), x.id)
                    for z, zone in enumerate(floor.zones)
                    for s, x in enumerate(zone.spaces)
                ]
                groups.append((f'space of floor "{floor.id}"', spaces))
        for what, named in groups:
            seen: dict[str, Where] = {}
            for path, name in named:
                if name in seen:
                    first = self._document.line(seen[name])
                    yield self._at(
                        path, f'{what} "{name}" stands twice (first on line {first}); ids are unique and never change'
                    )
                seen.setdefault(name, path)

    def _gateway(self, path: Where, name: str | None, what: str) -> Iterable[Problem]:
        if name is not None and name not in self._gateways:
            yield self._at(
                path, f'{what} names gateway "{name}", which is not there{did_you_mean(name, self._gateways)}'
            )

    def _owners(self) -> Iterable[Problem]:
        for b, building in enumerate(self._office.buildings):
            for f, floor in enumerate(building.floors):
                here: Where = ("buildings", b, "floors", f)
                yield from self._gateway((*here, "owner"), floor.owner, f'floor "{floor.id}"')
                for z, zone in enumerate(floor.zones):
                    there = (*here, "zones", z)
                    yield from self._gateway((*there, "owner"), zone.owner, f'zone "{zone.id}"')
                    if not zone.spaces and not (zone.owner or floor.owner):
                        yield self._at(
                            (*there, "id"), f'zone "{zone.id}" has no owner; name a gateway here or on its floor'
                        )
                    for s, space in enumerate(zone.spaces):
                        yield from self._gateway((*there, "spaces", s, "owner"), space.owner, f'space "{space.id}"')
                        if not (space.owner or zone.owner or floor.owner):
                            text = f'space "{space.id}" has no owner; name a gateway here, on its zone or on its floor'
                            yield self._at((*there, "spaces", s, "id"), text)

    def _coordinators(self) -> Iterable[Problem]:
        for b, building in enumerate(self._office.buildings):
            path: Where = ("buildings", b, "coordinator")
            yield from self._gateway(path, building.coordinator, f'building "{building.id}"')
            if building.coordinator is None:
                text = f'building "{building.id}" has no coordinator: name the gateway that sees to one desk a person'
                yield self._at(path[:-1], text)

    def _bound_devices(self) -> Iterable[Problem]:
        for d, device in enumerate(self._office.devices):
            yield from self._place(("devices", d, "place"), f'device "{device.id}"', device.place)
            if self._drivers is not None and device.driver != RECEIVER and device.driver not in self._drivers:
                text = f'device "{device.id}" wants driver "{device.driver}", which is not installed'
                yield self._at(("devices", d, "driver"), text + did_you_mean(device.driver, self._drivers))
        for g, gateway in enumerate(self._office.gateways):
            yield from self._place(("gateways", g, "place"), f'gateway "{gateway.id}"', gateway.place)

    def _place(self, path: Where, what: str, place: str) -> Iterable[Problem]:
        if self._places.full(place) is not None:
            return
        levels = place.split("/")
        building = next((b for b in self._office.buildings if b.id == levels[0]), None)
        if building is None:
            names = [b.id for b in self._office.buildings]
            text = f'{what} is bound to building "{short(levels[0])}", which site "{self._office.site}" does not have'
            yield self._at(path, text + did_you_mean(levels[0], names))
            return
        floor = next((f for f in building.floors if len(levels) > 1 and f.id == levels[1]), None)
        if floor is None:
            wanted = levels[1] if len(levels) > 1 else ""
            text = f'{what} is bound to floor "{short(wanted)}", which building "{building.id}" does not have'
            yield self._at(path, text + did_you_mean(wanted, [f.id for f in building.floors]))
            return
        zone = next((z for z in floor.zones if len(levels) > 2 and z.id == levels[2]), None)
        if zone is None:
            wanted = levels[2] if len(levels) > 2 else ""
            text = f'{what} is bound to zone "{short(wanted)}", which floor "{floor.id}" does not have'
            yield self._at(path, text + did_you_mean(wanted, [z.id for z in floor.zones]))
            return
        wanted = levels[3] if len(levels) > 3 else ""
        everywhere = {space.id: z.id for z in floor.zones for space in z.spaces}
        if wanted in everywhere and len(levels) == 4:
            text = (
                f'{what} is bound to space "{wanted}" in zone "{zone.id}", but it stands in zone "{everywhere[wanted]}"'
            )
            yield self._at(path, text)
            return
        text = f'{what} is bound to space "{short(wanted)}", which floor "{floor.id}" does not have'
        yield self._at(path, text + did_you_mean(wanted, everywhere))

    def _bound_sources(self) -> Iterable[Problem]:
        bound: dict[str, int | None] = {}
        for g, gateway in enumerate(self._office.gateways):
            for s, source in enumerate(gateway.sources):
                here: Where = ("gateways", g, "sources", s)
                name = source.device
                path = (*here, "device")
                if name not in self._devices:
                    text = f'source "{source.id}" names device "{name}", which is not there'
                    yield self._at(path, text + did_you_mean(name, self._devices))
                    continue
                if name in bound:
                    text = f'device "{name}" already belongs to the source on line {bound[name]}; one source a device'
                    yield self._at(path, text)
                bound.setdefault(name, self._document.line(path))
                driver = next(device.driver for device in self._office.devices if device.id == name)
                if source.type != "replay" and (driver == RECEIVER) != (source.type == "ble"):
                    text = f'source "{source.id}" is {source.type}, but device "{name}" has driver "{driver}"'
                    yield self._at(path, text + f"; a BLE adapter is driver: {RECEIVER}")
                if source.type == "ble" and self._drivers is not None:
                    for i, word in enumerate(source.drivers):
                        if word not in self._drivers:
                            text = f'source "{source.id}" wants driver "{word}", which is not installed'
                            yield self._at((*here, "drivers", i), text + did_you_mean(word, self._drivers))

    def _zones(self) -> Iterable[Problem]:
        private = {
            f"{b.id}/{f.id}/{z.id}" for b in self._office.buildings for f in b.floors for z in f.zones if z.private
        }
        for d, device in enumerate(self._office.devices):
            if "/".join(device.place.split("/")[:3]) in private:
                text = (
                    f'device "{device.id}" stands in a private zone; toilets, prayer and lactation rooms are not sensed'
                )
                yield self._at(("devices", d, "place"), text)
        for b, building in enumerate(self._office.buildings):
            for f, floor in enumerate(building.floors):
                names = [zone.id for zone in floor.zones]
                for z, zone in enumerate(floor.zones):
                    for n, other in enumerate(zone.neighbours):
                        if other not in names:
                            path = ("buildings", b, "floors", f, "zones", z, "neighbours", n)
                            text = f'zone "{zone.id}" has neighbour "{other}", which floor "{floor.id}" does not have'
                            yield self._at(path, text + did_you_mean(other, names))
