"""One contestant: the outbox alone, in groups or one commit an event. Prints one JSON object.

python -m bench.outbox FOLDER EVENTS [plain]
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from bench.adverts import START
from bench.site import BUILDING, FLOOR, GATEWAY, SITE
from gateway.clock import SystemClock
from gateway.config.model import Outbox as Settings
from gateway.contract.envelope import Encoded, Origin, encode
from gateway.counters import Counters
from gateway.daemon import tune_interpreter
from gateway.outbox import Draft, Outbox
from rules.api import Event

GROUP = 100
ORIGIN = Origin(site=SITE, building=BUILDING, gateway=GATEWAY, boot="000001-0000")


def events(count: int) -> list[Draft]:
    """Desks that change state."""
    return [
        Draft(
            Event(
                "occupancy.changed",
                f"{SITE}/{BUILDING}/{FLOOR}/utara/d-{n % 24:02d}",
                START + n * 1_000_000,
                {
                    "state": "occupied" if n % 2 else "vacant",
                    "prev": "vacant" if n % 2 else "occupied",
                    "cause": None,
                    "since": START + n * 1_000_000,
                    "confidence": 0.9,
                    "evidence": [
                        {
                            "dev": f"mmw-{n % 24:02d}",
                            "modality": "radar",
                            "kind": "occupied",
                            "value": bool(n % 2),
                            "age_s": 0.1,
                            "weight": 0.9,
                        }
                    ],
                },
            ),
            "occupancy/1",
            "simulated",
        )
        for n in range(count)
    ]


def _encode(draft: Draft, sequence: int, recorded_at: int) -> Encoded:
    return encode(
        draft.event, ORIGIN, sequence=sequence, recorded_at=recorded_at, rule=draft.rule, quality=draft.quality
    )


async def main(folder: Path, count: int, how: str) -> dict[str, object]:
    tune_interpreter()  # as `hadir run` does
    drafts = events(count)
    outbox = Outbox(folder / "outbox.sqlite", ORIGIN, SystemClock(), Counters(), Settings(), encode=_encode)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(outbox.run(), name="outbox")
        await outbox.append(drafts[:GROUP], ())
        wall = time.perf_counter()
        if how == "plain":
            for draft in drafts:
                await outbox.append([draft], ())
        else:
            for start in range(0, count, GROUP):
                outbox.submit(drafts[start : start + GROUP], ())
                await asyncio.sleep(0)  # as the pipeline does after each of its batches
            await outbox.backlog()
        wall = time.perf_counter() - wall
        kept = await outbox.backlog()
        running.cancel()
    return {"rate": count / wall, "kept": kept.events - GROUP, "bytes": kept.bytes}


if __name__ == "__main__":
    folder, count = Path(sys.argv[1]), int(sys.argv[2])
    print(json.dumps(asyncio.run(main(folder, count, sys.argv[3] if len(sys.argv) > 3 else "grouped"))))
