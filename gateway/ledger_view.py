"""Reading the ledger: for projections, the web and reports, beside the process that writes it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import apsw

from gateway import sqlite

Key = tuple[str, str]
"""(gateway, boot)."""
CLASSES = ("evt", "who", "sense")
LATEST = 2**63 - 1
LEVELS = 5

EVENT_ROWS = "SELECT id, source, sequence, cls, type, subject, time, recorded, body, '' AS pid, at FROM event"
PERSON_ROWS = "SELECT id, source, sequence, cls, type, subject, time, recorded, body, pid, at FROM person_event"
_COLUMNS = "rows.id, gateway, boot, sequence, cls, type, subject, time, recorded, body, pid, at"


class Stored(NamedTuple):
    """A row of the ledger."""

    id: int
    """In order of commit; never used twice."""
    gateway: str
    boot: str
    sequence: int
    cls: str
    type: str
    subject: str
    time: int
    recorded: int
    body: bytes
    """The envelope, byte for byte."""
    pid: str
    """Empty where nobody is named."""
    at: int | None
    """Where it stands in time: `time`, corrected where the gateway's clock ran free; None: not known yet."""

    @property
    def when(self) -> int:
        """Where it stands in time, as far as that is known: `at`, or `time` as its gateway said it."""
        return self.time if self.at is None else self.at

    @property
    def shift(self) -> int:
        """What its gateway's clock was wrong by, as far as that is known, ns."""
        return self.when - self.time

    @property
    def said(self) -> int:
        """`recorded`, corrected alike."""
        return self.recorded + self.shift


