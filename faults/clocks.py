"""Clocks that are wrong, are set, and stand still: the same day, as a box with a right clock tells it.

Each cycle runs a day twice: on a machine whose clock is right, and on one to which something is done at a moment of
chance. Both must tell the same, at the same times within a second: what differs is a false transition, a timer that
came early, late or not at all, or a wrong date. Only where the machine slept, or lost its time for good, it is another.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import time
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

from faults.api import Fault, Outcome, Scene
from faults.clock_office import DESK, ROOM, T0, Archive, Box, Day, Told, enrol, told
from faults.clock_ways import HOUR, SECONDS, WAYS, Run, Wrong, drifts, was_wrong
from gateway.clock import SECOND, Quality
from gateway.covers import TYPES as COVERAGE
from gateway.kernel_clock import ManualMachine
from gateway.stores.points import stamp
from gateway.timekeeping import OfficeClock

NEAR = SECOND
"""Corrected within a second of the truth."""


def clocks(scene: Scene) -> Outcome:
    """Every way in turn, then a suspend and a power cut."""
    outcome, chance = Outcome(), scene.chance
    begun = time.monotonic()
    undo = says_ntp() if scene.broken else lambda: None
    try:
        ways: list[Callable[[Path, random.Random, Outcome], Coroutine[Any, Any, None]]] = [
            *(partial(_as_ever, wrong=wrong) for wrong in WAYS),
            _sleeps,
            _loses_its_power,
        ]
        for cycle in range(scene.cycles):
            folder = scene.folder / f"{cycle:04d}"
            asyncio.run(ways[cycle % len(ways)](folder, random.Random(chance.random()), outcome))
            shutil.rmtree(folder)
    finally:
        undo()
    outcome.notes["took_s"] = round(time.monotonic() - begun, 1)
    return outcome


def says_ntp() -> Callable[[], None]:
    """The defect: every event says that the clock was synchronized, whatever is true."""
    true = OfficeClock.quality
    OfficeClock.quality = lambda _self: Quality()  # type: ignore[method-assign, assignment]

    def undo() -> None:
        OfficeClock.quality = true  # type: ignore[method-assign]

    return undo


async def _as_ever(folder: Path, chance: random.Random, outcome: Outcome, *, wrong: Wrong) -> None:
    """The day with a right clock, and the day with this one."""
    seed, length = chance.random(), SECONDS
    day = Day.of(random.Random(seed), length)
    right = await _control(folder / "right", day, random.Random(seed), wrong)
    run, archive = _made(folder / "wrong", day, random.Random(seed), wrong)
    await wrong.do(run)
    outcome.applies(wrong.what)
    found = told(archive.ledger)
    if not wrong.counts:
        right, found = ([one for one in some if one.what[1] != "occupancy.counted"] for some in (right, found))
    believed = wrong.do.func is was_wrong if isinstance(wrong.do, partial) else False
    _compare(outcome, wrong.what, right, found, archive, dated=not believed)
    await _points(outcome, wrong.what, run, archive, dated=not believed)
    archive.ledger.close()


def _made(folder: Path, day: Day, chance: random.Random, wrong: Wrong) -> tuple[Run, Archive]:
    enrol(folder)
    if wrong.before:
        kept = {"latest": T0 - HOUR * SECOND, "life": "life-0", "offset": 5}
        (folder / "var" / "gw-01").mkdir(parents=True)
        (folder / "var" / "gw-01" / "clock").write_text(json.dumps(kept))
    archive = Archive(folder)
    machine = ManualMachine(T0, kept=wrong.kept)
    return Run(Box(folder, machine, archive, "auto"), day, chance), archive


async def _control(folder: Path, day: Day, chance: random.Random, wrong: Wrong) -> list[Told]:
    """The same with a clock that is right all the time."""
    run, archive = _made(folder, day, chance, wrong)
    await wrong.do(run._replace(right=True))
    found = told(archive.ledger)
    archive.ledger.close()
    return found


def _compare(
    outcome: Outcome, what: str, right: list[Told], found: list[Told], archive: Archive, *, dated: bool
) -> None:
    """Event by event: none more, none less, none at another time."""
    pairs, missing, extra = _paired(right, found)
    outcome.offered += len(pairs) + len(missing)
    outcome.accepted += len(pairs) + len(missing)
    outcome.stored += len(pairs)
    outcome.lost += len(missing)
    outcome.wrong += len(archive.wrong)
    outcome.notes["sent at once"] = outcome.notes.get("sent at once", 0) + archive.live
    outcome.misses += [f"{what}: {text}" for text in archive.wrong[:3]]
    missed = [f"{what}: false transition: {one.what}" for one in extra]
    missed += [f"{what}: it is missing: {one.what}" for one in missing]
    for one, other in pairs:
        if other.at is None:
            missed.append(f"{what}: {other.what} is never placed")
        elif dated and (one.at is None or abs(other.at - one.at) > NEAR):
            missed.append(f"{what}: {other.what} is {(other.at - (one.at or 0)) / SECOND:+.3f} s wrong")
        for word, true, said in zip(("from", "to"), one.span, other.span, strict=True):
            if dated and (true is None) is not (said is None):
                missed.append(f"{what}: {other.what} says {word} {said}, not {true}")
            elif dated and true is not None and said is not None and abs(said - true) > NEAR:
                missed.append(f"{what}: {other.what}: {word!r} is {(said - true) / SECOND:+.3f} s wrong")
        if dated and abs(one.dwell_s - other.dwell_s) > 1.5:
            missed.append(f"{what}: {other.what} lasted {other.dwell_s:.0f} s, not {one.dwell_s:.0f}")
    outcome.wrong += len(missed)
    outcome.misses += missed[:3]


def _paired(right: list[Told], found: list[Told]) -> tuple[list[tuple[Told, Told]], list[Told], list[Told]]:
    """Which event is which, what is missing, and what is too much.

    In one order, but for what is told of a time when nothing was watched: that may have to wait for the time. On a
    clock that goes otherwise two events within a second may change places, a state that ends as the next one begins
    may not be told at all, and those of the day's last second may have to wait for the next day.
    """
    pairs, missing, extra = [], [], []
    for some, others in (
        ([one for one in some if (one.what[1] in COVERAGE) is late] for some in (right, found))
        for late in (False, True)
    ):
        rest = list(others)
        for one in some:
            place = next(
                (k for k, other in enumerate(rest) if _same(one, other) and (not k or _near(rest[0], other))), None
            )
            if place is None:
                missing.append(one)
            else:
                pairs.append((one, rest.pop(place)))
        extra += rest
    last = T0 + (SECONDS - 1) * SECOND
    missing = [one for one in missing if one.at is None or one.at < last]
    extra = [one for one in extra if not found or not _near(one, found[-1])]
    return pairs, _lasting(missing), _lasting(extra)


def _lasting(some: list[Told]) -> list[Told]:
    """Without states that lasted no second: there and back."""
    left = list(some)
    for one in some:
        back = next((other for other in left if _undoes(one, other)), None)
        if back is not None and one in left:
            left.remove(one)
            left.remove(back)
    return left


def _undoes(one: Told, other: Told) -> bool:
    (*where, said), (*there, then) = one.what, other.what
    return where == there and said[:2] == then[1::-1] and said[0] != then[0] and _near(one, other)


def _same(one: Told, other: Told) -> bool:
    by_any_boot = one.what[1] in COVERAGE
    return one.what[1:] == other.what[1:] if by_any_boot else one.what == other.what


def _near(one: Told, other: Told) -> bool:
    return one.at is not None and other.at is not None and abs(one.at - other.at) <= NEAR


async def _points(outcome: Outcome, what: str, run: Run, archive: Archive, *, dated: bool) -> None:
    """What a store is told: all of what stands in time, and nothing at another time than the day's."""
    points = await archive.points(run.box.office, run.truth)
    due = {stamp(row.at, row.sequence) for row in archive.ledger.all() if row.at is not None}
    strange = [p for p in points if p.time not in due or (dated and not T0 - NEAR <= p.time <= run.truth + NEAR)]
    outcome.notes["points"] = outcome.notes.get("points", 0) + len(points)
    if strange or not points:
        outcome.wrong += len(strange) or 1
        outcome.misses.append(f"{what}: {len(strange)} of {len(points)} points at a wrong date")


