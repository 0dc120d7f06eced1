"""`hadir decode`: frames as JSON Lines in, measurements as JSON Lines out. A bad line is an answer, never a crash.

{"id", "medium", "hex" or "bits", "address"?, "fport"?, "key"?, "eep"?}
-> {"id", "measurements": [{"kind", "value", "unit", "channel"?}]}  or  {"id", "error": "Kind: why"}
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

from drivers.api import DecodeError, Driver, Frame, Measurement, Truncated, Unsupported

MAX_LINE = 64 * 1024


def run(lines: Iterable[str], out: TextIO, named: Mapping[str, Driver]) -> int:
    """Answer each line; 0 always: errors are answers."""
    for line in lines:
        if line.strip():
            out.write(json.dumps(answer(line, named), separators=(",", ":")) + "\n")
    return 0


def answer(line: str, named: Mapping[str, Driver]) -> dict[str, Any]:
    """What one line says."""
    identity: Any = None
    if len(line) > MAX_LINE:
        return {"id": None, "error": f"DecodeError: a line has at most {MAX_LINE} characters"}
    try:
        row = json.loads(line)
        if not isinstance(row, dict):
            return {"id": None, "error": "DecodeError: not a JSON object"}
        identity = row.get("id")
        measurements = decode(str(row.get("medium", "")), _payload(row), str(row.get("address") or ""), named)
    except DecodeError as error:
        return {"id": identity, "error": f"{error.kind}: {error}"}
    except (ValueError, RecursionError) as error:
        return {"id": identity, "error": f"DecodeError: {error}"}
    return {"id": identity, "measurements": [_written(measurement) for measurement in measurements]}


def decode(medium: str, payload: bytes, address: str, named: Mapping[str, Driver]) -> list[Measurement]:
    """What all drivers of `medium` make of `payload`; a byte stream goes through the framer. Raises DecodeError."""
    fitting = [driver for driver in named.values() if medium in driver.media]
    if not fitting:
        raise Unsupported(f"no driver reads {medium!r}; media: {', '.join(sorted(_media(named)))}")
    made: list[Measurement] = []
    first: DecodeError | None = None
    for driver in fitting:
        frames = [payload]
        if driver.framer is not None:
            cut = driver.framer(b"", payload)
            frames = cut.frames
            if not frames:
                first = first or (Truncated("no whole frame") if cut.state else DecodeError("no frame in these bytes"))
        for data in frames:
            try:
                made += driver.decode(Frame(medium, "decode", address, data))
            except DecodeError as error:
                if first is None or isinstance(first, Unsupported):
                    first = error
    if not made and first is not None:
        raise first
    return made


def _payload(row: Mapping[str, Any]) -> bytes:
    if isinstance(row.get("hex"), str):
        return bytes.fromhex(row["hex"])
    bits = row.get("bits")
    if isinstance(bits, str) and bits and set(bits) <= {"0", "1"} and len(bits) % 8 == 0:
        return int(bits, 2).to_bytes(len(bits) // 8, "big")
    raise DecodeError('give the bytes as "hex", or whole bytes as "bits"')


def _media(named: Mapping[str, Driver]) -> set[str]:
    return {medium for driver in named.values() for medium in driver.media}


def _written(measurement: Measurement) -> dict[str, Any]:
    made = {"kind": measurement.kind, "value": measurement.value, "unit": measurement.unit}
    return made if measurement.channel is None else {**made, "channel": measurement.channel}
