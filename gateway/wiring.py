"""Which rules a gateway runs, with the choices of office.yaml, and which input feeds which rule.

Reading  sensor        -> occupancy                Sensed   -> desk, counting
Reading  desk's reader -> desk, occupancy          Life     -> counting, one_desk+, presence*
Reading  in/out/kiosk  -> presence*, one_desk+     Located  -> presence*, counting, occupancy of the desk they hold
                                                   Booked   -> one_desk+
Sighting               -> locate*                  Command  -> desk, presence*, of coming and going: one_desk+
Health   receiver      -> locate*, sensor -> occupancy                  * on the building's coordinator

+ everywhere: each gateway sees to its own desks, also when it is cut off. A candidate for coordinator hears of all
desks of the building, and asks other gateways only while it leads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from gateway.bindings import Binding
from gateway.calendars import calendar
from gateway.config import fixed_tags, room_models
from gateway.config.fixed_tags import TAG
from gateway.config.model import Office
from gateway.config.places import Places
from gateway.config.sources import alone, shared
from gateway.counters import Counters
from gateway.engine import Engine, Route
from rules import api, controls, counting, desk, locate, occupancy, one_desk, presence
from rules.api import Booked, Command, Health, Input, Life, Reading, Rule, Sensed, Sighting
from rules.room_model import RoomModel
from rules.witness_traits import AIR, CO2, MODALITIES, OTHER

if TYPE_CHECKING:
    from rules.locate_map import FloorMap

FEWEST_OF_A_UNIT = 5
_DESKS = frozenset({"desk"})
_RESERVED = frozenset({"desk", "room", "booth"})
"""Kinds that the desk rule sees to; of them rooms and booths are reserved only."""


def make_engine(
    rules: list[Rule[Any]],
    places: Places,
    gateway: str,
    devices: Mapping[str, Binding],
    counters: Counters,
    facts: Mapping[str, Mapping[str, Mapping[str, Any]]],
    *,
    leads: Callable[[], bool] = lambda: True,
) -> Engine:
    """The rules of one gateway, with their inputs' ways to them (see make_route) and what they knew before."""
    return Engine(rules, make_route(places, gateway, devices, leads), counters, facts)


def keys_of(rule: str, places: Places, gateway: str) -> list[str]:
    """Keys that a rule has from the start: every place that the gateway decides."""
    owned = [place for place, spot in places.spots.items() if spot.owner == gateway]
    match rule:
        case occupancy.NAME:
            return owned
        case desk.NAME:
            return [place for place in owned if places.spots[place].space.kind in _RESERVED]
        case counting.NAME:
            return [zone for zone, area in places.areas.items() if area.owner == gateway]
        case _:
            return []


def models(office: Office) -> Mapping[str, RoomModel]:
    """What rooms' sensors mean there, by place, where that was learned. Raises ConfigError."""
    folder = office.rules.room_models
    return {} if folder is None else room_models.load(office.path(folder))


def watched(devices: Mapping[str, Binding], learned: Iterable[str] = ()) -> frozenset[str]:
    """Places with a sensor that bears witness, by itself or because it was `learned` what it means there.

    A badge reader is none: it knows nothing of who does not tap.
    """
    found = set(learned)
    for binding in devices.values():
        worth = MODALITIES.get(binding.modality, OTHER)
        if binding.driver is None or worth.proof or binding.modality == TAG:
            continue
        breath = binding.modality == AIR and CO2 in binding.driver.kinds
        if breath or worth.occupied or worth.vacant:
            found.add(binding.place)
    return frozenset(found)


def elsewhere(
    office: Office, devices: Mapping[str, Binding], gateway: str
) -> tuple[dict[str, Binding], dict[str, list[str]]]:
    """(Sensors of this gateway at places that others decide; by other gateway, its sensors at places of this one)."""
    away: dict[str, Binding] = {}
    here: dict[str, list[str]] = {}
    for other in office.gateways:
        for name in (one for source in other.sources for one in (alone(source), *shared(source)) if one is not None):
            binding = devices[name]
            if binding.driver is None or binding.modality == "badge":
                continue
            if other.id == gateway != binding.owner:
                away[name] = binding
            elif other.id != gateway == binding.owner:
                here.setdefault(other.id, []).append(name)
    return away, here


