"""`hadir evaluate zones DIR`: a pack of sightings through the engine and the locator that run live.

The radio map is learned from the pack's survey; without one it rests on the receivers' positions. An answer at t has
seen sightings at or before t and no others.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import hypot
from pathlib import Path
from typing import Any, NamedTuple

from gateway import tables
from gateway.counters import Counters
from gateway.engine import Engine
from gateway.errors import HadirError
from gateway.evaluate.score import Interval, Scored, interval, percent
from rules.api import Command, Input, Sighting

HEADER = "t,beacon,zone,x,y,confidence"
BUILDING = "pack"
BLOCK_S = 30.0
"""Answers within it are right or wrong together: a tag stands for so long at one spot, or crosses one room."""


class Asked(NamedTuple):
    """A question."""

    at: int
    text: str
    """The time as it is written."""
    beacon: str


class Truth(NamedTuple):
    """Where the tag was."""

    x: float
    y: float
    zone: str
    """Blank: in none."""


@dataclass(frozen=True, slots=True)
class Floor:
    """A pack, read."""

    name: str
    receivers: Mapping[str, tuple[float, float, float]]
    zones: Mapping[str, Sequence[tuple[float, float]]]
    survey: Sequence[tuple[float, str, float, float, float]]
    """Seconds, receiver, dBm, x, y."""
    sightings: Sequence[Sighting]
    asked: Sequence[Asked]
    truth: Mapping[tuple[int, str], Truth]


class Answer(NamedTuple):
    """Where a tag is held to be."""

    asked: Asked
    zone: str
    """Blank: not heard yet."""
    x: float | None
    y: float | None
    confidence: float

    def line(self) -> str:
        """As a line of CSV."""
        x, y = ("" if value is None else f"{value:.3f}" for value in (self.x, self.y))
        return f"{self.asked.text},{self.asked.beacon},{self.zone},{x},{y},{self.confidence:.4f}"


class Score(NamedTuple):
    """How right the answers were."""

    zone: Interval | None
    metres: Interval | None


def run(arguments: argparse.Namespace) -> int:
    """The command."""
    found = read(arguments.folder, dense=arguments.dense)
    answers = list(answer(found))
    if arguments.out is not None:
        _write(arguments.out, answers)
    how = f"{len(found.survey)} packets of survey" if found.survey else "no survey: geometry alone"
    sys.stdout.write(f"{found.name}: {len(answers)} answers; {how}\n")
    scored = score(answers, found.truth)
    if scored.zone is not None:
        sys.stdout.write(f"zone     {percent(scored.zone)}\n")
    if scored.metres is not None:
        metres = scored.metres
        sys.stdout.write(f"error    {metres.mean:.2f} m (95 %: {metres.low:.2f} to {metres.high:.2f})\n")
    return 0


def read(folder: Path, *, dense: bool = False) -> Floor:
    """A pack. Raises ConfigError with all its mistakes."""
    mistakes = tables.Mistakes()
    site = tables.site(folder, mistakes)
    receivers = dict(_receivers(folder, site, mistakes))
    zones = dict(_zones(folder, site, mistakes))
    survey = _table(
        folder, "survey", {"t": tables.number, "receiver": tables.word, "rssi": tables.signal, **_POINT}, mistakes
    )
    heard = {"t": tables.when, "beacon": tables.word, "receiver": tables.word, "rssi": tables.signal}
    sightings = _table(folder, "sightings", heard, mistakes, needed=True)
    stem = "_dense" if dense else ""
    asked = _table(folder, f"at{stem}", {"t": _moment, "beacon": tables.word}, mistakes, needed=True)
    true = _table(
        folder, f"truth{stem}", {"t": tables.when, "beacon": tables.word, **_POINT, "zone": str.strip}, mistakes
    )
    for problem in mistakes.settle():
        sys.stderr.write(f"{problem}; left out\n")
    return Floor(
        name=str(site.get("name") or folder.name),
        receivers=receivers,
        zones=zones,
        survey=survey,
        sightings=sorted((Sighting(tag, name, rssi, at) for at, tag, name, rssi in sightings), key=lambda one: one.at),
        asked=[Asked(moment[0], moment[1], beacon) for moment, beacon in asked],
        truth={(at, beacon): Truth(x, y, zone) for at, beacon, x, y, zone in true},
    )


def _moment(cell: str) -> tuple[int, str]:
    return tables.when(cell), cell.strip()


_POINT = {"x": tables.number, "y": tables.number}


def _table(
    folder: Path, stem: str, fields: Mapping[str, tables.Field], mistakes: tables.Mistakes, *, needed: bool = False
) -> list[tuple[Any, ...]]:
    path = tables.find(folder, stem)
    if path is None:
        if needed:
            mistakes.add(folder, None, f"has neither {stem}.csv nor {stem}.csv.gz")
        return []
    return list(tables.rows(path, fields, mistakes, measured="rssi" in fields))


def _receivers(
    folder: Path, site: Mapping[str, Any], mistakes: tables.Mistakes
) -> Iterator[tuple[str, tuple[float, float, float]]]:
    path = folder / "site.json"
    rows = site.get("receivers")
    if not isinstance(rows, list) or not rows:
        mistakes.add(path, None, "names no receivers")
        return
    for number, row in enumerate(rows, 1):
        try:
            yield str(row["id"]), (float(row["x"]), float(row["y"]), float(row.get("z") or 0.0))
        except (KeyError, TypeError, ValueError, AttributeError):
            mistakes.add(path, None, f"receiver {number} needs id, x and y")


def _zones(
    folder: Path, site: Mapping[str, Any], mistakes: tables.Mistakes
) -> Iterator[tuple[str, list[tuple[float, float]]]]:
    path = folder / "site.json"
    rows = site.get("zones")
    if not isinstance(rows, list) or not rows:
        mistakes.add(path, None, "names no zones")
        return
    for number, row in enumerate(rows, 1):
        try:
            polygon = [(float(x), float(y)) for x, y in row["polygon"]]
            name = str(row["id"])
        except (KeyError, TypeError, ValueError):
            mistakes.add(path, None, f"zone {number} needs id and polygon: [[x, y], ...]")
            continue
        if len(polygon) < 3:
            mistakes.add(path, None, f'zone "{name}" has fewer than three corners')
        else:
            yield name, polygon


def answer(found: Floor) -> Iterator[Answer]:
    """Answers in the order of their times; those of one time in the order in which they are asked."""
    from rules import locate_map
    from rules.radio_map import Anchor, Sample, learn

    made = learn(
        [Sample(*row) for row in found.survey],
        {name: Anchor(*at) for name, at in found.receivers.items()},
        found.zones,
    )
    settings = locate_map.Settings(floors=(locate_map.FloorMap(radio=made),))
    engine = Engine([locate_map.rule(settings)], _route, Counters())
    known: dict[str, locate_map.Estimate] = {}
    waiting = iter(found.sightings)
    item = next(waiting, None)
    for asked in sorted(found.asked, key=lambda one: one.at):
        while item is not None and item.at <= asked.at:
            engine.feed(item, item.at)
            item = next(waiting, None)
        engine.feed(Command("where", BUILDING, asked.at), asked.at)
        state = engine.state(locate_map.NAME, BUILDING)
        held = locate_map.estimate(settings, state, asked.beacon)
        if held is not None:
            known[asked.beacon] = held
        yield _answer(asked, held or known.get(asked.beacon))


def _route(_item: Input) -> list[tuple[str, str]]:
    return [("locate", BUILDING)]


def _answer(asked: Asked, held: Any) -> Answer:
    if held is None:
        return Answer(asked, "", None, None, 0.0)
    return Answer(asked, held.zone, held.x, held.y, held.confidence)


def score(answers: Iterable[Answer], truth: Mapping[tuple[int, str], Truth]) -> Score:
    """Share of right zones, where the truth is in one, and mean error in metres."""
    zone: list[Scored] = []
    metres: list[Scored] = []
    for one in answers:
        true = truth.get((one.asked.at, one.asked.beacon))
        if true is None:
            continue
        if true.zone:
            zone.append(Scored(one.asked.at, float(one.zone == true.zone)))
        if one.x is not None and one.y is not None:
            metres.append(Scored(one.asked.at, hypot(one.x - true.x, one.y - true.y)))
    return Score(interval(zone, BLOCK_S), interval(metres, BLOCK_S))


def _write(path: Path, answers: Iterable[Answer]) -> None:
    try:
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.write(HEADER + "\n")
            file.writelines(one.line() + "\n" for one in answers)
    except OSError as error:
        raise HadirError(f"{path}: {error.strerror}") from error


__all__ = ["Answer", "Asked", "Floor", "Score", "Truth", "answer", "read", "run", "score"]
