"""What the archive says of itself, in a file beside the ledger: whoever reads the ledger can read how its writer is.

A file and no topic: it is read on the archive's own box only, it must also be told while the broker is away, and it is
no part of the contract. How old its word is shows by the file's own time, which no clock of the office scales.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from gateway.clock import SECOND, Clock

_log = logging.getLogger(__name__)

EVERY_S = 10.0
SILENT_S = 45
"""Of wall time: an archive that said nothing for longer does not run."""
LARGEST = 256 * 1024


class ArchiveWord(NamedTuple):
    """The archive's last word."""

    age_s: float
    body: Mapping[str, Any]
    """connected, link, stored, stores {name: {cursor, problem}}, two_boots [gateway], refused."""

    @property
    def silent(self) -> bool:
        """Whether it does not run."""
        return self.age_s > SILENT_S


def beside(ledger: Path) -> Path:
    """Where the file is."""
    return ledger.with_name(f"{ledger.name}.health.json")


async def tell(path: Path, body: Callable[[], Mapping[str, Any]]) -> None:
    """Write it every EVERY_S until cancelled. A disk that takes nothing is said in the log, once."""
    problem = ""
    while True:
        text = json.dumps(body(), separators=(",", ":")).encode()
        try:
            await asyncio.to_thread(_replace, path, text)
            problem = ""
        except OSError as error:
            if problem != str(error):
                _log.error("%s: %s", path, error)
            problem = str(error)
        await asyncio.sleep(EVERY_S)


def _replace(path: Path, data: bytes) -> None:
    """Whole or not at all for a reader; not durable on purpose: after a power cut an old word is worth nothing."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(data)
    fresh.replace(path)


def read(ledger: Path, wall: Clock) -> ArchiveWord | None:
    """The last word; None: none was ever said here. `wall`: never scaled."""
    path = beside(ledger)
    try:
        with path.open("rb") as file:
            body = json.loads(file.read(LARGEST))
        age = (wall.office() - path.stat().st_mtime_ns) / SECOND
    except (OSError, ValueError):
        return None
    return ArchiveWord(max(0.0, age), body) if isinstance(body, dict) else None
