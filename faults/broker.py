"""The broker is killed and forgets everything, or freezes: connected, and nothing arrives."""

from __future__ import annotations

import os
import signal
import time

from faults.api import Fault, Outcome, Scene
from faults.office import ARCHIVE, GATEWAY
from faults.work import Work, at_work
from gateway.mqtt import SETTLED_S

LONGEST_AWAY_S = 3.0
LONG_EVERY, LONG_AWAY_S = 10, (10.0, 60.0)
BACK_S = 5.0
LOOKED_FOR_S = 30.0
"""A broker that was away for long is looked for within this time, and within half of its absence."""
WATCHED_S = 6.0
"""A freeze of this length or more is noticed."""
SHORT, NOTICED, MINUTES = (1.0, 6.0), (WATCHED_S + 1, 15.0), (60.0, 180.0)
"""How long it is frozen, s: from, to."""
LINKED_S = 35.0
"""A link that had long been dead is tried again within this time."""
GUARD_S = 60.0


def broker_killed(scene: Scene) -> Outcome:
    """SIGKILL, persistence off, back after up to three seconds, every tenth time after up to a minute."""
    outcome, chance = Outcome(), scene.chance
    defect = ("faults.mortal", "retires-on-puback", "0") if scene.broken else ("gateway.cli",)
    with at_work(scene, outcome) as work:
        work.restart(*defect)
        outcome.recovery_s.clear()  # of this fault the broker's return counts
        work.office.ready()
        work.taps.start()
        for cycle in range(scene.cycles):
            time.sleep(SETTLED_S + chance.uniform(0.5, 1.5))
            if scene.broken:
                deafen(work)
                work.office.launch(ARCHIVE, "gateway.cli")
            work.broker.kill()
            long = cycle % LONG_EVERY == LONG_EVERY - 1
            outcome.applies(f"broker killed, its queues and sessions gone{', away for long' if long else ''}")
            away_s = chance.uniform(*LONG_AWAY_S) if long else chance.uniform(0.0, LONGEST_AWAY_S)
            time.sleep(away_s)
            work.broker.start()
            _caught_up(work, away_s)
    return outcome


def deafen(work: Work) -> None:
    """Archive and broker die after a moment in which the broker's word was all there was."""
    os.kill(work.office.processes[ARCHIVE].pid, signal.SIGSTOP)
    time.sleep(0.5)
    work.broker.kill()
    work.office.kill(ARCHIVE)


def _caught_up(work: Work, away_s: float) -> None:
    """From the broker's return until what was accepted before it is stored.

    Who was away for long is looked for within half of that time, at most 30 s: it is judged by itself.
    """
    long = away_s > LONGEST_AWAY_S
    allowed = BACK_S + (min(away_s / 2, LOOKED_FOR_S) if long else 0)
    took = work.caught_up(GUARD_S)
    if took is None or (long and took > allowed):
        said = "never" if took is None else f"after {took:.1f} s"
        work.outcome.misses.append(f"away for {away_s:.0f} s, all stored {said}, at most {allowed:.0f} s")
    if long:
        work.outcome.notes.setdefault("away and back, s", []).append((round(away_s, 1), took and round(took, 2)))
    elif took is not None:
        work.outcome.recovery_s.append(took)


def broker_frozen(scene: Scene) -> Outcome:
    """SIGSTOP; every third freeze is longer than what must be noticed, every tenth a matter of minutes."""
    outcome, chance = Outcome(), scene.chance
    more = {"broker": {"frozen_after_s": 600}} if scene.broken else {}
    with at_work(scene, outcome, every_s=0.1, settings=more) as work:
        work.restart()
        outcome.recovery_s.clear()
        work.office.ready()
        work.taps.start()
        for cycle in range(scene.cycles):
            time.sleep(chance.uniform(0.5, 1.5))
            lasting = MINUTES if cycle % 10 == 9 else NOTICED if cycle % 3 == 0 else SHORT
            _freeze(work, chance.uniform(*lasting), lasting)
    return outcome


def _freeze(work: Work, seconds: float, lasting: tuple[float, float]) -> None:
    process = work.broker.process
    assert process is not None
    begun = time.monotonic()
    os.kill(process.pid, signal.SIGSTOP)
    noticed = 0.0
    try:
        while time.monotonic() - begun < seconds:
            status = work.office.status()
            if not noticed and status and not status["link"]["connected"]:
                noticed = time.monotonic() - begun
            time.sleep(0.05)
    finally:
        os.kill(process.pid, signal.SIGCONT)
    work.outcome.applies("frozen for {:g} to {:g} s".format(*lasting))
    if noticed:
        work.outcome.recovery_s.append(noticed)
    elif lasting != SHORT:
        work.outcome.misses.append(f"frozen for {seconds:.1f} s and never noticed")
    work.memory(GATEWAY)
    begun = time.monotonic()
    while not (status := work.office.status()) or not status["link"]["connected"]:
        if time.monotonic() - begun > LINKED_S:
            work.outcome.misses.append(f"frozen for {seconds:.0f} s, and {LINKED_S:g} s later not connected")
            return
        time.sleep(0.05)


BROKER_KILLED = Fault(
    name="broker-killed",
    title="broker killed, with persistence off",
    promise="what was accepted is stored at most 5 s after it is back (p99); where it was away for 10 to 60 s (every"
    " tenth time), later by half of that, at most 30 s",
    defect="the gateway lets an event go at the broker's PUBACK",
    run=broker_killed,
    quick=2,
    long=200,
    control=1,
    limits={"p99_s": BACK_S},
)
BROKER_FROZEN = Fault(
    name="broker-frozen",
    title="broker frozen (SIGSTOP)",
    promise="longer freezes than 6 s are noticed within 6 s (p99 of the time to notice), shorter ones lose nothing",
    defect="no watchdog on the link",
    run=broker_frozen,
    quick=2,
    long=60,
    control=1,
    limits={"p99_s": 6.0},
)
