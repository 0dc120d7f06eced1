"""Other systems that the web application speaks to: who is called when something happens, and who books desks."""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints

from gateway.config.types import URL, Identifier, Model, Number, Switch, Whole, Word

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _safe(url: str) -> str:
    """Over the network only by TLS. Raises ValueError."""
    parts = urlsplit(url)
    if parts.username or parts.password or parts.fragment:
        raise ValueError("names no user, password or fragment: they would stand in logs")
    if parts.scheme == "https":
        return url
    try:
        loopback = parts.hostname == "localhost" or ip_address(parts.hostname or "").is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise ValueError("must begin with https:// (http:// only for this machine: 127.0.0.1, ::1, localhost)")
    return url


SafeUrl = Annotated[str, StringConstraints(pattern=URL, max_length=1024), AfterValidator(_safe)]


class Hook(Model):
    """An address that is told of events, by POST, signed."""

    id: Identifier
    url: SafeUrl
    secret_file: Path
    """What the signature is made with; readable by its owner only."""
    types: Annotated[tuple[Word, ...], Field(max_length=64)] = ()
    """Of these types only; default: all that it may have."""
    units: Annotated[tuple[Identifier, ...], Field(max_length=64)] = ()
    """Whose people's explicit acts it is told; default: nobody's, only what names nobody. Never what was inferred."""
    everybody: Switch = False
    """Acts of all units."""
    place: Word | None = None
    """`building/floor/...`: only what is there or below; default: everywhere."""
    begin: Literal["now", "beginning"] = "now"
    """Where a new hook begins."""
    dead_after_days: Annotated[Number, Field(gt=0, le=365)] = 7.0
    """When nothing was taken for so long, it is dead until an operator revives it."""


class Seatsurfing(Model):
    """Seatsurfing (seatsurfing.io) is where desks are booked; needs `rules.desk.bookings: external`."""

    kind: Literal["seatsurfing"]
    url: SafeUrl
    organization: Annotated[str, StringConstraints(pattern=rf"^{UUID.pattern}$")]
    """Its id there."""
    user: Word
    """Email of an account that may see all bookings: a service account, or a space admin."""
    secret_file: Path
    """Its password."""
    login: Literal["basic", "session"] = "basic"
    """basic: a service account. session: any other, by /auth/login."""
    spaces: dict[Annotated[str, StringConstraints(pattern=rf"^{UUID.pattern}$")], Word]
    """Id of a space there: place here, `building/floor/zone/space`."""
    people_file: Path | None = None
    """Who is who: a CSV file with a line `email,pid` each; readable by its owner only. Others are booked unnamed."""
    every_s: Annotated[Number, Field(ge=1, le=3600)] = 30.0
    ahead_days: Annotated[Whole, Field(ge=1, le=120)] = 30
