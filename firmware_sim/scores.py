"""Holds what the gateways said on a whole day against the truth. It shares no code with the rules.

A stretch in which a state differs from the truth is wrong as a whole when it is longer than the tolerance table allows
(tolerance.py); unknown is not wrong, and does not end a wrong stretch; a change of the truth begins a new one. While a
sensor is silent and nobody can know it yet, its place is not held against anybody.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from firmware_sim.actions import SECOND
from firmware_sim.day_truth import DayTruth, PlaceTruth
from firmware_sim.desk_ends import Ended, due, fault
from firmware_sim.scenario import NO_SHOW_S
from firmware_sim.tolerance import BY_MODALITY, TAP_S

SETTLE = 90 * SECOND
"""After a gateway came back, moves between desks that were held up meanwhile are settled within so long."""


class Told(NamedTuple):
    """The sensed state of a place from `at` on."""

    at: int
    state: str
    why: str
    """Evidence, for people."""


@dataclass(kw_only=True)
class Published:
    """What the gateways said, in order of time."""

    occupancy: dict[str, list[Told]] = field(default_factory=dict)
    life: dict[str, list[tuple[int, bool]]] = field(default_factory=dict)
    """Desk -> whether a check-in is open."""
    outcomes: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    """Reader -> (when, started, ended or rejected)."""
    ended: list[Ended] = field(default_factory=list)
    left: list[tuple[int, int]] = field(default_factory=list)
    """(when, person)."""
    zones: dict[int, list[tuple[int, str]]] = field(default_factory=dict)
    """Person -> (from when on, `floor/zone`; empty: unknown or left)."""


class Finding(NamedTuple):
    """Something that is wrong."""

    what: str
    place: str
    at: int
    seconds: float
    detail: str


@dataclass(kw_only=True)
class Score:
    """Of one day or, added up, of many. Times are ns of a place."""

    lived: int = 0
    wrong: int = 0
    """Sensed occupancy of desks and rooms."""
    desk_lived: int = 0
    life_wrong: int = 0
    unknown: int = 0
    injected: int = 0
    """Outages."""
    unexplained: int = 0
    """Unknown without an outage."""
    flips: int = 0
    """Changes of state beyond those of the truth."""
    taps: int = 0
    no_shows: int = 0
    latest_no_show_s: float = 0.0
    """How far the release of a no-show was from its due time, at worst."""
    zone_lived: int = 0
    zone_right: int = 0
    by_modality: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    """(lived, wrong, unknown without an outage) by the place's sensor."""
    findings: list[Finding] = field(default_factory=list)

    def count(self, what: str) -> int:
        """Findings of one kind."""
        return sum(finding.what == what for finding in self.findings)

    def add(self, other: Score) -> None:
        """Take the score of another day."""
        for name in _SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.latest_no_show_s = max(self.latest_no_show_s, other.latest_no_show_s)
        for modality, values in other.by_modality.items():
            before = self.by_modality.get(modality, (0, 0, 0))
            self.by_modality[modality] = (before[0] + values[0], before[1] + values[1], before[2] + values[2])
        self.findings += other.findings


_SUMS = (
    *("lived", "wrong", "desk_lived", "life_wrong", "unknown", "injected", "unexplained", "flips", "taps", "no_shows"),
    *("zone_lived", "zone_right"),
)


def score(truth: DayTruth, said: Published) -> Score:
    """One day."""
    total = Score()
    for place, about in truth.places.items():
        _sensed(total, truth, said, place, about)
        if about.reader:
            _life(total, truth, said, place, about)
    _releases(total, truth, said)
    _no_shows(total, truth, said)
    _taps(total, truth, said)
    _people(total, truth, said)
    return total


# --- sensed occupancy -------------------------------------------------------------------------------------------------


