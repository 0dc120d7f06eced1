"""/gateways: the boxes on the wall, how they are, and what they have not told."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path as PathPart
from pydantic import BaseModel, Field

from gateway.config.types import IDENTIFIER
from gateway.contract.times import written
from gateway.ledger_view import View
from gateway.web.api.common import Technical, errors, not_found, resource, time_or_none
from gateway.web.records.complete import Completeness
from gateway.web.records.outages import Outages
from gateway.web.records.rows import Rows
from gateway.web.site import Site, TheSite

router = resource("equipment")
GatewayId = Annotated[str, PathPart(pattern=IDENTIFIER)]
MOST = 1_000
LOOK_BACK = 30 * 86_400_000_000_000


class Gateway(BaseModel):
    """One box."""

    gateway: str
    name: str | None
    place: str
    state: str = Field(description="ready, lost, disconnected, sleeping, unknown")
    boot: str | None
    version: str | None
    config: str | None
    said: str | None = Field(description="when it said so")


class Gateways(BaseModel):
    """All of the site."""

    items: list[Gateway]


class Health(BaseModel):
    """What a gateway said of itself last; it says so every 10 s."""

    gateway: str
    heard: bool = Field(description="false: nothing since the web application was started")
    at: str | None = None
    boot: str | None = None
    waiting: int | None = Field(None, description="events in its outbox")
    oldest_s: float | None = None
    forwarding: int | None = Field(None, description="readings that other gateways have not taken yet")
    set_aside: int | None = Field(None, description="events that the archive will never take")
    clock: str | None = Field(None, description="ntp, rtc, none")
    clock_err_ms: float | None = None
    alarms: list[dict[str, str]] = []
    sources: dict[str, dict[str, Any]] = {}
    counters: dict[str, int] = {}


class Missing(BaseModel):
    """Numbers of a boot that the archive does not have."""

    boot: str
    first: int
    last: int
    declared_lost: bool
    recorded_after: str | None
    recorded_before: str | None


class Gap(BaseModel):
    """When it was not there, or said that it could not watch something."""

    about: str
    kind: str
    since: str
    until: str
    cause: str


class Gaps(BaseModel):
    """What a gateway has not told, and when it was away."""

    gateway: str
    complete_until: str | None = Field(description="what happened before has all been told; null: not known")
    cause: str
    why: str
    missing: list[Missing]
    away: list[Gap] = Field(description="of the last 30 days")


@router.get("/gateways", response_model=Gateways, responses=errors())
async def gateways(site: TheSite, _: Technical) -> Gateways:
    """All gateways of office.yaml."""
    return Gateways(items=[_made(site, one.id) for one in site.office.gateways])


@router.get("/gateways/{gateway}", response_model=Gateway, responses=errors(404))
async def one(site: TheSite, _: Technical, gateway: GatewayId) -> Gateway:
    """One gateway."""
    _known(site, gateway)
    return _made(site, gateway)


@router.get("/gateways/{gateway}/health", response_model=Health, responses=errors(404))
async def health(site: TheSite, _: Technical, gateway: GatewayId) -> Health:
    """Its last word of itself."""
    _known(site, gateway)
    told = site.live.health.get(gateway)
    if told is None:
        return Health(gateway=gateway, heard=False)
    backlog, clock = told.get("backlog") or {}, told.get("clock") or {}
    return Health(
        gateway=gateway,
        heard=True,
        at=told["at"],
        boot=told["boot"],
        waiting=backlog.get("count"),
        oldest_s=backlog.get("oldest_s"),
        forwarding=(told.get("forwarding") or {}).get("count"),
        set_aside=backlog.get("dead"),
        clock=clock.get("sync"),
        clock_err_ms=clock.get("err_ms"),
        alarms=[{key: str(value) for key, value in alarm.items()} for alarm in told.get("alarms") or ()],
        sources=dict(told.get("sources") or {}),
        counters=dict(told.get("counters") or {}),
    )


@router.get("/gateways/{gateway}/gaps", response_model=Gaps, responses=errors(404, 503))
async def gaps(site: TheSite, _: Technical, gateway: GatewayId) -> Gaps:
    """What the archive does not have of it, and when it was away."""
    _known(site, gateway)
    now = site.clock.office()

    def look(view: View) -> tuple[Completeness, list[Gap]]:
        rows = Rows.over(view)
        outages = Outages(rows, site.office)
        away = [
            Gap(
                about=each.about,
                kind=each.kind,
                since=written(each.since),
                until=written(each.until),
                cause=each.cause,
            )
            for each in outages.of_gateway(gateway, max(0, now - LOOK_BACK), now)
        ]
        return site.proofs.now(rows, (gateway,)), away

    found, away = await site.reading.ask(look)
    standing = found.standings[0]
    return Gaps(
        gateway=gateway,
        complete_until=time_or_none(found.until),
        cause=standing.cause,
        why=standing.why,
        missing=[
            Missing(
                boot=hole.boot,
                first=hole.first,
                last=hole.last,
                declared_lost=hole.declared,
                recorded_after=time_or_none(hole.since),
                recorded_before=time_or_none(hole.until),
            )
            for hole in found.holes[:MOST]
        ],
        away=away[-MOST:],
    )


def _known(site: Site, gateway: str) -> None:
    if gateway not in site.live.places.home:
        raise not_found("gateway")


def _made(site: Site, name: str) -> Gateway:
    known = next(one for one in site.office.gateways if one.id == name)
    status = site.live.gateways.get(name) or {}
    return Gateway(
        gateway=name,
        name=known.name,
        place=site.live.places.full(known.place) or known.place,
        state=str(status.get("state") or "unknown") if site.live.connected else "unknown",
        boot=status.get("boot"),
        version=status.get("version"),
        config=status.get("config"),
        said=status.get("at"),
    )
