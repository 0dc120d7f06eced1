"""One OpenID Connect provider: where it is, its keys, and what it says of who signed in.

Authorization code with PKCE (S256), state and nonce. Authlib builds the requests and checks the claims, joserfc the
signature; every answer of the provider has a limit of bytes and of time, and no redirect of it is followed.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
from authlib.common.security import generate_token
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from gateway.clock import SECOND, Clock
from gateway.config.web import Issuer
from gateway.config.web_check import LOOPBACK
from gateway.errors import TransientError

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures by a key that only the provider has. Never `none`, and never HS256: its key would be our secret."""
KEY_TYPES = ("RSA", "EC", "OKP")
ANSWER_S = 10.0
MOST_BYTES = 256 << 10
MOST_TOKEN = 16 << 10
MOST_KEYS = 64
KEPT_S = 3600
SILENT_S = 15
"""A provider that did not answer is not asked again for so long: strangers could fill a queue with it."""
AGAIN_S = 60
"""Unknown keys make us ask again, so often at most."""
MOST_STATES = 10_000
"""Sign-ins that are remembered as done; an older one's cookie has ended."""
LEEWAY_S = 60
"""Clocks of providers are that much off."""


class Refused(Exception):
    """The provider's answer is not what was asked for; `cause` is one of a small set."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A sign-in that was sent to the provider: what has to come back, and what only we know."""

    url: str
    state: str
    nonce: str
    verifier: str


