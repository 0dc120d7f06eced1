"""`hadir decode`: frames as JSON Lines in, what they say as JSON Lines out.

In: {"id", "medium", "hex" or "bits", "address"?, "fport"?, "key"?, "eep"?}. Out, one line for each, in order:
{"id", "measurements": [{"kind", "value", "unit", "channel"?}]} or {"id", "error": "Kind: why"}. The kinds are those of
DecodeError, and `Invalid` for a line that is not such an object. `fport` (LoRaWAN), `key` (hexadecimal), `eep` (or
`profile`) and `mapping` are for drivers that need them: without them a device says what can be read without.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TextIO

from drivers.api import Context, DecodeError, Driver, Frame, Measurement, Truncated, Unsupported
from gateway.contract.payload import read_json
from gateway.decode import Drivers, installed
from gateway.errors import PermanentError

MAX_LINE = 64 * 1024
"""Characters of a line."""
MOST_BITS = 255
"""Of a Wiegand message: they are counted by one byte."""
SHOWN = 80
"""Characters of someone else's word that an error repeats."""


class _Invalid(ValueError):
    """The line is not a frame's description."""


def run(lines: Iterable[str], out: TextIO, named: Mapping[str, Driver] | None = None, *, live: bool = False) -> int:
    """Answer every line of `lines` on `out`, also an empty one; 0, for each got its answer, be it an error.

    `named` are the drivers to try; without it all that are installed. A text file is read in bounded pieces; bytes of
    it that are not UTF-8 make their line invalid, not the rest. `live`: somebody waits for each answer.
    """
    drivers = Drivers(installed() if named is None else named)
    for line in _bounded(lines):
        out.write(json.dumps(answer(line, drivers), separators=(",", ":"), allow_nan=False) + "\n")
        if live:
            out.flush()
    return 0


def answer(line: str, drivers: Drivers) -> dict[str, Any]:
    """The object for one line. Never raises."""
    identifier: object = None
    try:
        described = _described(line)
        identifier = _scalar(described.get("id"))
        medium = _text(described, "medium")
        if medium not in drivers.by_medium:
            raise Unsupported(f"no driver reads {medium[:SHOWN]!r}; hadir devices --supported lists the media")
        payload, port = _payload(described, medium), _port(described)
        frame = Frame(medium, "decode", _text(described, "address", ""), payload, port=port)
        made = measurements(frame, drivers, _context(described))
        return {"id": identifier, "measurements": [_written(measurement) for measurement in made]}
    except DecodeError as error:
        return {"id": identifier, "error": f"{error.kind}: {error}"}
    except _Invalid as error:
        return {"id": identifier, "error": f"Invalid: {error}"}


def measurements(frame: Frame, drivers: Drivers, context: Context) -> list[Measurement]:
    """What all drivers that may read `frame` make of it. Raises the first DecodeError when none made anything.

    The payload of a serial medium is a piece of its stream; only the whole frames in it are read.
    """
    made: list[Measurement] = []
    errors: list[DecodeError] = []
    for driver, one in _to_decode(frame, drivers):
        try:
            made += _read(driver, one, context)
        except DecodeError as error:
            errors.append(error)
    if errors and not made:
        raise errors[0]
    return made


def _read(driver: Driver, frame: Frame, context: Context) -> list[Measurement]:
    """With as much of the context as the driver can use."""
    usable = Context(
        key=context.key if len(context.key) in driver.key_sizes else b"",
        profile=context.profile if context.profile in driver.profiles else "",
        mapping=context.mapping,
    )
    if driver.decode_with is None or usable == Context():
        return driver.decode(frame)
    return driver.decode_with(frame, usable).measurements


