"""What follows when the office clock is set, or the machine has slept: in one turn of the event loop.

    what is here is ruled in the old time ──▶ the clock ──▶ rule states, what falls due, what waits, what is shown
                                                        └──▶ one transaction: facts, events that were held, and the word

So the rules live in a time that goes on evenly, and nobody expires, comes late or is missed by a step. In the
transaction go with it: the rows of the rules' facts, the events about people that waited for the time (they are sent
now, with the right one), and what is told of it:

    gateway.clock_corrected   the time has become known: of each boot since the machine started that did not know it
    gateway.clock_stepped     it was known, and is another

A kill before the commit leaves the old state, and the boot in the clock's file: the next one that knows the time moves
the facts and says the correction before it reads anything (`settle`); what was held goes out as it was recorded. A fact
in the same transaction says that a boot is settled, so that nothing is moved twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from gateway.clock import Clock, Quality, rfc3339
from gateway.contract.retimed import retimed
from gateway.outbox import Draft, Outbox
from gateway.outbox_store import Row, Table
from gateway.pipeline import Pipeline
from gateway.rebase import Move
from gateway.timekeeping import Change, Corrections, Nap, OfficeClock
from rules import desk, presence
from rules.api import Event, Fact

_log = logging.getLogger(__name__)

LOOK_S = 1.0
NAME = "clock"
"""Of its fact: the boots that are settled."""
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
        self._boot, self._say = boot, Words(place, quality)
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
        wrong = clock.corrections()
        drafts = self._say.stepped(clock, change.by) if wrong is None else self._say.corrected(clock, wrong)
        boots = (self._boot,) if wrong is None else wrong.boots
        held = self._outbox.held.numbers
        action = partial(_retime, boots=boots, numbers=held, move=move, quality=clock.quality())

        def done(_rows: list[Row | None]) -> None:
            if wrong is not None:
                clock.corrected(wrong.boots)
            self._outbox.held.release(held)

        self._outbox.submit(drafts, [*facts, *_settled(wrong)], done, action)
        self._pipeline.rebase(move, AGAIN)

    def _napped(self, nap: Nap) -> None:
        _log.warning("clock: the machine has slept for %.0f s", (nap.until - nap.since) / 1e9)
        self._slept(nap.since, nap.until)


class Words:
    """The gateway's own events about its clock."""

    def __init__(self, place: str, quality: str) -> None:
        self._place, self._quality = place, quality

    def stepped(self, clock: Clock, by: int) -> list[Draft]:
        """A known time is another now."""
        return [self._draft("gateway.clock_stepped", clock, {"offset_ms": round(by / 1e6, 3)})]

    def corrected(self, clock: Clock, wrong: Corrections) -> list[Draft]:
        """By how much each boot of this life of the machine was wrong."""
        offset = round(wrong.move.by / 1e6, 3)
        return [
            self._draft("gateway.clock_corrected", clock, {"boot": boot, "offset_ms": offset}) for boot in wrong.boots
        ]

    def _draft(self, kind: str, clock: Clock, data: Mapping[str, Any]) -> Draft:
        return Draft(Event(kind, self._place, clock.office(), data), "", self._quality)


async def settle(clock: Clock, outbox: Outbox, *, place: str, quality: str) -> None:
    """Boots that did not live to know the time: before anything is read that they have left.

    It is known now, and they are corrected; or the machine has lost its power since: their events stay flagged, and
    what they remember (who has a desk) is moved to the present.
    """
    if not isinstance(clock, OfficeClock):
        return
    words = Words(place, quality)
    for wrong, said in ((clock.lost(), False), (clock.corrections(), True)):
        if wrong is None:
            continue
        done = (await outbox.facts(NAME)).get("settled", {}).get("boots", ())
        if wrong.boots[-1] not in done:
            durable: asyncio.Future[list[Row | None]] = asyncio.get_running_loop().create_future()
            action = partial(_retime, boots=wrong.boots, numbers=(), move=wrong.move, quality=clock.quality())
            outbox.submit(words.corrected(clock, wrong) if said else [], _settled(wrong), durable.set_result, action)
            await asyncio.shield(durable)
        clock.corrected(wrong.boots)


def _settled(wrong: Corrections | None) -> list[Fact]:
    return [] if wrong is None else [Fact(NAME, "settled", {"boots": [*wrong.boots]})]


def _retime(table: Table, *, boots: Sequence[str], numbers: Sequence[int], move: Move, quality: Quality) -> None:
    """`numbers`: of the last of `boots`."""
    table.retime(boots, numbers, move, lambda body: retimed(body, move.time, quality))
