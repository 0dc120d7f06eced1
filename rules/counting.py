"""How many are in a zone, from desks, rooms and located tags, told at intervals and never about few people.

An occupied desk or room is one person at least, and as many as its people counter, its door or its model says; a tag is
a person. Fewer than five are not told, whatever they were
counted by, and neither is that few came or went: a small number says who it is, and its changes say when. That a zone
is empty, or is not, is its state's to say. What no sensor knows lowers the confidence; where nothing is known there is
a cause.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from rules.api import SECOND, Event, Input, Life, Located, Rule, Sensed, Step, Tick
from rules.evidence import MOST, Evidence, measured

NAME, VERSION = "counting", 1
UNKNOWN = ("unknown", 0.0, 0, 0)
TAGS_WEIGHT = 0.7
"""How far the tags in a zone are believed: some people have none."""
USED = frozenset({"taken", "away", "reserved"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneSettings:
    """What a zone consists of."""

    spaces: Mapping[str, int] = field(default_factory=dict)
    """Place of each desk and room -> seats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Choices for all zones; seconds of office time."""

    zones: Mapping[str, ZoneSettings] = field(default_factory=dict)
    """By place of the zone, `site/building/floor/zone/_`."""
    count_every_s: float = 60.0
    repeat_s: float = 900.0
    """A count that does not change is told again after so long."""
    forget_s: float = 180.0
    """A person whose place was not told again for so long is not counted."""
    fewest: int = 5
    """Fewer people than this are never told as a number."""


class State(NamedTuple):
    """Of one zone."""

    zone: str
    sensed: Mapping[str, tuple[str, float, int, int]]
    """Place -> (state, confidence, people at least, when it was said)."""
    life: Mapping[str, str]
    people: Mapping[str, int]
    """Person -> when last located here."""
    due: int
    window: int
    """When the current window began."""
    entries: int = 0
    """Places that became occupied in this window."""
    exits: int = 0
    told: tuple[object, ...] = ()
    """What was last published ..."""
    told_at: int = 0
    """... and when."""


def rule(settings: Settings | None = None) -> Rule[State]:
    """Counts by zone; key = place of the zone. Located goes to the zone that a person is in and to the one before."""
    chosen = settings or Settings()
    return Rule(name=NAME, version=VERSION, start=partial(_start, chosen), step=partial(_step, chosen))


def aggregate(spaces: Iterable[tuple[str, str]]) -> dict[str, int]:
    """The retained aggregate of a zone's spaces, each given as (sensed state, life).

    A claimed space is used even while nobody is sensed there; a space out of order is no capacity. capacity = used +
    free + unknown.
    """
    counts = {"capacity": 0, "used": 0, "free": 0, "unknown": 0}
    for sensed, life in spaces:
        if life == "out_of_order":
            continue
        counts["capacity"] += 1
        if sensed == "occupied" or life in USED:
            counts["used"] += 1
        else:
            counts["free" if sensed == "vacant" else "unknown"] += 1
    return counts


def together(places: Iterable[tuple[str, str | None, float]]) -> tuple[str, str | None, float]:
    """A zone's (state, cause, confidence) from those of its places.

    Occupied if any is; else not known if any is not; else vacant. Of several causes the most frequent is given. A zone
    without places is not known either: nothing watches it.
    """
    states = list(places)
    occupied = [confidence for state, _, confidence in states if state == "occupied"]
    if occupied:
        return "occupied", None, max(occupied)
    causes = [cause or "no_evidence" for state, cause, _ in states if state != "vacant"]
    if causes:
        return "unknown", min(set(causes), key=lambda cause: (-causes.count(cause), cause)), 0.0
    if not states:
        return "unknown", "unconfigured", 0.0
    return "vacant", None, min(confidence for _, _, confidence in states)


def _start(settings: Settings, zone: str, _fact: Mapping[str, Any] | None, now: int) -> Step[State]:
    """Counts are estimates: they start from nothing known."""
    due = _next(settings, now)
    return Step(State(zone, {}, {}, {}, due, now), (), (), due)


def _step(settings: Settings, state: State, item: Input) -> Step[State]:
    match item:
        case Sensed() if item.place in _spaces(settings, state):
            was = state.sensed.get(item.place, UNKNOWN)[0]
            moves = (was, item.state)
            inside = max(1, item.people or 0) if item.state == "occupied" else 0
            state = state._replace(
                sensed={**state.sensed, item.place: (item.state, item.confidence, inside, item.at)},
                entries=state.entries + (moves == ("vacant", "occupied")),
                exits=state.exits + (moves == ("occupied", "vacant")),
            )
        case Life() if item.place in _spaces(settings, state):
            state = state._replace(life={**state.life, item.place: item.life})
        case Located():
            people = dict(state.people)
            if item.zone == state.zone:
                people[item.person] = item.at
            else:
                people.pop(item.person, None)
            state = state._replace(people=people)
        case Tick():
            return _count(settings, state, item.at)
        case _:
            pass
    return Step(state, (), (), state.due)


def _count(settings: Settings, state: State, now: int) -> Step[State]:
    """Close the window; tell what changed, or what has not been told for long."""
    forget = now - int(settings.forget_s * SECOND)
    people = {person: at for person, at in state.people.items() if at > forget}
    number, method, confidence, lost = _estimate(settings, state, len(people))
    seats = sum(_spaces(settings, state).values())
    shown, entries, exits = (_told(settings, count) for count in (number, state.entries, state.exits))
    told = (shown, seats, entries, exits, method, round(confidence, 1))  # an event for a hidden change would tell it
    due = _next(settings, now)
    after = state._replace(people=people, due=due, window=now, entries=0, exits=0)
    if told == state.told[:6] and now < state.told_at + int(settings.repeat_s * SECOND):
        return Step(after, (), (), due)
    data = {
        "occupancy": shown,
        "capacity": seats,
        "window_s": round((now - state.window) / SECOND, 3),
        "entries": entries,
        "exits": exits,
        "method": method,
        "confidence": round(confidence, 2),
        "cause": "no_evidence" if number is None else None,
        "evidence": _evidence(settings, state, now),
        "challenger": lost,
    }
    event = Event("occupancy.counted", state.zone, now, data)
    return Step(after._replace(told=told, told_at=now), (event,), (), due)


def _evidence(settings: Settings, state: State, now: int) -> list[Evidence]:
    """What its spaces are held to be, the occupied and the surest first: never how many are in one."""
    known = [
        (confidence, place.rsplit("/", 1)[-1], sensed == "occupied", at)
        for place in _spaces(settings, state)
        for sensed, confidence, _, at in [state.sensed.get(place, UNKNOWN)]
        if sensed != "unknown"
    ]
    known.sort(key=lambda one: (not one[2], -one[0], one[1]))
    return [
        measured(space, "occupancy", "occupied", there, now - at, confidence)
        for confidence, space, there, at in known[:MOST]
    ]


def _told(settings: Settings, count: int | None) -> int | None:
    """A number of people as it may be told."""
    return count if count is not None and count >= settings.fewest else None


def _estimate(settings: Settings, state: State, people: int) -> tuple[int | None, str, float, Mapping[str, Any] | None]:
    """(number, method, confidence, what lost): the larger of what places and what tags say; tags only where they may be
    told, and so is a number that lost."""
    spaces = _spaces(settings, state)
    known = 0.0
    occupied = 0
    for place in spaces:
        sensed, confidence, inside, _ = state.sensed.get(place, UNKNOWN)
        taken = state.life.get(place) == "taken"
        occupied += max(inside, int(taken and sensed != "vacant"))
        known += confidence if sensed != "unknown" else 0.5 * taken
    confidence = known / len(spaces) if spaces else 0.0
    tags = people >= settings.fewest
    if tags and people > occupied:
        lost = _lost("places", occupied, confidence) if occupied >= settings.fewest else None
        return people, "tags", max(confidence, TAGS_WEIGHT), lost
    if confidence == 0.0:
        return None, "places", 0.0, None
    return occupied, "places", confidence, _lost("tags", people, TAGS_WEIGHT) if tags and people < occupied else None


def _lost(method: str, people: int, weight: float) -> Mapping[str, Any]:
    return {"method": method, "occupancy": people, "weight": round(weight, 2)}


def _spaces(settings: Settings, state: State) -> Mapping[str, int]:
    zone = settings.zones.get(state.zone)
    return zone.spaces if zone is not None else {}


def _next(settings: Settings, now: int) -> int:
    """The next full interval: all zones count at the same instants."""
    every = max(1, int(settings.count_every_s * SECOND))
    return (now // every + 1) * every


__all__ = ["NAME", "VERSION", "Settings", "State", "ZoneSettings", "aggregate", "rule", "together"]
