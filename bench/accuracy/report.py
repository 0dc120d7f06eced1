"""Measures everything and writes it down."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bench.accuracy import bars, controls, locator, packs, speed
from bench.accuracy.days import day
from bench.accuracy.table import Row, draw, title
from firmware_sim.actions import SECOND
from firmware_sim.scenario import DAYS, ORDINARY, ZONE, Scenario
from firmware_sim.scores import Finding, Score

CONTROL_SEEDS = 2
STILL_HOURS = 24.0
EAGER_HOURS = 2.0
WALKS = 20
NEXT_DOOR_M = 2.5
MOST_MISIDENTIFIED = 0.1
FOLLOWED_S = 5.0
REPLAY_S = 60.0
WORST = 25


Job = tuple[int, int, str | None]
"""(kind of day, seed, control)."""


class Found(NamedTuple):
    """A finding, and how to see it again."""

    day: str
    seed: int
    finding: Finding


class Made(NamedTuple):
    """A measurement."""

    text: str
    """The table."""
    missed: int
    """Bars."""
    worst: str


def _scored(job: Job) -> Score:
    """Runs in a process of its own."""
    kind, seed, control = job
    return day(DAYS[kind], seed, control=control)[0]


def _still(spot: str) -> locator.Answers:
    where, zone = locator.SPOTS[spot]
    return locator.still(where, zone, 1, STILL_HOURS)


def _walked(job: tuple[int, float | None]) -> locator.Answers:
    return locator.walk(job[0], next_door_m=job[1])


def measure(*, seeds: int, jobs: int, packs: Path | None, with_speed: bool) -> Made:
    """Everything."""
    with ProcessPoolExecutor(jobs) as pool:
        wanted: list[Job] = [(kind, seed, None) for kind in range(len(DAYS)) for seed in range(1, seeds + 1)]
        scores = dict(zip(wanted, pool.map(_scored, wanted), strict=True))
        rows = [title(f"{seeds} seeds of each day"), *_days(scores)]
        rows += [
            title("deciders that are wrong on purpose"),
            *_controls(pool, scores, min(CONTROL_SEEDS, seeds)),
        ]
        rows += [title("where a tag is, without a survey"), *_locator(pool)]
    rows += [title("replay"), *_replay(with_speed)]
    rows += [title("recorded rooms"), *_packs(packs)]
    found = [Found(DAYS[kind].name, seed, one) for (kind, seed, _), score in scores.items() for one in score.findings]
    return Made(draw(rows), sum(row.met is False for row in rows), _worst(found))


def _days(scores: dict[Job, Score]) -> list[Row]:
    total, kinds = Score(), [Score() for _ in DAYS]
    for (kind, _, _), score in scores.items():
        total.add(score)
        kinds[kind].add(score)
    return [*bars.rows(total, kinds), *bars.by_sensor(total)]


def _controls(pool: ProcessPoolExecutor, scores: dict[Job, Score], seeds: int) -> list[Row]:
    """A control must miss a bar that the real rules meet on the same days."""
    ordinary = DAYS.index(ORDINARY)
    real = Score()
    for seed in range(1, seeds + 1):
        real.add(scores[ordinary, seed, None])
    made: list[Row] = []
    for name in controls.NAMES:
        total = Score()
        for score in pool.map(_scored, [(ordinary, seed, name) for seed in range(1, seeds + 1)]):
            total.add(score)
        failed = [bar for bar in bars.BARS if bar.met is not None and bar.met(real) and not bar.met(total)]
        words = "; ".join(f"{bar.short}: {bar.written(total)}" for bar in failed)
        made.append(Row(name.replace("_", " "), words or "misses nothing more", bar="misses a bar", met=bool(failed)))
    return made


def _locator(pool: ProcessPoolExecutor) -> list[Row]:
    made: list[Row] = []
    for spot, answers in zip(locator.SPOTS, pool.map(_still, locator.SPOTS), strict=True):
        share = bars.percent(answers.wrong + answers.unknown, answers.seconds)
        text = f"{answers.flaps / STILL_HOURS:.2f} an hour; wrong or unknown {share}"
        name = f"a still tag {spot}, 24 h amid a crowd of {locator.CROWD}: flaps"
        made.append(Row(name, text, bar="0 an hour", met=answers.flaps == 0))
    where, zone = locator.SPOTS["before its door"]
    eager = locator.still(where, zone, 1, EAGER_HOURS, eager=True)
    text = f"{eager.flaps / EAGER_HOURS:.0f} flaps an hour"
    made.append(Row("no hysteresis (control)", text, bar="fails", met=eager.flaps > 0))
    took = sorted(one for each in pool.map(locator.follow, range(1, WALKS + 1)) for one in each)
    middle, most = took[len(took) // 2], took[int(0.95 * len(took))]
    text = f"{middle:.1f} s; 95 % within {most:.1f} s"
    made.append(Row("a walk from zone to zone: followed after", text, bar="<= 5 s", met=middle <= FOLLOWED_S))
    for name, behind in (
        ("a walk along a wall: share misidentified", None),
        (f"the same, next door's receiver {NEXT_DOOR_M} m behind the wall", NEXT_DOOR_M),
    ):
        walks = list(pool.map(_walked, [(seed, behind) for seed in range(1, WALKS + 1)]))
        wrong, unknown, seconds = (sum(getattr(one, word) for one in walks) for word in ("wrong", "unknown", "seconds"))
        text = f"{bars.percent(wrong, seconds)} (unknown {bars.percent(unknown, seconds)})"
        made.append(Row(name, text, bar="< 10 %", met=wrong < MOST_MISIDENTIFIED * seconds))
    return made


def _replay(with_speed: bool) -> list[Row]:
    first, second = (day(ORDINARY, 1, digest=True)[1] for _ in range(2))
    made = [
        Row("a day twice", f"{'the same' if first == second else 'other'} bytes", bar="the same", met=first == second)
    ]
    if with_speed:
        took = speed.measure()
        text = f"{took.cpu_s:.0f} s of one core; {took.items} inputs, {took.events} events"
        name = f"a day of {speed.PEOPLE} people, {speed.FLOORS} gateways: pipelines and rules, no disk"
        made.append(Row(name, text, bar="< 60 s", met=took.cpu_s < REPLAY_S))
    return made


def _packs(folder: Path | None) -> Iterable[Row]:
    return packs.rows(folder)


def _worst(found: Sequence[Found]) -> str:
    """The heaviest of each kind, with where to look."""
    lines: list[str] = []
    kinds = sorted({one.finding.what for one in found})
    for what in kinds:
        mine = sorted(
            (one for one in found if one.finding.what == what),
            key=lambda one: (-one.finding.seconds, one.day, one.seed),
        )
        lines.append(f"\n### {what}: {len(mine)}\n")
        lines += [f"- {_line(one)}" for one in mine[: max(3, WORST // max(1, len(kinds)))]]
    return "\n".join(lines) if lines else "\nNone."


def _line(one: Found) -> str:
    finding = one.finding
    at = datetime.fromtimestamp(finding.at / SECOND, ZoneInfo(ZONE)).strftime("%H:%M:%S")
    lasted = f", {finding.seconds:.0f} s" if finding.seconds else ""
    place = finding.place.split("/", 2)[-1]
    return f"{one.day}, seed {one.seed}, {place} at {at}{lasted}: {finding.detail}"


def scenario_named(name: str) -> Scenario:
    """For `python -m bench.accuracy.why`."""
    return next(one for one in DAYS if one.name.split(",")[0].split()[0].lower() == name.lower())


def page(made: Made, seeds: int) -> str:
    """docs/accuracy.md."""
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    return PAGE.format(seeds=seeds, table=made.text, worst=made.worst, machine=machine)


PAGE = """# Accuracy

