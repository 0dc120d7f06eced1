"""The web application's part of office.yaml: where it listens, and who signs people in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from gateway.config.sources import Broker
from gateway.config.types import URL, Identifier, Model, Name, Port, Switch, Whole, Word
from gateway.config.web_systems import Hook, Seatsurfing


class WebTls(Model):
    """A certificate of its own; without it a proxy speaks TLS, or only this machine's browser is served."""

    certificate: Path
    key: Path


class Issuer(Model):
    """An OpenID Connect provider: each agency has its own."""

    id: Identifier
    name: Name
    url: Annotated[str, StringConstraints(pattern=URL, max_length=1024)]
    """Its issuer: `/.well-known/openid-configuration` is below it."""
    client_id: Word
    client_secret_file: Path | None = None
    """Without it the client is public: PKCE alone."""
    ca: Path | None = None
    """Certificate authority of its server, where it is the agency's own; default: those of the machine."""
    scopes: Word = "openid"
    unit: Identifier | None = None
    """Everybody whom it signs in is of this unit ..."""
    unit_claim: Word | None = None
    """... or of the unit that this claim names, ..."""
    units: dict[str, Identifier] = Field(default_factory=dict)
    """... by this table of the claim's values; a value that is not in it is refused."""
    person_claim: Word | None = None
    """Claim with the staff number of the people table; without it a person's code links the account once."""


class Kiosk(Model):
    """Screens at entrances. Which ones there are is said by accounts (`hadir accounts ... --role kiosk`)."""

    cards: Annotated[
        tuple[Literal["em10h", "em10d", "em13d", "uid", "uid_reversed", "uid10d", "wg26"], ...], Field(max_length=7)
    ] = ()
    """How their keyboard readers are set (gateway/web/cards.py); default: any way, asked one after another."""
    guests: Switch = True
    """Whether who has no card may sign in as a guest for the day."""


class Web(Model):
    """`hadir serve`."""

    host: Word = "127.0.0.1"
    port: Port = 8080
    url: Annotated[str, StringConstraints(pattern=URL, max_length=1024)] | None = None
    """What people's browsers call it, without a slash at its end; default: made of host and port."""
    tls: WebTls | None = None
    broker: Broker | None = None
    """The site's broker under a name of its own, which may do less than the archive's; default: as the archive."""
    data: Path = Path("var/web")
    """Accounts, sessions, corrections, and who looked whom up."""
    display: Literal["public", "token"] = "token"
    """Whether signage and desk displays need a credential. They never show a person."""
    kiosk: Kiosk = Kiosk()
    session_hours: Annotated[Whole, Field(ge=1, le=24 * 30)] = 12
    """A sign-in ends after so long in any case, ..."""
    idle_minutes: Annotated[Whole, Field(ge=5, le=60 * 24 * 30)] = 240
    """... and when nothing was asked by it for so long."""
    code_days: Annotated[Whole, Field(ge=1, le=365)] = 30
    """A one-time code signs in until so many days pass without use, a year at most: people who are employees and no
    more, of units without an issuer. A code is spent, and nothing else would sign them in again."""
    requests_per_minute: Annotated[Whole, Field(ge=60, le=1_000_000)] = 18_000
    """Of one bearer token; a tenth of it may come at once."""
    proxies: Annotated[tuple[Word, ...], Field(max_length=16)] = ()
    """Addresses of the proxies in front, which say in X-Forwarded-For for whom they ask; nobody else is believed."""
    issuers: Annotated[tuple[Issuer, ...], Field(max_length=32)] = ()
    hooks: Annotated[tuple[Hook, ...], Field(max_length=32)] = ()
    bookings: Seatsurfing | None = None
    """Where desks are booked; None: here."""
    secure: Switch = True
    """Cookies only over TLS, or to this machine. Never turn it off outside a test."""

    @property
    def address(self) -> str:
        """Where people find it."""
        scheme = "http" if self.tls is None else "https"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (self.url or f"{scheme}://{host}:{self.port}").rstrip("/")

    @property
    def units_with_issuer(self) -> frozenset[str]:
        """Units whose people an issuer signs in."""
        named = {issuer.unit for issuer in self.issuers if issuer.unit is not None}
        return frozenset(named.union(*(issuer.units.values() for issuer in self.issuers)))

    @property
    def encrypted(self) -> bool:
        """Whether browsers come over TLS: by what they call it, since a proxy may speak it."""
        return self.address.startswith("https://")
