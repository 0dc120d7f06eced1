"""What the web's records ask of the ledger, beside what projections ask: pages for one reader, acts of a day, holes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gateway import sqlite
from gateway.ledger_view import EVENT_ROWS, PERSON_ROWS, Key, Stored, View, by_time
from gateway.web.records.cursors import Cursor, Eras

_FREE = "SELECT source FROM event WHERE free"


class Rows(View):
    """A connection to a ledger. One thread at a time."""

    @classmethod
    def open(cls, path: Path) -> Rows:
        """Read beside the writer, in this or another process. Raises HadirError."""
        return cls(sqlite.read_only(path))

    @classmethod
    def over(cls, view: View) -> Rows:
        """The same connection: whoever opened `view` closes it."""
        return cls(view._connection)  # noqa: SLF001 its own parent's

    def feed(
        self,
        after: int,
        before: int,
        *,
        classes: Sequence[str],
        units: Sequence[str] | None = None,
        pid: str = "",
        types: Sequence[str] = (),
        place: str = "",
        limit: int = 1000,
    ) -> list[Stored]:
        """Rows with `after` < id < `before`, in order of commit, of what one reader may see.

        Of a person: of these `units` only (None: all), or of this `pid` only. Rows of a restricted class that name
        nobody any more (erased) are for whoever may see that class. `place`: its first levels.
        """
        # `+`: by id, so that a page costs what it looks through
        narrow, given = ["id > ? AND id < ?", f"cls IN ({','.join('?' * len(classes))})"], [after, before, *classes]
        if types:
            narrow.append(f"+type IN ({','.join('?' * len(types))})")
            given += types
        if place:
            narrow.append("(+subject = ? OR +subject >= ? AND +subject < ?)")
            given += [place, f"{place}/", f"{place}0"]
        where = " AND ".join(narrow)
        parts, values = [f"{EVENT_ROWS} WHERE {where}"], [*given]
        if set(classes) != {"evt"}:
            whose, names = ("+pid = ?", [pid]) if pid else ("1", [])
            if not pid and units is not None:
                whose, names = f"unit IN ({','.join('?' * len(units))})", [*units]
            parts.append(f"{PERSON_ROWS} WHERE {where} AND {whose}")
            values += [*given, *names]
        return list(self._rows(" UNION ALL ".join(parts) + " ORDER BY id LIMIT ?", (*values, limit)))

    # --- how far it was read ----------------------------------------------------------------------------------------

    def eras(self, since: int) -> Eras:
        """Of the ids from `since` on."""
        begun = self._connection.execute(
            "SELECT first, id FROM era WHERE first >= (SELECT coalesce(max(first), 0) FROM era WHERE first <= ?)"
            " ORDER BY first",
            (since,),
        )
        return Eras([(int(first), str(era)) for first, era in begun])

    def newest(self) -> Cursor:
        """The cursor behind everything."""
        last = self.last_id()
        return self.eras(last).cursor(last)

    def knows(self, cursor: Cursor) -> bool:
        """Whether this file has given out the cursor, or is a copy of one that had by then."""
        return cursor.id <= self.last_id() and self.eras(cursor.id).cursor(cursor.id) == cursor

    def common(self, cursor: Cursor) -> Cursor:
        """Up to where this file has what the one had that gave out the cursor; 0: nothing that is known."""
        last = self._connection.execute(
            "SELECT coalesce((SELECT min(first) - 1 FROM era WHERE first > mine.first), (SELECT id FROM last_id))"
            " FROM era AS mine WHERE id = ?",
            (cursor.era,),
        ).get
        return Cursor() if last is None else Cursor(min(int(last), cursor.id), cursor.era)

    def said_at(self, at: int) -> int:
        """When the row with this id was recorded, or the last one before it that is still here; 0: none is."""
        found = [
            row
            for table in (EVENT_ROWS, PERSON_ROWS)
            for row in self._rows(f"SELECT * FROM ({table} WHERE id <= ? ORDER BY id DESC LIMIT 1)", (at,))  # noqa: S608
        ]
        return max(found).said if found else 0

    # --- what a day has ---------------------------------------------------------------------------------------------

    def acts(self, types: Sequence[str], since: int, until: int, units: Sequence[str] | None = None) -> list[Stored]:
        """Rows of persons, of some types and units (None: all), that happened in [since, until), by time."""
        where, values = f"type IN ({','.join('?' * len(types))})", [*types]
        if units is not None:
            where += f" AND unit IN ({','.join('?' * len(units))})"
            values += units
        # what ran free stands elsewhere than it says, and is found by its boot; all else by the index over `time`
        parts = (
            f"{PERSON_ROWS} WHERE NOT free AND time >= ? AND time < ? AND {where}",
            f"{PERSON_ROWS} WHERE source IN ({_FREE}) AND free AND at >= ? AND at < ? AND {where}",
        )
        return sorted(self._rows(" UNION ALL ".join(parts), (since, until, *values) * 2), key=by_time)

    def erased(self, since: int, limit: int) -> list[tuple[str, int]]:
        """(pid, office time) of who was erased at or after an office time, in that order."""
        rows = self._connection.execute(
            "SELECT pid, at FROM erased WHERE at >= ? ORDER BY at, pid LIMIT ?", (since, limit)
        )
        return [(str(pid), int(at)) for pid, at in rows]

    def said_around(self, gateway: str, boot: str, first: int, last: int) -> tuple[int | None, int | None]:
        """When a boot recorded what is here of it up to `first`, and from `last` on: the nearest of each; None: none.

        Only of what stands in time.
        """
        found: list[int | None] = []
        for condition, order, pick in ((f"sequence <= {first:d}", "DESC", max), (f"sequence >= {last:d}", "", min)):
            said: list[tuple[int, int]] = []
            for table in (EVENT_ROWS, PERSON_ROWS):
                said += [
                    (row.sequence, row.said)
                    for row in self._rows(
                        f"SELECT * FROM ({table} WHERE source = (SELECT id FROM source WHERE gateway = ? AND boot = ?)"  # noqa: S608 two integers
                        f" AND {condition} AND at NOT NULL ORDER BY sequence {order} LIMIT 1)",
                        (gateway, boot),
                    )
                ]
            found.append(pick(said)[1] if said else None)
        return found[0], found[1]

    def unplaced(self) -> dict[Key, int]:
        """Rows that do not stand in time yet, by (gateway, boot): its clock ran free, and nobody has corrected it.

        Such a boot says something without a person as well, when it begins: by that it is found.
        """
        rows = self._connection.execute(
            "SELECT gateway, boot, named + (SELECT count(*) FROM person_event WHERE source = found.source AND free"
            " AND at IS NULL) FROM (SELECT source, count(*) AS named FROM event WHERE free AND at IS NULL"
            " GROUP BY source) AS found JOIN source ON source.id = found.source"
        )
        return {(str(gateway), str(boot)): int(count) for gateway, boot, count in rows}