class View:
    """A connection to a ledger. One thread at a time."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    @classmethod
    def open(cls, path: Path) -> View:
        """Read beside the writer, in this or another process. Raises HadirError."""
        return View(sqlite.read_only(path))

    def close(self) -> None:
        """Close it."""
        self._connection.close()

    # --- rows -------------------------------------------------------------------------------------------------------

    def all(self) -> Iterator[Stored]:
        """Every row, in order of commit."""
        return self._rows(f"{EVENT_ROWS} UNION ALL {PERSON_ROWS} ORDER BY id", ())

    def after(self, cursor: int, limit: int = 1000, *, classes: Sequence[str] = CLASSES) -> list[Stored]:
        """Rows committed behind `cursor`, in order of commit; the last one's id is the next cursor."""
        tables = [EVENT_ROWS] if tuple(classes) == ("evt",) else [EVENT_ROWS, PERSON_ROWS]
        marks = ",".join("?" * len(classes))
        parts = [f"{table} WHERE id > ? AND cls IN ({marks})" for table in tables]
        values = (cursor, *classes) * len(parts)
        return list(self._rows(" UNION ALL ".join(parts) + " ORDER BY id LIMIT ?", (*values, limit)))

    def query(
        self,
        *,
        types: Sequence[str] = (),
        place: str = "",
        since: int = 0,
        until: int = LATEST,
        after: int = 0,
        limit: int = 1000,
        people: bool = False,
    ) -> list[Stored]:
        """Rows of some types, at a place or below it, that happened in [since, until), in order of commit.

        `place`: the first levels, `ikn/kk2/l05`; empty: everywhere. `people`: of persons as well.
        """
        where, values = ["id > ?", "coalesce(at, time) >= ?", "coalesce(at, time) < ?"], [after, since, until]
        conditions: list[Any] = [*values]
        if types:
            where.append(f"type IN ({','.join('?' * len(types))})")
            conditions += types
        if place.count("/") == LEVELS - 1:
            where.append("subject = ?")
            conditions.append(place)
        elif place:
            # `+`: by id, so that a page costs what it holds, and not what the whole building ever said
            where.append("(+subject = ? OR +subject >= ? AND +subject < ?)")
            conditions += [place, f"{place}/", f"{place}0"]  # 0 follows / in ASCII
        tables = [EVENT_ROWS, PERSON_ROWS] if people else [EVENT_ROWS]
        parts = [f"{table} WHERE {' AND '.join(where)}" for table in tables]
        return list(self._rows(" UNION ALL ".join(parts) + " ORDER BY id LIMIT ?", (*conditions * len(parts), limit)))

    def at(self, subject: str, types: Sequence[str], since: int, until: int) -> list[Stored]:
        """Rows without a person at exactly this place that happened in [since, until), by time."""
        found: list[Stored] = []
        for kind in types:
            found += self._rows(
                f"{EVENT_ROWS} WHERE subject = ? AND type = ? AND at >= ? AND at < ?", (subject, kind, since, until)
            )
        return sorted(found, key=by_time)

    def states(self, subject: str, kind: str, since: int, until: int) -> Iterator[tuple[int, str]]:
        """(time, state) of what `at` would give, without all that the rows hold: a place may change very often."""
        query = (
            "SELECT at, json_extract(CAST(body AS TEXT), '$.data.state') FROM event JOIN source ON source.id = source"
            " WHERE subject = ? AND type = ? AND at >= ? AND at < ? ORDER BY at, gateway, boot, sequence"
        )
        for at, state in self._connection.execute(query, (subject, kind, since, until)):
            yield int(at), sys.intern(str(state))

    def last_before(self, subject: str, kind: str, time: int) -> Stored | None:
        """The last row without a person of this type and place that happened before `time`."""
        return next(
            self._rows(
                f"{EVENT_ROWS} WHERE subject = ? AND type = ? AND at < ? ORDER BY at DESC LIMIT 1",
                (subject, kind, time),
            ),
            None,
        )

    def first_from(self, subject: str, kind: str, time: int) -> Stored | None:
        """The first row without a person of this type and place that happened at `time` or later."""
        return next(
            self._rows(
                f"{EVENT_ROWS} WHERE subject = ? AND type = ? AND at >= ? ORDER BY at LIMIT 1", (subject, kind, time)
            ),
            None,
        )

    def next_at(self, subject: str, kind: str, time: int) -> int | None:
        """When the first row of this type and place happened, at `time` or later, none of a person; None: never."""
        return self._connection.execute(  # type: ignore[no-any-return]
            "SELECT min(at) FROM event WHERE subject = ? AND type = ? AND at >= ?", (subject, kind, time)
        ).get

    def of_person(self, pid: str, types: Sequence[str], since: int, until: int = LATEST) -> list[Stored]:
        """Every row of a person of some types that happened in [since, until), by time."""
        where = f"pid = ? AND +type IN ({','.join('?' * len(types))}) AND coalesce(at, time) >= ?"
        rows = self._rows(f"{PERSON_ROWS} WHERE {where} AND coalesce(at, time) < ?", (pid, *types, since, until))
        return sorted(rows, key=by_time)

    def person_last(self, pid: str, types: Sequence[str], time: int) -> Stored | None:
        """The last row of a person of some types that happened before `time`."""
        return next(self._of_person(pid, types, "< ? ORDER BY coalesce(at, time) DESC", time), None)

    def person_next(self, pid: str, types: Sequence[str], time: int) -> Stored | None:
        """The first row of a person of some types that happened at `time` or later."""
        return next(self._of_person(pid, types, ">= ? ORDER BY coalesce(at, time)", time), None)

    def _of_person(self, pid: str, types: Sequence[str], when: str, time: int) -> Iterator[Stored]:
        marks = ",".join("?" * len(types))
        where = f"pid = ? AND type IN ({marks}) AND coalesce(at, time) {when} LIMIT 1"
        return self._rows(f"{PERSON_ROWS} WHERE {where}", (pid, *types, time))

    def ids_in(self, subject: str, types: Sequence[str], millisecond: int) -> list[int]:
        """Ids of rows without a person of some types and one place that stand in this millisecond."""
        begin = millisecond * 1_000_000
        rows = self._connection.execute(
            "SELECT id FROM event WHERE subject = ? AND at >= ? AND at < ? AND cls = 'evt'"  # noqa: S608 only marks
            f" AND type IN ({','.join('?' * len(types))})",
            (subject, begin, begin + 1_000_000, *types),
        )
        return [int(found) for (found,) in rows]

    def corrected(self, by: Stored) -> list[Stored]:
        """Rows without a person that were committed before a `gateway.clock_corrected`, and are placed by it."""
        boot = json.loads(by.body)["data"]["boot"]
        return list(
            self._rows(
                f"{EVENT_ROWS} WHERE free AND id < ?"  # noqa: S608
                " AND source = (SELECT id FROM source WHERE gateway = ? AND boot = ?)",
                (by.id, by.gateway, boot),
            )
        )

    def last_of_boot(self, gateway: str, below: str) -> Stored | None:
        """The last row that stands in time, by sequence, of the gateway's highest boot below `below`, person or not."""
        sources = self._connection.execute(
            "SELECT id FROM source WHERE gateway = ? AND boot < ? ORDER BY boot DESC", (gateway, below)
        ).fetchall()
        for (source,) in sources:
            found = list(
                self._rows(
                    f"SELECT * FROM ({EVENT_ROWS} WHERE source = ?1 AND at NOT NULL ORDER BY sequence DESC LIMIT 1)"  # noqa: S608
                    " UNION ALL"
                    f" SELECT * FROM ({PERSON_ROWS} WHERE source = ?1 AND at NOT NULL ORDER BY sequence DESC LIMIT 1)"
                    " ORDER BY sequence DESC LIMIT 1",
                    (source,),
                )
            )
            if found:
                return found[0]
        return None

    def first_recorded_from(self, since: int) -> int:
        """The lowest id of a row without a person that was recorded at or after an office time; 0: none."""
        return int(self._connection.execute("SELECT coalesce(min(id), 0) FROM event WHERE recorded >= ?", (since,)).get)

    def first_at(self) -> int | None:
        """When the first row without a person that stands in time happened, by order of commit; None: there is none."""
        found = self._connection.execute("SELECT at FROM event WHERE at NOT NULL ORDER BY id LIMIT 1").get
        return None if found is None else int(found)

    def people(self) -> list[str]:
        """Everybody who is named in a row."""
        rows = self._connection.execute(
            "WITH RECURSIVE found (pid) AS (SELECT min(pid) FROM person_event UNION ALL"
            " SELECT (SELECT min(pid) FROM person_event WHERE pid > found.pid) FROM found WHERE pid NOT NULL)"
            " SELECT pid FROM found WHERE pid NOT NULL"
        )
        return [str(pid) for (pid,) in rows]

    # --- numbers ----------------------------------------------------------------------------------------------------

    def last_id(self) -> int:
        """Id of the newest row there ever was."""
        return int(self._connection.execute("SELECT id FROM last_id").get)

    def spans(self, gateway: str, boot: str) -> list[tuple[int, int]]:
        """Committed ranges, inclusive, in order."""
        rows = self._connection.execute(
            "SELECT first, last FROM span WHERE source = (SELECT id FROM source WHERE gateway = ? AND boot = ?)"
            " ORDER BY first",
            (gateway, boot),
        )
        return [(int(first), int(last)) for first, last in rows]

    def missing(self, gateway: str, boot: str) -> list[tuple[int, int]]:
        """Ranges below the highest committed sequence that are not committed: on their way, refused, or lost."""
        gaps: list[tuple[int, int]] = []
        expected = 1
        for first, last in self.spans(gateway, boot):
            if first > expected:
                gaps.append((expected, first - 1))
            expected = last + 1
        return gaps

    def boots(self) -> dict[Key, int]:
        """Committed events of each (gateway, boot), also of those whose rows are gone by erasure or retention."""
        rows = self._connection.execute(
            "SELECT gateway, boot, sum(last - first + 1) FROM span JOIN source ON source.id = source GROUP BY source"
        )
        return {(str(gateway), str(boot)): int(count) for gateway, boot, count in rows}

    # --- projections ------------------------------------------------------------------------------------------------

    def progress(self, store: str) -> tuple[int, int, int, str] | None:
        """(cursor, safe, swept, instance) as last written; None for a store that is new."""
        row = self._connection.execute(
            "SELECT cursor, safe, swept, instance FROM projection WHERE store = ?", (store,)
        ).fetchone()
        return None if row is None else (int(row[0]), int(row[1]), int(row[2]), str(row[3]))

    def moved(self, store: str, series: str, owner: int) -> int | None:
        """The millisecond that a point was given instead of its own."""
        found = self._connection.execute(
            "SELECT given FROM moved WHERE store = ? AND series = ? AND owner = ?", (store, series, owner)
        ).get
        return None if found is None else int(found)

    def is_given(self, store: str, series: str, millisecond: int) -> bool:
        """Whether some moved point of the series stands there."""
        return (
            self._connection.execute(
                "SELECT 1 FROM moved WHERE store = ? AND series = ? AND given = ?", (store, series, millisecond)
            ).get
            is not None
        )

    def silences(self) -> dict[str, int]:
        """Gateways that are not heard, and since when."""
        return {str(gateway): int(since) for gateway, since in self._connection.execute("SELECT * FROM silence")}

    def _rows(self, select: str, values: tuple[Any, ...]) -> Iterator[Stored]:
        # `select` is made of constants of this file; every value is bound
        query = f"SELECT {_COLUMNS} FROM ({select}) AS rows JOIN source ON source.id = rows.source ORDER BY rows.id"  # noqa: S608
        return map(Stored._make, self._connection.execute(query, values))


def by_time(row: Stored) -> tuple[int, str, str, int]:
    """Order across sources: by time, ties by source; within a source by sequence."""
    return row.when, row.gateway, row.boot, row.sequence


def read(path: Path) -> list[Stored]:
    """Every row of a ledger that another process may be writing, in order of commit. Raises HadirError."""
    view = View.open(path)
    try:
        return list(view.all())
    finally:
        view.close()
