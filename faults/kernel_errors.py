"""A whole gateway whose kernel refuses to write or to sync, or is slow: strace changes what its calls return."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

from faults.api import Fault, Outcome, Scene
from faults.office import GATEWAY
from faults.work import Work, at_work

ILL_S = (0.3, 2.0)
BACK_S = 5.0
REACHES_S = 5.0
"""A trace is in place within this time."""
SYNCS = "fsync,fdatasync"


class Illness(NamedTuple):
    """What strace is told: of these calls, that happens."""

    calls: str
    what: str


ILLNESSES = {
    "a sync fails (EIO)": Illness(SYNCS, "error=EIO"),
    "no room for a page (ENOSPC)": Illness("pwrite64", "error=ENOSPC"),
    "a write fails (EIO)": Illness("pwrite64", "error=EIO"),
    "one sync in three fails": Illness(SYNCS, "error=EIO:when=2+3"),
    "one write in two has no room": Illness("pwrite64", "error=ENOSPC:when=2+2"),
    "a sync takes 0.3 s": Illness(SYNCS, "delay_exit=300000"),
}


def kernel_errors(scene: Scene) -> Outcome:
    """Each cycle one illness of the running gateway; every third is killed in it."""
    outcome, chance = Outcome(), scene.chance
    if shutil.which("strace") is None:
        outcome.impossible = "there is no strace"
        return outcome
    kinds = list(ILLNESSES)
    defect = ("faults.mortal", "answers-before-the-commit", "0") if scene.broken else ()
    with at_work(scene, outcome) as work:
        work.restart(*defect)
        work.office.ready()
        work.taps.start()
        for cycle in range(scene.cycles):
            kind = kinds[cycle % len(kinds)]
            dies = scene.broken or cycle % 3 == 2
            if not ill(work, kind, chance, dies=dies):
                outcome.impossible = "strace may not trace another process"
                break
            if dies:
                work.restart(*defect)
            _accepts_again(work, kind)
    return outcome


def ill(work: Work, kind: str, chance: random.Random, *, dies: bool) -> bool:
    """The running gateway, for a moment. Whether it could be traced; it is well again afterwards, or dead."""
    work.office.until(lambda status: status["boot"])  # at a start it would say that the disk is full, and end
    process, illness = work.office.processes[GATEWAY], ILLNESSES[kind]
    calls = work.office.folder / "calls"
    calls.unlink(missing_ok=True)
    inject = f"inject={illness.calls}:{illness.what}"
    command = ["strace", "-f", "-o", str(calls), "-e", f"trace={illness.calls}", "-e", inject, "-p", str(process.pid)]
    trace = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    try:
        if not _traced(process.pid, trace):
            return False
        time.sleep(chance.uniform(*ILL_S))
        if dies:
            work.office.kill(GATEWAY)
    finally:
        trace.send_signal(signal.SIGINT)
        trace.communicate(timeout=20)
    if refused := _injected(calls):
        work.outcome.applies(f"{kind}{', and killed' if dies else ''}")
        work.outcome.notes["calls"] = work.outcome.notes.get("calls", 0) + refused
    if not dies and process.poll() is not None:
        work.outcome.misses.append(f"{kind}: the gateway ended with {process.returncode}")
        work.office.processes.pop(GATEWAY)
        work.restart()
    return True


def _traced(pid: int, trace: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + REACHES_S
    while time.monotonic() < deadline and trace.poll() is None:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        if "TracerPid:\t0" not in status:
            return True
        time.sleep(0.01)
    return False


def _injected(calls: Path) -> int:
    return sum("INJECTED" in line or "DELAYED" in line for line in calls.read_text(errors="replace").splitlines())


def _accepts_again(work: Work, kind: str) -> None:
    already, begun = work.taps.accepted, time.monotonic()
    while work.taps.accepted == already and time.monotonic() - begun < 4 * BACK_S:
        time.sleep(0.01)
    took = time.monotonic() - begun
    work.outcome.recovery_s.append(took)
    if took > BACK_S:
        work.outcome.misses.append(f"{kind}: {took:.1f} s until a tap was accepted again")


KERNEL_ERRORS = Fault(
    name="kernel-errors",
    title="writes and syncs that the kernel refuses a running gateway (strace), which is killed in every third",
    promise="nothing is answered that is not durable; a tap is accepted again within 5 s; the gateway does not end",
    defect="a tap is answered before its commit",
    run=kernel_errors,
    quick=6,
    long=180,
    control=1,
    part=60,
    limits={"p99_s": BACK_S},
)
