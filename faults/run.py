"""`make faults` and `make faults-long`: each fault a number of times, then with a deliberate defect; a table.

    python -m faults.run [--fault NAME ...] [--cycles N | --long] [--seed S] [--jobs N] [--no-control] [--write]

Each run is appended to RESULTS with its seed and commit, so a long run may be done in parts and goes on where it was
stopped; the table sums up what was found at the present commit, or at all commits with --all-commits. --write puts the
table into docs/reliability.md. Exit status 1 when something was lost, stored twice or wrong, a promise of the table was
missed, a fault was never applied, or a defect was not noticed.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from faults import table
from faults.api import Fault
from faults.one import PATIENCE_S
from faults.suites import FAULTS

ROOT = Path(__file__).parents[1]
WORK = ROOT / "bench-work" / "faults"
RESULTS = WORK / "results.jsonl"
PART = 100
"""Cycles of one run: a long one is done in parts, each of which is kept."""
GUARD_S = PATIENCE_S + 120
"""A run ends itself after PATIENCE_S; one that cannot is killed."""


def one(fault: Fault, seed: int, cycles: int, *, broken: bool, long: bool = False) -> dict[str, Any]:
    """A run in a process of its own; what came of it, with its seed and commit."""
    kind = "broken" if broken else "real"
    folder = WORK / f"{fault.name}-{kind}-{seed}"
    begun = time.monotonic()
    form = "long" if long else "quick"
    words = [sys.executable, "-m", "faults.one", fault.name, str(seed), str(cycles), kind, str(folder), form]
    outcome: dict[str, Any]
    try:
        done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, timeout=GUARD_S, check=False)
    except subprocess.TimeoutExpired:
        outcome = {"misses": [f"the run did not end within {GUARD_S} s"]}
    else:
        if done.returncode:
            last = "\n".join(done.stderr.splitlines()[-15:])
            outcome = {"misses": [f"the run ended with {done.returncode}: {last}"]}
        else:
            outcome = json.loads(done.stdout.splitlines()[-1])
    return {
        "fault": fault.name,
        "kind": kind,
        "seed": seed,
        "form": form,
        "commit": commit(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "took_s": round(time.monotonic() - begun, 1),
        **outcome,
    }


def commit() -> str:
    """Of the code that runs; with a + where it was changed since."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], capture_output=True, text=True, cwd=ROOT, check=False).stdout.strip()

    changed = git("status", "--porcelain", "--", "gateway", "drivers", "rules", "faults")
    return (git("rev-parse", "--short", "HEAD") or "unknown") + ("+" if changed else "")


def keep(result: dict[str, Any]) -> None:
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    with RESULTS.open("a", encoding="utf-8") as out:
        out.write(json.dumps(result) + "\n")


def kept() -> list[dict[str, Any]]:
    if not RESULTS.exists():
        return []
    return [json.loads(line) for line in RESULTS.read_text(encoding="utf-8").splitlines()]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="make faults", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--fault", nargs="+", action="extend", metavar="NAME", choices=sorted(FAULTS), help="default: all"
    )
    parser.add_argument("--cycles", type=int, help="of each fault, in this call; default: the quick set's")
    parser.add_argument("--long", action="store_true", help="up to the number that the table asks for")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=3, help="runs side by side: most of a run is waiting")
    parser.add_argument("--no-control", action="store_true", help="without the runs with a deliberate defect")
    parser.add_argument("--all-commits", action="store_true", help="the table sums up what was found at any commit")
    parser.add_argument("--write", action="store_true", help="write docs/reliability.md")
    asked = parser.parse_args(arguments)
    here = commit()
    before = [row for row in kept() if asked.all_commits or row["commit"] == here]
    plans = [plan for name in asked.fault or FAULTS for plan in _plans(FAULTS[name], asked, before)]
    print(f"seed {asked.seed}, commit {here}, {len(plans)} runs", file=sys.stderr)
    fresh: list[dict[str, Any]] = []
    with ThreadPoolExecutor(asked.jobs) as pool:
        for result in pool.map(lambda plan: one(plan[0], plan[1], plan[2], broken=plan[3], long=asked.long), plans):
            keep(result)
            fresh.append(result)
            print(f"  {table.line(result)}", file=sys.stderr)
    summed = before + fresh if asked.long or asked.all_commits else fresh
    sections = [table.Row(FAULTS[name], summed) for name in FAULTS if any(row["fault"] == name for row in summed)]
    print(table.text(sections))
    machine = f"{platform.machine()}, Python {platform.python_version()}, Linux {platform.release()}"
    if asked.write:
        table.write(ROOT / "docs" / "reliability.md", sections, f"commit {here}, seed {asked.seed}, {machine}")
    bad = [problem for section in sections for problem in section.problems()]
    print("".join(f"MISSED {problem}\n" for problem in bad), end="")
    return 1 if bad else 0


def _plans(
    fault: Fault, asked: argparse.Namespace, before: Sequence[dict[str, Any]]
) -> list[tuple[Fault, int, int, bool]]:
    """(fault, seed, cycles, broken) of the runs that are missing."""
    mine = [row for row in before if row["fault"] == fault.name]
    real = [row for row in mine if row["kind"] == "real"]
    seed = max((row["seed"] for row in real), default=asked.seed - 1) + 1 if asked.long else asked.seed
    if asked.long:
        left = max(0, fault.long - table.Row(fault, real).done)
        left = min(left, asked.cycles or left)
    else:
        left = asked.cycles or fault.quick
    plans = []
    while left > 0:
        plans.append((fault, seed, min(left, fault.part or PART), False))
        left -= plans[-1][2]
        seed += 1
    if not asked.no_control and not (asked.long and any(row["kind"] == "broken" for row in mine)):
        plans.append((fault, asked.seed, fault.control or fault.quick, True))
    return plans


if __name__ == "__main__":
    sys.exit(main())
