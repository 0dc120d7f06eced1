"""What the people table knows: who holds a card, who a person is, and what a gateway may be told of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import apsw

from gateway import snapshots
from gateway.clock import Clock
from gateway.credentials import SiteKey
from gateway.snapshots import Entry, Snapshot


class Person(NamedTuple):
    """One person as the table's keeper sees them."""

    pid: str
    unit: str
    visibility: str
    quiet: bool
    name: str | None
    staff_number: str | None
    credentials: int
    """How many work."""
    valid_until: int | None = None
    """Of a guest: when they are forgotten, office ns; None: is no guest."""
    host: str | None = None
    """Of a guest: the unit that they visit, if they named one."""


class PeopleView:
    """Questions to the table. gateway.people.PeopleTable opens it, and makes the changes."""

    def __init__(self, connection: apsw.Connection, key: SiteKey, clock: Clock) -> None:
        self._connection = connection
        self._key = key
        self._clock = clock

    @property
    def version(self) -> int:
        """Rises with every change, also when an older copy of the table was put back: it follows the clock."""
        return int(self._connection.execute("SELECT number FROM version").get)

    def people(self) -> list[tuple[str, str, int]]:
        """(pid, unit, number of credentials that work), without names."""
        return [
            (str(pid), str(unit), int(count))
            for pid, unit, count in self._rows(
                "SELECT pid, unit, (SELECT count(*) FROM credential c WHERE c.pid = p.pid AND active)"
                " FROM person p WHERE NOT erased ORDER BY pid"
            )
        ]

    def holder(self, value: str, realm: str) -> Entry | None:
        """Who holds a credential, as a driver reports it, as gateways are told; None: nobody is known to.

        Not active: it was disabled, or a guest's time is over. Without a pid: two people hold it, so nobody is meant.
        """
        index = self._key.index(value, realm)
        rows = self._rows(
            "SELECT pid, unit, visibility, quiet, active AND ifnull(valid_until > ?, 1) AS works"
            " FROM credential JOIN person USING (pid) WHERE idx = ? ORDER BY works DESC, pid",
            self._clock.office(),
            index,
        )
        found = [
            Entry(str(pid), str(unit), str(seen), bool(quiet), bool(works)) for pid, unit, seen, quiet, works in rows
        ]
        if len(found) > 1 and found[1].active:
            return Entry("")
        return found[0] if found else None

    def person(self, pid: str) -> Person | None:
        """Everything about one person, opened. Raises HadirError when it was sealed with another key."""
        rows = self._rows(
            "SELECT unit, visibility, quiet, name, staff_number, valid_until, host,"
            " (SELECT count(*) FROM credential c WHERE c.pid = p.pid AND active)"
            " FROM person p WHERE pid = ? AND NOT erased",
            pid,
        )
        for unit, visibility, quiet, name, staff_number, until, host, count in rows:
            opened = [
                None if sealed is None else self._key.unseal(sealed, f"{pid}/{field}")
                for field, sealed in (("name", name), ("staff_number", staff_number))
            ]
            return Person(pid, unit, visibility, bool(quiet), opened[0], opened[1], count, until, host)
        return None

    def unit_of(self, pid: str) -> str | None:
        """The unit of a person, whose name is not opened for that; None: there is no such person, or no longer."""
        found = self._connection.execute("SELECT unit FROM person WHERE pid = ? AND NOT erased", (pid,)).get
        return None if found is None else str(found)

    def by_staff_number(self, number: str, unit: str) -> str | None:
        """The pid of the one person of `unit` with a staff number; None: nobody, or more than one."""
        statement = "SELECT pid FROM person WHERE staff_idx = ? AND unit = ? AND NOT erased"
        rows = self._rows(statement, self._key.staff_index(number), unit)
        return str(rows[0][0]) if len(rows) == 1 else None

    def is_erased(self, pid: str) -> bool:
        """Whether there was such a person, who is forgotten: the tombstone."""
        return bool(self._connection.execute("SELECT erased FROM person WHERE pid = ?", (pid,)).get)

    def erased(self) -> frozenset[str]:
        """Everybody who is forgotten, by pid."""
        return frozenset(str(pid) for (pid,) in self._rows("SELECT pid FROM person WHERE erased"))

    def unit_sizes(self) -> dict[str, int]:
        """People by unit."""
        rows = self._rows("SELECT unit, count(*) FROM person WHERE NOT erased GROUP BY unit")
        return {str(unit): int(count) for unit, count in rows}

    def sharing(self, unit: str, limit: int = 1000) -> list[tuple[str, str, str]]:
        """(pid, name, visibility) of people of a unit who let others see them: none who is quiet, or has no name.

        Nobody for the unit `_`: who belongs to none shares with nobody. Raises HadirError: sealed with another key.
        """
        if unit == "_":
            return []
        rows = self._rows(
            "SELECT pid, name, visibility FROM person WHERE unit = ? AND visibility <> 'self' AND NOT quiet"
            " AND NOT erased AND name NOT NULL ORDER BY pid LIMIT ?",
            unit,
            limit,
        )
        return [(str(pid), self._key.unseal(name, f"{pid}/name"), str(visibility)) for pid, name, visibility in rows]

    def snapshot(self, gateway: str, since: int | None = None) -> bytes:
        """What `gateway` may know now, signed: what has changed after the version `since`, or everything.

        Everything as well when there was an erasure after `since`, or when this table never had that version.
        """
        with self._connection:  # one state for the version and the rows
            ((version, whole),) = self._rows("SELECT number, whole FROM version")
            delta = since if since is not None and whole <= since <= version else None
            rows = self._rows(
                "SELECT idx, pid, unit, visibility, quiet, active FROM credential JOIN person USING (pid)"
                " WHERE idx IN (SELECT idx FROM credential WHERE changed > ?) ORDER BY active",
                -1 if delta is None else delta,
            )
            erased = self.erased() if delta is None else frozenset()
            sealed = dict(self._rows("SELECT idx, sealed FROM secret"))
        entries: dict[str, Entry] = {}
        for index, pid, unit, visibility, quiet, active in rows:
            shared = index in entries and entries[index].active and active
            entries[index] = Entry("") if shared else Entry(pid, unit, visibility, bool(quiet), bool(active))
        secrets = {index: sealed[index].hex() for index in sealed.keys() & entries.keys() if entries[index].sensed}
        return snapshots.write(Snapshot(gateway, version, entries, delta, erased, secrets), self._key)

    def _rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement, values).fetchall()
