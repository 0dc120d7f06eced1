"""Many small gateways in one process, each the real outbox, publisher and link; and the real archive beside them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from faults.api import Outcome
from faults.judge import holes
from gateway import ledger
from gateway.clock import SECOND, SystemClock
from gateway.config import model
from gateway.config.sources import Broker
from gateway.contract.envelope import Encoded, Origin, encode
from gateway.counters import Counters
from gateway.mqtt import Link
from gateway.outbox import Draft, Outbox
from gateway.publisher import Publisher
from rules.api import Event
from tests.delivery.world import running

SITE, BUILDING = "kantor", "utama"
BOOT = "000001-abcd"
Name = tuple[str, str, int]
"""(gateway, boot, sequence)."""


def office(gateways: int) -> dict[str, Any]:
    """Keys of office.yaml: a floor and two desks for each."""
    names = [gateway(number) for number in range(gateways)]
    spaces = [{"id": "d-1"}, {"id": "d-2"}]
    floors = [{"id": f"l{name}", "owner": name, "zones": [{"id": "timur", "spaces": spaces}]} for name in names]
    return {
        "buildings": [{"id": BUILDING, "coordinator": names[0], "floors": floors}],
        "gateways": [{"id": name, "place": f"{BUILDING}/l{name}"} for name in names],
        "devices": [],
    }


def gateway(number: int) -> str:
    return f"gw-{number:03d}"


def changed(number: int, at: int, name: str) -> Event:
    """An event without a person; each of one gateway says something else."""
    state = ("occupied", "vacant")[number % 2]
    data = {"state": state, "prev": "unknown", "cause": None, "since": at, "confidence": 0.9}
    place = f"{SITE}/{BUILDING}/l{name}/timur/d-{number % 2 + 1}"
    return Event("occupancy.changed", place, at + number, {**data, "evidence": []})


class Member:
    """One gateway of the fleet."""

    def __init__(self, name: str, folder: Path, port: int, *, frozen_after_s: float = 2.0) -> None:
        folder.mkdir(parents=True)
        clock, counters = SystemClock(), Counters()
        self.name = name
        self.origin = Origin(site=SITE, building=BUILDING, gateway=name, boot=BOOT)
        bounds = model.Outbox.model_construct(ballast_bytes=0)
        self.outbox = Outbox(folder / "outbox.sqlite", self.origin, clock, counters, bounds, encode=self._encode)
        self.link = Link(
            Broker(port=port, frozen_after_s=frozen_after_s),
            client_id=f"hadir-{SITE}-{name}",
            clock=clock,
            counters=counters,
            base=folder,
            canary=f"hadir/v1/gw/{SITE}/{name}/canary",
        )
        self.publisher = Publisher(self.link, self.outbox, self.origin, clock, counters)
        self.offered = 0
        self.accepted: dict[Name, bytes] = {}

    def _encode(self, draft: Draft, sequence: int, recorded_at: int) -> Encoded:
        return encode(draft.event, self.origin, sequence=sequence, recorded_at=recorded_at, rule=draft.rule)

    async def work(self, every_s: float, chance: random.Random) -> None:
        """Two events at a time, until cancelled. What has returned from the durable append is accepted."""
        clock = SystemClock()
        while True:
            events = [changed(self.offered + n, clock.office(), self.name) for n in range(2)]
            self.offered += len(events)
            for row in await self.outbox.append([Draft(event, "occupancy/1") for event in events], ()):
                self.accepted[self.name, row.boot, row.sequence] = row.body
            await asyncio.sleep(chance.uniform(0.0, 2 * every_s))

    async def run(self, stack: AsyncExitStack) -> None:
        """Outbox, link and publisher, until the stack is closed."""
        await stack.enter_async_context(running(self.outbox, self.link, self.publisher))


def compare(outcome: Outcome, accepted: Mapping[Name, bytes], store: Path) -> None:
    """The ledger, read back, against what was accepted."""
    found: dict[Name, list[bytes]] = {}
    for row in ledger.read(store):
        found.setdefault((row.gateway, row.boot, row.sequence), []).append(row.body)
    outcome.accepted += len(accepted)
    for hole in holes(store, {}):
        left = {(hole.gateway, hole.boot, number) for number in range(hole.first, hole.last + 1)} - accepted.keys()
        outcome.lost += len(left)  # what was accepted is counted below
    for name, body in accepted.items():
        rows = found.get(name, [])
        outcome.stored += bool(rows)
        outcome.lost += not rows
        outcome.duplicated += max(0, len(rows) - 1)
        outcome.wrong += any(row != body for row in rows)


async def all_empty(members: Sequence[Member], seconds: float) -> list[str]:
    """Names of those that still have something after so long."""
    waits = [asyncio.create_task(member.outbox.empty(), name=member.name) for member in members]
    _, late = await asyncio.wait(waits, timeout=seconds)
    for task in late:
        task.cancel()
    return sorted(task.get_name() for task in late)


__all__ = ["BOOT", "SECOND", "Member", "all_empty", "changed", "compare", "gateway", "office"]
