"""A small OpenID Connect provider on loopback: an outside system, so a stand-in is right. It can be made to lie."""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

CLIENT, SECRET = "hadir-test", "a secret of the test"
KEY = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"})
STRANGE = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"})


@dataclass
class Code:
    """An authorization code that was given."""

    nonce: str
    challenge: str
    redirect: str


@dataclass
class Provider:
    """Signs everybody in as `subject`, with `claims`; `twist` changes the claims of a token before it is signed."""

    now: Callable[[], int] = lambda: int(time.time())
    subject: str = "subject-1"
    claims: dict[str, Any] = field(default_factory=dict)
    twist: Callable[[dict[str, Any]], None] = lambda claims: None
    header: dict[str, Any] = field(default_factory=lambda: {"alg": "RS256"})
    key: Any = field(default_factory=lambda: KEY)
    keys: list[Any] = field(default_factory=lambda: [KEY])
    metadata: dict[str, Any] = field(default_factory=dict)
    raw: Mapping[str, bytes] = field(default_factory=dict)
    """Path -> an answer in place of the right one."""
    codes: dict[str, Code] = field(default_factory=dict)
    host: str = "127.0.0.1"
    """What it calls itself: to a browser, `localhost` is another site."""
    shows: bool = False
    """Whether it shows a page on which somebody agrees."""
    asked: list[str] = field(default_factory=list)
    """Paths, in order."""

    def start(self) -> None:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                provider.answer(self, {})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                provider.answer(self, {name: values[0] for name, values in parse_qs(body).items()})

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 its parent's name
                """Nothing is logged."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.server.server_address[1]}"

    def answer(self, handler: BaseHTTPRequestHandler, form: Mapping[str, str]) -> None:
        parts = urlsplit(handler.path)
        self.asked.append(parts.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        status, headers, body = 200, {"Content-Type": "application/json"}, b""
        if parts.path in self.raw:
            body = self.raw[parts.path]
        elif parts.path == "/.well-known/openid-configuration":
            body = json.dumps(self._metadata()).encode()
        elif parts.path == "/keys":
            body = json.dumps({"keys": [key.as_dict(private=False) for key in self.keys]}).encode()
        elif parts.path == "/authorize":
            back = self._authorize(query)
            if self.shows:
                headers["Content-Type"] = "text/html"
                body = f'<!doctype html><a id="agree" href="{escape(back)}">Agree</a>'.encode()
            else:
                status, headers["Location"] = 302, back
        elif parts.path == "/logout":
            status, headers["Location"] = 302, query["post_logout_redirect_uri"]
        elif parts.path == "/token":
            status, body = self._token(handler.headers.get("Authorization", ""), form)
        else:
            status = 404
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def _metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "end_session_endpoint": f"{self.url}/logout",
            **self.metadata,
        }

    def _authorize(self, query: Mapping[str, str]) -> str:
        assert query["client_id"] == CLIENT
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        assert "openid" in query["scope"].split()
        code = secrets.token_urlsafe(16)
        self.codes[code] = Code(query["nonce"], query["code_challenge"], query["redirect_uri"])
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def _token(self, authorization: str, form: Mapping[str, str]) -> tuple[int, bytes]:
        ours = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        code = self.codes.pop(form.get("code", ""), None)
        right = (
            authorization == ours
            and code is not None
            and form["redirect_uri"] == code.redirect
            and create_s256_code_challenge(form["code_verifier"]) == code.challenge
        )
        if not right or code is None:
            return 400, b'{"error": "invalid_grant"}'
        now = self.now()
        claims = {"iss": self.url, "sub": self.subject, "aud": CLIENT, "exp": now + 300, "iat": now}
        claims |= {"nonce": code.nonce, **self.claims}
        self.twist(claims)
        return 200, json.dumps({"access_token": "x", "token_type": "Bearer", "id_token": self._signed(claims)}).encode()

    def _signed(self, claims: dict[str, Any]) -> str:
        if self.header["alg"] == "none":
            head, body = (
                base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
                for part in ({"alg": "none"}, claims)
            )
            return f"{head}.{body}."
        if self.header["alg"] == "HS256":
            return jwt.encode(self.header, claims, OctKey.import_key(SECRET), algorithms=["HS256"])
        return jwt.encode({"kid": self.key.thumbprint(), **self.header}, claims, self.key, algorithms=["RS256"])
