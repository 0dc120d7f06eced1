"""Which rules a gateway runs, with the choices of office.yaml, and which input feeds which rule.

Reading  sensor        -> occupancy                Sensed   -> desk, counting
Reading  desk's reader -> desk, occupancy          Life     -> counting, one_desk+, presence*
Reading  in/out/kiosk  -> presence*                Located  -> presence*, counting
Sighting               -> locate*                  Command  -> desk, presence*
Health   receiver      -> locate* (all), sensor -> occupancy                  * on the building's coordinator

+ everywhere: each gateway sees to its own desks, also when it is cut off. A candidate for coordinator hears of all
desks of the building, and asks other gateways only while it leads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from gateway.bindings import Binding
from gateway.config.model import Office
from gateway.config.places import Places
from gateway.engine import Engine, Route
from rules import api, controls, counting, desk, locate, occupancy, one_desk, presence
from rules.api import Command, Health, Input, Life, Reading, Rule, Sensed, Sighting
from rules.calendar import Break, Calendar
from rules.witness import MODALITIES, OTHER

FEWEST_OF_A_UNIT = 5
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DESKS = frozenset({"desk"})


class Located:
    """The people whose tags are located, as they are when somebody asks: a receiver's Health concerns them all."""

    engine: Engine | None = None

    def __iter__(self) -> Iterator[str]:
        return iter([] if self.engine is None else self.engine.keys(locate.NAME))


def keys_of(rule: str, places: Places, gateway: str) -> list[str]:
    """Keys that a rule has from the start: every place that the gateway decides."""
    owned = [place for place, spot in places.spots.items() if spot.owner == gateway]
    match rule:
        case occupancy.NAME:
            return owned
        case desk.NAME:
            return [place for place in owned if places.spots[place].space.kind in _DESKS]
        case counting.NAME:
            return [zone for zone, area in places.areas.items() if area.owner == gateway]
        case _:
            return []


def watched(devices: Mapping[str, Binding]) -> frozenset[str]:
    """Places with a sensor. A badge reader is none: it knows nothing of who does not tap."""
    found = set()
    for binding in devices.values():
        worth = MODALITIES.get(binding.modality, OTHER)
        if binding.driver is not None and not worth.proof and (worth.occupied or worth.vacant):
            found.add(binding.place)
    return frozenset(found)


