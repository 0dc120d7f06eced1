"""Who leads each building, as this gateway knows it; and below which term it listens to nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.rebase import Move
from rules.api import Fact

NAME = "term"
"""Of its facts; key: building. What was seen once is not undercut after a restart."""
SAID_BY_COORDINATORS = ("presence/",)
"""Rules whose events carry the term."""


class Terms:
    """One for a gateway: its own seat, if it has one, and what it has heard of others."""

    def __init__(self, candidates: Mapping[str, tuple[str, ...]], gateway: str) -> None:
        """`candidates`: by building, ranked."""
        self._candidates = candidates
        self._gateway = gateway
        self.building = next((building for building, names in candidates.items() if gateway in names), "")
        """Of which this gateway may be the coordinator; empty if of none."""
        self.term = 0
        """In which it leads; 0: it does not."""
        self.since = 0
        """Since when, office time."""
        self._highest: dict[str, int] = {}
        self._leader: dict[str, tuple[int, str]] = {}

    @property
    def leading(self) -> bool:
        return self.term > 0

    @property
    def rank(self) -> int:
        return self._candidates[self.building].index(self._gateway)

    def restore(self, facts: Mapping[str, Mapping[str, Any]]) -> None:
        """The highest terms of an earlier life."""
        for building, body in facts.items():
            self.seen(building, int(body["term"]))

    def candidates(self, building: str) -> tuple[str, ...]:
        """Ranked; empty for a building that is not there."""
        return self._candidates.get(building, ())

    def highest(self, building: str) -> int:
        """The highest term that was seen."""
        return self._highest.get(building, 0)

    def seen(self, building: str, term: int) -> Fact | None:
        """A term was seen; what is to be remembered, if it is higher than any before."""
        if building not in self._candidates or term <= self.highest(building):
            return None
        self._highest[building] = term
        return Fact(NAME, building, {"term": term})

    def led(self, building: str, gateway: str, term: int) -> None:
        """`gateway` says that it leads."""
        if (term, gateway) > self._leader.get(building, (0, "")):
            self._leader[building] = (term, gateway)

    def coordinator(self, building: str) -> str:
        """Who leads, as far as is known: before anybody was heard, the first candidate.

        Empty where nobody is known but this gateway, and it does not lead.
        """
        if self.leading and building == self.building:
            return self._gateway
        _, leader = self._leader.get(building, (0, ""))
        names = self.candidates(building)
        found = leader if leader in names else next(iter(names), "")
        return "" if found == self._gateway else found

    def below(self, building: str, term: int) -> bool:
        """Whether a higher term was seen: who speaks in this one leads no more."""
        return term < self.highest(building)

    def lead(self, term: int, since: int) -> None:
        """This gateway leads from now on."""
        self.term, self.since = term, since
        self.led(self.building, self._gateway, term)

    def rebase(self, move: Move) -> None:
        """Office time was set."""
        self.since = move.time(self.since)

    def follow(self) -> None:
        """It leads no more."""
        self.term = 0

    def signature(self, rule: str) -> Mapping[str, int]:
        """What is added to an event of `rule`, if it is a coordinator's: the term in which it is said."""
        if not self.leading or not rule.startswith(SAID_BY_COORDINATORS):
            return {}
        return {"term": self.term, "led_since": self.since}
