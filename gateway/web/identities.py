"""Which subject of which OpenID Connect provider signs in as which account.

A link is made once. It is not made anew for another subject or another account, by nobody but the operator, who ends
the old one first: whoever takes over an account at a provider, or gets hold of a code, cannot take a second one here.
"""

from __future__ import annotations

from typing import NamedTuple

import apsw

from gateway import sqlite
from gateway.clock import Clock
from gateway.errors import HadirError


class Linked(NamedTuple):
    """A link as its owner sees it; the subject stays here."""

    issuer: str
    linked: int


class Identities:
    """All links of a site."""

    def __init__(self, connection: apsw.Connection, clock: Clock) -> None:
        self._db = connection
        self._clock = clock

    def account(self, issuer: str, subject: str) -> str:
        """Whose a subject is; empty: nobody's."""
        found = self._db.execute("SELECT account FROM identity WHERE issuer = ? AND subject = ?", (issuer, subject)).get
        return str(found or "")

    def subject(self, issuer: str, account: str) -> str:
        """The subject that an account is linked to; empty: none."""
        found = self._db.execute("SELECT subject FROM identity WHERE issuer = ? AND account = ?", (issuer, account)).get
        return str(found or "")

    def link(self, issuer: str, subject: str, account: str) -> None:
        """From now on. Raises HadirError: one of the two is linked to another already."""
        with sqlite.transaction(self._db):
            if self.account(issuer, subject) == account:
                return
            if self.account(issuer, subject) or self.subject(issuer, account):
                raise HadirError("one of the two is linked to another already; the operator ends that first")
            self._db.execute(
                "INSERT INTO identity (issuer, subject, account, linked) VALUES (?, ?, ?, ?)",
                (issuer, subject, account, self._clock.office()),
            )

    def of(self, account: str) -> list[Linked]:
        """The links of an account."""
        rows = self._db.execute("SELECT issuer, linked FROM identity WHERE account = ? ORDER BY issuer", (account,))
        return [Linked(str(issuer), int(at)) for issuer, at in rows]

    def unlink(self, account: str) -> int:
        """End all links of an account; how many that were."""
        return len(self._db.execute("DELETE FROM identity WHERE account = ? RETURNING 1", (account,)).fetchall())
