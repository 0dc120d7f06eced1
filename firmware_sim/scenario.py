"""Whole days as values: when people come and go, when they break, what fails, and what the rules are told of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from firmware_sim.actions import SECOND

MINUTE = 60 * SECOND
ZONE = "Asia/Makassar"
GRACE_S = 3600.0
"""A check-in ends by itself when the desk was vacant for so long, breaks left out ..."""
ELSEWHERE_S = 7200.0
"""... after a tap of its holder elsewhere in the building has kept it for so long, a long meeting ..."""
NO_SHOW_S = 900.0
"""... and a reservation when nobody has come for so long."""
END_OF_DAY, AWAY_S = 19 * 60, 300.0
"""Minute of the local day at which what is open ends, once nobody has sat there for so long."""

Minutes = tuple[int, int]
"""From and until, minutes of the local day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One kind of day in the office. Pairs of minutes are of the local day."""

    name: str
    day: date
    arrive: Minutes
    out: Minutes | None
    """When people begin a long break outside; None: they stay."""
    back: Minutes = (0, 0)
    leave: Minutes
    breaks: tuple[Minutes, ...]
    """In which nobody is expected at a desk: the operator has told the gateway so."""
    meetings: int = 4
    """Short ones."""
    long_meeting: Minutes | None = (13 * 60 + 30, 15 * 60 + 30)
    """Two hours, for some a floor away from their desks; their badges are read at the room."""
    long_meeting_people: int = 4
    guests: bool = True
    lost_badges: int = 2
    """People without a badge and a tag on this day."""
    no_shows: int = 3
    booked: int = 4
    """Reservations that are taken; every second one without a tap."""
    batteries: int = 1
    """Desk sensors whose battery dies within the day."""
    down: Minutes | None = (10 * 60, 11 * 60)
    """A gateway, not the coordinator, is off with all its devices."""
    forgets: float = 0.12
    """Share of people who go home without a tap at the desk."""
    loss: float = 0.01
    """Share of sensors' reports that never arrive. No tap is lost: nobody could say what should become of it."""
    twice: float = 0.02
    """Share that arrives twice."""

    def at(self, minute: float) -> int:
        """ns UTC of a minute of the local day."""
        midnight = datetime(self.day.year, self.day.month, self.day.day, tzinfo=ZoneInfo(ZONE))
        return int(midnight.timestamp()) * SECOND + int(minute * MINUTE)

    @property
    def begin(self) -> int:
        """Devices speak from here on."""
        return self.at(6 * 60)

    @property
    def judged(self) -> tuple[int, int]:
        """What is held against the truth."""
        return self.at(7 * 60), self.at(19 * 60 + 30)

    @property
    def end(self) -> int:
        return self.at(19 * 60 + 45)

    def elapsed(self, start: int, end: int) -> int:
        """ns of [start, end) outside the breaks."""
        paused = (max(0, min(end, self.at(b)) - max(start, self.at(a))) for a, b in self.breaks)
        return max(0, end - start) - sum(paused) if end > start else 0

    def after(self, start: int, amount: int) -> int:
        """When `amount` ns outside the breaks have passed since `start`."""
        at = start + amount
        for first, last in sorted(self.breaks):
            if self.at(first) < at and self.at(last) > start:
                at += self.at(last) - max(start, self.at(first))
        return at


LUNCH, FRIDAY_BREAK, RAMADAN_BREAK = (12 * 60, 13 * 60), (11 * 60 + 30, 13 * 60), (12 * 60, 12 * 60 + 30)
ORDINARY = Scenario(
    name="ordinary day, lunch",
    day=date(2026, 11, 24),
    arrive=(7 * 60 + 20, 8 * 60 + 20),
    out=(11 * 60 + 58, 12 * 60 + 15),
    back=(12 * 60 + 40, 13 * 60 + 5),
    leave=(16 * 60 + 15, 17 * 60 + 30),
    breaks=(LUNCH,),
)
FRIDAY = Scenario(
    name="Friday, long break",
    day=date(2026, 11, 27),
    arrive=(7 * 60 + 20, 8 * 60 + 10),
    out=(11 * 60 + 22, 11 * 60 + 40),
    back=(12 * 60 + 50, 13 * 60 + 15),
    leave=(16 * 60, 17 * 60),
    breaks=(FRIDAY_BREAK,),
)
RAMADAN = Scenario(
    name="Ramadan day",
    day=date(2027, 2, 16),
    arrive=(7 * 60 + 40, 8 * 60 + 20),
    out=None,
    leave=(14 * 60 + 45, 15 * 60 + 30),
    breaks=(RAMADAN_BREAK,),
    long_meeting=(12 * 60 + 30, 14 * 60 + 30),
)
DAYS = (ORDINARY, FRIDAY, RAMADAN)
