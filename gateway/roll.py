"""Which gateways are there, as the archive and a coordinator hear it: a fold over their statuses and machine time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.clock import SECOND
from gateway.contract import state as wire

MOST_BOOTS = 8
"""Boots of one gateway that are remembered."""


class Roll:
    """Which gateways speak, by their statuses. Each repeats its own every 30 s: silence says something as well.

    A last will comes only from a broker that has outlived the gateway; and it may be that of an earlier life.
    """

    def __init__(self, gateways: Iterable[str], now: int) -> None:
        """`now`: machine time."""
        self._begun = now
        self._gateways = tuple(gateways)
        self._newest: dict[str, str] = {}
        self._heard: dict[str, tuple[int, int]] = {}
        """(machine time, office time) of its last word."""
        self._said: dict[str, dict[str, str]] = {gateway: {} for gateway in self._gateways}
        """By gateway and boot, in the order of appearance: when it last said that it is ready, by its own clock."""

    def told(
        self, gateway: str, status: Mapping[str, Any], *, retained: bool, machine: int, office: int
    ) -> tuple[bool, int] | None:
        """(whether it is there, since when it is not: office time, 0: since its last event); None: that is not news."""
        boot = str(status["boot"])
        newest = self._newest.get(gateway, "")
        if status["state"] == "ready":
            self._newest[gateway] = max(newest, boot)
            if retained:
                return None  # it was there once
            self._heard[gateway] = (machine, office)
            return True, 0
        if boot[:6] < newest[:6]:
            return None
        _, last = self._heard.pop(gateway, (0, 0))
        return False, last if retained or status["state"] == "lost" else office

    def missing(self, machine: int, connected: int) -> list[tuple[str, int]]:
        """(gateway, office time of its last word) of those not heard for 90 s, `connected` being the link's begin."""
        since = max(self._begun, connected)
        return [
            (gateway, office)
            for gateway in self._gateways
            for heard, office in (self._heard.get(gateway, (0, 0)),)
            if machine - max(heard, since) > wire.VALID_S * SECOND
        ]

    def beside(self, gateway: str, status: Mapping[str, Any]) -> str:
        """The other boot of a gateway that is alive as well, if this `ready` shows that there is one; else empty."""
        said, boot, at = self._said[gateway], str(status["boot"]), status.get("at") or ""
        before = said.get(boot)
        if before is None:
            if len(said) >= MOST_BOOTS:
                del said[next(iter(said))]
        elif at <= before:
            return ""  # the same message once more
        said[boot] = at
        last = next(reversed(said))
        return "" if before is None or last == boot else last  # superseded, and speaks on
