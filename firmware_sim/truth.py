"""The ledger of the truth: what the devices sent and what really happened, JSON Lines, flushed line by line.

    {"kind":"begin","seed":7,"start":ns,"anchor":ns,"speed":60.0,
     "spaces":{place:{"kind":"desk","modality":"radar","device":"mmw-d-001","reader":"rdr-d-001"}}}
    {"kind":"open","office":ns,"machine":ns}          people live from here on; devices spoke before
    {"kind":"frame","dev":"mmw-d-001","crc":"1b2c3d4e","machine":ns}
    {"kind":"tap","reader":"rdr-d-001","place":..,"badge":3,"machine":ns,"office":ns,"expected":"started","moved_from":""}
    {"kind":"sit" | "stand","place":..,"person":3,"office":ns,"machine":ns}
    {"kind":"zone","person":3,"zone":"l05/timur","office":ns}
    {"kind":"shown","reader":"rdr-d-013","line":..}   what an OSDP reader was told to show
    {"kind":"outage","dev":"mmw-d-004","place":..,"from":ns,"to":ns}        office time
    {"kind":"end","office":ns,"machine":ns,"frames":n,"adverts":n,"taps":n,"dropped":n,"late":ns}

`machine` of a frame or tap is the monotonic clock when the write that completes the (first) frame began, so that nobody
has read it earlier. A frame is named by the CRC-32 of sender's address and payload; for an advert the payload is the AD
structures that BlueZ hands on: manufacturer data, then service data. People are their index in the office: this file
never leaves the machine.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from zlib import crc32


def frame_name(address: str, payload: bytes) -> str:
    """8 hex digits: CRC-32 of the sender's address and the payload."""
    return f"{crc32(payload, crc32(address.encode())):08x}"


class Truth:
    """Writes the ledger; without a file it only counts. `close` it."""

    def __init__(self, path: Path | None) -> None:
        self._file = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("w", encoding="ascii", buffering=1)

    def write(self, kind: str, **fields: Any) -> None:
        """One line."""
        if self._file is not None:
            self._file.write(json.dumps({"kind": kind, **fields}, separators=(",", ":")) + "\n")

    def frame(self, device: str, name: str, machine: int) -> None:
        """The line that is written most."""
        if self._file is not None:
            self._file.write(f'{{"kind":"frame","dev":"{device}","crc":"{name}","machine":{machine}}}\n')

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def read(path: Path) -> Iterator[Mapping[str, Any]]:
    """The lines of a ledger; a last line that was cut by a kill is left out."""
    with path.open(encoding="ascii") as lines:
        for line in lines:
            if line.endswith("\n"):
                yield json.loads(line)
