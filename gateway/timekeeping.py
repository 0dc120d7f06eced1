"""The office clock of a box: time since the machine started, and an offset that is adopted when it may be believed.

What the machine's wall clock shows is a word, not the time: it begins in 1970 or at the last shutdown on a box without
a battery, somebody sets it, a daemon steps it. So office time is `boot` + offset. It goes on evenly whatever the wall
clock does, through a suspend as well, which is real time; and where the wall clock shows another time and is to be
believed, the offset is adopted in one moment (`adopt`), in which the gateway moves with it all times that it holds
(timing.py). The rules never see a step.

    believed     the kernel says that it is synchronized: ntp. `clock: trust: always`, or `auto` on a machine on which
                 nothing keeps the clock, believes it without: rtc. Never before 2026.
    at once      where the time was not known, and it is not earlier than what this box has seen as known
    STEP_S       another time than the known one must stand for so long
    BACK_S       an earlier one than this box has seen: a server that is wrong, most likely
    below SLEW   it is followed, by at most SLEW_NS a look

Once known, the time stays known as long as the machine runs: without its daemon it drifts by a few seconds a day. What
is kept on disk (clock_file.py): the latest known time, this machine's offset while it runs, and the boots of this
gateway that have run without knowing the time, so that also those are corrected that were killed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from gateway import clock_file
from gateway.clock import EARLIEST, SECOND, Clock, Quality, rfc3339, wait_until
from gateway.clock_file import Kept
from gateway.kernel_clock import Machine, Sync
from gateway.rebase import Move

_log = logging.getLogger(__name__)

Trust = Literal["auto", "kernel", "always"]
SLEW = SECOND // 2
"""timesyncd steps what is more than 0.4 s, ntpd 0.128 s; a smaller difference is followed."""
SLEW_NS = SECOND // 100
STEP_S, BACK_S, SMALL_S = 10.0, 600.0, 60.0
"""A step back of less than SMALL_S waits for STEP_S only."""
DRIFT_PPM = 500
"""The kernel's own assumption of how far a clock that nobody keeps runs wrong."""
ASLEEP = SECOND
KEEP_S = 600.0
"""The latest known time is written so often."""
SEEN_S = KEEP_S + 60.0
"""So long behind it a box begins that does not know the time: behind all that an earlier life has told and remembers,
which would else be moved with its own times once it knows better."""
FREE_S = 60.0
"""While the time is not known, how far it has come is written so often."""


class Change(NamedTuple):
    """The office clock is to be set."""

    by: int
    """ns, new minus old."""
    known: bool
    """The time becomes known; else it was, and is another."""


class Corrections(NamedTuple):
    """Boots of this gateway, and by how much all of their times are wrong."""

    boots: tuple[str, ...]
    move: Move


class Nap(NamedTuple):
    """The machine has slept: office times."""

    since: int
    until: int


