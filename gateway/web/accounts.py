"""Accounts of the web application: one-time codes, sessions, tokens, and the log of who looked whom up.

Codes, sessions and tokens are kept as SHA-256 digests: whoever reads the file cannot sign in. An account names a
person by pid only; names stay in the people table.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import apsw

from gateway import sqlite
from gateway.clock import SECOND, Clock
from gateway.config.web import Web
from gateway.errors import HadirError
from gateway.people import PeopleTable
from gateway.web import schema
from gateway.web.identities import Identities
from gateway.web.session_limits import SessionLimits
from gateway.web.sessions import Sessions, digest
from gateway.web.viewer import EVERYWHERE, Role, Viewer

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without 0, 1, I and O: a code is read from paper."""
CODE_DIGITS = 10
"""50 bits; guessing is also slowed by the sign-in page."""
CODE_S = 7 * 86_400
OWN_CODE_S = 600
"""Of a code for one's own other device, which is at hand."""


class Account(NamedTuple):
    """As the operator sees it."""

    id: str
    pid: str
    unit: str
    roles: frozenset[Role]
    units: frozenset[str]
    place: str
    label: str


class Session(NamedTuple):
    """A sign-in: the cookie's value, which is shown once, and the viewer."""

    secret: str
    viewer: Viewer
    max_age_s: int


