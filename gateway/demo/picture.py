"""`python -m gateway.demo.picture docs/demo.svg`: the picture of a running demo for the README."""

from __future__ import annotations

import asyncio
import io
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from gateway.demo.main import make_parts
from gateway.demo.table import View, draw
from gateway.demo.watch import view

AFTER_S = 8.0
"""Eight minutes of office life: most people are in, and a radar is silent."""
OVER_S = 4.0
"""Events are counted over these last seconds."""


async def _take(folder: Path) -> View:
    parts = make_parts(folder, seed=1, speed=60.0)
    try:
        await parts.start()
        await parts.ready()
        await parts.devices.open()
        await asyncio.sleep(AFTER_S - OVER_S)
        before = sum(status["events"] for status in await parts.statuses())
        await asyncio.sleep(OVER_S)
        statuses = await parts.statuses()
        return view(parts, statuses, (sum(status["events"] for status in statuses) - before) / OVER_S)
    finally:
        await parts.end()


def main() -> None:
    """Run a demo for a few seconds and write what its terminal shows."""
    with tempfile.TemporaryDirectory(prefix="hadir-demo-") as folder:
        shown = asyncio.run(_take(Path(folder)))
    console = Console(record=True, width=80, file=io.StringIO(), force_terminal=True)
    console.print(draw(shown))
    console.save_svg(sys.argv[1], title="make run")


if __name__ == "__main__":
    main()