def make_rules(
    office: Office,
    places: Places,
    gateway: str,
    devices: Mapping[str, Binding],
    *,
    unit_sizes: Mapping[str, int],
    now: int,
    control: str | None = None,
    learned: Mapping[str, RoomModel] | None = None,
    floors: tuple[FloorMap, ...] = (),
) -> list[Rule[Any]]:
    """The rules of one gateway. `control`: a deliberately wrong occupancy rule (rules/controls.py).

    `floors`: radio maps of its building (radio.py); without them, tags are where the strongest receiver is.

    `learned`: the rooms' models; default: those of the office's folder. Raises ConfigError where they cannot be read.
    """
    choices = office.rules
    owned = {place: spot for place, spot in places.spots.items() if spot.owner == gateway}
    learned = models(office) if learned is None else learned
    occupied_by = occupancy.rule if control is None else controls.CONTROLS[control]
    made: list[Rule[Any]] = [
        occupied_by(
            {
                place: occupancy.PlaceSettings(
                    devices=_sensors(place, devices, enclosed=spot.space.kind not in _DESKS),
                    model=learned.get(place),
                    zone=spot.zone if spot.space.kind in _DESKS and places.may_coordinate(gateway) else "",
                )
                for place, spot in owned.items()
            },
            occupancy.Settings(hold_s=choices.hold_s),
        ),
        desk.rule(
            desk.Settings(
                release_after_s=choices.desk.release_after_s,
                away_after_s=choices.desk.away_after_s,
                warn_before_s=choices.desk.warn_before_s,
                no_show_after_s=choices.desk.no_show_after_s,
                elsewhere_s=choices.desk.elsewhere_s,
                lead_s=choices.desk.lead_s,
                owned_by={p: spot.unit for p, spot in owned.items() if spot.unit != "_" and not spot.guests},
                external_bookings=choices.desk.bookings == "external",
                calendar=calendar(office, now),
                units_shown=frozenset(unit for unit, size in unit_sizes.items() if size >= FEWEST_OF_A_UNIT),
                out_of_order=frozenset(p for p, spot in owned.items() if spot.space.mode == "out_of_order"),
                rooms=frozenset(p for p, spot in owned.items() if spot.space.kind in _RESERVED - _DESKS),
            )
        ),
        counting.rule(
            counting.Settings(
                zones={
                    area: counting.ZoneSettings(
                        spaces={p: spot.space.capacity for p, spot in owned.items() if spot.zone == area}
                    )
                    for area, found in places.areas.items()
                    if found.owner == gateway
                },
                count_every_s=choices.count_every_s,
                forget_s=max(180.0, 6 * choices.presence.tag_expect_s),
            )
        ),
    ]
    if places.may_coordinate(gateway):
        made += [
            _locator(office, places, devices, floors),
            presence.rule(
                presence.Settings(
                    idle_after_s=choices.presence.idle_after_s,
                    unknown_after_s=choices.presence.unknown_after_s,
                    calendar=calendar(office, now),
                )
            ),
        ]
    return [*made, one_desk.rule()]


def _sensors(place: str, devices: Mapping[str, Binding], *, enclosed: bool) -> dict[str, occupancy.Device]:
    return {
        name: occupancy.Device(
            modality=binding.modality,
            expect_s=binding.expect_s,
            hold_s=binding.device.hold_s,
            trust_s=binding.device.trust_s,
            enclosed=enclosed,
        )
        for name, binding in devices.items()
        if binding.place == place and binding.driver is not None and binding.modality != "tag"
    }


def _locator(office: Office, places: Places, devices: Mapping[str, Binding], floors: tuple[FloorMap, ...]) -> Rule[Any]:
    if not floors:
        return locate.rule(_locate(office, places, devices))
    from rules import locate_map  # numpy comes with it

    lost = max(60.0, 3 * office.rules.presence.tag_expect_s)
    numbers = {one.radio.zones[0].rsplit("/", 2)[0]: number for number, one in enumerate(floors)}
    fixed = {
        str(one.device.address): (numbers[floor], *one.device.at[:2])
        for one in devices.values()
        if fixed_tags.is_fixed(one.device) and one.device.at and (floor := one.place.rsplit("/", 2)[0]) in numbers
    }
    return locate_map.rule(locate_map.Settings(floors=floors, lost_s=lost, fixed=fixed))


