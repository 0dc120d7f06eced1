"""A gateway whose card is replaced by an empty one, and one whose card was cloned: two boxes that are one gateway."""

from __future__ import annotations

import re
import shutil
import signal
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from faults.api import Fault, Outcome, Scene
from faults.book import Action
from faults.office import ARCHIVE, GATEWAY, MS, RealOffice
from faults.taps import AGE_S, APART_S
from faults.work import Work, at_work
from gateway import boot
from tests.conftest import free_port

CARDS = 16
ALARM_S = 60.0
AWAY_S = 6.0
"""No answer for longer than a gateway on an empty card waits for one."""
LEARNS_S = 20.0
"""It hears of its earlier life, and begins anew, within this time."""
_ALARM = re.compile(r"two boxes say that they are it")


class Days:
    """People who come and leave: after each call their desks are as before."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._number = self._last = 0

    def tap_in_and_out(self, *boxes: tuple[RealOffice, Sequence[int]]) -> None:
        """Each card of a box twice, at that box."""
        for _ in range(2):
            for office, cards in boxes:
                self._tap(office, cards)
            time.sleep(APART_S)

    def _tap(self, office: RealOffice, cards: Sequence[int]) -> None:
        actions = []
        for card in cards:
            self._number += 1
            self._last = max(self._last + 1, time.time_ns() // MS - int(AGE_S * 1000))
            actions.append(Action(self._number, card, self._last * MS))
        self._work.book.offer(actions)
        deadline = time.monotonic() + 60
        while (status := office.post(actions)) != 202:
            if status not in (0, 429, 503) or time.monotonic() > deadline:
                raise RuntimeError(f"a tap is not accepted: status {status}; {office.log()}")
            time.sleep(0.05)
        self._work.book.accept(actions)


def card_replaced(scene: Scene) -> Outcome:
    """What waited was archived, the card goes, an empty one comes; every second time the broker does not answer it."""
    outcome = Outcome()
    defect = ("faults.mortal", "forgets-earlier-lives", "0") if scene.broken else ()
    with at_work(scene, outcome) as work:
        folder = work.office.folder / "var" / GATEWAY
        days = Days(work)
        work.restart()
        work.office.ready()
        for cycle in range(scene.cycles):
            days.tap_in_and_out((work.office, range(CARDS)))
            work.office.drained()
            before = boot.last(folder)
            alone = cycle % 2 == 1
            work.office.kill(GATEWAY)
            shutil.rmtree(folder)
            assert work.broker.process is not None
            if alone:  # and keeps what it knows; one that has forgotten it as well can tell nobody
                work.broker.process.send_signal(signal.SIGSTOP)
            begun = time.monotonic()
            work.office.launch(GATEWAY, *(defect or ("gateway.cli",)))
            if alone:
                time.sleep(AWAY_S)
                work.broker.process.send_signal(signal.SIGCONT)
                begun = time.monotonic()
                while boot.last(folder) <= before and time.monotonic() - begun < LEARNS_S:
                    time.sleep(0.05)
            work.office.ready()
            outcome.recovery_s.append(time.monotonic() - begun)
            outcome.applies("an empty card, and no answer at the start" if alone else "an empty card")
            if boot.last(folder) <= before:
                where = "with no answer: " if alone else ""
                outcome.misses.append(f"{where}boot {boot.last(folder)} after {before}: it went back")
        days.tap_in_and_out((work.office, range(CARDS)))
    return outcome


class Clone(RealOffice):
    """A second box with a copy of the first one's card: the same office, the same gateway, another address."""

    def __init__(self, office: RealOffice, folder: Path) -> None:
        shutil.copytree(office.folder, folder, ignore=shutil.ignore_patterns("archive", "*.log", "control.sock"))
        self.folder, self.broker = folder, office.broker
        self.file = folder / "office.yaml"
        self.port, self.people, self.lines, self.processes = free_port(), office.people, {}, {}
        self.file.write_text(self.file.read_text().replace(f"port: {office.port}\n", f"port: {self.port}\n"))


def card_cloned(scene: Scene) -> Outcome:
    """Both boxes work for a while; the alarm comes; one is taken away and has nothing left when it ran alone."""
    outcome = Outcome()
    archive = ("faults.mortal", "hears-one-box-only", "0") if scene.broken else ("gateway.cli",)
    with at_work(scene, outcome, archive=archive) as work:
        log = work.office.folder / f"{ARCHIVE}.log"
        days = Days(work)
        first, second = range(CARDS), range(CARDS, 2 * CARDS)
        for cycle in range(scene.cycles):
            work.office.launch(GATEWAY, "gateway.cli")
            work.office.ready()
            days.tap_in_and_out((work.office, first))
            work.office.kill(GATEWAY)
            clone = Clone(work.office, scene.folder / f"clone-{cycle}")
            try:
                with ThreadPoolExecutor(1) as watching:
                    patience_s = 20.0 if scene.broken else ALARM_S
                    alarm = watching.submit(_alarm, log, len(_ALARM.findall(log.read_text())), patience_s)
                    for box in (work.office, clone):
                        box.launch(GATEWAY, "gateway.cli")
                    days.tap_in_and_out((work.office, first), (clone, second))
                    days.tap_in_and_out((work.office, first), (clone, second))
                    took = alarm.result()
                if took is None:
                    outcome.misses.append(f"cycle {cycle}: no alarm within {patience_s:.0f} s")
                else:
                    outcome.recovery_s.append(took)
                outcome.applies("two boxes, one identity")
                outcome.notes["boots"] = sorted(str(box.status().get("boot")) for box in (work.office, clone))
                work.office.kill(GATEWAY)
                clone.ready()
                clone.drained()
            finally:
                clone.close()
            work.office.launch(GATEWAY, "gateway.cli")
            work.office.ready()
            work.office.drained()
            if cycle + 1 < scene.cycles:
                work.office.kill(GATEWAY)
                work.office.kill(ARCHIVE)  # its alarm is told once a life
                work.office.launch(ARCHIVE, *archive)
    return outcome


def _alarm(log: Path, before: int, seconds: float) -> float | None:
    """How long it takes until the archive's log, which earlier lives have written as well, has one alarm more."""
    begun = time.monotonic()
    while (took := time.monotonic() - begun) < seconds:
        if len(_ALARM.findall(log.read_text())) > before:
            return took
        time.sleep(0.1)
    return None


REPLACED = Fault(
    name="card-replaced",
    title="card replaced: an empty disk, the same gateway",
    promise="boots never go back; nothing of either life is lost that the archive had",
    defect="a gateway on an empty disk asks nobody for its last boot",
    run=card_replaced,
    quick=2,
    long=20,
)
CLONED = Fault(
    name="card-cloned",
    title="card cloned: two boxes, one identity (back: the alarm)",
    promise="the archive raises an alarm within 60 s; nothing of either box is lost",
    defect="the archive does not notice a second boot",
    run=card_cloned,
    quick=1,
    long=20,
    limits={"p99_s": ALARM_S},
)
