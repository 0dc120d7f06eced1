"""Asks an application directly, request by request: streams are left after their first words."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlencode

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Mount

from gateway.web.rendering import LANGUAGE_COOKIE
from gateway.web.site import Site
from gateway.web.viewer import Role

STREAM_S = 0.05


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def sends_to_sign_in(self) -> bool:
        return self.status == 401 or (self.status == 303 and self.headers["location"].startswith("/masuk?lanjut"))


@dataclass
class Reader:
    """Somebody with a session, or nobody."""

    app: FastAPI
    secret: str = ""
    csrf: str = ""
    token: str = ""

    async def ask(
        self,
        method: str,
        target: str,
        *,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        csrf: bool = True,
        english: bool = False,
    ) -> Answer:
        """One request of a browser, or of a program with a token. `data`: a form."""
        site: Site = self.app.state.site
        path, _, query = target.partition("?")
        sent = {"host": "kantor.test", "accept": "text/html", **(headers or {})}
        if self.token:
            sent["authorization"] = f"Bearer {self.token}"
        elif self.secret and csrf and method not in ("GET", "HEAD"):
            sent["x-csrf-token"] = self.csrf
        cookies = [f"{site.cookie}={self.secret}"] if self.secret else []
        cookies += [f"{LANGUAGE_COOKIE}=en"] if english else []
        if cookies:
            sent["cookie"] = "; ".join(cookies)
        body = b"" if data is None else urlencode(data).encode()
        if data is not None:
            sent.setdefault("content-type", "application/x-www-form-urlencoded")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "https",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
            "client": ("127.0.0.1", 50_000),
            "server": ("kantor.test", 443),
            "state": {},
        }
        return await _answered(self.app, scope, body)


async def _answered(app: FastAPI, scope: dict[str, Any], body: bytes) -> Answer:
    started: dict[str, Any] = {}
    parts: list[bytes] = []
    given = False
    streams = asyncio.Event()

    async def receive() -> dict[str, Any]:
        nonlocal given
        if not given:
            given = True
            return {"type": "http.request", "body": body, "more_body": False}
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            started.update(message)
            if (b"content-type", b"text/event-stream") in [
                (name, value.split(b";")[0]) for name, value in message["headers"]
            ]:
                streams.set()
        else:
            parts.append(message.get("body", b""))

    work = asyncio.create_task(app(scope, receive, send))  # type: ignore[arg-type]
    watch = asyncio.create_task(streams.wait())
    await asyncio.wait((work, watch), return_when=asyncio.FIRST_COMPLETED)
    if not work.done():
        await asyncio.wait((work,), timeout=STREAM_S)
        work.cancel()
    watch.cancel()
    results = await asyncio.gather(work, watch, return_exceptions=True)
    broken = results[0]
    if isinstance(broken, Exception):
        raise broken
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in started["headers"]}
    return Answer(started["status"], headers, b"".join(parts))


class Endpoint(NamedTuple):
    """One method of one path."""

    method: str
    path: str
    route: APIRoute

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


def endpoints(app: FastAPI) -> list[Endpoint]:
    """Every method of every route that a module of pages/ or api/ brings."""
    return [
        Endpoint(method, path, route)
        for path, route in routes(app)
        if isinstance(route, APIRoute)
        for method in sorted(route.methods - {"HEAD"} if "GET" in route.methods else route.methods)
    ]


def routes(app: FastAPI) -> list[tuple[str, BaseRoute]]:
    """(path, route) of everything that answers, mounts as they are."""
    return list(_walk("", app.routes))


def _walk(prefix: str, found: list[BaseRoute]) -> Iterator[tuple[str, BaseRoute]]:
    for route in found:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            more = getattr(getattr(route, "include_context", None), "prefix", "")
            yield from _walk(prefix + more, inner.routes)
        elif isinstance(route, Mount):
            yield f"{prefix}{route.path}", route
        else:
            yield f"{prefix}{getattr(route, 'path', '')}", route


def reader(site: Site, app: FastAPI, account: str) -> Reader:
    """A new session of an account."""
    session = site.accounts.sign_in(account)
    assert session is not None
    return Reader(app, session.secret, session.viewer.csrf)


ROLES: tuple[Role, ...] = tuple(Role)
