"""The outage report of one's own day: what could not record a person where they could have been.

It shows that equipment did not work, with the ids of the events that say so. It does not show that somebody was there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.config.model import Office
from gateway.config.owners import Owners
from gateway.config.places import Places
from gateway.contract.times import parsed
from gateway.ledger_view import LATEST, Stored, View
from gateway.usage import COVERAGE, STARTED, STOPPED, Usage

EVIDENCE = 6
"""Ids that are named for one stretch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Equipment did not work."""

    kind: str
    """gateway, reader, place."""
    about: str
    """Id of the gateway or reader; a place."""
    since: int
    until: int
    """Within the day; of what lasts, the end of what was asked for."""
    lasts: bool
    """It had not ended by then."""
    cause: str
    """gateway_down, powered_off, broker, sensor, radio."""
    events: tuple[str, ...]
    """Ids of the events that say so. None: it is inferred from silence, and nothing has been said yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """Where a person could have been recorded."""

    places: frozenset[str]
    zones: frozenset[str]
    gateways: frozenset[str]
    readers: frozenset[str]


def around(office: Office, zones: Iterable[str]) -> Around:
    """Everything that belongs to the floors of some zones; none named: the whole site."""
    places, owners = Places(office), Owners(office)
    floors = {zone.rsplit("/", 2)[0] for zone in zones} or {area.rsplit("/", 2)[0] for area in places.areas}
    buildings = {f"{floor.rsplit('/', 1)[0]}/" for floor in floors}

    def inside(place: str) -> bool:
        return "/".join(place.split("/", 3)[:3]) in floors

    spaces = frozenset(place for place in places.spots if inside(place))
    areas = frozenset(area for area in places.areas if inside(area))
    readers = set()
    for device in office.devices:
        place = places.full(device.place)
        # a workplace reader hangs where people come in, which may be another floor of the building
        if place is not None and (inside(place) or (device.role != "desk" and place.startswith(tuple(buildings)))):
            readers.add(device.id)
    return Around(
        places=spaces,
        zones=areas,
        gateways=frozenset(owners.owner(place) for place in (*spaces, *areas)) - {""},
        readers=frozenset(readers),
    )


def stretches(view: View, office: Office, where: Around, start: int, end: int) -> list[Stretch]:
    """Of [start, end), by time. Raises ConfigError: the calendar names a country whose holidays are not to be had."""
    usage, silences = Usage(view, office), view.silences()
    found = [
        one
        for gateway in sorted(where.gateways)
        for one in _of_gateway(view, gateway, usage.silent(gateway, start, end, silences), start, end)
    ]
    found += _of_coverage(view.query(types=COVERAGE, limit=LATEST), where, start, end)
    return sorted(found, key=lambda one: (one.since, one.kind, one.about))


def _of_gateway(view: View, gateway: str, silent: Sequence[tuple[int, int]], start: int, end: int) -> Iterable[Stretch]:
    rows = [row for row in view.query(types=(STARTED, STOPPED), limit=LATEST) if row.gateway == gateway]
    made: list[tuple[int, int]] = []
    for since, until in sorted(silent):
        if until <= start or since >= end or since >= until or not since:
            continue  # not since: before the first that the ledger knows of it, which is evidence of nothing
        if made and since <= made[-1][1]:
            made[-1] = (made[-1][0], max(made[-1][1], until))
        else:
            made.append((since, until))
    for since, until in made:
        said = [_id(row) for row in rows if row.at is not None and since <= row.at <= until]
        yield Stretch(
            kind="gateway",
            about=gateway,
            since=max(since, start),
            until=min(until, end),
            lasts=until > end,
            cause="gateway_down",
            events=tuple(said[:EVIDENCE]),
        )


def _of_coverage(rows: Iterable[Stored], where: Around, start: int, end: int) -> Iterable[Stretch]:
    """Each loss until it was restored, of the places and readers that count."""
    losses: dict[tuple[str, str, int], dict[str, Any]] = {}
    for row in rows:
        if row.at is None:
            continue
        data = json.loads(row.body)["data"]
        shift = row.at - row.time
        since = parsed(data["from"]) + shift
        until = LATEST if data.get("to") is None else parsed(data["to"]) + shift
        names = [("place", str(name)) for name in data.get("places", ()) if name in where.places | where.zones]
        names += [("reader", str(name)) for name in data.get("readers", ()) if name in where.readers]
        for kind, name in names:
            loss = losses.setdefault((kind, name, since), {"until": LATEST, "cause": data["cause"], "events": []})
            loss["until"] = min(loss["until"], until)
            loss["events"].append(_id(row))
    for (kind, name, since), loss in losses.items():
        until = int(loss["until"])
        if until == LATEST:  # a later loss of the same shows that this one had ended
            later = [other for k, n, other in losses if (k, n) == (kind, name) and other > since]
            until = min(later, default=LATEST)
        if since < end and until > start:
            yield Stretch(
                kind=kind,
                about=name,
                since=max(since, start),
                until=min(until, end),
                lasts=until > end,
                cause=str(loss["cause"]),
                events=tuple(loss["events"][:EVIDENCE]),
            )


def _id(row: Stored) -> str:
    return str(json.loads(row.body)["id"])
