"""A change that is asked for twice under one key is made once, and answered twice: for clients that lost an answer."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID, uuid4, uuid5

import apsw

from gateway.clock import SECOND, Clock

KEPT_S = 24 * 3600
NAMES = UUID("6f2b6c2e-8d0f-5b0c-9a7e-1d1d8a2b9c44")
"""Of the ids that commands get: a gateway that has carried one out answers it again for as long."""
UNCERTAIN = frozenset({429, 500, 502, 503, 504})
"""What is not remembered: the client is to try again."""


class Reused(Exception):
    """The key was used for another request."""


class Running(Exception):
    """The first request of this key has not been answered yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An answer."""

    status: int
    body: bytes
    again: bool = False
    """It was given before, and nothing was done now."""


class Once:
    """Over the web's database. Used from the event loop."""

    def __init__(self, connection: apsw.Connection, clock: Clock) -> None:
        """`clock`: wall time."""
        self._db = connection
        self._clock = clock
        self._running: set[tuple[str, str]] = set()
        self._swept = 0

    async def do(self, account: str, key: str, request: bytes, make: Callable[[str], Awaitable[Kept]]) -> Kept:
        """What `make(identity)` answers, or has answered. `key` empty: it is made in any case.

        `identity`: a UUID for the command that `make` gives; the same for the same key. Raises Reused, Running.
        """
        if not key:
            return await make(str(uuid4()))
        digest = hashlib.sha256(request).digest()
        self._sweep()
        row = self._db.execute(
            "SELECT request, status, body FROM idempotency WHERE account = ? AND key = ?", (account, key)
        ).fetchone()
        if row is not None:
            if bytes(row[0]) != digest:
                raise Reused
            return Kept(status=int(row[1]), body=bytes(row[2]), again=True)
        if (account, key) in self._running:
            raise Running
        self._running.add((account, key))
        try:
            made = await make(str(uuid5(NAMES, f"{account}/{digest.hex()}/{key}")))
        finally:
            self._running.discard((account, key))
        if made.status not in UNCERTAIN:
            self._db.execute(
                "INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?, ?, ?)",
                (account, key, digest, made.status, made.body, self._clock.office()),
            )
        return made

    def _sweep(self) -> None:
        now = self._clock.office()
        if now - self._swept > 600 * SECOND or now < self._swept:
            self._swept = now
            self._db.execute("DELETE FROM idempotency WHERE at < ?", (now - KEPT_S * SECOND,))