def _sensed(total: Score, truth: DayTruth, said: Published, place: str, about: PlaceTruth) -> None:
    start, end = truth.scenario.judged
    true = truth.occupied.get(place, [])
    told = said.occupancy.get(place, [])
    outages = [outage for outage in truth.outages if outage.place == place]
    excused = [(outage.start, outage.start + outage.known) for outage in outages]
    allowed = int(BY_MODALITY[about.modality] * SECOND)
    wrong, unknown = 0, [(a, b) for a, b, _, state in _pieces(start, end, true, told) if state == "unknown"]
    for first, last, ns, value in _stretches(_pieces(start, end, true, told, excused), excused):
        if ns > allowed:
            wrong += ns
            told_why = told[max(0, bisect_right(told, last - 1, key=lambda one: one.at) - 1)].why if told else ""
            text = f"truly {'occupied' if value else 'vacant'} ({about.modality}); held: {told_why}"
            total.findings.append(Finding("occupancy", place, first, ns / SECOND, text))
    blind = [(outage.start, min(end, outage.end + allowed)) for outage in outages]
    unexplained = sum(b - a for a, b in unknown) - sum(_overlap(unknown, span) for span in blind)
    for outage in outages:
        if outage.end - outage.start > outage.known and not _overlap(unknown, (outage.start, outage.end)):
            text = f"{outage.cause}: never unknown"
            total.findings.append(Finding("outage unnoticed", place, outage.start, 0.0, text))
    total.lived += end - start
    total.wrong += wrong
    total.unknown += sum(b - a for a, b in unknown)
    total.injected += sum(max(0, min(end, o.end) - max(start, o.start)) for o in outages)
    total.unexplained += unexplained
    before = total.by_modality.get(about.modality, (0, 0, 0))
    total.by_modality[about.modality] = (before[0] + end - start, before[1] + wrong, before[2] + unexplained)
    known = [one.state for one in told if one.state != "unknown" and start <= one.at < end]
    changes = sum(a != b for a, b in pairwise(known))
    total.flips += max(0, changes - sum(start <= at < end for at, _ in true))


def _pieces(
    begin: int,
    end: int,
    true: Sequence[tuple[int, bool]],
    told: Sequence[Told],
    cuts: Iterable[tuple[int, int]] = (),
) -> Iterator[tuple[int, int, bool, str]]:
    """(from, to, truth, told) between all changes; `cuts` are changes as well."""
    moments = {begin, end, *(at for at, _ in true), *(one.at for one in told), *(at for cut in cuts for at in cut)}
    i = j = -1
    for start, stop in pairwise(sorted(at for at in moments if begin <= at <= end)):
        while i + 1 < len(true) and true[i + 1][0] <= start:
            i += 1
        while j + 1 < len(told) and told[j + 1].at <= start:
            j += 1
        yield start, stop, i >= 0 and true[i][1], told[j].state if j >= 0 else "unknown"


def _stretches(
    pieces: Iterable[tuple[int, int, bool, str]], excused: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, int, int, bool]]:
    """(from, until, wrong ns, what was true at first) of each wrong stretch."""
    first = last = wrong = 0
    was = False
    for start, stop, true, told in pieces:
        if any(a <= start < b for a, b in excused):
            continue
        if (told == "occupied") == true and told != "unknown":
            if wrong:
                yield first, last, wrong, was
            wrong = 0
        elif told != "unknown":
            if wrong and true != was:
                yield first, last, wrong, was
                wrong = 0
            if not wrong:
                first, was = start, true
            wrong += stop - start
            last = stop
    if wrong:
        yield first, last, wrong, was


def _overlap(spans: Iterable[tuple[int, int]], other: tuple[int, int]) -> int:
    return sum(max(0, min(b, other[1]) - max(a, other[0])) for a, b in spans)


# --- a desk's life ----------------------------------------------------------------------------------------------------


