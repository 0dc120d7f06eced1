"""/api/v1/reports: the figures of Laporan for programs, with the coverage beside each, and why where there is none.

A viewer gets figures about people of its own units only; groups below five are in none, see
gateway/web/reports/suppress.py.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import Depends, HTTPException, Query

from gateway.config.types import IDENTIFIER
from gateway.contract.fields import LEVEL
from gateway.web.api.common import errors, resource
from gateway.web.reports import wire
from gateway.web.reports.answers import TheAnswers
from gateway.web.reports.asked import CHOSEN, LONGEST_PLACE, USUAL, NotYours, days, question
from gateway.web.reports.period import LONGEST_DAYS, BadPeriod
from gateway.web.reports.report import NotShown, Report
from gateway.web.site import TheSite
from gateway.web.viewer import Role, Viewer, allowed

router = resource("reports")
Reader = Annotated[Viewer, Depends(allowed(Role.OPERATOR, Role.ANALYST))]
FAILURES = errors(404, 409, 503)
PLACE = rf"^{LEVEL}(?:/{LEVEL}){{0,3}}$"


async def asked(
    site: TheSite,
    viewer: Reader,
    answers: TheAnswers,
    place: Annotated[
        str | None, Query(pattern=PLACE, max_length=LONGEST_PLACE, description="one to four levels; default: the site")
    ] = None,
    unit: Annotated[
        str | None, Query(pattern=IDENTIFIER, max_length=32, description="people of one unit; default: all you may see")
    ] = None,
    first: Annotated[
        date | None, Query(alias="from", description="first day, the site's; default with `to`: seven days to today")
    ] = None,
    last: Annotated[date | None, Query(alias="to", description=f"last day; at most {LONGEST_DAYS} days in all")] = None,
) -> Report:
    """The report behind a resource. Raises HTTPException."""
    preset = USUAL if first is None and last is None else CHOSEN
    try:
        chosen = days(preset, answers.reporter.today(site.clock.office()), first, last)
        return await answers.report(question(answers.reporter.ground, viewer, place or "", unit or "", *chosen))
    except BadPeriod as error:
        raise HTTPException(409, str(error)) from error
    except NotShown as error:
        raise HTTPException(404, "there is no such place, or it has fewer than five desks") from error
    except NotYours as error:
        raise HTTPException(403, "people of that unit are not yours to see figures of") from error


TheReport = Annotated[Report, Depends(asked)]


@router.get("/reports/utilization", responses=FAILURES)
async def utilization(site: TheSite, report: TheReport) -> wire.Utilization:
    """How far a place's desks were used, by hour and weekday and in all; days off are left out of the hours."""
    return wire.utilization(report, site.office.timezone)


@router.get("/reports/peak", responses=FAILURES)
async def peak(site: TheSite, report: TheReport) -> wire.Peak:
    """How many desks were used at the same time."""
    return wire.peak(report, site.office.timezone)


@router.get("/reports/dwell", responses=FAILURES)
async def dwell(site: TheSite, report: TheReport) -> wire.Dwell:
    """How long people held desks: median and ninetieth percentile."""
    return wire.dwell(report, site.office.timezone)


@router.get("/reports/no-show", responses=FAILURES)
async def no_show(site: TheSite, report: TheReport) -> wire.NoShow:
    """What became of reservations, and how many desks were released."""
    return wire.no_show(report, site.office.timezone)


@router.get("/reports/coverage", responses=FAILURES)
async def coverage(site: TheSite, report: TheReport) -> wire.Coverage:
    """Of how much of the time something is known: an outage lowers it, and never looks like empty desks."""
    return wire.coverage(report, site.office.timezone)


@router.get("/reports/units", responses=FAILURES)
async def units(site: TheSite, report: TheReport) -> wire.Units:
    """Whose people use whose desks."""
    return wire.units(report, site.office.timezone)
