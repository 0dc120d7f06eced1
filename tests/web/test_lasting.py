"""A stream ends with the right to read it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from types import SimpleNamespace

import pytest
from fastapi import Request

from gateway.web.lasting import LOOK_S, while_welcome
from gateway.web.viewer import Role
from tests.web.conftest import Web


async def endless(closed: list[bool]) -> AsyncGenerator[bytes, None]:
    try:
        while True:
            yield b": ping\n\n"
    finally:
        closed.append(True)


def asked(web: Web, *, token: str = "", secret: str = "") -> Request:
    headers = [(b"authorization", f"Bearer {token}".encode())] if token else []
    headers += [(b"cookie", f"{web.site.cookie}={secret}".encode())] if secret else []
    app = SimpleNamespace(state=SimpleNamespace(site=web.site))
    return Request({"type": "http", "headers": headers, "app": app})


CHANGES: dict[str, Callable[[Web, str], object]] = {
    "revoked": lambda web, account: web.site.accounts.revoke(account),
    "disabled": lambda web, account: web.site.accounts.disable(account),
    "scope": lambda web, account: web.site.accounts.grant(account, [], ["panrb"]),
}


@pytest.mark.parametrize("what", CHANGES)
async def test_a_tokens_stream_ends_when_the_token_does(web: Web, what: str) -> None:
    account = web.site.accounts.create(roles=[Role.INTEGRATOR], units=["bkn"])
    closed: list[bool] = []
    stream = while_welcome(asked(web, token=web.site.accounts.new_token(account, "uji")), web.site, endless(closed))
    for _ in range(3):
        web.clock.advance(LOOK_S)
        assert await anext(stream)
    CHANGES[what](web, account)
    web.clock.advance(LOOK_S)
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
    assert closed == [True]


async def test_a_sessions_stream_ends_when_it_is_left_and_does_not_keep_it_awake(web: Web) -> None:
    session = web.site.accounts.sign_in(web.site.accounts.create(roles=[Role.OPERATOR]))
    assert session is not None
    closed: list[bool] = []
    stream = while_welcome(asked(web, secret=session.secret), web.site, endless(closed))
    assert await anext(stream)
    web.clock.advance(web.site.office.web.idle_minutes * 60 - 1)
    assert await anext(stream)
    web.clock.advance(LOOK_S)
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
    left = while_welcome(asked(web, secret=session.secret), web.site, endless(closed))
    assert await anext(left)  # nobody's from the start: of screens that are public
    web.clock.advance(LOOK_S)
    assert await anext(left)
    await left.aclose()
    assert closed == [True, True]
