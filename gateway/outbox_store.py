"""The outbox's table: what SQLite does for outbox.py, in its one worker thread. Nothing here waits or retries."""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import apsw
from pydantic_core import to_json

from gateway import outbox_moves, salvage, sqlite
from gateway.ballast import Ballast
from gateway.contract.envelope import erased
from gateway.counters import Counters
from gateway.errors import PermanentError, TransientError
from gateway.outbox_file import open_sound
from gateway.outbox_schema import DEAD, EVENT, FACT, ROWS, SCHEMA, event_sum, fact_sum, is_event, is_fact
from gateway.rebase import Move

_log = logging.getLogger(__name__)

OVERHEAD = 64
"""Bytes a row costs beside topic and body: for the bound, not for accounting."""
MOST_DEAD = 10_000
CHECK_S = 1.0
"""How long a start looks for damage at most: so much can be read of a file of some 500 MB on a fast disk."""
VACUUM_PAGES = 256
"""Free pages given back a commit: the file shrinks after a drain, and no commit is long."""


class Row(NamedTuple):
    """A committed event."""

    boot: str
    sequence: int
    cls: str
    topic: str
    body: bytes
    recorded_at: int
    """Office time, ns."""
    committed_machine: int
    """Machine time of the commit, ns; 0 for rows read back after a restart."""
    person: str
    unit: str


COMMITTED = Row._fields.index("committed_machine")
"""The one field of a Row that is no column: between the others, which stand in the table's order."""


def committed(row: Row, at: int) -> Row:
    """The row, with the machine time of its commit. Once an event: `_replace` takes three times as long."""
    boot, sequence, cls, topic, body, recorded, _, person, unit = row
    return Row(boot, sequence, cls, topic, body, recorded, at, person, unit)


class Gap(NamedTuple):
    """Events that were given up before the archive had them: declared by `gateway.gap`."""

    boot: str
    first: int
    last: int
    lost: int
    cause: str = "bounds"
    """bounds, disk."""


DAMAGED = "damaged"
"""Reason of a dead letter that is not as it was written."""


