"""What every answer carries and every request must keep: headers, body limits, and how often."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.clock import SECOND, Clock

MAX_BODY = 1 << 20
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
    """ASGI middleware: security headers on every answer, and no body above MAX_BODY."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if not length.isdigit() or int(length) > MAX_BODY:
            await _too_large(send)
            return
        taken = 0
        begun = False

        async def limited() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > MAX_BODY:
                return {"type": "http.disconnect"}
            return message

        async def sealed(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, limited, sealed)


async def _too_large(send: Send) -> None:
    body = b'{"type":"about:blank","title":"the body is larger than 1 MB","status":413}'
    headers = [(b"content-type", b"application/problem+json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})


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
