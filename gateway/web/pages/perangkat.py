"""Perangkat: every configured device, to filter, sort and take along; and one device's own page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import Response

from gateway.clock import rfc3339
from gateway.config.model import Device
from gateway.errors import TransientError
from gateway.ledger_view import LATEST, View
from gateway.web import device_words as words
from gateway.web.devices import SORTS, STATES, Row, Wanted, chosen, modality, rows, title
from gateway.web.pages.ringkasan import MUTES
from gateway.web.rendering import N_
from gateway.web.site import Site, TheSite
from gateway.web.table_cells import sheet
from gateway.web.viewer import Role, Viewer, allowed

router = APIRouter(include_in_schema=False)
Operator = Annotated[Viewer, Depends(allowed(Role.OPERATOR))]
A_PAGE = 50
MOST_EVENTS = 50
SINCE = 14 * 86_400 * 10**9
"""Events of a device that its page shows, ns back."""
EVENTS = tuple(words.EVENT_WORDS)
COLUMNS = (
    ("id", N_("Perangkat")),
    ("place", N_("Tempat")),
    ("state", N_("Keadaan")),
    ("heard", N_("Terakhir terdengar")),
    ("battery", N_("Baterai")),
    ("signal", N_("Sinyal")),
    ("quality", N_("Mutu data tempat")),
    ("driver", N_("Penggerak")),
    ("gateway", N_("Gerbang")),
)
Text = Annotated[str, Query(max_length=120)]
Word = Annotated[str, Query(max_length=80)]


async def wanted_of(
    q: Text = "", gerbang: Word = "", lantai: Word = "", keadaan: Word = "", urut: Word = "state", turun: bool = False
) -> Wanted:
    """From the address; what is not known is as if it had not been said."""
    return Wanted(
        text=q.strip(),
        gateway=gerbang,
        floor=lantai,
        state=keadaan if keadaan in STATES else "",
        sort=urut if urut in SORTS else "state",
        down=turun,
    )


Wants = Annotated[Wanted, Depends(wanted_of)]


@router.get("/operator/perangkat")
async def devices(
    request: Request,
    site: TheSite,
    viewer: Operator,
    wanted: Wants,
    hal: Annotated[int, Query(ge=1, le=10_000)] = 1,
) -> Response:
    """The list."""
    every = rows(site.office, site.live)
    found = chosen(every, wanted)
    pages = max(1, -(-len(found) // A_PAGE))
    page = min(hal, pages)
    counts = {state: sum(row.state == state for row in every) for state in STATES}
    return site.pages.page(
        request,
        "operator/perangkat.html",
        viewer,
        rows=found[(page - 1) * A_PAGE : page * A_PAGE],
        found=len(found),
        all=len(every),
        wanted=wanted,
        page=page,
        pages=pages,
        counts=counts,
        floors=sorted({row.floor for row in every}),
        gateways=[gateway.id for gateway in site.office.gateways],
        muted={about for about, _ in site.muting.all()},
        columns=COLUMNS,
        sorts=SORTS,
        address=address,
        words=words,
        word=_word(site, request, viewer),
    )


@router.get("/operator/perangkat.csv")
async def devices_csv(site: TheSite, _: Operator, wanted: Wants) -> Response:
    """The same as a table: all pages, names of columns and states as the API has them."""
    head = ("device", "name", "place", "where", "driver", "kind", "role", "gateway", "source", "state", "cause")
    text = sheet(
        (*head, "last_heard", "battery_pct", "signal_dbm", "place_quality"),
        (
            (
                *(row.id, row.name, row.place, row.where, row.driver, row.modality, row.role, row.gateway, row.source),
                *(row.state, row.cause, rfc3339(row.heard) if row.heard else "", row.battery, row.signal, row.quality),
            )
            for row in chosen(rows(site.office, site.live), wanted)
        ),
    )
    headers = {"Content-Disposition": 'attachment; filename="perangkat.csv"', "Cache-Control": "no-store"}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/operator/perangkat/{name}")
async def device(request: Request, site: TheSite, viewer: Operator, name: str) -> Response:
    """One of them: what it sees in plain words, how it is, and what happened to it lately."""
    found = next((one for one in site.office.devices if one.id == name), None)
    if found is None:
        raise HTTPException(404, "there is no such device")
    row = next(row for row in rows(site.office, site.live) if row.id == name)
    events, why = await _events(site, found)
    mute = site.muting.of(name, "")
    return site.pages.page(
        request,
        "operator/satu_perangkat.html",
        viewer,
        row=row,
        device=found,
        title=title(found),
        kind=modality(found),
        events=events,
        why_no_events=why,
        mute=mute,
        mutes=MUTES,
        words=words,
        word=_word(site, request, viewer),
        alarms=[alarm for alarm in site.watch.board.raised() if alarm.problem.about == name],
    )


async def _events(site: Site, device: Device) -> tuple[list[dict[str, Any]], str]:
    """The latest first; and why there may be more than these."""
    since = site.clock.office() - SINCE
    try:
        return await site.reading.ask(lambda view: recent(view, device.id, since)), ""
    except TransientError as error:
        return [], str(error)


def recent(view: View, device: str, since: int) -> list[dict[str, Any]]:
    """What happened to a device: at, type, cause, battery."""
    found = []
    for row in view.query(types=EVENTS, since=since, limit=LATEST):
        data = json.loads(row.body)["data"]
        if data.get("dev") == device:
            at = row.when
            found.append({"at": at, "type": row.type, "cause": data.get("cause"), "battery": data.get("battery")})
    return sorted(found, key=lambda one: -one["at"])[:MOST_EVENTS]


def address(wanted: Wanted, path: str = "/operator/perangkat", **other: object) -> str:
    """A link to the list as it is wanted, with other wishes."""
    named = {
        "q": wanted.text,
        "gerbang": wanted.gateway,
        "lantai": wanted.floor,
        "keadaan": wanted.state,
        "urut": wanted.sort,
        "turun": "true" if wanted.down else "",
        **other,
    }
    query = urlencode({key: str(value) for key, value in named.items() if value not in ("", "state", None, False)})
    return f"{path}?{query}" if query else path


def _word(site: Site, request: Request, viewer: Viewer) -> Any:
    language = site.pages.language(request, viewer)

    def word(table: Mapping[str, str], key: str) -> str:
        return language.word(table, key)

    return word


__all__ = ["Row", "router"]
