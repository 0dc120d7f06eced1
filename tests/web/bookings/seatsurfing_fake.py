"""A small Seatsurfing: the calls that the adapter makes, as specs/openapi.yaml 1.60 and the server's routers have them.

It is an outside system, so it is not run here but imitated; what is imitated is no more than its document says.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

ORGANIZATION = "11111111-2222-4333-8444-555555555555"
USER, PASSWORD = "hadir@agency.example", "a password of the test"
LOCATION = str(uuid4())


@dataclass
class Fake:
    """Its bookings, and whether it works."""

    bookings: dict[str, dict[str, Any]] = field(default_factory=dict)
    broken: int = 0
    """Status that it answers to everything; 0: it works."""
    tokens: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        assert self.server is not None
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def book(self, space: str, email: str, enter: str, leave: str, *, approved: bool = True, name: str = "A1") -> str:
        key = str(uuid4())
        self.bookings[key] = {
            "id": key,
            "userId": str(uuid4()),
            "userEmail": email,
            "userFirstname": "Uji",
            "userLastname": "Coba",
            "public": False,
            "approved": approved,
            "space": {"id": space, "locationId": LOCATION, "name": name, "available": False},
            "recurringId": "",
            "spaceId": space,
            "subject": "",
            "enter": enter,
            "leave": leave,
        }
        return key

    def start(self) -> None:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(fake.get)

            def do_POST(self) -> None:
                self._answer(fake.post)

            def _answer(self, call: Callable[[str, dict[str, str], bytes], tuple[int, Any]]) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                status, answer = call(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
                data = b"" if answer is None else json.dumps(answer).encode()
                self.send_response(fake.broken or status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()

    def get(self, path: str, headers: dict[str, str], _body: bytes) -> tuple[int, Any]:
        parts = urlsplit(path)
        self.asked.append(parts.path)
        if not self._may(headers):
            return 401, None
        query = parse_qs(parts.query)
        if parts.path != "/booking/filter/" or "start" not in query or "end" not in query:
            return 404, None
        return 200, sorted(self.bookings.values(), key=lambda one: one["enter"])

    def post(self, path: str, _headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        self.asked.append(path)
        given = json.loads(body)
        if path != "/auth/login" or given != {"email": USER, "password": PASSWORD, "organizationId": ORGANIZATION}:
            return 401, None
        token = f"eyJ{uuid4().hex}"
        self.tokens.add(token)
        return 200, {"accessToken": token, "refreshToken": str(uuid4()), "logoutUrl": "", "profilePageUrl": ""}

    def _may(self, headers: dict[str, str]) -> bool:
        scheme, _, word = headers.get("authorization", "").partition(" ")
        if scheme == "Bearer":
            return word in self.tokens
        return word == base64.b64encode(f"{ORGANIZATION}_{USER}:{PASSWORD}".encode()).decode()
