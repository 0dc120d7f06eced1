"""Measures everything and writes it down."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bench.accuracy import bars, controls, learnt, speed, where
from bench.accuracy import packs as recorded
from bench.accuracy.days import building, day
from bench.accuracy.table import Row, draw, title
from firmware_sim.actions import SECOND
from firmware_sim.scenario import DAYS, ORDINARY, ZONE, Scenario
from firmware_sim.scores import Finding, Score

CONTROL_SEEDS = 2
REPLAY_S = 60.0
WORST = 25


class Job(NamedTuple):
    """A day to be scored."""

    kind: int
    seed: int
    control: str | None = None
    models: str | None = None
    """Folder of what rooms' sensors mean."""


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
    models = None if job.models is None else _models(job)
    return day(DAYS[job.kind], job.seed, control=job.control, models=models)[0]


def _learned(job: Job) -> None:
    """The models of one building, learned once for all its days."""
    folder = _models(job)
    folder.mkdir()
    learnt.learn(building(job.seed), folder)


def _models(job: Job) -> Path:
    return Path(job.models or "") / str(job.seed)


def measure(*, seeds: int, jobs: int, packs: Path | None, with_speed: bool) -> Made:
    """Everything."""
    with ProcessPoolExecutor(jobs) as pool, TemporaryDirectory(prefix="hadir-accuracy-") as models:
        list(pool.map(_learned, [Job(0, seed, None, models) for seed in range(1, seeds + 1)]))
        wanted = [Job(kind, seed, None, models) for kind in range(len(DAYS)) for seed in range(1, seeds + 1)]
        scores = dict(zip(wanted, pool.map(_scored, wanted), strict=True))
        rows = [title(f"{seeds} seeds of each day"), *_days(scores), *_unlearned(pool, min(CONTROL_SEEDS, seeds))]
        rows += [
            title("deciders that are wrong on purpose"),
            *_controls(pool, scores, models, min(CONTROL_SEEDS, seeds)),
        ]
        rows += where.rows(pool)
    rows += [title("replay"), *_replay(with_speed=with_speed)]
    rows += [title("recorded rooms"), *recorded.rows(packs)]
    found = [Found(DAYS[job.kind].name, job.seed, one) for job, score in scores.items() for one in score.findings]
    return Made(draw(rows), sum(row.met is False for row in rows), _worst(found))


def _days(scores: dict[Job, Score]) -> list[Row]:
    total, kinds = Score(), [Score() for _ in DAYS]
    for job, score in scores.items():
        total.add(score)
        kinds[job.kind].add(score)
    return [*bars.rows(total, kinds), *bars.by_sensor(total)]


def _unlearned(pool: ProcessPoolExecutor, seeds: int) -> list[Row]:
    """Rooms with CO2 only, before anybody has written down when they were used."""
    total = Score()
    for score in pool.map(_scored, [Job(kind, seed) for kind in range(len(DAYS)) for seed in range(1, seeds + 1)]):
        total.add(score)
    return [
        row._replace(measure=row.measure.replace(":", f", nothing learned ({seeds} seeds):"))
        for row in bars.by_sensor(total, only="environment")
    ]


def _controls(pool: ProcessPoolExecutor, scores: dict[Job, Score], models: str, seeds: int) -> list[Row]:
    """A control must miss a bar that the real rules meet on the same days."""
    ordinary = DAYS.index(ORDINARY)
    real = Score()
    for seed in range(1, seeds + 1):
        real.add(scores[Job(ordinary, seed, None, models)])
    made: list[Row] = []
    for name in controls.NAMES:
        total = Score()
        for score in pool.map(_scored, [Job(ordinary, seed, name) for seed in range(1, seeds + 1)]):
            total.add(score)
        failed = [bar for bar in bars.BARS if bar.met is not None and bar.met(real) and not bar.met(total)]
        words = "; ".join(f"{bar.short}: {bar.written(total)}" for bar in failed)
        made.append(Row(name.replace("_", " "), words or "misses nothing more", bar="misses a bar", met=bool(failed)))
    return made


def _replay(*, with_speed: bool) -> list[Row]:
    first, second = (day(ORDINARY, 1, digest=True)[1] for _ in range(2))
    made = [
        Row("a day twice", f"{'the same' if first == second else 'other'} bytes", bar="the same", met=first == second)
    ]
    for positions in (False, True) if with_speed else ():
        took = speed.measure(positions=positions)
        text = f"{took.cpu_s:.0f} s of one core; {took.items} inputs, {took.events} events"
        how = "radio maps" if positions else "strongest receiver"
        name = f"a day of {speed.PEOPLE} people, {speed.FLOORS} gateways, {how}: pipelines and rules, no disk"
        made.append(Row(name, text, bar="< 60 s", met=took.cpu_s < REPLAY_S))
    return made


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
two arrive twice. The bytes of the devices go through the real drivers and rules of both gateways, which talk to each
other in the wire's form; calendar and Ramadan profile are those of docs/calendar.md; tags are located by the positions
of four receivers a floor, without a survey; what CO2 means was learned with `hadir learn` on six days of other seeds.
The judge (`firmware_sim/scores.py`, `desk_ends.py`) shares no code with the rules.

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
