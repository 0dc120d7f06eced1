"""Hop 6: durable store-and-forward. From here on, loss is a bug.

Events and facts are committed in one transaction by one worker thread (an fsync must not block the event loop), and
what arrives while a commit runs shares the next one: the slower the disk, the larger the groups, and on a fast one
nobody waits for company. The sequence is given in the order of arrival and is contiguous in a boot; a commit that fails
is tried again with the same numbers. An event leaves only when the archive says that it has committed it (`retire`), or
will never take it (`refuse`).
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from gateway.clock import Clock
from gateway.config import model
from gateway.contract.envelope import Origin
from gateway.counters import Counters
from gateway.draft import Backlog, Draft, Encode
from gateway.errors import PermanentError, TransientError
from gateway.held import Held
from gateway.outbox_bounds import Bounds
from gateway.outbox_store import Gap, Row, Table, committed, fact_rows
from gateway.salvage import SALVAGE, Salvaged
from gateway.supervise import full_jitter
from rules.api import Fact

__all__ = ["Backlog", "Draft", "Encode", "Outbox"]

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

ACTS = ("desk.", "workplace.", "presence.corrected", "privacy.")
"""Types of what people did on purpose: given up last."""
READ_BYTES = 1 << 20
LAST_TRIES = 3
"""At the end."""


class _Work(NamedTuple):
    rows: list[Row]
    acts: list[int]
    facts: list[tuple[str, str, str | None]]
    action: Callable[[Table], Any] | None
    done: Callable[[list[Row], Any], None]
    urgent: bool = False
    """Needs no room, or makes some: it does not wait behind a full disk."""


class Outbox:
    """One gateway's outbox. All methods are called on the event loop that runs `run`."""

    def __init__(
        self,
        path: Path,
        origin: Origin,
        clock: Clock,
        counters: Counters,
        settings: model.Outbox,
        *,
        encode: Encode,
        vfs: str | None = None,
    ) -> None:
        """Open the file. Raises HadirError when another process owns it."""
        self._origin = origin
        self._clock = clock
        self._counters = counters
        self._settings = settings
        self._encode = encode
        self._table = Table(path, path.with_suffix(".ballast"), settings.ballast_bytes, vfs)
        self._next = 1
        self._queue: deque[_Work] = deque()
        self._wake = asyncio.Event()
        self._urgent = asyncio.Event()
        self._listeners: list[Callable[[list[Row]], None]] = []
        self.held = Held(origin.boot, clock)
        self._table.count_saved(counters)
        self._bounds = Bounds(settings, clock)
        self._closed = False
        self._empty = asyncio.Event()
        self.stalled = ""
        """Why nothing can be committed now; empty when all is well."""

    # --- writing ----------------------------------------------------------------------------------------------------

    def submit(
        self,
        drafts: Sequence[Draft],
        facts: Sequence[Fact],
        done: Callable[[list[Row | None]], None] | None = None,
        action: Callable[[Table], object] | None = None,
    ) -> None:
        """Commit all of it in one transaction, after everything submitted before; then call `done` with a row a draft.

        An event that the contract does not allow has no row (None): it is counted, and the others are kept.
        """
        recorded = self._clock.office()
        rows: list[Row] = []
        acts: list[int] = []
        places: list[int] = []
        boot = self._origin.boot
        for place, draft in enumerate(drafts):
            event = draft.event
            try:
                topic, body = self._encode(draft, self._next, recorded)
            except PermanentError as error:
                self._counters.add("outbox.refused", error.reason)
                _log.error("%s was not accepted: %s", event.type, error)
                continue
            rows.append(Row(boot, self._next, event.cls, topic, body, recorded, 0, event.person, event.unit))
            acts.append(int(event.type.startswith(ACTS)))
            places.append(place)
            self.held.consider(self._next, event.cls)
            self._next += 1

        def tell(made: list[Row], _: object) -> None:
            if done is not None:
                found: list[Row | None] = [None] * len(drafts)
                for place, row in zip(places, made, strict=True):
                    found[place] = row
                done(found)

        self._put(_Work(rows, acts, fact_rows(facts), action, tell))

    async def append(self, drafts: Sequence[Draft], facts: Sequence[Fact]) -> list[Row]:
        """As `submit`; returns the rows when all of it is durable."""
        waiter: asyncio.Future[list[Row | None]] = asyncio.get_running_loop().create_future()
        self.submit(drafts, facts, lambda rows: None if waiter.cancelled() else waiter.set_result(rows))
        return [row for row in await waiter if row is not None]

    def subscribe(self, listener: Callable[[list[Row]], None]) -> None:
        """Call `listener` with the rows of each commit that may be sent."""
        self._listeners.append(listener)

    async def set_aside(self) -> list[str]:
        """Of each damaged file that is kept: why, its name, and what was saved of it."""
        return [
            str(Salvaged(**told)) for told in (await self.facts(SALVAGE)).values() if self._table.keeps(told["file"])
        ]

    # --- what the archive says --------------------------------------------------------------------------------------

    async def retire(self, boot: str, ranges: Sequence[tuple[int, int]]) -> int:
        """The archive has committed these; the number of rows that left."""
        return await self._act(lambda table: table.retire(boot, ranges))

    async def refuse(self, boot: str, sequence: int, reason: str) -> None:
        """The archive will never take this one: set it aside as a dead letter."""
        if await self._act(lambda table: table.refuse(boot, sequence, reason)):
            self._counters.add("outbox.dead", "refused")

    async def erase(self, person: str) -> int:
        """Replace the bodies of a person's events and dead letters, keeping their sequence; how many there were."""
        # after all that was submitted before: a commit that waits for room may hold events of this person
        return await self._act(lambda table: table.erase(person), urgent=False)

    # --- reading ----------------------------------------------------------------------------------------------------

    async def facts(self, rule: str) -> dict[str, Mapping[str, Any]]:
        """Bodies of a rule's facts by key."""
        rows = await self._act(lambda table: table.facts(rule))
        return {key: json.loads(body) for key, body in rows}

    async def pending(
        self, *, after: tuple[str, int] | None = None, limit: int = 500, max_bytes: int = READ_BYTES
    ) -> list[Row]:
        """Events that may be sent and are not retired, oldest boot and sequence first, from behind `after`."""
        return await self._act(lambda table: table.pending(after, limit, max_bytes, self.held))

    async def dead_letters(self, limit: int = 100) -> list[tuple[str, int, str, str, bytes]]:
        """(boot, sequence, reason, topic, body)."""
        return await self._act(lambda table: table.dead_letters(limit))

    async def backlog(self) -> Backlog:
        """How much waits."""
        return await self._act(lambda table: Backlog(table.count, table.bytes, table.oldest(), table.dead_count()))

    async def empty(self) -> None:
        """Return when nothing waits for the archive any more."""
        await self._act(lambda table: table.count)  # behind everything submitted before
        while self._table.count:
            self._empty.clear()
            await self._empty.wait()

    @property
    def last_sequence(self) -> int:
        """The highest sequence that was given in this boot."""
        return self._next - 1

    @property
    def waiting(self) -> int:
        """Events that have not been retired; the number alone, without a read."""
        return self._table.count

    # --- the committer ----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Commit what was submitted until cancelled, and then what is left."""
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="outbox") as pool:
            try:
                while True:
                    await self._wake.wait()
                    self._wake.clear()
                    while self._queue:
                        await self._commit(pool, self._batch())
            finally:
                try:
                    while self._queue:
                        await asyncio.shield(self._commit(pool, self._batch(), last=True))
                finally:
                    self._closed = True
                    await asyncio.shield(asyncio.get_running_loop().run_in_executor(pool, self._table.close))

    def _put(self, work: _Work) -> None:
        if self._closed:
            raise TransientError("the outbox is closed")
        self._queue.append(work)
        self._wake.set()
        if work.urgent:
            self._urgent.set()

    async def _act(self, action: Callable[[Table], _T], *, urgent: bool = True) -> _T:
        waiter: asyncio.Future[_T] = asyncio.get_running_loop().create_future()

        def done(_rows: list[Row], result: _T) -> None:
            if not waiter.done():
                waiter.set_result(result)

        self._put(_Work([], [], [], action, done, urgent))
        return await waiter

    def _batch(self) -> list[_Work]:
        """What shares the next transaction: everything here, up to ten batches' worth, in order."""
        batch: list[_Work] = []
        events = 0
        while self._queue and events < 10 * self._settings.batch and len(batch) < 1000:
            work = self._queue.popleft()
            events += len(work.rows)
            batch.append(work)
        return batch

    async def _commit(self, pool: ThreadPoolExecutor, batch: list[_Work], *, last: bool = False) -> None:
        """Until it is done. Cancelled before that, the batch is the queue's again: its numbers leave no hole."""
        attempt = 0
        try:
            while batch:
                try:
                    if attempt:
                        await self._make_room(pool)
                    await self._written(pool, batch)
                    break
                except TransientError as error:
                    freed = await self._call(pool, self._table.ballast.free)
                    self._counters.add("outbox.retries", "ballast" if freed else "disk")
                    if not self.stalled:
                        _log.error("outbox: %s; nothing is accepted until that ends", error)
                    self.stalled = str(error)
                    if last and attempt >= LAST_TRIES:
                        raise  # what waits was never acknowledged to anybody: its source still has it
                await self._rest(pool, batch, attempt)
                attempt += 1
        except asyncio.CancelledError:
            self._queue.extendleft(reversed(batch))
            raise
        if self.stalled:
            self.stalled = ""
            _log.warning("outbox: accepts again")

    async def _make_room(self, pool: ThreadPoolExecutor) -> None:
        """Raises TransientError: with the ballast gone only deletions may use the room that it left."""
        if not await self._call(pool, self._table.make_room):
            raise TransientError("the disk is full")

    async def _rest(self, pool: ThreadPoolExecutor, batch: list[_Work], attempt: int) -> None:
        """Between two tries: reads and deletions go on, for they are how a full disk gets room again."""
        end = asyncio.get_running_loop().time() + full_jitter(attempt, longest_s=5.0)
        while True:
            self._urgent.clear()
            urgent = [work for work in (*batch, *self._queue) if work.urgent]
            if urgent:
                batch[:] = [work for work in batch if not work.urgent]
                self._queue = deque(work for work in self._queue if not work.urgent)
                try:
                    await self._written(pool, urgent)
                except TransientError as error:
                    _log.debug("outbox: %s", error)
                finally:
                    self._queue.extendleft(reversed(urgent))
            try:
                async with asyncio.timeout_at(end):
                    await self._urgent.wait()
            except TimeoutError:
                return

    async def _call(self, pool: ThreadPoolExecutor, call: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(pool, call)

    async def _written(self, pool: ThreadPoolExecutor, batch: list[_Work]) -> None:
        """Commit `batch`, tell everybody, and empty it. A write that has begun is ended, also when the daemon stops."""
        running = asyncio.get_running_loop().run_in_executor(pool, self._write, tuple(batch))
        stop: asyncio.CancelledError | None = None
        while not running.done():
            try:
                await asyncio.wait((running,))
            except asyncio.CancelledError as error:
                stop = error
        if running.exception() is None:
            told, batch[:] = tuple(batch), []
            self._tell(told, *running.result())
        if stop is not None:
            raise stop
        running.result()

    def _tell(self, batch: Sequence[_Work], results: list[Any], at: int, gaps: list[Gap]) -> None:
        self._table.count_saved(self._counters)
        if not self._table.count:
            self._empty.set()
        for gap in gaps:
            self._counters.add("outbox.dropped", gap.cause, gap.lost)
        told = [[committed(row, at) for row in work.rows] for work in batch]
        # before anybody releases something: what waits may be another on the disk by now, and is sent from there
        free = [row for rows in told for row in rows if row[:2] not in self.held]
        for work, rows, result in zip(batch, told, results, strict=True):
            work.done(rows, result)
        if many := sum(map(len, told)):
            self._counters.add("outbox.committed", n=many)
            for listener in self._listeners:
                listener(free)

    def _write(self, batch: Sequence[_Work]) -> tuple[list[Any], int, list[Gap]]:
        """In the worker thread: one transaction. What is damaged is saved, and the transaction is tried again."""
        try:
            return self._transact(batch)
        except PermanentError as error:
            self._table.repair(str(error))
        try:
            return self._transact(batch)
        except PermanentError as error:
            if error.reason != "corrupt":
                raise
            raise TransientError(f"the disk: it damages what is written to it: {error}") from error

    def _transact(self, batch: Sequence[_Work]) -> tuple[list[Any], int, list[Gap]]:
        table = self._table
        before = (table.bytes, table.count)
        results: list[Any] = []
        try:
            with table.transaction():
                for work in batch:
                    table.commit(work.rows, work.facts, work.acts)
                    results.append(None if work.action is None else work.action(table))
                self._bounds.hold(table)
                table.vacuum()
        except BaseException:
            table.take_lost()
            table.bytes, table.count = before
            raise
        return results, self._clock.machine(), table.take_lost()
