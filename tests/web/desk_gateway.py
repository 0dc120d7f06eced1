"""A gateway's commands and desk rules in the test's own process, behind a real broker: what it is asked is noted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from gateway import wiring
from gateway.clock import Clock
from gateway.commands import Commands
from gateway.config.load import load
from gateway.config.places import Places
from gateway.contract.envelope import Origin, encode
from gateway.counters import Counters
from gateway.decode import installed
from gateway.engine import Engine
from gateway.intake import Asked, Intake
from gateway.outbox_store import Row
from gateway.terms import Terms
from rules.api import Command, Life
from tests.delivery.links import linked, make_link
from tests.web.office import BOOT, GATEWAY


class DeskGateway:
    """While `mute`, it does what it is asked and keeps the answer to itself."""

    def __init__(self, file: Path, port: int, clock: Clock) -> None:
        office = load(file, drivers=installed())
        places = Places(office)
        made = wiring.make_rules(office, places, GATEWAY, {}, unit_sizes={}, now=clock.office())
        self._engine = Engine(made, wiring.make_route(places, GATEWAY, {}), Counters())
        self._clock = clock
        self._intake = Intake(Counters())
        self._origin = Origin(site="kantor", building="utama", gateway=GATEWAY, boot=BOOT)
        self._kept: list[Callable[[], None]] = []
        self._number = 0
        self.link = make_link(port, GATEWAY)
        self.commands = Commands(
            self.link, self._origin, places, self._intake, clock, Counters(), Terms(places.candidates, GATEWAY)
        )
        self.asked: list[Command] = []
        self.told: list[str] = []
        """Types of its events."""
        self.lives: list[Life] = []
        self.mute = False

    def reserved(self, place: str) -> list[tuple[str, int, int]]:
        """(reference, start, end) of what it holds, first first."""
        state = self._engine.state("desk", place)
        return [] if state is None else [(each.ref, each.start, each.end) for each in state.reservations]

    def speak(self) -> None:
        """Its answers go out from now on; those of before come too late."""
        self.mute = False
        for answer in self._kept:
            answer()
        self._kept.clear()

    async def run(self) -> None:
        while True:
            await self._intake.wake.wait()
            self._intake.wake.clear()
            for at, item in list(self._intake.take(100)):
                assert isinstance(item, Asked)
                assert isinstance(item.item, Command)
                self._carry_out(item, item.item, at)

    def _carry_out(self, asked: Asked, command: Command, at: int) -> None:
        self.asked.append(command)
        rows = []
        self._engine.advance(at)
        outcome = self._engine.feed(command, at)
        self.lives += [item for item in outcome.emitted if isinstance(item, Life)]
        for rule, event in outcome.events:
            self._number += 1
            made = encode(event, self._origin, sequence=self._number, recorded_at=at, rule=rule)
            rows.append(Row(BOOT, self._number, event.cls, made.topic, made.body, at, 0, event.person, event.unit))
            self.told.append(event.type)
        asked.outcome(bool(rows))
        if self.mute:
            self._kept.append(lambda: asked.answer(rows))
        else:
            asked.answer(rows)


@asynccontextmanager
async def serving(file: Path, port: int, clock: Clock) -> AsyncIterator[DeskGateway]:
    """One that runs until the block ends."""
    made = DeskGateway(file, port, clock)
    async with linked(made.link):
        running = asyncio.create_task(made.run())
        try:
            yield made
        finally:
            running.cancel()
