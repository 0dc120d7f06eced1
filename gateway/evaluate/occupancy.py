"""`hadir evaluate occupancy DIR`: a room's pack through the engine and the rule that run live.

What is learned comes from the pack's days of learning; an answer at t has seen readings at or before t and no others.
Where the live state is unknown, the answer is the likelier state, and its confidence says how little that is.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from gateway.counters import Counters
from gateway.engine import Engine
from gateway.errors import HadirError
from gateway.evaluate import room as rooms
from gateway.evaluate.room import PLACE, Asked, Room
from gateway.evaluate.score import Scored, interval, percent
from rules import occupancy
from rules.api import Input, Reading
from rules.fusion import logistic
from rules.room_model import RoomModel
from rules.room_model_learn import learn
from rules.room_model_table import Label

HEADER = "t,occupied,count,confidence"


class Answer(NamedTuple):
    """What is held at a time."""

    at: int
    text: str
    """The time as it was asked."""
    occupied: bool
    people: int | None
    confidence: float
    known: bool
    """False: the live state is unknown, and this is the likelier one."""

    def line(self) -> str:
        """As a line of CSV."""
        count = "" if self.people is None else self.people
        return f"{self.text},{int(self.occupied)},{count},{self.confidence:.4f}"


def run(arguments: argparse.Namespace) -> int:
    """The command."""
    found = rooms.read(arguments.folder)
    model, how = learned(found)
    answers = list(answer(found, model))
    if arguments.out is not None:
        _write(arguments.out, answers)
    sys.stdout.write(f"{found.name}: {len(answers)} answers; {how}\n")
    for line in report(answers, found.truth):
        sys.stdout.write(f"{line}\n")
    return 0


def learned(found: Room) -> tuple[RoomModel | None, str]:
    """The model of the pack's days of learning, or None, and in words where it comes from."""
    if not found.labels:
        return None, "nothing to learn from: the defaults"
    try:
        model = learn(found.training, found.labels)
    except ValueError as error:
        return None, f"nothing learned ({error}): the defaults"
    return model, f"learned from {model.samples} labels ({100 * model.accuracy:.1f} % right of those not seen)"


def answer(found: Room, model: RoomModel | None) -> Iterator[Answer]:
    """Answers in the order in which they are asked for."""
    at = sorted({asked.at for asked in found.asked})
    settings = occupancy.PlaceSettings(devices=rooms.devices(found.training, found.readings), model=model)
    states = dict(zip(at, follow(found.readings, at, settings), strict=True))
    counts = model is not None and model.counted is not None
    for asked in found.asked:
        yield _answer(asked, states[asked.at], counts=counts, sharpness=1.0 if model is None else model.sharpness)


def follow(
    readings: Iterable[Reading], at: Iterable[int], settings: occupancy.PlaceSettings
) -> Iterator[occupancy.State]:
    """The rule's state at each of the times, which ascend; through the live engine."""
    engine = Engine([occupancy.rule({PLACE: settings})], _route, Counters())
    waiting = iter(readings)
    item = next(waiting, None)
    for time in at:
        while item is not None and item.at <= time:
            _begin(engine, item.at)
            engine.feed(item, item.at)
            item = next(waiting, None)
        _begin(engine, time)
        engine.advance(time)
        yield engine.state(occupancy.NAME, PLACE)


def _begin(engine: Engine, at: int) -> None:
    if not engine.keys(occupancy.NAME):
        engine.begin(occupancy.NAME, [PLACE], at)


def _route(item: Input) -> list[tuple[str, str]]:
    return [(occupancy.NAME, PLACE)] if isinstance(item, Reading) else []


def _answer(asked: Asked, state: occupancy.State, *, counts: bool, sharpness: float) -> Answer:
    if state.state != "unknown":
        occupied = state.state == "occupied"
        count = (state.people or 0) if counts else None
        return Answer(asked.at, asked.text, occupied, count, state.confidence, True)
    occupied = state.odds > 0
    guess = max(0.5, logistic(sharpness * abs(state.odds)) if state.odds else 0.5)
    return Answer(asked.at, asked.text, occupied, int(occupied) if counts else None, guess, False)


def report(answers: Sequence[Answer], truth: Sequence[Label]) -> Iterator[str]:
    """The scores, a line each; nothing where no answer has a truth."""
    true = {label.at: label for label in truth}
    pairs = [(one, true[one.at]) for one in answers if one.at in true]
    right = interval(Scored(one.at, one.occupied == label.occupied) for one, label in pairs)
    if right is not None:
        yield f"occupied {percent(right)}"
    counted = interval(
        Scored(one.at, one.people == label.people)
        for one, label in pairs
        if one.people is not None and label.people is not None
    )
    if counted is not None:
        yield f"count    {percent(counted)}"
    unknown = sum(not one.known for one in answers)
    if unknown:
        yield f"unknown  {unknown} of {len(answers)}: answered with the likelier state"


def _write(path: Path, answers: Iterable[Answer]) -> None:
    try:
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.write(HEADER + "\n")
            file.writelines(one.line() + "\n" for one in answers)
    except OSError as error:
        raise HadirError(f"{path}: {error.strerror}") from error
