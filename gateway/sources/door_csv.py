"""Hop 1, door systems that append their badge events to a CSV file, here or on a network share.

The file is looked at every POLL_S. What was read is remembered in the gateway's data folder when it is durable, so
that after a restart no line is lost and none comes twice; a power cut between the two costs one batch, whose lines then
come again with their old times. A file that was there before hadir first saw it is read from its end on.

A share may hang for ever: it is read in a thread that does not keep the process alive, one at a time, and one that does
not come back is a source that is down.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import TypeVar

from gateway import durable
from gateway.config.sources import DoorFields
from gateway.counters import Counters
from gateway.errors import PermanentError, TransientError
from gateway.sources.base import Deliver, OnState, SourceState, Teller
from gateway.sources.door import Taps
from gateway.sources.door_file import Batch, GrowingFile, Position
from gateway.sources.door_table import Encoding, Table, table

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

POLL_S = 1.0
HUNG_S = 15.0
"""A look at a file on a network takes less."""


class DoorCsvSource:
    """One file."""

    def __init__(
        self,
        source_id: str,
        path: Path,
        fields: DoorFields,
        taps: Taps,
        state: SourceState,
        memory: Path,
        counters: Counters,
        *,
        encoding: Encoding = "utf-8",
        poll_s: float = POLL_S,
        on_state: OnState | None = None,
    ) -> None:
        """`memory`: the small file that says where reading stands; `taps` writes into `state`."""
        self.id = source_id
        self.state = state
        self._path = path
        self._fields = fields
        self._taps = taps
        self._memory = memory
        self._counters = counters
        self._encoding = encoding
        self._poll_s = poll_s
        self._teller = Teller(state, on_state)
        self._file: GrowingFile | None = None
        self._table: tuple[bytes, Table] | None = None
        self._aside = Aside()
        self._saved: Position | None = None
        self._to_save: Position | None = None
        self._running = False

    async def run(self, deliver: Deliver) -> None:
        """Follow the file until cancelled. Raises TransientError: it is not there, hangs, or is not such a table."""
        self._running = True
        try:
            while True:
                batch = await self._look()
                if batch is None:
                    await asyncio.sleep(self._poll_s)
                    continue
                await self._take(batch, deliver)
        finally:
            self._running = False
            self.state.up = False
            self._save_now()
            if self._file is not None and self._aside.idle:
                self._file.close()

    async def _look(self) -> Batch | None:
        if self._file is None:
            self._file = GrowingFile(self._path, self._remembered())
        try:
            batch = await self._aside.call(self._file.read, HUNG_S)
        except TimeoutError as error:
            raise self._down("hung", f"no answer for {HUNG_S:.0f} s; is the network share there?") from error
        except OSError as error:
            self._file.close()
            raise self._down("missing", error.strerror or str(error)) from error
        if batch is not None:
            self._table_of(batch.header)
        if not self.state.up:
            self.state.opens += 1
        self._teller.up()
        return batch

    def _down(self, cause: str, problem: str) -> TransientError:
        self._teller.down(cause, f"{self._path}: {problem}")
        return TransientError(self.state.problem)

    # --- lines ------------------------------------------------------------------------------------------------------

    async def _take(self, batch: Batch, deliver: Deliver) -> None:
        """Deliver the lines of a batch and wait until they are durable."""
        assert self._file is not None  # noqa: S101 it is its batch
        if batch.unfinished:
            self._taps.drop("unfinished")
        reader = self._table_of(batch.header)
        rows = [row for line in batch.lines if (row := self._row(reader, line)) is not None]
        taken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def done() -> None:
            self._to_save = batch.position
            if not self._running:  # it was cancelled meanwhile: nobody else will
                self._save_now()
            elif not taken.done():
                taken.set_result(None)

        self._file.accept(batch)
        self._taps.take(rows, deliver, done)
        await taken
        if batch.position != self._saved:
            await self._save(batch.position)
        self._to_save = None

    def _table_of(self, header: bytes) -> Table:
        if self._table is None or self._table[0] != header:
            try:
                self._table = header, table(header, self._fields, self._encoding)
            except PermanentError as error:
                assert self._file is not None  # noqa: S101 it is its header
                self._file.close()  # it may be mended in place
                text = str(error).removeprefix(f"{error.reason}: ")
                raise self._down(error.reason, text) from error
        return self._table[1]

    def _row(self, reader: Table, line: bytes | None) -> object | None:
        if line is None:
            self._taps.drop("oversize")
            return None
        try:
            return reader.row(line)
        except PermanentError as error:
            self._taps.drop(error.reason)
            return None

    # --- what is remembered -----------------------------------------------------------------------------------------

    def _remembered(self) -> Position | None:
        try:
            self._saved = Position.parse(self._memory.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            self._counters.add("door.memory", "damaged")
            _log.warning("%s: cannot be read: %s is read from its end on", self._memory, self._path)
            return None
        return self._saved

    async def _save(self, position: Position) -> None:
        try:
            await self._aside.call(lambda: durable.replace(self._memory, position.written()), HUNG_S)
            self._saved = position
        except OSError as error:  # a full disk, or one that hangs (TimeoutError): the next batch tries again
            self._counters.add("door.memory", "unwritten")
            _log.warning("%s: %s", self._memory, error.strerror or "no answer")

    def _save_now(self) -> None:
        """At a stop."""
        position, self._to_save = self._to_save, None
        if position is not None and position != self._saved:
            with suppress(OSError):
                durable.replace(self._memory, position.written())
                self._saved = position


class Aside:
    """Blocking calls in a thread that does not keep the process alive: one at a time, also when one never returns."""

    def __init__(self) -> None:
        self._last: asyncio.Future[object] | None = None

    @property
    def idle(self) -> bool:
        """No call is under way."""
        return self._last is None or self._last.done()

    async def call(self, work: Callable[[], _T], seconds: float) -> _T:
        """What `work` returns or raises. Raises TimeoutError when it, or the one before it, takes longer."""
        if self._last is not None:
            await self._ended(self._last, seconds)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_T] = loop.create_future()

        def tell(result: _T | None, error: BaseException | None) -> None:
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)  # type: ignore[arg-type]

        def run() -> None:
            result, problem = None, None
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 it is raised where it was asked for
                problem = error
            with suppress(RuntimeError):  # the loop is gone, and nobody waits
                loop.call_soon_threadsafe(tell, result, problem)

        future.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # nobody may wait any more
        self._last = future  # type: ignore[assignment]
        Thread(target=run, name="aside", daemon=True).start()
        await self._ended(future, seconds)
        return future.result()

    @staticmethod
    async def _ended(future: asyncio.Future[object] | asyncio.Future[_T], seconds: float) -> None:
        done, _ = await asyncio.wait((future,), timeout=seconds)
        if not done:
            raise TimeoutError
