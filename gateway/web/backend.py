"""What the web application does beside answering: it follows how complete the record is, and serves other systems."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

from gateway import durable
from gateway.errors import HadirError, PermanentError
from gateway.web.alarms_board import Problem, Urgency
from gateway.web.bookings.mirror import MirrorState
from gateway.web.hooks import Hooks
from gateway.web.records.rows import Rows
from gateway.web.site import Site

_log = logging.getLogger(__name__)

HEAR_S = 1.0
LOOK_EVERY = 10
"""Of these: the ledger is looked at, and what is proven is kept."""


def alarms_of(hooks: Hooks, bookings: MirrorState | None) -> Iterator[Problem]:
    """What is wrong with other systems that this site speaks to."""
    for hook in hooks.states():
        if hook.dead:
            yield Problem("hook_dead", hook.id, Urgency.TODAY, hook.why)
        elif hook.failing_since is not None:
            yield Problem("hook_fails", hook.id, Urgency.SOON, hook.why)
    if bookings is not None:
        state = bookings
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
        self.site = site
        self._path: Path = site.office.path(site.office.web.data) / "proven.json"
        self._heard: dict[str, str] = {}
        self._kept: Mapping[str, object] = {}

    async def run(self) -> None:
        """Until cancelled."""
        self.restore()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(), name="completeness")
            group.create_task(self.site.hooks.run(), name="hooks")
            if self.site.mirror is not None:
                group.create_task(self.site.mirror.run(), name="bookings")

    async def _follow(self) -> None:
        beats = 0
        while True:
            await asyncio.sleep(HEAR_S)
            self.hear()
            beats += 1
            if beats % LOOK_EVERY == 0:
                await self.look()

    def hear(self) -> None:
        """Take what gateways have said of themselves since; health is never retained, so that what is new is now."""
        for gateway, told in self.site.live.health.items():
            if self.site.live.connected and self._heard.get(gateway) != told["at"]:
                self._heard[gateway] = told["at"]
                try:
                    self.site.proofs.told(gateway, told)
                except PermanentError as error:
                    self.site.counters.add("web.refused", error.reason)

    async def look(self) -> None:
        """See what the ledger proves, and keep what is proven."""
        try:
            await self.site.reading.ask(lambda view: self.site.proofs.look(Rows.over(view)))
        except HadirError as error:
            _log.debug("completeness: %s", error)
        self._keep()

    def restore(self) -> None:
        """What an earlier process had proof of."""
        try:
            found = json.loads(self._path.read_text(encoding="ascii"))
            of_a_ledger = isinstance(found.get("proven"), dict)  # an older hadir kept what was proven alone
            proven = found["proven"] if of_a_ledger else found
            if of_a_ledger:
                self.site.proofs.continuity.restore(found["seen"], found["replaced"])
            self.site.proofs.restore({str(name): int(until) for name, until in proven.items()})
        except FileNotFoundError:
            return
        except (OSError, ValueError, LookupError, AttributeError, TypeError, HadirError) as error:
            _log.warning("%s: %s; how complete the record is, is found out anew", self._path, error)

    def _keep(self) -> None:
        seen, replaced = self.site.proofs.continuity.kept
        kept = {"proven": self.site.proofs.proven, "seen": seen, "replaced": replaced}
        if kept == self._kept:
            return
        try:
            durable.replace(self._path, json.dumps(kept, sort_keys=True).encode())
            self._kept = kept
        except (OSError, HadirError) as error:
            _log.warning("%s: %s; after a restart the record seems less complete for a while", self._path, error)
