"""The archive's ledger: the commit. (gateway, boot, sequence) is unique; order of arrival does not matter.

Acknowledgements follow its commits, and time-series stores are projections of it. What was committed is remembered as
ranges, so that a duplicate is recognised also after a person was erased or a row has outlived its retention. Rows that
name a person are in a table of their own; nothing of them is anywhere else in the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import Lock
from typing import Literal, NamedTuple

from gateway import sqlite
from gateway.contract.envelope import Envelope
from gateway.errors import PermanentError
from gateway.ledger_schema import SCHEMA
from gateway.ledger_view import Stored, View
from gateway.spans import Spans

RETAIN_ROWS = 1_000
"""Deleted in one transaction, so that a commit never waits long for the retention job."""


class Outcome(NamedTuple):
    """What became of one event."""

    state: Literal["stored", "duplicate", "refused"]
    reason: str = ""
    """Of `refused`: conflict (another event was committed under this number), ledger (the database refuses it)."""


STORED, DUPLICATE = Outcome("stored"), Outcome("duplicate")


class Progress(NamedTuple):
    """How far a store has been projected; ids of the ledger, and ns."""

    cursor: int = 0
    safe: int = 0
    """Where the cursor was a while ago: a store that lost its last minutes is healed from here."""
    swept: int = 0
    """Windows that end at or before this office time have been computed."""
    instance: str = ""
    """What the store said that it is when it was written to last."""


class Move(NamedTuple):
    """A point that stands at another millisecond than its own, because that one is taken."""

    series: str
    owner: int
    """Id of the event; of a computed window its negated start, s."""
    given: int
    """Millisecond."""


class Ledger(View):
    """One file, one writer. Its methods block and may be called from any thread: they wait for each other."""

    def __init__(self, path: Path, *, vfs: str | None = None) -> None:
        """Open or make it. Raises HadirError."""
        connection = sqlite.connect(path, vfs=vfs, exclusive=False)
        connection.execute("PRAGMA secure_delete=ON")  # what is erased leaves no bytes on free pages
        sqlite.migrate(connection, SCHEMA)
        super().__init__(connection)
        self._lock = Lock()
        self._notes_lock = Lock()
        self._notes: dict[str, tuple[Progress, tuple[Move, ...]]] = {}
        self._sources: dict[tuple[str, str], int] = {}
        self._spans: dict[int, Spans] = {}
        self._erased: set[str] = set()
        self._last = 0
        self._now = 0
        self._offsets: dict[tuple[str, str], int] = {}
        self._version: object = None

    def close(self) -> None:
        """Write what was noted, and close the file."""
        self.flush()
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
        notes = self._take_notes()
        touched: set[int] = set()
        try:
            with sqlite.transaction(self._connection):
                self._refresh()
                before = self._last
                outcomes = [self._take(event, touched) for event in events]
                for source in touched:
                    self._write_spans(source)
                if self._last != before:
                    self._connection.execute("UPDATE last_id SET id = ?", (self._last,))
                self._write_notes(notes)
        except BaseException:
            self._version = None  # what is cached may be of the transaction that was rolled back
            self._put_back(notes)
            raise
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

    def _take(self, event: Envelope, touched: set[int]) -> Outcome:
        source = self._source(event.gateway, event.boot)
        spans = self._spans.get(source)
        if spans is None:
            rows = self._connection.execute("SELECT first, last FROM span WHERE source = ? ORDER BY first", (source,))
            spans = self._spans[source] = Spans(rows)
        if not spans.add(event.sequence):
            return self._again(source, event)
        touched.add(source)
        self._insert(source, event)
        return STORED

    def _source(self, gateway: str, boot: str) -> int:
        known = self._sources.get((gateway, boot))
        if known is None:
            self._connection.execute("INSERT INTO source (gateway, boot) VALUES (?, ?)", (gateway, boot))
            known = self._sources[gateway, boot] = self._connection.last_insert_rowid()
        return known

    def _insert(self, source: int, event: Envelope) -> None:
        forget = event.type == "privacy.erased" and bool(event.person)
        if event.person in self._erased and not forget:
            return  # its number is committed; nothing else of it is kept
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
            None if offset is None else event.time + offset,
        )
        if event.person:
            self._connection.execute(
                "INSERT INTO person_event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*row, event.person, event.unit, self._now),
            )
        else:
            self._connection.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        if forget:
            self._erase(event.person, event.time)
        if event.type == "gateway.clock_corrected":
            self._correct(event)

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
                f"UPDATE {table} SET at = time + ? WHERE free AND source ="  # noqa: S608 our tables
                " (SELECT id FROM source WHERE gateway = ? AND boot = ?)",
                (offset, *values),
            )

    def _again(self, source: int, event: Envelope) -> Outcome:
        """A number that is committed already: the same event, its emptied body, or another event under its number."""
        key = (source, event.sequence)
        body = self._connection.execute(
            "SELECT body FROM event WHERE source = ?1 AND sequence = ?2 UNION ALL"
            " SELECT body FROM person_event WHERE source = ?1 AND sequence = ?2",
            key,
        ).get
        if body is None or body == event.raw:
            return DUPLICATE
        empties = event.type == "privacy.erased" and not event.person
        held = self._connection.execute("SELECT type FROM event WHERE source = ? AND sequence = ?", key).get
        if empties and held is None:
            # the gateway has erased its own event after it was sent: its content goes here as well
            self._connection.execute("DELETE FROM person_event WHERE source = ? AND sequence = ?", key)
            self._insert(source, event)
            return DUPLICATE
        if held == "privacy.erased":
            return DUPLICATE  # a late copy of what was emptied
        return Outcome("refused", "conflict")

    def _write_spans(self, source: int) -> None:
        gone, changed = self._spans[source].changes()
        self._connection.executemany("DELETE FROM span WHERE source = ? AND first = ?", ((source, f) for f in gone))
        self._connection.executemany(
            "INSERT OR REPLACE INTO span VALUES (?, ?, ?)", ((source, first, last) for first, last in changed)
        )

    # --- people -----------------------------------------------------------------------------------------------------

    def erase(self, pid: str, at: int) -> int:
        """Delete a person's rows, and keep nothing of what may still arrive of them; rows deleted.

        Deleted bytes are overwritten; those in the log go as well, unless somebody is reading just now: then with the
        next checkpoint.
        """
        with self._lock:
            try:
                with sqlite.transaction(self._connection):
                    gone = self._erase(pid, at)
            finally:
                self._version = None
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return gone

    def _erase(self, pid: str, at: int) -> int:
        self._connection.execute(
            "INSERT INTO erased VALUES (?, ?) ON CONFLICT DO UPDATE SET at = min(at, excluded.at)", (pid, at)
        )
        self._erased.add(pid)
        self._connection.execute("DELETE FROM person_event WHERE pid = ? AND type <> 'privacy.erased'", (pid,))
        return self._connection.changes()

    def retain(self, before: int) -> int:
        """Delete person rows that happened, or were stored, before an office time, a few at a time; rows deleted."""
        total = 0
        while True:
            with self._lock, sqlite.transaction(self._connection):
                self._connection.execute(
                    "DELETE FROM person_event WHERE id IN (SELECT id FROM person_event WHERE"
                    " time < ?1 AND NOT free OR stored < ?1 LIMIT ?2)",
                    (before, RETAIN_ROWS),
                )
                gone = self._connection.changes()
            total += gone
            if gone < RETAIN_ROWS:
                return total

    # --- what projections remember ----------------------------------------------------------------------------------

    def note(self, store: str, progress: Progress, moves: Iterable[Move] = ()) -> None:
        """Remember how far a store is, with the next commit or `flush`; costs no commit of its own.

        What is lost of it by a crash is projected again, to the same points.
        """
        with self._notes_lock:
            _, old = self._notes.get(store, (progress, ()))
            self._notes[store] = (progress, (*old, *moves))

    def flush(self) -> None:
        """Write what was noted, if anything. Raises TransientError."""
        if not self._notes:
            return
        with self._lock:
            notes = self._take_notes()
            try:
                with sqlite.transaction(self._connection):
                    self._write_notes(notes)
            except BaseException:
                self._put_back(notes)
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
        return 0 if last is None else last.recorded

    def _take_notes(self) -> dict[str, tuple[Progress, tuple[Move, ...]]]:
        with self._notes_lock:
            notes, self._notes = self._notes, {}
        return notes

    def _put_back(self, notes: dict[str, tuple[Progress, tuple[Move, ...]]]) -> None:
        with self._notes_lock:
            for store, (progress, moves) in notes.items():
                newer, more = self._notes.get(store, (progress, ()))
                self._notes[store] = (newer, (*moves, *more))

    def _write_notes(self, notes: dict[str, tuple[Progress, tuple[Move, ...]]]) -> None:
        for store, (progress, moves) in notes.items():
            self._connection.execute("INSERT OR REPLACE INTO projection VALUES (?, ?, ?, ?, ?)", (store, *progress))
            self._connection.executemany(
                "INSERT OR REPLACE INTO moved VALUES (?, ?, ?, ?)", [(store, *m) for m in moves]
            )


def read(path: Path) -> list[Stored]:
    """Every row of a ledger that another process may be writing, in order of commit. Raises HadirError."""
    view = View.open(path)
    try:
        return list(view.all())
    finally:
        view.close()


__all__ = ["DUPLICATE", "STORED", "Ledger", "Move", "Outcome", "Progress", "Stored", "View", "read"]
