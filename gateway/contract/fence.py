"""The fence between coordinators: what a lower term says once a higher one has begun is not listened to.

What the lower one said before stays true: a coordinator that comes back with its outbox full was in office then. So an
event is compared by when its gateway recorded it, and the answer does not depend on the order of arrival as soon as
the higher term is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.contract.times import parsed

MOST_TERMS = 256
"""Begins of terms that are remembered for one building, the highest."""
COORDINATORS = ("presence.started", "presence.moved", "presence.idle", "presence.ended", "workplace.")
"""Types that only a coordinator says."""


class Fence:
    """When the terms of the buildings began, as far as that was heard."""

    def __init__(self) -> None:
        self._begun: dict[str, dict[int, int]] = {}

    def begun(self, building: str, term: int, since: int) -> None:
        """Term `term` of `building` (`site/building`) began at `since`, office time."""
        begins = self._begun.setdefault(building, {})
        begins[term] = min(since, begins.get(term, since))
        if len(begins) > MOST_TERMS:
            del begins[min(begins)]

    def told(self, building: str, data: Mapping[str, Any]) -> None:
        """An event's `data`, or a beat of who leads, says in which term, and since when that is led."""
        term, since = data.get("term"), data.get("led_since")
        if (data.get("clock") or {}).get("sync") == "none":
            return  # since when it leads it does not know: by that nobody's word is refused
        if isinstance(term, int) and isinstance(since, str):
            self.begun(building, term, parsed(since))

    def stale(self, building: str, term: int, recorded: int) -> bool:
        """Whether a higher term had begun when this was recorded."""
        return any(other > term and since <= recorded for other, since in self._begun.get(building, {}).items())

    def refuses(self, kind: str, subject: str, data: Mapping[str, Any], recorded: int) -> bool:
        """Whether an event is the word of a coordinator that was none any more. One without a term is below all."""
        if "term" not in data and not kind.startswith(COORDINATORS):
            return False
        return self.stale("/".join(subject.split("/", 2)[:2]), data.get("term") or 0, recorded)
