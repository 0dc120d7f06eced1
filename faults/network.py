"""The network between gateways and broker: cut, half-open, reset, slow, late, silent, all the time."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from faults import fleet
from faults.api import Fault, Outcome, Scene
from faults.defects import DEFECTS
from faults.office import ARCHIVE, RealOffice
from faults.wire import KINDS, BadWire
from faults.work import peak_mb
from gateway import mqtt, outstanding, publisher
from tests.conftest import Mosquitto, free_port

LINKS = 100
BACKOFF_S = 0.2
RESEND_S = 5.0
DRAIN_S = 90.0
MINUTE_S = 60.0
CONTROL_S = 12.0
"""So long a link without a back-off needs to be found out."""
MOST_A_MINUTE = 10


def _site(scene: Scene, gateways: int) -> tuple[Mosquitto, RealOffice]:
    (scene.folder / "broker").mkdir()
    broker = Mosquitto(scene.folder / "broker", free_port())
    return broker, RealOffice(scene.folder / "office", broker, settings=fleet.office(gateways))


def back_off(jitter: Callable[..., float]) -> Callable[..., float]:
    """Let links of this process rest so long between two tries; what they did before."""
    before: Callable[..., float] = mqtt.full_jitter  # type: ignore[attr-defined] # as that module calls it
    mqtt.full_jitter = jitter  # type: ignore[attr-defined]
    return before


def network(scene: Scene) -> Outcome:
    """`cycles` faults over at most 100 links, with a back-off of test scale."""
    outcome = Outcome()
    links = min(LINKS, max(5, scene.cycles // 10))
    broker, office = _site(scene, links)
    broker.start()
    before = (outstanding.RESEND_S, publisher.LOOK_S)
    jitter = back_off(lambda _attempt, **_: random.uniform(0, BACKOFF_S))
    outstanding.RESEND_S, publisher.LOOK_S = RESEND_S, 1.0
    if scene.broken:
        DEFECTS["retires-on-puback"]()
    try:
        office.launch(ARCHIVE, "gateway.cli")
        asyncio.run(_storm(scene, outcome, links, office, broker.port))
        outcome.rss_mb = peak_mb(office.processes[ARCHIVE].pid)
    finally:
        outstanding.RESEND_S, publisher.LOOK_S = before
        back_off(jitter)
        office.close()
        broker.stop()
    return outcome


async def _storm(scene: Scene, outcome: Outcome, links: int, office: RealOffice, port: int) -> None:
    chance = scene.chance
    async with AsyncExitStack() as stack:
        wires = [
            await stack.enter_async_context(BadWire(port, random.Random(chance.random())).open()) for _ in range(links)
        ]
        members = [
            fleet.Member(fleet.gateway(number), scene.folder / fleet.gateway(number), wire.port)
            for number, wire in enumerate(wires)
        ]
        for member in members:
            await member.run(stack)
        workers = [asyncio.create_task(member.work(links / 60, random.Random(chance.random()))) for member in members]
        begun = time.monotonic()
        while sum(wire.done.total() for wire in wires) < scene.cycles:
            if time.monotonic() - begun > 30 + scene.cycles * 3 / links:
                outcome.misses.append("connections were not made often enough to be cut")
                break
            if scene.broken and int(time.monotonic() - begun) % 3 == 0:
                await _restart(office)
            await asyncio.sleep(0.2)
        for wire in wires:
            wire.kinds = []
            for kind in KINDS:
                if wire.done[kind]:
                    outcome.applies(kind, wire.done[kind])
        for worker in workers:
            worker.cancel()
        await asyncio.wait(workers)
        healed = time.monotonic()
        late = await fleet.all_empty(members, DRAIN_S)
        outcome.notes["drain_s"] = round(time.monotonic() - healed, 2)
        if late:
            outcome.misses.append(f"not drained after {DRAIN_S:.0f} s: {', '.join(late)}")
        outcome.offered = sum(member.offered for member in members)
        accepted = {name: body for member in members for name, body in member.accepted.items()}
        fleet.compare(outcome, accepted, office.ledger)


async def _restart(office: RealOffice) -> None:
    """So that what only the broker has heard of is gone with its session: the control's defect must cost something."""
    await asyncio.to_thread(office.kill, ARCHIVE)
    office.broker.kill()
    office.broker.start()
    office.launch(ARCHIVE, "gateway.cli")
    await asyncio.sleep(1.5)


def pace(scene: Scene) -> Outcome:
    """One link with its real settings, each of whose connections is cut soon: how often it comes back in a minute."""
    outcome = Outcome()
    (scene.folder / "broker").mkdir()
    broker = Mosquitto(scene.folder / "broker", free_port())
    broker.start()
    jitter = back_off(lambda _attempt, **_: 0.1) if scene.broken else None
    try:
        asyncio.run(_watch(scene, outcome, broker.port, scene.folder))
    finally:
        if jitter is not None:
            back_off(jitter)
        broker.stop()
    return outcome


async def _watch(scene: Scene, outcome: Outcome, port: int, folder: Path) -> None:
    async with BadWire(port, scene.chance, ("cut", "reset", "half-open out")).open() as wire, AsyncExitStack() as stack:
        member = fleet.Member("gw-000", folder / "gw-000", wire.port, frozen_after_s=5.0)
        await member.run(stack)
        worker = asyncio.create_task(member.work(0.05, scene.chance))
        for minute in range(scene.cycles):
            already = wire.accepted
            await asyncio.sleep(CONTROL_S if scene.broken else MINUTE_S)
            made = wire.accepted - already
            outcome.applies(f"{CONTROL_S:.0f} s of cuts" if scene.broken else "a minute of cuts")
            outcome.notes[f"connections in minute {minute + 1}"] = made
            if made > MOST_A_MINUTE + (minute == 0):  # the first connection is no reconnection
                outcome.misses.append(f"{made} connections in minute {minute + 1}")
        worker.cancel()
        await asyncio.wait((worker,))
        outcome.offered = outcome.accepted = outcome.stored = 0


NETWORK = Fault(
    name="network",
    title="network: cut after k bytes, reset, half-open, 2 s late, 10 kB/s, single bytes, accepted and silent",
    promise="10,000 faults over 100 links lose nothing",
    defect="the gateway lets an event go at the broker's PUBACK",
    run=network,
    quick=100,
    long=10_000,
    part=10_000,
    control=40,
)
PACE = Fault(
    name="network-pace",
    title="network: every connection of one link with real settings is cut, minute by minute",
    promise="at most 10 reconnections a minute",
    defect="no back-off",
    run=pace,
    quick=1,
    long=5,
    control=1,
)
