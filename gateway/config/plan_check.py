"""Whether each floor's plan fits the floor: zones and spaces that it names, and those that it leaves out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from gateway.config import plans
from gateway.config.document import Document, Where, did_you_mean, short
from gateway.config.model import Floor, Office
from gateway.config.plans import Feature, Plan
from gateway.errors import ConfigError, Problem

BESIDE = 2.0
"""Metres around a plan in which a device may hang."""


def floors(office: Office) -> Iterator[tuple[Where, str, Floor]]:
    """Where it stands in the document, its building's id, and the floor."""
    for b, building in enumerate(office.buildings):
        for f, floor in enumerate(building.floors):
            yield ("buildings", b, "floors", f), building.id, floor


def problems(office: Office, document: Document, instead: Mapping[Path, bytes] | None = None) -> list[Problem]:
    """Every mistake in every plan. `instead`: what would stand in a file, by its absolute path."""
    found: list[Problem] = []
    for where, _, floor in floors(office):
        if floor.plan is None:
            continue
        path = office.path(floor.plan)
        content = (instead or {}).get(path)
        if content is None and not path.is_file():
            if path.parent.is_dir():
                found.append(document.problem((*where, "plan"), f"there is no file {path}"))
            continue
        try:
            plan = plans.read(path) if content is None else plans.parse(content, str(path))
        except ConfigError as error:
            found += error.problems
        else:
            found += mismatches(plan, floor)
    return found


def mismatches(plan: Plan, floor: Floor) -> Iterator[Problem]:
    """What a plan names and the floor has not, or has as something else."""
    kinds: dict[str, str] = {space.id: space.kind for zone in floor.zones for space in zone.spaces}
    zones = [zone.id for zone in floor.zones]
    for feature in plan.features:
        if not feature.id:
            continue
        here = f"feature {feature.number + 1}"
        if feature.kind == "zone":
            if feature.id not in zones:
                text = f'{here} is zone "{short(feature.id)}", which floor "{floor.id}" does not have'
                yield _problem(plan, feature, text + did_you_mean(feature.id, zones))
        elif feature.id not in kinds:
            text = f'{here} is {feature.kind} "{short(feature.id)}", which floor "{floor.id}" does not have'
            yield _problem(plan, feature, text + did_you_mean(feature.id, kinds))
        elif kinds[feature.id] != feature.kind:
            text = f'{here}: "{short(feature.id)}" is a {feature.kind} here, and a {kinds[feature.id]} in office.yaml'
            yield _problem(plan, feature, text)


def notes(office: Office, document: Document) -> Iterator[Problem]:
    """What a plan leaves out: it is drawn all the same, where there is room."""
    for where, building, floor in floors(office):
        if floor.plan is None:
            continue
        path = office.path(floor.plan)
        if not path.is_file():
            if not path.parent.is_dir():
                yield document.problem((*where, "plan"), f"there is no file {path}")
            continue
        try:
            plan = plans.read(path)
        except ConfigError:
            continue  # `problems` has told
        yield from _left_out(plan, floor, document, where)
        yield from _astray(office, plan, f"{building}/{floor.id}/", document)


def _astray(office: Office, plan: Plan, here: str, document: Document) -> Iterator[Problem]:
    """Devices that hang where the plan shows nothing any more."""
    west, south, east, north = plan.bounds
    for d, device in enumerate(office.devices):
        if device.at is None or not device.place.startswith(here):
            continue
        x, y = device.at[:2]
        if not (west - BESIDE <= x <= east + BESIDE and south - BESIDE <= y <= north + BESIDE):
            shown = f"x {west:g} to {east:g}, y {south:g} to {north:g}"
            text = f'device "{device.id}" hangs at [{x:g}, {y:g}], which is not on the plan of its floor ({shown})'
            yield document.problem(("devices", d, "at"), text)


def _left_out(plan: Plan, floor: Floor, document: Document, where: Where) -> Iterator[Problem]:
    drawn, outlines = plan.spaces, plan.zones
    for z, zone in enumerate(floor.zones):
        if zone.spaces and zone.id not in outlines and outlines:
            text = f'zone "{zone.id}" has no outline on the plan {floor.plan}'
            yield document.problem((*where, "zones", z, "id"), text)
        for s, space in enumerate(zone.spaces):
            feature = drawn.get(space.id)
            if feature is None:
                text = f'{space.kind} "{space.id}" is not on the plan {floor.plan}: it is drawn beside it'
                yield document.problem((*where, "zones", z, "spaces", s, "id"), text)
            elif zone.id in outlines and not plans.holds(outlines[zone.id].lines[0], feature.middle):
                text = f'{feature.kind} "{short(feature.id)}" is drawn outside its zone "{zone.id}"'
                yield _problem(plan, feature, f"feature {feature.number + 1}: {text}")


def _problem(plan: Plan, feature: Feature, text: str) -> Problem:
    return Problem(file=plan.file, line=plan.lines[feature.number], text=text)
