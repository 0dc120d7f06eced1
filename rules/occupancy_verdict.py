"""What a place is held to be, from what its devices say and what its room model believes.

Without a model:
1. somebody is seen by a level sensor, or has just tapped      -> occupied (radars of a room see different corners)
2. a moment is believed more than a level sensor that denies it -> occupied (motion sensors do not deny each other)
3. at least one witness is healthy, and sees nobody            -> vacant
4. else                                                        -> unknown, and why

What the air says (witness_air.py) is late, and has seen nobody: it is a moment where no other witness sees nobody, and
sees nobody itself only where no other witness does. Otherwise it stands beside, as evidence. So does the tag of who
holds a desk, where it is located in the desk's zone: near is not at the desk, and elsewhere is not away from it for all
that is known. It moves the confidence, or a model's log-odds, and decides nothing alone.

With a model the log-odds of its belief (fusion.py) and of the devices that it does not know are added up: above 0
occupied, below vacant, and what stands near 0 stays as it was. 1 holds as well. A device that is stuck has no vote.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import log
from typing import Any, NamedTuple

from rules import fusion
from rules.api import SECOND
from rules.evidence import MOST, Evidence, measured, personal
from rules.fusion import Belief
from rules.room_model import RoomModel
from rules.witness import Opinion, look, outweighed_at, stuck_at
from rules.witness_traits import TAG, TAP, Traits

STANDS = 0.1
"""Log-odds that a state must be outweighed by before a model changes it."""
DENIES = 1.0
"""Log-odds from which a model says that nobody is there, for a device that says otherwise for hours."""
HEARD_LEAST = 0.5
"""Share of what a model goes by that must be fresh."""
STARTS = 900 * SECOND
"""How long after the start its sensors have not spoken yet; later they are stale."""
LOOK_S = 75.0
"""When nothing is heard, a model looks again after so long: that nobody moves says something ..."""
LOOK_UNTIL_S = 1800.0
"""... until so long after the last movement."""


class Bound(NamedTuple):
    """What is bound to a place."""

    devices: Mapping[str, Traits]
    model: RoomModel | None = None
    known: Mapping[tuple[str, str], int] = {}
    """(device, kind) -> the model's sensor."""
    voters: tuple[str, ...] = ()
    """Devices that bear witness, and do not by way of the model ..."""
    modelled: tuple[str, ...] = ()
    """... and those that do by way of it: they are only asked whether they are stuck."""
    zone: str = ""
    """Of a desk: where its holder's tag says a little."""


class Vote(NamedTuple):
    """Of one device; `odds` where a model gives it."""

    weight: float
    since: int
    dev: str
    kind: str = ""
    value: Any = None
    at: int = 0


class Verdict(NamedTuple):
    """About a place, at a time."""

    state: str
    cause: str | None
    since: int
    confidence: float
    quality: str
    challenger: Mapping[str, Any] | None
    votes: list[Vote]
    due: int | None
    stuck: frozenset[str] = frozenset()
    odds: float = 0.0
    """Above 0: occupied, rather; a guess where the state is unknown."""
    people: int | None = None
    """How many, where they are counted."""
    denied: int = 0
    """Since when the room's model has held that nobody is there; 0: it does not."""


class Air(NamedTuple):
    """What CO2 sensors say."""

    breaths: list[Vote]
    empty: list[Vote]
    missing: list[str]
    """Causes."""


class Votes(NamedTuple):
    """What the devices say."""

    seeing: list[Vote]
    moments: list[Vote]
    empty: list[Vote]
    stuck: list[Vote]
    missing: list[str]
    """Causes."""
    dues: list[int]
    beside: list[Vote]
    """What the air says where others know better, and the tag of who holds the desk."""


def judge(
    bound: Bound,
    devices: Mapping[str, Opinion],
    belief: Belief,
    was: str,
    stuck: frozenset[str],
    started: int,
    now: int,
) -> Verdict:
    """The place's state at `now`, and when to look again if nothing is heard.

    `was`: the state until now; `stuck`: who was not believed until now.
    """
    votes = collect(bound, devices, stuck, started, now, denied=belief.denied)
    if bound.model is None:
        return _by_votes(bound, devices, votes, started, now)
    return _by_model(bound, bound.model, devices, belief, votes, was, now, started)


