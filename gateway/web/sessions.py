"""Sessions: sign-ins of browsers. Kept as digests; they end by age, by idleness, and when they are left."""

from __future__ import annotations

import hashlib
import secrets
from typing import NamedTuple

import apsw

from gateway import sqlite
from gateway.clock import SECOND, Clock
from gateway.web.session_limits import Limits

MOST = 16
"""Of one account; the oldest ends."""
NOTED_S = 60
"""Use is noted so often at most: each note is a write to the disk."""
DEVICES = ("Android", "iPhone", "iPad", "Windows", "Macintosh", "CrOS", "Linux")
"""What a browser may be called in the list of one's sessions; nothing else of its header is kept."""


class Kept(NamedTuple):
    """A session as its owner sees it."""

    id: str
    device: str
    issuer: str
    """Who signed in; empty: a one-time code."""
    created: int
    seen: int


class Used(NamedTuple):
    """A session that a request came with."""

    account: str
    csrf: str
    created: int
    seen: int


class Sessions:
    """All sessions of a site."""

    def __init__(self, connection: apsw.Connection, clock: Clock) -> None:
        """`clock`: wall time."""
        self._db = connection
        self._clock = clock

    def open(self, account: str, limits: Limits, *, issuer: str = "", device: str = "") -> str:
        """A new one; its secret, for the cookie alone. `limits`: of all sessions of the account."""
        secret, csrf, now = secrets.token_urlsafe(32), secrets.token_urlsafe(24), self._clock.office()
        with sqlite.transaction(self._db):
            self._db.execute(
                "DELETE FROM session WHERE expires < ? OR (account = ? AND seen < ?)",
                (now, account, now - limits.idle_s * SECOND),
            )
            self._db.execute(
                "DELETE FROM session WHERE account = ?1 AND digest NOT IN (SELECT digest FROM session"
                " WHERE account = ?1 ORDER BY created DESC LIMIT ?2)",
                (account, MOST - 1),
            )
            self._db.execute(
                "INSERT INTO session (digest, account, csrf, created, expires, id, seen, issuer, device)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    digest(secret),
                    account,
                    csrf,
                    now,
                    now + limits.lasts_s * SECOND,
                    secrets.token_hex(8),
                    now,
                    issuer,
                    device,
                ),
            )
        return secret

    def find(self, secret: str) -> Used | None:
        """Whose it is, until it expires in any case; None: nobody's. Whether its account's limits end it is asked next."""
        row = self._db.execute(
            "SELECT account, csrf, created, seen FROM session WHERE digest = ? AND expires >= ?",
            (digest(secret), self._clock.office()),
        ).fetchone()
        return None if row is None else Used(str(row[0]), str(row[1]), int(row[2]), int(row[3]))

    def note(self, secret: str, used: Used) -> None:
        """It is not idle."""
        now = self._clock.office()
        if now - used.seen >= NOTED_S * SECOND:
            self._db.execute("UPDATE session SET seen = ? WHERE digest = ?", (now, digest(secret)))

    def issuer(self, secret: str) -> str:
        """Who signed this one in; empty: a one-time code, or there is no such session."""
        found = self._db.execute("SELECT issuer FROM session WHERE digest = ?", (digest(secret),)).get
        return str(found or "")

    def of(self, account: str, limits: Limits) -> list[Kept]:
        """Those that have not ended, latest use first."""
        now = self._clock.office()
        rows = self._db.execute(
            "SELECT id, device, issuer, created, seen FROM session WHERE account = ? AND expires >= ?"
            " ORDER BY seen DESC, created DESC",
            (account, now),
        )
        found = [Kept(str(i), str(d), str(by), int(c), int(s)) for i, d, by, c, s in rows]
        return [kept for kept in found if not limits.over(kept.created, kept.seen, now)]

    def id(self, secret: str) -> str:
        """What the list calls it; empty: there is no such session."""
        return str(self._db.execute("SELECT id FROM session WHERE digest = ?", (digest(secret),)).get or "")

    def end(self, secret: str) -> None:
        """The one with this secret."""
        self._db.execute("DELETE FROM session WHERE digest = ?", (digest(secret),))

    def end_one(self, account: str, session: str) -> None:
        """One of an account, by what the list calls it."""
        self._db.execute("DELETE FROM session WHERE account = ? AND id = ?", (account, session))

    def end_all(self, account: str) -> None:
        """Every one of an account."""
        self._db.execute("DELETE FROM session WHERE account = ?", (account,))


def digest(secret: str) -> bytes:
    """What is kept of a session's secret, a code or a token."""
    return hashlib.sha256(secret.encode()).digest()


def device_of(user_agent: str) -> str:
    """The kind of device that a User-Agent names; empty: none that is known."""
    return next((word for word in DEVICES if word in user_agent[:400]), "")
