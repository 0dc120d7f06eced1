"""Scores and their intervals."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import SECOND
from gateway.evaluate.score import Scored, interval, percent

HOUR = 3600 * SECOND


def test_nothing_is_no_score() -> None:
    assert interval([]) is None


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_the_interval_holds_the_mean_and_is_the_same_again(values: list[float]) -> None:
    answers = [Scored(n * HOUR // 2, value) for n, value in enumerate(values)]
    found = interval(answers)
    assert found == interval(answers)
    assert found is not None
    assert found.mean == pytest.approx(sum(values) / len(values))
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9


def test_answers_that_hang_together_prove_less() -> None:
    """The same share of errors: scattered, or in whole hours."""
    rng = random.Random(1)
    scattered = [Scored(n * 60 * SECOND, float(rng.random() < 0.9)) for n in range(6000)]
    lumps = [Scored(n * 60 * SECOND, float((n // 60) % 10 != 0)) for n in range(6000)]
    one, two = interval(scattered), interval(lumps)
    assert one is not None
    assert two is not None
    assert two.high - two.low > 3 * (one.high - one.low)
    assert one.low < 0.9 < one.high
    assert percent(two).startswith("90.00 % (95 %: ")
