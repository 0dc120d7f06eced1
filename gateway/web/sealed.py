"""What a browser keeps for us between two requests, sealed with the site's key: it can neither read nor change it."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping

from gateway.clock import SECOND, Clock
from gateway.credentials import SiteKey
from gateway.errors import HadirError

MOST_LETTERS = 3500
"""Of a cookie's value; browsers take 4096 bytes of name, value and attributes."""


class Sealer:
    """Seals small sets of texts for one purpose each."""

    def __init__(self, key: SiteKey, clock: Clock) -> None:
        """`clock`: wall time."""
        self._key = key
        self._clock = clock

    def seal(self, purpose: str, values: Mapping[str, str], lasts_s: int) -> str:
        """A cookie's value. Raises HadirError: too long."""
        body = json.dumps([self._clock.office() + lasts_s * SECOND, dict(values)], separators=(",", ":"))
        made = base64.urlsafe_b64encode(self._key.seal(body, f"web/{purpose}")).decode().rstrip("=")
        if len(made) > MOST_LETTERS:
            raise HadirError("too much to keep in a cookie")
        return made

    def open(self, purpose: str, sealed: str) -> Mapping[str, str] | None:
        """What was sealed; None: not by us, for something else, or too long ago."""
        if not sealed or len(sealed) > MOST_LETTERS or not sealed.isascii():
            return None
        try:
            raw = base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
            until, values = json.loads(self._key.unseal(raw, f"web/{purpose}"))
        except (HadirError, ValueError, binascii.Error):
            return None
        return {str(name): str(value) for name, value in values.items()} if until >= self._clock.office() else None
