"""Time-series stores follow the ledger, each with a cursor and in its own time, never in the way of an acknowledgement.

ledger rows behind the cursor ──▶ points ──▶ (milliseconds: moved apart) ──▶ store.write ──▶ cursor
quarter hours that ended, or that a late row touched ──▶ space_use_15m ──▶ store.write

Everything may be written again, to the same end. A store that was started again, or that did not answer, may have lost
what it took last: the cursor goes back to where it was HEAL_S ago, or before the last proof that a query finds what was
written (stores/proof.py), and an emptied store is written from the beginning.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import apsw

from gateway import sqlite
from gateway.clock import SECOND, Clock
from gateway.config.model import Office
from gateway.counters import Counters
from gateway.errors import TransientError
from gateway.ledger import Ledger, Progress
from gateway.ledger_view import Stored, View
from gateway.shift import Shifter
from gateway.stores.base import Point, Store
from gateway.stores.careful import Careful
from gateway.stores.marks import Held, Mark, Marks
from gateway.stores.points import points_of
from gateway.stores.proof import Proof
from gateway.stores.windows import QUARTER, Stretches, Window, stretch, window_of
from gateway.supervise import full_jitter
from gateway.usage import Usage

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

BATCH_ROWS = 500
MOST_HELD = 10_000
"""Rows whose quarter hours are computed together, while there are more: one that many rows touch is computed once."""
HEAL_S = 120.0
"""VictoriaMetrics lost what it took in the last 8 s before it was killed; a probe finds that out PROBE_S later."""
PROBE_S = 10.0
LONGEST_RETRY_S = 30.0
GIVES_WAY, LONGEST_WAY_S = 4, 0.25
"""While events wait for a commit it rests so many times as long as its step took: it halved the rate of a drain."""
REBUILT_S = 400 * 86_400.0
"""A new or emptied store gets quarter hours so far back, and events from the beginning."""


class Projection:
    """One store."""

    def __init__(
        self, store: Store, ledger: Ledger, path: Path, office: Office, clock: Clock, counters: Counters
    ) -> None:
        """`path`: of the ledger; rows are read over a connection of its own. Raises HadirError."""
        self.store = store
        self._ledger = ledger
        self._clock = clock
        self._counters = counters
        self._writer = Careful(store, counters)
        self._proof = Proof(store, clock)
        self._view = View.open(path)
        try:
            self._usage = Usage(self._view, office)
            found = self._view.progress(store.name)
            first = self._first_window()
        except apsw.Error as error:
            raise sqlite.remedy(error) from error
        self._shifter = Shifter(self._view, store.name) if store.milliseconds else None
        self._progress = Progress(0, 0, first) if found is None else Progress(*found)
        # what was written in the last minutes of an earlier life may be lost
        self._cursor = self._progress.safe
        self._seen = self._progress.cursor
        self._swept = min(self._progress.swept, window_of(clock.office()))  # unless the clock was ahead
        self._dirty = Stretches()
        self._held = Held(self._cursor)
        self._marks = Marks(Mark(clock.machine(), self._cursor, self._swept))
        self._wake = asyncio.Event()
        self._busy = False
        self._probed = 0
        self._rested = -1
        self._reading: asyncio.Future[Any] | None = None
        self.problem = ""
        """Why nothing can be written now; empty when all is well."""

    @property
    def cursor(self) -> int:
        """Id of the last row that was written, with its quarter hours."""
        return self._cursor

    def is_done(self, newest: int) -> bool:
        """Whether everything up to an id, and every quarter hour that has ended, is in the store."""
        behind = self._ended() or bool(self._dirty)
        return self._rested >= newest and not behind and not self.problem

    def wake(self, *, busy: bool = False) -> None:
        """Something was committed; `busy`: and more waits to be."""
        self._busy = busy
        self._rested = -1
        self._wake.set()

    def look_again(self, gateway: str, since: int) -> None:
        """What is known of a gateway's places since an office time is computed again: it is silent, or no longer."""
        for place in self._usage.owned(gateway):
            self._dirty.add(place, stretch(since, self._swept, self._swept))
        self.wake()

    async def rewind(self, since: int = 0) -> None:
        """Write again everything that was recorded at or after an office time; 0: everything."""
        if not since:
            self._back_to(0, await self._read(self._first_window))
        elif first := await self._read(lambda: self._view.first_recorded_from(since)):
            self._back_to(min(self._cursor, first - 1), min(self._swept, window_of(since)))
        self.wake()

    async def run(self) -> None:
        """Until cancelled."""
        attempt = 0
        try:
            while True:
                try:
                    await self._probe()
                    while True:
                        newest, begun = await self._read(self._view.last_id), self._clock.machine()
                        if await self._step():
                            attempt = 0
                            self._well()
                            if self._busy:
                                took = (self._clock.machine() - begun) / SECOND
                                await asyncio.sleep(min(LONGEST_WAY_S, GIVES_WAY * took))
                        else:
                            await self._rest(newest)
                except TransientError as error:
                    self._ill(error)
                    self._heal()
                    await asyncio.sleep(full_jitter(attempt, longest_s=LONGEST_RETRY_S))
                    attempt += 1
        finally:
            self._note()
            if self._reading is not None:
                await asyncio.wait((self._reading,))  # a thread cannot be cancelled, and is still using the view
            self.store.close()
            self._view.close()

    # --- going on ---------------------------------------------------------------------------------------------------

    async def _step(self) -> bool:
        """Write what comes next; False: there is nothing."""
        self._wake.clear()  # before looking: what is committed from here on wakes again
        if self._clock.machine() - self._probed > PROBE_S * SECOND:
            await self._probe()
        points = await self._read(self._next)
        if points is not None:
            await self._writer.write(self._proof.carried(points))
        if self._held.rows and (points is None or not self._held.more or self._held.rows >= MOST_HELD):
            await self._settle()
            return True
        if points is not None:
            return True
        if self._dirty:
            chosen = self._dirty.take(BATCH_ROWS)
            try:
                await self._writer.write(await self._computed(chosen, anew=True))
            except TransientError:
                for place, start in chosen:
                    self._dirty.add(place, (start, start))
                raise
            self._mark()
            return True
        if self._ended():
            chosen = [(place, self._swept) for place in self._usage.places]
            await self._writer.write(await self._computed(chosen, anew=False))
            self._swept += QUARTER
            self._mark()
            return True
        return False

    def _ended(self) -> bool:
        """Whether the next quarter hour has."""
        return self._left_s() <= 0

    def _left_s(self) -> float:
        """Until it has; never by a clock that may be years ahead."""
        known = self._clock.quality().known
        return self._clock.seconds_until(self._swept + QUARTER) if known else PROBE_S

    async def _settle(self) -> None:
        """The quarter hours of the rows that were written; only then the cursor stands behind these."""
        held = self._held
        for windows, anew in ((held.again, False), (held.anew, True)):
            while some := windows.take(BATCH_ROWS):
                await self._writer.write(await self._computed(some, anew=anew))
        if held is not self._held:
            return  # rewound meanwhile
        self._cursor = held.last
        self._seen = max(self._seen, self._cursor)
        self._held = Held(self._cursor)
        self._mark()

    async def _rest(self, newest: int) -> None:
        """Until something was committed, a quarter hour ends, or the store is to be probed."""
        self._well()
        self._rested = newest
        wait = min(PROBE_S, max(0.01, self._left_s()))
        try:
            async with asyncio.timeout(wait):
                await self._wake.wait()
        except TimeoutError:
            self._mark()

    def _next(self) -> list[Point] | None:
        """In a thread: the next rows as points; the closed windows that they touch are held."""
        held = self._held
        rows = self._view.after(held.last, BATCH_ROWS, classes=("evt",))
        if not rows:
            return None
        points: list[Point] = []
        for row in rows:
            late = self._view.corrected(row) if row.type == "gateway.clock_corrected" else []
            touched = held.anew if row.id > self._seen else held.again
            for each in (row, *late):
                data = json.loads(each.body)["data"]
                self._add(each, data, points)
                for place, found in self._usage.touched(each, data, self._swept):
                    touched.add(place, found)
        held.took(rows[-1].id, len(rows), more=len(rows) == BATCH_ROWS)
        return points

    def _first_window(self) -> int:
        """Where a store that has nothing yet begins."""
        now = self._clock.office()
        first = self._view.first_at()
        return window_of(now if first is None else min(now, max(first, now - int(REBUILT_S * SECOND))))

    def _add(self, row: Stored, data: dict[str, Any], points: list[Point]) -> None:
        point = points_of(row, data, self._usage.kind)
        if point is not None:
            points.append(point if self._shifter is None else self._shifter.event(point, row))

    def _compute(self, windows: Sequence[Window], *, anew: bool) -> list[Point]:
        """In a thread: `space_use_15m` of windows; `anew`: they may have been written before."""
        silences = self._view.silences()
        points = [self._usage.point(place, start, silences) for place, start in windows]
        return points if self._shifter is None else [self._shifter.window(point, anew=anew) for point in points]

    async def _computed(self, windows: Sequence[Window], *, anew: bool) -> list[Point]:
        return await self._read(lambda: self._compute(windows, anew=anew))

    async def _read(self, work: Callable[[], _T]) -> _T:
        """Run `work` over the view in a thread, one at a time. Raises HadirError by remedy."""
        self._reading = reading = asyncio.get_running_loop().run_in_executor(None, work)
        try:
            return await asyncio.shield(reading)
        except apsw.Error as error:
            raise sqlite.remedy(error) from error

    # --- where it is ------------------------------------------------------------------------------------------------

    def _mark(self) -> None:
        """Remember where the store is, and what lies so far back that it is safe."""
        now = self._clock.machine()
        self._marks.add(Mark(now, self._cursor, self._swept), safe=min(now - int(HEAL_S * SECOND), self._proof.at))
        self._note()

    def _note(self) -> None:
        safe = self._marks.oldest
        progress = Progress(self._cursor, safe.cursor, safe.swept, self._progress.instance)
        moves = () if self._shifter is None else self._shifter.take_moves()
        if progress != self._progress or moves:
            self._progress = progress
            self._ledger.note(self.store.name, progress, moves)

    # --- healing ----------------------------------------------------------------------------------------------------

    async def _probe(self) -> None:
        """Look whether the store is the one that was written to. Raises TransientError when it is away."""
        self._probed = self._clock.machine()
        life = await self.store.life()
        if life == self._progress.instance:
            await self._proof.look()
            return
        known = self._progress.instance
        self._progress = self._progress._replace(instance=life)
        if known:
            _log.warning("store %s was started again: projecting again what it may have lost", self.store.name)
            if self.store.whole:
                self._back_to(0, await self._read(self._first_window))
            else:
                self._heal()
        self._note()

    def _heal(self) -> None:
        oldest = self._marks.oldest
        self._back_to(oldest.cursor, oldest.swept)

    def _back_to(self, cursor: int, swept: int) -> None:
        self._proof.forget()
        if cursor < self._cursor or swept < self._swept:
            self._counters.add("projection.healed", self.store.name)
        self._cursor, self._swept = cursor, swept
        self._rested = -1
        self._held = Held(cursor)
        self._marks = Marks(Mark(self._clock.machine(), cursor, swept))

    def _ill(self, error: TransientError) -> None:
        self._counters.add("projection.retries", self.store.name)
        if not self.problem:
            _log.warning("store %s: %s; trying again", self.store.name, error)
        self.problem = str(error)

    def _well(self) -> None:
        if self.problem:
            _log.warning("store %s: takes points again", self.store.name)
            self.problem = ""
