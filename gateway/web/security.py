"""What every answer carries and every request must keep: headers, body limits, and how often."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Collection, Mapping
from ipaddress import ip_address

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.clock import SECOND, Clock

MAX_BODY = 1 << 20
BODY_S = 30.0
"""A body that is not whole by then is not waited for."""
TOO_LARGE, TOO_SLOW = "the body is larger than 1 MB", "the body came too slowly"
KEPT_BY_NOBODY = ("Cache-Control", "no-store")
"""Of every answer that does not say otherwise: most are about somebody."""
HSTS = "max-age=31536000"
MOST_PROXIES = 16
MOST_CALLERS = 10_000
"""Callers whose haste is remembered; the longest unseen is forgotten."""
POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class Guarded:
    """ASGI middleware: security headers on every answer, and no body that is too large or comes too slowly."""

    def __init__(self, app: ASGIApp, *, encrypted: bool = False, proxies: Collection[str] = ()) -> None:
        """`encrypted`: browsers come over TLS. `proxies`: whose X-Forwarded-For is believed."""
        self._app = app
        self._headers = {**HEADERS, **({"Strict-Transport-Security": HSTS} if encrypted else {})}
        self._proxies = frozenset(proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._proxies:
            scope["client"] = caller(scope, self._proxies)
        sealed = _Sealed(send, self._headers)
        length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if not length.isdigit() or len(length) > 12 or int(length) > MAX_BODY:
            await sealed.refuse(413, TOO_LARGE)
            return
        body = _Body(receive, sealed)
        await self._app(scope, body.receive, sealed.send)


class _Sealed:
    """The answer with its headers; in its place a refusal, when one was decided before it began."""

    def __init__(self, send: Send, headers: Mapping[str, str]) -> None:
        self._send = send
        self._headers = headers
        self._begun = False
        self._refused = False
        self.refusal: tuple[int, str] | None = None

    async def send(self, message: Message) -> None:
        if self._refused:
            return
        if message["type"] == "http.response.start":
            if self.refusal is not None:
                await self.refuse(*self.refusal)
                return
            self._begun = True
            headers = MutableHeaders(scope=message)
            for name, value in (*self._headers.items(), KEPT_BY_NOBODY):
                headers.setdefault(name, value)
        await self._send(message)

    async def refuse(self, status: int, title: str) -> None:
        self._refused = True
        body = json.dumps({"type": "about:blank", "title": title, "status": status}).encode()
        headers = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
            *((name.lower().encode(), value.encode()) for name, value in self._headers.items()),
        ]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})


class _Body:
    """A request's body: what is too much or too slow looks to the application as if the caller had gone."""

    def __init__(self, receive: Receive, sealed: _Sealed) -> None:
        self._receive = receive
        self._sealed = sealed
        self._taken = 0
        self._until: float | None = None
        self._whole = False

    async def receive(self) -> Message:
        if self._whole:  # the caller's leaving is waited for as long as it takes
            return await self._receive()
        loop = asyncio.get_running_loop()
        self._until = self._until or loop.time() + BODY_S
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            self._sealed.refusal = 408, TOO_SLOW
            return {"type": "http.disconnect"}
        self._taken += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._taken > MAX_BODY:
            self._sealed.refusal = 413, TOO_LARGE
            return {"type": "http.disconnect"}
        return message


def caller(scope: Scope, proxies: Collection[str]) -> tuple[str, int] | None:
    """Who asks: behind our proxies the last address that one of them saw and that is no proxy of ours."""
    client: tuple[str, int] | None = scope.get("client")
    if client is None or client[0] not in proxies:
        return client
    said = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for").decode("latin-1")
    for name in reversed([part.strip() for part in said.split(",")][-MOST_PROXIES:]):
        try:
            address = str(ip_address(name))
        except ValueError:
            return client
        if address not in proxies:
            return address, 0
    return client


class Haste:
    """How often a caller may do something: a bucket of `burst`, refilled at `per_minute`."""

    def __init__(self, clock: Clock, *, burst: int, per_minute: float) -> None:
        self._clock = clock
        self._burst = float(burst)
        self._rate = per_minute / 60 / SECOND
        self._left: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def has(self, caller: str) -> bool:
        """Whether one could be taken; nothing is."""
        left, at = self._left.get(caller, (self._burst, 0))
        return left + (self._clock.machine() - at) * self._rate >= 1

    def allows(self, caller: str) -> bool:
        """Take one; False: too often."""
        now = self._clock.machine()
        left, at = self._left.pop(caller, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._rate)
        self._left[caller] = (left - 1 if left >= 1 else left, now)
        while len(self._left) > MOST_CALLERS:
            self._left.popitem(last=False)
        return left >= 1
