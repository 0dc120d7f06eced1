"""The commands `hadir evaluate zones|occupancy DIR` and `hadir learn DIR|FILE`; each imports what it needs itself."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path


def add(make: Callable[[str, str], argparse.ArgumentParser]) -> None:
    """Add the subcommands. `make(name, text)` makes one."""
    evaluate = make("evaluate", "Answer a pack through the live engine, and score it where it has the truth.")
    what = evaluate.add_subparsers(dest="what", required=True, metavar="WHAT")
    for name, text in {
        "zones": "where tags are: site.json, survey, sightings, at -> t,beacon,zone,x,y,confidence",
        "occupancy": "whether a room is occupied: site.json, train_*, readings, at -> t,occupied,count,confidence",
    }.items():
        one = what.add_parser(name, help=text, description=text)
        one.add_argument("folder", type=Path, metavar="DIR")
        one.add_argument("--out", type=Path, metavar="FILE", help="write the answers to FILE (CSV)")
        if name == "zones":
            one.add_argument("--dense", action="store_true", help="answer at_dense.csv: every second")
    learn = make("learn", "Learn what a room's sensors mean there, from labelled days or from its own motion sensor.")
    learn.add_argument(
        "folder",
        type=Path,
        metavar="DIR|FILE",
        help="train_readings.csv[.gz] and, if any, train_truth.csv; or a recording",
    )
    learn.add_argument("--place", required=True, help="site/building/floor/zone/space that the sensors are bound to")
    learn.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="the model: put it into rules.room_models"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run one of them; its exit status."""
    if arguments.command == "learn":
        from gateway.evaluate.learn import run as learn

        return learn(arguments)
    if arguments.what == "zones":
        from gateway.evaluate.zones import run as zones

        return zones(arguments)
    from gateway.evaluate.occupancy import run as occupancy

    return occupancy(arguments)
