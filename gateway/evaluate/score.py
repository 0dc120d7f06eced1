"""Scores with an interval that says how little a small pack proves.

Answers that follow each other are right or wrong together, so whole blocks of time are drawn, not single answers
(block bootstrap). The generator is seeded: the same answers give the same interval.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import NamedTuple

from gateway.clock import SECOND

DRAWS = 2000
SEED = 20_261_124
BLOCK_S = 3600.0


class Scored(NamedTuple):
    """One answer: what it is worth (1 right, 0 wrong; or an error in metres)."""

    at: int
    value: float


class Interval(NamedTuple):
    """A mean, and where it would be with 95 % of other blocks of the same kind."""

    mean: float
    low: float
    high: float
    blocks: int
    answers: int


def interval(answers: Iterable[Scored], block_s: float = BLOCK_S) -> Interval | None:
    """Mean of the values; None where there are none."""
    sums: dict[int, tuple[float, int]] = {}
    size = max(1, int(block_s * SECOND))
    for at, value in answers:
        total, count = sums.get(at // size, (0.0, 0))
        sums[at // size] = (total + value, count + 1)
    if not sums:
        return None
    blocks = [sums[key] for key in sorted(sums)]
    drawn = random.Random(SEED)
    means = sorted(_mean(drawn.choices(blocks, k=len(blocks))) for _ in range(DRAWS))
    low, high = means[int(0.025 * DRAWS)], means[int(0.975 * DRAWS) - 1]
    return Interval(_mean(blocks), low, high, len(blocks), sum(count for _, count in blocks))


def percent(found: Interval) -> str:
    """A share as words."""
    share = f"{100 * found.mean:.2f} %"
    return f"{share} (95 %: {100 * found.low:.1f} to {100 * found.high:.1f}; {found.answers} answers)"


def _mean(blocks: Iterable[tuple[float, int]]) -> float:
    total, count = 0.0, 0
    for value, number in blocks:
        total, count = total + value, count + number
    return total / count
