"""`make fuzz`: every driver and framer against a million damaged frames each, and against coverage-guided ones.

    python -m fuzz.run [--frames N] [--runs N] [--examples N] [--driver NAME ...] [--seed S] [--jobs 2] [--out FILE]

Mutation (fuzz/mutation.py): FRAMES frames to decode, to decode_with and, as pieces of a stream, to the framer; as many
with one to three bits turned where a frame carries a check (fuzz/integrity.py), a tenth as many of encrypted ones.
atheris (fuzz/guided.py): RUNS inputs; where it is not installed (its wheels are for x86-64) that is said and left out.
Hypothesis (fuzz/properties.py): EXAMPLES of each law of the conformance suite. `--defect` plants a bug that must be
found. Exit status 1 when a driver raised anything but DecodeError, took more than 10 ms each of four times, said what
it does not declare, lost bytes, or believed a damaged frame; each failure is printed with its seed and its frame, as a
line of a vectors file has it.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from drivers.api import Driver
from fuzz.corpus import drivers
from fuzz.defects import DEFECTS
from fuzz.integrity import CHECKS, UNCHECKED, UNPROVEN

ROOT = Path(__file__).parents[1]
OUT = ROOT / "bench-work" / "fuzz.json"
FRAMES, RUNS, EXAMPLES = 1_000_000, 1_000_000, 1_000
PATIENCE_S = 3600
"""For one driver and suite."""
HEADS = (
    "driver", "decode", "decode_with", "framer", "atheris", "Hypothesis", "said", "refused", "slowest ms",
    "damaged: refused / valid by chance", "forged: refused / outside the MIC", "",
)  # fmt: skip


class Plan(NamedTuple):
    """What was asked for."""

    frames: int
    runs: int
    examples: int
    seed: int
    defect: str
    guided: bool


def own(name: str, plan: Plan) -> dict[str, Any]:
    """What fuzz/one.py found."""
    words = ["fuzz.one", name, plan.frames, plan.examples, plan.seed]
    done = _child([*words, plan.defect] if plan.defect else words)
    if done.returncode:
        return {"process": _died(done)}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def guided(module: str, name: str, plan: Plan) -> dict[str, Any]:
    """What fuzz/guided.py found."""
    work = Path(tempfile.mkdtemp(prefix="hadir-fuzz-"))
    try:
        words = ["fuzz.guided", module, name, plan.runs, plan.seed, work]
        done = _child([*words, plan.defect] if plan.defect else words)
        result = work / "result.json"
        if not result.exists():
            return {"atheris": _died(done, [path.read_bytes() for path in work.glob("*-*") if path.is_file()])}
        return {"atheris": json.loads(result.read_text(encoding="utf-8"))}
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _child(words: Sequence[object]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *map(str, words)]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    try:
        return subprocess.run(
            command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"not ready after {PATIENCE_S} s")


def _died(done: subprocess.CompletedProcess[str], inputs: Sequence[bytes] = ()) -> dict[str, Any]:
    last = "\n".join(done.stderr.splitlines()[-12:])
    frame = {"hex": inputs[0].hex(), "note": "an input of atheris, three bytes before the frame"} if inputs else {}
    return {"failures": [{"what": f"the process ended with {done.returncode}: {last}", "frame": frame}]}


def row(name: str, found: dict[str, Any]) -> list[str]:
    """Of the table."""
    calls: dict[str, int] = {}
    refused: dict[str, int] = {}
    for tally in found.values():
        calls |= tally.get("calls", {})
    for suite in ("decode", "decode_with"):
        for kind, many in found.get(suite, {}).get("refused", {}).items():
            refused[kind] = refused.get(kind, 0) + many

    def number(what: str) -> str:
        return f"{calls[what]:,}" if what in calls else "-"

    damaged = f"{number('damaged_refused')} / {number('damaged_valid')}" if "damaged" in calls else "-"
    if name in UNCHECKED:
        damaged = "no check"
    forged = f"{number('forged_refused')} / {number('forged_outside')}" if "forged" in calls else "-"
    own_suites = [found[suite] for suite in ("decode", "decode_with", "framer") if suite in found]
    return [
        name,
        *map(number, ("decode", "decode_with", "framer", "atheris", "hypothesis")),
        f"{sum(tally['said'] for tally in own_suites):,}",
        ", ".join(f"{kind} {many:,}" for kind, many in sorted(refused.items())),
        f"{max((tally['slowest_ms'] for tally in own_suites), default=0):.2f}",
        damaged,
        forged,
        "**failed**" if failures(found) else "ok",
    ]


def failures(found: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """(suite, failure) of one driver."""
    return [(suite, failure) for suite, tally in found.items() for failure in tally["failures"]]


def run(chosen: Sequence[tuple[str, Driver]], plan: Plan, jobs: int) -> dict[str, dict[str, Any]]:
    """Driver -> suite -> what was found."""
    found: dict[str, dict[str, Any]] = {driver.name: {} for _, driver in chosen}
    started = perf_counter()
    with ThreadPoolExecutor(jobs) as pool:
        waiting = {}
        for module, driver in chosen:
            waiting[pool.submit(own, driver.name, plan)] = driver.name
            if plan.guided:
                waiting[pool.submit(guided, module, driver.name, plan)] = driver.name
        for number, (future, name) in enumerate(waiting.items(), 1):
            found[name] |= future.result()
            print(
                f"\r{perf_counter() - started:5.0f} s  {number} of {len(waiting)}  {name:40}", end="", file=sys.stderr
            )
    print(file=sys.stderr)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="make fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--runs", type=int, default=RUNS, help="inputs of atheris; 0: without it")
    parser.add_argument("--examples", type=int, default=EXAMPLES, help="of each law, by Hypothesis; 0: without it")
    parser.add_argument("--driver", nargs="+", metavar="NAME")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--defect", choices=sorted(DEFECTS), default="")
    parser.add_argument("--out", type=Path, default=OUT)
    asked = parser.parse_args(arguments)
    has_atheris = importlib.util.find_spec("atheris") is not None
    plan = Plan(
        asked.frames, asked.runs, asked.examples, asked.seed, asked.defect, guided=has_atheris and asked.runs > 0
    )
    started = perf_counter()
    chosen = list(drivers(asked.driver))
    found = run(chosen, plan, asked.jobs)
    minutes = (perf_counter() - started) / 60
    print(f"| {' | '.join(HEADS)} |\n|{'---|' * len(HEADS)}")
    for name, suites in found.items():
        print(f"| {' | '.join(row(name, suites))} |")
    print(
        f"\n{len(found)} drivers, {minutes:.1f} minutes, seed {asked.seed}, Python {platform.python_version()}, "
        f"{platform.machine()}"
    )
    for _, driver in chosen:
        if driver.modality == "badge" and driver.name not in {*CHECKS, *UNCHECKED}:
            print(f"{driver.name} reads badges and fuzz/integrity.py does not say how its frames are checked")
        if driver.name in UNPROVEN:
            sizes = ", ".join(map(str, UNPROVEN[driver.name]))
            print(f"{driver.name}: nothing proves its frames with a key of {sizes} bytes; those are not forged")
    if not has_atheris:
        print("atheris is not installed (its wheels are for x86-64): nothing was coverage-guided")
    bad = [(name, suite, failure) for name, suites in found.items() for suite, failure in failures(suites)]
    for name, suite, failure in bad:
        print(f"\nFAILED {name}, {suite}, seed {asked.seed}: {failure['what']}\n  {json.dumps(failure['frame'])}")
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    account = {"plan": plan._asdict(), "minutes": round(minutes, 2), "machine": platform.machine(), "drivers": found}
    asked.out.write_text(json.dumps(account, indent=1) + "\n", encoding="utf-8")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
