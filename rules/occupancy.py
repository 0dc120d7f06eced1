"""Whether a place, a desk or a room, is occupied: `occupied | vacant | unknown`, with cause, confidence and evidence.

Each device has an opinion first (witness.py: hold, settling, fading); a room whose sensors were learned (room_model.py)
has a belief beside (fusion.py); and then the place decides (occupancy_verdict.py). A device that says for half a day
that somebody is there, or for hours what another witness denies, is stuck: it is named once, by a Health of cause
`stuck`, and has no vote until it says something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from rules import fusion
from rules.api import SECOND, Event, Fact, Health, Input, Life, Located, Reading, Rule, Sensed, Step, Tick
from rules.fusion import Belief
from rules.occupancy_explained import explained
from rules.occupancy_verdict import MOST, Bound, Verdict, collect, item, judge
from rules.room_model import RoomModel
from rules.witness import (
    SIGNS,
    Opinion,
    emptied,
    gone,
    health,
    hear,
    near,
    repeats,
    settle,
)
from rules.witness_air import recalled, remembered
from rules.witness_traits import CO2, TAG, TAP, Device, Modality, Settings, traits

NAME, VERSION = "occupancy", 1
NOTABLE = 0.1
"""A change of confidence that is told to those who listen, without an event."""


STUCK = "stuck"
"""Cause of the Health that names a device which is not believed any more."""
HOLDER = "holder"
"""Stands among a desk's devices for the tag of who holds it."""
HELD = frozenset({"taken", "away"})
SAVE = 600 * SECOND
"""What is learned of a room's air is kept so often, for the next start."""
REPAIR = 1800 * SECOND
"""A door's count is nobody when other witnesses have seen nobody for so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceSettings:
    """A place's devices, by id: sensors and, at a desk, its badge reader."""

    devices: Mapping[str, Device] = field(default_factory=dict)
    model: RoomModel | None = None
    """What its sensors mean here, where that was learned."""
    zone: str = ""
    """Of a desk, whose holder's tag says a little where it is located in this zone."""


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
    belief: Belief = Belief()
    odds: float = 0.0
    """Above 0: occupied, rather; a guess where the state is unknown."""
    against: float = 0.0
    """How far the answer that lost was believed when it lost."""
    people: int | None = None
    stuck: frozenset[str] = frozenset()
    saved: int = 0
    """When what is learned of the air was kept last."""


def rule(places: Mapping[str, PlaceSettings], settings: Settings | None = None) -> Rule[State]:
    """Occupancy of `places`; key = place. Without a device that bears witness: unknown(unconfigured)."""
    chosen = settings or Settings()
    bound = {place: _bound(of_place, chosen) for place, of_place in places.items()}
    return Rule(
        name=NAME,
        version=VERSION,
        start=partial(_start, bound),
        step=partial(_step, bound),
        explain=partial(_explained, bound),
    )


def _explained(places: Mapping[str, Bound], state: State, now: int) -> Mapping[str, Any]:
    bound = places.get(state.place, NOTHING_BOUND)
    return explained(bound, state.devices, state.belief, state.stuck, state.started, max(now, state.now))


def _bound(of_place: PlaceSettings, settings: Settings) -> Bound:
    devices = {dev: traits(device, settings) for dev, device in of_place.devices.items()}
    if of_place.zone:
        devices[HOLDER] = traits(Device(modality=TAG), settings)
    model = of_place.model
    witnesses = tuple(dev for dev, seen in devices.items() if seen.occupied or seen.vacant or seen.air)
    if model is None:
        return Bound(devices, voters=witnesses, zone=of_place.zone)
    known = {(dev, kind): place for (dev, kind), place in fusion.index(model).items() if dev in devices}
    modelled = {dev for dev, kind in known if kind in SIGNS or (kind == CO2 and devices[dev].air)}
    voters = tuple(dev for dev in witnesses if dev not in modelled)
    devices |= {dev: devices[dev]._replace(air=False) for dev in modelled}
    return Bound(devices, model, known, voters, tuple(dev for dev in witnesses if dev in modelled), of_place.zone)


