"""Connected, and nothing arrives: the archive stands still, or hears nothing, while the broker takes everything."""

from __future__ import annotations

import os
import signal
import time

from faults.api import Fault, Outcome, Scene
from faults.office import ARCHIVE
from faults.work import Work, at_work

NOTICED_S = 10.0


def truth(scene: Scene) -> Outcome:
    """`cycles` silences; nobody taps during the second half of each, so no event waits that would tell."""
    outcome, chance = Outcome(), scene.chance
    module = ("faults.mortal", "trusts-the-broker", "0") if scene.broken else ("gateway.cli",)
    with at_work(scene, outcome) as work:
        work.restart(*module)
        outcome.recovery_s.clear()
        work.office.ready()
        for cycle in range(scene.cycles):
            time.sleep(chance.uniform(0.5, 3.0))
            _silence(work, killed=cycle % 2 == 1)
        work.taps.start()
        time.sleep(1)
    return outcome


def _silence(work: Work, *, killed: bool) -> None:
    """The archive is stopped, or killed and away for a while."""
    office = work.office
    begun = time.monotonic()
    if killed:
        office.kill(ARCHIVE)
    else:
        os.kill(office.processes[ARCHIVE].pid, signal.SIGSTOP)
    noticed = None
    while noticed is None and time.monotonic() - begun < NOTICED_S + 3:
        if "archive_silent" in _alarms(work):
            noticed = time.monotonic() - begun
        time.sleep(0.1)
    if killed:
        office.launch(ARCHIVE, "gateway.cli")
    else:
        os.kill(office.processes[ARCHIVE].pid, signal.SIGCONT)
    work.outcome.applies("archive killed, broker well" if killed else "archive frozen, broker well")
    if noticed is None:
        work.outcome.misses.append("connected, nothing arrives, and no alarm")
        return
    work.outcome.recovery_s.append(noticed)
    office.until(lambda status: "archive_silent" not in {alarm["name"] for alarm in status["alarms"]})


def _alarms(work: Work) -> set[str]:
    return {alarm["name"] for alarm in work.office.status().get("alarms", ())}


TRUTH = Fault(
    name="delivery-truth",
    title="connected, and nothing arrives: the archive is frozen or gone, the broker well",
    promise="an alarm within 10 s (p99 of the time to notice), over when it is over",
    defect="the broker's word is taken for the archive's",
    run=truth,
    quick=1,
    long=100,
    control=1,
    limits={"p99_s": NOTICED_S},
)