class OfficeClock:
    """A Clock. `look` every second. All methods on the event loop, but those of Clock from any thread."""

    def __init__(self, machine: Machine, file: Path | None = None, trust: Trust = "auto") -> None:
        """`file`: where it keeps what it must know after a restart; None: nowhere."""
        self._machine, self._file, self._trust = machine, file, trust
        self._kept = Kept() if file is None else clock_file.read(file)
        life = machine.life()
        begins = not life or self._kept.life != life
        if begins:
            self._kept = self._kept.begins(life)
        boot = machine.boot()
        self._asleep = max(machine.boot() - machine.monotonic() for _ in range(3))  # we may be held up in between
        self._candidate: tuple[int, int] | None = None
        """(offset, since when by `boot`) that is to be confirmed."""
        self._written = self._good = boot
        """When the wall clock was last believed ..."""
        self._error: float | None = None
        """... and how far."""
        self._err_ms: float | None = None
        self._trouble = ""
        self.on_nap: Callable[[Nap], None] | None = None
        """Called at the first look at the clock after the machine has slept, in whichever thread looks."""
        self.problem = ""
        """Why the machine's clock is not believed; empty when it is."""
        wall = machine.wall()
        word = self._believed(wall, machine.sync())
        self._word, self._offset = self._begin(word, wall, boot)
        self.since = self.office() if self.known or not self._kept.free else self._kept.free_since
        if begins and self._kept.lost and self._kept.lost_by <= 0:
            self._kept.lost_by += self.since - int(FREE_S * SECOND)
            self._write()
        if self._kept.lost:
            self.since = min(self.since, self._kept.lost_since + self._kept.lost_by)
        """Times from here on are of this clock; what is earlier was told by another, or in an earlier life."""
        self.look()

    def _begin(self, word: str, wall: int, boot: int) -> tuple[str, int]:
        kept = self._kept
        if word and wall + SLEW >= kept.latest:
            return word, wall - boot
        if kept.offset is not None:  # an earlier process in this life of the machine has known it
            return "rtc", kept.offset
        if kept.free:  # and this one goes on where the last one was
            return "none", kept.free_offset
        seen = kept.latest + int(SEEN_S * SECOND) if kept.latest else 0
        return "none", max(wall, seen, EARLIEST) - boot

    # --- Clock ------------------------------------------------------------------------------------------------------

    def office(self) -> int:
        boot = self._machine.boot()
        asleep = boot - self._machine.monotonic()
        if asleep - self._asleep > ASLEEP:
            nap = Nap(self._offset + boot - (asleep - self._asleep), self._offset + boot)
            self._asleep = asleep
            if self.on_nap is not None:
                self.on_nap(nap)
        return self._offset + boot

    def quality(self) -> Quality:
        return Quality(self._word, None if self._word == "none" else self._err_ms)

    def machine(self) -> int:
        return self._machine.monotonic()

    def seconds_until(self, office: int) -> float:
        return (office - self.office()) / SECOND

    def office_in(self, seconds: float) -> int:
        return self.office() + int(seconds * SECOND)

    async def sleep_until(self, office: int) -> None:
        await wait_until(self, office)

    # --- looking ----------------------------------------------------------------------------------------------------

    @property
    def known(self) -> bool:
        """Whether office time is the time, as far as can be known."""
        return self._word != "none"

    def look(self) -> Change | None:
        """Compare with the wall clock, and follow it a little; the step that is to be adopted, if one is."""
        boot, wall, sync = self._machine.boot(), self._machine.wall(), self._machine.sync()
        word, off = self._believed(wall, sync), wall - boot - self._offset
        if self.known and abs(off) <= SLEW:
            self._candidate = None
            if word:
                self._offset += max(-SLEW_NS, min(SLEW_NS, off))
                self._good, self._error = boot, sync.err_ms
            self._word, self._err_ms = word or "rtc", self._drifted(boot)
            self._say("", "")
            self._keep(boot)
            return None
        if self.known:  # its own time is the better one, until the other is confirmed
            self._word, self._err_ms = "rtc", max(abs(off) / 1e6, self._drifted(boot) or 0.0)
        if not word:
            self._candidate = None
            self._say(*self._why_not(wall))
            self._keep_free(boot)
            return None
        if self._candidate is None or abs(self._candidate[0] - (wall - boot)) > SLEW:
            self._candidate = (wall - boot, boot)
        needed, trouble, why = self._needed(wall, off)
        if boot - self._candidate[1] < needed * SECOND:
            self._say(trouble, why)
            return None
        return Change(off, not self.known)

    def adopt(self, change: Change) -> None:
        """Office time is `change.by` later from now on."""
        boot, sync = self._machine.boot(), self._machine.sync()
        self._offset += change.by
        self.since += change.by
        self._candidate, self._good, self._error = None, boot, sync.err_ms
        self._word, self._err_ms = ("ntp" if sync.synchronized else "rtc"), sync.err_ms
        self._kept.latest = 0  # it may have been a time that nobody will see for years
        self._say("", "")  # it is written by the next look, when what follows from it is on its way to the disk

    def runs(self, boot: str) -> None:
        """This boot of the gateway begins, and its first event comes after this."""
        if not self.known:
            self._kept.free.append(boot)
            self._kept.free_offset, self._kept.free_since = self._offset, self.since
            self._kept.free_latest = self.office()
            self._write()

    def corrections(self) -> Corrections | None:
        """Boots that did not know the time, and how wrong they were, now that it is known; None: there are none."""
        kept = self._kept
        if not self.known or not kept.free:
            return None
        return Corrections(tuple(kept.free), Move(self._offset - kept.free_offset, kept.free_since))

    def lost(self) -> Corrections | None:
        """Boots of an earlier life of the machine that did not know the time: what they remember is of about now."""
        kept = self._kept
        return Corrections(tuple(kept.lost), Move(kept.lost_by, kept.lost_since)) if kept.lost else None

    def corrected(self, boots: Sequence[str]) -> None:
        """What follows for these boots is durable."""
        self._kept.free = [boot for boot in self._kept.free if boot not in boots]
        self._kept.lost = [boot for boot in self._kept.lost if boot not in boots]
        self._write()

    # --- whom to believe --------------------------------------------------------------------------------------------

    def _believed(self, wall: int, sync: Sync) -> str:
        """ntp, rtc; or empty: not at all."""
        if wall < EARLIEST:
            return ""
        if sync.synchronized:
            return "ntp"
        trusted = self._trust == "always" or (self._trust == "auto" and not self._machine.kept())
        return "rtc" if trusted else ""

    def _needed(self, wall: int, off: int) -> tuple[float, str, str]:
        """For how long a time that is believed must stand, and what is said meanwhile."""
        shows = f"the machine's clock shows {rfc3339(wall)}"
        if self.known:
            says = f"{shows}, {abs(off) / SECOND:.1f} s {'before' if off > 0 else 'behind'} the time that was known"
            back = off < -SMALL_S * SECOND
        else:
            says = f"{shows}, and this box has seen {rfc3339(self._kept.latest)}"
            back = wall + SLEW < self._kept.latest
        if back:
            return BACK_S, "back", f"{says}; it is believed when it has stood for {BACK_S:g} s"
        return (STEP_S, "step", f"{says}; it is to be confirmed") if self.known else (0.0, "", "")

    def _why_not(self, wall: int) -> tuple[str, str]:
        shows = f"the machine's clock shows {rfc3339(max(0, wall))}"
        if wall < EARLIEST:
            return "unset", f"{shows}: nobody has set it since the machine started"
        return "unsynchronized", f"{shows}, and is not synchronized"

    def _drifted(self, boot: int) -> float | None:
        """How far a time that was believed then may be wrong now, ms; None: it was not known then."""
        if self._error is None:
            return None
        return round(self._error + (boot - self._good) * DRIFT_PPM / 1e12, 3)

    def _say(self, trouble: str, why: str) -> None:
        if trouble != self._trouble:
            if trouble:
                _log.warning("clock: %s", why)
            else:
                _log.warning("clock: the time is known again (%s)", self._word)
        self._trouble, self.problem = trouble, why

    # --- the disk ---------------------------------------------------------------------------------------------------

    def _keep(self, boot: int) -> None:
        """Write the known time every so often, and at once where it is another."""
        kept = self._kept
        moved = kept.offset is None or abs(kept.offset - self._offset) > SLEW
        if moved or boot - self._written >= KEEP_S * SECOND:
            kept.latest, kept.offset = max(kept.latest, self._offset + boot), self._offset
            self._written = boot
            self._write()

    def _keep_free(self, boot: int) -> None:
        """How far it has come without knowing the time."""
        if not self.known and self._kept.free and boot - self._written >= FREE_S * SECOND:
            self._kept.free_latest, self._written = self._offset + boot, boot
            self._write()

    def _write(self) -> None:
        if self._file is not None:
            self._kept.write(self._file)


def note(machine: Machine, trust: Trust) -> str:
    """What an operator should know of a machine's clock; empty: it is synchronized."""
    if machine.sync().synchronized:
        return ""
    text = "this machine's clock is not synchronized"
    if trust == "always":
        return f"{text}, and is believed all the same (clock: trust: always)"
    if trust == "auto" and not machine.kept():
        return f"{text}, and nothing here would do that: it is believed, and events say clock.sync rtc"
    return (
        f"{text}: until it is, events about people wait for up to ten minutes, and stores are told nothing;"
        " where no time server can be reached, set clock: trust: always"
    )


async def following(run: Callable[[], Awaitable[None]], clock: Clock) -> None:
    """Run a daemon that holds no office time: its clock is set whenever it is to be."""
    if not isinstance(clock, OfficeClock):
        return await run()

    async def follow(clock: OfficeClock) -> None:
        while True:
            await asyncio.sleep(1.0)
            if (change := clock.look()) is not None:
                clock.adopt(change)

    async with asyncio.TaskGroup() as group:
        looking = group.create_task(follow(clock), name="clock")
        try:
            await run()
        finally:
            looking.cancel()
