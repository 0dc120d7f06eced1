"""python -m bench.accuracy.why ordinary 3 [d-0206]: a day again, with what was said of a place and what is true.

DAY is ordinary, friday or ramadan.
"""

from __future__ import annotations

import argparse
from datetime import datetime
from zoneinfo import ZoneInfo

from bench.accuracy.days import trace
from bench.accuracy.report import scenario_named
from firmware_sim.actions import SECOND
from firmware_sim.scenario import ZONE


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.accuracy.why")
    parser.add_argument("day")
    parser.add_argument("seed", type=int)
    parser.add_argument("place", nargs="?", default="")
    args = parser.parse_args()
    score, truth, said = trace(scenario_named(args.day), args.seed)
    lines: list[tuple[int, str]] = [(one.at, f"WRONG {one.what} {one.place}: {one.detail}") for one in score.findings]
    for place, desk in ((place, desk) for desk, place in truth.desks.items()):
        if not args.place or args.place != desk:
            continue
        lines += [(at, f"truth: {'occupied' if on else 'vacant'}") for at, on in truth.occupied.get(place, [])]
        lines += [(at, f"truth: {'taken' if on else 'free'}") for at, on in truth.taken.get(place, [])]
        lines += [
            (o.start, f"truth: silent ({o.cause}) for {(o.end - o.start) / SECOND:.0f} s")
            for o in truth.outages
            if o.place == place
        ]
        lines += [(one.at, f"said: {one.why}") for one in said.occupancy.get(place, [])]
        lines += [(at, f"said: {'taken' if on else 'free'}") for at, on in said.life.get(place, [])]
        lines += [(one.at, f"said: {one.reason} {one.ref}") for one in said.ended if one.place == place]
    for at, text in sorted(lines):
        print(datetime.fromtimestamp(at / SECOND, ZoneInfo(ZONE)).strftime("%H:%M:%S"), text)


if __name__ == "__main__":
    main()
