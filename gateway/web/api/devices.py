"""/devices: fixed equipment and how it is. Personal tags and badges are not devices."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from fastapi import Path as PathPart
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
from gateway.web.site import Site, given, part

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


class Fleet:
    """Devices of office.yaml, and others that gateways speak of: a site may have ten thousand."""

    def __init__(self, site: Site) -> None:
        self._places, self._told = site.live.places, site.live.devices
        self._known = {device.id: device for device in site.office.devices}
        self._names = sorted(self._known)

    def __contains__(self, name: str) -> bool:
        return name in self._known or name in self._told

    def behind(self, cursor: str) -> Iterator[str]:
        """Ids that come after this one, in order."""
        others = [name for name in self._told if name not in self._known and name > cursor]
        configured = self._names[bisect_right(self._names, cursor) :]
        return iter(sorted(configured + others) if others else configured)

    def fits(self, name: str, place: str | None, alive: bool | None) -> bool:
        """Whether it is at or below a place, and alive or not. None: whichever."""
        here = None if place is None else self._place(name)
        return (place is None or (here is not None and is_below(here, place))) and (
            alive is None or self._told.get(name, {}).get("alive") is alive
        )

    def device(self, name: str) -> Device:
        """One, as it is now."""
        known = self._known.get(name)
        told: dict[str, Any] = self._told.get(name, {})
        return Device(
            device=name,
            place=self._place(name),
            driver=told.get("driver") or (None if known is None else known.driver),
            gateway=told.get("gw"),
            alive=told.get("alive"),
            cause=told.get("cause"),
            battery=told.get("battery"),
            signal=told.get("signal"),
            last_heard=told.get("last_heard"),
        )

    def _place(self, name: str) -> str | None:
        known = self._known.get(name)
        return self._told.get(name, {}).get("place") or (None if known is None else self._places.full(known.place))


def fleet_of(request: Request) -> Fleet:
    """Made once an application: its configuration does not change while it runs."""
    return part(request, Fleet)


TheFleet = Annotated[Fleet, Depends(given(fleet_of))]


@router.get("/devices", response_model=Devices, responses=errors())
async def devices(
    fleet: TheFleet,
    _: Technical,
    place: Below = None,
    alive: Annotated[bool | None, Query(description="only those that are, or are not")] = None,
    limit: Limit = 200,
    cursor: Annotated[str | None, Query(max_length=64, description="`next` of the page before")] = None,
) -> Response:
    """Every device of office.yaml, and what its gateway says of it."""
    chosen = (name for name in fleet.behind(cursor or "") if fleet.fits(name, place, alive))
    names = list(islice(chosen, limit + 1))
    page = [fleet.device(name) for name in names[:limit]]
    body = Devices(items=page, next=page[-1].device if len(names) > limit else None)
    return Response(body.model_dump_json(), media_type="application/json")


@router.get("/devices/{device}", response_model=Device, responses=errors(404))
async def one(fleet: TheFleet, _: Technical, device: Annotated[str, PathPart(pattern=IDENTIFIER)]) -> Response:
    """One device."""
    if device not in fleet:
        raise not_found("device")
    return Response(fleet.device(device).model_dump_json(), media_type="application/json")
