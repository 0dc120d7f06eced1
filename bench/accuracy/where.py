"""Rows of where a tag is: by what is known of the office, and how many receivers hang there."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

from bench.accuracy import bars, locator
from bench.accuracy.locator import KNOWLEDGE, SPOTS
from bench.accuracy.table import Row, title

STILL_HOURS, EAGER_HOURS = 24.0, 2.0
WALKS = 20
NEXT_DOOR_M = 2.5
MOST_MISIDENTIFIED, FOLLOWED_S = 0.1, 5.0


class Case(NamedTuple):
    """An office."""

    title: str
    knows: str
    receivers: int
    """In each of its two zones."""


CASES = (
    Case("where a tag is, without positions: the strongest of two receivers", KNOWLEDGE[0], 1),
    Case("where a tag is, with positions of four receivers, no survey", KNOWLEDGE[1], 2),
    Case("where a tag is, with four receivers and a survey", KNOWLEDGE[2], 2),
)


class Walk(NamedTuple):
    """One of them."""

    case: Case
    seed: int
    next_door_m: float | None = None


def rows(pool: ProcessPoolExecutor) -> Iterator[Row]:
    """All cases."""
    for case in CASES:
        yield title(case.title)
        yield from _still(pool, case)
        yield from _walks(pool, case)
    spot, zone = SPOTS["before its door"]
    eager = locator.still(spot, zone, 1, EAGER_HOURS, eager=True)
    text = f"{eager.flaps / EAGER_HOURS:.0f} flaps an hour"
    yield Row("no hysteresis, without positions (control)", text, bar="fails", met=eager.flaps > 0)


def _still(pool: ProcessPoolExecutor, case: Case) -> Iterator[Row]:
    jobs = [(case, spot) for spot in SPOTS]
    for (_, spot), answers in zip(jobs, pool.map(_lies, jobs), strict=True):
        share = bars.percent(answers.wrong + answers.unknown, answers.seconds)
        text = f"{answers.flaps / STILL_HOURS:.2f} an hour; wrong or unknown {share}"
        name = f"a still tag {spot}, 24 h amid a crowd of {locator.CROWD}: flaps"
        yield Row(name, text, bar="0 an hour", met=answers.flaps == 0)


def _walks(pool: ProcessPoolExecutor, case: Case) -> Iterator[Row]:
    seeds = range(1, WALKS + 1)
    took = sorted(one for each in pool.map(_followed, [Walk(case, seed) for seed in seeds]) for one in each)
    middle, most = took[len(took) // 2], took[int(0.95 * len(took))]
    text = f"{middle:.1f} s; 95 % within {most:.1f} s"
    yield Row("a walk from zone to zone: followed after (median)", text, bar="<= 5 s", met=middle <= FOLLOWED_S)
    for name, behind in (
        ("a walk along a wall: share misidentified", None),
        (f"the same, next door's receiver {NEXT_DOOR_M} m behind the wall", NEXT_DOOR_M),
    ):
        walks = list(pool.map(_walked, [Walk(case, seed, behind) for seed in seeds]))
        wrong, unknown, seconds = (sum(getattr(one, word) for one in walks) for word in ("wrong", "unknown", "seconds"))
        text = f"{bars.percent(wrong, seconds)} (unknown {bars.percent(unknown, seconds)})"
        yield Row(name, text, bar="< 10 %", met=wrong < MOST_MISIDENTIFIED * seconds)


def _lies(job: tuple[Case, str]) -> locator.Answers:
    case, spot = job
    where, zone = SPOTS[spot]
    return locator.still(where, zone, 1, STILL_HOURS, case.knows, receivers=case.receivers)


def _followed(job: Walk) -> list[float]:
    return locator.follow(job.seed, job.case.knows, receivers=job.case.receivers)


def _walked(job: Walk) -> locator.Answers:
    return locator.walk(job.seed, job.case.knows, next_door_m=job.next_door_m, receivers=job.case.receivers)
