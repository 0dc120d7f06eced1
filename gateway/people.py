"""The one people table of a site: who holds which credential. On the archive's box only.

Credentials are kept as keyed indices, never as numbers; a name and a staff number only here, and sealed.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType

from gateway import sqlite
from gateway.clock import SECOND, Clock, SystemClock
from gateway.config.types import IDENTIFIER
from gateway.credentials import SECRET, SiteKey, checked
from gateway.directory import Directory, Refusal, Resolver
from gateway.errors import HadirError
from gateway.people_view import PeopleView, Person
from gateway.snapshots import Entry

__all__ = ["DAY_S", "Directory", "Enrolled", "Entry", "PeopleTable", "Person", "Refusal", "Resolver", "SiteKey"]

DAY_S = 86_400
VISIBILITIES = ("self", "team", "unit")
MAX_CREDENTIALS = 16
"""Of one person."""
_UNIT = re.compile(rf"_\Z|(?:{IDENTIFIER})")
_STAFF_NUMBER = re.compile(r"[0-9A-Za-z][0-9A-Za-z./ -]{0,31}")
_NAME_LENGTH = 120
_INDEX = re.compile(r"[0-9a-f]{32}")
LONGEST_GUEST = 36 * 3600 * SECOND
"""A guest is somebody for a day; who comes again signs in again."""
TOMBSTONE_S = 400 * DAY_S
"""Later than that no gateway can still hold a word of a guest; every gateway is told of all tombstones."""

_SCHEMA = (
    """
    CREATE TABLE person (
        pid TEXT PRIMARY KEY, unit TEXT NOT NULL, visibility TEXT NOT NULL, quiet INTEGER NOT NULL,
        name BLOB, staff_number BLOB, erased INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE credential (
        idx TEXT NOT NULL, pid TEXT NOT NULL REFERENCES person (pid), active INTEGER NOT NULL, changed INTEGER NOT NULL,
        PRIMARY KEY (idx, pid)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX credential_changed ON credential (changed);
    CREATE TABLE version (number INTEGER NOT NULL, whole INTEGER NOT NULL) STRICT;
    INSERT INTO version VALUES (0, 0);
    """,
    "CREATE TABLE secret (idx TEXT PRIMARY KEY, sealed BLOB NOT NULL) STRICT, WITHOUT ROWID;",
    """
    ALTER TABLE person ADD COLUMN valid_until INTEGER;
    ALTER TABLE person ADD COLUMN host TEXT;
    """,
    """
    ALTER TABLE person ADD COLUMN staff_idx TEXT;
    CREATE INDEX person_staff ON person (staff_idx) WHERE staff_idx NOT NULL;
    """,
)
# version.whole: gateways that know an older version are told everything; an erasure sets it, so that no index of an
# erased person has to be kept just to say that it is gone


class Enrolled(HadirError):
    """Somebody of the unit has that staff number already: `pid`."""

    def __init__(self, pid: str) -> None:
        super().__init__(f"{pid} has that staff number already; `hadir people ... add --pid {pid}` gives another card")
        self.pid = pid


class PeopleTable(PeopleView):
    """The site's authority on people."""

    def __init__(self, path: Path, key: SiteKey, clock: Clock | None = None) -> None:
        """Open or make it, readable by its owner only. Raises HadirError."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite's own files beside it get the same mode
            path.chmod(0o600)
        except OSError as error:
            raise HadirError(f"{path} cannot be opened: {error.strerror}") from error
        super().__init__(sqlite.by_remedy(sqlite.connect(path, exclusive=False)), key, clock or SystemClock())
        self._connection.execute("PRAGMA secure_delete=ON")
        sqlite.migrate(self._connection, _SCHEMA)
        self._index_staff()

    def __enter__(self) -> PeopleTable:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    # --- changes: each is one transaction and one version -----------------------------------------------------------

    def enrol(
        self,
        *,
        unit: str = "_",
        credentials: Sequence[tuple[str, str]] = (),
        visibility: str = "self",
        name: str | None = None,
        staff_number: str | None = None,
        guest: tuple[int | None, str | None] = (None, None),
    ) -> str:
        """A new person with (value, realm) credentials; the pid. Raises HadirError: not valid, or somebody else's.

        Raises Enrolled: the staff number names one person of the unit, by whom a provider signs them in.
        """
        if not _UNIT.match(unit):
            raise HadirError("a unit is an identifier (lower-case letters, digits, inner hyphens, 1 to 32) or _")
        if visibility not in VISIBILITIES:
            raise HadirError(f"visibility is one of {', '.join(VISIBILITIES)}")
        if name is not None and not 0 < len(name) <= _NAME_LENGTH:
            raise HadirError(f"a name has 1 to {_NAME_LENGTH} characters")
        if staff_number is not None and not _STAFF_NUMBER.fullmatch(staff_number):
            raise HadirError("a staff number has 1 to 32 letters, digits, and . / - or spaces between")
        pid = f"p-{secrets.token_hex(8)}"
        sealed = [
            None if text is None else self._key.seal(text, f"{pid}/{field}")
            for field, text in (("name", name), ("staff_number", staff_number))
        ]
        indices = self._indices(credentials)
        staff = None if staff_number is None else self._key.staff_index(staff_number)
        with sqlite.transaction(self._connection):
            same = "SELECT pid FROM person WHERE staff_idx = ? AND unit = ? AND NOT erased"
            for (known,) in self._rows(same, staff, unit):
                raise Enrolled(str(known))
            self._connection.execute(
                "INSERT INTO person (pid, unit, visibility, quiet, name, staff_number, valid_until, host, staff_idx)"
                " VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?)",
                (pid, unit, visibility, *sealed, *guest, staff),
            )
            self._give(pid, indices, self._raise_version())
        return pid

    def enrol_guest(
        self, *, name: str, valid_until: int, host: str = "_", credentials: Sequence[tuple[str, str]] = ()
    ) -> str:
        """Somebody who is here until `valid_until`, office ns, of no unit; `host`: the unit they visit. The pid.

        Raises HadirError as `enrol` does, and for a time that is past or more than LONGEST_GUEST away.
        """
        if not 0 < valid_until - self._clock.office() <= LONGEST_GUEST:
            raise HadirError("a guest is enrolled for a time to come, of a day and a half at most")
        if not _UNIT.fullmatch(host):
            raise HadirError("a host is a unit: an identifier, or _")
        return self.enrol(name=name, credentials=credentials, guest=(valid_until, host))

    def erase_lapsed(self) -> list[str]:
        """Forget all guests whose time is over, as `erase` does; their pids. Their tombstones go after TOMBSTONE_S."""
        now = self._clock.office()
        gone = self._rows("SELECT pid FROM person WHERE valid_until <= ? AND NOT erased", now)
        pids = [str(pid) for (pid,) in gone]
        if pids:
            self._forget(pids)
            old = now - TOMBSTONE_S * SECOND
            self._connection.execute("DELETE FROM person WHERE erased AND valid_until <= ?", (old,))
        return pids

    def add(self, pid: str, credentials: Sequence[tuple[str, str]]) -> None:
        """More (value, realm) credentials for a person. Raises HadirError: not valid, somebody else's, no such pid."""
        indices = self._indices(credentials)
        with sqlite.transaction(self._connection):
            if not self._connection.execute("SELECT 1 FROM person WHERE pid = ? AND NOT erased", (pid,)).get:
                raise HadirError("nobody has that pid")
            self._give(pid, indices, self._raise_version())

    def give_index(self, pid: str, index: str) -> None:
        """A card that a gateway knows by its keyed index alone (enrolment.py). Raises HadirError as `add` does."""
        if not _INDEX.fullmatch(index):
            raise HadirError("that is no card's index")
        with sqlite.transaction(self._connection):
            if not self._connection.execute("SELECT 1 FROM person WHERE pid = ? AND NOT erased", (pid,)).get:
                raise HadirError("nobody has that pid")
            self._give(pid, [(index, None)], self._raise_version())

    def disable(self, pid: str, credential: tuple[str, str] | None = None) -> int:
        """One credential of a person, or all, no longer work (lost, returned); how many that were."""
        index = None if credential is None else self._key.index(checked(credential[0]), credential[1])
        return self._change(
            "UPDATE credential SET active = 0 WHERE pid = ? AND active AND idx = ifnull(?, idx) RETURNING pid",
            (pid, index),
        )

    def set_quiet(self, pid: str, quiet: bool) -> int:
        """Sensing of the person stops (or starts again) as soon as gateways hear of it; 0 for no such pid."""
        return self._change("UPDATE person SET quiet = ? WHERE pid = ? AND NOT erased RETURNING pid", (int(quiet), pid))

    def set_visibility(self, pid: str, visibility: str) -> int:
        """Who may see the person's zone: `self` nobody else, `team`, `unit`; 0 for no such pid. Raises HadirError."""
        if visibility not in VISIBILITIES:
            raise HadirError(f"visibility is one of {', '.join(VISIBILITIES)}")
        return self._change(
            "UPDATE person SET visibility = ? WHERE pid = ? AND NOT erased RETURNING pid", (visibility, pid)
        )

    def erase(self, pid: str) -> int:
        """Forget the person, on the disk as well; a tombstone keeps the pid from being used again. 0: no such pid."""
        return self._forget([pid])

    # --- inside -----------------------------------------------------------------------------------------------------

    def _forget(self, pids: Iterable[str]) -> int:
        gone = 0
        with sqlite.transaction(self._connection):
            for pid in pids:
                found = self._connection.execute(
                    "UPDATE person SET unit = '_', visibility = 'self', quiet = 1, name = NULL, staff_number = NULL,"
                    " host = NULL, staff_idx = NULL, erased = 1"
                    " WHERE pid = ? AND NOT erased RETURNING 1",
                    (pid,),
                ).fetchall()
                if found:
                    self._connection.execute("DELETE FROM credential WHERE pid = ?", (pid,))
                gone += len(found)
            if gone:
                self._connection.execute("DELETE FROM secret WHERE idx NOT IN (SELECT idx FROM credential)")
                self._connection.execute("UPDATE version SET whole = ?", (self._raise_version(),))
        if gone:  # the write-ahead log holds pages as they were
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return gone

    def _index_staff(self) -> None:
        """Of a table that an older hadir made."""
        missing = "SELECT pid, staff_number FROM person WHERE staff_number NOT NULL AND staff_idx IS NULL"
        for pid, sealed in self._rows(missing):
            index = self._key.staff_index(self._key.unseal(sealed, f"{pid}/staff_number"))
            self._connection.execute("UPDATE person SET staff_idx = ? WHERE pid = ?", (index, pid))

    def _indices(self, credentials: Sequence[tuple[str, str]]) -> list[tuple[str, bytes | None]]:
        """(index, sealed credential where it is a key that gateways need) of each."""
        if len(credentials) > MAX_CREDENTIALS:
            raise HadirError(f"a person has at most {MAX_CREDENTIALS} credentials")
        made: list[tuple[str, bytes | None]] = []
        for written, realm in credentials:
            value = checked(written)
            index = self._key.index(value, realm)
            made.append((index, self._key.seal(value, index) if value.partition(":")[0] in SECRET else None))
        return made

    def _give(self, pid: str, indices: Iterable[tuple[str, bytes | None]], version: int) -> None:
        for index, sealed in indices:
            taken = "SELECT 1 FROM credential WHERE idx = ? AND pid <> ? AND active"
            if self._connection.execute(taken, (index, pid)).get:
                raise HadirError("one of the credentials belongs to somebody else; disable it there first")
            self._connection.execute("INSERT OR REPLACE INTO credential VALUES (?, ?, 1, ?)", (index, pid, version))
            if sealed is not None:
                self._connection.execute("INSERT OR REPLACE INTO secret VALUES (?, ?)", (index, sealed))

    def _change(self, statement: str, values: Iterable[object]) -> int:
        """Run an UPDATE that returns the pid of each row it changed, and mark that person's credentials as changed."""
        with sqlite.transaction(self._connection):
            pids = [pid for (pid,) in self._connection.execute(statement, tuple(values))]
            if pids:
                self._connection.execute(
                    "UPDATE credential SET changed = ? WHERE pid = ?", (self._raise_version(), pids[0])
                )
        return len(pids)

    def _raise_version(self) -> int:
        return int(
            self._connection.execute(
                "UPDATE version SET number = max(number + 1, ?) RETURNING number", (self._clock.office() // SECOND,)
            ).get
        )
