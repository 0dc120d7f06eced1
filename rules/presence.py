"""Whether a person is in the office, and in which zone: `present`, `idle`, `unknown`, `left`.

    evidence (tag located, desk taken)      -> presence.started, or moved where the zone is another
    none for idle_after                     -> presence.idle
    none for unknown_after                  -> presence.ended, unknown(no_evidence), inferred, as of the last evidence
    an act of leaving (exit reader, kiosk)  -> presence.ended, left, by act

`left` comes from an act and from nothing else: not being sensed is no evidence of absence. Workplace check-in is an
act of its own, apart from the desk's. A person who is quiet is not sensed at all; their acts still count.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from rules import amendment
from rules.api import SECOND, Command, Event, Input, Life, Located, Reading, Rule, Step, Tick, stable_id
from rules.evidence import Evidence, personal
from rules.presence_model import (
    MOST_ENDED,
    NAME,
    SOURCES,
    VERSION,
    Settings,
    Source,
    State,
    Visit,
    explained,
    fact_of,
    remembered,
    restored,
    support,
)
from rules.presence_order import in_order
from rules.presence_recall import recalled
from rules.workplace import (
    COMMANDS,
    ROLES,
    act,
    day_ends,
    forgotten,
    is_gone,
    is_of_another_day,
    refused,
    resumed,
    told,
)

Change = tuple[State, tuple[Event, ...]]


def rule(settings: Settings | None = None) -> Rule[State]:
    """People's presence; key = person. A refused tap at a workplace reader may go to any key, best to the reader's."""
    chosen = settings or Settings()
    return Rule(
        name=NAME,
        version=VERSION,
        start=partial(_start, chosen),
        step=partial(_taken, chosen),
        explain=partial(explained, chosen),
        kept=lambda state, _now: fact_of(state).body,
    )


def _taken(settings: Settings, state: State, item: Input) -> Step[State]:
    """A step. What an operator puts right has no place in the order of things: it is said when it is said, once."""
    if isinstance(item, Command) and item.name == amendment.NAME:
        return Step(state, amendment.amended(item), (), _due(settings, state))
    return in_order(partial(_step, settings), partial(_due, settings), state, item)


def _start(settings: Settings, person: str, fact: Mapping[str, Any] | None, now: int) -> Step[State]:
    state = restored(person, fact, settings, now)
    if state.quiet and state.visit is not None:
        state, said = _close(settings, state, state.visit.last, "unknown", "no_evidence", "act", state.visit.last, [])
        return Step(state, said, (fact_of(state),))
    return Step(state, (), (), _due(settings, state))


def _step(settings: Settings, before: State, item: Input) -> Step[State]:
    state = before.at(item.at)
    said: tuple[Event, ...] = ()
    match item:
        case Located(zone=None):
            state = state._replace(cause=item.cause)
        case Located(zone=str() as zone):
            if not state.quiet and _believed(settings, state, item, zone):
                evidence, lost = list(item.evidence), item.challenger
                state, said = _seen(
                    settings,
                    state._replace(cause=None),
                    zone,
                    item.last_evidence,
                    "tag",
                    evidence,
                    challenger=lost,
                    confidence=item.confidence,
                )
        case Life():
            state, said = _desk(settings, state, item)
        case Reading(kind="badge") if item.refused or not item.person:
            said = (refused(item),)
        case Reading(kind="badge", role="zone") if not state.quiet and item.at >= max(state.proved, state.left):
            zone = zone_of(item.place)
            state = state.proving(item.at, _elsewhere(state, zone))
            heard = [personal("badge", item.dev)]
            state, said = _seen(settings, state, zone, item.at, "badge", heard, item.assurance)
        case Reading(kind="badge", role="zone"):
            pass  # a later act has decided, or nobody is to be sensed
        case Reading(kind="badge") if item.role in ROLES:
            state, said = _workplace(settings, state, item)
        case Command() if item.name in COMMANDS:
            state, said = _asked(settings, state, item)
        case Command(name="quiet"):
            state, said = _quiet(settings, state, item)
        case Command(name="recall"):
            state = recalled(state, item)
        case Tick():
            state, said = _passed(settings, state)
        case _:
            pass
    facts = (fact_of(state),) if remembered(state) != remembered(before) else ()
    return Step(state, said, facts, _due(settings, state))


def zone_of(place: str) -> str:
    """The zone that a space lies in, as a place."""
    return place.rsplit("/", 1)[0] + "/_"


# --- evidence -------------------------------------------------------------------------------------------------------


def _believed(settings: Settings, state: State, item: Located, zone: str) -> bool:
    """Whether the tag's zone stands against what the person has done on purpose."""
    if state.left and item.last_evidence < state.left + int(settings.leave_grace_s * SECOND):
        return False
    if item.last_evidence < state.proved:
        return False
    proof = state.proved + int(settings.proof_s * SECOND)
    return not (zone == state.elsewhere and state.now < proof)