class Table:
    """One open outbox file."""

    def __init__(self, path: Path, ballast: Path, ballast_bytes: int, vfs: str | None = None) -> None:
        """Raises HadirError. A damaged file is set aside, and what can be read of it goes on: `salvaged`."""
        self._path = path
        self._vfs = vfs
        self.ballast = Ballast(ballast, ballast_bytes)
        self.salvaged: salvage.Salvaged | None = None
        self.bytes = self.count = 0
        self._lost: list[Gap] = []
        self._marked = False
        try:
            self._open()
        except TransientError:
            if not self.ballast.free():
                raise
            self._open()  # an earlier life left no room to read its own log
        self.ballast.fill()

    def _open(self) -> None:
        self.log_missing = salvage.log_is_missing(self._path)
        try:
            self._connection = open_sound(self._path, self._vfs)
            try:
                sqlite.check(self._connection, SCHEMA, CHECK_S)
                self.bytes, self.count = self._measure()
            except BaseException:
                sqlite.abandon(self._connection)
                raise
        except PermanentError as error:
            self.salvaged = salvage.rescue(self._path, str(error))
            self._connection = open_sound(self._path, self._vfs)
            self.bytes, self.count = self._measure()

    def repair(self, why: str) -> None:
        """The file has turned out to be damaged: set it aside and go on with what can be read of it.

        Raises HadirError; the file is as it was then.
        """
        sqlite.abandon(self._connection)
        self._lost = []
        self.salvaged = salvage.rescue(self._path, why)
        self._connection = open_sound(self._path, self._vfs)
        self.bytes, self.count = self._measure()

    def _measure(self) -> tuple[int, int]:
        try:
            row = self._connection.execute(
                "SELECT coalesce(sum(length(body) + length(topic) + ?), 0), count(*) FROM event", (OVERHEAD,)
            ).get
        except apsw.Error as error:
            raise sqlite.remedy(error) from error
        return int(row[0]), int(row[1])

    def count_saved(self, counters: Counters) -> None:
        """Count what was saved of a damaged file since this was called last."""
        saved, self.salvaged = self.salvaged, None
        if saved is not None:
            for what in ("events", "facts", "dead", "lost", "pages"):
                counters.add("outbox.salvaged", what, getattr(saved, what))
        if self.log_missing:
            self.log_missing = False
            counters.add("outbox.salvaged", "log_missing")

    def keeps(self, name: str) -> bool:
        """Whether a file that was set aside is still there."""
        return self._path.with_name(name).exists()

    def close(self) -> None:
        salvage.log_ends(self._path)
        self._connection.close()

    def _all(self, statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement, values).fetchall()

    def commit(self, rows: Sequence[Row], facts: Iterable[tuple[str, str, str | None]], acts: Sequence[int]) -> None:
        """Insert rows and facts in the running transaction; of several facts of one key the last one stays."""
        sqlite.insert(
            self._connection,
            EVENT,
            [_summed((*row[:COMMITTED], *row[COMMITTED + 1 :], act)) for row, act in zip(rows, acts, strict=True)],
        )
        self.count += len(rows)
        self.bytes += sum(len(row.body) + len(row.topic) + OVERHEAD for row in rows)
        latest = {(rule, key): body for rule, key, body in facts}
        kept = [
            (rule, key, body, fact_sum(rule, key, body)) for (rule, key), body in latest.items() if body is not None
        ]
        sqlite.insert(self._connection, FACT, kept)
        for (rule, key), body in latest.items():
            if body is None:
                self._connection.execute("DELETE FROM fact WHERE rule = ? AND key = ?", (rule, key))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Context of one transaction; errors come out by remedy."""
        with sqlite.transaction(self._connection):
            yield
        if not self._marked:
            self._marked = True
            salvage.log_begins(self._path)

    def facts(self, rule: str) -> list[tuple[str, str]]:
        """(key, body) of a rule; what is not as it was written is dropped, in the running transaction, and counted."""
        found: list[tuple[str, str]] = []
        broken: list[tuple[str, str]] = []
        for key, body, crc in self._all("SELECT key, body, crc FROM fact WHERE rule = ?", (rule,)):
            (found if is_fact(rule, key, body, crc) else broken).append((str(key), str(body)))
        for key, _ in broken:
            self._connection.execute("DELETE FROM fact WHERE rule = ? AND key = ?", (rule, key))
            _log.error("outbox: a fact of %s is not as it was written, and is dropped", rule)
        return found

    def pending(
        self, after: tuple[str, int] | None, limit: int, max_bytes: int, held: Container[tuple[str, int]] = ()
    ) -> list[Row]:
        """Rows from behind `after`, without those that are `held`.

        What is not as it was written becomes a dead letter, in the running transaction, and is lost.
        """
        while True:
            rows, broken = self._pending(after, limit, max_bytes, held)
            if not broken:
                return rows
            for boot, sequence in broken:
                self.refuse(boot, sequence, DAMAGED)
                self.lose(Gap(boot, sequence, sequence, 1, "disk"))
                _log.error("outbox: event %s/%d is not as it was written; it is kept as a dead letter", boot, sequence)

    def _pending(
        self, after: tuple[str, int] | None, limit: int, max_bytes: int, held: Container[tuple[str, int]]
    ) -> tuple[list[Row], list[tuple[str, int]]]:
        boot, sequence = after or ("", -1)
        rows: list[Row] = []
        broken: list[tuple[str, int]] = []
        size = 0
        for *columns, crc in self._connection.execute(
            f"{ROWS} WHERE (boot, sequence) > (?, ?) ORDER BY boot, sequence",
            (boot, sequence),
        ):
            b, s, cls, topic, body, recorded, person, unit, _ = columns
            if (b, s) in held:
                continue
            if not is_event(tuple(columns), crc):
                broken.append((b, s))
                continue
            size += len(body)
            if len(rows) >= limit or (rows and size > max_bytes):
                break
            rows.append(Row(b, s, cls, topic, body, recorded, 0, person, unit))
        return rows, broken

    def lose(self, gap: Gap) -> None:
        """Events are given up: that is to be declared, and stands in the transaction."""
        self._lost.append(gap)
        rule, key, body = salvage.gap_fact(*gap[:4], cause=gap.cause)
        self._connection.execute(f"{FACT} VALUES (?, ?, ?, ?)", (rule, key, body, fact_sum(rule, key, body)))

    def take_lost(self) -> list[Gap]:
        """What the transaction has given up."""
        lost, self._lost = self._lost, []
        return lost

    def retire(self, boot: str, ranges: Iterable[tuple[int, int]]) -> int:
        """Delete what the archive has committed, in the running transaction; rows deleted."""
        gone = 0
        for first, last in ranges:
            values = (boot, first, last)
            count, size = self._all(
                "SELECT count(*), coalesce(sum(length(body) + length(topic)), 0) FROM event"
                " WHERE boot = ? AND sequence BETWEEN ? AND ?",
                values,
            )[0]
            if count:
                self._connection.execute("DELETE FROM event WHERE boot = ? AND sequence BETWEEN ? AND ?", values)
                gone += count
                self.bytes -= size + count * OVERHEAD
        self.count -= gone
        return gone

    def refuse(self, boot: str, sequence: int, reason: str) -> bool:
        """Move one event to the dead letters, in the running transaction; whether it was here."""
        row = self._connection.execute(
            "DELETE FROM event WHERE boot = ? AND sequence = ? RETURNING topic, body", (boot, sequence)
        ).fetchone()
        if row is None:
            return False
        self.bytes -= len(row[0]) + len(row[1]) + OVERHEAD
        self.count -= 1
        self._connection.execute(f"{DEAD} VALUES (?, ?, ?, ?, ?)", (boot, sequence, reason, *row))
        self._connection.execute(
            "DELETE FROM dead WHERE (boot, sequence) IN (SELECT boot, sequence FROM dead"
            " ORDER BY boot DESC, sequence DESC LIMIT -1 OFFSET ?)",
            (MOST_DEAD,),
        )
        return True

    def dead_letters(self, limit: int) -> list[tuple[str, int, str, str, bytes]]:
        return [
            (str(b), int(s), str(r), str(t), bytes(body))
            for b, s, r, t, body in self._connection.execute(
                "SELECT boot, sequence, reason, topic, body FROM dead ORDER BY boot, sequence LIMIT ?", (limit,)
            )
        ]

    def dead_count(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM dead").get)

    def oldest(self) -> int | None:
        """recorded_at of the oldest event."""
        found = self._connection.execute("SELECT recorded FROM event ORDER BY boot, sequence LIMIT 1").get
        return None if found is None else int(found)

    def drop_oldest(self, to_bytes: int, before: int) -> None:
        """Give up events until the rest fits `to_bytes`, and all recorded before `before`; acts of people go last."""
        for act in (0, 1):
            while self.bytes > to_bytes or self._any_before(before, act):
                rows = self._all(
                    "DELETE FROM event WHERE (boot, sequence) IN (SELECT boot, sequence FROM event WHERE act = ?"
                    " ORDER BY boot, sequence LIMIT 500) AND (? OR recorded < ?)"
                    " RETURNING boot, sequence, length(body) + length(topic)",
                    (act, self.bytes > to_bytes, before),
                )
                if not rows:
                    break
                self.count -= len(rows)
                self.bytes -= sum(size + OVERHEAD for _, _, size in rows)
                for boot in sorted({str(b) for b, _, _ in rows}):
                    numbers = [s for b, s, _ in rows if b == boot]
                    self.lose(Gap(boot, min(numbers), max(numbers), len(numbers)))

    def _any_before(self, before: int, act: int) -> bool:
        oldest = self.oldest()
        if oldest is None or oldest >= before:
            return False  # without a look at every row for the first act
        found = self._connection.execute(
            "SELECT recorded FROM event WHERE act = ? ORDER BY boot, sequence LIMIT 1", (act,)
        ).get
        return found is not None and int(found) < before

    def erase(self, person: str) -> int:
        """Replace the bodies of a person's events and dead letters; the sequence stays, so that no gap appears."""
        rows = self._all(
            "SELECT boot, sequence, cls, topic, body, recorded, person, unit, act FROM event WHERE person = ?",
            (person,),
        )
        for boot, sequence, cls, topic, body, recorded, _, unit, act in rows:
            empty = _emptied(bytes(body))
            self.bytes += len(empty) - len(body)
            crc = event_sum(boot, sequence, cls, topic, empty, recorded, "", unit, act)
            self._connection.execute(
                "UPDATE event SET body = ?, person = '', crc = ? WHERE boot = ? AND sequence = ?",
                (empty, crc, boot, sequence),
            )
        dead = self._all("SELECT boot, sequence, body FROM dead WHERE instr(body, ?)", (person.encode(),))
        for boot, sequence, body in dead:
            self._connection.execute(
                "UPDATE dead SET body = ? WHERE boot = ? AND sequence = ?", (_emptied(bytes(body)), boot, sequence)
            )
        return len(rows) + len(dead)

    def retime(
        self, boots: Sequence[str], numbers: Iterable[int], move: Move, change: Callable[[bytes], bytes]
    ) -> None:
        """Office time was set, in the running transaction: see outbox_moves.py."""
        self.bytes += outbox_moves.retime(self._connection, boots, numbers, move, change)

    def vacuum(self) -> None:
        """Give some free pages back to the file system, once half of the file is free.

        Each page that goes has to take in one that is in use from the file's end: the emptier the file, the fewer. At
        the end of a drain none is left to be moved.
        """
        free = int(self._connection.execute("PRAGMA freelist_count").get or 0)
        if free > VACUUM_PAGES and 2 * free > int(self._connection.execute("PRAGMA page_count").get):
            self._connection.execute(f"PRAGMA incremental_vacuum({VACUUM_PAGES})").fetchall()

    def make_room(self) -> bool:
        """Empty the write-ahead log into the file, then allocate the ballast again: whether there is room to go on.

        Raises TransientError.
        """
        salvage.log_ends(self._path)
        self._marked = False
        try:
            sqlite.checkpoint(self._connection)
        except PermanentError as error:
            self.repair(str(error))
        return self.ballast.fill()


def fact_rows(facts: Iterable[tuple[str, str, Mapping[str, Any] | None]]) -> list[tuple[str, str, str | None]]:
    """Facts as rows of text."""
    return [(rule, key, None if body is None else to_json(body).decode()) for rule, key, body in facts]


def _summed(columns: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*columns, event_sum(*columns))


def _emptied(body: bytes) -> bytes:
    """What takes the place of an erased person's event; of one that cannot be read, nothing does."""
    try:
        return erased(body)
    except PermanentError:
        return b""