def _to_decode(frame: Frame, drivers: Drivers) -> list[tuple[Driver, Frame]]:
    """At least one (driver, frame), or a DecodeError."""
    known = drivers.by_medium[frame.medium]
    if frame.medium == "ble_adv":
        known = drivers.claimants(frame.payload)
        if not known:
            raise Unsupported("no driver claims this advert")
    made: list[tuple[Driver, Frame]] = []
    rest, dropped = 0, ""
    for driver in known:
        if driver.framer is None:
            made.append((driver, frame))
            continue
        cut = driver.framer(b"", frame.payload)
        rest = max(rest, len(cut.state))
        dropped = dropped or ", ".join(f"{size} {cause}" for cause, size in cut.dropped.items())
        made += [(driver, frame._replace(payload=payload)) for payload in cut.frames]
    if not made:
        if rest and not dropped:
            raise Truncated(f"the frame ends after {rest} bytes")
        raise DecodeError(f"no frame in {len(frame.payload)} bytes" + (f": {dropped}" if dropped else ""))
    return made


def _described(line: str) -> dict[str, Any]:
    if not line or line.isspace():
        raise _Invalid("an empty line")
    if len(line) > MAX_LINE:
        raise _Invalid(f"longer than {MAX_LINE} characters")
    try:
        value = read_json(line.encode("utf-8", "surrogateescape"), limit=4 * MAX_LINE)
    except (PermanentError, UnicodeEncodeError) as error:
        raise _Invalid(str(error)) from error
    if not isinstance(value, dict):
        raise _Invalid('not an object; write {"id": 1, "medium": "em4100", "hex": "0f0368568b"}')
    return value


def _scalar(value: object) -> object:
    if value is not None and not isinstance(value, str | int | float):
        raise _Invalid('"id" is neither text nor a number')
    return value


def _text(described: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = described.get(name, default)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise _Invalid(f'"{name}" is missing' if value is None else f'"{name}" is not text')
    return value


def _context(described: Mapping[str, Any]) -> Context:
    mapping = described.get("mapping") or {}
    if not isinstance(mapping, dict):
        raise _Invalid('"mapping" is not an object')
    profile = _text(described, "profile", "") or _text(described, "eep", "")
    return Context(key=_hex(described, "key", ""), profile=profile, mapping=mapping)


def _port(described: Mapping[str, Any]) -> int | None:
    value = described.get("fport")
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 255):
        raise _Invalid('"fport" is not a number from 0 to 255')
    return value


def _hex(described: Mapping[str, Any], name: str, default: str | None = None) -> bytes:
    try:
        return bytes.fromhex(_text(described, name, default))
    except ValueError as error:
        raise _Invalid(f'"{name}": {error}') from error


def _payload(described: Mapping[str, Any], medium: str) -> bytes:
    if described.get("hex") is not None and described.get("bits") is not None:
        raise _Invalid('"hex" and "bits" are both given')
    if described.get("bits") is not None:
        bits = _text(described, "bits").replace(" ", "")
        if set(bits) - {"0", "1"}:
            raise _Invalid('"bits" has something else than 0 and 1')
        if medium == "wiegand":
            if len(bits) > MOST_BITS:
                raise _Invalid(f"more than {MOST_BITS} bits")
            return packed(bits, counted=True)
        if len(bits) % 8:
            raise Truncated(f"{len(bits)} bits are not whole bytes")
        return packed(bits)
    return _hex(described, "hex")


def packed(bits: str, *, counted: bool = False) -> bytes:
    """Bits as bytes, zeros behind the last; `counted`: their number before them, as the medium `wiegand` has it."""
    whole = bits + "0" * (-len(bits) % 8)
    data = int(whole or "0", 2).to_bytes(len(whole) // 8, "big")
    return bytes((len(bits),)) + data if counted else data


def _written(made: Measurement) -> dict[str, Any]:
    written = {"kind": made.kind, "value": made.value, "unit": made.unit}
    return written if made.channel is None else {**written, "channel": made.channel}


def _bounded(lines: Iterable[str]) -> Iterator[str]:
    """Lines; of a file at most MAX_LINE + 1 characters of each, so that no line can fill the memory."""
    if not isinstance(lines, io.TextIOBase):
        yield from lines
        return
    if isinstance(lines, io.TextIOWrapper):
        lines.reconfigure(encoding="utf-8-sig", errors="surrogateescape", newline="\n")
    while line := lines.readline(MAX_LINE + 1):
        yield line
        while line and not line.endswith("\n"):
            line = lines.readline(MAX_LINE)