class Accounts:
    """All accounts of a site. Used from one thread."""

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        people: PeopleTable | None = None,
        limits: SessionLimits | None = None,
    ) -> None:
        """Open or make it. `clock`: wall time, never scaled; `limits`: of sessions, as office.yaml says. Raises HadirError.

        `people`: the site's table, which decides whether a person's account is one and of which unit; without it (the
        command line) that is not asked.
        """
        self._db = schema.connect(path)
        self._clock = clock
        self._people = people
        self.limits = limits or SessionLimits(Web())
        self.sessions = Sessions(self._db, clock)
        self.identities = Identities(self._db, clock)

    @property
    def connection(self) -> apsw.Connection:
        """The web's database, for what keeps other tables in it."""
        return self._db

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    # --- accounts ---------------------------------------------------------------------------------------------------

    def create(
        self,
        *,
        roles: Collection[Role],
        pid: str = "",
        unit: str = "_",
        units: Collection[str] = (),
        place: str = "",
        label: str = "",
    ) -> str:
        """A new account; its id. Raises HadirError: an employee without a person, a person who has one."""
        if Role.EMPLOYEE in roles and not pid:
            raise HadirError("an employee's account needs a person: give a pid")
        account = f"a-{secrets.token_hex(6)}"
        with sqlite.transaction(self._db):
            if pid and self._db.execute("SELECT 1 FROM account WHERE pid = ?", (pid,)).get:
                raise HadirError(f"{pid} has an account already")
            self._db.execute(
                "INSERT INTO account (id, pid, unit, roles, units, place, label, created) VALUES (?,?,?,?,?,?,?,?)",
                (account, pid or None, unit, _text(roles), _text(units), place, label, self._clock.office()),
            )
        return account

    def of_person(self, pid: str, unit: str) -> str:
        """The account of a person: it is made when there is none."""
        return self.holder(pid) or self.create(roles=[Role.EMPLOYEE], pid=pid, unit=unit)

    def grant(self, account: str, roles: Collection[Role], units: Collection[str]) -> None:
        """Give it these roles and this scope as well. Raises HadirError: no such account."""
        known = self.account(account)
        if known is None:
            raise HadirError(f"there is no account {account}")
        self._db.execute(
            "UPDATE account SET roles = ?, units = ? WHERE id = ?",
            (_text(known.roles | set(roles)), _text(known.units | set(units)), account),
        )

    def account(self, account: str) -> Account | None:
        """One account that is not disabled."""
        return next(self._accounts("id = ? AND NOT disabled", account), None)

    def exists(self, account: str) -> bool:
        """Whether there is such an account, disabled or not."""
        return bool(self._db.execute("SELECT 1 FROM account WHERE id = ?", (account,)).get)

    def holder(self, pid: str) -> str:
        """The account of a person, disabled or not; empty: none."""
        return str(self._db.execute("SELECT id FROM account WHERE pid = ?", (pid,)).get or "")

    def all(self) -> list[Account]:
        """Every account that is not disabled."""
        return list(self._accounts("NOT disabled ORDER BY created"))

    def disable(self, account: str) -> None:
        """It cannot sign in any more, and is signed out everywhere."""
        with sqlite.transaction(self._db):
            self._db.execute("UPDATE account SET disabled = 1 WHERE id = ?", (account,))
            for table in ("session", "token", "code"):
                self._db.execute(f"DELETE FROM {table} WHERE account = ?", (account,))  # noqa: S608 constants

    def enable(self, account: str) -> None:
        """It may sign in again. Raises HadirError: no such account."""
        if not self._db.execute("UPDATE account SET disabled = 0 WHERE id = ? RETURNING 1", (account,)).get:
            raise HadirError(f"there is no account {account}")

    def erase(self, pid: str) -> None:
        """Forget a person: account, sessions, look-ups, and every row of every table here that names the pid."""
        with sqlite.transaction(self._db):
            account = self._db.execute("SELECT id FROM account WHERE pid = ?", (pid,)).get
            for table in self._tables_with("pid"):
                self._db.execute(f"DELETE FROM {table} WHERE pid = ?", (pid,))  # noqa: S608 a table of the schema
            self._db.execute("DELETE FROM idempotency WHERE account = ?", (account,))
        sqlite.checkpoint(self._db)  # the write-ahead log holds pages as they were

    def forget_erased(self) -> int:
        """Erase here whoever was erased from the people table, also by another process; how many that were."""
        if self._people is None:
            return 0
        here = {
            str(pid)
            for table in self._tables_with("pid")
            for (pid,) in self._db.execute(f"SELECT DISTINCT pid FROM {table} WHERE pid NOT NULL")  # noqa: S608 as above
        }
        gone = here & self._people.erased()
        for pid in gone:
            self.erase(pid)
        return len(gone)

    def _tables_with(self, column: str) -> list[str]:
        rows = self._db.execute(
            "SELECT t.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' AND c.name = ?",
            (column,),
        )
        return sorted(str(name) for (name,) in rows)

    def set_language(self, account: str, language: str) -> None:
        """Which language its pages are in."""
        self._db.execute("UPDATE account SET language = ? WHERE id = ?", (language, account))

    # --- signing in -------------------------------------------------------------------------------------------------

    def new_code(self, account: str, lasts_s: int = CODE_S) -> str:
        """A code that signs this account in once: `XXXXX-XXXXX`. Earlier ones of the account end.

        Raises HadirError: there is no such account, or it is disabled.
        """
        self._must_be(account)
        code = "".join(secrets.choice(ALPHABET) for _ in range(CODE_DIGITS))
        with sqlite.transaction(self._db):
            self._db.execute("DELETE FROM code WHERE account = ?", (account,))
            self._db.execute(
                "INSERT INTO code VALUES (?, ?, ?)",
                (digest(code), account, self._clock.office() + lasts_s * SECOND),
            )
        return f"{code[:5]}-{code[5:]}"

    def code_by(self, viewer: Viewer, account: str) -> str:
        """A code that an operator prints: as `new_code`, of accounts that may no more than they may themselves.

        Raises HadirError: with the code of an account that may more, its printer could sign in as that.
        """
        known = self.account(account)
        if known is not None and known.roles - {Role.EMPLOYEE}:
            within = EVERYWHERE in viewer.units or known.units <= viewer.units
            if not within or not known.roles - {Role.EMPLOYEE} <= viewer.roles:
                raise HadirError(f"{account} may more than whoever prints its code: `hadir accounts` prints it")
        return self.new_code(account)

    def take_code(self, code: str) -> str:
        """The account of a code, which ends with that; empty: there is no such code, or no longer."""
        typed = "".join(letter for letter in code.upper() if letter.isalnum())
        with sqlite.transaction(self._db):
            found = self._db.execute(
                "DELETE FROM code WHERE digest = ? RETURNING account, expires", (digest(typed),)
            ).fetchone()
        return "" if found is None or int(found[1]) < self._clock.office() else str(found[0])

    def redeem(self, code: str, *, device: str = "") -> Session | None:
        """Sign in by a code, which ends with that; None: there is no such code, or no longer."""
        account = self.take_code(code)
        return self.sign_in(account, device=device) if account else None

    def sign_in(self, account: str, *, issuer: str = "", device: str = "") -> Session | None:
        """A new session; None: the account is disabled, or its person is gone."""
        standing = self._standing("id = ?", account, "")
        if standing is None:
            return None
        limits = self.limits.of(standing)
        secret = self.sessions.open(account, limits, issuer=issuer, device=device)
        viewer = self.viewer(session=secret)
        return None if viewer is None else Session(secret, viewer, limits.lasts_s)

    def sign_out(self, secret: str) -> None:
        """End a session."""
        self.sessions.end(secret)

    def new_token(self, account: str, label: str) -> str:
        """A bearer token of an account, for a backend, kiosk or display; shown once.

        Raises HadirError as `new_code`.
        """
        self._must_be(account)
        token = f"hadir_{secrets.token_urlsafe(32)}"
        self._db.execute(
            "INSERT INTO token (digest, account, label, created) VALUES (?, ?, ?, ?)",
            (digest(token), account, label, self._clock.office()),
        )
        return token

    def revoke(self, account: str) -> int:
        """End all tokens of an account; how many that were."""
        return len(self._db.execute("DELETE FROM token WHERE account = ? RETURNING 1", (account,)).fetchall())

    def viewer(self, *, session: str = "", authorization: str = "") -> Viewer | None:
        """Who a cookie or an Authorization header stands for."""
        return self._who(session, authorization, note=True)

    def peek(self, *, session: str = "", authorization: str = "") -> Viewer | None:
        """As `viewer`; a session is as idle as before."""
        return self._who(session, authorization, note=False)

    def _who(self, session: str, authorization: str, *, note: bool) -> Viewer | None:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() == "bearer" and token:
            owner = "id = (SELECT account FROM token WHERE digest = ?)"
            return self._standing(owner, digest(token.strip()), "")
        used = self.sessions.find(session) if session else None
        viewer = None if used is None else self._standing("id = ?", used.account, used.csrf)
        if used is None or viewer is None:
            return None
        if self.limits.of(viewer).over(used.created, used.seen, self._clock.office()):
            return None
        if note:
            self.sessions.note(session, used)
        return viewer

    def _standing(self, where: str, value: str | bytes, csrf: str) -> Viewer | None:
        """An account that is not disabled, whose person is still one, in that person's unit of now."""
        row = self._db.execute(
            f"SELECT id, pid, unit, roles, units, place, language FROM account WHERE {where} AND NOT disabled",  # noqa: S608
            (value,),
        ).fetchone()
        if row is None:
            return None
        account, pid, unit = str(row[0]), str(row[1] or ""), str(row[2])
        if pid and self._people is not None:
            found = self._people.unit_of(pid)
            if found is None:
                return None
            unit = found
        return Viewer(
            account=account,
            pid=pid,
            unit=unit,
            roles=frozenset(map(Role, json.loads(str(row[3])))),
            units=frozenset(json.loads(str(row[4]))),
            place=str(row[5]),
            language=str(row[6]),
            csrf=csrf,
        )

    # --- look-ups ---------------------------------------------------------------------------------------------------

    def note_lookup(self, viewer: Viewer, pid: str, unit: str, what: str, reason: str) -> None:
        """Somebody was looked up: they see it. Raises HadirError without a reason."""
        if len(reason.strip()) < 5:
            raise HadirError("say why you look this person up: they see it")
        self._db.execute(
            "INSERT INTO lookup (at, account, unit, pid, what, reason) VALUES (?, ?, ?, ?, ?, ?)",
            (self._clock.office(), viewer.account, unit, pid, what, reason.strip()[:200]),
        )

    def lookups(self, pid: str, limit: int = 100) -> list[tuple[int, str, str, str]]:
        """(when, account, what, reason) of who looked a person up, latest first."""
        rows = self._db.execute(
            "SELECT at, account, what, reason FROM lookup WHERE pid = ? ORDER BY id DESC LIMIT ?", (pid, limit)
        )
        return [(int(at), str(account), str(what), str(reason)) for at, account, what, reason in rows]

    def _must_be(self, account: str) -> None:
        if self.account(account) is None:
            raise HadirError(f"{account} is disabled, or there is none: `hadir accounts office.yaml enable`")

    def _accounts(self, where: str, *values: object) -> Iterator[Account]:
        rows = self._db.execute(
            f"SELECT id, pid, unit, roles, units, place, label FROM account WHERE {where}",  # noqa: S608 constants
            values,
        )
        for account, pid, unit, roles, units, place, label in rows:
            yield Account(
                str(account),
                str(pid or ""),
                str(unit),
                frozenset(map(Role, json.loads(str(roles)))),
                frozenset(json.loads(str(units))),
                str(place),
                str(label),
            )


def _text(words: Iterable[str]) -> str:
    return json.dumps(sorted(str(word) for word in words))
