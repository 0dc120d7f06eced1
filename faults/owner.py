"""The gateway that owns a floor is killed while a plain MQTT 3.1.1 subscriber watches what is retained."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from faults.api import Fault, Outcome, Scene
from faults.listener import Listener
from faults.office import DESKS, GATEWAY, PLACE
from faults.work import Work, at_work

OTHER = "gw-02"
TOLD_S = 100.0
BACK_S = 5.0


def owner_lost(scene: Scene) -> Outcome:
    """`cycles` deaths of the owner; the coordinator is another gateway and lives on, except in the control."""
    outcome, chance = Outcome(), scene.chance
    with at_work(scene, outcome, second=OTHER) as work:
        states = Listener(work.broker.port, f"hadir/v1/state/{PLACE}/#")
        try:
            work.office.launch(OTHER, "gateway.cli")
            work.restart()
            outcome.recovery_s.clear()
            work.office.ready()
            work.office.ready(OTHER)
            work.taps.start()
            for _ in range(scene.cycles):
                _until(states, lambda cause: cause != "gateway_down", 30)
                time.sleep(chance.uniform(1.0, 3.0))
                _die_and_return(work, states, broken=scene.broken)
        finally:
            states.close()
        work.taps.stop()
    return outcome


def _die_and_return(work: Work, states: Listener, *, broken: bool) -> None:
    outcome = work.outcome
    if broken:
        work.office.kill(OTHER)
    work.office.kill(GATEWAY)
    outcome.applies("owner killed, its states still retained")
    told = _until(states, lambda cause: cause == "gateway_down", 8.0 if broken else TOLD_S)
    if told is None:
        outcome.misses.append("the states of a dead gateway stand as they were")
    else:
        outcome.notes["longest until unknown, s"] = round(
            max(told, outcome.notes.get("longest until unknown, s", 0)), 2
        )
    before = time.monotonic()
    work.restart()
    outcome.recovery_s.pop()
    if _until(states, lambda cause: cause != "gateway_down", BACK_S + 15) is None:
        outcome.misses.append("the states do not come back")
    outcome.recovery_s.append(time.monotonic() - before)


def _until(states: Listener, wanted: Callable[[Any], bool], seconds: float) -> float | None:
    """Seconds until the retained state of every desk and of the zone is as wanted; None: not in time."""
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        now = states.states()
        if len(now) > DESKS and all(wanted(said["cause"]) for said in now.values()):
            return time.monotonic() - begun
        time.sleep(0.05)
    return None


OWNER_LOST = Fault(
    name="owner-lost",
    title="owner gateway killed while a plain MQTT 3.1.1 subscriber is connected",
    promise="it sees unknown(gateway_down) within 100 s, the state again at most 5 s after the return (p99)",
    defect="no coordinator",
    run=owner_lost,
    quick=1,
    long=50,
    control=1,
    limits={"p99_s": BACK_S},
)