def make_rules(
    office: Office,
    places: Places,
    gateway: str,
    devices: Mapping[str, Binding],
    *,
    unit_sizes: Mapping[str, int],
    now: int,
    control: str | None = None,
) -> list[Rule[Any]]:
    """The rules of one gateway. `control`: a deliberately wrong occupancy rule (rules/controls.py)."""
    choices = office.rules
    owned = {place: spot for place, spot in places.spots.items() if spot.owner == gateway}
    occupied_by = occupancy.rule if control is None else controls.CONTROLS[control]
    made: list[Rule[Any]] = [
        occupied_by(
            {place: occupancy.PlaceSettings(devices=_sensors(place, devices)) for place in owned},
            occupancy.Settings(hold_s=choices.hold_s),
        ),
        desk.rule(
            desk.Settings(
                release_after_s=choices.desk.release_after_s,
                away_after_s=choices.desk.away_after_s,
                warn_before_s=choices.desk.warn_before_s,
                calendar=calendar(office, now),
                units_shown=frozenset(unit for unit, size in unit_sizes.items() if size >= FEWEST_OF_A_UNIT),
                out_of_order=frozenset(p for p, spot in owned.items() if spot.space.mode == "out_of_order"),
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
            locate.rule(_locate(office, places, devices)),
            presence.rule(
                presence.Settings(
                    idle_after_s=choices.presence.idle_after_s, unknown_after_s=choices.presence.unknown_after_s
                )
            ),
        ]
    return [*made, one_desk.rule()]


def calendar(office: Office, now: int) -> Calendar:
    """The site's day around `now`, ns UTC: its offsets from UTC for two years, breaks and end of day."""
    zone = ZoneInfo(office.timezone)
    offsets: list[tuple[int, int]] = []
    day = datetime.fromtimestamp(now / 1e9, UTC) - timedelta(days=366)
    for _ in range(2 * 366 + 1):
        shift = day.astimezone(zone).utcoffset() or timedelta()
        seconds = int(shift.total_seconds())
        if not offsets or offsets[-1][1] != seconds:
            offsets.append((0 if not offsets else int(day.timestamp()) * 1_000_000_000, seconds))
        day += timedelta(days=1)
    breaks = tuple(
        Break(
            weekdays=frozenset(WEEKDAYS.index(day) for day in pause.days),
            start_s=_seconds(pause.start),
            end_s=_seconds(pause.end),
            first_day=_day(pause.first),
            last_day=_day(pause.last),
        )
        for pause in office.rules.desk.breaks
    )
    return Calendar(offsets=tuple(offsets), breaks=breaks, end_of_day_s=_seconds(office.rules.desk.end_of_day))


def _seconds(of_day: time) -> int:
    return of_day.hour * 3600 + of_day.minute * 60 + of_day.second


def _day(day: date | None) -> int | None:
    return None if day is None else (day - date(1970, 1, 1)).days


def _sensors(place: str, devices: Mapping[str, Binding]) -> dict[str, occupancy.Device]:
    return {
        name: occupancy.Device(
            modality=binding.modality,
            expect_s=binding.expect_s,
            hold_s=binding.device.hold_s,
            trust_s=binding.device.trust_s,
        )
        for name, binding in devices.items()
        if binding.place == place and binding.driver is not None and binding.modality != "tag"
    }


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
    located: Iterable[str] = (),
    leads: Callable[[], bool] = lambda: True,
) -> Route:
    """Where inputs go on this gateway. `located`: a live view of the keys of `locate` (Health goes to all of them).

    `leads`: whether the gateway, if it is a candidate at all, is the coordinator now.
    """
    buildings = places.may_coordinate(gateway)
    home = places.home.get(gateway, "")
    owned = {place for place, spot in places.spots.items() if spot.owner == gateway}
    desks = {place for place in owned if places.spots[place].space.kind in _DESKS}
    zone_of = {place: places.spots[place].zone for place in places.spots}
    zones = {area for area, found in places.areas.items() if found.owner == gateway}
    last_zone: dict[str, str] = {}

    def route(item: Input) -> list[tuple[str, str]]:
        match item:
            case Sighting():
                return [("locate", item.person)] if buildings and leads() else []
            case Reading(modality="badge") if item.role != "desk":
                return [("presence", item.person or item.dev)] if buildings and leads() else []
            case Reading(modality="badge"):
                return [("desk", item.place), ("occupancy", item.place)] if item.place in desks else []
            case Reading():
                return [("occupancy", item.place)] if item.place in owned else []
            case Sensed():
                found = [("desk", item.place)] if item.place in desks else []
                return [*found, ("counting", zone_of[item.place])] if item.place in owned else []
            case Life():
                found = [("counting", zone_of[item.place])] if zone_of.get(item.place) in zones else []
                building = item.place.split("/", 2)[1]
                if item.person and (building in buildings or (building == home and item.place in owned)):
                    found.append(("one_desk", item.person))
                if item.person and building in buildings and leads():
                    found.append(("presence", item.person))
                return found
            case api.Located():
                before, here = last_zone.get(item.person, ""), item.zone or ""
                last_zone[item.person] = here
                found = [("presence", item.person)]
                return found + [("counting", zone) for zone in sorted({before, here}) if zone in zones]
            case Health():
                binding = devices.get(item.dev)
                if binding is not None and binding.driver is None:
                    return [("locate", person) for person in located] if buildings and leads() else []
                return [("occupancy", binding.place)] if binding is not None and binding.place in owned else []
            case Command(name="quiet" | "recall"):
                return [("presence", item.person)] if buildings and leads() else []
            case Command():
                return [("desk", item.place)] if item.place in desks else []
            case _:
                return []

    return route
