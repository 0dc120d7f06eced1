"""Accounts of the web application: one-time codes, sessions, tokens, and the log of who looked whom up.

Codes, sessions and tokens are kept as SHA-256 digests: whoever reads the file cannot sign in. An account names a
person by pid only; names stay in the people table.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import apsw

from gateway import sqlite
from gateway.clock import SECOND, Clock
from gateway.errors import HadirError
from gateway.web import schema
from gateway.web.viewer import Role, Viewer

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without 0, 1, I and O: a code is read from paper."""
CODE_DIGITS = 10
"""50 bits; guessing is also slowed by the sign-in page."""
CODE_S = 7 * 86_400
DEVICE_S = 365 * 86_400
"""Of a session of a kiosk or display: it is opened once, and hangs there."""
DEVICES = frozenset({Role.KIOSK, Role.DISPLAY})
MOST_SESSIONS = 16
"""Of one account; the oldest ends."""


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

    def __init__(self, path: Path, clock: Clock, *, session_hours: int = 12) -> None:
        """Open or make it. `clock`: wall time, never scaled. Raises HadirError."""
        self._db = schema.connect(path)
        self._clock = clock
        self._session_s = session_hours * 3600

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
        found = self._db.execute("SELECT id FROM account WHERE pid = ?", (pid,)).get
        return str(found) if found else self.create(roles=[Role.EMPLOYEE], pid=pid, unit=unit)

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

    def all(self) -> list[Account]:
        """Every account that is not disabled."""
        return list(self._accounts("NOT disabled ORDER BY created"))

    def disable(self, account: str) -> None:
        """It cannot sign in any more, and is signed out everywhere."""
        with sqlite.transaction(self._db):
            self._db.execute("UPDATE account SET disabled = 1 WHERE id = ?", (account,))
            for table in ("session", "token", "code"):
                self._db.execute(f"DELETE FROM {table} WHERE account = ?", (account,))  # noqa: S608 constants

    def erase(self, pid: str) -> None:
        """Forget a person: account, sessions, look-ups and requests."""
        with sqlite.transaction(self._db):
            self._db.execute("DELETE FROM account WHERE pid = ?", (pid,))
            for table in ("lookup", "correction", "booking"):
                self._db.execute(f"DELETE FROM {table} WHERE pid = ?", (pid,))  # noqa: S608 constants

    def set_language(self, account: str, language: str) -> None:
        """Which language its pages are in."""
        self._db.execute("UPDATE account SET language = ? WHERE id = ?", (language, account))

    def link(self, account: str, issuer: str, subject: str) -> None:
        """A provider's subject signs in as this account from now on."""
        self._db.execute("INSERT OR REPLACE INTO identity VALUES (?, ?, ?)", (issuer, subject, account))

    def linked(self, issuer: str, subject: str) -> str:
        """The account of a provider's subject; empty: none."""
        found = self._db.execute("SELECT account FROM identity WHERE issuer = ? AND subject = ?", (issuer, subject)).get
        return str(found or "")

    # --- signing in -------------------------------------------------------------------------------------------------

    def new_code(self, account: str, lasts_s: int = CODE_S) -> str:
        """A code that signs this account in once: `XXXXX-XXXXX`. Earlier ones of the account end."""
        code = "".join(secrets.choice(ALPHABET) for _ in range(CODE_DIGITS))
        with sqlite.transaction(self._db):
            self._db.execute("DELETE FROM code WHERE account = ?", (account,))
            self._db.execute(
                "INSERT INTO code VALUES (?, ?, ?)",
                (_digest(code), account, self._clock.office() + lasts_s * SECOND),
            )
        return f"{code[:5]}-{code[5:]}"

    def redeem(self, code: str) -> Session | None:
        """Sign in by a code, which ends with that; None: there is no such code, or no longer."""
        typed = "".join(letter for letter in code.upper() if letter.isalnum())
        with sqlite.transaction(self._db):
            found = self._db.execute(
                "DELETE FROM code WHERE digest = ? RETURNING account, expires", (_digest(typed),)
            ).fetchone()
        if found is None or int(found[1]) < self._clock.office():
            return None
        return self.sign_in(str(found[0]))

    def sign_in(self, account: str) -> Session | None:
        """A new session; None: the account is disabled."""
        known = self.account(account)
        if known is None:
            return None
        secret, csrf, now = secrets.token_urlsafe(32), secrets.token_urlsafe(24), self._clock.office()
        lasts_s = DEVICE_S if known.roles and known.roles <= DEVICES else self._session_s
        with sqlite.transaction(self._db):
            self._db.execute("DELETE FROM session WHERE expires < ?", (now,))
            self._db.execute(
                "DELETE FROM session WHERE account = ?1 AND digest NOT IN (SELECT digest FROM session"
                " WHERE account = ?1 ORDER BY created DESC LIMIT ?2)",
                (account, MOST_SESSIONS - 1),
            )
            self._db.execute(
                "INSERT INTO session VALUES (?, ?, ?, ?, ?)",
                (_digest(secret), account, csrf, now, now + lasts_s * SECOND),
            )
        viewer = self.viewer(session=secret)
        return None if viewer is None else Session(secret, viewer, lasts_s)

    def sign_out(self, secret: str) -> None:
        """End a session."""
        self._db.execute("DELETE FROM session WHERE digest = ?", (_digest(secret),))

    def new_token(self, account: str, label: str) -> str:
        """A bearer token of an account, for a backend, kiosk or display; shown once."""
        token = f"hadir_{secrets.token_urlsafe(32)}"
        self._db.execute(
            "INSERT INTO token (digest, account, label, created) VALUES (?, ?, ?, ?)",
            (_digest(token), account, label, self._clock.office()),
        )
        return token

    def viewer(self, *, session: str = "", authorization: str = "") -> Viewer | None:
        """Who a cookie or an Authorization header stands for."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() == "bearer" and token:
            where, values, csrf = "token JOIN account ON id = account", (_digest(token.strip()),), "''"
        elif session:
            where, values, csrf = "session JOIN account ON id = account", (_digest(session),), "csrf"
        else:
            return None
        query = f"SELECT id, pid, unit, roles, units, place, language, {csrf}"
        if csrf == "csrf":
            query += ", expires"
        row = self._db.execute(f"{query} FROM {where} WHERE digest = ? AND NOT disabled", values).fetchone()
        if row is None or (csrf == "csrf" and int(row[8]) < self._clock.office()):
            return None
        return Viewer(
            account=str(row[0]),
            pid=str(row[1] or ""),
            unit=str(row[2]),
            roles=frozenset(map(Role, json.loads(str(row[3])))),
            units=frozenset(json.loads(str(row[4]))),
            place=str(row[5]),
            language=str(row[6]),
            csrf=str(row[7]),
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


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _text(words: Iterable[str]) -> str:
    return json.dumps(sorted(str(word) for word in words))
