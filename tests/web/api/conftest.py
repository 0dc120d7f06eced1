"""An archive for the application, and clients by token."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

import httpx
import pytest

from gateway.web.app import build
from gateway.web.viewer import Role
from tests.web.api.books import Archive
from tests.web.conftest import Web

Backend = Callable[..., httpx.AsyncClient]


@pytest.fixture
def archive(web: Web) -> Iterator[Archive]:
    made = Archive(web)
    yield made
    made.close()


@pytest.fixture
def backend(web: Web, archive: Archive) -> Backend:
    """A client by a bearer token of a new account; without roles without a token."""
    app = build(web.site)

    def make(*roles: Role, units: Collection[str] = (), pid: str = "", unit: str = "_") -> httpx.AsyncClient:
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://kantor.test")
        web.clients.append(client)
        if roles:
            accounts = web.site.accounts
            account = accounts.of_person(pid, unit) if pid else accounts.create(roles=roles, units=units)
            if pid:
                accounts.grant(account, roles, units)
            client.headers["authorization"] = f"Bearer {accounts.new_token(account, 'test')}"
        return client

    return make
