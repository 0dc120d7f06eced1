"""Whether a place, a desk or a room, is occupied: `occupied | vacant | unknown`, with cause, confidence and evidence.

Each device has an opinion first (witness.py: hold, settling, fading), and then the place decides:

1. somebody is seen by a level sensor, or has just tapped      -> occupied (radars of a room see different corners)
2. a moment is believed more than the best witness of vacancy  -> occupied
3. at least one witness is healthy, and sees nobody            -> vacant
4. else                                                        -> unknown, and why
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from rules.api import Event, Fact, Health, Input, Reading, Rule, Sensed, Step
from rules.evidence import MOST, Evidence, measured, personal
from rules.witness import (
    TAP,
    Device,
    Modality,
    Opinion,
    Settings,
    Traits,
    health,
    hear,
    look,
    outweighed_at,
    repeats,
    settle,
    traits,
)

NAME, VERSION = "occupancy", 1
NOTABLE = 0.1
"""A change of confidence that is told to those who listen, without an event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceSettings:
    """A place's devices, by id: sensors and, at a desk, its badge reader."""

    devices: Mapping[str, Device] = field(default_factory=dict)


Bound = Mapping[str, Traits]


class State(NamedTuple):
    """Of one place."""

    place: str
    devices: Mapping[str, Opinion]
    started: int
    now: int
    state: str = "unknown"
    cause: str | None = "starting"
    since: int = 0
    confidence: float = 0.0
    quality: str = "good"
    due: int | None = None


class _Vote(NamedTuple):
    weight: float
    since: int
    dev: str


class _Verdict(NamedTuple):
    state: str
    cause: str | None
    since: int
    confidence: float
    quality: str
    challenger: Mapping[str, Any] | None
    votes: list[_Vote]
    due: int | None


def rule(places: Mapping[str, PlaceSettings], settings: Settings | None = None) -> Rule[State]:
    """Occupancy of `places`; key = place. Without a device that bears witness: unknown(unconfigured)."""
    chosen = settings or Settings()
    bound = {
        place: {dev: traits(device, chosen) for dev, device in of_place.devices.items()}
        for place, of_place in places.items()
    }
    return Rule(name=NAME, version=VERSION, start=partial(_start, bound), step=partial(_step, bound))


def _start(places: Mapping[str, Bound], place: str, fact: Mapping[str, Any] | None, now: int) -> Step[State]:
    """Sensors are read afresh: whatever was published before, the place is unknown now."""
    bound = places.get(place, {})
    prev, cause = (str(fact["state"]), fact["cause"]) if fact else ("unknown", "")
    state = State(place, dict.fromkeys(bound, Opinion()), now, now, prev, cause, now)
    return _publish(bound, state, _judge(bound, state, now), now, first=True)


def _step(places: Mapping[str, Bound], state: State, item: Input) -> Step[State]:
    bound = places.get(state.place, {})
    devices = state.devices
    late = False
    if isinstance(item, Reading):
        seen = bound.get(item.dev)
        if seen is None:
            return Step(state, (), (), state.due)
        old = devices[item.dev]
        if item.at < old.heard or (seen.modality == TAP and not item.person):
            return Step(state, (), (), state.due)
        new = hear(seen, old, item)
        devices = {**devices, item.dev: new}
        if repeats(seen, old, new) and (state.due is None or item.at < state.due):
            # `due` may now come too early, and then only looks again
            return Step(state._replace(devices=devices), (), (), state.due)
        late = item.late
    elif isinstance(item, Health):
        devices = {
            dev: health(bound[dev], opinion, item) if item.dev in (dev, bound[dev].receiver) else opinion
            for dev, opinion in devices.items()
        }
    now = max(state.now, item.at)
    devices = {dev: settle(bound[dev], opinion, now) for dev, opinion in devices.items()}
    state = state._replace(devices=devices, now=now)
    return _publish(bound, state, _judge(bound, state, now), now, late=late)


