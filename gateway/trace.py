"""Latency traces: which frame caused which event, and when it was committed; JSON Lines on this machine only.

Off unless asked for (`--trace`), because it names frames: the demo and the benches join it with the simulator's own
ledger. A frame is named by the CRC-32 of address and payload, never by its bytes; as that of a short card number gives
it away, a gateway of a real office refuses to write one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from zlib import crc32

from drivers.api import Frame


def frame_name(frame: Frame) -> str:
    """8 hex digits: CRC-32 of the sender's address and the payload."""
    return f"{crc32(frame.payload, crc32(frame.address.encode())):08x}"


class Trace:
    """An append-only file, buffered a block at a time; closed by `close`."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="ascii")

    def write(self, rows: Iterable[dict[str, Any]]) -> None:
        """Append rows; small enough to be written between two events."""
        for row in rows:
            self._file.write(json.dumps(row, separators=(",", ":")) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Flush and close."""
        self._file.close()
