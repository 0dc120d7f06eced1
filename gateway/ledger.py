"""The archive's ledger: the commit. (gateway, boot, sequence) is unique; order of arrival does not matter.

Acknowledgements follow its commits, and time-series stores are projections of it. What was committed is remembered as
ranges, so that a duplicate is recognised also after a person was erased or a row has outlived its retention. Rows that
name a person are in a table of their own; nothing of them is anywhere else in the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any, Literal, NamedTuple

import apsw

from gateway import ledger_schema, sqlite
from gateway.contract.envelope import Envelope
from gateway.errors import PermanentError, TransientError
from gateway.ledger_schema import BUSY_MS, Move, Notes, Progress
from gateway.ledger_view import LATEST, Stored, View, read
from gateway.spans import Spans

RETAIN_ROWS = 1_000
"""Deleted in one transaction, so that a commit never waits long for the retention job."""
LOOKED_UP = 256
"""Duplicates that are compared in one statement."""
ERASED, CORRECTED = "privacy.erased", "gateway.clock_corrected"


class Outcome(NamedTuple):
    """What became of one event."""

    state: Literal["stored", "duplicate", "refused"]
    reason: str = ""
    """Of `refused`: conflict (another event was committed under this number), ledger (the database refuses it)."""


STORED, DUPLICATE = Outcome("stored"), Outcome("duplicate")


class Ledger(View):
    """One file, one writer. Its methods block and may be called from any thread: they wait for each other."""

    def __init__(self, path: Path, *, vfs: str | None = None) -> None:
        """Open or make it. Raises HadirError; ConfigError that says what to do when the file is damaged."""
        connection = ledger_schema.connect(path, vfs)
        super().__init__(connection)
        self._lock = Lock()
        self._notes = Notes()
        self._sources: dict[tuple[str, str], int] = {}
        self._spans: dict[int, Spans] = {}
        self._erased: set[str] = set()
        self._last = 0
        self._era = ledger_schema.new_era()
        self._now = 0
        self._offsets: dict[tuple[str, str], int] = {}
        self._version: object = None
        self._traces = False
        """Deleted content may still be in the write-ahead log."""

    def close(self) -> None:
        """Write what was noted, if there is room for it, and close the file."""
        try:
            with suppress(TransientError):  # it is projected again
                self.flush()
        finally:
            with self._lock:
                self._connection.close()

    # --- committing -------------------------------------------------------------------------------------------------

    def commit(self, events: Sequence[Envelope], stored: int = 0) -> list[Outcome]:
        """Commit what is new, in one transaction; an outcome for each event, durable when this returns.

        `stored`: office time now, from which retention counts for what has no time of its own.
        One event that the database does not take does not lose the others. Raises TransientError: nothing was
        committed; PermanentError: the file is damaged.
        """
        if not events:
            return []
        with self._lock:
            self._now = stored
            try:
                return self._commit(events)
            except PermanentError as error:
                if error.reason == "corrupt":
                    raise
            return [self._alone(event) for event in events]

    def _alone(self, event: Envelope) -> Outcome:
        try:
            return self._commit((event,))[0]
        except PermanentError as error:
            if error.reason == "corrupt":
                raise
            return Outcome("refused", "ledger")

    def _commit(self, events: Sequence[Envelope]) -> list[Outcome]:
        notes = self._notes.take()
        touched: set[int] = set()
        outcomes: list[Outcome] = []
        try:
            with sqlite.transaction(self._connection):
                self._refresh()
                before = self._last
                for some in _runs(events):
                    outcomes += self._take(some, touched)
                for source in touched:
                    self._spans[source].save(self._connection, source)
                if self._last != before:
                    ledger_schema.advance(self._connection, before, self._last, self._era)
                ledger_schema.write_notes(self._connection, notes)
        except BaseException:
            self._version = None  # what is cached may be of the transaction that was rolled back
            self._notes.put_back(notes)
            raise
        self._leave_no_trace()
        return outcomes

    def _refresh(self) -> None:
        """Read the caches again when another connection has written, or a transaction was rolled back."""
        version = self._connection.execute("PRAGMA data_version").get
        if version != self._version:
            run = self._connection.execute
            self._sources = {(str(g), str(b)): int(i) for i, g, b in run("SELECT id, gateway, boot FROM source")}
            self._erased = {str(pid) for (pid,) in run("SELECT pid FROM erased")}
            self._offsets = {
                (str(g), str(b)): int(o) for g, b, o in run("SELECT gateway, boot, offset FROM correction")
            }
            self._last = int(run("SELECT id FROM last_id").get)
            self._spans = {}
            self._version = version

    def _take(self, events: Sequence[Envelope], touched: set[int]) -> list[Outcome]:
        """A few statements for all, not one each: a step of a worker thread waits for a busy event loop."""
        outcomes: list[Outcome] = []
        again: list[tuple[int, int, Envelope]] = []
        rows: list[tuple[Any, ...]] = []
        people: list[tuple[Any, ...]] = []
        for at, event in enumerate(events):
            source = self._source(event.gateway, event.boot)
            spans = self._spans.get(source)
            if spans is None:
                spans = self._spans[source] = Spans.load(self._connection, source)
            if spans.add(event.sequence):
                touched.add(source)
                outcomes.append(STORED)
                if event.person not in self._erased or event.type == ERASED:  # else its number is all that is kept
                    (people if event.person else rows).append(self._row(source, event))
            else:
                again.append((at, source, event))
                outcomes.append(DUPLICATE)
        sqlite.insert(self._connection, "INSERT INTO event", rows)
        sqlite.insert(self._connection, "INSERT INTO person_event", people)
        for at, outcome in self._again(again):
            outcomes[at] = outcome
        if outcomes == [STORED]:
            self._follow(events[0])
        return outcomes

    def _follow(self, event: Envelope) -> None:
        """What an event that was stored alone does to others."""
        if event.type == ERASED and event.person:
            self._erase(event.person, event.time)
        elif event.type == CORRECTED:
            self._correct(event)

    def _source(self, gateway: str, boot: str) -> int:
        known = self._sources.get((gateway, boot))
        if known is None:
            self._connection.execute("INSERT INTO source (gateway, boot) VALUES (?, ?)", (gateway, boot))
            known = self._sources[gateway, boot] = self._connection.last_insert_rowid()
        return known

    def _row(self, source: int, event: Envelope) -> tuple[Any, ...]:
        self._last += 1
        free = event.data["clock"]["sync"] == "none"
        offset = self._offsets.get((event.gateway, event.boot)) if free else 0
        row = (
            self._last,
            source,
            event.sequence,
            event.cls,
            event.type,
            event.subject,
            event.time,
            event.recorded,
            event.raw,
            free,
            None if offset is None else min(max(event.time + offset, 0), LATEST),
        )
        return (*row, event.person, event.unit, self._now) if event.person else row

    def _correct(self, event: Envelope) -> None:
        """Give the free-running boot's events their place in time; of several corrections the last one counts."""
        boot, offset = str(event.data["boot"]), int(event.data["offset_ms"] * 1_000_000)
        self._connection.execute(
            "INSERT INTO correction VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE"
            " SET offset = excluded.offset, by = excluded.by WHERE excluded.by > by",
            (event.gateway, boot, offset, f"{event.boot}/{event.sequence:012d}"),
        )
        values = (event.gateway, boot)
        offset = int(
            self._connection.execute("SELECT offset FROM correction WHERE gateway = ? AND boot = ?", values).get
        )
        self._offsets[values] = offset
        for table in ("event", "person_event"):
            self._connection.execute(
                f"UPDATE {table} SET at = min(max(time + ?, 0), ?) WHERE free AND source ="  # noqa: S608 our tables
                " (SELECT id FROM source WHERE gateway = ? AND boot = ?)",
                (offset, LATEST, *values),
            )

    def _again(self, events: Sequence[tuple[int, int, Envelope]]) -> Iterator[tuple[int, Outcome]]:
        """Of (position, source, event) with numbers that are committed already: those that are not what is held."""
        for first in range(0, len(events), LOOKED_UP):
            some = {at: (source, event) for at, source, event in events[first : first + LOOKED_UP]}
            given = [value for at, (source, event) in some.items() for value in (at, source, event.sequence, event.raw)]
            for table in ("event", "person_event"):
                differ: list[tuple[Any, ...]] = self._connection.execute(
                    f"WITH given (at, source, sequence, body) AS (VALUES {','.join(['(?, ?, ?, ?)'] * len(some))})"  # noqa: S608 marks
                    f" SELECT given.at, held.type FROM given CROSS JOIN {table} AS held ON held.source = given.source"
                    " AND held.sequence = given.sequence WHERE held.body <> given.body",
                    given,
                ).fetchall()
                for at, held in differ:
                    yield at, self._differs(*some[at], "" if table == "person_event" else held)

    def _differs(self, source: int, event: Envelope, held: str) -> Outcome:
        """Another body under a committed number. `held`: the type of what names nobody; empty: a person's."""
        if event.type == ERASED and not event.person and not held:
            # the gateway has erased its own event after it was sent: its content goes here as well
            key = (source, event.sequence)
            self._connection.execute("DELETE FROM person_event WHERE source = ? AND sequence = ?", key)
            sqlite.insert(self._connection, "INSERT INTO event", [self._row(source, event)])
            self._traces = True
            return DUPLICATE
        # of what was emptied a late copy may come; everything else is another event under this number
        return DUPLICATE if held == ERASED else Outcome("refused", "conflict")

    # --- people -----------------------------------------------------------------------------------------------------

    def erase(self, pid: str, at: int) -> int:
        """Delete a person's rows, and keep nothing of what may still arrive of them; rows deleted.

        Deleted bytes are overwritten; those in the log go as well, when nobody is reading any more.
        """
        with self._lock:
            try:
                with sqlite.transaction(self._connection):
                    gone = self._erase(pid, at)
            finally:
                self._version = None
            self._leave_no_trace()
        return gone

    def _erase(self, pid: str, at: int) -> int:
        self._connection.execute(
            "INSERT INTO erased VALUES (?, ?) ON CONFLICT DO UPDATE SET at = min(at, excluded.at)", (pid, at)
        )
        self._erased.add(pid)
        self._traces = True
        self._connection.execute("DELETE FROM person_event WHERE pid = ? AND type <> 'privacy.erased'", (pid,))
        return self._connection.changes()

    def retain(self, before: int) -> int:
        """Delete some person rows that happened, or were stored, before an office time; how many: 0, when none is left.

        RETAIN_ROWS at most, so that whoever commits need not wait for all of them.
        """
        with self._lock, sqlite.transaction(self._connection):
            self._connection.execute(
                "DELETE FROM person_event WHERE id IN (SELECT id FROM person_event WHERE"
                " time < ?1 AND NOT free OR stored < ?1 LIMIT ?2)",
                (before, RETAIN_ROWS),
            )
            gone = self._connection.changes()
        self._traces = self._traces or gone > 0
        return gone

    def _leave_no_trace(self) -> None:
        """Empty the log if something was deleted: not while somebody reads, then with the next commit or `flush`."""
        if not self._traces:
            return
        self._connection.set_busy_timeout(0)  # nobody waits for that
        try:
            self._traces = bool(self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").get[0])
        except apsw.Error:
            pass  # what was deleted is committed all the same, and the next try says what is wrong
        finally:
            self._connection.set_busy_timeout(BUSY_MS)

    # --- what projections remember ----------------------------------------------------------------------------------

    def note(self, store: str, progress: Progress, moves: Iterable[Move] = ()) -> None:
        """Remember how far a store is, with the next commit or `flush`; costs no commit of its own.

        What is lost of it by a crash is projected again, to the same points.
        """
        self._notes.add(store, progress, moves)

    def flush(self) -> None:
        """Write what was noted, if anything. Raises TransientError."""
        if not self._notes and not self._traces:
            return
        with self._lock:
            self._leave_no_trace()
            notes = self._notes.take()
            if not notes:
                return
            try:
                with sqlite.transaction(self._connection):
                    ledger_schema.write_notes(self._connection, notes)
            except BaseException:
                self._notes.put_back(notes)
                raise

    def silence(self, gateway: str, since: int | None) -> None:
        """A gateway is not heard since an office time; None: it is heard again."""
        with self._lock, sqlite.transaction(self._connection):
            if since is None:
                self._connection.execute("DELETE FROM silence WHERE gateway = ?", (gateway,))
            else:
                self._connection.execute("INSERT OR IGNORE INTO silence VALUES (?, ?)", (gateway, since))

    def last_word(self, gateway: str) -> int:
        """Office time at which a gateway recorded its last event that is here; 0: none is."""
        with self._lock:
            last = self.last_of_boot(gateway, "~")  # sorts behind every boot
        return 0 if last is None else last.said

    def people(self) -> list[str]:
        """See View."""
        with self._lock:
            return super().people()


def _runs(events: Sequence[Envelope]) -> Iterator[Sequence[Envelope]]:
    """In order, what may share a statement; an event that changes others alone."""
    first = 0
    for at, event in enumerate(events):
        if event.type in (ERASED, CORRECTED):
            if first < at:
                yield events[first:at]
            yield events[at : at + 1]
            first = at + 1
    if first < len(events):
        yield events[first:]


__all__ = ["DUPLICATE", "STORED", "Ledger", "Move", "Outcome", "Progress", "Stored", "View", "read"]
