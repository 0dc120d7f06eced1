"""What reaches the coordinator in the wrong order counts in the right one.

News of several gateways are late by as much as their links are. A person's last inputs are therefore kept for WINDOW_S,
each with the state that it met; one that comes late is put where it belongs, and what came after it is folded again. So
every order of delivery within the window ends in the same state: visits with their starts and ids, check-ins, desks.

Equal times are ordered by what the inputs say, never by their arrival. What was told and is no longer true is ended as
of its start; what is true and was not told is told, flagged `late`.

An input that is late by more than the window is folded before everything that is kept, into a state that knows more
than it should: the later act stands (`late`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from rules.api import SECOND, Command, Event, Input, Life, Located, Reading, Step, Tick
from rules.presence_model import Past, State, fact_of, remembered
from rules.workplace import COMMANDS

WINDOW_S = 120.0
"""More than a gateway is silent before it is held to be lost (90 s), and what it had to say waits for that long."""
WINDOW = int(WINDOW_S * SECOND)
MOST = 48
"""Inputs of one person that are kept: more in two minutes is no person's doing."""
Fold = Callable[[State, Input], Step[State]]
Key = tuple[int, int, str, str]
REFUSED = "badge.rejected"


def key_of(item: Input) -> Key:
    """Where an input stands among those of its person: by its time, then by what it says.

    Of the same moment whoever leaves a desk has left it before they take one, what they do at a reader comes after it,
    and to leave is the last word.
    """
    if type(item) is Reading:  # the hot path
        return item.at, 5 if item.role == "out" else 4, item.role, item.dev
    match item:
        case Located():
            return item.at, 1, item.zone or "", ""
        case Life():
            return item.at, 3 if item.life == "taken" else 2, item.place, item.checkin_id
        case Command(name="arrive" | "depart"):  # as a reader's
            return item.at, 4 if item.name == "arrive" else 5, item.name, ""
        case Command():
            return item.at, 6, item.name, str(item.args.get("type", item.args.get("on", "")))
        case _:
            return item.at, 7, "", ""


def in_order(fold: Fold, due: Callable[[State], int | None], state: State, item: Input) -> Step[State]:
    """A step of `fold`, as if every input had come at its time. `due`: when a state wants to look again."""
    trail, key = state.trail, key_of(item)
    if trail and key <= trail[-1].key:
        if not isinstance(item, Tick):
            return _late(fold, due, state, item, key)
        key = (trail[-1].key[0], *key[1:])  # time that was asked for late has come now
    before = trail[-1].after if trail else state
    step = fold(before, item)
    if isinstance(item, Command) and item.name == "quiet":
        return step  # what was sensed is forgotten: nothing that comes late may say it again
    past = Past(key, item, before, _names(step.events), step.state)
    oldest, over = item.at - WINDOW, max(0, len(trail) + 1 - MOST)
    while over < len(trail) and trail[over].key[0] < oldest:
        over += 1
    return Step(step.state.trailing((*trail[over:], past)), step.events, step.facts, step.due)


def _late(fold: Fold, due: Callable[[State], int | None], state: State, item: Input, key: Key) -> Step[State]:
    trail = state.trail
    after = next((n for n, one in enumerate(trail) if one.key > key), len(trail))
    bare = trail[-1].after
    met = trail[after].before if after < len(trail) else bare
    own = fold(met, item)
    if any(one.item == item for one in trail[:after] if one.key == key):  # the same again: its sender was not sure
        return Step(state, own.events, (), due(state))
    known = {name for one in trail for name in one.told}
    kept = [*trail[:after], Past(key, item, met, _names(own.events), own.state)]
    said = list(own.events)
    now = own.state
    for one in trail[after:]:
        step = fold(now, one.item)
        said += [event for event in step.events if event.type != REFUSED and _name(event) not in known]
        kept.append(Past(one.key, one.item, now, (*one.told, *_names(step.events)), step.state))
        now = step.state
    told = (*_undone(bare, now, said, item), *(_flagged(event) for event in said))
    facts = (fact_of(now),) if remembered(now) != remembered(bare) else ()
    return Step(now.trailing(tuple(kept[-MOST:])), told, facts, due(now))


def _names(events: tuple[Event, ...]) -> tuple[tuple[object, ...], ...]:
    return tuple([_name(event) for event in events]) if events else ()


def _name(event: Event) -> tuple[object, ...]:
    """What makes two events of a person the same."""
    data = event.data
    about = data.get("visit_id") or data.get("checkin_id") or data.get("reader")
    return event.type, event.at, event.place, about, data.get("state")


def _flagged(event: Event) -> Event:
    return event if event.data.get("late") else event._replace(data={**event.data, "late": True})


def _undone(before: State, after: State, said: list[Event], item: Input) -> Iterator[Event]:
    """The ends of what was told to have begun, and never did as it was told."""
    ended = {event.data.get("visit_id") or event.data.get("checkin_id") for event in said if "start" in event.data}
    if isinstance(item, Command) and item.name not in COMMANDS:  # recalled: another coordinator has said how it ended
        ended |= {item.args.get("id"), *(work.id for work in (before.workplace,) if work is not None)}
    visit, work = before.visit, before.workplace
    if visit is not None and visit.id not in ended and (after.visit is None or after.visit.id != visit.id):
        data: dict[str, Any] = {
            "state": "unknown",
            "cause": "no_evidence",
            "visit_id": visit.id,
            "zone": visit.zone,
            "method": visit.method or None,
            "start": visit.start,
            "last_evidence": visit.start,
            "dwell_s": 0.0,
            "ended_by": "inferred",
            "assurance": visit.assurance,
            "evidence": [],
            "late": True,
        }
        yield Event("presence.ended", visit.zone, visit.start, data, "sense", before.person, before.unit)
    if work is not None and work.id not in ended and (after.workplace is None or after.workplace.id != work.id):
        data = {
            "method": work.method,
            "assurance": work.assurance,
            "evidence": [],
            "checkin_id": work.id,
            "reason": "correction",
            "ended_by": "inferred",
            "last_evidence": work.start,
            "start": work.start,
            "dwell_s": 0.0,
            "late": True,
        }
        yield Event("workplace.checkin.ended", work.place, work.start, data, "who", before.person, before.unit)


__all__ = ["WINDOW_S", "in_order", "key_of"]
