"""What people have asked of the site, done on one gateway: not to be sensed (`quiet`), or to be forgotten.

The people table says it by the directory. Hop 4 drops the sightings of who is quiet at once; here the rules are told,
so that what is held of a person ends as well, and the outbox empties what it still holds of who was erased.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from gateway.clock import Clock
from gateway.counters import Counters
from gateway.directory import Directory
from gateway.errors import PermanentError
from gateway.intake import Intake
from gateway.mqtt import Message
from gateway.outbox import Outbox
from gateway.views import Views
from rules.api import Command

OPERATOR = "operator"


class Consent:
    """Follows the directory of one gateway."""

    def __init__(
        self,
        directory: Directory,
        outbox: Outbox,
        intake: Intake,
        views: Views,
        clock: Clock,
        counters: Counters,
        *,
        coordinates: Callable[[], bool],
        forget: Callable[[str], None] = lambda _pid: None,
    ) -> None:
        """`coordinates`: whether this gateway keeps people's presence now; `forget`: what it knows of them, if not."""
        self._forget = forget
        self._directory = directory
        self._outbox = outbox
        self._intake = intake
        self._views = views
        self._clock = clock
        self._counters = counters
        self._coordinates = coordinates
        self._forgotten: asyncio.Queue[str] = asyncio.Queue()
        self._quiet: frozenset[str] = frozenset()
        self._erased: frozenset[str] = frozenset()

    def start(self, quiet: Iterable[str]) -> None:
        """`quiet`: whom the rules remember as quiet. A gateway that was told nothing yet changes nothing.

        At the start, and whenever this gateway begins to keep people's presence.
        """
        self._quiet = frozenset(quiet)
        if self._directory.version:
            self._follow()

    def received(self, message: Message) -> None:
        """An identity snapshot or its changes, from the people table."""
        try:
            if self._directory.apply(message.payload):
                self._counters.add("people.snapshots")
                self._follow()
        except PermanentError as error:
            self._counters.add("people.refused", error.reason)
        message.ack()

    async def run(self) -> None:
        """Empty what is held of erased people, until cancelled. All tombstones are gone through after each start."""
        while True:
            emptied = await self._outbox.erase(await self._forgotten.get())
            self._counters.add("people.emptied", n=emptied)

    def _follow(self) -> None:
        erased, quiet = self._directory.erased, self._directory.quiet
        gone = erased - self._erased
        for pid in sorted(gone):
            for place in self._views.held_by(pid):
                self._tell("release", pid, place, {})
        if self._coordinates():
            for pid in sorted((quiet - self._quiet) | gone):
                self._tell("quiet", pid, "", {"on": True})
            for pid in sorted(self._quiet - quiet - erased):
                self._tell("quiet", pid, "", {"on": False})
        else:
            for pid in sorted(gone):
                self._forget(pid)
        for pid in sorted(gone):
            self._forgotten.put_nowait(pid)
        self._quiet, self._erased = quiet, erased

    def _tell(self, name: str, pid: str, place: str, args: dict[str, bool]) -> None:
        now = self._clock.office()
        self._intake.act(Command(name, place, now, pid, actor=OPERATOR, args=args), now)
