"""One desk a person: whoever takes a second desk has left the first. The coordinator's business.

It learns what people hold from the desks of the whole building, in whatever order that arrives, and asks the owner of
an older desk to let it go. The later act wins, by time, then by place; so every order of delivery ends alike. A later
desk that was left again before anybody heard of it has moved the person all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from rules.api import SECOND, Command, Fact, Input, Life, Rule, Step, Tick

NAME, VERSION = "one_desk", 1
MOST_ENDED = 8
"""Ended check-ins that are remembered, so that a late word of their start does not revive them. Few: no trail."""
HOLDS = frozenset({"taken", "away"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Choices of the coordinator."""

    ask_again_s: float = 60.0
    """While a desk that should be free is still held, its owner is asked again."""


class Holding(NamedTuple):
    """A check-in that is open. The order of these tuples is the order in which later acts win."""

    since: int
    place: str
    checkin_id: str


class State(NamedTuple):
    """Of one person."""

    person: str
    unit: str = "_"
    holdings: tuple[Holding, ...] = ()
    """In order; the last one is the person's desk."""
    ended: tuple[Holding, ...] = ()
    """Check-ins that ended, in order."""
    due: int | None = None

    @property
    def newest(self) -> Holding:
        """The last desk that the person took, held or left."""
        return max(self.holdings + self.ended)

    @property
    def older(self) -> tuple[Holding, ...]:
        """Desks that should be free: the person has taken another since."""
        return tuple(held for held in self.holdings if held < self.newest)


def rule(settings: Settings | None = None) -> Rule[State]:
    """One desk a person; key = person. Input: Life of every desk of the building; emits Command `move`."""
    chosen = settings or Settings()
    return Rule(name=NAME, version=VERSION, start=partial(_start, chosen), step=partial(_step, chosen))


def _start(settings: Settings, person: str, fact: Mapping[str, Any] | None, now: int) -> Step[State]:
    body = fact or {}
    state = State(
        person,
        str(body.get("unit", "_")),
        tuple(Holding(*row) for row in body.get("holdings", ())),
        tuple(Holding(*row) for row in body.get("left", ())),
    )
    due = now + int(settings.ask_again_s * SECOND) if state.older else None
    return Step(state._replace(due=due), (), (), due)


def _step(settings: Settings, state: State, item: Input) -> Step[State]:
    if isinstance(item, Tick):
        return _ask(settings, state, item.at, frozenset(), ())
    if not isinstance(item, Life) or item.person != state.person or not item.checkin_id:
        return Step(state, (), (), state.due)
    told = Holding(item.began or item.since, item.place, item.checkin_id)
    known = {holding.checkin_id: holding for holding in state.holdings}
    ended = {holding.checkin_id: holding for holding in state.ended}
    if item.life not in HOLDS:
        held = known.pop(item.checkin_id, None)
        if held is None and item.checkin_id in ended:
            return Step(state, (), (), state.due)
        # without its start, an end that was not heard of before says nothing about other desks
        ended[item.checkin_id] = held or told._replace(since=item.began)
    elif item.checkin_id not in ended:
        # `away` is told with its own time: the check-in is as old as the oldest word of it
        known[item.checkin_id] = min(told, known.get(item.checkin_id, told))
    holdings = tuple(sorted(known.values()))
    kept = tuple(sorted(ended.values())[-MOST_ENDED:])
    if (holdings, kept) == (state.holdings, state.ended):
        return Step(state, (), (), state.due)
    after = state._replace(unit=item.unit, holdings=holdings, ended=kept)
    body = {"unit": after.unit, "holdings": [list(row) for row in holdings], "left": [list(row) for row in kept]}
    asked = frozenset(older.checkin_id for older in state.older)
    return _ask(settings, after, item.at, asked, (Fact(NAME, state.person, body),))


def _ask(settings: Settings, state: State, now: int, asked: frozenset[str], facts: tuple[Fact, ...]) -> Step[State]:
    """Ask for every desk but the last, unless that was just done."""
    if not state.older:
        return Step(state._replace(due=None), (), facts, None)
    newest = state.newest
    moves = tuple(
        Command(
            "move",
            older.place,
            newest.since,
            state.person,
            state.unit,
            "coordinator",
            {"to": newest.place, "checkin_id": older.checkin_id, "at": newest.since},
        )
        for older in state.older
        if older.checkin_id not in asked
    )
    due = now + int(settings.ask_again_s * SECOND)
    return Step(state._replace(due=due), (), facts, due, moves)


__all__ = ["NAME", "VERSION", "Holding", "Settings", "State", "rule"]
