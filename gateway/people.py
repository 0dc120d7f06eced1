"""Who holds a credential: the directory of a gateway, and the one people table of a site."""

from __future__ import annotations

import base64
import secrets
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from cryptography.fernet import Fernet

from gateway import snapshots, sqlite
from gateway.credentials import SiteKey
from gateway.errors import HadirError, PermanentError
from gateway.snapshots import Entry, Snapshot

__all__ = ["Directory", "Entry", "PeopleTable", "Refusal", "Resolver", "SiteKey"]

MOST_CACHED = 65_536
DAY_S = 86_400


class Refusal(NamedTuple):
    """A credential that is nobody's here."""

    cause: str
    """unknown, disabled, ambiguous."""


UNKNOWN, DISABLED, AMBIGUOUS = Refusal("unknown"), Refusal("disabled"), Refusal("ambiguous")


class Directory:
    """What this gateway was told last, kept on its own disk so that it starts without a broker."""

    def __init__(self, path: Path, key: SiteKey, gateway: str) -> None:
        """Raises nothing for a damaged file: the gateway starts without people and is told again."""
        self._path = path
        self._key = key
        self._gateway = gateway
        self.version = 0
        self.entries: dict[str, Entry] = {}
        self.problem = ""
        if path.exists():
            try:
                self._take(snapshots.read(path.read_bytes(), key, gateway))
            except PermanentError as error:
                self.problem = str(error)

    def apply(self, data: bytes) -> bool:
        """Take a newer snapshot and keep it; False for an older or equal one. Raises PermanentError for a bad one."""
        snapshot = snapshots.read(data, self._key, self._gateway)
        if snapshot.version <= self.version:
            return False
        snapshots.save(data, self._path)
        self._take(snapshot)
        return True

    def unit_sizes(self) -> dict[str, int]:
        """People by unit, as far as this gateway was told."""
        units = {entry.pid: entry.unit for entry in self.entries.values() if entry.pid}
        return dict(Counter(units.values()))

    def _take(self, snapshot: Snapshot) -> None:
        self.version = snapshot.version
        self.entries = dict(snapshot.entries)
        self.problem = ""


class Resolver:
    """From a credential to its holder. The last place where a raw number exists."""

    def __init__(self, directory: Directory, key: SiteKey) -> None:
        self._directory = directory
        self._key = key
        self._version = -1
        self._cache: dict[tuple[str, str], Entry | Refusal] = {}
        self._tokens: dict[str, str] = {}
        self._day = -1

    def resolve(self, value: str, realm: str) -> Entry | Refusal:
        """Who holds `value`, as a driver reports it, among the cards of `realm`."""
        if self._version != self._directory.version:
            self._cache.clear()
            self._tokens.clear()
            self._version = self._directory.version
        found = self._cache.get((value, realm))
        if found is None:
            if len(self._cache) >= MOST_CACHED:  # strangers' beacons: begin anew rather than grow
                self._cache.clear()
            found = self._cache[value, realm] = self._look_up(value, realm)
        return found

    def _look_up(self, value: str, realm: str) -> Entry | Refusal:
        entry = self._directory.entries.get(self._key.index(value, realm))
        if entry is None:
            return UNKNOWN
        if not entry.pid:
            return AMBIGUOUS
        return entry if entry.active else DISABLED

    def token(self, pid: str, day: int) -> str:
        """The name under which a person's tag is reported to the coordinator today."""
        return self._key.token(pid, day)

    def by_token(self, token: str, day: int) -> str | None:
        """The pid behind a token of `day`; None for one that this gateway does not know."""
        if day != self._day or self._version != self._directory.version or not self._tokens:
            pids = {entry.pid for entry in self._directory.entries.values() if entry.pid}
            self._tokens = {self._key.token(pid, day): pid for pid in pids}
            self._day = day
            self._version = self._directory.version
        return self._tokens.get(token)


_SCHEMA = (
    """
    CREATE TABLE person (
        pid TEXT PRIMARY KEY, unit TEXT NOT NULL, visibility TEXT NOT NULL, quiet INTEGER NOT NULL,
        name TEXT, staff_number BLOB, erased INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE credential (
        idx TEXT NOT NULL, pid TEXT NOT NULL REFERENCES person (pid), active INTEGER NOT NULL, PRIMARY KEY (idx, pid)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE version (number INTEGER NOT NULL) STRICT;
    INSERT INTO version VALUES (0);
    """,
)


