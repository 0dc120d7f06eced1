"""Seatsurfing's REST API (github.com/seatsurfing/seatsurfing, specs/openapi.yaml 1.60), as far as bookings need it.

    GET  /booking/filter/?start=&end=     all bookings of the organization (a space admin's or service account's right)
    POST /auth/login                      {email, password, organizationId} -> {accessToken}, for 15 minutes
    Authorization: Basic <organizationId>_<email>:<password>      a service account, without a session

Bookings are kept there in the location's own wall time, and asked for by times that the server compares as they are:
so we ask for a day more on both sides. Times in answers have their offset.
"""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from gateway.clock import SECOND
from gateway.config.web_systems import Seatsurfing
from gateway.errors import PermanentError, TransientError

_log = logging.getLogger(__name__)

ANSWER_S, LONGEST_S = 20.0, 120.0
"""For a part of an answer, and for all of it."""
MOST_BYTES = 16 << 20
MOST_BOOKINGS = 50_000
SLACK = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """One booking there."""

    id: str
    space: str
    space_name: str
    email: str
    """Empty: nobody with an account."""
    start: int
    """ns UTC."""
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """All approved bookings that touch a span of time."""

    bookings: tuple[Booking, ...]
    unreadable: int
    """Items that are not as its document says: while there are any, nothing is taken for cancelled."""


class _Location(BaseModel):
    model_config = ConfigDict(extra="ignore")
    id: str = ""


class _Space(BaseModel):
    model_config = ConfigDict(extra="ignore")
    id: str = ""
    name: str = Field("", max_length=512)


class _Booking(BaseModel):
    model_config = ConfigDict(extra="ignore")
    id: str = Field(pattern=r"^[0-9a-fA-F-]{36}$")
    space_id: str = Field(alias="spaceId", pattern=r"^[0-9a-fA-F-]{36}$")
    user_email: str = Field("", alias="userEmail", max_length=254)
    enter: AwareDatetime
    leave: AwareDatetime
    approved: bool = True
    space: _Space = _Space()


class Client:
    """Asks one Seatsurfing instance, on a new connection each round: rounds are far apart."""

    def __init__(self, settings: Seatsurfing, password: str) -> None:
        self._settings = settings
        self._password = password
        self._base = settings.url.rstrip("/")
        self._token = ""

    async def bookings(self, start: int, end: int) -> Fetched:
        """What touches [start, end], ns UTC. Raises TransientError, PermanentError (refused: see to the account)."""
        query = {"start": _written(start, -SLACK), "end": _written(end, SLACK)}
        items = await self._get("/booking/filter/", query)
        if not isinstance(items, list) or len(items) > MOST_BOOKINGS:
            raise PermanentError("invalid", "Seatsurfing: its bookings are no list, or too many")
        found: list[Booking] = []
        unreadable = 0
        for item in items:
            try:
                one = _Booking.model_validate(item)
            except ValidationError:
                unreadable += 1
                continue
            booking = Booking(
                id=one.id.lower(),
                space=one.space_id.lower(),
                space_name=one.space.name,
                email=one.user_email.strip().lower(),
                start=_ns(one.enter),
                end=_ns(one.leave),
            )
            if one.approved and booking.start < booking.end and booking.end >= start and booking.start <= end:
                found.append(booking)
        return Fetched(bookings=tuple(found), unreadable=unreadable)

    async def _get(self, path: str, query: dict[str, str]) -> Any:
        for again in (False, True):
            if self._settings.login == "session" and not self._token:
                self._token = await self._login()
            status, body = await self._send("GET", path, params=query, **self._credential())
            if status == httpx.codes.UNAUTHORIZED and self._settings.login == "session" and not again:
                self._token = ""  # its quarter of an hour is over
                continue
            return _read(status, body)
        raise TransientError("Seatsurfing: it does not know its own token")

    async def _login(self) -> str:
        asked = {
            "email": self._settings.user,
            "password": self._password,
            "organizationId": self._settings.organization,
        }
        status, body = await self._send("POST", "/auth/login", json=asked)
        answer = _read(status, body)
        token = answer.get("accessToken") if isinstance(answer, dict) else None
        if not isinstance(token, str) or not token:
            raise PermanentError("invalid", "Seatsurfing: its answer to the login has no accessToken")
        return token

    def _credential(self) -> dict[str, Any]:
        if self._settings.login == "session":
            return {"headers": {"Authorization": f"Bearer {self._token}"}}
        return {"auth": (f"{self._settings.organization}_{self._settings.user}", self._password)}

    async def _send(self, method: str, path: str, **more: Any) -> tuple[int, bytes]:
        """Raises TransientError."""
        try:
            async with (
                asyncio.timeout(LONGEST_S),
                httpx.AsyncClient(follow_redirects=False, trust_env=False, timeout=ANSWER_S) as http,
                http.stream(method, f"{self._base}{path}", **more) as answer,
            ):
                parts, size = [], 0
                async for part in answer.aiter_bytes():
                    size += len(part)
                    if size > MOST_BYTES:
                        raise TransientError("Seatsurfing: its answer is larger than 16 MB")
                    parts.append(part)
                return answer.status_code, b"".join(parts)
        except TimeoutError as error:
            raise TransientError(f"Seatsurfing: no whole answer within {LONGEST_S:g} s") from error
        except httpx.HTTPError as error:
            raise TransientError(f"Seatsurfing: {type(error).__name__}: {error}"[:200]) from error


def _read(status: int, body: bytes) -> Any:
    """Raises TransientError, PermanentError."""
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN, httpx.codes.NOT_FOUND, httpx.codes.BAD_REQUEST):
        raise PermanentError("refused", f"Seatsurfing answered {status}: see to account, rights and address")
    if not httpx.codes.is_success(status):
        raise TransientError(f"Seatsurfing answered {status}")
    try:
        return json.loads(body)
    except ValueError as error:
        raise TransientError("Seatsurfing: its answer is no JSON") from error


def _written(at: int, slack: timedelta) -> str:
    return (_EPOCH + timedelta(microseconds=at // 1_000) + slack).isoformat(timespec="seconds").replace("+00:00", "Z")


def _ns(moment: datetime) -> int:
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds * 1_000
