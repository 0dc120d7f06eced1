"""python -m bench.rooms PACK...: what learning a room is worth on days that were not learned, beside the defaults.

Each pack's days of learning and of asking together are one room's days. They are cut into blocks of some hours; each
block with both states around it is answered by a model that saw all others, and each in turn is left out. Answers are
those of the live engine and rule. The room's teachers (motion, radar, counter) label the rest where nobody else does.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from gateway.clock import SECOND
from gateway.evaluate import occupancy, room
from gateway.evaluate.learn import taught
from gateway.evaluate.room import Asked, Room
from gateway.evaluate.score import Scored, interval, percent
from rules.api import Reading
from rules.room_model import RoomModel
from rules.room_model_learn import learn
from rules.witness import SIGNS

BINS = 10
Pairs = list[tuple[occupancy.Answer, bool]]


class Way(NamedTuple):
    """How a room may come to its answers."""

    name: str
    learned: str
    """labels, itself, or nothing."""
    teachers: bool = True
    """Whether the sensors of presence go on voting."""


WAYS = (
    Way("defaults", ""),
    Way("learned from people's labels", "labels"),
    Way("taught by its own sensors", "itself"),
    Way("defaults, those sensors taken down", "", teachers=False),
    Way("taught by its own sensors, those taken down", "itself", teachers=False),
)


def blocks(found: Room, hours: float) -> Iterator[Room]:
    """Each block to be answered, with all others to learn from. Labels of the whole time are its truth."""
    size = int(hours * 3600 * SECOND)
    readings = sorted((*found.training, *found.readings), key=lambda one: one.at)
    truth = sorted((*found.labels, *found.truth), key=lambda one: one.at)
    for block in sorted({label.at // size for label in truth}):
        mine = [label for label in truth if label.at // size == block]
        yield Room(
            found.name,
            [one for one in readings if one.at // size != block],
            [label for label in truth if label.at // size != block],
            [one for one in readings if one.at // size == block],
            [Asked(at, str(at)) for at in sorted({label.at for label in mine})],
            mine,
        )


def model_of(found: Room, way: Way) -> RoomModel | None:
    """None: nothing can be learned, and the defaults answer, as they do live."""
    try:
        match way.learned:
            case "labels":
                return learn(found.training, found.labels)
            case "itself":
                return taught(found.training)
            case _:
                return None
    except ValueError:
        return None


def answered(found: Room, way: Way) -> tuple[Pairs, bool]:
    """Answers with the truth, and whether a model gave them."""
    model = model_of(found, way)
    if not way.teachers:
        found = found._replace(training=_mute(found.training), readings=_mute(found.readings))
    true = {label.at: label.occupied for label in found.truth}
    return [(one, true[one.at]) for one in occupancy.answer(found, model)], model is not None


def _mute(readings: Sequence[Reading]) -> list[Reading]:
    return [one for one in readings if one.kind not in SIGNS]


def calibration(pairs: Pairs) -> float:
    """Expected calibration error: how far confidence is from the share that is right, over bins of confidence."""
    bins: dict[int, list[tuple[float, bool]]] = {}
    for one, true in pairs:
        bins.setdefault(min(BINS - 1, int(one.confidence * BINS)), []).append((one.confidence, one.occupied == true))
    return sum(abs(sum(c for c, _ in each) - sum(right for _, right in each)) for each in bins.values()) / len(pairs)


def rows(found: Room, hours: float | None) -> Iterator[str]:
    """A line for each way; `hours` None: the pack's own days of asking."""
    parts = [found] if hours is None else list(blocks(found, hours))
    for way in WAYS:
        if not way.teachers and not any(one.kind in SIGNS for one in found.readings):
            continue
        given = [answered(part, way) for part in parts]
        pairs = [pair for some, _ in given for pair in some]
        right = interval(Scored(one.at, one.occupied == true) for one, true in pairs)
        if right is None:
            continue
        learned = f"; a model in {sum(made for _, made in given)} of {len(parts)}" if way.learned else ""
        unknown = 100 * sum(not one.known for one, _ in pairs) / len(pairs)
        yield f"{way.name}: {percent(right)}; unknown {unknown:.1f} %; ECE {calibration(pairs):.3f}{learned}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.rooms")
    parser.add_argument("packs", type=Path, nargs="+")
    parser.add_argument("--hours", type=float, action="append", help="length of a block; default: the pack's own split")
    args = parser.parse_args()
    for pack in args.packs:
        found = room.read(pack)
        for hours in args.hours or [None]:
            print(f"{pack.name}, {'its own days' if hours is None else f'blocks of {hours:g} h'}", flush=True)
            for line in rows(found, hours):
                print(f"  {line}", flush=True)


if __name__ == "__main__":
    main()
