"""A door (access-control) system that tells of taps: JSON events and CSV lines, and how it writes a card; encode only.

What such systems send differs in every name; this one is in the middle of them: nested JSON, a number that may stand in
decimal or hexadecimal, a facility beside it or not, times in RFC 3339 or in milliseconds, an id for each event.
"""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, tzinfo
from typing import Any, NamedTuple

COLUMNS = ("Event ID", "Date/Time", "Reader", "Facility", "Card", "Result")
_NS = 1_000_000_000


class Tap(NamedTuple):
    """One tap, as the door system has it in its log."""

    reader: str
    number: str
    at: int
    """ns UTC."""
    id: int
    facility: str = ""


# --- how a door system writes a card ---------------------------------------------------------------------------------


def split(bits: int, narrow: int) -> tuple[str, str]:
    """Facility and number of a card's bits without parity, of which `narrow` are the number."""
    return str(bits >> narrow), str(bits & ((1 << narrow) - 1))


def tag_hex(tag: bytes) -> str:
    """An EM4100 card in hexadecimal."""
    return "".join(f"{byte:02x}" for byte in tag)


def tag_dec(tag: bytes, digits: int = 13) -> str:
    """An EM4100 card in decimal; ten digits are of its last four bytes."""
    return str(int.from_bytes(tag if digits > 10 else tag[-4:], "big")).zfill(digits)


def uid_hex(uid: bytes, between: str = ":", *, last_first: bool = False) -> str:
    """The UID of a contactless card."""
    return between.join(f"{byte:02X}" for byte in (uid[::-1] if last_first else uid))


# --- what it sends ---------------------------------------------------------------------------------------------------


def event(tap: Tap, *, milliseconds: bool = False) -> dict[str, Any]:
    """A tap as an object."""
    card: dict[str, Any] = {"number": tap.number}
    if tap.facility:
        card["facility"] = int(tap.facility)
    return {
        "event": {"id": tap.id, "type": "access_granted"},
        "time": tap.at // 1_000_000 if milliseconds else _written(tap.at, UTC).replace(" ", "T") + "Z",
        "door": {"reader": tap.reader},
        "card": card,
    }


def message(*taps: Tap, milliseconds: bool = False) -> bytes:
    """One event as JSON, or several as a list."""
    events = [event(tap, milliseconds=milliseconds) for tap in taps]
    return json.dumps(events[0] if len(events) == 1 else events).encode()


def header(delimiter: str = ",") -> bytes:
    """The first line of a CSV file."""
    return _line(COLUMNS, delimiter)


def line(tap: Tap, zone: tzinfo = UTC, delimiter: str = ",") -> bytes:
    """A line of a CSV file, its time in the door system's own zone, without saying which."""
    row = (str(tap.id), _written(tap.at, zone), tap.reader, tap.facility, tap.number, "granted")
    return _line(row, delimiter)


def _line(cells: tuple[str, ...], delimiter: str) -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerow(cells)
    return out.getvalue().encode()


def _written(at: int, zone: tzinfo) -> str:
    """With milliseconds."""
    moment = datetime.fromtimestamp(at // _NS, zone)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{at % _NS // 1_000_000:03d}"
