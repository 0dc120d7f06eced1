"""Gerbang & gangguan: every gateway as it is, a day of each on a timeline, and a report of outages to be printed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, NamedTuple
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import Response

from gateway.calendars import calendar, number
from gateway.clock import SECOND, rfc3339
from gateway.config.model import Gateway
from gateway.contract.times import parsed
from gateway.errors import TransientError
from gateway.web import outage_words as words
from gateway.web.outages import Found, Outage, concerns, outages
from gateway.web.place_groups import grouped
from gateway.web.site import Site, TheSite
from gateway.web.table_cells import sheet
from gateway.web.timeline import Bar, bars, down_share
from gateway.web.viewer import Role, Viewer, allowed

router = APIRouter(include_in_schema=False)
Operator = Annotated[Viewer, Depends(allowed(Role.OPERATOR))]
EMPTY = Found((), (), {})
LONGEST_DAYS = 31
"""Of a report."""
Day = Annotated[str, Query(max_length=10)]
When = Annotated[str, Query(max_length=32)]


class Shown(NamedTuple):
    """One gateway of the page."""

    gateway: Gateway
    state: str
    """ready, lost, disconnected, sleeping; never: it was not heard since this application runs."""
    status: dict[str, Any]
    health: dict[str, Any]
    spoke: int
    """Its last word, office ns; 0: none."""
    bars: list[Bar]
    down: int
    """Percent of the day."""
    outages: list[Outage]


@router.get("/operator/gerbang")
async def gateways(request: Request, site: TheSite, viewer: Operator, hari: Day = "") -> Response:
    """All of them, on one day."""
    day, start, end = _day(site, hari)
    now = site.clock.office()
    found, why = await _found(site, start, end)
    shown = [_shown(site, gateway, found, start, end, now) for gateway in site.office.gateways]
    shown.sort(key=lambda one: one.state == "ready")
    return site.pages.page(
        request,
        "operator/gerbang.html",
        viewer,
        shown=shown,
        why=why,
        day=start,
        iso=day.isoformat(),
        before=(day - timedelta(days=1)).isoformat(),
        after="" if end > now else (day + timedelta(days=1)).isoformat(),
        start=start,
        end=end,
        archive=site.watch.archive,
        connected=site.live.connected,
        words=words,
        word=_word(site, request, viewer),
        grouped=lambda places: grouped(places, site.office),
    )


@router.get("/operator/gerbang/laporan")
async def report(
    request: Request,
    site: TheSite,
    viewer: Operator,
    tempat: Annotated[str, Query(max_length=160)] = "",
    dari: When = "",
    sampai: When = "",
) -> Response:
    """Outages of a place and time, to be printed and signed."""
    place, start, end, wrong = _asked(site, tempat, dari, sampai)
    rows, why = await _rows(site, place, start, end)
    language = site.pages.language(request, viewer)
    return site.pages.page(
        request,
        "operator/laporan_gangguan.html",
        viewer,
        rows=rows,
        why=why,
        wrong=wrong,
        place=place,
        places=_choices(site),
        names=dict(_choices(site)),
        start=start,
        end=end,
        dari=language.local(start).strftime("%Y-%m-%dT%H:%M"),
        sampai=language.local(end).strftime("%Y-%m-%dT%H:%M"),
        waiting=_waiting(site),
        words=words,
        word=_word(site, request, viewer),
        grouped=lambda places: grouped(places, site.office),
    )


@router.get("/operator/gerbang/laporan.csv")
async def report_csv(
    site: TheSite,
    _: Operator,
    tempat: Annotated[str, Query(max_length=160)] = "",
    dari: When = "",
    sampai: When = "",
) -> Response:
    """The same as a table."""
    place, start, end, _wrong = _asked(site, tempat, dari, sampai)
    rows, why = await _rows(site, place, start, end)
    if why:
        raise HTTPException(503, why, {"Retry-After": "5"})
    text = sheet(
        ("gateway", "kind", "since", "until", "cause", "places", "readers", "lost_events", "event_ids"),
        (
            (
                *(
                    row.gateway,
                    row.kind,
                    rfc3339(row.since),
                    "" if row.until is None else rfc3339(row.until),
                    row.cause,
                ),
                *(" ".join(row.places), " ".join(row.readers), row.lost or "", " ".join(p.id for p in row.proofs)),
            )
            for row in rows
        ),
    )
    headers = {"Content-Disposition": 'attachment; filename="gangguan.csv"', "Cache-Control": "no-store"}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


async def _rows(site: Site, place: str, start: int, end: int) -> tuple[list[Outage], str]:
    found, why = await _found(site, start, end)
    return [one for one in found.outages if not place or concerns(one, place, site.office)], why


async def _found(site: Site, start: int, end: int) -> tuple[Found, str]:
    """And why nothing can be said, if so."""
    try:
        return await site.reading.ask(lambda view: outages(view, site.office, start, end)), ""
    except TransientError as error:
        return EMPTY, str(error)


def _shown(site: Site, gateway: Gateway, found: Found, start: int, end: int, now: int) -> Shown:
    status = site.live.gateways.get(gateway.id)
    health = site.live.health.get(gateway.id) or {}
    told = [one["at"] for one in (status or {}, health) if one.get("at")]
    made = bars(gateway.id, found, start, end, now)
    return Shown(
        gateway=gateway,
        state="never" if status is None else status["state"],
        status=status or {},
        health=health,
        spoke=max(map(parsed, told), default=0),
        bars=made,
        down=down_share(made),
        outages=[outage for outage in found.outages if outage.gateway == gateway.id],
    )


def _day(site: Site, text: str) -> tuple[date, int, int]:
    """A day of the site and its bounds; today for what is no day, or still to come."""
    now = site.clock.office()
    made = calendar(site.office, now)
    today = date(1970, 1, 1) + timedelta(days=made.day(now))
    try:
        day = min(date.fromisoformat(text), today) if text else today
    except ValueError:
        day = today
    return day, made.instant(number(day), 0), made.instant(number(day) + 1, 0)


def _asked(site: Site, place: str, since: str, until: str) -> tuple[str, int, int, str]:
    """(place or empty, start, end, what was wrong with it: a word of words.WRONG, or empty)."""
    now = site.clock.office()
    _, today, _ = _day(site, "")
    wrong = ""
    known = dict(_choices(site))
    if place and place not in known:
        place, wrong = "", "place"
    start, end = _moment(site, since, today), _moment(site, until, now)
    if start is None or end is None or start >= end:
        start, end, wrong = today, now, "period"
    if end - start > LONGEST_DAYS * 86_400 * SECOND:
        start, wrong = end - LONGEST_DAYS * 86_400 * SECOND, "long"
    return place, start, end, wrong


def _moment(site: Site, text: str, default: int) -> int | None:
    """A time as a form gives it, in the site's zone; None for what is none."""
    if not text:
        return default
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            found = found.replace(tzinfo=ZoneInfo(site.office.timezone))
        at = int((found - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1)) * 1000
    except (ValueError, OverflowError):
        return None
    return at if at > 0 else None


def _choices(site: Site) -> list[tuple[str, str]]:
    """Places that a report may be about, with their names: buildings, floors, zones, spaces."""
    office, found = site.office, []
    for building in office.buildings:
        top = f"{office.site}/{building.id}"
        found.append((top, building.name or building.id))
        for floor in building.floors:
            on = f"{top}/{floor.id}"
            label = f"{building.name or building.id} · {floor.name or floor.id}"
            found.append((on, label))
            for zone in floor.zones:
                found.append((f"{on}/{zone.id}", f"{label} · {zone.name or zone.id}"))
                found += [
                    (f"{on}/{zone.id}/{space.id}", f"{label} · {zone.name or zone.id} · {space.name or space.id}")
                    for space in zone.spaces
                ]
    return found


def _waiting(site: Site) -> dict[str, int]:
    """By gateway: events that it still holds, so that a report may not be the last word."""
    held = {}
    for gateway in site.office.gateways:
        count = int(((site.live.health.get(gateway.id) or {}).get("backlog") or {}).get("count") or 0)
        if count:
            held[gateway.id] = count
    return held


def _word(site: Site, request: Request, viewer: Viewer) -> Any:
    language = site.pages.language(request, viewer)
    return lambda table, key: language.word(table, key)
