"""What the web application does beside answering: it follows how complete the record is, and serves other systems."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

from gateway import durable
from gateway.errors import HadirError, PermanentError, TransientError
from gateway.web.alarms_board import Problem, Urgency
from gateway.web.bookings.mirror import Mirror
from gateway.web.hooks import Hooks
from gateway.web.records.rows import Rows
from gateway.web.site import Site

_log = logging.getLogger(__name__)

HEAR_S = 1.0
LOOK_EVERY = 10
"""Of these: the ledger is looked at, and what is proven is kept."""


def alarms_of(hooks: Hooks, mirror: Mirror | None) -> Iterator[Problem]:
    """What is wrong with other systems that this site speaks to."""
    for hook in hooks.states():
        if hook.dead:
            yield Problem("hook_dead", hook.id, Urgency.TODAY, hook.why)
        elif hook.failing_since is not None:
            yield Problem("hook_fails", hook.id, Urgency.SOON, hook.why)
    if mirror is not None:
        state = mirror.state
        if state.problem:
            yield Problem("bookings_fail", "", Urgency.TODAY, state.problem)
        if state.unmapped_spaces:
            names = ", ".join(name or space for space, name in state.unmapped_spaces[:5])
            yield Problem("bookings_unmapped", "", Urgency.SOON, names, amount=len(state.unmapped_spaces))
        if state.refused:
            yield Problem("bookings_refused", "", Urgency.TODAY, amount=state.refused)


class Backend:
    """Of one site."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._path: Path = site.office.path(site.office.web.data) / "proven.json"
        self._heard: dict[str, str] = {}
        self._kept: Mapping[str, int] = {}

    async def run(self) -> None:
        """Until cancelled."""
        self._restore()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(), name="completeness")
            group.create_task(self._site.hooks.run(), name="hooks")
            if self._site.mirror is not None:
                group.create_task(self._site.mirror.run(), name="bookings")

    async def _follow(self) -> None:
        beats = 0
        while True:
            await asyncio.sleep(HEAR_S)
            self.hear()
            beats += 1
            if beats % LOOK_EVERY == 0:
                await self._look()

    def hear(self) -> None:
        """Take what gateways have said of themselves since; health is never retained, so that what is new is now."""
        for gateway, told in self._site.live.health.items():
            if self._site.live.connected and self._heard.get(gateway) != told["at"]:
                self._heard[gateway] = told["at"]
                try:
                    self._site.proofs.told(gateway, told)
                except PermanentError as error:
                    self._site.counters.add("web.refused", error.reason)

    async def _look(self) -> None:
        try:
            await self._site.reading.ask(lambda view: self._site.proofs.look(Rows.over(view)))
        except TransientError as error:
            _log.debug("completeness: %s", error)
        self._keep()

    def _restore(self) -> None:
        try:
            found = json.loads(self._path.read_text(encoding="ascii"))
            self._site.proofs.restore({str(name): int(until) for name, until in found.items()})
        except FileNotFoundError:
            return
        except (OSError, ValueError, AttributeError, TypeError) as error:
            _log.warning("%s: %s; how complete the record is, is found out anew", self._path, error)

    def _keep(self) -> None:
        proven = self._site.proofs.proven
        if proven == self._kept:
            return
        try:
            durable.replace(self._path, json.dumps(proven, sort_keys=True).encode())
            self._kept = proven
        except (OSError, HadirError) as error:
            _log.warning("%s: %s; after a restart the record seems less complete for a while", self._path, error)