async def _sleeps(folder: Path, chance: random.Random, outcome: Outcome) -> None:
    """Eight hours: what was there before is unknown meanwhile, and nobody was seen to leave."""
    day = Day(300, frozenset(range(300)), {8: "0F0368568B"})
    run, archive = _made(folder, day, chance, Wrong("slept", drifts))
    at, asleep = chance.randrange(20, 100), 8 * HOUR
    async with run.box.life():
        await run.box.passes(day, at)
        run.machine.sleep(asleep)
        if chance.random() < 0.5:  # a timer of the process comes before any device does
            run.box.app.pipeline.step(run.box.app.clock.office())
        await run.box.passes(day, 100)
    outcome.applies("the machine slept for 8 h")
    found = told(archive.ledger)
    changes = [one.what for one in found if one.what[1] == "occupancy.changed"]
    states = [(words[0], words[2]) for *_, place, words in changes if place == DESK]
    room = [(words[0], words[2]) for *_, place, words in changes if place == ROOM]
    outcome.offered += len(found)
    outcome.accepted += len(found)
    outcome.stored += len(found)
    if ("unknown", "sensor_stale") not in states or any(state == "vacant" for state, _ in states):
        outcome.misses.append(f"the machine slept for 8 h: {states}")
    if states[-1][0] != "occupied":
        outcome.misses.append(f"the machine slept for 8 h: nobody is seen afterwards: {states}")
    if ("unknown", "sensor_stale") not in room or any(state == "vacant" for state, _ in room):
        outcome.misses.append(f"the machine slept for 8 h: nobody listened, and the room was {room}")
    ended = [one.what for one in found if one.what[1] == "desk.checkin.ended"]
    if ended:
        outcome.misses.append(f"the machine slept for 8 h: a desk was left: {ended}")
    late = [
        one for one in found if one.at is not None and T0 + (at + 3) * SECOND < one.at < T0 + (at + asleep - 1) * SECOND
    ]
    if any(one.what[1] not in ("occupancy.changed", "occupancy.counted", "presence.idle") for one in late):
        outcome.misses.append(f"the machine slept for 8 h: {[one.what for one in late]} happened meanwhile")
    await _points(outcome, "the machine slept for 8 h", run, archive, dated=True)
    archive.ledger.close()


