"""The board of alarms: each is raised once, stays while its cause is there, and does not flap.

Pure. What is wrong now goes in (`step`), what is raised and what is over comes out; who shows it asks `loud`, which
knows the calendar: outside working time only what is urgent is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import NamedTuple

from gateway.clock import SECOND
from rules.calendar import OFF

RAISE_S = 10
"""What is over sooner is nobody's business."""
CLEAR_S = 60
"""What comes back sooner was never over."""
FLAPPING, CALM_S = 3, 600
"""After so many returns an alarm must be away for so long before it is over."""
MOST_OVER = 50
"""Alarms that are remembered after their end."""


class Urgency(IntEnum):
    """How soon somebody should look; lower first."""

    NOW = 0
    """Places are unknown, or something is being lost."""
    TODAY = 1
    """Something does not do its work, and the office goes on."""
    SOON = 2
    """It will not do its work for long."""


class Problem(NamedTuple):
    """One thing that is wrong at the moment of looking."""

    name: str
    """Stable word."""
    about: str
    """A gateway, a device, a store; empty: the site."""
    urgency: Urgency
    detail: str = ""
    """A source, topic or file of it, or the cause as the machine says it."""
    since: int = 0
    """Since when, office ns, where that is known; 0: since it was seen first."""
    amount: int = 0
    """How many, how much; 0: that is not the point."""


Key = tuple[str, str]
"""(about, name): one alarm, whatever its details say from one look to the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """A problem over time."""

    problem: Problem
    since: int
    """Office ns."""
    first: int
    """When it was seen first."""
    raised: bool = False
    absent: int | None = None
    """Since when it is not seen, while it may come back."""
    returns: int = 0
    """How often it came back."""
    until: int | None = None
    """When it was over."""
    covered: bool = False
    """Whether it lies behind something else that is wrong, so that nobody can tell how it is."""

    @property
    def key(self) -> Key:
        """What it is."""
        return self.problem.about, self.problem.name

    @property
    def flaps(self) -> bool:
        """Whether it comes and goes."""
        return self.returns >= FLAPPING


@dataclass(frozen=True, slots=True)
class Board:
    """All alarms of a site."""

    held: Mapping[Key, Alarm]
    over: tuple[Alarm, ...] = ()
    """The latest first."""

    def raised(self) -> list[Alarm]:
        """What needs somebody, the most urgent and then the oldest first."""
        return sorted(
            (alarm for alarm in self.held.values() if alarm.raised and not alarm.covered),
            key=lambda alarm: (alarm.problem.urgency, alarm.since, alarm.key),
        )


EMPTY = Board({})


def step(
    board: Board, found: Iterable[Problem], now: int, unsure: Callable[[Problem], bool] = lambda _problem: False
) -> tuple[Board, list[Alarm]]:
    """The board at `now` (office ns), and what was raised or is over since the last step: each once.

    `unsure`: whether nobody can tell now if a problem is still there: then it is neither shown nor over.
    """
    problems = {(problem.about, problem.name): problem for problem in found}
    held: dict[Key, Alarm] = {}
    news: list[Alarm] = []
    over = list(board.over)
    for key, problem in problems.items():
        held[key] = alarm = _seen(board.held.get(key), problem, now)
        if not alarm.raised and now - alarm.first >= RAISE_S * SECOND:
            held[key] = replace(alarm, raised=True)
            news.append(held[key])
    for key, alarm in board.held.items():
        if key in problems or not alarm.raised:
            continue
        if unsure(alarm.problem):
            held[key] = replace(alarm, covered=True)
            continue
        absent = now if alarm.absent is None else alarm.absent
        if now - absent >= (CALM_S if alarm.flaps else CLEAR_S) * SECOND:
            ended = replace(alarm, absent=absent, until=absent)
            news.append(ended)
            over.insert(0, ended)
        else:
            held[key] = replace(alarm, absent=absent, covered=False)
    return Board(held, tuple(over[:MOST_OVER])), news


def _seen(known: Alarm | None, problem: Problem, now: int) -> Alarm:
    if known is None:
        return Alarm(problem=problem, since=problem.since or now, first=now)
    returns = known.returns + (known.absent is not None)
    return replace(known, problem=problem, absent=None, covered=False, returns=returns)


def loud(alarm: Alarm, kind: str) -> bool:
    """Whether it is shown among what needs somebody now. `kind`: of the calendar: work, break, off."""
    return alarm.problem.urgency is Urgency.NOW or kind != OFF
