#!/usr/bin/env python3
"""Runs a subscriber, written in whatever language, against the scenarios of this folder. Python 3, nothing else.

    python3 run.py [--twice] [--shuffle N] [--only KEY ...] [--scenario NAME ...] -- COMMAND [ARGUMENT ...]

COMMAND is started once a scenario. It reads one JSON object from standard input, {"messages": [[time, topic, payload],
...], "now": time}, and writes what it holds to be true at `now` as one JSON object: the keys of `ends` in README.md. A
key that is missing is wrong; who does not keep all of them says with --only which ones it keeps. Exit status: 0 all
right, 1 something differs or is missing, 2 the command failed.
"""

import argparse
import json
import random
import subprocess
import sys
from pathlib import Path

RETAINED = ("/state/", "/agg/", "/status")
KEYS = ("refused", "events", "gateways", "states", "record", "checkins", "people")
SCENARIOS = {path.stem: path for path in sorted((Path(__file__).parent / "scenarios").glob("*.json"))}
LONGEST_S = 60


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--twice", action="store_true", help="everything comes twice: delivery is at least once")
    parser.add_argument(
        "--shuffle", type=int, metavar="SEED", help="events come in another order, not what is retained"
    )
    parser.add_argument("--only", nargs="+", choices=KEYS, metavar="KEY", help="look at these keys of `ends` only")
    parser.add_argument(
        "--scenario", nargs="+", choices=SCENARIOS, metavar="NAME", help="these only; default: all of them"
    )
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    wrong = 0
    for name in arguments.scenario or SCENARIOS:
        scenario = json.loads(SCENARIOS[name].read_text(encoding="utf-8"))
        messages = list(scenario["messages"])
        ends = dict(scenario["ends"])
        if arguments.twice:
            messages += messages
            ends.pop("refused")  # what is not of the contract is refused twice
        if arguments.shuffle is not None:
            retained = [m for m in messages if any(part in m[1] for part in RETAINED)]
            events = [m for m in messages if m not in retained]
            random.Random(arguments.shuffle).shuffle(events)
            messages = events + retained
        asked = json.dumps({"messages": messages, "now": scenario["now"]}, ensure_ascii=False)
        try:
            got = answer(arguments.command, asked)
        except ValueError as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 2
        wanted = [key for key in arguments.only or KEYS if key in ends]
        for key in wanted:
            if key not in got or got[key] != ends[key]:
                wrong += 1
                print(f"{name}: {key}\n  is      {json.dumps(got[key], sort_keys=True) if key in got else 'missing'}")
                print(f"  must be {json.dumps(ends[key], sort_keys=True)}\n  since   {scenario['says']}")
        wrong += not wanted
        print(f"{name}: looked at {', '.join(wanted) or 'nothing'}")
    return 1 if wrong else 0


def answer(command, asked):
    """What the command says. Raises ValueError: it failed."""
    try:
        ran = subprocess.run(command, input=asked.encode(), stdout=subprocess.PIPE, timeout=LONGEST_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ValueError(f"the command did not answer: {error}") from error
    try:
        got = json.loads(ran.stdout)
    except ValueError:
        got = None
    if ran.returncode or not isinstance(got, dict):
        raise ValueError(
            f"the command ended with {ran.returncode}{'' if isinstance(got, dict) else ': no JSON object'}"
        )
    return got


if __name__ == "__main__":
    sys.exit(main())
