"""What the passing of time does to a desk: away, warning, release, no-show, end of day."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rules import desk_events as events
from rules.api import SECOND, Event
from rules.desk_acts import Change, dropped, end
from rules.desk_model import Checkin, Reservation, Settings, State, active, fulfilled, life_of, without
from rules.desk_vacancy import counted, stands_at, used_at


def due_of(settings: Settings, state: State) -> int | None:
    """When time will change something next."""
    wishes = (*_moments(settings, state), *_bookings(settings, state), used_at(state, settings, state.now))
    dues = [moment for moment in wishes if moment is not None]
    return min(dues, default=None)


def passed(settings: Settings, state: State) -> Change:
    """Everything that is due at `state.now`."""
    said: list[Event] = []
    now = state.now
    for booked in state.reservations:
        if booked.end <= now and booked is fulfilled(state):
            state = without(state, booked)  # its person has come: nothing is released
        elif booked.end <= now:
            state, more = dropped(settings, state, booked, "released", now, None)
            said += more
    away, warn, release, close = _moments(settings, state)
    held, about = state.checkin, _about(settings, state)
    if close is not None and close <= now:
        state, more = end(settings, state, now, "end_of_day", [events.vacancy(state, now)])
        said += more
    elif release is not None and release <= now and held is not None:
        state, more = end(settings, state, now, "auto_release", [events.vacancy(state, now)])
        said += more
    elif release is not None and release <= now and isinstance(about, Reservation):
        state, more = dropped(settings, state, about, "released", now, "no_show")
        said += more
    else:
        if warn is not None and warn <= now and release is not None and about is not None:
            cause = "no_show" if isinstance(about, Reservation) else "auto_release"
            said += events.warning(state, now, release, cause, about, settings)
            state = state._replace(warned=True)
        if away is not None and away <= now and held is not None:
            state = state._replace(checkin=held._replace(away=now))
    return state, tuple(said)


def explained(settings: Settings, state: State, now: int) -> Mapping[str, Any]:
    """What the desk is held to be, and when time would change that, as things stand. Nobody is named."""
    away, warn, release, close = _moments(settings, state)
    held, booked = state.checkin, active(state, settings, now)
    life, since = life_of(state, settings, now)
    return {
        "life": life,
        "since": since,
        "sensed": state.sensed,
        "vacant_since": state.vacant_from or None,
        "doubt_s": round(sum(one.end - one.start for one in state.doubts) / SECOND, 1),
        "paused": settings.calendar.paused(now),
        "checkin": None
        if held is None
        else {
            "checkin_id": held.id,
            "since": held.start,
            "method": held.method,
            "matches_reservation": bool(held.ref),
            "last_evidence_at": held.last,
            "elsewhere_until": held.kept or None,
            "warned": state.warned,
        },
        "reservation": None if booked is None else {"since": booked.start, "until": booked.end, "used": booked.used},
        "owner_unit": settings.owned_by.get(state.place),
        "away_due": away,
        "warning_due": warn,
        "release_due": release,
        "end_of_day_due": close if held is None or close else settings.calendar.end_of_day(held.start),
    }


def _moments(settings: Settings, state: State) -> tuple[int | None, int | None, int | None, int | None]:
    """When the desk becomes away, is warned, is released and is closed for the day, as things stand."""
    away = warn = release = close = None
    about, held = _about(settings, state), state.checkin
    if about is not None and state.vacant_from:
        grace = settings.release_after_s if held is not None else settings.no_show_after_s
        if grace is not None:
            start = _counted_from(settings, state)
            left = int(grace * SECOND)
            release = max(counted(state, settings.calendar, start, left), stands_at(state))
            if not state.warned:
                sooner = max(0, left - int(settings.warn_before_s * SECOND))
                warn = counted(state, settings.calendar, start, sooner)
    if held is not None:
        if state.vacant_from and not held.away:
            away = max(state.vacant_from + int(settings.away_after_s * SECOND), stands_at(state))
        if state.lack_from:
            close = settings.calendar.end_of_day(held.start)
            if close is not None and state.lack_from > close:
                # sensed, or not yet looked at, when the day ended: wait until it is clear that nobody is there
                close = state.lack_from + int(settings.away_after_s * SECOND)
            close = None if close is None else max(close, stands_at(state))
    return away, warn, release, close


def _bookings(settings: Settings, state: State) -> list[int]:
    """When reservations begin to keep the desk, and when they run out."""
    lead = int(settings.lead_s * SECOND)
    return [booked.start - lead if booked.start - lead > state.now else booked.end for booked in state.reservations]


def _about(settings: Settings, state: State) -> Checkin | Reservation | None:
    """What vacancy would end."""
    booked = active(state, settings, state.now)
    return state.checkin or (None if booked is not None and booked.used else booked)


def _counted_from(settings: Settings, state: State) -> int:
    """Vacancy counts from here: not from before the check-in, the reservation's start, or an act elsewhere."""
    about = _about(settings, state)
    if about is None:
        return state.now
    return max(state.vacant_from, about.start, about.kept if isinstance(about, Checkin) else 0)
