"""Coming to the workplace and leaving it, by a phone or a kiosk: the building's coordinator is asked.

Who leads is not known here for certain: the candidates are asked in their order, those that are there first, until one
does not answer that it does not lead. The command's id is the same for all: none carries it out twice.
"""

from __future__ import annotations

from typing import Literal
from uuid import uuid4

from gateway.config.owners import Owners
from gateway.web.asking import NO_ANSWER, NOT_SENT, Answer
from gateway.web.site import Site

NOT_LEADING = "not_coordinator"
Args = dict[str, bool | int | float | str | None]
Arrangement = Literal["home_unit", "other_office", "visitor"]


async def tell(
    site: Site,
    what: Literal["arrive", "depart"],
    place: str,
    *,
    pid: str,
    unit: str,
    method: Literal["kiosk", "phone"],
    actor: str,
    arrangement: Arrangement | None = None,
) -> Answer:
    """Say that a person comes or goes at `place` (five levels; of a building the rest is `_`).

    Never raises for what gateways or the network do. Reasons beside Asker's: not_coordinator, when nobody leads;
    no_change, when they are here, or gone, already.
    """
    args: Args = {"method": method}
    if arrangement is not None and what == "arrive":
        args["arrangement"] = arrangement
    role = "kiosk" if method == "kiosk" else "user"
    return await ask_coordinator(site, what, place, actor=actor, role=role, pid=pid, unit=unit, args=args)


async def ask_coordinator(
    site: Site, what: str, place: str, *, actor: str, role: str, pid: str, unit: str, args: Args, identity: str = ""
) -> Answer:
    """What the one that leads the building of `place` answers; else no_answer, where one that did not may lead.

    `identity`: of a repetition. One that does not lead remembers nothing of it.
    """
    identity = identity or str(uuid4())
    answer = Answer(ok=False, reason=NOT_LEADING)
    candidates = sorted(Owners(site.office).candidates(place), key=site.live.gone)  # stable: their rank stays
    for gateway in candidates:
        found = await site.asker.ask(
            what, place, actor=actor, role=role, pid=pid, unit=unit, args=args, gateway=gateway, identity=identity
        )
        if found.ok or found.reason == NOT_SENT:
            return found
        if found.reason not in (NOT_LEADING, NO_ANSWER):
            return found
        if answer.reason != NO_ANSWER:  # who did not answer may have led
            answer = found
    return answer


def arrangement_of(site: Site, place: str, unit: str) -> Arrangement | None:
    """As what a person of `unit` comes: to a building with zones of their unit, or to another; None: not to be told."""
    building = "/".join(place.split("/", 2)[:2]) + "/"
    units = {spot.unit for found, spot in site.live.places.spots.items() if found.startswith(building)}
    if unit == "_" or units <= {"_"}:
        return None
    return "home_unit" if unit in units else "other_office"