def collect(
    bound: Bound,
    devices: Mapping[str, Opinion],
    stuck: frozenset[str],
    started: int,
    now: int,
    *,
    doors: bool = True,
    denied: int = 0,
) -> Votes:
    """Ask every device, or all but the air and those that count at a door; who is stuck has no vote, until it has said
    something else.

    `denied`: since when the room's model has held that nobody is there; 0: it has not.
    """
    votes = Votes([], [], [], [], [], [], [])
    air = Air([], [], [])
    for dev in bound.voters:
        opinion = devices[dev]
        if not doors and (opinion.door is not None or opinion.air is not None):
            continue
        says, weight, since, cause, due = look(bound.devices[dev], opinion, started, now)
        if due is not None:
            votes.dues.append(due)
        vote = Vote(weight, since, dev)
        match says:
            case "breath":
                air.breaths.append(vote)
            case "empty" if opinion.air is not None:
                air.empty.append(vote)
            case "missing" if opinion.air is not None:
                air.missing.append(cause)
            case "missing":
                votes.missing.append(cause)
            case "seeing":
                votes.seeing.append(vote)
            case "moment":
                (votes.beside if bound.devices[dev].modality == TAG else votes.moments).append(vote)
            case "empty":
                votes.empty.append(vote)
            case _:
                pass
    against = [vote.since for vote in (*votes.empty, *air.empty)]
    empty_since = min([*against, denied] if denied else against, default=None)
    modelled = [
        Vote(said.weight, said.since, dev)
        for dev in bound.modelled
        if (said := look(bound.devices[dev], devices[dev], started, now)).says in ("seeing", "moment")
    ]
    for side in (votes.seeing, votes.moments, modelled, air.breaths):
        for vote in list(side):
            seen = bound.devices[vote.dev]
            if seen.proof:
                continue
            until = stuck_at(devices[vote.dev], empty_since)
            if now < until and vote.dev not in stuck:
                votes.dues.append(until)
                continue
            side.remove(vote)
            votes.stuck.append(vote._replace(weight=0.0))
            votes.missing.append("sensor_stale")
    _breathe(votes, air)
    return votes


def _breathe(votes: Votes, air: Air) -> None:
    """What the air says counts as far as nobody knows better."""
    denied = max((vote.weight for vote in votes.empty), default=0.0)
    known = bool(votes.empty or votes.seeing)
    for vote in air.breaths:
        (votes.moments if vote.weight > denied else votes.beside).append(vote)
    (votes.beside if known else votes.empty).extend(air.empty)
    if not known:
        votes.missing.extend(air.missing)


def _by_votes(bound: Bound, devices: Mapping[str, Opinion], votes: Votes, started: int, now: int) -> Verdict:
    seeing, moments, empty, _, missing, dues, beside = votes
    # that one motion sensor sees nothing move does not contradict another that did: they see different corners
    against = max((vote.weight for vote in empty if bound.devices[vote.dev].level), default=0.0)
    best = max(moments).weight if moments else 0.0
    dues.extend(
        max(now + 1, outweighed_at(bound.devices[vote.dev], devices[vote.dev], against))
        for vote in moments
        if vote.weight > against > 0 and devices[vote.dev].sign
    )
    due = min(dues, default=None)
    quality = "degraded" if missing else "good"
    ranked = [*sorted((*seeing, *moments, *empty, *beside), reverse=True), *votes.stuck]
    stuck = frozenset(vote.dev for vote in votes.stuck)
    people = _people(devices, seeing)
    if seeing or best > against:
        miss = 1.0
        for vote in (*seeing, *moments):
            miss *= 1 - vote.weight
        for vote in _said(devices, beside, True):
            miss *= min(1.0, 2 - 2 * vote.weight)
        confidence = (1 - miss) * (1 - against / 4)
        since = min(vote.since for vote in seeing or moments)
        lost = max((vote.weight for vote in (*empty, *_said(devices, beside, False))), default=None)
        challenger = _challenger("vacant", lost)
        odds = _odds(confidence)
        return Verdict("occupied", None, since, confidence, quality, challenger, ranked, due, stuck, odds, people)
    if empty:
        lost = max((vote.weight for vote in (*moments, *_said(devices, beside, True))), default=None)
        confidence = min(empty).weight * len(empty) / (len(empty) + len(missing)) * (1 - (lost or 0.0) / 4)
        since = max(vote.since for vote in empty)
        challenger = _challenger("occupied", lost)
        odds = -_odds(confidence)
        return Verdict("vacant", None, since, confidence, quality, challenger, ranked, due, stuck, odds, 0)
    return _unknown(bound, devices, votes, started, now)


def _said(devices: Mapping[str, Opinion], beside: list[Vote], there: bool) -> list[Vote]:
    """A tag is a sign, and never one of nobody; the air takes sides."""
    return [vote for vote in beside if devices[vote.dev].side is there or (there and devices[vote.dev].air is None)]


def _challenger(state: str, weight: float | None) -> Mapping[str, Any] | None:
    return None if weight is None else {"state": state, "weight": round(weight, 2)}