def _life(total: Score, truth: DayTruth, said: Published, place: str, about: PlaceTruth) -> None:
    """A check-in against taps; an end that a gateway inferred counts as true when it was justified, or is overdue."""
    start, end = truth.scenario.judged
    justified = [(one.at, False) for one in said.ended if one.place == place and not fault(truth, one)]
    true = sorted([*truth.taken.get(place, []), *justified])
    for began, until in pairwise([*true, (truth.scenario.end, False)]):
        if began[1] and (latest := due(truth, place, began[0], until[0])) is not None:
            true.append((latest, False))
    true.sort()
    told = [Told(at, "occupied" if on else "vacant", "") for at, on in [(0, False), *said.life.get(place, [])]]
    down = truth.down
    excused = []
    if down is not None and about.gateway == down.gateway:
        excused.append((down.at, down.until + SETTLE))
    total.desk_lived += end - start
    for first, _, ns, value in _stretches(_pieces(start, end, true, told, excused), excused):
        if ns > TAP_S * SECOND:
            total.life_wrong += ns
            text = f"truly {'taken' if value else 'free'}"
            total.findings.append(Finding("life", place, first, ns / SECOND, text))


def _releases(total: Score, truth: DayTruth, said: Published) -> None:
    for one in said.ended:
        why = fault(truth, one)
        if why:
            total.findings.append(Finding("false release", one.place, one.at, 0.0, f"{one.reason}: {why}"))


def _no_shows(total: Score, truth: DayTruth, said: Published) -> None:
    for booked in truth.reservations:
        if booked.comes:
            continue
        total.no_shows += 1
        due, place = booked.start + int(NO_SHOW_S) * SECOND, truth.desks[booked.desk]
        found = [one.at for one in said.ended if one.reason == "no_show" and one.ref == booked.ref]
        off = (found[0] - due) / SECOND if found else float("inf")
        total.latest_no_show_s = max(total.latest_no_show_s, abs(off))
        if abs(off) > 60:
            total.findings.append(Finding("no-show", place, due, abs(off), "never released" if not found else "late"))


# --- taps and people --------------------------------------------------------------------------------------------------


def _taps(total: Score, truth: DayTruth, said: Published) -> None:
    """Each tap has one outcome, the right one, within a second; at a gateway that is off it has none."""
    answers = {reader: list(series) for reader, series in said.outcomes.items()}
    for tap in sorted(truth.taps, reverse=True):
        total.taps += 1
        mine = answers.get(tap.reader, [])
        got = [what for at, what in mine if tap.at <= at <= tap.at + TAP_S * SECOND]
        answers[tap.reader] = [one for one in mine if not tap.at <= one[0] <= tap.at + TAP_S * SECOND]
        wanted = [] if tap.expected == "lost" else [tap.expected]
        if got != wanted:
            text = f"expected {tap.expected}, got {', '.join(got) or 'nothing'}"
            total.findings.append(Finding("tap", tap.place, tap.at, 0.0, text))
    for reader, rest in answers.items():
        total.findings += [Finding("tap", reader, at, 0.0, f"{what} without a tap") for at, what in rest]


def _people(total: Score, truth: DayTruth, said: Published) -> None:
    for at, person in said.left:
        if not any(act <= at <= act + SECOND for act in truth.left.get(person, ())):
            total.findings.append(Finding("left", f"person {person}", at, 0.0, "left without an act"))
    start, end = truth.scenario.judged
    for person, series in said.zones.items():
        true = truth.zones.get(person, [])
        moments = sorted({start, end, *(at for at, _ in series), *(at for at, _ in true)})
        for a, b in pairwise(at for at in moments if start <= at <= end):
            told, real = _zone(series, a), _zone(true, a)
            if told and real and not real.endswith("/musala"):
                total.zone_lived += b - a
                total.zone_right += (b - a) * (told == real)


def _zone(series: Sequence[tuple[int, str]], at: int) -> str:
    index = bisect_right(series, at, key=lambda pair: pair[0])
    return series[index - 1][1] if index else ""
