"""What every page and resource may use: one object a web application, `request.app.state.site`."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request

from gateway.clock import Clock
from gateway.config.model import Office
from gateway.counters import Counters
from gateway.credentials import SiteKey
from gateway.people import PeopleTable
from gateway.web.accounts import Accounts
from gateway.web.asking import Asker
from gateway.web.availability import Availability
from gateway.web.bookings.mirror import Mirror
from gateway.web.hooks import Hooks
from gateway.web.idempotency import Once
from gateway.web.live import Live
from gateway.web.muting import Muting
from gateway.web.oidc import Provider
from gateway.web.pairing import Pairing
from gateway.web.reading import Reading
from gateway.web.records.ahead import Ahead
from gateway.web.records.complete import Proofs
from gateway.web.records.followers import Followers
from gateway.web.rendering import Pages
from gateway.web.sealed import Sealer
from gateway.web.security import Haste
from gateway.web.stream import Stream
from gateway.web.walks import Walks
from gateway.web.watch import Watch

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The parts of one web application."""

    office: Office
    file: Path
    """office.yaml."""
    clock: Clock
    """Office time: what happened when."""
    wall: Clock
    """Wall time, never scaled: sessions, codes, look-ups."""
    live: Live
    stream: Stream
    asker: Asker
    reading: Reading
    people: PeopleTable
    key: SiteKey
    accounts: Accounts
    pages: Pages
    counters: Counters
    cookie: str
    """Name of the session's cookie."""
    sealer: Sealer
    providers: Mapping[str, Provider]
    """OpenID Connect providers by their ids."""
    sign_ins: Haste
    """Wrong codes, by caller."""
    arrivals: Haste
    """Sign-ins at providers, by caller: an office may be behind one address."""
    changes: Haste
    """By session: several kiosks may share an account."""
    requests: Haste
    """Of tokens, by account."""
    watch: Watch
    """What needs the operator."""
    muting: Muting
    pairing: Pairing
    """Windows in which a card is tapped or a device switched on."""
    walks: Walks
    availability: Availability
    ahead: Ahead
    """Reservations that stand."""
    proofs: Proofs
    """Up to when no gateway can still hold anything."""
    once: Once
    """Changes by Idempotency-Key."""
    followers: Followers
    hooks: Hooks
    mirror: Mirror | None
    """Of the system in which desks are booked; None: they are booked here."""


def site_of(request: Request) -> Site:
    """For what has the request; routes say `site: TheSite`."""
    site: Site = request.app.state.site
    return site


def part(request: Request, make: Callable[[Site], T]) -> T:
    """What `make` makes of the site: once an application, when it is asked for first."""
    parts: dict[Callable[[Site], Any], Any] = request.app.state.parts
    if make not in parts:
        parts[make] = make(site_of(request))
    found: T = parts[make]
    return found


def given(find: Callable[[Request], T]) -> Callable[[Request], Coroutine[Any, Any, T]]:
    """`find` as a dependency. A coroutine: FastAPI gives a plain function to a thread, and each request would wait for
    that; two threads might also make the same part twice."""

    async def asked(request: Request) -> T:
        return find(request)

    return asked


TheSite = Annotated[Site, Depends(given(site_of))]
