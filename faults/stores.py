"""Time-series stores that are down, slow, killed, picky, or that say yes and keep nothing.

Real VictoriaMetrics and InfluxDB behind a proxy each; the real ledger, ingest and projections in this process, so that
a fault lasts as long as it needs to. One store is harmed at a time: events go on, and ingest and the other store must
go on as well. At the end each store must hold what a fresh projection of the ledger says, point for point.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from functools import partial

from faults.api import Fault, Outcome, Scene
from faults.defects import cursor_follows_the_answer
from faults.store_site import Archive, Site, archive
from gateway import projection
from gateway.stores import proof

SCALE = {
    (projection, "PROBE_S"): 0.5,
    (projection, "HEAL_S"): 30.0,
    (proof, "SETTLED_S"): 4.0,
    (proof, "LOOK_S"): 0.2,
    (proof, "EVERY_S"): 0.1,
}
"""Test scale of the real settings; the time-outs stay as they are."""
HELD_UP_S = 3.0
"""An acknowledgement, or the other store, that waits longer was held up."""
GUARD_S = 60.0
NOTICES_S = 20.0
"""At this scale a store that keeps nothing is noticed within so long."""


def stores(scene: Scene) -> Outcome:
    """The faults in turn, each at each of the two stores."""
    outcome = Outcome()
    real = {(module, name): getattr(module, name) for module, name in SCALE}
    try:
        for (module, name), value in SCALE.items():
            setattr(module, name, value)
        if scene.broken:
            cursor_follows_the_answer()
        asyncio.run(_stores(scene, outcome))
    finally:
        for (module, name), value in real.items():
            setattr(module, name, value)
    return outcome


async def _stores(scene: Scene, outcome: Outcome) -> None:
    chance = scene.chance
    async with archive(scene.folder) as made:
        for cycle in range(scene.cycles):
            fault = FAULTS[cycle % len(FAULTS)]
            harmed = made.sites[(cycle % len(FAULTS) + cycle // len(FAULTS)) % 2]
            await Harm(made, harmed, outcome, chance, 2.0 if scene.broken else NOTICES_S).do(fault)
        await made.quiet()
        begun = time.monotonic()
        while any(map(any, differs := await made.differs())) and time.monotonic() - begun < (
            3 if scene.broken else GUARD_S
        ):
            await asyncio.sleep(0.3)
        for site, (missing, surplus, other) in zip(made.sites, differs, strict=True):
            outcome.lost += missing
            outcome.duplicated += surplus
            outcome.wrong += other
            if missing or surplus or other:
                outcome.misses.append(f"{site.name}: {missing} missing, {surplus} too many, {other} with another value")
        outcome.offered, outcome.accepted, outcome.stored = made.offered, made.acknowledged, made.held
        outcome.notes["acknowledged_after_s"] = round(made.slowest, 3)
        if made.slowest > HELD_UP_S:
            outcome.misses.append(f"an acknowledgement took {made.slowest:.1f} s")


class Harm:
    """One fault at one store."""

    def __init__(self, made: Archive, site: Site, outcome: Outcome, chance: random.Random, notices_s: float) -> None:
        self._archive = made
        self._site = site
        self._outcome = outcome
        self._chance = chance
        self._notices_s = notices_s
        self._begun = 0.0

    async def do(self, fault: str) -> None:
        before = self._site.proxy.applied
        self._begun = time.monotonic()
        await getattr(self, f"_{fault}")()
        if self._site.proxy.applied > before:
            self._outcome.applies(f"{self._site.name} {WORDS[fault]}")
        if await self._until(lambda: self._archive.is_up_to_date(self._site), GUARD_S):
            self._outcome.recovery_s.append(time.monotonic() - self._begun)
        else:
            self._outcome.misses.append(f"{self._site.name} {WORDS[fault]}: not up to date within {GUARD_S:.0f} s")

    async def _down(self) -> None:
        await self._mode("down", self._chance.uniform(0.5, 1.5))

    async def _slow(self) -> None:
        self._site.proxy.wait_s = self._chance.uniform(0.5, 1.5)
        await self._mode("slow", 2.0)

    async def _void(self) -> None:
        healed = self._archive.healed(self._site)
        await self._mode("void", self._chance.uniform(1.0, 2.0))
        if not await self._until(lambda: self._archive.healed(self._site) > healed, self._notices_s):
            self._outcome.misses.append(f"{self._site.name} kept nothing, and nobody noticed")

    async def _killed(self) -> None:
        proxy, server = self._site.proxy, self._site.server
        await self._until(lambda: self._site.age_s > 1.2, GUARD_S)  # VictoriaMetrics tells its start in whole seconds
        before = proxy.applied
        proxy.after = server.kill
        proxy.mode = "once"
        await self._until(lambda: proxy.applied > before, GUARD_S)
        await self._others_go_on(self._chance.uniform(0.1, 0.8))
        await self._site.start()
        self._begun = time.monotonic()

    async def _picky(self) -> None:
        bad, soon = self._archive.bad_points(self._site), self._archive.offered + self._chance.randrange(20, 900)
        self._archive.poison(self._site, soon)
        await self._until(lambda: self._archive.bad_points(self._site) > bad, GUARD_S)
        await self._until(lambda: self._archive.offered > soon + 100, GUARD_S)
        self._begun = time.monotonic()

    async def _mode(self, mode: str, seconds: float) -> None:
        self._site.proxy.mode = mode
        await self._others_go_on(seconds)
        self._site.proxy.mode = "pass"
        self._begun = time.monotonic()

    async def _others_go_on(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        for other in self._archive.sites:
            if other is not self._site and not await self._until(partial(self._archive.is_near, other), HELD_UP_S):
                self._outcome.misses.append(f"{other.name} was held up by {self._site.name}")

    async def _until(self, what: Callable[[], bool], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not what():
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.02)
        return True


WORDS = {
    "void": "answered 204 to writes and threw them away",
    "killed": "killed right after its 204",
    "picky": "answered 400 to one line",
    "down": "down",
    "slow": "slow",
}
FAULTS = tuple(WORDS)
STORES = Fault(
    name="stores",
    title="store down, slow, killed after its 204, 400 to one line, 204 to nothing (VictoriaMetrics, InfluxDB 1.6)",
    promise="the one bad line is set aside and the others flow; ingest and the other store go on; healed by projection,"
    " each store equals the ledger, point for point",
    defect="the cursor follows the 204: no probe, no proof, no margin",
    run=stores,
    quick=5,
    long=200,
    control=1,
    part=20,
)