def _seen(
    settings: Settings,
    state: State,
    zone: str,
    at: int,
    method: str,
    evidence: list[Evidence],
    assurance: str = "claimed",
    *,
    challenger: Mapping[str, Any] | None = None,
    confidence: float = 1.0,
) -> Change:
    """Evidence that the person is in `zone`. A tag that is heard only claims to be theirs.

    `confidence`: of the evidence itself; what its source is worth comes on top.
    """
    visit = state.visit
    weight = settings.sources.get(method, SOURCES[""]).weight * confidence
    via = str(evidence[0].get("via", "")) if evidence else ""
    if visit is None:
        visit = Visit(stable_id("visit", state.person, at), zone, at, method, at)
        name, prev = "started", None
    elif visit.zone != zone:
        name, prev = "moved", visit.zone
        challenger = challenger or {"zone": visit.zone, "weight": round(support(settings, visit, state.now), 2)}
    elif visit.idle:
        name, prev = "moved", zone  # back from idle, where the person was
    else:
        seen = visit._replace(last=max(visit.last, at), method=method, assurance=assurance, weight=weight, via=via)
        return state.seen(seen), ()
    last = max(visit.last, at)
    after = Visit(visit.id, zone, visit.start, method, last, idle=False, assurance=assurance, weight=weight, via=via)
    data: dict[str, Any] = {
        "state": "present",
        "visit_id": after.id,
        "zone": zone,
        "prev": prev,
        "method": method or None,
        "assurance": assurance,
        "confidence": round(weight, 2),
        "last_evidence": after.last,
        "evidence": evidence,
        "challenger": challenger,
    }
    return state.seen(after), (_sense(state, name, zone, at, data),)


def _desk(settings: Settings, state: State, life: Life) -> Change:
    """A desk that is taken proves the zone, and its use is evidence for as long as it lasts.

    News may come in any order: the later act decides, and what is over is not revived by its beginning.
    """
    if life.person != state.person:
        return state, ()
    zone, space = zone_of(life.place), life.place.rsplit("/", 1)[-1]
    state = state._replace(unit=life.unit)
    last = life.last or life.at
    if life.life != "taken":
        if life.life != "away" and life.checkin_id:
            over = (*(one for one in state.ended if one[0] != life.checkin_id), (life.checkin_id, last))
            state = state._replace(ended=over[-MOST_ENDED:])
        if state.desk != life.place or life.at < state.took:  # it was left, and is taken again
            return state, ()
        state = state._replace(desk="")
        if state.quiet or state.visit is None:
            return state, ()
        return state._replace(visit=state.visit._replace(last=max(state.visit.last, last))), ()
    if state.quiet or life.since < state.left:
        return state, ()
    if life.at < state.proved:  # an act has decided the zone since; the desk is held all the same
        newer = life.since > state.took and state.visit is not None and life.checkin_id not in dict(state.ended)
        return (state._replace(desk=life.place, took=life.since) if newer else state), ()
    if life.since > state.proved:
        state = state.proving(life.since, _elsewhere(state, zone))
    at = life.since if state.visit is None else life.at
    evidence = [personal("badge", life.reader or space)]
    ended = dict(state.ended)
    held = "" if life.checkin_id in ended else life.place
    state, said = _seen(
        settings, state._replace(desk=held, took=life.since, left=0), zone, at, "", evidence, life.assurance
    )
    if state.visit is not None and not held:
        state = state._replace(visit=state.visit._replace(last=max(state.visit.last, ended[life.checkin_id])))
    return state, said


def _elsewhere(state: State, zone: str) -> str:
    """Where the tag seemed to be until an act proved `zone`."""
    return state.visit.zone if state.visit is not None and state.visit.zone != zone else state.elsewhere


# --- acts and time --------------------------------------------------------------------------------------------------


def _asked(settings: Settings, before: State, asked: Command) -> Change:
    """A phone or a kiosk says that the person comes or goes. What changes nothing is not said: no reader refused it."""
    item = told(asked)
    if not item.person or (item.role == "out" and is_gone(before)):
        return before, ()
    state, said = _workplace(settings, before, item, asked)
    return (before, ()) if any(event.type == "badge.rejected" for event in said) else (state, said)


