"""Processes that are killed: the gateway and the archive, at any moment and at every step of an event's way."""

from __future__ import annotations

import random
import subprocess
import time

from faults.api import Fault, Outcome, Scene
from faults.mortal import ARCHIVE as ARCHIVE_POINTS
from faults.mortal import GATEWAY as GATEWAY_POINTS
from faults.office import ARCHIVE, GATEWAY
from faults.work import Work, at_work

LIFE_S = (0.05, 1.2)
"""How long a process lives behind its first sign of life before it is killed at no point in particular."""
REACHES_S = 4.0
"""A point is reached within this time, or the process is killed anyway."""
STORED_S = 10.0
"""From the archive's restart until all that was accepted before it is stored."""
GUARD_S = 60.0


def gateway_killed(scene: Scene) -> Outcome:
    """Half of the cycles at the named points, in turn, the others at any moment."""
    outcome, chance = Outcome(), scene.chance
    defect = ("faults.mortal", "answers-before-the-commit", "0") if scene.broken else ()
    points = list(GATEWAY_POINTS)
    with at_work(scene, outcome) as work:
        work.restart(*defect)
        work.office.ready()
        work.taps.start()
        for cycle in range(scene.cycles):
            if cycle % 2 or scene.broken:
                _at_any_moment(work, chance, defect)
            else:
                _at_a_point(work, points[cycle // 2 % len(points)], chance)
    return outcome


def _at_any_moment(work: Work, chance: random.Random, defect: tuple[str, ...]) -> None:
    time.sleep(chance.uniform(*LIFE_S))
    work.memory(GATEWAY)
    work.office.kill(GATEWAY)
    work.outcome.applies("killed at any moment")
    work.restart(*defect)


def _at_a_point(work: Work, point: str, chance: random.Random) -> None:
    """The running gateway makes way for one that dies at the point; then a healthy one starts."""
    work.office.kill(GATEWAY)
    times = 1 if "boot" in point or "open" in point else chance.randrange(1, 30)
    work.office.launch(GATEWAY, "faults.mortal", point, str(times))
    if dies(work, GATEWAY):
        work.outcome.applies(f"died {point}")
    work.restart()


def dies(work: Work, name: str) -> bool:
    """Whether it kills itself in time; it is gone afterwards."""
    process = work.office.processes[name]
    try:
        code = process.wait(REACHES_S)
    except subprocess.TimeoutExpired:
        work.office.kill(name)
        return False
    del work.office.processes[name]
    return code == -9


def archive_killed(scene: Scene) -> Outcome:
    """Between the message, the ledger's commit, the projection and the acknowledgement."""
    outcome, chance = Outcome(), scene.chance
    points = list(ARCHIVE_POINTS)
    with at_work(scene, outcome, projected=True) as work:
        work.restart()
        outcome.recovery_s.clear()  # of this fault the archive's return counts
        work.office.ready()
        work.taps.start()
        for cycle in range(scene.cycles):
            work.office.kill(ARCHIVE)
            if scene.broken:
                work.office.launch(ARCHIVE, "faults.mortal", "acknowledges-before-the-commit", "0")
                time.sleep(chance.uniform(1.0, 2.0))
                work.office.kill(ARCHIVE)
                outcome.applies("killed at any moment")
            else:
                point = points[cycle % len(points)]
                work.office.launch(ARCHIVE, "faults.mortal", point, str(chance.randrange(2, 12)))
                if dies(work, ARCHIVE):
                    outcome.applies(f"died {point}")
            work.office.launch(ARCHIVE, "gateway.cli")
            took = work.caught_up(GUARD_S)
            if took is None:
                outcome.misses.append(f"cycle {cycle}: what was accepted before is not stored after {GUARD_S:.0f} s")
            else:
                outcome.recovery_s.append(took)
    return outcome


GATEWAY_KILLED = Fault(
    name="gateway-killed",
    title="gateway killed (SIGKILL) at any moment and at 14 points of its code",
    promise="first event on the wire at most 3 s after the restart (p99)",
    defect="a tap is answered before its commit",
    run=gateway_killed,
    quick=14,
    long=1000,
    control=3,
    limits={"p99_s": 3.0},
)
ARCHIVE_KILLED = Fault(
    name="archive-killed",
    title="archive killed (SIGKILL) between message, ledger, projection and acknowledgement",
    promise="what was accepted before its restart is stored within 10 s of it (p99); the time-series store holds what"
    " the ledger says, point for point",
    defect="it acknowledges before it commits",
    run=archive_killed,
    quick=6,
    long=1000,
    control=4,
    limits={"p99_s": STORED_S},
)
