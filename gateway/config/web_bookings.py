"""What is wrong with the booking system that office.yaml names, as far as the file itself shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway.config.document import Where
from gateway.config.model import Office
from gateway.config.places import Places


def spaces(office: Office) -> Mapping[str, str]:
    """By id of a space there, the place here, five levels; what has none is left out."""
    if office.web.bookings is None:
        return {}
    places = Places(office)
    found = {space: places.full(short) for space, short in office.web.bookings.spaces.items()}
    return {space: place for space, place in found.items() if place is not None and place in places.spots}


def problems(office: Office) -> Iterator[tuple[Where, str]]:
    """(where, what to do) of each mistake."""
    settings = office.web.bookings
    if settings is None:
        return
    here = ("web", "bookings")
    known, seen = spaces(office), dict[str, str]()
    for space, short in settings.spaces.items():
        if space not in known:
            text = f'web.bookings.spaces: there is no desk or room "{short}"; write building/floor/zone/space'
            yield (*here, "spaces", space), text
        elif known[space] in seen:
            text = f'web.bookings.spaces: "{short}" is that of space {seen[known[space]]} already'
            yield (*here, "spaces", space), text
        else:
            seen[known[space]] = space
    if office.rules.desk.bookings != "external":
        text = "web.bookings: set rules.desk.bookings: external, or gateways take reservations of others too"
        yield here, text