async def _loses_its_power(folder: Path, chance: random.Random, outcome: Outcome) -> None:
    """Before the time was known: nobody can place what it told then. It stays flagged, in order, and in no store."""
    day = Day.of(chance, SECONDS)
    run, archive = _made(folder, day, chance, Wrong("power", drifts, before=False))
    run.shows(-T0 / SECOND + 60, synchronized=False)
    first = chance.randrange(30, 500)
    async with run.box.life(killed=True):
        await run.box.passes(day, first)
        lost = run.box.app.origin.boot
    machine = ManualMachine(run.truth + 40 * SECOND, life="life-2")
    run.box.machine = machine
    async with run.box.life():
        await run.box.passes(day, 300)
        last = run.box.app.origin.boot
    outcome.applies("the power was cut before the time was known")
    found = told(archive.ledger)
    outcome.offered += len(found)
    outcome.accepted += len(found)
    outcome.stored += len(found)
    before, after = [one for one in found if one.key[0] == lost], [one for one in found if one.key[0] == last]
    if any(one.sync != "none" or one.at is not None for one in before) or any(one.at is None for one in after):
        outcome.misses.append("the power was cut: what was told before is placed, or what was told afterwards is not")
    longest = max((one.dwell_s for one in after), default=0.0)
    if longest > SECONDS + 100:
        outcome.misses.append(f"the power was cut: somebody was there for {longest:.0f} s")
    numbers = [row.sequence for row in archive.ledger.all() if row.boot == lost]
    if sorted(numbers) != [*range(1, len(numbers) + 1)] or not before or not lost < last:
        outcome.misses.append(f"the power was cut: out of order: {numbers}")
    points = [point.time for point in await archive.points(run.box.office, machine.wall())]
    if any(not T0 - NEAR <= at <= machine.wall() + NEAR for at in points):
        outcome.wrong += 1
        outcome.misses.append("the power was cut: a point at a wrong date")
    archive.ledger.close()


CLOCKS = Fault(
    name="clocks",
    title="clock: 1970, two weeks back or ten years ahead at the start, +-1 h and two weeks while it runs, 8 h asleep",
    promise="0 points at a wrong date, 0 false transitions; what is told before the time is known is placed afterwards",
    defect="every event says that the clock was synchronized",
    run=clocks,
    quick=18,
    long=2000,
    control=2,
    part=100,
)
