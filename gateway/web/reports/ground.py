"""The desks that reports are about, and the places of which figures may be told.

A place of fewer than five desks would tell about single people, also as the difference of a floor and its other zones.
Which places are shown therefore depends on the configuration only, and what a shown place has beside its shown parts is
nothing, or at least five desks. Shown places lie in each other or apart, so no other difference can be made of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gateway.config.model import Office
from gateway.config.places import Places
from gateway.web.reports.suppress import FEWEST

NOBODY = "_"
"""No unit: of a place, everybody's; of a person, none, or one of fewer than five people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A configured desk."""

    place: str
    """`site/building/floor/zone/space`."""
    unit: str
    """Owner unit, `_` if none."""

    @property
    def zone(self) -> str:
        """`site/building/floor/zone`."""
        return self.place.rsplit("/", 1)[0]


class Ground:
    """Look-ups over one office. A place is the first one to four levels: `ikn/kk2/l05`."""

    def __init__(self, office: Office) -> None:
        self.site = office.site
        self.desks: Mapping[str, Desk] = {
            place: Desk(place=place, unit=spot.unit)
            for place, spot in Places(office).spots.items()
            if spot.space.kind == "desk"
        }
        self._sizes: dict[str, int] = {}
        self._parts: dict[str, dict[str, None]] = {}
        self.names: dict[str, str] = dict(_names(office))
        """What people call the places."""
        for place in self.desks:
            levels = place.split("/")[:-1]
            for depth in range(1, len(levels) + 1):
                prefix = "/".join(levels[:depth])
                self._sizes[prefix] = self._sizes.get(prefix, 0) + 1
                if depth > 1:
                    self._parts.setdefault("/".join(levels[: depth - 1]), {})[prefix] = None
        self.shown: tuple[str, ...] = tuple(self._shown(self.site))
        """In the order of the configuration, each before its parts."""

    def title(self, place: str) -> str:
        """`Gedung Dua, Lantai 1`; of the whole site its name."""
        levels = place.split("/")
        parts = ["/".join(levels[:depth]) for depth in range(2, len(levels) + 1)] or [place]
        return ", ".join(self.names.get(part, part) for part in parts)

    def below(self, place: str) -> list[Desk]:
        """Desks of a place."""
        return [desk for desk in self.desks.values() if desk.place.startswith(f"{place}/")]

    def size(self, place: str) -> int:
        """How many desks a place has."""
        return self._sizes.get(place, 0)

    def buildings(self, place: str) -> list[str]:
        """`site/building` of every building that a place is in or has."""
        if "/" in place:
            return ["/".join(place.split("/", 2)[:2])]
        return list(self._parts.get(place, {}))

    def owned(self, place: str) -> dict[str, int]:
        """Desks of a place by owner unit."""
        found: dict[str, int] = {}
        for desk in self.below(place):
            found[desk.unit] = found.get(desk.unit, 0) + 1
        return found

    def _shown(self, place: str) -> Iterator[str]:
        if self.size(place) < FEWEST:
            return
        yield place
        parts = self._parts.get(place, {})
        by_size = sorted(parts, key=lambda part: (self.size(part), part))
        hidden: set[str] = set()
        rest = 0
        for part in by_size:
            if self.size(part) >= FEWEST and (rest == 0 or rest >= FEWEST):
                break
            hidden.add(part)
            rest += self.size(part)
        for part in parts:
            if part not in hidden:
                yield from self._shown(part)


def _names(office: Office) -> Iterator[tuple[str, str]]:
    yield office.site, office.name or office.site
    for building in office.buildings:
        yield f"{office.site}/{building.id}", building.name or building.id
        for floor in building.floors:
            yield f"{office.site}/{building.id}/{floor.id}", floor.name or floor.id
            for zone in floor.zones:
                yield f"{office.site}/{building.id}/{floor.id}/{zone.id}", zone.name or zone.id
