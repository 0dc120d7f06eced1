"""References within office.yaml: what one part of the file says of another, checked with suggestions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from drivers.api import Driver
from gateway.config import calendar_check, fixed_tags, web_check
from gateway.config.connections import Connections, Found
from gateway.config.document import Document, Where, did_you_mean, short
from gateway.config.model import Building, Floor, Office, Zone
from gateway.config.places import Places
from gateway.config.sources import Broker
from gateway.errors import Problem

INDONESIAN = {"WIB": "Asia/Jakarta", "WITA": "Asia/Makassar", "WIT": "Asia/Jayapura"}
MODALITIES = ("badge", "contact", "counter", "environment", "pir", "radar", "seat", "tag")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
HIGHEST_PORT = 65_535

Rows = list[tuple[Where, str]]


class References:
    """What one part of the file says of another."""

    def __init__(
        self,
        office: Office,
        document: Document,
        drivers: Iterable[str] | None,
        damaged: frozenset[Where] = frozenset(),
    ) -> None:
        """`drivers`: names, or a mapping of names to drivers, which are then checked for what they read.

        `damaged`: where the model found mistakes; what they explain is not said again.
        """
        self._office = office
        self._document = document
        self._drivers: Mapping[str, Driver] = drivers if isinstance(drivers, Mapping) else {}
        self._damaged = damaged
        self._places = Places(office)
        self._gateways = [gateway.id for gateway in office.gateways]
        readable = ("devices",) not in damaged
        self._connections = Connections(office, document, drivers, devices_readable=readable)

    def problems(self) -> Iterable[Problem]:
        """Every mistake, in no order."""
        for path, text in (
            *self._timezone(),
            *self._unique(),
            *self._owners(),
            *self._coordinators(),
            *self._bound_devices(),
            *self._connections.problems(),
            *self._zones(),
            *self._outside(),
            *self._choices(),
            *calendar_check.mistakes(self._office.calendar),
            *fixed_tags.mistakes(self._office, self._drivers),
            *web_check.mistakes(self._office.web),
        ):
            if not any(path[:end] in self._damaged for end in range(1, len(path) + 1)):
                yield self._document.problem(path, text)

    def _read(self, *path: str | int) -> bool:
        """Whether the value at `path` could be read: what is not in a list that is none may be there all the same."""
        return path not in self._damaged

    def _timezone(self) -> Iterable[Found]:
        name = self._office.timezone
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):  # an OSError is for `Asia` alone: a folder
            known = available_timezones()
            text = f'timezone "{short(name)}" is not known; write for example Asia/Makassar'
            if not known:
                text = "this machine knows no time zones: apt-get install tzdata"
            elif name.upper() in INDONESIAN:
                text = f'timezone "{name}" is written {INDONESIAN[name.upper()]}'
            else:
                text += did_you_mean(name, known)
            yield ("timezone",), text

    def _unique(self) -> Iterable[Found]:
        office = self._office
        groups: list[tuple[str, Rows]] = [
            ("gateway", [(("gateways", i, "id"), g.id) for i, g in enumerate(office.gateways)]),
            ("device", [(("devices", i, "id"), d.id) for i, d in enumerate(office.devices)]),
            ("building", [(("buildings", i, "id"), b.id) for i, b in enumerate(office.buildings)]),
            (
                "store",
                [
                    (("archive", "stores", i, "id" if hasattr(s, "id") else "kind"), getattr(s, "id", s.kind))
                    for i, s in enumerate(office.archive.stores)
                ],
            ),
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
            for path, name, first in self._again(named):
                yield path, f'{what} "{name}" stands twice (first on line {first}); ids are unique and never change'

    def _again(self, named: Rows) -> Iterable[tuple[Where, str, int | None]]:
        """Names that were there before: (where, name, line of the first)."""
        seen: dict[str, Where] = {}
        for path, name in named:
            if name and name in seen:
                yield path, name, self._document.line(seen[name])
            seen.setdefault(name, path)

    def _gateway(self, path: Where, name: str | None, what: str) -> Iterable[Found]:
        if name is not None and name not in self._gateways and self._read("gateways"):
            text = f'{what} names gateway "{short(name)}", which is not there'
            yield path, text + did_you_mean(name, self._gateways)

    def _owners(self) -> Iterable[Found]:
        for b, building in enumerate(self._office.buildings):
            for f, floor in enumerate(building.floors):
                here: Where = ("buildings", b, "floors", f)
                yield from self._gateway((*here, "owner"), floor.owner, f'floor "{floor.id}"')
                for z, zone in enumerate(floor.zones):
                    there: Where = (*here, "zones", z)
                    yield from self._gateway((*there, "owner"), zone.owner, f'zone "{zone.id}"')
                    owned = zone.owner or floor.owner or not self._read(*here, "owner")
                    owned = owned or not self._read(*there, "owner")
                    if not zone.spaces and not owned:
                        text = f'zone "{zone.id}" has no owner; name a gateway here or on its floor'
                        yield (*there, "id"), text
                    for s, space in enumerate(zone.spaces):
                        yield from self._gateway((*there, "spaces", s, "owner"), space.owner, f'space "{space.id}"')
                        if not owned and not space.owner:
                            text = f'space "{space.id}" has no owner; name a gateway here, on its zone or on its floor'
                            yield (*there, "spaces", s, "id"), text

    def _coordinators(self) -> Iterable[Found]:
        for b, building in enumerate(self._office.buildings):
            one, many = ("buildings", b, "coordinator"), ("buildings", b, "coordinators")
            what = f'building "{building.id}"'
            if building.coordinator is not None and building.coordinators:
                yield one, f"{what} has coordinator and coordinators; write the ranked list alone"
            elif not building.candidates and self._read(*one) and self._read(*many):
                yield one, f"{what} has no coordinator: name the gateway that sees to one desk a person"
            named: Rows = [((*many, i), name) for i, name in enumerate(building.coordinators)]
            for path, name, first in self._again(named):
                yield path, f'{what} names coordinator "{name}" twice (first on line {first}); the place is its rank'
            if building.coordinator is not None:
                named.append((one, building.coordinator))
            for path, name in named:
                yield from self._gateway(path, name, what)
                yield from self._elsewhere(path, building, name)

    def _elsewhere(self, path: Where, building: Building, name: str) -> Iterable[Found]:
        """A candidate speaks, is heard and is looked for in the building where it stands, and has one seat at most."""
        stands = next((g.place.split("/")[0] for g in self._office.gateways if g.id == name), None)
        if stands not in (None, building.id) and stands in [other.id for other in self._office.buildings]:
            text = f'building "{building.id}" has coordinator "{name}", which stands in "{stands}"'
            yield path, f"{text}; a building's coordinator is one of its own gateways"

    def _bound_devices(self) -> Iterable[Found]:
        for d, device in enumerate(self._office.devices):
            yield from self._place(("devices", d, "place"), f'device "{device.id}"', device.place)
        for g, gateway in enumerate(self._office.gateways):
            yield from self._place(("gateways", g, "place"), f'gateway "{gateway.id}"', gateway.place)

    def _place(self, path: Where, what: str, place: str) -> Iterable[Found]:
        """Levels from the outside in: the first that is not there is named."""
        if self._places.full(place) is not None:
            return
        office = self._office
        levels = place.split("/")
        if len(levels) > 1 and levels[0] == office.site and self._places.full(place.partition("/")[2]) is not None:
            yield path, f'{what}: places are written without the site: "{place.partition("/")[2]}"'
            return
        base: Where = ("buildings",)
        inside = f'site "{office.site}"'
        inner: Sequence[Building | Floor | Zone] = office.buildings
        for level, (name, deeper) in enumerate((("building", "floors"), ("floor", "zones"), ("zone", "spaces"))):
            wanted = levels[level] if level < len(levels) else ""
            names = [one.id for one in inner]
            if wanted not in names:
                if self._read(*base):
                    text = f'{what} is bound to {name} "{short(wanted)}", which {inside} does not have'
                    yield path, text + did_you_mean(wanted, names)
                return
            at = names.index(wanted)
            base = (*base, at, deeper)
            outer, inside = inside, f'{name} "{wanted}"'
            found = inner[at]
            if isinstance(found, Zone):
                yield from self._space(path, what, levels, base, outer)
                return
            inner = found.floors if isinstance(found, Building) else found.zones

    def _space(self, path: Where, what: str, levels: Sequence[str], base: Where, floor: str) -> Iterable[Found]:
        """`base`: of the spaces of the zone in which it should be."""
        _, b, _, f, *_ = base
        zones = self._office.buildings[int(b)].floors[int(f)].zones
        everywhere = {space.id: zone.id for zone in zones for space in zone.spaces}
        wanted = levels[3] if len(levels) > 3 else ""
        if not self._read(*base):
            return
        if len(levels) > 4:
            yield path, f"{what}: a place has four levels without the site: building/floor/zone/space"
        elif wanted in everywhere:
            stands = f'it stands in zone "{everywhere[wanted]}"'
            yield path, f'{what} is bound to space "{wanted}" in zone "{levels[2]}", but {stands}'
        else:
            text = f'{what} is bound to space "{short(wanted)}", which {floor} does not have'
            yield path, text + did_you_mean(wanted, everywhere)

    def _zones(self) -> Iterable[Found]:
        private = {
            f"{b.id}/{f.id}/{z.id}" for b in self._office.buildings for f in b.floors for z in f.zones if z.private
        }
        for d, device in enumerate(self._office.devices):
            if "/".join(device.place.split("/")[:3]) in private:
                text = (
                    f'device "{device.id}" stands in a private zone; toilets, prayer and lactation rooms are not sensed'
                )
                yield ("devices", d, "place"), text
        for b, building in enumerate(self._office.buildings):
            for f, floor in enumerate(building.floors):
                names = [zone.id for zone in floor.zones]
                for z, zone in enumerate(floor.zones):
                    for n, other in enumerate(zone.neighbours):
                        if other not in names:
                            path = ("buildings", b, "floors", f, "zones", z, "neighbours", n)
                            text = f'zone "{zone.id}" has neighbour "{short(other)}", which floor "{floor.id}" does not'
                            yield path, f"{text} have{did_you_mean(other, names)}"

    def _outside(self) -> Iterable[Found]:
        """The broker; sources may have another one."""
        broker = self._office.broker
        yield from self._credentials(broker, ("broker",))
        for g, gateway in enumerate(self._office.gateways):
            for s, source in enumerate(gateway.sources):
                other, here = getattr(source, "broker", None), ("gateways", g, "sources", s, "broker")
                if isinstance(other, Broker):
                    yield from self._credentials(other, here)
                    if other.embedded:
                        text = f'source "{source.id}" has a broker of its own, and only that of the site is embedded'
                        yield (*here, "embedded"), text
        if not broker.embedded:
            return
        if broker.host not in LOOPBACK:
            text = f'the embedded broker is for this machine alone, not for host "{short(broker.host)}"'
            yield ("broker", "embedded"), f"{text}; leave out one of the two"
        if broker.tls is not None or broker.username is not None:
            yield (
                ("broker", "embedded"),
                "the embedded broker knows neither TLS nor passwords; run a Mosquitto for them",
            )
        if broker.port == HIGHEST_PORT:
            yield ("broker", "port"), f"the embedded broker needs the next port as well; at most {HIGHEST_PORT - 1}"

    def _credentials(self, broker: Broker, here: Where) -> Iterable[Found]:
        name, tls = ".".join(str(step) for step in here if isinstance(step, str)), broker.tls
        if tls is not None and (tls.certificate is None) != (tls.key is None):
            yield (*here, "tls"), f"{name}.tls: certificate and key go together; give both or none"
        if broker.password_file is not None and broker.username is None:
            yield (*here, "password_file"), f"{name}.password_file without {name}.username"

    def _choices(self) -> Iterable[Found]:
        """Rules: words and spans that fit together."""
        modalities = sorted({*MODALITIES, *(driver.modality for driver in self._drivers.values())})
        for word in self._office.rules.hold_s:
            if word not in modalities:
                text = f'"{short(word)}" is not a modality; there are {", ".join(modalities)}'
                yield ("rules", "hold_s", word), text + did_you_mean(word, modalities)
        for i, pause in enumerate(self._office.rules.desk.breaks):
            here: Where = ("rules", "desk", "breaks", i)
            if isinstance(pause.start, time) and isinstance(pause.end, time) and pause.end <= pause.start:
                yield (*here, "end"), "a break ends after it starts, on the same day"
            if (pause.first is None) != (pause.last is None):
                yield here, "a season has a first and a last day; give both or none"
            elif isinstance(pause.first, date) and isinstance(pause.last, date) and pause.last < pause.first:
                yield (*here, "last"), "the last day of a season is before its first"
