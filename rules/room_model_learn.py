"""Learns what a room's sensors mean there, from some days of readings and labels: a pure function, in plain Python.

The labels are people's (a few days on paper), or another sensor's: where a room has a radar, a motion sensor or badges,
what occupancy.py held there teaches what the air, the light and the sound say, so that they go on alone.

One set of parameters serves every room. What depends on the room is chosen by cross-validation over blocks of its own
labels: how far the covariance is shrunk, and how much the answer may claim to know.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import log

from rules.api import SECOND, Reading
from rules.fusion import MOST, MOST_ENVIRONMENT, START, STEP_S, has_moved, logistic, moved, not_moved
from rules.room_model import AGES, MOVES, Feature, Movement, RoomModel, Sensor
from rules.room_model_count import counted
from rules.room_model_features import FAMILY
from rules.room_model_linear import Moments, Row, discriminants, shrunk
from rules.room_model_table import NEVER_S, Column, Label, Table, quantile, tabulate

BLOCKS, FOLDS = 10, 5
RIDGES = (0.1, 0.03, 0.3, 1.0)
"""The first is taken unless another is clearly better."""
CLEARLY = 0.95
FLOOR = 1e-6
SHARPNESSES = (1.0, 0.7, 0.5, 0.35, 0.25, 0.15, 0.1)
ARRIVE_S, LEAVE_S, RATE_WORTH = 7200.0, 3600.0, 4.0
"""How long a room is empty and is used, as far as nobody knows better; worth so many changes."""
MOVES_A_MINUTE = (1.0, 0.5, 0.3, 0.2, 0.1, 0.03)
"""Of somebody who is there, by the time since the last one: what is assumed before a room has told otherwise."""
MOVES_WORTH_S, IDLE_WORTH_S = 600.0, 7200.0
GAP_S = 600.0
"""Labels further apart than this say nothing of what was between them."""
LEAST = 20
"""Labels of each kind, at least."""


def learn(readings: Iterable[Reading], labels: Sequence[Label]) -> RoomModel:
    """The model of one room; readings and labels in order of time.

    Raises ValueError where the labels cannot teach: only one state, or too few of one.
    """
    truth = [label.occupied for label in labels]
    if min(sum(truth), len(truth) - sum(truth)) < LEAST:
        raise ValueError(f"needs {LEAST} labels or more of a room that is occupied, and as many of an empty one")
    taken = sorted((one for one in readings if one.kind in FAMILY), key=lambda one: one.at)
    if not taken:
        raise ValueError("no sensor here says anything that a model can use")
    table = tabulate(taken, labels)
    movement = _movement(table, labels)
    arrive, leave = _rates(labels)
    model = RoomModel(tuple(table.sensors), (), (), (), movement, arrive, leave, 1.0, samples=len(labels))
    terms = _terms(table, truth)
    blocks = _blocks(terms, truth)
    best = (0.0, RIDGES[0], SHARPNESSES[-1], 0.0)
    for ridge in RIDGES:
        odds = _replayed(model, table, labels, _unseen(terms, blocks, truth, ridge))
        loss, sharpness = min((_loss(odds, truth, one), one) for one in SHARPNESSES)
        right = sum((one > 0) == is_there for one, is_there in zip(odds, truth, strict=True)) / len(truth)
        if not best[0] or loss < best[0] * CLEARLY:
            best = (loss, ridge, sharpness, right)
    _, ridge, sharpness, right = best
    (empty, used), scatter = shrunk([_sum_of(blocks, side) for side in (False, True)], ridge, FLOOR)
    model = replace(
        model,
        apart=tuple(b - a for a, b in zip(empty, used, strict=True)),
        middle=tuple((a + b) / 2 for a, b in zip(empty, used, strict=True)),
        scatter=tuple(tuple(row[: place + 1]) for place, row in enumerate(scatter)),
        sharpness=sharpness,
        accuracy=round(right, 4),
    )
    found, spans = counted(table, labels)
    sensors = tuple(replace(one, spans=spans.get((one.dev, one.kind), ())) for one in _described(model.sensors, terms))
    return replace(model, sensors=sensors, counted=found)


def _movement(table: Table, labels: Sequence[Label]) -> Movement | None:
    """Rates of movement by its age, each starting from what is assumed."""
    if not any(one.kind == "motion" for one in table.sensors):
        return None
    seconds = [MOVES_WORTH_S] * MOVES
    moves = [rate / 60 * MOVES_WORTH_S for rate in MOVES_A_MINUTE]
    idle_s, idle = IDLE_WORTH_S, 1.0
    for before, label, (age_s, any_moved) in zip(labels, labels[1:], table.ages[1:], strict=False):
        passed = (label.at - before.at) / SECOND
        if passed > GAP_S or before.occupied != label.occupied:
            continue
        if not label.occupied:
            idle_s, idle = idle_s + passed, idle + any_moved
        elif age_s < NEVER_S:
            place = sum(age_s >= bound for bound in AGES)
            seconds[place] += passed
            moves[place] += any_moved
    return Movement(tuple(n / s for n, s in zip(moves, seconds, strict=True)), idle / idle_s)


def _rates(labels: Sequence[Label]) -> tuple[float, float]:
    """(arrive, leave), 1/s."""
    arrivals, leavings, empty_s, used_s = RATE_WORTH, RATE_WORTH, RATE_WORTH * ARRIVE_S, RATE_WORTH * LEAVE_S
    for before, label in pairwise(labels):
        passed = (label.at - before.at) / SECOND
        if passed > GAP_S:
            continue
        if before.occupied:
            used_s, leavings = used_s + passed, leavings + (not label.occupied)
        else:
            empty_s, arrivals = empty_s + passed, arrivals + label.occupied
    return arrivals / empty_s, leavings / used_s


@dataclass(slots=True)
class _Term:
    """A column that a discriminant can use: clipped, and standardized with 0 for what is missing."""

    column: Column
    low: float
    high: float
    mean: float
    scale: float
    z: Row


def _terms(table: Table, truth: Sequence[bool]) -> list[_Term]:
    """Columns clipped to what each state showed: extremes of a rare state count as much as those of a common one."""
    made = []
    for column in table.columns:
        if column.kind == "motion":  # is a rate (Movement)
            continue
        sides = [
            sorted(v for v, t in zip(column.values, truth, strict=True) if v is not None and t == s) for s in (0, 1)
        ]
        if not all(len(side) >= LEAST for side in sides):
            continue
        empty, used = sides
        low = min(quantile(empty, 0.005), quantile(used, 0.005))
        high = max(quantile(empty, 0.98), quantile(used, 0.995))
        known = [min(max(v, low), high) for v in column.values if v is not None]
        mean = sum(known) / len(known)
        scale = (sum((v - mean) ** 2 for v in known) / len(known)) ** 0.5
        if scale < 1e-9 * max(1.0, abs(mean)):
            continue
        z = [0.0 if v is None else (min(max(v, low), high) - mean) / scale for v in column.values]
        made.append(_Term(column, low, high, mean, scale, z))
    return made


Blocks = list[tuple[int, int, dict[bool, Moments]]]
"""(first row, end, moments of the rows of each state)."""


def _blocks(terms: Sequence[_Term], truth: Sequence[bool]) -> Blocks:
    size = len(truth)
    made = []
    for n in range(BLOCKS):
        first, end = n * size // BLOCKS, (n + 1) * size // BLOCKS
        moments = {}
        for side in (False, True):
            rows = [row for row in range(first, end) if truth[row] == side]
            moments[side] = Moments([[term.z[row] for row in rows] for term in terms])
            moments[side].rows = len(rows)
        made.append((first, end, moments))
    return made


def _sum_of(blocks: Iterable[tuple[int, int, dict[bool, Moments]]], side: bool) -> Moments:
    """Moments of all rows of one state in some blocks."""
    found = [moments[side] for _, _, moments in blocks]
    total = found[0]
    for one in found[1:]:
        total += one
    return total


def _fit(sides: Sequence[Moments], ridge: float, size: int) -> tuple[Row, float]:
    """(weights, bias) of the log-odds, of classes that are equally likely."""
    if not size:
        return [], 0.0
    (empty, used), (empty_bias, used_bias) = discriminants(sides, ridge, FLOOR)
    return [b - a for a, b in zip(empty, used, strict=True)], used_bias - empty_bias


def _unseen(terms: Sequence[_Term], blocks: Blocks, truth: Sequence[bool], ridge: float) -> Row:
    """Log-odds of each label by a fit that has seen neither it nor its neighbours; 0 where none can be made."""
    scores = [0.0] * len(truth)
    for fold in range(FOLDS):
        others = [block for n, block in enumerate(blocks) if n % FOLDS != fold]
        sides = [_sum_of(others, side) for side in (False, True)]
        if min(side.rows for side in sides) < 2:
            continue
        weights, bias = _fit(sides, ridge, len(terms))
        for n, (first, end, _) in enumerate(blocks):
            if n % FOLDS == fold:
                for weight, term in zip(weights, terms, strict=True):
                    for row in range(first, end):
                        scores[row] += weight * term.z[row]
                for row in range(first, end):
                    scores[row] += bias if terms else 0.0
    return scores


def _replayed(model: RoomModel, table: Table, labels: Sequence[Label], scores: Row) -> Row:
    """Log-odds after the filter (fusion.py) at each label."""
    odds, found = START, []
    before = None
    for label, said, (age_s, any_moved) in zip(labels, scores, table.ages, strict=True):
        passed = STEP_S if before is None else (label.at - before) / SECOND
        if before is not None:
            odds = moved(odds, passed, model.arrive, model.leave)
        odds += min(1.0, passed / STEP_S) * max(-MOST_ENVIRONMENT, min(MOST_ENVIRONMENT, said))
        if model.movement is not None:
            odds += has_moved(model.movement, age_s) if any_moved else not_moved(model.movement, age_s, passed)
        odds = max(-MOST, min(MOST, odds))
        found.append(odds)
        before = label.at
    return found


def _loss(odds: Row, truth: Sequence[bool], sharpness: float) -> float:
    """Mean logarithmic loss of what the odds claim."""
    return -sum(
        log(max(1e-9, logistic(sharpness * (one if is_there else -one))))
        for one, is_there in zip(odds, truth, strict=True)
    ) / len(truth)


def _described(sensors: Sequence[Sensor], terms: Sequence[_Term]) -> tuple[Sensor, ...]:
    """The sensors with their features; the terms are in the order of the sensors."""
    found: dict[tuple[str, str], list[Feature]] = {}
    for term in terms:
        of = term.column
        feature = Feature(of.name, term.low, term.high, term.mean, term.scale)
        found.setdefault((of.dev, of.kind), []).append(feature)
    return tuple(replace(one, features=tuple(found.get((one.dev, one.kind), ()))) for one in sensors)


__all__ = ["Label", "learn"]