def _by_model(
    bound: Bound,
    model: RoomModel,
    devices: Mapping[str, Opinion],
    belief: Belief,
    votes: Votes,
    was: str,
    now: int,
    started: int,
) -> Verdict:
    found = fusion.estimate(model, belief, now)
    dues = [*votes.dues, *([] if found.stale is None else [found.stale])]
    if belief.moved and now - belief.moved < LOOK_UNTIL_S * SECOND:
        dues.append(max(now + 1, belief.latest + int(LOOK_S * SECOND)))
    due = min(dues, default=None)
    if found.heard < HEARD_LEAST and not (votes.seeing or votes.moments or votes.empty):
        starts = now < started + STARTS
        votes.missing.append("starting" if starts else "sensor_stale")
        if starts:
            due = min(started + STARTS, due or started + STARTS)
        return _unknown(bound, devices, votes, started, now)._replace(odds=found.odds, due=due)
    added = sum(_odds(vote.weight) for vote in (*votes.seeing, *votes.moments))
    added += sum(_odds(vote.weight) for vote in votes.beside if bound.devices[vote.dev].modality == TAG)
    added -= sum(_odds(vote.weight) for vote in votes.empty)
    odds = found.odds + added
    there = bool(votes.seeing) or odds > (-STANDS if was == "occupied" else STANDS if was == "vacant" else 0.0)
    if votes.seeing:
        odds = max(odds, _odds(max(votes.seeing).weight))
    confidence = fusion.logistic(abs(model.sharpness * found.odds + odds - found.odds))
    state = "occupied" if there else "vacant"
    counted = _people(devices, votes.seeing) or fusion.people(model, belief, now) if there else 0
    verdict = Verdict(
        state,
        None,
        now,
        confidence,
        "degraded" if votes.missing or found.heard < 1 else "good",
        None,
        [],
        due,
        frozenset(vote.dev for vote in votes.stuck),
        odds,
        counted,
        (belief.denied or now) if found.odds < -DENIES else 0,
    )
    if state == was:  # no event: nobody asks why
        return verdict
    mine, theirs = _ranked(bound, model, belief, votes, there, now)
    if theirs:
        loser = "vacant" if there else "occupied"
        verdict = verdict._replace(challenger={"state": loser, "weight": round(theirs[0].weight, 2)})
    return verdict._replace(votes=[*mine, *theirs, *votes.stuck])


def _ranked(
    bound: Bound, model: RoomModel, belief: Belief, votes: Votes, there: bool, now: int
) -> tuple[list[Vote], list[Vote]]:
    """Votes for what was decided, and against it, the weightiest first."""
    sides: dict[bool, list[Vote]] = {
        True: [*votes.seeing, *votes.moments],
        False: [*votes.empty],
    }
    for odds, place in fusion.reasons(model, belief, now):
        sensor, seen = model.sensors[place], belief.senses[place]
        weight = 2 * fusion.logistic(abs(odds)) - 1
        if sensor.dev in bound.devices and weight >= 0.005:
            sides[odds > 0].append(Vote(weight, seen.at, sensor.dev, sensor.kind, seen.value, seen.at))
    for side in sides.values():
        side.sort(key=lambda vote: (-vote.weight, vote.dev, vote.kind))
    return sides[there], sides[not there]


def _unknown(bound: Bound, devices: Mapping[str, Opinion], votes: Votes, started: int, now: int) -> Verdict:
    missing = votes.missing
    cause = next((cause for cause in missing if cause != "starting"), "starting") if missing else "unconfigured"
    if not missing and now < started + STARTS and any(seen.air for seen in bound.devices.values()):
        cause = "starting"  # whether they measure CO2 is known when they have spoken
        votes.dues.append(started + STARTS)
    last = [Vote(0.0, 0, dev) for dev, opinion in devices.items() if opinion.told]
    quality = "stale" if cause == "sensor_stale" else "good"
    stuck = frozenset(vote.dev for vote in votes.stuck)
    return Verdict("unknown", cause, now, 0.0, quality, None, last, min(votes.dues, default=None), stuck)


def _people(devices: Mapping[str, Opinion], seeing: list[Vote]) -> int | None:
    """The most that one of those who count sees: they may see the same people."""
    return max((people for vote in seeing if (people := devices[vote.dev].people)), default=None)


def _odds(weight: float) -> float:
    """Log-odds of a weight, 0..1; what is believed less than half says nothing."""
    kept = min(0.999, max(0.5, weight))
    return log(kept / (1 - kept))


def item(bound: Bound, devices: Mapping[str, Opinion], vote: Vote, now: int) -> Evidence:
    """A vote as the contract writes it."""
    seen, opinion = bound.devices[vote.dev], devices[vote.dev]
    if vote.kind:
        return measured(vote.dev, seen.modality, vote.kind, vote.value, now - vote.at, vote.weight)
    if seen.modality == TAP:
        return personal(TAP, vote.dev)
    if seen.modality == TAG:
        return personal(TAG, opinion.kind)
    value = opinion.value if opinion.air is None else opinion.air.ppm
    return measured(vote.dev, seen.modality, opinion.kind, value, now - opinion.told, vote.weight)


__all__ = ["MOST", "Bound", "Verdict", "Vote", "collect", "item", "judge"]
