"""The floors of a site as drawings: made once, and again when a plan's file has changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, HTTPException, Request

from gateway.config import plan_check, plans
from gateway.config.model import Building, Floor, Office
from gateway.errors import ConfigError, Problem
from gateway.web.floorplan import Drawing, draw
from gateway.web.site import Site, given, part

Stamp = tuple[int, int] | None
"""Time of change and size of a plan's file; None: there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Storey:
    """One floor, in its building."""

    building: Building
    floor: Floor
    site: str

    @property
    def path(self) -> str:
        """`building/floor`."""
        return f"{self.building.id}/{self.floor.id}"

    @property
    def place(self) -> str:
        """`site/building/floor`, as the live picture names it."""
        return f"{self.site}/{self.path}"

    @property
    def name(self) -> str:
        return self.floor.name or self.floor.id

    @property
    def building_name(self) -> str:
        return self.building.name or self.building.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """A floor's drawing, and what is wrong with its plan: then it is drawn without."""

    drawing: Drawing
    problems: tuple[Problem, ...] = ()


class Floors:
    """All floors of an office."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._made: dict[str, tuple[Stamp, Sketch]] = {}
        self.storeys: tuple[Storey, ...] = tuple(self._all())

    def _all(self) -> Iterator[Storey]:
        for building in self._office.buildings:
            for floor in building.floors:
                yield Storey(building=building, floor=floor, site=self._office.site)

    def find(self, building: str, floor: str) -> Storey:
        """Raises HTTPException 404."""
        for storey in self.storeys:
            if (storey.building.id, storey.floor.id) == (building, floor):
                return storey
        raise HTTPException(404, "there is no such floor")

    def sketch(self, storey: Storey) -> Sketch:
        """Its drawing as of now. A plan that cannot be used is told, and the floor drawn from office.yaml."""
        stamp = self._stamp(storey.floor)
        known = self._made.get(storey.path)
        if known is not None and known[0] == stamp:
            return known[1]
        made = self._sketch(storey, exists=stamp is not None)
        self._made[storey.path] = stamp, made
        return made

    def _stamp(self, floor: Floor) -> Stamp:
        if floor.plan is None:
            return None
        try:
            found = self._office.path(floor.plan).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size

    def _sketch(self, storey: Storey, *, exists: bool) -> Sketch:
        building, floor = storey.building.id, storey.floor
        wrong: tuple[Problem, ...] = ()
        if floor.plan is not None:
            path = self._office.path(floor.plan)
            if not exists:
                wrong = (Problem(file=str(path), line=None, text="there is no such file"),)
            else:
                try:
                    plan = plans.read(path)
                except ConfigError as error:
                    wrong = error.problems
                else:
                    wrong = tuple(plan_check.mismatches(plan, floor))
                    return Sketch(drawing=draw(self._office, building, floor, plan), problems=wrong)
        return Sketch(drawing=draw(self._office, building, floor, None), problems=wrong)


def floors_of(request: Request) -> Floors:
    """One an application; routes say `floors: TheFloors`."""
    return part(request, _of_site)


def _of_site(site: Site) -> Floors:
    return Floors(site.office)


TheFloors = Annotated[Floors, Depends(given(floors_of))]
