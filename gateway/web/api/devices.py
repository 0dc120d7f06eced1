"""/devices: fixed equipment and how it is. Personal tags and badges are not devices."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path as PathPart
from fastapi import Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from gateway.config.types import IDENTIFIER
from gateway.web.api.common import (
    Below,
    Limit,
    Technical,
    errors,
    is_below,
    not_found,
    resource,
)
from gateway.web.site import Site, TheSite

router = resource("equipment")


class Device(BaseModel):
    """One reader, sensor or receiver."""

    device: str
    place: str | None
    driver: str | None
    gateway: str | None = Field(description="that hears it; null: none has yet")
    alive: bool | None = Field(description="null: silent by design, and not heard yet; or nothing was told of it")
    cause: str | None
    battery: float | None = Field(description="%")
    signal: float | None = Field(description="dBm")
    last_heard: str | None


class Devices(BaseModel):
    """A page of devices, by id."""

    items: list[Device]
    next: str | None = Field(description="cursor of the next page; null: this is the last")


@router.get("/devices", response_model=Devices, responses=errors())
async def devices(
    site: TheSite,
    _: Technical,
    place: Below = None,
    alive: Annotated[bool | None, Query(description="only those that are, or are not")] = None,
    limit: Limit = 200,
    cursor: Annotated[str | None, Query(max_length=64, description="`next` of the page before")] = None,
) -> Response:
    """Every device of office.yaml, and what its gateway says of it."""
    chosen = [
        one
        for one in (_made(site, name) for name in sorted(_names(site)) if cursor is None or name > cursor)
        if (place is None or (one.place is not None and is_below(one.place, place))) and alive in (None, one.alive)
    ]
    page = chosen[:limit]
    body = Devices(items=page, next=page[-1].device if len(chosen) > limit else None)
    return Response(body.model_dump_json(), media_type="application/json")


@router.get("/devices/{device}", response_model=Device, responses=errors(404))
async def one(site: TheSite, _: Technical, device: Annotated[str, PathPart(pattern=IDENTIFIER)]) -> Response:
    """One device."""
    if device not in _names(site):
        raise not_found("device")
    return Response(_made(site, device).model_dump_json(), media_type="application/json")


def _names(site: Site) -> set[str]:
    return {device.id for device in site.office.devices} | set(site.live.devices)


def _made(site: Site, name: str) -> Device:
    known = next((device for device in site.office.devices if device.id == name), None)
    told: dict[str, Any] = site.live.devices.get(name, {})
    place = told.get("place") or (None if known is None else site.live.places.full(known.place))
    return Device(
        device=name,
        place=place,
        driver=told.get("driver") or (None if known is None else known.driver),
        gateway=told.get("gw"),
        alive=told.get("alive"),
        cause=told.get("cause"),
        battery=told.get("battery"),
        signal=told.get("signal"),
        last_heard=told.get("last_heard"),
    )