class PeopleTable:
    """The site's authority on people: on the archive's box only."""

    def __init__(self, path: Path, key: SiteKey) -> None:
        """Open or make it. Raises HadirError."""
        self._key = key
        self._connection = sqlite.connect(path, exclusive=False)
        path.chmod(0o600)
        sqlite.migrate(self._connection, _SCHEMA)

    def __enter__(self) -> PeopleTable:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    @property
    def version(self) -> int:
        return int(self._connection.execute("SELECT number FROM version").get)

    def enrol(
        self,
        *,
        unit: str = "_",
        credentials: Sequence[tuple[str, str]] = (),
        visibility: str = "self",
        name: str | None = None,
        staff_number: str | None = None,
    ) -> str:
        """A new person with (value, realm) credentials; the pid. Raises HadirError for a credential that is taken."""
        pid = f"p-{secrets.token_hex(8)}"
        number = None if staff_number is None else self._fernet().encrypt(staff_number.encode())
        with sqlite.transaction(self._connection):
            self._connection.execute(
                "INSERT INTO person VALUES (?, ?, ?, 0, ?, ?, 0)", (pid, unit, visibility, name, number)
            )
            for value, realm in credentials:
                index = self._key.index(value, realm)
                if self._connection.execute("SELECT 1 FROM credential WHERE idx = ? AND active", (index,)).get:
                    raise HadirError("one of the credentials belongs to somebody else; disable it there first")
                self._connection.execute("INSERT OR REPLACE INTO credential VALUES (?, ?, 1)", (index, pid))
            self._raise_version()
        return pid

    def disable(self, pid: str) -> int:
        """No credential of the person works any more; how many that were."""
        return self._change("UPDATE credential SET active = 0 WHERE pid = ? AND active RETURNING 1", (pid,))

    def set_quiet(self, pid: str, quiet: bool) -> int:
        """Sensing of the person stops (or starts again) as soon as gateways hear of it."""
        return self._change("UPDATE person SET quiet = ? WHERE pid = ? AND NOT erased RETURNING 1", (int(quiet), pid))

    def erase(self, pid: str) -> int:
        """Forget the person; a tombstone keeps the pid from being used again."""
        with sqlite.transaction(self._connection):
            self._connection.execute("DELETE FROM credential WHERE pid = ?", (pid,))
            gone = self._connection.execute(
                "UPDATE person SET unit = '_', visibility = 'self', name = NULL, staff_number = NULL, erased = 1"
                " WHERE pid = ? AND NOT erased RETURNING 1",
                (pid,),
            ).fetchall()
            self._raise_version()
        return len(gone)

    def people(self) -> list[tuple[str, str, int]]:
        """(pid, unit, number of credentials that work), without names."""
        return [
            (str(pid), str(unit), int(count))
            for pid, unit, count in self._connection.execute(
                "SELECT pid, unit, (SELECT count(*) FROM credential c WHERE c.pid = p.pid AND active)"
                " FROM person p WHERE NOT erased ORDER BY pid"
            )
        ]

    def unit_sizes(self) -> dict[str, int]:
        """People by unit."""
        rows = self._connection.execute("SELECT unit, count(*) FROM person WHERE NOT erased GROUP BY unit")
        return {str(unit): int(count) for unit, count in rows}

    def snapshot(self, gateway: str) -> bytes:
        """What `gateway` may know now, signed."""
        entries: dict[str, Entry] = {}
        for index, pid, unit, visibility, quiet, active in self._connection.execute(
            "SELECT idx, pid, unit, visibility, quiet, active FROM credential JOIN person USING (pid)"
            " WHERE NOT erased ORDER BY active"
        ):
            shared = index in entries and entries[index].active and active
            entries[index] = Entry("") if shared else Entry(pid, unit, visibility, bool(quiet), bool(active))
        return snapshots.write(Snapshot(gateway, self.version, entries), self._key)

    def _fernet(self) -> Fernet:
        return Fernet(base64.urlsafe_b64encode(self._key.staff_number))

    def _change(self, statement: str, values: Iterable[object]) -> int:
        with sqlite.transaction(self._connection):
            changed = self._connection.execute(statement, tuple(values)).fetchall()
            self._raise_version()
        return len(changed)

    def _raise_version(self) -> None:
        self._connection.execute("UPDATE version SET number = number + 1")