def _judge(bound: Bound, state: State, now: int) -> _Verdict:
    """The place's state at `now`, and when to look again if nothing is heard."""
    dues: list[int] = []
    votes: dict[str, list[_Vote]] = {"seeing": [], "moment": [], "empty": []}
    missing: list[str] = []
    for dev, opinion in state.devices.items():
        says, weight, since, cause, due = look(bound[dev], opinion, state.started, now)
        if due is not None:
            dues.append(due)
        if says == "missing":
            missing.append(cause)
        elif says:
            votes[says].append(_Vote(weight, since, dev))
    seeing, moments, empty = votes["seeing"], votes["moment"], votes["empty"]
    against = max(empty).weight if empty else 0.0
    best = max(moments).weight if moments else 0.0
    dues.extend(
        max(now + 1, outweighed_at(bound[vote.dev], state.devices[vote.dev], against))
        for vote in moments
        if vote.weight > against > 0
    )
    due = min(dues, default=None)
    quality = "degraded" if missing else "good"
    ranked = sorted((*seeing, *moments, *empty), reverse=True)
    if seeing or best > against:
        miss = 1.0
        for vote in (*seeing, *moments):
            miss *= 1 - vote.weight
        confidence = (1 - miss) * (1 - against / 4)
        since = _began(state, min(vote.since for vote in seeing or moments), now)
        challenger = {"state": "vacant", "weight": round(against, 2)} if empty else None
        return _Verdict("occupied", None, since, confidence, quality, challenger, ranked, due)
    if empty:
        confidence = min(empty).weight * len(empty) / (len(empty) + len(missing)) * (1 - best / 4)
        since = _began(state, max(vote.since for vote in empty), now)
        challenger = {"state": "occupied", "weight": round(best, 2)} if moments else None
        return _Verdict("vacant", None, since, confidence, quality, challenger, ranked, due)
    cause = next((cause for cause in missing if cause != "starting"), "starting") if missing else "unconfigured"
    last = [_Vote(0.0, 0, dev) for dev, opinion in state.devices.items() if opinion.told]
    return _Verdict("unknown", cause, now, 0.0, "stale" if cause == "sensor_stale" else "good", None, last, due)


def _began(state: State, since: int, now: int) -> int:
    """A state begins with its evidence, but never before the state that it follows."""
    return since if since > state.since else now


def _item(bound: Bound, state: State, vote: _Vote, now: int) -> Evidence:
    seen, opinion = bound[vote.dev], state.devices[vote.dev]
    if seen.modality == TAP:
        return personal(TAP, vote.dev)
    return measured(vote.dev, seen.modality, opinion.kind, opinion.value, now - opinion.told, vote.weight)


def _publish(
    bound: Bound, state: State, verdict: _Verdict, now: int, *, first: bool = False, late: bool = False
) -> Step[State]:
    """Hold the verdict: an event where state or cause is another, Sensed also where what it rests on is."""
    changed = (verdict.state, verdict.cause) != (state.state, state.cause)
    quality, confidence = verdict.quality, verdict.confidence
    if not changed and not first and quality == state.quality and abs(confidence - state.confidence) < NOTABLE:
        return Step(state._replace(due=verdict.due), (), (), verdict.due)
    since = verdict.since if changed else state.since
    after = State(
        state.place,
        state.devices,
        state.started,
        now,
        verdict.state,
        verdict.cause,
        since,
        confidence,
        quality,
        verdict.due,
    )
    shown = round(confidence, 2)
    emits = (Sensed(state.place, verdict.state, verdict.cause, since, now, shown, quality),)
    if not changed:
        return Step(after, (), (), verdict.due, emits)
    data: dict[str, Any] = {
        "state": verdict.state,
        "prev": state.state,
        "cause": verdict.cause,
        "since": since,
        "confidence": shown,
        "evidence": [_item(bound, state, vote, now) for vote in verdict.votes[:MOST]],
        "challenger": verdict.challenger,
    }
    if quality != "good":
        data["quality"] = quality
    if late:
        data["late"] = True
    event = Event("occupancy.changed", state.place, now, data)
    fact = Fact(NAME, state.place, {"state": verdict.state, "cause": verdict.cause})
    return Step(after, (event,), (fact,), verdict.due, emits)


__all__ = ["NAME", "VERSION", "Device", "Modality", "PlaceSettings", "Settings", "State", "rule"]