def _start(places: Mapping[str, Bound], place: str, fact: Mapping[str, Any] | None, now: int) -> Step[State]:
    """Sensors are read afresh: whatever was published before, the place is unknown now. What was learned of its air
    stays known."""
    bound = places.get(place, NOTHING_BOUND)
    prev, cause = (str(fact["state"]), fact["cause"]) if fact else ("unknown", "")
    devices = dict.fromkeys(bound.devices, Opinion())
    for dev, body in (fact or {}).get("air", {}).items():
        if dev in devices and bound.devices[dev].air:
            devices[dev] = Opinion(air=recalled(body, now))
    state = State(place, devices, now, now, prev, cause, now, saved=now)
    return _publish(bound, state, _judge(bound, state, now), now, first=True)


def _step(places: Mapping[str, Bound], state: State, item: Input) -> Step[State]:
    bound = places.get(state.place, NOTHING_BOUND)
    late = False
    if isinstance(item, Reading):
        heard = _heard(bound, state, item)
        if heard is None:
            return Step(state, (), (), state.due)
        old, state = state, heard
        quiet = state.belief is old.belief and repeats(
            bound.devices[item.dev], old.devices[item.dev], state.devices[item.dev]
        )
        if quiet and (state.due is None or item.at < state.due):
            # `due` may now come too early, and then only looks again
            return _kept(state, item.at)
        late = item.late
    elif isinstance(item, Located | Life):
        state = _held_by(bound, state, item)
    elif isinstance(item, Health) and item.cause != STUCK:
        state = state._replace(
            devices={
                dev: health(bound.devices[dev], opinion, item)
                if item.dev in (dev, bound.devices[dev].receiver)
                else opinion
                for dev, opinion in state.devices.items()
            }
        )
    now = max(state.now, item.at)
    if isinstance(item, Tick) and bound.model is not None and state.belief.moved:
        state = state._replace(belief=fusion.wait(bound.model, state.belief, now))
    asked = (*bound.voters, *bound.modelled)
    devices = {**state.devices, **{dev: settle(bound.devices[dev], state.devices[dev], now) for dev in asked}}
    state = state._replace(devices=_repaired(bound, devices, state.stuck, state.started, now), now=now)
    return _publish(bound, state, _judge(bound, state, now), now, late=late)


NOTHING_BOUND = Bound({})


def _kept(state: State, now: int) -> Step[State]:
    """Nothing to decide; now and then something to keep."""
    if now - state.saved < SAVE or not any(opinion.air for opinion in state.devices.values()):
        return Step(state, (), (), state.due)
    state = state._replace(saved=now)
    return Step(state, (), (_fact(state),), state.due)


def _fact(state: State) -> Fact:
    """The place's row: what was published last, and what is learned of its air."""
    body: dict[str, Any] = {"state": state.state, "cause": state.cause}
    air = {dev: remembered(opinion.air) for dev, opinion in state.devices.items() if opinion.air is not None}
    return Fact(NAME, state.place, {**body, "air": air} if air else body)


def _heard(bound: Bound, state: State, item: Reading) -> State | None:
    """The state after a reading; None where it says nothing here."""
    seen = bound.devices.get(item.dev)
    if seen is None:
        return None
    old = state.devices[item.dev]
    if item.at < old.heard or (seen.modality == TAP and not item.person):
        return None
    state = state._replace(devices={**state.devices, item.dev: hear(seen, old, item)})
    place = bound.known.get((item.dev, item.kind))
    if bound.model is None or place is None or item.dev in state.stuck:
        return state
    return state._replace(belief=fusion.hear(bound.model, place, state.belief, item))


def _held_by(bound: Bound, state: State, item: Located | Life) -> State:
    """What is known of the tag of who holds the desk: only that it is near. The person is not kept."""
    old = state.devices.get(HOLDER)
    if old is None:
        return state
    if isinstance(item, Located) and item.zone == bound.zone and item.evidence:
        new = near(old, str(item.evidence[0].get("via", "")), item.at)
    elif isinstance(item, Located) or item.life not in HELD:
        new = gone(old)
    else:
        return state
    return state._replace(devices={**state.devices, HOLDER: new})


