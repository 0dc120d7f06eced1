"""What is done to a machine's clock, at a moment of chance."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple

from faults.clock_office import CARDS, T0, Box, Day
from gateway.clock import SECOND
from gateway.kernel_clock import ManualMachine
from gateway.timekeeping import BACK_S, STEP_S

HOUR, DAY_S = 3600, 86_400
YEARS = 3652 * DAY_S
SECONDS = 1100


class Run(NamedTuple):
    """A machine, and what is on its disk."""

    box: Box
    day: Day
    chance: random.Random
    right: bool = False
    """Whatever is done to it: its clock shows the time."""

    @property
    def machine(self) -> ManualMachine:
        """The one that runs."""
        return self.box.machine

    @property
    def truth(self) -> int:
        """The time, whatever the machine shows."""
        return T0 + self.box.gone + self.machine.boot() - SECOND

    def loses_power(self, seconds: int) -> None:
        """For so long; the machine that comes up then is the same with its uptime at nothing."""
        back = self.truth + seconds * SECOND
        self.box.machine = ManualMachine(back, kept=self.machine.kept(), life="life-2")
        self.box.gone = back - T0
        self.box.second += seconds

    def synchronize(self) -> None:
        self.machine.set(self.truth, synchronized=True)

    def shows(self, off_s: float, *, synchronized: bool) -> None:
        """The wall clock is so wrong from now on."""
        if self.right:
            off_s, synchronized = 0.0, True
        self.machine.set(self.truth + int(off_s * SECOND), synchronized=synchronized)


async def begins_wrong(run: Run, *, off_s: float) -> None:
    """It starts at another time, and somebody tells it the right one after a while, or after more than HOLD_S."""
    run.shows(off_s, synchronized=False)
    at = run.chance.randrange(1, 800)
    async with run.box.life():
        await run.box.passes(run.day, at)
        run.synchronize()
        await run.box.passes(run.day, SECONDS - at)


async def killed_before(run: Run, *, off_s: float) -> None:
    """As before, and the gateway is killed, once or twice, before the time is known; the machine goes on."""
    run.shows(off_s, synchronized=False)
    left = SECONDS
    for _ in range(run.chance.randrange(1, 3)):
        at = run.chance.randrange(1, 300)
        async with run.box.life(killed=True):
            await run.box.passes(run.day, at)
        left -= at
    at = run.chance.randrange(0, 200)
    async with run.box.life():
        await run.box.passes(run.day, at)
        run.synchronize()
        await run.box.passes(run.day, left - at)


async def killed_in_between(run: Run, *, off_s: float) -> None:
    """It is killed when the clock is set: before the transaction that moves what is remembered, or right after it."""
    run.shows(off_s, synchronized=False)
    at = min(run.day.taps) + run.chance.randrange(2, 30)  # somebody has the desk: that is a fact
    async with run.box.life(killed=True) as clock:
        await run.box.passes(run.day, at)
        run.synchronize()
        if run.chance.random() < 0.5:
            clock.corrected = lambda _boots: None  # type: ignore[method-assign, assignment] # it is not written down any more
            run.box.app.timing.look()
            await run.box.app.outbox.backlog()
        else:
            run.box.app.timing.look()
    async with run.box.life():
        await run.box.passes(run.day, SECONDS - at)


async def comes_back(run: Run, *, off_s: float | None) -> None:
    """A life that knows the time ends with its power; the next begins at another time, or (None) at that of some time
    before the cut, as a box does that writes down the time now and then; and is told the right one later.

    Somebody was there before the cut, and has gone: how long a box was away for is not known to whatever waits on it.
    """
    at, away = run.chance.randrange(105, 300), run.chance.randrange(5, 200)
    rest = Day.of(run.chance, SECONDS - at - away).shifted(at + away)
    card = run.chance.choice(CARDS)
    run = run._replace(day=Day(SECONDS, rest.there | set(range(10, 100)), {13: card, 99: card, **rest.taps}))
    later = run.chance.randrange(1, SECONDS - at - away - 10)
    async with run.box.life(killed=True):
        await run.box.passes(run.day, at)
    run.loses_power(away)
    run.shows(-away - run.chance.uniform(0, 600) if off_s is None else off_s, synchronized=False)
    async with run.box.life():
        await run.box.passes(run.day, later)
        run.synchronize()
        await run.box.passes(run.day, SECONDS - at - away - later)


async def steps(run: Run, *, off_s: float) -> None:
    """A clock that is known is set wrong by somebody, or by a server, and right again."""
    at = run.chance.randrange(5, 600)
    synchronized = run.chance.random() < 0.5
    longest = (BACK_S if off_s < 0 else STEP_S) - 1 if synchronized else 400
    wrong = run.chance.randrange(1, min(400, int(longest)))
    async with run.box.life():
        await run.box.passes(run.day, at)
        run.shows(off_s, synchronized=synchronized)
        await run.box.passes(run.day, wrong)
        run.synchronize()
        await run.box.passes(run.day, SECONDS - at - wrong)


async def was_wrong(run: Run, *, off_s: float) -> None:
    """What it believed was wrong (a server that was) and becomes right: what was said before cannot be told apart."""
    run.shows(off_s, synchronized=True)
    at = run.chance.randrange(5, 400)
    async with run.box.life():
        await run.box.passes(run.day, at)
        run.synchronize()
        await run.box.passes(run.day, SECONDS - at)


async def drifts(run: Run) -> None:
    """500 ppm, and half a second at once now and then: it is followed."""
    async with run.box.life():
        for _ in range(SECONDS):
            off = run.machine.wall() - run.truth
            run.shows(off / SECOND + 0.0005 if abs(off) < SECOND // 3 else 0.0, synchronized=True)
            await run.box.passes(run.day, 1)


async def nobody_keeps_it(run: Run) -> None:
    """No daemon and a right clock: a virtual machine. Everything is placed."""
    run.shows(0.0, synchronized=False)
    async with run.box.life():
        await run.box.passes(run.day, SECONDS)


class Wrong(NamedTuple):
    """A way in which a clock may be wrong."""

    what: str
    do: Callable[[Run], Awaitable[None]]
    kept: bool = True
    """Something is there that keeps the clock."""
    before: bool = True
    """The box has been there a while, and knows when that was."""
    counts: bool = True
    """Counts are taken at the full minutes of the day; else at those that the clock showed, a second beside."""


WAYS = (
    Wrong("1970 at the start", partial(begins_wrong, off_s=-T0 / SECOND + 60), before=False),
    Wrong("1970 at the start of a box that was there before", partial(begins_wrong, off_s=-T0 / SECOND + 60)),
    Wrong("two weeks back at the start", partial(begins_wrong, off_s=-14 * DAY_S)),
    Wrong("ten years ahead at the start", partial(begins_wrong, off_s=YEARS)),
    Wrong("killed before the time was known", partial(killed_before, off_s=-14 * DAY_S)),
    Wrong("killed while the time became known", partial(killed_in_between, off_s=-T0 / SECOND + 60), before=False),
    Wrong("power cut, and 1970 at the return", partial(comes_back, off_s=-T0 / SECOND + 60), counts=False),
    Wrong("power cut, and before the cut at the return", partial(comes_back, off_s=None), counts=False),
    Wrong("an hour ahead for a while", partial(steps, off_s=HOUR)),
    Wrong("an hour back for a while", partial(steps, off_s=-HOUR)),
    Wrong("two weeks back for a while", partial(steps, off_s=-14 * DAY_S)),
    Wrong("a second back and ahead", partial(steps, off_s=-1.0), counts=False),
    Wrong("an hour ahead, and set right", partial(was_wrong, off_s=HOUR)),
    Wrong("an hour back, and set right", partial(was_wrong, off_s=-HOUR)),
    Wrong("500 ppm", drifts, counts=False),
    Wrong("nobody keeps it", nobody_keeps_it, kept=False),
)
