"""How people used desks, from atoms of at least five of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from gateway.web.reports.claims import EXPIRED, NO_SHOW, Claim, held
from gateway.web.reports.figures import Conduct, Figure, HostRow, PeopleUse, UnitRow, Why, percentile, share
from gateway.web.reports.ground import NOBODY
from gateway.web.reports.period import Period
from gateway.web.reports.suppress import COMMON, FEWEST, GUEST, HOME, UNTOLD, Atom, Cell, atoms, concurrent

TAIL_FEWEST = 20
"""Stays of which a ninetieth percentile is told: of fewer it is one of the longest stays."""
TOLD = (HOME, GUEST, COMMON)
"""Relations of which the share of guests is computed."""


def people(claims: Sequence[Claim]) -> int:
    """A lower bound of how many people some claims of one building are of."""
    return concurrent(held(claims))


def claim_atoms(claims: Iterable[Claim], period: Period, closed: int) -> list[Atom[Claim]]:
    """Claims of whole buildings and weeks, put together. `closed`: see suppress.atoms."""
    day = period.calendar.day
    cells = ((Cell(one.desk.zone, one.desk.unit, one.unit, relation(one), day(one.start)), one) for one in claims)
    return atoms(cells, people, closed)


def relation(claim: Claim) -> str:
    """Of the person to the desk."""
    if claim.unit == NOBODY:
        return UNTOLD
    if claim.desk.unit == NOBODY:
        return COMMON
    return HOME if claim.unit == claim.desk.unit else GUEST


def people_use(found: Sequence[Atom[Claim]], owned: Mapping[str, int], coverage: float | None) -> PeopleUse:
    """Of atoms that lie inside a question. `owned`: desks of the place by owner unit."""
    units: dict[str | None, list[Atom[Claim]]] = {}
    hosts: dict[tuple[str, str], list[Atom[Claim]]] = {}
    for atom in found:
        unit, host = atom.bounds.unit, atom.bounds.host
        units.setdefault(unit, []).append(atom)
        if unit is not None and host is not None:
            hosts.setdefault((unit, host), []).append(atom)
    ordered = sorted(units, key=lambda unit: (unit is None, unit == NOBODY, unit or ""))
    return PeopleUse(
        total=conduct(found, coverage),
        units=tuple(
            UnitRow(unit=unit, desks=owned.get(unit or "", 0), conduct=conduct(units[unit], coverage))
            for unit in ordered
        ),
        hosts=tuple(
            HostRow(unit=unit, host=host, visits=_visits(hosts[unit, host], coverage)) for unit, host in sorted(hosts)
        ),
    )


def conduct(found: Sequence[Atom[Claim]], coverage: float | None) -> Conduct:
    """Of some atoms together; of none: all figures are missing, for small groups."""
    if not found:
        missing = Figure(None, coverage, Why.SMALL_GROUP)
        return Conduct(
            visits=missing,
            walk_in=missing,
            dwell_p50=missing,
            dwell_p90=missing,
            released=missing,
            no_show=missing,
            expired=missing,
            cross=missing,
        )
    claims = [claim for atom in found for claim in atom.items]
    visits = [claim for claim in claims if claim.visit]
    ended = [claim for claim in visits if claim.dwell_s is not None]
    booked = sum(claim.booked for claim in claims)
    dwells = [claim.dwell_s for claim in ended if claim.dwell_s is not None]
    placed = {kind: sum(_count_visits(atom) for atom in found if atom.bounds.relation == kind) for kind in TOLD}
    return Conduct(
        visits=_visits(found, coverage),
        walk_in=share(sum(not claim.booked for claim in visits), len(visits), coverage),
        dwell_p50=percentile(dwells, 50, FEWEST, coverage),
        dwell_p90=percentile(dwells, 90, TAIL_FEWEST, coverage),
        released=share(_count(ended, "auto_release"), len(ended), coverage),
        no_show=share(_count(claims, NO_SHOW), booked, coverage),
        expired=share(_count(claims, EXPIRED), booked, coverage),
        cross=_cross(placed[GUEST], sum(placed.values()), coverage),
    )


def _cross(guests: int, told: int, coverage: float | None) -> Figure:
    """Where no group of guests is large enough there may be some all the same: that is not told as none."""
    if guests == 0 and told > 0:
        return Figure(None, coverage, Why.SMALL_GROUP, of=told)
    return share(guests, told, coverage)


def _visits(found: Iterable[Atom[Claim]], coverage: float | None) -> Figure:
    return Figure(float(sum(_count_visits(atom) for atom in found)), coverage)


def _count_visits(atom: Atom[Claim]) -> int:
    return sum(claim.visit for claim in atom.items)


def _count(claims: Iterable[Claim], outcome: str) -> int:
    return sum(claim.outcome == outcome for claim in claims)
