"""One contestant: every frame makes an event, fsynced and PUBACKed: badges tapped at readers of ever another zone.

python -m bench.worst FOLDER PORT FRAMES [plain]

`plain` is the same decoding, the same rules, the same outbox and the same link, with one commit and one await an event:
what one would write first.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from random import Random

from bench import site
from bench.adverts import START
from bench.feed import FedClock, gateway, memory_mb, settled
from drivers.api import Frame
from firmware_sim import rdm6300
from gateway.app import GatewayApp
from gateway.outbox import Draft

PEOPLE = 500
WARM = 600
STEP = 10_000_000
"""Office time between two taps, ns."""
CHUNK = 64
WAITS = 512


def taps(count: int) -> list[Frame]:
    """One frame each, never twice in a row at the same zone."""
    rng = Random(2)
    zone = [rng.randrange(len(site.ZONES)) for _ in range(PEOPLE)]
    made: list[Frame] = []
    for n in range(count):
        who = n % PEOPLE if n < PEOPLE else rng.randrange(PEOPLE)
        zone[who] = (zone[who] + rng.randrange(1, len(site.ZONES))) % len(site.ZONES)
        at = START + n * STEP
        frame = rdm6300.frame(site.card(who))
        made.append(Frame("serial:rdm6300", f"tty-{zone[who]}", "", frame, None, at, at))
    return made


async def piped(app: GatewayApp, clock: FedClock, frames: list[Frame]) -> None:
    """The product."""
    intake = app.pipeline.intake
    for start in range(0, len(frames), CHUNK):
        for frame in frames[start : start + CHUNK]:
            clock.now = frame.received_at
            app.pipeline.deliver(frame)
        await asyncio.sleep(0)
        while len(intake) > WAITS:
            await asyncio.sleep(0)
    await settled(app)


async def plain(app: GatewayApp, clock: FedClock, frames: list[Frame]) -> None:
    """One at a time. The publisher is not told, or each event would go out twice."""
    app.outbox._listeners.clear()
    for frame in frames:
        clock.now = frame.received_at
        for item in app.pipeline.inputs(frame):
            outcome = app.pipeline._engine.feed(item, frame.received_at)
            for rule, event in outcome.events:
                for row in await app.outbox.append([Draft(event, rule, app.quality)], outcome.facts):
                    await app.link.deliver(row.topic, row.body)


async def main(folder: Path, port: int, count: int, how: str) -> dict[str, object]:
    frames = taps(WARM + count)
    office = site.make(folder, port, cards=PEOPLE, batch=1 if how == "plain" else 100)
    clock = FedClock()
    async with gateway(office, clock) as app:
        await piped(app, clock, frames[:WARM])
        before = app.outbox.last_sequence
        wall, cpu = time.perf_counter(), time.process_time()
        await (plain if how == "plain" else piped)(app, clock, frames[WARM:])
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        last = app.outbox.last_sequence
        events = last - before
    return {
        "rate": count / wall,
        "events": events,
        "event_share": events / count,
        "cpu_us": cpu / count * 1e6,
        "memory_mb": memory_mb(),
        "source": app.origin.source,
        "last_sequence": last,
    }


if __name__ == "__main__":
    folder, port, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    print(json.dumps(asyncio.run(main(folder, port, count, sys.argv[4] if len(sys.argv) > 4 else "piped"))))
