"""What follows when the office clock is set, or the machine has slept: in one turn of the event loop.

    what is here is ruled in the old time ──▶ the clock ──▶ rule states, what falls due, what waits, what is shown
                                                        └──▶ one transaction: facts, events that were held, and the word

So the rules live in a time that goes on evenly, and nobody expires, comes late or is missed by a step. In the
transaction go with it: the rows of the rules' facts, the events about people that waited for the time (they are sent
now, with the right one), and what is told of it:

    gateway.clock_corrected   the time has become known: of each boot since the machine started that did not know it
    gateway.clock_stepped     it was known, and is another

A kill before the commit leaves the old state and the boot in the clock's file: the next boot says the correction, and
what was held goes out as it was recorded. One after it leaves nothing to do.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from gateway.clock import Clock, Quality, rfc3339
from gateway.contract.retimed import retimed
from gateway.outbox import Draft, Outbox
from gateway.outbox_store import Row, Table
from gateway.pipeline import Pipeline
from gateway.rebase import Move
from gateway.timekeeping import Change, Nap, OfficeClock
from rules import desk, presence
from rules.api import Event, Fact

_log = logging.getLogger(__name__)

LOOK_S = 1.0
AGAIN = (desk.NAME, presence.NAME)
"""Rules that go by a calendar."""


class Moves(Protocol):
    """Holds office times."""

    def rebase(self, move: Move) -> Sequence[Fact] | None:
        """Move them; facts that changed, other than those that move by themselves (integers)."""
        ...


class Timing:
    """Of one gateway."""

    def __init__(
        self,
        clock: Clock,
        *,
        boot: str,
        place: str,
        quality: str,
        outbox: Outbox,
        pipeline: Pipeline,
        moves: Sequence[Moves],
        slept: Callable[[int, int], None],
    ) -> None:
        """`place` and `quality`: of the gateway's own events. Nothing is to do where `clock` is not an OfficeClock: the
        time of a demo is what it is said to be."""
        self._office = clock if isinstance(clock, OfficeClock) else None
        self._clock = clock
        self._boot, self._place, self._quality = boot, place, quality
        self._outbox = outbox
        self._pipeline = pipeline
        self._moves = moves
        self._slept = slept
        if self._office is not None:
            self._office.runs(boot)
            self._office.on_nap = self._napped

    @property
    def problem(self) -> str:
        """Why the time is not known, or what the machine's clock shows instead; empty when all is well."""
        return "" if self._office is None else self._office.problem

    async def run(self) -> None:
        """Until cancelled."""
        if self._office is not None and self._office.corrections():
            self._correct(self._office)  # of boots that did not live to know it
        while True:
            await asyncio.sleep(LOOK_S)
            self.look()

    def look(self) -> None:
        """A second has passed."""
        clock = self._office
        if clock is None:
            return
        clock.office()  # a nap is noticed
        change = clock.look()
        if change is not None:
            self._set(clock, change)
        if overdue := self._outbox.held.overdue():
            self._outbox.held.release(overdue)

    def _set(self, clock: OfficeClock, change: Change) -> None:
        self._pipeline.drain()
        move = Move(change.by, clock.since)
        clock.adopt(change)
        text = "known" if change.known else "set"
        _log.warning("clock: %s: %s, %+.3f s", text, rfc3339(clock.office()), change.by / 1e9)
        facts = [fact for each in self._moves for fact in each.rebase(move) or ()]
        said = Event("gateway.clock_stepped", self._place, clock.office(), {"offset_ms": change.by / 1e6})
        held = self._outbox.held.numbers
        action = partial(_retime, boot=self._boot, numbers=held, move=move, quality=clock.quality())
        if change.known:
            self._correct(clock, facts, action, held)
        else:
            self._outbox.submit([self._draft(said)], facts, lambda _rows: self._outbox.held.release(held), action)
        self._pipeline.rebase(move, AGAIN)

    def _correct(
        self,
        clock: OfficeClock,
        facts: Sequence[Fact] = (),
        action: Callable[[Table], object] | None = None,
        held: Sequence[int] = (),
    ) -> None:
        """Say by how much each boot of this life of the machine was wrong."""
        wrong = clock.corrections()
        now = clock.office()
        drafts = [
            self._draft(
                Event("gateway.clock_corrected", self._place, now, {"boot": boot, "offset_ms": round(by / 1e6, 3)})
            )
            for boot, by in wrong.items()
        ]

        def done(_rows: list[Row | None]) -> None:
            clock.corrected(wrong)
            self._outbox.held.release(held)

        self._outbox.submit(drafts, facts, done, action)

    def _draft(self, event: Event) -> Draft:
        return Draft(event, "", self._quality)

    def _napped(self, nap: Nap) -> None:
        _log.warning("clock: the machine has slept for %.0f s", (nap.until - nap.since) / 1e9)
        self._slept(nap.since, nap.until)


def _retime(table: Table, *, boot: str, numbers: Sequence[int], move: Move, quality: Quality) -> None:
    table.retime(boot, numbers, move, lambda body: retimed(body, move.time, quality))
