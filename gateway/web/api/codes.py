"""The place behind the code of a desk's sticker."""

from __future__ import annotations

from gateway.web.site import Site


def place_of_code(site: Site, code: str) -> str | None:
    """None: there is no such code."""
    return None
