"""Approved corrections, told to the building's coordinator, so that they stand in the ledger as events.

A correction that is approved is told at once, and again later while nobody leads the building, or the broker is away:
what was not told is in the web's database, also after a restart. What people wrote to each other is not told: the event
says the kind of the request.

It is one command, however often it is tried: a gateway that has carried it out answers and does not say it again. What
the ledger has by then is not told again either; after a change of coordinator it may be said twice, and says the same.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID, uuid5

from gateway.clock import SECOND
from gateway.errors import HadirError
from gateway.ledger_view import View
from gateway.supervise import full_jitter
from gateway.web.asking import NO_ANSWER, NOT_SENT
from gateway.web.mine.attempts import DAY
from gateway.web.mine.record import OWN, Visit, fold
from gateway.web.mine.requests import GONE, TOLD, Request, Requests
from gateway.web.site import Site
from gateway.web.workplace import NOT_LEADING, ask_coordinator

_log = logging.getLogger(__name__)

LOOK_S = 1.0
FIRST_S, LONGEST_S = 2.0, 600.0
"""Between two tries."""
_WAITS = frozenset({NO_ANSWER, NOT_SENT, NOT_LEADING, "expired"})


@dataclass(frozen=True, slots=True)
class _Tried:
    """One that waits for its next try."""

    times: int
    due: int
    """By the machine's clock, ns."""


class Amendments:
    """Of one site. Used from the event loop."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._requests = Requests(site.accounts.connection)
        self._tried: Mapping[str, _Tried] = {}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.round()
            except HadirError as error:
                _log.debug("corrections: %s", error)
            await asyncio.sleep(LOOK_S)

    async def round(self) -> None:
        """Tell what is due. Raises HadirError: the ledger (where a check-in was), or our own file, cannot be read."""
        waiting = self._requests.untold()
        self._tried = {one.id: self._tried[one.id] for one in waiting if one.id in self._tried}
        now = self._site.clock.machine()
        due = [one for one in waiting if one.id not in self._tried or self._tried[one.id].due <= now]
        if not due:
            return
        visits = await self._site.reading.ask(lambda view: [visit_of(view, self._site, one) for one in due])
        silent: set[str] = set()
        for one, visit in zip(due, visits, strict=True):
            told = await self._tell(one, visit, silent)
            if told:
                self._requests.mark_told(one.id, told)
            else:
                times = self._tried[one.id].times + 1 if one.id in self._tried else 1
                pause = full_jitter(times - 1, first_s=FIRST_S, longest_s=LONGEST_S)
                self._tried = {**self._tried, one.id: _Tried(times, self._site.clock.machine() + round(pause * SECOND))}

    async def _tell(self, asked: Request, visit: Visit | None, silent: set[str]) -> str:
        """What became of it, as Request.told. `silent`: buildings without an answer in this round; more are added."""
        if visit is None:
            return GONE
        says = (asked.field, asked.new or None)
        if any((fix["field"], fix["new"]) == says and fix["at"] >= asked.asked for fix in visit.corrections):
            return TOLD
        building = visit.place.split("/", 2)[1]
        if building in silent:
            return ""
        answer = await ask_coordinator(
            self._site,
            "amend",
            visit.place,
            actor=asked.decided_by,
            role="operator",
            pid=asked.pid,
            unit=asked.unit,
            args={
                "target_id": asked.target,
                "field": asked.field,
                "old": asked.old,
                "new": asked.new,
                "reason": asked.kind,
            },
            identity=str(uuid5(UUID(asked.id), "amend")),
        )
        if answer.reason in _WAITS:
            silent.add(building)
            return ""
        if not answer.ok:
            _log.warning("corrections: a gateway refuses one that was approved: %s", answer.reason)
        return TOLD if answer.ok else answer.reason


def visit_of(view: View, site: Site, asked: Request) -> Visit | None:
    """The check-in that a request is about; None: about none, or nothing of it is kept any more."""
    since = max(0, asked.asked - site.office.archive.retain_people_days * DAY)
    return next((one for one in fold(view.of_person(asked.pid, OWN, since)).visits if one.id == asked.target), None)
