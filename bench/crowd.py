"""One contestant: hadir's whole path, adverts in -> decoded, ruled, durable, PUBACKed. Prints one JSON object.

python -m bench.crowd FOLDER PORT ADVERTS [SHARE-OF-STRANGERS]
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from bench import site
from bench.adverts import crowd
from bench.feed import WAITS, FedClock, gateway, memory_mb, settled
from bench.radio import as_bleak
from gateway.app import GatewayApp

TAGS = 300
WARM = 40_000
"""Adverts before the clock runs: everybody has been seen, nobody's first event is counted."""
CHUNK = 256

Radio = list[tuple[int, BLEDevice, AdvertisementData, int]]


async def feed(app: GatewayApp, clock: FedClock, radio: Radio) -> None:
    """Hand it over as fast as the gateway takes it."""
    handles = [source.callback(app.pipeline.deliver) for source in app.sources if hasattr(source, "callback")]
    intake = app.pipeline.intake
    for start in range(0, len(radio), CHUNK):
        for receiver, device, advert, at in radio[start : start + CHUNK]:
            clock.now = at
            handles[receiver](device, advert)
        await asyncio.sleep(0)
        while len(intake) > WAITS:
            await asyncio.sleep(0)
    await settled(app)


async def main(folder: Path, port: int, count: int, strangers: float) -> dict[str, object]:
    heard = crowd(WARM + count, tags=TAGS, strangers=strangers)
    office = site.make(folder, port, tags=TAGS)
    clock = FedClock()
    radio: Radio = [(one.receiver, *as_bleak(one), one.at) for one in heard]
    async with gateway(office, clock) as app:
        idle = memory_mb()
        await feed(app, clock, radio[:WARM])
        before = app.outbox.last_sequence
        wall, cpu = time.perf_counter(), time.process_time()
        await feed(app, clock, radio[WARM:])
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        last = app.outbox.last_sequence
        events = last - before
        enrolled = sum(1 for one in heard[WARM:] if one.tag >= 0)
        lost_frames = app.counters.get("intake.dropped")
    return {
        "rate": count / wall,
        "cpu_us": cpu / count * 1e6,
        "events": events,
        "enrolled": enrolled,
        "event_share": events / enrolled if enrolled else 0.0,
        "intake_dropped": lost_frames,
        "idle_mb": idle,
        "memory_mb": memory_mb(),
        "source": app.origin.source,
        "last_sequence": last,
    }


if __name__ == "__main__":
    folder, port, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    share = float(sys.argv[4]) if len(sys.argv) > 4 else 0.75
    print(json.dumps(asyncio.run(main(folder, port, count, share))))
