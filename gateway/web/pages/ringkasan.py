"""Ringkasan: what needs the operator now, the most urgent first, with cause and next step; quiet otherwise.

The page asks for its changing part again every few seconds, with the ETag of what it has: a few operators look at it,
the part is small, what has not changed is answered by 304, and nothing has to be kept for a page that is gone. A stream
would save nothing here; the floor plans, which thousands watch, have one.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, Form, Header, Request
from fastapi.responses import Response

from gateway.web.alarm_words import ALARMS, OTHER, SEVERAL, URGENCY_WORDS
from gateway.web.alarms_board import Alarm, Urgency, loud
from gateway.web.devices import WORKING, rows
from gateway.web.live import UNKNOWN
from gateway.web.muting import EVERYTHING, Mute
from gateway.web.rendering import N_, own_path, see
from gateway.web.site import Site, TheSite
from gateway.web.viewer import EVERYWHERE, Role, Viewer, allowed

router = APIRouter(include_in_schema=False)
Operator = Annotated[Viewer, Depends(allowed(Role.OPERATOR))]
MUTES = ((3600, N_("1 jam")), (8 * 3600, N_("8 jam")), (24 * 3600, N_("1 hari")), (7 * 86_400, N_("7 hari")))
"""How long an alarm may be kept quiet."""
REPORTABLE = frozenset({"gateway_lost", "gateway_stopped", "broker_lost", "archive_silent"})
"""Alarms of which a report for employees can be printed."""


FEWEST = 3
"""Alarms of one kind that are shown as one."""


class Shown(NamedTuple):
    """One alarm, as the page has it."""

    alarm: Alarm
    what: str
    why: str
    do: str
    link: str
    mute: Mute | None
    report: bool


class Gathered(NamedTuple):
    """Alarms of one kind and urgency; of several, what they have in common is said once."""

    first: Shown
    all: list[Shown]
    names: str
    """Of the first two; empty: there is one only."""
    more: int


@router.get("/operator")
async def overview(request: Request, site: TheSite, viewer: Operator) -> Response:
    """The page."""
    return site.pages.page(request, "operator/ringkasan.html", viewer, **overview_of(site, viewer))


@router.get("/operator/isi")
async def changing(
    request: Request, site: TheSite, viewer: Operator, if_none_match: Annotated[str | None, Header()] = None
) -> Response:
    """What changes of it; 304: nothing has."""
    page = site.pages.page(request, "operator/ringkasan_isi.html", viewer, **overview_of(site, viewer))
    etag = f'"{hashlib.sha256(bytes(page.body)).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache, private"}
    if if_none_match == etag:
        return Response(status_code=304, headers=headers)
    page.headers.update(headers)
    return page


@router.post("/operator/bisukan")
async def mute(
    site: TheSite,
    viewer: Operator,
    tentang: Annotated[str, Form(max_length=160)],
    detik: Annotated[int, Form(ge=0, le=30 * 86_400)],
    kembali: Annotated[str, Form(max_length=512)] = "/operator",
) -> Response:
    """Keep alarms about one thing quiet for some time; 0 s: speak again."""
    if known(site, tentang):
        site.muting.mute(tentang, detik, viewer.account)
    return see(own_path(kembali))


def known(site: Site, about: str) -> bool:
    """Whether there is such a thing, or an alarm about it."""
    office = site.office
    names = {gateway.id for gateway in office.gateways} | {device.id for device in office.devices}
    return about in names or any(alarm.problem.about == about for alarm in site.watch.board.held.values())


def overview_of(site: Site, viewer: Viewer) -> dict[str, Any]:
    """What both forms of the page show."""
    kind, mutes, requests = site.watch.kind(), site.muting.all(), pending(site, viewer)
    needs: list[Shown] = []
    later: list[Shown] = []
    muted: list[Shown] = []
    for alarm in site.watch.board.raised():
        shown = shown_of(site, alarm, mutes)
        (muted if shown.mute else needs if loud(alarm, kind) else later).append(shown)
    return {
        "needs": gathered(needs, Urgency.NOW, Urgency.TODAY),
        "soon": gathered(needs, Urgency.SOON),
        "n": len(needs) + bool(requests),
        "later": gathered(later, *Urgency),
        "muted": gathered(muted, *Urgency),
        "n_later": len(later),
        "n_muted": len(muted),
        "over": [shown_of(site, alarm, {}) for alarm in site.watch.board.over[:10]],
        "looked": site.watch.looked,
        "kind": kind,
        "requests": requests,
        "counts": counts_of(site) if site.live.connected else None,
        "urgencies": URGENCY_WORDS,
        "several": SEVERAL,
        "mutes": MUTES,
    }


def counts_of(site: Site) -> dict[str, Any]:
    """How many of those that are configured are known to be there and to work; places of which nothing is known."""
    office, live = site.office, site.live
    return {
        "gateways": (sum(not live.gone(gateway.id) for gateway in office.gateways), len(office.gateways)),
        "devices": (sum(row.state in WORKING for row in rows(office, live)), len(office.devices)),
        "unknown": sum(now.status == UNKNOWN for now in live.all()),
    }


def shown_of(site: Site, alarm: Alarm, mutes: dict[tuple[str, str], Mute]) -> Shown:
    """An alarm with its words, where it leads, and whether it is muted."""
    problem = alarm.problem
    words = ALARMS.get(problem.name, OTHER)
    about = problem.about
    link = ""
    if about in {device.id for device in site.office.devices}:
        link = f"/operator/perangkat/{about}"
    elif about.partition("/")[0] in {gateway.id for gateway in site.office.gateways}:
        link = f"/operator/gerbang#{about.partition('/')[0]}"
    mute = mutes.get((about, EVERYTHING)) or mutes.get((about, problem.name))
    return Shown(alarm, *words, link=link, mute=mute, report=problem.name in REPORTABLE)


def gathered(found: list[Shown], *urgencies: Urgency) -> list[Gathered]:
    """Those of some urgencies, in their order; FEWEST of a kind and more are one."""
    kinds: dict[tuple[Urgency, str], list[Shown]] = {}
    for shown in found:
        if shown.alarm.problem.urgency in urgencies:
            kinds.setdefault((shown.alarm.problem.urgency, shown.alarm.problem.name), []).append(shown)
    made = []
    for several in kinds.values():
        if len(several) < FEWEST:
            made += [Gathered(one, [one], "", 0) for one in several]
        else:
            names = ", ".join(one.alarm.problem.about for one in several[:2])
            made.append(Gathered(several[0], several, names, len(several) - 2))
    return sorted(made, key=lambda one: one.first.alarm.problem.urgency)


def pending(site: Site, viewer: Viewer) -> int:
    """Requests for corrections of the viewer's units that nobody has decided."""
    rows = site.accounts.connection.execute("SELECT unit, count(*) FROM correction WHERE decided IS NULL GROUP BY unit")
    return sum(int(n) for unit, n in rows if not viewer.units.isdisjoint({str(unit), EVERYWHERE}))
