"""Who stands before a kiosk: known for a minute, in this process's memory only.

A visit begins with a card and is named by a random word that only that page holds. Nothing of it is in a cookie, in an
address or on the disk; when it is over, or nobody touches the screen, it is gone.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass, replace

from gateway.clock import SECOND, Clock

LASTS_S = 60
"""Without a touch."""
LONGEST_S = 300
MOST = 1_000
"""Visits at once; the oldest ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One person at one kiosk. The card itself is not in it, but for a guest who may keep it for the day."""

    word: str
    kiosk: str
    """Account of the kiosk."""
    pid: str
    """Empty: nobody's card, who may sign in as a guest."""
    unit: str
    name: str
    """As the screen greets them: their first name, or empty."""
    card: str
    """Credential that a guest may be given for the day; empty: none."""
    number: str
    """Of a guest without a card: by which the kiosk knows them again today; empty: they have one, or are none."""
    began: int
    seen: int
    """Machine time, ns."""


class Visits:
    """All visits of an application."""

    def __init__(self, clock: Clock) -> None:
        """`clock`: never scaled."""
        self._clock = clock
        self._visits: OrderedDict[str, Visit] = OrderedDict()

    def __len__(self) -> int:
        self._sweep()
        return len(self._visits)

    def begin(
        self, kiosk: str, *, pid: str = "", unit: str = "_", name: str = "", card: str = "", number: str = ""
    ) -> Visit:
        """A new one."""
        self._sweep()
        now = self._clock.machine()
        made = Visit(
            word=secrets.token_urlsafe(18),
            kiosk=kiosk,
            pid=pid,
            unit=unit,
            name=name,
            card=card,
            number=number,
            began=now,
            seen=now,
        )
        self._visits[made.word] = made
        while len(self._visits) > MOST:
            self._visits.popitem(last=False)
        return made

    def of(self, kiosk: str, word: str) -> Visit | None:
        """The visit of this word at this kiosk, touched now; None: there is none, or no longer."""
        self._sweep()
        found = self._visits.get(word)
        if found is None or found.kiosk != kiosk:
            return None
        self._visits[word] = found = replace(found, seen=self._clock.machine())
        return found

    def end(self, kiosk: str, word: str) -> None:
        """They have gone."""
        if self.of(kiosk, word) is not None:
            del self._visits[word]

    def _sweep(self) -> None:
        now = self._clock.machine()
        for word, visit in list(self._visits.items()):
            if now - visit.seen > LASTS_S * SECOND or now - visit.began > LONGEST_S * SECOND:
                del self._visits[word]
