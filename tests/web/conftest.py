"""Fixtures of the web's tests: an application over real files without a broker, and a whole running site."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from gateway.clock import SECOND, ManualClock
from gateway.config.load import load
from gateway.web import schema
from gateway.web.app import build
from gateway.web.serve import Serve
from gateway.web.site import Site
from gateway.web.viewer import Role
from tests.conftest import free_port
from tests.web.kiosks import Kiosk
from tests.web.office import DESK, OTHER, ready, told, write_office
from tests.web.running import RunningWeb, running_site

NOON = 1_795_660_200 * SECOND
"""Thursday, 26 November 2026, 10:30 in Makassar."""


@dataclass
class Web:
    """The application of one site; no gateway and no broker, but everything else is real."""

    serve: Serve
    clock: ManualClock
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    @property
    def site(self) -> Site:
        return self.serve.site

    @cached_property
    def app(self) -> FastAPI:
        return build(self.site)

    def client(self, *roles: Role, pid: str = "", unit: str = "_", units: Collection[str] = ()) -> httpx.AsyncClient:
        """A browser: signed in as a new account of these roles; without roles signed out."""
        made = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app),
            base_url="https://kantor.test",
            headers={"accept": "text/html"},
        )
        self.clients.append(made)
        if roles:
            accounts = self.site.accounts
            account = accounts.of_person(pid, unit) if pid else accounts.create(roles=roles, unit=unit, units=units)
            if pid:
                accounts.grant(account, roles, units)
            session = accounts.sign_in(account)
            assert session is not None
            made.cookies.set(self.site.cookie, session.secret)
            made.headers["x-csrf-token"] = session.viewer.csrf
        return made

    def person(
        self, *, unit: str = "panrb", name: str = "Uji Coba", credentials: Collection[tuple[str, str]] = ()
    ) -> str:
        """A new person in the people table; the pid."""
        return self.site.people.enrol(unit=unit, name=name, credentials=list(credentials))

    def employee(self, *, unit: str = "panrb", name: str = "Uji Coba") -> httpx.AsyncClient:
        """A signed-in browser of a new person."""
        return self.client(Role.EMPLOYEE, pid=self.person(unit=unit, name=name), unit=unit)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON, 10**12)


@asynccontextmanager
async def opened(file: Path, clock: ManualClock) -> AsyncIterator[Web]:
    """The application of an office.yaml until the block ends; the gateway has said that it is ready."""
    made = Web(Serve(load(file), file, clock, clock), clock)
    ready(made.site.live, clock.office())
    yield made
    for client in made.clients:
        await client.aclose()
    made.serve.close()


@contextmanager
def locked(web: Web) -> Iterator[ExitStack]:
    """Another process holds the web's database, so that nothing can be written, until what is given is closed."""
    web.site.accounts.connection.set_busy_timeout(0)
    with ExitStack() as stack:
        other = schema.connect(web.site.office.path(web.site.office.web.data) / "web.sqlite")
        stack.callback(other.close)
        other.execute("BEGIN IMMEDIATE")
        yield stack


@pytest.fixture
async def web(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Web]:
    """The gateway has said that it is ready; no place has a state yet."""
    async with opened(write_office(tmp_path, port=1, web_port=free_port()), clock) as made:
        yield made


@pytest.fixture
def kiosk(web: Web) -> Kiosk:
    for place in (DESK, OTHER):
        told(web.site.live, place, "vacant", NOON, life="free")
    return Kiosk(web)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningWeb]:
    """A whole site of real processes, one for a module: broker, gateway, archive, web, devices on ptys."""
    with running_site(tmp_path_factory.mktemp("running"), RunningWeb) as made:
        yield made
