"""Zone packs: radio packets of a real office as frames, so that they take the whole path from hop 1 on.

A pack is a folder with site.json (receivers and zones, in metres) and sightings.csv[.gz] (t, beacon, receiver, rssi).
Its beacons become iBeacons of one UUID, each enrolled under a pseudonym made from the pack's name: replaying it twice
gives the same people.
"""

from __future__ import annotations

import csv
import gzip
import hmac
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from drivers.api import Frame
from gateway.clock import SECOND
from gateway.config.model import Building, Device, Floor, Gateway, Office, Zone
from gateway.config.sources import ReplaySource
from gateway.counters import Counters
from gateway.errors import ConfigError, Problem
from gateway.snapshots import Entry

GATEWAY = "replay"
BUILDING, FLOOR = "rekaman", "l01"
LATEST = 2**63
UUID = bytes.fromhex("68616469722d7061636b2d7265706c61")
MOST_BEACONS = 65_536
RSSI = range(-127, 21)
"""dBm that a Bluetooth controller can report (Core 5.4, 4.E.7.7.65.2); some packs hold others."""


class Pack:
    """One zone pack."""

    def __init__(self, folder: Path) -> None:
        """Raises ConfigError for a folder that is not a pack."""
        self.folder = folder
        try:
            self._site = json.loads((folder / "site.json").read_text(encoding="utf-8"))
            self.name = _identifier(self._site["name"])
            self._receivers = {_identifier(r["id"]): (r["x"], r["y"]) for r in self._site["receivers"]}
            self._zones = {_identifier(z["id"]): z["polygon"] for z in self._site["zones"]}
            self._stands = {name: self._zone_of(at) for name, at in self._receivers.items()}
            self.sightings = next(p for p in (folder / "sightings.csv.gz", folder / "sightings.csv") if p.exists())
        except (OSError, ValueError, LookupError, TypeError, StopIteration, RecursionError) as error:
            text = f"is not a zone pack (site.json, sightings.csv.gz): {type(error).__name__} {error}"
            raise ConfigError(Problem(file=str(folder), line=None, text=text)) from error
        if len(self._zones) < len(self._site["zones"]) or len(self._receivers) < len(self._site["receivers"]):
            text = "has two zones or two receivers of one name"
            raise ConfigError(Problem(file=str(folder / "site.json"), line=None, text=text))

    def office(self) -> Office:
        """The pack as an office of one gateway, which is its own coordinator."""
        return Office(
            site=self.name,
            timezone="UTC",
            buildings=(
                Building(
                    id=BUILDING,
                    coordinator=GATEWAY,
                    floors=(Floor(id=FLOOR, owner=GATEWAY, zones=tuple(Zone(id=zone) for zone in self._zones)),),
                ),
            ),
            gateways=(
                Gateway(
                    id=GATEWAY,
                    place=f"{BUILDING}/{FLOOR}",
                    sources=tuple(
                        ReplaySource(type="replay", id=name, path=self.sightings, device=name)
                        for name in self._receivers
                    ),
                ),
            ),
            devices=tuple(
                Device(id=name, driver="receiver", place=f"{BUILDING}/{FLOOR}/{zone}")
                for name, zone in self._stands.items()
            ),
        )

    def frames(self, counters: Counters) -> Iterator[Frame]:
        """Packets in order of time; rows that are not packets are counted, and a cut file ends where it is cut."""
        numbers: dict[str, int] = {}
        opened = gzip.open if self.sightings.suffix == ".gz" else open
        with opened(self.sightings, "rt", encoding="utf-8", errors="replace", newline="") as lines:
            rows = csv.DictReader(lines)
            while True:
                try:
                    row = next(rows)
                except StopIteration:
                    return
                except csv.Error:
                    counters.add("replay.dropped", "bad_line")
                    continue
                except (EOFError, OSError):
                    counters.add("replay.dropped", "cut_file")
                    return
                frame = self._frame(row, numbers)
                if isinstance(frame, Frame):
                    yield frame
                else:
                    counters.add("replay.dropped", frame)

    def beacons(self) -> int:
        """How many beacons the pack has: they are numbered in the order of their first packets."""
        return max((int.from_bytes(frame.payload[24:26], "big") for frame in self.frames(Counters())), default=-1) + 1

    def _frame(self, row: dict[str, Any], numbers: dict[str, int]) -> Frame | str:
        """The packet of one row, or why there is none: bad_line, rssi, receiver, beacons."""
        try:
            whole, _, part = row["t"].partition(".")
            at = int(whole) * SECOND + int(part[:9].ljust(9, "0"))
            rssi = round(float(row["rssi"]))
            receiver = _identifier(row["receiver"])
            number = numbers.get(row["beacon"], len(numbers))
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
            return "bad_line"
        if at <= 0 or at >= LATEST or whole.startswith("-"):
            return "bad_line"
        if rssi not in RSSI:
            return "rssi"
        if receiver not in self._receivers:
            return "receiver"
        if number >= MOST_BEACONS:
            return "beacons"
        numbers[row["beacon"]] = number
        body = b"\x4c\x00\x02\x15" + UUID + (1).to_bytes(2, "big") + number.to_bytes(2, "big") + b"\xc5"
        payload = bytes((len(body) + 1, 0xFF)) + body
        return Frame("ble_adv:ibeacon", receiver, "", payload, rssi, at, at)

    def person(self, number: int) -> Entry:
        """Who carries beacon `number`."""
        digest = hmac.digest(b"hadir zone pack", f"{self.name}/{number}".encode(), "sha256")
        return Entry(f"p-{digest[:8].hex()}")

    def credential(self, number: int) -> str:
        """What the driver says of beacon `number`."""
        text = UUID.hex()
        return f"ibeacon:{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}:1:{number}"

    def _zone_of(self, at: tuple[float, float]) -> str:
        for name, polygon in self._zones.items():
            if _inside(at, polygon):
                return name
        return min(self._zones, key=lambda name: _distance(at, self._zones[name]))


def _identifier(text: Any) -> str:
    made = re.sub(r"[^a-z0-9]+", "-", str(text).lower()).strip("-")[:32].strip("-")
    if not made:
        raise ValueError(f"{text!r} has no letter or digit")
    return made


def _distance(at: tuple[float, float], polygon: list[list[float]]) -> float:
    """Squared distance to the nearest edge."""
    return min(_to_edge(at, start, end) for start, end in zip(polygon, [*polygon[1:], polygon[0]], strict=True))


def _to_edge(at: tuple[float, float], start: list[float], end: list[float]) -> float:
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = dx * dx + dy * dy
    along = 0.0 if not length else ((at[0] - start[0]) * dx + (at[1] - start[1]) * dy) / length
    along = min(1.0, max(0.0, along))
    return (start[0] + along * dx - at[0]) ** 2 + (start[1] + along * dy - at[1]) ** 2


def _inside(at: tuple[float, float], polygon: list[list[float]]) -> bool:
    """Even-odd rule."""
    x, y = at
    inside = False
    for (x1, y1), (x2, y2) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
    return inside
