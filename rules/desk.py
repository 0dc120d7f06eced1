"""A desk's life, `free -> reserved -> taken -> away -> free`, beside its sensed occupancy.

    tap, free desk            taken                     tap, another's desk       refused, nobody is named
    tap, own desk             free                      tap at another desk       free (Command move)
    another unit's desk       refused, if so configured
    vacant for away_after     away                      vacant for release_after  free, after a warning
    act or booking elsewhere  away is extended
    reservation not taken     free, on evidence only    end of day                free, unless sensed occupied

A room is `free`, `reserved` or out of order, and never taken: who is sensed there uses it. Its reservation is released
as a no-show when nobody was sensed there in its time, and again on evidence only.

Only positive evidence releases: sensed vacant for the whole grace. A short doubt pauses it, as breaks do, and after one
that lasts it begins again (desk_vacancy.py); nothing is released while anything but vacancy is sensed. A tap has
exactly one outcome, whatever the state: desk.checkin.started, desk.checkin.ended or badge.rejected.

desk_acts.py is what people do, desk_time.py what time does, desk_vacancy.py how long nobody has been there,
desk_events.py what is said, desk_model.py what is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from rules.api import Command, Event, Input, Reading, Rule, Sensed, Step, Tick
from rules.desk_acts import command, tap
from rules.desk_model import (
    NAME,
    VERSION,
    Settings,
    State,
    bookings,
    fact_of,
    life_input,
    life_of,
    remembered,
    restored,
)
from rules.desk_time import due_of, explained, passed
from rules.desk_vacancy import sensed, used


def rule(settings: Settings | None = None) -> Rule[State]:
    """The life of desks; key = place."""
    chosen = settings or Settings()
    return Rule(
        name=NAME,
        version=VERSION,
        start=partial(_start, chosen),
        step=partial(_step, chosen),
        explain=partial(explained, chosen),
    )


def _start(settings: Settings, place: str, fact: Mapping[str, Any] | None, now: int) -> Step[State]:
    state = restored(place, fact, settings, now)
    booked = bookings(state._replace(reservations=()), state, now)
    return Step(state, (), (), due_of(settings, state), (life_input(state, now, None), *booked))


def _step(settings: Settings, before: State, item: Input) -> Step[State]:
    state = before._replace(now=max(before.now, item.at))
    state = used(state, settings, state.now)  # as it was until now
    said: tuple[Event, ...] = ()
    match item:
        case Reading(kind="badge", role="desk"):
            state, said = tap(settings, state, item)
        case Sensed():
            state = sensed(state, item)
        case Command():
            state, said = command(settings, state, item)
        case Tick():
            state, said = passed(settings, state)
        case _:
            pass
    state = used(state, settings, state.now)
    life, since = life_of(state, settings, state.now)
    state = state._replace(life=life, since=since)
    facts = (fact_of(state),) if remembered(state) != remembered(before) else ()
    emits: tuple[Input, ...] = bookings(before, state, state.now)
    held, had = state.checkin, before.checkin
    if (life, held and held.id) != (before.life, had and had.id):
        if had is not None and state.acted != before.acted:  # whoever takes or leaves it on purpose was there
            had = had._replace(last=max(had.last, state.acted))
        # an act happened at its own time, however late it is heard of: as other gateways tell it
        at = item.at if isinstance(item, Reading | Command) else state.now
        emits = (life_input(state, at, had), *emits)
    return Step(state, said, facts, due_of(settings, state), emits)


__all__ = ["NAME", "VERSION", "Settings", "State", "rule"]
