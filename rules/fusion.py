"""What a room with a learned model believes at any time: log-odds that decay by the room's rates and move by evidence.

    reading ──▶ what the sensor says now (features) ──▶ log-odds ─┐
    movement ──▶ a step up; its absence, a slow way down ──────────┼─▶ belief, filtered in time ─▶ occupied? how many?
    time     ──▶ people come and go at the room's rates ───────────┘

A belief is committed at steps in time; what was read since then weighs on a provisional one. So the order of readings
of the same moment does not matter, and how often a sensor reports does not make it more right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp, log
from operator import mul
from typing import NamedTuple

from rules.api import SECOND, Reading
from rules.room_model import AGES, Counted, Movement, RoomModel, Sensor
from rules.room_model_features import FAMILY, NAMES, Sense, features, sense
from rules.room_model_linear import solve

STEP_S = 30.0
"""Evidence that stands for so long counts once."""
COMMIT = 10 * SECOND
MOST_ENVIRONMENT = 6.0
"""Log-odds that all sensors but motion may give at once."""
MOST = 7.0
MOST_MOVEMENT = 3.0
REFRACTORY = 10 * SECOND
"""Two movements nearer than this are one."""
LONGEST_S = 120.0
"""That nobody moved counts for at most so long at once: in a longer gap nobody listened."""
START = log(0.2 / 0.8)
COUNT_SHARE = 0.2
COUNT_STAYS_S = 1200.0
COUNT_LEAST = 1e-3
FADES_S = 300.0
"""How fast a movement counts less for how many there are."""


class Tuned(NamedTuple):
    """Weights for the sensors that speak: what one would have said is taken from what the others know of it."""

    speaking: frozenset[int] = frozenset()
    weights: Mapping[int, tuple[float, ...]] = {}
    biases: Mapping[int, float] = {}
    """Of each, so that its log-odds are 0 half-way between what it says of somebody and of nobody."""


class Belief(NamedTuple):
    """Of one room."""

    odds: float = START
    """As committed ..."""
    at: int = 0
    """... at this time; 0: nothing was heard yet."""
    latest: int = 0
    """Of the last reading or tick."""
    moved: int = 0
    """Last movement; 0: none yet."""
    step: float = 0.0
    """Log-odds of movements since the last commit."""
    senses: Mapping[int, Sense] = {}
    """By index of the model's sensor."""
    marks: Mapping[int, tuple[float, ...]] = {}
    """Features of each sensor as of its last reading, made comparable."""
    tuned: Tuned = Tuned()
    """For the sensors that speak."""
    scores: Mapping[int, float] = {}
    """Log-odds of each of them."""
    fresh: tuple[int, ...] = ()
    """Sensors that are not stale ..."""
    until: int = 0
    """... before this time, at least."""
    numbers: tuple[float, ...] = ()
    """Probability of each number of people, as committed, if somebody is there."""
    denied: int = 0
    """Since when it has been that nobody is there, whatever devices say that the model does not know; 0: it is not."""


class Estimate(NamedTuple):
    """What a belief says at a time."""

    odds: float
    heard: float
    """Share of the model's sensors that are not stale."""
    stale: int | None
    """When the next sensor becomes stale, ns; or before, to look again."""


def index(model: RoomModel) -> dict[tuple[str, str], int]:
    """(device, kind) -> index of the model's sensor."""
    return {(one.dev, one.kind): place for place, one in enumerate(model.sensors)}


def marked(sensor: Sensor, family: str, seen: Sense) -> tuple[float, ...]:
    """The features of one sensor, clipped to what was learned and made comparable."""
    if not sensor.features:
        return ()
    values = dict(zip(NAMES[family], features(family, sensor.logarithm, seen), strict=True))
    return tuple((min(max(values[one.name], one.low), one.high) - one.mean) / one.scale for one in sensor.features)


def tune(model: RoomModel, speaking: frozenset[int]) -> Tuned:
    """The discriminant of those features that are there (a Gaussian's, the others being integrated out)."""
    firsts, first = [], 0
    for sensor in model.sensors:
        firsts.append(first)
        first += len(sensor.features)
    order = sorted(speaking)
    rows = [firsts[place] + n for place in order for n in range(len(model.sensors[place].features))]
    scatter = [[model.scatter[max(i, j)][min(i, j)] for j in rows] for i in rows]
    (weights,) = solve(scatter, [[model.apart[i] for i in rows]])
    middle = [model.middle[i] for i in rows]
    found: dict[int, tuple[float, ...]] = {}
    biases: dict[int, float] = {}
    used = 0
    for place in order:
        size = len(model.sensors[place].features)
        found[place] = tuple(weights[used : used + size])
        biases[place] = -sum(map(mul, found[place], middle[used : used + size]))
        used += size
    return Tuned(speaking, found, biases)


