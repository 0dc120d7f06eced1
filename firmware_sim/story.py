"""The ledger of the truth, read back: taps, who sat where, outages, frames, as a judge needs them."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Place(NamedTuple):
    """A desk or a room."""

    kind: str
    modality: str
    """Of its sensor."""
    device: str
    reader: str
    """Empty for a room."""


class TapTruth(NamedTuple):
    """One tap."""

    reader: str
    place: str
    badge: int
    machine: int
    """When the last byte of its first frame had been written."""
    office: int
    expected: str
    moved_from: str


class Outage(NamedTuple):
    """A device that was silent, office time."""

    device: str
    place: str
    start: int
    end: int


@dataclass(kw_only=True)
class Story:
    """One run of the simulator. All times are ns; series are in order of time."""

    start: int
    anchor: int
    speed: float
    begin: int
    """Office time from which people lived; START when the office never opened."""
    end: int
    """Office time at which devices stopped."""
    places: dict[str, Place] = field(default_factory=dict)
    taps: list[TapTruth] = field(default_factory=list)
    tapped: dict[str, list[int]] = field(default_factory=dict)
    """Reader -> machine times of the taps."""
    outages: list[Outage] = field(default_factory=list)
    occupied: dict[str, list[tuple[int, bool]]] = field(default_factory=dict)
    """Place -> (office time, whether somebody sits there from then on)."""
    taken: dict[str, list[tuple[int, bool]]] = field(default_factory=dict)
    """Desk -> (office time, whether a check-in is open from then on), by taps alone."""
    frames: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    """(device, name of a frame) -> machine times at which it wrote such a frame; empty radars say all the same."""

    def machine_at(self, office: int) -> int:
        return self.anchor + int((office - self.start) / self.speed)

    def office_at(self, machine: int) -> int:
        return self.start + int((machine - self.anchor) * self.speed)

    def at_real_speed(self, written: int, read: int) -> int:
        """Office time at which a frame would have been read had the office not been hurried.

        A machine that reads a byte 30 ms late is 30 ms late; at 60 times speed the clock makes 1.8 s of it.
        """
        return self.office_at(written) + read - written

    def written_before(self, devices: Sequence[str], name: str, machine: int) -> int | None:
        """When the frame that was read at `machine` was written, by one of the devices behind its source; None: never.

        Of a reader, whose frame is repeated while the card is held, it is the first one of the tap.
        """
        last: list[int] = []
        for device in devices:
            alone = self.tapped.get(device, []) if len(devices) == 1 else []
            times = alone or self.frames.get((device, name), [])
            at = bisect_right(times, machine)
            last += times[at - 1 : at]
        return max(last, default=None)

    def vacant_at(self, place: str, office: int) -> bool:
        """Nobody sits there at that moment."""
        series = self.occupied.get(place, [])
        at = bisect_right(series, (office, True))
        return not (at and series[at - 1][1])


def story(lines: Iterable[Mapping[str, Any]]) -> Story:
    """Read a ledger (truth.read). One that was cut ends with its last line. ValueError when it has no beginning."""
    told: Story | None = None
    heads: dict[str, int] = {}
    for line in lines:
        if told is None:
            if line["kind"] != "begin":
                raise ValueError("the ledger of the truth does not start with its `begin` line")
            told = Story(
                start=line["start"],
                anchor=line["anchor"],
                speed=line["speed"],
                begin=line["start"],
                end=line["start"],
                places={place: Place(**fields) for place, fields in line["spaces"].items()},
            )
            continue
        _tell(told, line, heads)
    if told is None:
        raise ValueError("the ledger of the truth is empty")
    return told


def _tell(told: Story, line: Mapping[str, Any], heads: dict[str, int]) -> None:
    match line["kind"]:
        case "open":
            told.begin = told.end = line["office"]
        case "frame":
            insort(told.frames.setdefault((line["dev"], line["crc"]), []), line["machine"])
            told.end = max(told.end, told.office_at(line["machine"]))
        case "tap":
            tap = TapTruth(**{key: line[key] for key in TapTruth._fields})
            told.taps.append(tap)
            insort(told.tapped.setdefault(tap.reader, []), tap.machine)
            if tap.expected != "rejected":
                told.taken.setdefault(tap.place, []).append((tap.office, tap.expected == "started"))
            if tap.moved_from:
                told.taken.setdefault(tap.moved_from, []).append((tap.office, False))
        case "sit" | "stand":
            place = line["place"]
            before = heads.get(place, 0)
            heads[place] = after = before + (1 if line["kind"] == "sit" else -1)
            if bool(before) != bool(after):
                told.occupied.setdefault(place, []).append((line["office"], bool(after)))
        case "outage":
            told.outages.append(Outage(line["dev"], line["place"], line["from"], line["to"]))
        case "end":
            told.end = line["office"]
        case _:
            pass
