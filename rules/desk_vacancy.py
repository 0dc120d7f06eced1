"""How long nobody has been at a desk: vacancy that a short doubt pauses, and one that lasts begins anew.

A radar sees a ghost, somebody passes or wipes the desk: that is presence for seconds. Three reports in a row are lost:
that is silence for minutes. Neither tells of anybody who sits there, since who does is seen again and again. So what
was seen of nobody before stays, the doubt itself does not count, and what follows it counts on. Presence that adds up
to LASTS within WINDOW, or silence that adds up to BLIND, is taken for what it says: all begins anew after it. A sensor
that tells moments only (motion) holds each for minutes: it cannot tell a short stay, so its word counts in full.
"""

from __future__ import annotations

from rules.api import SECOND, Sensed
from rules.calendar import Calendar
from rules.desk_model import Doubt, Kept, Reservation, Settings, State, active

LASTS = 60 * SECOND
"""Somebody who was seen for so long in WINDOW was there."""
BLIND = 330 * SECOND
"""What nobody watched for so long may have hidden somebody: the hold of a motion sensor, and a report."""
WINDOW = 900 * SECOND
STANDS = 30 * SECOND
"""After a doubt, nobody must have been seen for so long before that decides anything: who arrives is seen, lost and
seen again."""
MOST = 8
"""Doubts that are remembered."""


def sensed(state: State, item: Sensed) -> State:
    """Follow the place's occupancy."""
    state = state._replace(confidence=item.confidence, against=item.against)
    was, is_, at = state.sensed, item.state, item.at
    if was == is_:
        return state
    if was == "vacant":
        state = state._replace(kept=_kept(state), vacant_from=0)
    elif state.kept is not None:
        state = state._replace(doubts=(*state.doubts, Doubt(state.turned, at, was == "occupied")))
    held = state.checkin
    if was == "occupied" and held is not None:
        state = state._replace(checkin=held._replace(last=max(held.last, min(at, item.since))))
    state = state._replace(sensed=is_, turned=at)
    if is_ == "vacant":
        return _vacant(state, at)
    if is_ == "unknown":
        return state._replace(lack_from=state.lack_from or at)
    if state.checkin is not None:
        state = state._replace(checkin=state.checkin._replace(last=max(state.checkin.last, at), away=0))
    return state._replace(lack_from=0)


def rewatched(state: State) -> State:
    """Vacancy is counted afresh from now."""
    since = state.now if state.sensed == "vacant" else 0
    return state._replace(vacant_from=since, warned=False, doubts=(), kept=None)


def seen(state: State, start: int, now: int) -> int:
    """ns for which somebody was sensed since `start`, of the last WINDOW; short stays between vacancy are added up."""
    begin = max(start, now - WINDOW)
    spans = [(one.start, one.end) for one in state.doubts if one.seen]
    if state.sensed == "occupied":
        spans.append((state.turned, now))
    return sum(max(0, end - max(begin, since)) for since, end in spans)


def doubted(state: State) -> float:
    """How far the short presence between vacancy went towards being believed when it was sensed last, 0..1."""
    last = max((one.end for one in state.doubts if one.seen), default=0)
    return seen(state, 0, last) / LASTS if last else 0.0


def used(state: State, settings: Settings, now: int) -> State:
    """A room in which somebody has been sensed for LASTS is in use by the reservation whose time it is."""
    booked = _unused(state, settings, now)
    if booked is None or seen(state, booked.start, now) < LASTS:
        return state
    kept = tuple(one._replace(used=True) if one is booked else one for one in state.reservations)
    return state._replace(reservations=kept)


def used_at(state: State, settings: Settings, now: int) -> int | None:
    """When that will be so, if somebody goes on being sensed."""
    booked = _unused(state, settings, now)
    if booked is None:
        return None
    start = max(booked.start, now)
    return start + max(1, LASTS - seen(state, booked.start, now))


def _unused(state: State, settings: Settings, now: int) -> Reservation | None:
    if state.place not in settings.rooms or state.sensed != "occupied":
        return None
    booked = active(state, settings, now)
    return None if booked is None or booked.used else booked


def counted(state: State, calendar: Calendar, start: int, ns: int) -> int:
    """When `ns` of vacancy since `start` will have been seen, breaks and doubts left out."""
    lost = sum(calendar.elapsed(max(start, one.start), one.end) for one in state.doubts if one.end > start)
    return calendar.after(start, ns + lost)


def stands_at(state: State) -> int:
    """When vacancy has stood for long enough after the last doubt."""
    return state.doubts[-1].end + STANDS if state.doubts else 0


def _kept(state: State) -> Kept:
    held = state.checkin
    about = (held.id, held.away, held.last) if held is not None else ("", 0, 0)
    return Kept(state.vacant_from, state.lack_from, state.warned, *about)


def _vacant(state: State, at: int) -> State:
    """Nobody is there, again: as before the doubts, where they did not last."""
    kept = state.kept
    if kept is None or _lasted(state, at):
        lack = state.lack_from or at
        return state._replace(lack_from=lack, vacant_from=at, warned=False, doubts=(), kept=None)
    vacant_from, doubts = kept.vacant_from, state.doubts
    if len(doubts) > MOST:
        vacant_from, doubts = max(vacant_from, doubts[-MOST - 1].end), doubts[-MOST:]
    held = state.checkin
    if held is not None and held.id == kept.checkin:
        state = state._replace(checkin=held._replace(away=kept.away, last=kept.last))
    return state._replace(
        vacant_from=vacant_from, lack_from=kept.lack_from, warned=kept.warned, doubts=doubts, kept=None
    )


def _lasted(state: State, at: int) -> bool:
    blind = sum(one.end - max(one.start, at - WINDOW) for one in state.doubts if not one.seen and one.end > at - WINDOW)
    return seen(state, 0, at) >= LASTS or blind >= BLIND


__all__ = ["LASTS", "counted", "rewatched", "seen", "sensed", "stands_at", "used", "used_at"]
