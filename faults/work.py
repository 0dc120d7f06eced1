"""An office at work: its processes, somebody who taps all the time, and a subscriber that listens; then the verdict."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from faults import aftermath, points
from faults.api import Outcome, Scene
from faults.book import Book
from faults.judge import events, holes, judge
from faults.listener import Listener
from faults.office import ARCHIVE, GATEWAY, RealOffice
from faults.taps import Taps
from gateway import boot
from gateway.clock import rfc3339
from tests.archive.conftest import Victoria
from tests.conftest import Mosquitto, free_port

DRAIN_S = 60.0
RESTART_S = 60.0
"""A guard: how long a restart may take is each fault's own limit."""
PATIENT_S = 60.0
"""A run that took longer can wait for the gateway's next word about its health."""


class Work:
    """What a suite has its hands on."""

    def __init__(
        self,
        scene: Scene,
        outcome: Outcome,
        *,
        port: int = 0,
        broker_port: int = 0,
        every_s: float = 0.05,
        second: str = "",
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        folder = scene.folder / "broker"
        folder.mkdir(parents=True)
        self.outcome = outcome
        self.broker = Mosquitto(folder, broker_port or free_port())
        self.office = RealOffice(
            scene.folder / "office", self.broker, port=port, second=second, settings=settings or {}
        )
        self.book_file = scene.folder / "book"
        self.book = Book(self.book_file)
        self.taps = Taps(self.office, self.book, every_s=every_s)
        self.listener: Listener
        self.victoria: Victoria | None = None
        """A second time-series store, where the suite has one."""

    def memory(self, name: str) -> None:
        """Note the peak of a process's memory."""
        process = self.office.processes.get(name)
        if process is not None:
            self.outcome.rss_mb = max(self.outcome.rss_mb, peak_mb(process.pid))

    def caught_up(self, patience_s: float) -> float | None:
        """Wait until all that was accepted before now is stored, as the archive says to the gateway.

        Seconds that took; None: more than `patience_s`.
        """
        begun, now = time.monotonic(), rfc3339(time.time_ns())
        while (took := time.monotonic() - begun) < patience_s:
            status = self.office.status()
            if status and status["link"]["connected"] and (status["backlog"]["oldest_at"] or "~") >= now:
                return took
            time.sleep(0.05)
        return None

    def restart(self, *module: str) -> None:
        """Start the gateway; wait for its first event on the wire; note how long that took."""
        before, begun = boot.last(self.office.folder / "var" / GATEWAY), time.monotonic()
        self.office.launch(GATEWAY, *(module or ("gateway.cli",)))
        self.outcome.recovery_s.append(self.listener.wait_for_boot(before, RESTART_S) - begun)


def peak_mb(pid: int) -> float:
    """VmHWM of a process."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("VmHWM")), 0.0)


@contextmanager
def at_work(
    scene: Scene,
    outcome: Outcome,
    *,
    archive: Sequence[str] = ("gateway.cli",),
    filters: Sequence[str] = (),
    drain_s: float = DRAIN_S,
    settled: bool = True,
    projected: bool = False,
    **how: Any,
) -> Iterator[Work]:
    """Broker, archive and listener run; the gateway is the suite's. At the end all is healthy, drained and judged.

    `filters`: what the listener asks for, where it need not hear everything. `settled`: what is shown is compared with
    what is stored as well (aftermath.py). `projected`: the time-series store is compared with the ledger (points.py).
    """
    started = time.monotonic()
    work = Work(scene, outcome, **how)
    office = work.office
    work.broker.start()
    work.listener = Listener(work.broker.port, *filters)
    try:
        office.launch(ARCHIVE, *archive)
        yield work
        if work.taps.running:
            work.taps.stop()
        begun = time.monotonic()
        if GATEWAY not in office.processes:
            office.launch(GATEWAY, "gateway.cli")
        heard = drained(work, outcome, drain_s) | work.listener.highest()
        outcome.notes["drain_s"] = round(time.monotonic() - begun, 2)
        outcome.notes["refused"] = {str(status): many for status, many in sorted(work.taps.refusals.items())}
        work.memory(GATEWAY)
        lives = aftermath.shown(office, work.broker.port, outcome) if settled else None
        if settled and time.monotonic() - started > PATIENT_S:
            aftermath.healthy(work.broker.port, outcome)
        office.kill(GATEWAY, signal.SIGTERM)
        if projected:
            points.compare(office.file, outcome, work.victoria)
        office.kill(ARCHIVE, signal.SIGTERM)
        if lives is not None:
            aftermath.recorded(office.ledger, lives, outcome)
        verdict = judge(work.book_file, office.ledger, office.people)
        for name, value in asdict(verdict).items():
            if name == "doubtful":
                outcome.notes[name] = value
            else:
                setattr(outcome, name, value)
        if gone := holes(office.ledger, heard):
            outcome.lost += sum(hole.many for hole in gone)
            outcome.misses.append(f"numbers that the archive never got: {[tuple(hole) for hole in gone[:5]]}")
        outcome.notes["events"] = events(office.ledger)
    finally:
        work.listener.close()
        if work.taps.running:
            work.taps.abandon()
        office.close()
        work.broker.stop()
        work.book.close()


def drained(work: Work, outcome: Outcome, seconds: float) -> dict[tuple[str, str], int]:
    """Wait until the gateway has nothing that the archive has not committed: the number up to which that is so."""
    deadline = time.monotonic() + seconds
    given: dict[tuple[str, str], int] = {}
    status: dict[str, Any] = {}
    while time.monotonic() < deadline:
        status = work.office.status()
        if status and given and status["link"]["connected"] and status["backlog"]["events"] == 0:
            return given
        if status:  # it was given before the backlog of the next look was empty
            given = {(status["gateway"], status["boot"]): status["last_sequence"]}
        time.sleep(0.1)
    outcome.misses.append(f"not drained within {seconds:.0f} s: {status.get('backlog')} {status.get('link')}")
    return given
