"""/me: what is known of whoever asks."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, Field

from gateway.ledger_view import LATEST, View
from gateway.web.api.common import KEYSET, Employee, Limit, SignedIn, behind, errors, keyset, resource, time_or_none
from gateway.web.mine.requests import APPROVED, Requests
from gateway.web.records.approved import corrections
from gateway.web.records.attendance import CORRECTED, LONGEST, Act, Correction, acts_of
from gateway.web.records.checkins import CHECKINS
from gateway.web.records.rows import Rows
from gateway.web.site import TheSite

router = resource("me")


class Me(BaseModel):
    """One's own account."""

    account: str
    roles: list[str]
    units: list[str] = Field(description="whose people its roles may see; *: everybody's")
    pid: str | None = Field(description="the person; null: the account is nobody's")
    unit: str | None
    name: str | None = Field(description="as the people table has it: shown to the person only")
    visibility: str | None = Field(description="self, team, unit")
    quiet: bool | None = Field(description="whether sensing of the person is off")
    desk: str | None = Field(description="the desk that the person holds; null: none")
    checkin_id: str | None


class OwnCheckin(BaseModel):
    """One's own check-in, at a desk or at the workplace."""

    kind: str
    checkin_id: str
    place: str
    started: str | None
    ended: str | None = Field(description="null: it is open")
    method: str | None
    assurance: str | None
    arrangement: str | None
    ended_by: str | None = Field(description="act; inferred: nobody said so, and `ended` is the last evidence")
    reason: str | None
    void: bool = Field(description="corrected: it never happened")
    corrected: bool


class OwnCheckins(BaseModel):
    """A page, latest first."""

    items: list[OwnCheckin]
    next: str | None = Field(description="cursor of the next page; null: this is the last")


@router.get("/me", response_model=Me, responses=errors(503))
async def me(site: TheSite, viewer: SignedIn) -> Me:
    """Who asks, and where they are checked in."""
    person = site.people.person(viewer.pid) if viewer.pid else None
    held: Act | None = None
    if viewer.pid:
        since = site.clock.office() - LONGEST
        fixes = corrections(Requests(site.accounts.connection).of(viewer.pid, state=APPROVED))
        acts = await site.reading.ask(lambda view: _own(view, viewer.pid, since, fixes))
        held = next((act for act in acts if act.kind == "desk" and act.ended is None and not act.void), None)
    return Me(
        account=viewer.account,
        roles=sorted(viewer.roles),
        units=sorted(viewer.units),
        pid=viewer.pid or None,
        unit=viewer.unit if viewer.pid else None,
        name=None if person is None else person.name,
        visibility=None if person is None else person.visibility,
        quiet=None if person is None else person.quiet,
        desk=None if held is None else held.place,
        checkin_id=None if held is None else held.id,
    )


@router.get("/me/checkins", response_model=OwnCheckins, responses=errors(503))
async def own(
    site: TheSite,
    viewer: Employee,
    limit: Limit = 100,
    cursor: Annotated[str | None, Query(pattern=KEYSET, description="`next` of the page before")] = None,
) -> OwnCheckins:
    """One's own check-ins, as far back as the site keeps them."""
    fixes = corrections(Requests(site.accounts.connection).of(viewer.pid, state=APPROVED))
    acts = await site.reading.ask(lambda view: _own(view, viewer.pid, 0, fixes))
    left = [act for act in acts if behind(cursor, _at(act), act.id)]
    page = left[:limit]
    return OwnCheckins(
        items=[_shown(act) for act in page],
        next=keyset(_at(page[-1]), page[-1].id) if len(left) > limit else None,
    )


def _at(act: Act) -> int:
    return act.started or act.ended or 0


def _own(view: View, pid: str, since: int, fixes: list[Correction]) -> list[Act]:
    """Latest first. `fixes`: what operators have approved."""
    rows = Rows.over(view)
    told = rows.of_person(pid, (CORRECTED,), since, LATEST)
    acts = acts_of(rows.of_person(pid, CHECKINS, since, LATEST), told, fixes)
    return sorted(acts, key=lambda act: (-_at(act), act.id))


def _shown(act: Act) -> OwnCheckin:
    return OwnCheckin(
        kind=act.kind,
        checkin_id=act.id,
        place=act.place,
        started=time_or_none(act.started),
        ended=time_or_none(act.ended),
        method=act.method or None,
        assurance=act.assurance or None,
        arrangement=act.arrangement or None,
        ended_by=act.ended_by or None,
        reason=act.reason or None,
        void=act.void,
        corrected=bool(act.corrections),
    )