def _repair_at(
    bound: Bound, devices: Mapping[str, Opinion], stuck: frozenset[str], started: int, now: int
) -> int | None:
    """When what doors have counted is nobody, if everybody else goes on seeing nobody; None: they do not."""
    passed = [opinion.door.passed for opinion in devices.values() if opinion.door is not None and opinion.side]
    if not passed:
        return None
    votes = collect(bound, devices, stuck, started, now, doors=False)
    if votes.seeing or votes.moments or not votes.empty:
        return None
    return max(*passed, *(vote.since for vote in votes.empty)) + REPAIR


def _repaired(
    bound: Bound, devices: dict[str, Opinion], stuck: frozenset[str], started: int, now: int
) -> dict[str, Opinion]:
    at = _repair_at(bound, devices, stuck, started, now)
    if at is None or now < at:
        return devices
    return {
        dev: emptied(opinion, now) if opinion.door is not None and opinion.side else opinion
        for dev, opinion in devices.items()
    }


def _judge(bound: Bound, state: State, now: int) -> Verdict:
    verdict = judge(bound, state.devices, state.belief, state.state, state.stuck, state.started, now)
    repair = _repair_at(bound, state.devices, state.stuck, state.started, now)
    if repair is not None:
        verdict = verdict._replace(due=min(verdict.due or repair, max(now + 1, repair)))
    if verdict.state == "unknown":
        return verdict
    return verdict._replace(since=_began(state, verdict.since, now))


def _began(state: State, since: int, now: int) -> int:
    """A state begins with its evidence, but never before the state that it follows."""
    return since if since > state.since else now


def _publish(
    bound: Bound, state: State, verdict: Verdict, now: int, *, first: bool = False, late: bool = False
) -> Step[State]:
    """Hold the verdict: an event where state or cause is another, Sensed also where what it rests on is."""
    changed = (verdict.state, verdict.cause) != (state.state, state.cause)
    quality, confidence, people = verdict.quality, verdict.confidence, verdict.people
    turned = sorted(verdict.stuck ^ state.stuck)
    named: tuple[Input, ...] = tuple(Health(dev, dev not in verdict.stuck, STUCK, now) for dev in turned)
    kept = state._replace(due=verdict.due, odds=verdict.odds, stuck=verdict.stuck)
    if verdict.denied != state.belief.denied:
        kept = kept._replace(belief=state.belief._replace(denied=verdict.denied))
    same = quality == state.quality and people == state.people and abs(confidence - state.confidence) < NOTABLE
    if not changed and not first and same:
        return Step(kept, (), (), verdict.due, named)
    since = verdict.since if changed else state.since
    lost = verdict.challenger
    against = float(lost["weight"]) if lost else 0.0 if changed or bound.model is None else state.against
    after = kept._replace(
        now=now,
        state=verdict.state,
        cause=verdict.cause,
        since=since,
        confidence=confidence,
        quality=quality,
        against=against,
        people=people,
    )
    shown = round(confidence, 2)
    sensed = Sensed(state.place, verdict.state, verdict.cause, since, now, shown, quality, people, against)
    emits = (sensed, *named)
    if not changed:
        return Step(after, (), (), verdict.due, emits)
    data: dict[str, Any] = {
        "state": verdict.state,
        "prev": state.state,
        "cause": verdict.cause,
        "since": since,
        "confidence": shown,
        "evidence": [item(bound, state.devices, vote, now) for vote in verdict.votes[:MOST]],
        "challenger": verdict.challenger,
    }
    if quality != "good":
        data["quality"] = quality
    if late:
        data["late"] = True
    event = Event("occupancy.changed", state.place, now, data)
    return Step(after._replace(saved=now), (event,), (_fact(after),), verdict.due, emits)


__all__ = ["NAME", "VERSION", "Device", "Modality", "PlaceSettings", "Settings", "State", "rule"]