What the rules decide, held against the truth. Made by `make accuracy`; do not edit. All of it follows from seeds: the
same code gives the same table, apart from the time of the replay ({machine}).

The simulated office (`firmware_sim/tower.py`, `scenario.py`) has two floors with a gateway each, 24 desks and six
rooms. Desks have radars, motion sensors or desk sensors; rooms have radars, people counters or nothing but CO2. 24
people have badges and tags; guests have none. Each day has short meetings; a two-hour meeting on another floor, for
which badges are read at the room; reservations, of which three are no-shows and some are taken without a tap; two
people without a badge; guests who try cards that nobody knows; people who go home without a tap; a desk sensor whose
battery dies; and an hour in which a gateway is off with everything that hangs on it. One report in a hundred is lost,
two arrive twice. The bytes of the devices go through the real drivers and rules of both gateways; the judge
(`firmware_sim/scores.py`) shares no code with them.

A state that differs from the truth for longer than its sensor's tolerance is wrong for the whole stretch. A release
is false when somebody sits there, when the place was seen vacant for less than its grace, or when its holder's badge
was read elsewhere in the building less than two hours and the grace before, unless at the way out. A desk that is not
released when its grace has passed is wrong from then on. A control must miss a bar that the real rules meet on the
same days.

{table}

## What is wrong, the heaviest first

To look at one: `python -m bench.accuracy.why DAY SEED [DESK]`.
{worst}
"""
