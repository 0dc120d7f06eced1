"""The one way to a person's name, staff number or history for somebody else: with a reason, which the person sees.

Pages and resources that show a person to an operator or a backend call `look_up`, and nothing of the people table
otherwise. One's own things need no reason.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import Form, HTTPException, status

from gateway.errors import HadirError
from gateway.people import Person
from gateway.web.site import Site
from gateway.web.viewer import Viewer

SHORTEST, LONGEST = 5, 200
Reason = Annotated[str, Form(alias="alasan", min_length=SHORTEST, max_length=LONGEST)]
"""A form's field for it."""


def look_up(site: Site, viewer: Viewer, pid: str, *, what: str, reason: str) -> Person:
    """The person, once it is written down that `viewer` looked and why.

    `what`: a stable word for what is shown: name, history, correction, attendance. Raises HTTPException 404 for nobody
    and for whom this viewer may not see, which look alike; 422 without a reason.
    """
    unit = site.people.unit_of(pid)
    if unit is None or not viewer.sees(unit, pid):
        raise HTTPException(status.HTTP_404_NOT_FOUND, "there is no such person")
    if pid != viewer.pid:
        _note(site, viewer, pid, unit, what, reason)
    person = site.people.person(pid)
    if person is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "there is no such person")
    return person


async def look_up_unit(site: Site, viewer: Viewer, unit: str, pids: list[str], *, what: str, reason: str) -> None:
    """As `look_up`, of all whose records of one unit are shown: each of them sees it. Nobody's name is opened.

    Also of who has moved to another unit since: their records stay with the one that they were of. Who is erased is not
    noted. Raises HTTPException 404 and 422.
    """
    if not viewer.sees(unit):
        raise HTTPException(status.HTTP_404_NOT_FOUND, "there is no such unit")
    shown = [pid for pid in dict.fromkeys(pids) if pid != viewer.pid and site.people.unit_of(pid) is not None]
    if shown:
        await asyncio.to_thread(site.accounts.note_lookups, viewer, shown, unit, what, _given(reason))


def of_unit(site: Site, unit: str, pids: list[str]) -> list[Person]:
    """Those of some people, looked up before, who are of this unit now."""
    here = (pid for pid in dict.fromkeys(pids) if site.people.unit_of(pid) == unit)
    return [person for pid in here if (person := site.people.person(pid)) is not None]


def _note(site: Site, viewer: Viewer, pid: str, unit: str, what: str, reason: str) -> None:
    try:
        site.accounts.note_lookup(viewer, pid, unit, what, _given(reason))
    except HadirError as error:
        raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, str(error)) from error


def must_say(reason: str) -> None:
    """Raises HTTPException 403: this credential sees people only with a reason, and this is none."""
    if len(_line(reason)) < SHORTEST:
        text = f"reason: say why people are looked up, in {SHORTEST} characters or more; they see it"
        raise HTTPException(status.HTTP_403_FORBIDDEN, text)


def _given(reason: str) -> str:
    """The reason in one line. Raises HTTPException 422: there is none."""
    line = _line(reason)
    if not SHORTEST <= len(line) <= LONGEST:
        text = f"say in {SHORTEST} to {LONGEST} letters why you look this person up: they see it"
        raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, text)
    return line


def _line(reason: str) -> str:
    return " ".join(reason.split())