def hear(model: RoomModel, place: int, belief: Belief, item: Reading) -> Belief:
    """Take a reading of the model's sensor `place`; older than that sensor's last, it is passed over."""
    sensor = model.sensors[place]
    family = FAMILY[sensor.kind]
    old = belief.senses.get(place)
    if old is not None and item.at < old.at:
        return belief
    belief = tick(model, belief, item.at)
    new = sense(family, sensor.logarithm, old, float(item.value), item.at)
    belief = belief._replace(
        latest=max(belief.latest, item.at),
        senses={**belief.senses, place: new},
        marks={**belief.marks, place: marked(sensor, family, new)},
    )
    belief = _retuned(model, belief)
    if place in belief.tuned.weights:
        belief = belief._replace(scores={**belief.scores, place: _score(belief.tuned, belief, place)})
    if family == "motion" and item.value and model.movement is not None:
        return _move(model.movement, belief, item.at)
    return belief


def tick(model: RoomModel, belief: Belief, now: int) -> Belief:
    """Let time reach `now`: what was read before is committed when it has stood for a step."""
    if not belief.latest or now <= belief.latest:
        return belief
    until = belief.latest
    if belief.at and until - belief.at < COMMIT:
        return belief
    odds, numbers = _odds(model, belief, until), _numbers(model, belief, until)
    return belief._replace(odds=odds, at=until, step=0.0, numbers=numbers)


def wait(model: RoomModel, belief: Belief, now: int) -> Belief:
    """Nothing was heard until `now`, and that says something: nobody moved."""
    return _retuned(model, tick(model, belief, now)._replace(latest=max(belief.latest, now)))


def _retuned(model: RoomModel, belief: Belief) -> Belief:
    """Who speaks now, and their weights where they are others than before."""
    now = belief.latest
    if now < belief.until and len(belief.fresh) == len(belief.senses):
        return belief
    fresh = tuple(_fresh(model, belief._replace(until=0), now))
    until = min(belief.senses[place].at + stale_ns(model.sensors[place]) for place in fresh) if fresh else 0
    belief = belief._replace(fresh=fresh, until=until)
    speaking = frozenset(place for place in fresh if model.sensors[place].features)
    if speaking == belief.tuned.speaking:
        return belief
    tuned = tune(model, speaking)
    return belief._replace(tuned=tuned, scores={place: _score(tuned, belief, place) for place in tuned.weights})


def _score(tuned: Tuned, belief: Belief, place: int) -> float:
    """Log-odds of one sensor."""
    return tuned.biases[place] + sum(
        w * mark for w, mark in zip(tuned.weights[place], belief.marks[place], strict=True)
    )


def estimate(model: RoomModel, belief: Belief, now: int) -> Estimate:
    """What is believed at `now`, which is not before the last reading."""
    fresh = _fresh(model, belief, now)
    if now < belief.until:
        stale: int | None = belief.until
    else:
        stale = min((belief.senses[place].at + stale_ns(model.sensors[place]) for place in fresh), default=None)
    return Estimate(odds=_odds(model, belief, now), heard=len(fresh) / len(model.sensors), stale=stale)


def people(model: RoomModel, belief: Belief, now: int) -> int | None:
    """How many there are at `now`, if somebody is; None: the model does not count."""
    if model.counted is None:
        return None
    numbers = _numbers(model, belief, now)
    return model.counted.people[max(range(len(numbers)), key=numbers.__getitem__)]


def reasons(model: RoomModel, belief: Belief, now: int) -> list[tuple[float, int]]:
    """(log-odds, index of the sensor) of what has weight at `now`, the weightiest first."""
    moving = _moving(model, belief, now)
    scores = (
        (moving if model.sensors[place].kind == "motion" else belief.scores.get(place, 0.0), place)
        for place in _fresh(model, belief, now)
    )
    return sorted(scores, key=lambda one: (-abs(one[0]), one[1]))


def stale_ns(sensor: Sensor) -> int:
    """After how long without a word a sensor says nothing."""
    return int(sensor.stale_s * SECOND)


def logistic(odds: float) -> float:
    """Probability of log-odds."""
    return 1 / (1 + exp(-odds)) if odds > -700 else 0.0


def moved(odds: float, seconds: float, arrive: float, leave: float) -> float:
    """Log-odds after `seconds` in which nothing was seen: people come and go at their rates."""
    rate = arrive + leave
    resting = arrive / rate
    share = resting + (logistic(odds) - resting) * exp(-rate * seconds)
    return log(share / (1 - share))


def not_moved(movement: Movement, age_s: float, seconds: float) -> float:
    """Log-odds of no movement for `seconds`, the last one having been `age_s` before."""
    place = sum(age_s >= bound for bound in AGES)
    return max(-MOST_MOVEMENT, -max(0.0, movement.rates[place] - movement.idle) * min(seconds, LONGEST_S))


