"""What the archive says of itself, and how old that is."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import suppress
from pathlib import Path

from gateway.archive_health import SILENT_S, beside, read, tell
from gateway.clock import SECOND, ManualClock


async def test_it_is_told_at_once_and_its_age_is_the_files(tmp_path: Path) -> None:
    ledger, wall = tmp_path / "ledger.sqlite", ManualClock(1_800_000_000 * SECOND, SECOND)
    assert read(ledger, wall) is None
    with suppress(TimeoutError):
        async with asyncio.timeout(0.2):
            await tell(beside(ledger), lambda: {"connected": True, "stores": {}})
    assert json.loads(beside(ledger).read_text()) == {"connected": True, "stores": {}}
    at = wall.office() / SECOND
    os.utime(beside(ledger), (at, at))
    wall.advance(SILENT_S)
    word = read(ledger, wall)
    assert word is not None
    assert (word.silent, word.body["connected"]) == (False, True)
    wall.advance(1)
    word = read(ledger, wall)
    assert word is not None
    assert word.silent
    beside(ledger).write_text("[")
    assert read(ledger, wall) is None
