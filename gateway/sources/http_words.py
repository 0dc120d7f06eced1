"""The words of the small HTTP server (http_post.py). Nothing of h11 is in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol


class Request(NamedTuple):
    """The head of a request."""

    method: str
    path: str
    """Without what follows a question mark."""
    headers: Mapping[str, tuple[str, ...]]
    """By name in small letters."""


class Response(NamedTuple):
    """An answer; `body` is JSON."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


class Handler(Protocol):
    """Answers requests."""

    def head(self, request: Request) -> Response | None:
        """The answer to a request whose body is not wanted; None: read it."""
        ...

    async def whole(self, body: bytes) -> Response:
        """The answer to a whole request."""
        ...

    def refused(self, cause: str) -> None:
        """Somebody was turned away: `http` (it is none), `too_big`, `slow`, `crowd`."""
        ...
