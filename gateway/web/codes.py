"""The site's desk codes, for every route that meets one: `codes: TheCodes`.

`codes.place(written)` is the place behind what a sticker or a person says, None for what leads nowhere;
`codes.of(place)` the code of a desk, room or booth.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from gateway.config.model import Office
from gateway.config.places import Places
from gateway.credentials import SiteKey
from gateway.web.site import Site, given, part
from gateway.web.stickers import Codes

KINDS = frozenset({"desk", "room", "booth"})
"""What somebody may take or book, and what has a sticker therefore."""


def made(office: Office, key: SiteKey) -> Codes:
    """All codes of a site. Raises HadirError, as Codes does."""
    places = (place for place, spot in Places(office).spots.items() if spot.space.kind in KINDS)
    return Codes(places, key.sticker)


def codes_of(request: Request) -> Codes:
    """Made once an application: the places of a site do not change while it runs."""
    return part(request, _of_site)


def _of_site(site: Site) -> Codes:
    return made(site.office, site.key)


TheCodes = Annotated[Codes, Depends(given(codes_of))]