def has_moved(movement: Movement, age_s: float) -> float:
    """Log-odds of a movement, the last one having been `age_s` before."""
    place = sum(age_s >= bound for bound in AGES)
    return max(0.0, min(MOST_MOVEMENT, log(max(movement.rates[place], movement.rates[3]) / movement.idle)))


def _move(movement: Movement, belief: Belief, at: int) -> Belief:
    """Somebody moved: a step, at once."""
    if belief.moved and at < belief.moved + REFRACTORY:
        return belief
    age_s = (at - belief.moved) / SECOND if belief.moved else 1e9
    return belief._replace(step=belief.step + has_moved(movement, age_s), moved=at)


def _moving(model: RoomModel, belief: Belief, now: int) -> float:
    """What the last movement, and that none has followed it, say at `now`: for the evidence."""
    movement = model.movement
    if movement is None or not belief.moved:
        return 0.0 if movement is None else -MOST_MOVEMENT
    age_s, said, before = (now - belief.moved) / SECOND, MOST_MOVEMENT, 0.0
    for bound, rate in zip((*AGES, age_s), movement.rates, strict=True):
        said -= max(0.0, rate - movement.idle) * max(0.0, min(bound, age_s) - before)
        before = bound
    return max(-MOST_MOVEMENT, said)


def _odds(model: RoomModel, belief: Belief, now: int) -> float:
    """Provisional log-odds at `now`."""
    if not belief.latest:
        return START
    since = belief.at or belief.latest
    passed = (now - since) / SECOND
    odds = moved(belief.odds, passed, model.arrive, model.leave)
    share = min(1.0, (belief.latest - belief.at) / (STEP_S * SECOND)) if belief.at else 1.0
    fresh = _fresh(model, belief, now)
    speaking = [place for place in fresh if place in belief.tuned.weights]
    if speaking:
        said = sum(belief.scores[place] for place in speaking)
        odds += share * max(-MOST_ENVIRONMENT, min(MOST_ENVIRONMENT, said))
    if belief.step:
        odds += belief.step
    elif model.movement is not None and any(model.sensors[place].kind == "motion" for place in fresh):
        age_s = (since - belief.moved) / SECOND if belief.moved else 1e9
        odds += not_moved(model.movement, age_s, passed if belief.at else STEP_S)
    return max(-MOST, min(MOST, odds))


def _fresh(model: RoomModel, belief: Belief, now: int) -> Sequence[int]:
    """Sensors that are not stale at `now`."""
    if now < belief.until:
        return belief.fresh
    sensors = model.sensors
    return [place for place, seen in belief.senses.items() if now < seen.at + stale_ns(sensors[place])]


def _numbers(model: RoomModel, belief: Belief, now: int) -> tuple[float, ...]:
    """Provisional probabilities of each number of people, if somebody is there."""
    counted = model.counted
    if counted is None:
        return ()
    even = 1 / len(counted.people)
    old = belief.numbers or (even,) * len(counted.people)
    stays = exp(-(now - (belief.at or now)) / SECOND / COUNT_STAYS_S)
    shares = inputs(model, counted, belief.senses, now)
    scores = [sum(map(mul, row, shares)) + bias for row, bias in zip(counted.weights, counted.biases, strict=True)]
    step = min(1.0, (belief.latest - belief.at) / (STEP_S * SECOND)) if belief.at else 1.0
    best = max(scores)
    likely = [
        (even + (share - even) * stays) * exp(max(-MOST_ENVIRONMENT, COUNT_SHARE * step * (one - best)))
        for share, one in zip(old, scores, strict=True)
    ]
    total = sum(likely)
    floored = [max(COUNT_LEAST, one / total) for one in likely]
    return tuple(one / sum(floored) for one in floored)


def inputs(model: RoomModel, counted: Counted, senses: Mapping[int, Sense], now: int) -> list[float]:
    """The count's inputs: shares of a feature's range, over all fresh sensors of a kind; 0 where there is none."""
    shares: dict[tuple[str, str], list[float]] = {}
    for place, seen in senses.items():
        sensor = model.sensors[place]
        if not sensor.spans or now >= seen.at + stale_ns(sensor):
            continue
        family = FAMILY[sensor.kind]
        values = dict(zip(NAMES[family], features(family, sensor.logarithm, seen), strict=True))
        fades = exp(-(now - seen.at) / SECOND / FADES_S) if family == "motion" else 1.0
        for name, low, high in sensor.spans:
            share = (values[name] * fades - low) / (high - low)
            shares.setdefault((sensor.kind, name), []).append(min(1.0, max(0.0, share)))
    return [
        (max(found) if how == "max" else sum(found) / len(found)) if (found := shares.get((kind, name))) else 0.0
        for kind, name, how in counted.inputs
    ]


__all__ = [
    "Belief",
    "Estimate",
    "estimate",
    "has_moved",
    "hear",
    "index",
    "logistic",
    "moved",
    "not_moved",
    "people",
    "reasons",
    "tick",
    "wait",
]
