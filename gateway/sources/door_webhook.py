"""Hop 1, door systems that post their badge events: JSON over HTTP, one object or a list a request.

    202     everything in it is durable, or was counted as no tap of ours; what became of it is in the body
    400     not JSON, or no events           401, 403  no token, or another one
    413     more than 64 kB                  422       events, but none that `fields` fits: look at the configuration
    429     more than 50 requests a second   503       not durable within 5 s: send it again

A sender that got no answer, or 429 or 503, sends again; what is known by its id or time is not taken twice (door.py).
What was answered is not sent again: after a 4xx the same would come of it. GET / answers 200 as long as it listens.

It listens on the loopback address unless told otherwise. It speaks no TLS: a door system on another machine goes
through a reverse proxy, or a network of its own.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from hashlib import sha256
from pathlib import Path

from gateway.clock import SECOND, Clock
from gateway.contract.payload import read_json
from gateway.counters import Counters
from gateway.errors import PermanentError, TransientError
from gateway.sources.base import Deliver, OnState, SourceState, Teller
from gateway.sources.door import MOST_WAITING, Tally, Taps, nowhere
from gateway.sources.door_event import BAD, rows
from gateway.sources.http_words import Request, Response

PER_SECOND = 50
DURABLE_S = 5.0
SHORTEST_TOKEN = 16
MAX_TOKEN_FILE = 4096


class DoorWebhookSource:
    """One port that door systems post to."""

    def __init__(
        self,
        source_id: str,
        host: str,
        port: int,
        token_file: Path,
        taps: Taps,
        state: SourceState,
        clock: Clock,
        counters: Counters,
        *,
        on_state: OnState | None = None,
    ) -> None:
        """`port` 0: any; `taps` writes into `state`. The token is read at each start of the server."""
        self.id = source_id
        self.state = state
        self.port = port
        """Which it listens on."""
        self._host = host
        self._token_file = token_file
        self._token = b""
        self._taps = taps
        self._clock = clock
        self._counters = counters
        self._teller = Teller(state, on_state)
        self._deliver: Deliver = nowhere
        self._known, self._strangers = Rate(PER_SECOND, clock), Rate(PER_SECOND, clock)
        """Whoever has no token must not take the door system's share."""

    async def run(self, deliver: Deliver) -> None:
        """Serve until cancelled. Raises TransientError: no h11, no token, no port."""
        try:
            from gateway.sources.http_post import serve
        except ModuleNotFoundError as error:
            raise self._down("missing", "h11 is not installed: pip install 'hadir[webhook]'") from error
        try:
            self._token = token(self._token_file)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise self._down("token", f"{self._token_file}: {reason}") from error
        self._deliver = deliver
        try:
            await serve(self._host, self.port, self, self._listening)
        except OSError as error:
            reason = f"cannot listen on {self._host}:{self.port}: {error.strerror or error}"
            raise self._down("port", reason) from error
        finally:
            self.state.up = False

    def _down(self, cause: str, problem: str) -> TransientError:
        self._teller.down(cause, problem)
        return TransientError(problem)

    def _listening(self, port: int) -> None:
        self.port = port
        self.state.opens += 1
        self._teller.up()

    # --- what the server asks ---------------------------------------------------------------------------------------

    def head(self, request: Request) -> Response | None:
        """Whether the body is wanted."""
        if request.method in ("GET", "HEAD"):
            if not self._strangers.admits():
                return self._refuse("rate", 429)
            return Response(200, b'{"listening":true}') if request.path == "/" else Response(404)
        said = request.headers.get("authorization", ())
        scheme, _, given = said[0].partition(" ") if len(said) == 1 else ("", "", "")
        if scheme.lower() != "bearer" or not _same(given.strip(), self._token):
            if not self._strangers.admits():
                return self._refuse("rate", 429)
            if scheme.lower() != "bearer":
                return self._refuse("no_token", 401, ("www-authenticate", "Bearer"))
            return self._refuse("token", 403)
        if not self._known.admits():
            return self._refuse("rate", 429, ("retry-after", "1"))
        if request.method != "POST":
            return Response(405, headers=(("allow", "GET, POST"),))
        if self._taps.waiting >= MOST_WAITING:
            return self._refuse("full", 503, ("retry-after", "5"))
        return None

    async def whole(self, body: bytes) -> Response:
        """Take the events, and answer when they are durable."""
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def done() -> None:
            if not durable.done():
                durable.set_result(None)

        try:
            tally = self._taps.take(rows(read_json(body)), self._deliver, done)
        except PermanentError as error:
            self._taps.drop(error.reason)
            return Response(400, json.dumps({"error": error.reason}).encode())
        try:
            async with asyncio.timeout(DURABLE_S):
                await durable
        except TimeoutError:
            return self._refuse("slow_disk", 503, ("retry-after", "5"))
        useless = not tally.taken and BAD & tally.dropped.keys()
        return Response(422 if useless else 202, _written(tally))

    def refused(self, cause: str) -> None:
        """The server turned somebody away."""
        self._counters.add("webhook.refused", cause)

    def _refuse(self, cause: str, status: int, *headers: tuple[str, str]) -> Response:
        self.refused(cause)
        return Response(status, headers=headers)


class Rate:
    """So many a second; a second's worth may come at once."""

    def __init__(self, per_second: int, clock: Clock) -> None:
        self._most = per_second
        self._clock = clock
        self._left = float(per_second)
        self._at = clock.machine()

    def admits(self) -> bool:
        """Take one, when there is one."""
        now = self._clock.machine()
        self._left = min(self._most, self._left + (now - self._at) / SECOND * self._most)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


def token(path: Path) -> bytes:
    """Digest of the token that a file holds. Raises OSError, and ValueError for a file that no token should be in."""
    mode = path.stat().st_mode
    if mode & 0o077:
        raise ValueError(f"may be read by others (mode {mode & 0o777:04o}); run: chmod 600 {path}")
    with path.open("rb") as file:
        words = file.read(MAX_TOKEN_FILE).decode("ascii", "replace").split()
    if len(words) != 1 or not words[0].isascii() or len(words[0]) < SHORTEST_TOKEN:
        raise ValueError(
            f"holds no token: one word of {SHORTEST_TOKEN} characters or more, as openssl rand -hex 32 makes"
        )
    return sha256(words[0].encode()).digest()


def _same(given: str, digest: bytes) -> bool:
    """Whether it is the token; how long that takes says nothing about it."""
    return hmac.compare_digest(sha256(given.encode()).digest(), digest)


def _written(tally: Tally) -> bytes:
    return json.dumps({"taken": tally.taken, "dropped": tally.dropped}).encode()