def _workplace(settings: Settings, state: State, item: Reading, asked: Command | None = None) -> Change:
    before: tuple[Event, ...] = ()
    if is_of_another_day(settings.calendar, state, item):
        state, before = forgotten(state, item.at)
    state, outcome, leaves = act(resumed(settings.calendar, state, item), item, asked)
    if outcome.type == "workplace.checkin.started":
        state = state._replace(left=0)
    if not leaves or state.visit is None:
        return state, (*before, outcome)
    if state.proved > item.at:  # a later act has shown that they are here again
        since = state.took > item.at
        return state._replace(desk=state.desk if since else "", left=0 if since else state.left), (*before, outcome)
    ended = [personal("badge", item.dev)] if item.dev else []
    state, said = _close(settings, state, item.at, "left", None, "act", item.at, ended, item.assurance)
    return state, (*before, outcome, *said)


def _quiet(settings: Settings, state: State, asked: Command) -> Change:
    """Stop sensing at once; what people do on purpose goes on."""
    on = bool(asked.args.get("on", True)) or state.person in settings.quiet
    if on and state.visit is not None:
        state, said = _close(settings, state, state.visit.last, "unknown", "no_evidence", "act", state.visit.last, [])
        return state._replace(quiet=True, desk=""), said
    return state._replace(quiet=on, desk="" if on else state.desk), ()


def _passed(settings: Settings, state: State) -> Change:
    """Evidence has not come for a while, or the day has ended without a word."""
    state, said = _silent(settings, state)
    closes = _closes(settings, state)
    if closes is None or closes > state.now:
        return state, said
    state, more = forgotten(state, state.now)
    return state, (*said, *more)


def _closes(settings: Settings, state: State) -> int | None:
    """When a workplace check-in that nobody ends is closed; None: not while something is heard of the person."""
    visit = state.visit
    return day_ends(settings.calendar, state) if visit is None or (visit.idle and not state.desk) else None


def _silent(settings: Settings, state: State) -> Change:
    visit = state.visit
    if visit is None or state.desk:
        return state, ()
    silent = max(visit.last, state.watched)
    if state.now >= silent + int(settings.unknown_after_s * SECOND):
        cause = state.cause or "no_evidence"
        return _close(settings, state, visit.last, "unknown", cause, "inferred", visit.last, _last_sign(visit))
    if not visit.idle and state.now >= silent + int(settings.idle_after_s * SECOND):
        data: dict[str, Any] = {
            "state": "present",
            "visit_id": visit.id,
            "zone": visit.zone,
            "method": visit.method or None,
            "last_evidence": visit.last,
            "cause": state.cause or "no_evidence",
            "confidence": round(support(settings, visit, state.now), 2),
            "assurance": visit.assurance,
            "evidence": _last_sign(visit),
        }
        event = _sense(state, "idle", visit.zone, state.now, data)
        return state._replace(visit=visit._replace(idle=True)), (event,)
    return state, ()


def _last_sign(visit: Visit) -> list[Evidence]:
    """What bore out the visit last, and has not been heard since."""
    return [personal("tag" if visit.method == "tag" else "badge", visit.via)] if visit.via else []


def _close(
    settings: Settings,
    state: State,
    at: int,
    became: str,
    cause: str | None,
    ended_by: str,
    last: int,
    evidence: list[Evidence],
    proof: str = "",
) -> Change:
    """End the visit. `evidence`: the act that ends it, or the last sign that was not followed by another. What spoke
    against the end is what was left of that sign.

    `proof`: assurance of the act that ends it; else that of its last evidence.
    """
    visit = state.visit
    if visit is None:
        return state, ()
    left = round(support(settings, visit, max(state.now, at)), 2)
    data: dict[str, Any] = {
        "state": became,
        "cause": cause,
        "visit_id": visit.id,
        "zone": visit.zone,
        "method": visit.method or None,
        "start": visit.start,
        "last_evidence": max(visit.last, last) if ended_by == "act" else visit.last,
        "dwell_s": round((last - visit.start) / SECOND, 3),
        "ended_by": ended_by,
        "assurance": proof or visit.assurance,
        "evidence": evidence,
        "challenger": {"state": "present", "weight": left} if left > 0 else None,
    }
    event = _sense(state, "ended", visit.zone, at, data)
    return state._replace(visit=None, desk="", elsewhere=""), (event,)


def _sense(state: State, name: str, zone: str, at: int, data: Mapping[str, Any]) -> Event:
    return Event(f"presence.{name}", zone, at, data, "sense", state.person, state.unit)


def _due(settings: Settings, state: State) -> int | None:
    """When silence will mean something, or the day ends."""
    visit, closes = state.visit, _closes(settings, state)
    if visit is None or state.desk:
        return closes
    silent = max(visit.last, state.watched)
    due = silent + int((settings.unknown_after_s if visit.idle else settings.idle_after_s) * SECOND)
    return due if closes is None else min(due, closes)


__all__ = ["NAME", "VERSION", "Settings", "Source", "State", "rule", "zone_of"]
