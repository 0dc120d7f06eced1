"""Time-series stores follow the ledger, each with a cursor and in its own time, never in the way of an acknowledgement.

ledger rows behind the cursor ──▶ points ──▶ (milliseconds: moved apart) ──▶ store.write ──▶ cursor
quarter hours that ended, or that a late row touched ──▶ space_use_15m ──▶ store.write

Everything may be written again, to the same end. A store that was started again, or that did not answer, may have lost
what it took last: the cursor goes back to where it was HEAL_S ago, and an emptied store is written from the beginning.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import apsw

from gateway import sqlite
from gateway.clock import SECOND, Clock
from gateway.config.model import Office
from gateway.counters import Counters
from gateway.errors import PermanentError, TransientError
from gateway.ledger import Ledger, Progress
from gateway.ledger_view import Stored, View
from gateway.shift import Shifter
from gateway.stores.base import BadPoints, Point, Store
from gateway.stores.points import points_of
from gateway.stores.windows import QUARTER, window_of
from gateway.supervise import full_jitter
from gateway.usage import Usage, Window

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

BATCH_ROWS = 500
BATCH_POINTS = 2_000
HEAL_S = 120.0
"""VictoriaMetrics lost what it took in the last 8 s before it was killed; a probe finds that out PROBE_S later."""
PROBE_S = 10.0
LONGEST_RETRY_S = 30.0


class _Mark(NamedTuple):
    """Where a store was at a machine time."""

    machine: int
    cursor: int
    swept: int


class _Batch(NamedTuple):
    """Rows made into points, in a thread."""

    cursor: int
    points: list[Point]
    windows: dict[Window, bool]
    """Closed quarter hours that the rows touch, and whether by a row that is projected for the first time."""


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
        self._view = View.open(path)
        self._usage = Usage(self._view, office)
        self._shifter = Shifter(self._view, store.name) if store.milliseconds else None
        found = self._view.progress(store.name)
        now = window_of(clock.office())
        self._progress = Progress(0, 0, now) if found is None else Progress(*found)
        # what was written in the last minutes of an earlier life may be lost
        self._cursor = self._progress.safe
        self._seen = self._progress.cursor
        self._swept = self._progress.swept
        self._dirty: set[Window] = set()
        self._marks: deque[_Mark] = deque([_Mark(clock.machine(), self._cursor, self._swept)])
        self._wake = asyncio.Event()
        self._probed = 0
        self._rested = -1
        self._reading: asyncio.Future[Any] | None = None
        self.problem = ""
        """Why nothing can be written now; empty when all is well."""

    @property
    def cursor(self) -> int:
        """Id of the last row that was written."""
        return self._cursor

    def is_done(self, newest: int) -> bool:
        """Whether everything up to an id, and every quarter hour that has ended, is in the store."""
        behind = self._swept + QUARTER <= self._clock.office() or bool(self._dirty)
        return self._rested >= newest and not behind and not self.problem

    def wake(self) -> None:
        """Something was committed."""
        self._rested = -1
        self._wake.set()

    def heard(self, gateway: str, since: int) -> None:
        """A gateway that was not heard since an office time is heard again: what it hid is looked at again."""
        for place in self._usage.owned(gateway):
            start = window_of(since)
            while start + QUARTER <= self._swept:
                self._dirty.add((place, start))
                start += QUARTER
        self.wake()

    async def rewind(self, since: int = 0) -> None:
        """Write again everything that was recorded at or after an office time; 0: everything."""
        first = await self._read(lambda: self._view.first_recorded_from(since)) if since else 1
        if first:
            self._back_to(min(self._cursor, first - 1), min(self._swept, window_of(since)) if since else self._swept)
        self.wake()

    async def run(self) -> None:
        """Until cancelled."""
        attempt = 0
        try:
            while True:
                try:
                    await self._probe()
                    while True:
                        newest = await self._read(self._view.last_id)
                        if await self._step():
                            attempt = 0
                            self._well()
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
        batch = await self._read(self._next)
        if batch is not None:
            await self._write(batch.points)
            for anew in (True, False):
                chosen = [window for window, first in batch.windows.items() if first is anew]
                for at in range(0, len(chosen), BATCH_ROWS):
                    some = chosen[at : at + BATCH_ROWS]
                    await self._write(await self._computed(some, anew=anew))
            self._cursor = batch.cursor
            self._seen = max(self._seen, batch.cursor)
            self._mark()
            return True
        if self._dirty:
            chosen = sorted(self._dirty, key=lambda window: window[1])[:BATCH_ROWS]
            await self._write(await self._computed(chosen, anew=True))
            self._dirty.difference_update(chosen)
            self._mark()
            return True
        if self._swept + QUARTER <= self._clock.office():
            chosen = [(place, self._swept) for place in self._usage.places]
            await self._write(await self._computed(chosen, anew=False))
            self._swept += QUARTER
            self._mark()
            return True
        return False

    async def _rest(self, newest: int) -> None:
        """Until something was committed, a quarter hour ends, or the store is to be probed."""
        self._well()
        self._rested = newest
        wait = min(PROBE_S, max(0.01, self._clock.seconds_until(self._swept + QUARTER)))
        try:
            async with asyncio.timeout(wait):
                await self._wake.wait()
        except TimeoutError:
            self._mark()

    def _next(self) -> _Batch | None:
        """In a thread: the next rows as points, and the closed windows that they touch."""
        rows = self._view.after(self._cursor, BATCH_ROWS, classes=("evt",))
        if not rows:
            return None
        points: list[Point] = []
        windows: dict[Window, bool] = {}
        for row in rows:
            data = json.loads(row.body)["data"]
            self._add(row, data, points)
            new = row.id > self._seen
            self._touch(windows, self._usage.touched(row, data, self._swept), new=new)
            if row.type == "gateway.clock_corrected":
                for late in self._view.corrected(row):
                    of_late = json.loads(late.body)["data"]
                    self._add(late, of_late, points)
                    self._touch(windows, self._usage.touched(late, of_late, self._swept), new=new)
        return _Batch(rows[-1].id, points, windows)

    @staticmethod
    def _touch(windows: dict[Window, bool], touched: Iterable[Window], *, new: bool) -> None:
        for window in touched:
            windows[window] = new or windows.get(window, False)

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

    # --- writing ----------------------------------------------------------------------------------------------------

    async def _write(self, points: Sequence[Point]) -> None:
        """Everything that is good; what is bad is counted. Raises TransientError."""
        for at in range(0, len(points), BATCH_POINTS):
            await self._write_some(list(points[at : at + BATCH_POINTS]))

    async def _write_some(self, points: list[Point]) -> None:
        if not points:
            return
        try:
            await self.store.write(points)
        except PermanentError as error:
            bad = set(error.bad) if isinstance(error, BadPoints) else set()
            if bad:
                self._bad(len(bad), error)
                await self._write_some([point for at, point in enumerate(points) if at not in bad])
            elif len(points) == 1:
                self._bad(1, error)
            else:
                middle = len(points) // 2
                await self._write_some(points[:middle])
                await self._write_some(points[middle:])
            return
        self._counters.add("projection.points", self.store.name, len(points))

    def _bad(self, n: int, error: PermanentError) -> None:
        self._counters.add("projection.bad_points", self.store.name, n)
        _log.debug("%s: %s", self.store.name, error)

    def _mark(self) -> None:
        """Remember where the store is, and what lies so far back that it is safe."""
        now = self._clock.machine()
        self._marks.append(_Mark(now, self._cursor, self._swept))
        while len(self._marks) > 1 and self._marks[1].machine <= now - HEAL_S * SECOND:
            self._marks.popleft()
        self._note()

    def _note(self) -> None:
        progress = Progress(self._cursor, self._marks[0].cursor, self._marks[0].swept, self._progress.instance)
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
            return
        known = self._progress.instance
        self._progress = self._progress._replace(instance=life)
        if known:
            _log.warning("store %s was started again: projecting again what it may have lost", self.store.name)
            if self.store.whole:
                self._back_to(0, self._swept)
            else:
                self._heal()
        self._note()

    def _heal(self) -> None:
        oldest = self._marks[0]
        self._back_to(oldest.cursor, oldest.swept)

    def _back_to(self, cursor: int, swept: int) -> None:
        if cursor < self._cursor or swept < self._swept:
            self._counters.add("projection.healed", self.store.name)
        self._cursor, self._swept = cursor, swept
        self._rested = -1
        self._marks = deque([_Mark(self._clock.machine(), cursor, swept)])

    def _ill(self, error: TransientError) -> None:
        self._counters.add("projection.retries", self.store.name)
        if not self.problem:
            _log.warning("store %s: %s; trying again", self.store.name, error)
        self.problem = str(error)

    def _well(self) -> None:
        if self.problem:
            _log.warning("store %s: takes points again", self.store.name)
            self.problem = ""


class Projections:
    """All stores of an archive."""

    def __init__(
        self, ledger: Ledger, stores: Sequence[Store], office: Office, clock: Clock, counters: Counters
    ) -> None:
        """Raises HadirError."""
        path = office.path(office.archive.ledger)
        self._ledger = ledger
        self._clock = clock
        self._silences = ledger.silences()
        self._each = {store.name: Projection(store, ledger, path, office, clock, counters) for store in stores}

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            for name, projection in self._each.items():
                group.create_task(projection.run(), name=f"projection {name}")

    def wake(self) -> None:
        """Something was committed."""
        for projection in self._each.values():
            projection.wake()

    async def rewind(self, store: str, since: int = 0) -> None:
        """Write again to one store everything recorded at or after an office time; 0: everything. Raises KeyError."""
        await self._each[store].rewind(since)

    async def gateway(self, gateway: str, *, heard: bool, at: int = 0) -> None:
        """A gateway's status: from an office time on it is not heard (lost, disconnected), or it is ready again.

        `at` 0: since when is not known (a retained status): since its last event. Raises TransientError.
        """
        if heard and gateway in self._silences:
            await asyncio.to_thread(self._ledger.silence, gateway, None)
            since = self._silences.pop(gateway)
            for projection in self._each.values():
                projection.heard(gateway, since)
        elif not heard and gateway not in self._silences:
            since = at or await asyncio.to_thread(self._ledger.last_word, gateway) or self._clock.office()
            await asyncio.to_thread(self._ledger.silence, gateway, since)
            self._silences[gateway] = since

    def is_done(self, store: str, newest: int) -> bool:
        """Whether a store holds everything up to an id of the ledger. Raises KeyError."""
        return self._each[store].is_done(newest)

    def status(self) -> dict[str, dict[str, Any]]:
        """By store: cursor, and why it is not written to, if so."""
        return {name: {"cursor": each.cursor, "problem": each.problem} for name, each in self._each.items()}
