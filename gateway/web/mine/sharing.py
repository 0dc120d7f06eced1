"""Colleagues who share where they are: people of one's own unit, at most to the zone, and never who is quiet.

What a person has chosen is kept to: `unit` is seen by everybody of their unit, `team` by those of their unit who share
as well (a site knows no teams: to see, one is seen), `self` by nobody. Nothing is guessed: who cannot be told from the
record is unknown, which is neither here nor absent.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from gateway.clock import SECOND
from gateway.errors import TransientError
from gateway.ledger_view import LATEST, Stored, View
from gateway.web.live import HELD
from gateway.web.mine.places import zone_name
from gateway.web.records.checkins import ACT, DESK, WORKPLACE, Checkin, checkins
from gateway.web.site import Site
from gateway.web.viewer import Viewer

SEEN = ("presence.started", "presence.moved", "presence.idle", "presence.ended")
FRESH = 16 * 3600 * SECOND
"""What was said longer ago says nothing of now."""
HERE, LEFT, UNKNOWN = "here", "left", "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Colleague:
    """One of them."""

    name: str
    state: str
    """here, left (by an act of theirs), unknown."""
    zone: str = ""
    """Its name, where they are here; empty: in the building, and nothing more is known."""


async def colleagues(site: Site, viewer: Viewer) -> list[Colleague] | None:
    """Who shares with the viewer, by name; None: there is no ledger to read."""
    own = site.people.person(viewer.pid)
    if own is None or own.unit == "_":
        return []
    shares = own.visibility != "self" and not own.quiet
    people = [
        (pid, name)
        for pid, name, visibility in site.people.sharing(own.unit)
        if pid != viewer.pid and (visibility == "unit" or shares)
    ]
    now = site.clock.office()

    def where(view: View) -> list[Colleague]:
        return [_told(site, view, pid, name, now) for pid, name in people]

    try:
        found = await site.reading.ask(where)
    except TransientError:
        return None
    return sorted(found, key=lambda each: (each.state != HERE, each.state != LEFT, each.name.casefold()))


def _told(site: Site, view: View, pid: str, name: str, now: int) -> Colleague:
    desk, seen = (view.person_last(pid, types, LATEST) for types in (DESK, SEEN))
    came = checkins(view.of_person(pid, WORKPLACE, now - FRESH), Checkin).values()
    workplace = max(came, key=_last, default=None)
    last = max(0 if workplace is None else _last(workplace), *(row.when for row in (desk, seen) if row is not None), 0)
    if now - last > FRESH:
        return Colleague(name=name, state=UNKNOWN)
    left = _left(workplace, seen)
    if desk is not None and desk.type.endswith(".started") and desk.when > left and now - desk.when <= FRESH:
        place = site.live.now(desk.subject)
        if place is not None and place.life in HELD and not site.live.gone(desk.gateway):
            return Colleague(name=name, state=HERE, zone=zone_name(site, desk.subject))
    if seen is not None and seen.type != "presence.ended" and seen.when > left and now - seen.when <= FRESH:
        data = json.loads(seen.body)["data"]
        zone = str(data.get("zone") or "")
        if data.get("state", "present") == "present" and zone and not site.live.gone(seen.gateway):
            area = site.live.places.areas.get(zone)
            if area is not None and not area.zone.private:
                return Colleague(name=name, state=HERE, zone=zone_name(site, zone))
    if workplace is not None and workplace.ended is None and _last(workplace) > left:
        return Colleague(name=name, state=HERE)
    return Colleague(name=name, state=LEFT if left and left >= last else UNKNOWN)


def _left(workplace: Checkin | None, seen: Stored | None) -> int:
    """When they left by an act of their own; 0: they did not, as far as is known."""
    found = 0
    if workplace is not None and workplace.ended_by == ACT and workplace.reason in ("", "user"):
        found = _last(workplace)
    if seen is not None and seen.type == "presence.ended":
        data = json.loads(seen.body)["data"]
        if data.get("ended_by") == "act" and data.get("state") == "left":
            found = max(found, seen.when)
    return found


def _last(checkin: Checkin) -> int:
    return checkin.ended or checkin.started or 0