class Provider:
    """One provider, as office.yaml names it."""

    def __init__(self, issuer: Issuer, *, secret: str, redirect: str, wall: Clock, ca: Path | None = None) -> None:
        """`redirect`: our address that it sends people back to. `wall`: wall time, for what expires."""
        self.issuer = issuer
        self._secret = secret
        self._redirect = redirect
        self._wall = wall
        self._ca = ca
        self._lock = asyncio.Lock()
        self._metadata: tuple[int, Mapping[str, Any]] | None = None
        self._keys: tuple[int, KeySet] | None = None
        self._used: OrderedDict[str, None] = OrderedDict()
        self._silent_until = 0

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Made once: it reads every authority that the machine knows."""
        return ssl.create_default_context(cafile=None if self._ca is None else str(self._ca))

    async def begin(self) -> Begun:
        """Where to send somebody who wants to sign in. Raises TransientError: the provider does not answer."""
        metadata = await self.metadata()
        state, nonce, verifier = generate_token(43), generate_token(43), generate_token(64)
        url = prepare_grant_uri(
            metadata["authorization_endpoint"],
            client_id=self.issuer.client_id,
            response_type="code",
            redirect_uri=self._redirect,
            scope=self.issuer.scopes,
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return Begun(url=url, state=state, nonce=nonce, verifier=verifier)

    async def finish(self, code: str, *, nonce: str, verifier: str) -> Mapping[str, Any]:
        """The claims of who signed in. Raises TransientError: it does not answer; Refused: for what it answers."""
        metadata = await self.metadata()
        body = urlencode(
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self._redirect,
                "client_id": self.issuer.client_id,
                "code_verifier": verifier,
            }
        )
        methods = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        method = "client_secret_basic" if "client_secret_basic" in methods else "client_secret_post"
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if self._secret:
            auth = ClientAuth(self.issuer.client_id, self._secret, method)
            _, headers, body = auth.prepare("POST", metadata["token_endpoint"], headers, body)
        status, answer = await self._fetch("POST", metadata["token_endpoint"], headers=headers, body=body)
        token = answer.get("id_token")
        if status != httpx.codes.OK or not isinstance(token, str) or len(token) > MOST_TOKEN:
            raise Refused("code")
        return await self._verified(token, nonce=nonce, access=answer.get("access_token"))

    def first_use(self, state: str) -> bool:
        """Whether a `state` comes back for the first time."""
        if state in self._used:
            return False
        self._used[state] = None
        while len(self._used) > MOST_STATES:
            self._used.popitem(last=False)
        return True

    async def leaving(self, back: str) -> str:
        """Where somebody signs out at the provider as well; empty: it offers none. Raises TransientError."""
        end = (await self.metadata()).get("end_session_endpoint")
        if not isinstance(end, str) or not _trusted(end):
            return ""
        mark = "&" if urlsplit(end).query else "?"
        return f"{end}{mark}{urlencode({'client_id': self.issuer.client_id, 'post_logout_redirect_uri': back})}"

    async def metadata(self) -> Mapping[str, Any]:
        """Its discovery document, kept for an hour. Raises TransientError: it cannot be had, or is not its own."""
        async with self._lock:
            if self._metadata is None or self._wall.machine() - self._metadata[0] > KEPT_S * SECOND:
                if self._wall.machine() < self._silent_until:
                    raise TransientError(f"issuer {self.issuer.id} did not answer a moment ago")
                self._silent_until = self._wall.machine() + SILENT_S * SECOND  # whoever waits for it meanwhile
                self._metadata = self._wall.machine(), await self._discovered()
                self._silent_until = 0
            return self._metadata[1]

    async def _discovered(self) -> Mapping[str, Any]:
        status, found = await self._fetch("GET", f"{self.issuer.url.rstrip('/')}/.well-known/openid-configuration")
        if status != httpx.codes.OK or found.get("issuer") != self.issuer.url:
            raise TransientError(f"issuer {self.issuer.id}: its discovery document is missing or another's")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not isinstance(found.get(name), str) or not _trusted(found[name]):
                raise TransientError(f"issuer {self.issuer.id}: its {name} is missing or without TLS")
        return found

    async def _key_set(self, *, older_than_s: int) -> KeySet:
        metadata = await self.metadata()
        async with self._lock:
            if self._keys is None or self._wall.machine() - self._keys[0] >= older_than_s * SECOND:
                status, found = await self._fetch("GET", metadata["jwks_uri"])
                listed = found.get("keys")
                if status != httpx.codes.OK or not isinstance(listed, list):
                    raise TransientError(f"issuer {self.issuer.id}: its keys cannot be had")
                usable = [
                    key
                    for key in listed[:MOST_KEYS]
                    if isinstance(key, dict) and key.get("kty") in KEY_TYPES and key.get("use", "sig") == "sig"
                ]
                try:
                    self._keys = self._wall.machine(), KeySet.import_key_set({"keys": usable})
                except (JoseError, ValueError, TypeError, KeyError) as error:
                    raise TransientError(f"issuer {self.issuer.id}: its keys cannot be read") from error
            return self._keys[1]

    async def _verified(self, token: str, *, nonce: str, access: object) -> Mapping[str, Any]:
        keys = await self._key_set(older_than_s=KEPT_S)
        try:
            try:
                decoded = jwt.decode(token, keys, algorithms=ALGORITHMS)
            except InvalidKeyIdError:
                decoded = jwt.decode(token, await self._key_set(older_than_s=AGAIN_S), algorithms=ALGORITHMS)
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                options={
                    "iss": {"essential": True, "value": self.issuer.url},
                    "aud": {"essential": True, "value": self.issuer.client_id},
                },
                params={
                    "nonce": nonce,
                    "client_id": self.issuer.client_id,
                    "access_token": access if isinstance(access, str) else None,
                },
            )
            claims.validate(now=self._wall.office() // SECOND, leeway=LEEWAY_S)
        except (JoseError, ValueError, TypeError, KeyError) as error:  # the last three: of a token that is none
            raise Refused("id_token") from error
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= 255:
            raise Refused("subject")
        return dict(claims)

    async def _fetch(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: str = ""
    ) -> tuple[int, Mapping[str, Any]]:
        """Status and JSON object of an answer. Raises TransientError."""
        asked = {"Accept": "application/json", "Accept-Encoding": "identity", **(headers or {})}
        tls = self._tls if url.startswith("https://") else False
        raw = bytearray()
        try:
            async with (
                asyncio.timeout(ANSWER_S),
                httpx.AsyncClient(timeout=ANSWER_S, verify=tls, follow_redirects=False) as client,
                client.stream(method, url, headers=asked, content=body.encode() if body else None) as response,
            ):
                async for part in response.aiter_raw():
                    raw += part
                    if len(raw) > MOST_BYTES:
                        raise TransientError(f"issuer {self.issuer.id}: its answer is too large")
            answer = json.loads(raw)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
            raise TransientError(f"issuer {self.issuer.id} does not answer: {type(error).__name__}") from error
        except (ValueError, RecursionError) as error:
            raise TransientError(f"issuer {self.issuer.id}: its answer cannot be read") from error
        if not isinstance(answer, dict):
            raise TransientError(f"issuer {self.issuer.id}: its answer cannot be read")
        return response.status_code, answer


def _trusted(url: str) -> bool:
    """Over TLS, or on this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
