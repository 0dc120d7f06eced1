"""/hooks and /bookings: how the other systems are that this site speaks to."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path as PathPart
from pydantic import BaseModel, Field

from gateway.config.types import IDENTIFIER
from gateway.web.api.common import Operator, errors, not_found, resource, time_or_none
from gateway.web.hooks import HookState
from gateway.web.site import TheSite

router = resource("other systems")


class Hook(BaseModel):
    """One webhook."""

    hook: str
    cursor: str = Field(description="up to where it has taken everything")
    failing_since: str | None
    dead: bool = Field(description="nothing is sent any more until it is revived")
    why: str | None


class Hooks(BaseModel):
    """All of office.yaml."""

    items: list[Hook]


class Space(BaseModel):
    """A space there."""

    id: str
    name: str


class Bookings(BaseModel):
    """How well bookings of another system are mirrored here. Nobody is named."""

    external: bool = Field(description="false: desks are booked here")
    asked: str | None = None
    problem: str | None = Field(None, description="why that system does not answer; what was mirrored stays")
    held: int = 0
    refused: int = Field(0, description="bookings that do not fit what stands here")
    waiting: int = Field(0, description="bookings whose gateway does not answer")
    unmapped_spaces: list[Space] = Field([], description="spaces with bookings that office.yaml has no place for")
    unknown_people: int = Field(0, description="bookings of people who are nobody here; the desk is kept all the same")
    unreadable: int = 0


@router.get("/hooks", response_model=Hooks, responses=errors())
async def hooks(site: TheSite, _: Operator) -> Hooks:
    """Webhooks and how they are."""
    return Hooks(items=[_shown(one) for one in site.hooks.states()])


@router.post("/hooks/{hook}/revive", response_model=Hook, responses=errors(404))
async def revive(site: TheSite, _: Operator, hook: Annotated[str, PathPart(pattern=IDENTIFIER)]) -> Hook:
    """Try a dead one again, from where it stood."""
    if not site.hooks.revive(hook):
        raise not_found("hook")
    return _shown(next(one for one in site.hooks.states() if one.id == hook))


@router.get("/bookings", response_model=Bookings, responses=errors())
async def bookings(site: TheSite, _: Operator) -> Bookings:
    """The mirror of the system in which desks are booked."""
    if site.mirror is None:
        return Bookings(external=False)
    state = site.mirror.state
    return Bookings(
        external=True,
        asked=time_or_none(state.asked),
        problem=state.problem or None,
        held=state.held,
        refused=state.refused,
        waiting=state.waiting,
        unmapped_spaces=[Space(id=each, name=name) for each, name in state.unmapped_spaces],
        unknown_people=state.unknown_people,
        unreadable=state.unreadable,
    )


def _shown(one: HookState) -> Hook:
    return Hook(
        hook=one.id,
        cursor=str(one.cursor),
        failing_since=time_or_none(one.failing_since),
        dead=one.dead,
        why=one.why or None,
    )