def _locate(office: Office, places: Places, devices: Mapping[str, Binding]) -> locate.Settings:
    choices = office.rules.presence
    receivers = {
        name: locate.Receiver(
            zone=places.zone_of(binding.place), private=places.areas[places.zone_of(binding.place)].zone.private
        )
        for name, binding in devices.items()
        if binding.driver is None
    }
    neighbours = {
        area: frozenset(f"{area.rsplit('/', 2)[0]}/{other}/_" for other in found.zone.neighbours)
        for area, found in places.areas.items()
    }
    return locate.Settings(
        receivers=receivers,
        fixed=frozenset(str(one.device.address) for one in devices.values() if fixed_tags.is_fixed(one.device)),
        neighbours=neighbours,
        margin_db=choices.margin_db,
        settle_s=choices.settle_s,
        smooth_s=choices.smooth_s,
        tag_expect_s=choices.tag_expect_s,
    )


def make_route(
    places: Places,
    gateway: str,
    devices: Mapping[str, Binding],
    leads: Callable[[], bool] = lambda: True,
) -> Route:
    """Where inputs go on this gateway. `leads`: whether it, if it is a candidate at all, is the coordinator now."""
    buildings = places.may_coordinate(gateway)
    home = places.home.get(gateway, "")
    owned = {place for place, spot in places.spots.items() if spot.owner == gateway}
    desks = {place for place in owned if places.spots[place].space.kind in _DESKS}
    reserved = {place for place in owned if places.spots[place].space.kind in _RESERVED}
    zone_of = {place: places.spots[place].zone for place in places.spots}
    zones = {area for area, found in places.areas.items() if found.owner == gateway}
    last_zone: dict[str, str] = {}
    located = [(locate.NAME, building) for building in sorted(buildings)]
    hung = {str(one.device.address): one.place for one in devices.values() if fixed_tags.is_fixed(one.device)}

    holds: dict[str, str] = {}
    """Person -> the desk that they hold, of this gateway."""

    sensed = {place: [(occupancy.NAME, place)] for place in owned}
    elsewhere = frozenset(person for person, place in hung.items() if place.split("/", 2)[1] not in buildings)
    nowhere: list[tuple[str, str]] = []

    def tapped(item: Reading) -> list[tuple[str, str]]:
        if item.role == "desk":
            return [("desk", item.place), ("occupancy", item.place)] if item.place in desks else nowhere
        found = [("presence", item.person or item.dev)] if buildings and leads() else []
        return [*found, ("one_desk", item.person)] if found and item.person else found

    def route(item: Input) -> list[tuple[str, str]]:
        kind = type(item)
        if kind is Sighting:  # nearly everything is one of these two
            return located if item.person not in elsewhere and leads() else nowhere  # type: ignore[union-attr]
        if kind is Reading:
            return tapped(item) if item.modality == "badge" else sensed.get(item.place, nowhere)  # type: ignore[arg-type,union-attr]
        match item:
            case Booked():
                return [("one_desk", item.person)] if item.place.split("/", 2)[1] in buildings else []
            case Sensed():
                found = [("desk", item.place)] if item.place in reserved else []
                return [*found, ("counting", zone_of[item.place])] if item.place in owned else []
            case Life():
                found = [("counting", zone_of[item.place])] if zone_of.get(item.place) in zones else []
                building = item.place.split("/", 2)[1]
                if item.person and item.place in desks and building in buildings:  # its tags are located here
                    if item.life in occupancy.HELD:
                        holds[item.person] = item.place
                    elif holds.get(item.person) == item.place:
                        del holds[item.person]
                    found.append(("occupancy", item.place))
                if item.person and (building in buildings or (building == home and item.place in owned)):
                    found.append(("one_desk", item.person))
                if item.person and building in buildings and leads():
                    found.append(("presence", item.person))
                return found
            case api.Located():
                before, here = last_zone.get(item.person, ""), item.zone or ""
                last_zone[item.person] = here
                found = [("presence", item.person)]
                if item.person in holds:
                    found.append(("occupancy", holds[item.person]))
                return found + [("counting", zone) for zone in sorted({before, here}) if zone in zones]
            case Health():
                binding = devices.get(item.dev)
                if binding is not None and binding.driver is None:
                    return located if leads() else []
                return [("occupancy", binding.place)] if binding is not None and binding.place in owned else []
            case Command(name="arrive" | "depart"):
                return [("presence", item.person), ("one_desk", item.person)] if buildings and leads() else []
            case Command(name="quiet" | "recall" | "amend"):
                return [("presence", item.person)] if buildings and leads() else []
            case Command():
                return [("desk", item.place)] if item.place in reserved else []
            case _:
                return []

    return route
