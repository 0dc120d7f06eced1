"""`make bench`: every contestant in turn, round after round, and the ratios of each round; the median is printed.

Rates of a shared machine are noise; ratios measured side by side in one run are not. Exit status 1 when a goal of
docs/performance.md is not reached, or when anything was lost or came twice.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from bench import idle, web
from bench.broker import Tally, mosquitto

ROOT = Path(__file__).parents[1]
WORK = ROOT / "bench-work"
CROWD, WORST, PLAIN, GROUPED, COMMITS, THEENGS = 200_000, 8_000, 1_500, 30_000, 1_500, 2_000


class Line(NamedTuple):
    """One row of the table."""

    what: str
    got: str
    goal: str
    reached: bool


def at_least(what: str, got: float, goal: float) -> Line:
    """A ratio that should be high."""
    return Line(what, f"{got:.1f}x" if got >= 1 else f"{got:.2f}x", f"at least {goal:g}x", got >= goal)


class Bench:
    """The contestants, and what they did in each round."""

    def __init__(self, peer: Path, port: int) -> None:
        self._peer = peer
        self._port = port
        self._number = 0
        self.results: dict[str, list[dict[str, Any]]] = {}
        self.lost = 0
        self.duplicated = 0

    def folder(self) -> Path:
        """A fresh one."""
        self._number += 1
        return WORK / "run" / f"{self._number:03d}"

    def ours(self, name: str, module: str, *arguments: object) -> None:
        """A contestant that takes our gateway's whole path; what the broker got is held against what it committed."""
        tally = Tally(self._port)
        found = self._run(
            name, [sys.executable, "-m", f"bench.{module}", str(self.folder()), str(self._port), *arguments]
        )
        tally.read()
        self.lost += tally.lost(found["source"], found["last_sequence"]) + found.get("intake_dropped", 0)
        self.duplicated += tally.duplicated

    def outbox(self, name: str, *arguments: object) -> None:
        """The outbox alone."""
        found = self._run(name, [sys.executable, "-m", "bench.outbox", str(self.folder()), *arguments])
        self.lost += int(arguments[0]) - found["kept"]  # type: ignore[call-overload]

    def theengs(self, name: str, strangers: float) -> None:
        """The peer."""
        peer = [str(self._peer), str(ROOT / "bench" / "theengs.py"), self._port, THEENGS, strangers]
        self._run(name, peer)

    def ratio(self, name: str, reference: str, figure: str = "rate") -> float:
        """Median over rounds of `name`'s figure in units of `reference`'s."""
        pairs = zip(self.results[name], self.results[reference], strict=True)
        return float(median(a[figure] / b[figure] for a, b in pairs))

    def middle(self, name: str, figure: str) -> float:
        return float(median(found[figure] for found in self.results[name]))

    def _run(self, name: str, command: Sequence[object]) -> dict[str, Any]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [str(word) for word in command], capture_output=True, text=True, env=environment, cwd=ROOT, check=False
        )
        if done.returncode:
            raise SystemExit(f"{name} failed:\n{done.stderr[-2000:]}")
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        self.results.setdefault(name, []).append(found)
        print(f"  {name:34} {found['rate']:>12,.0f}/s", file=sys.stderr, flush=True)
        return found


def peer_python(name: str, *packages: str) -> Path:
    """The interpreter of a virtual environment that has these packages from PyPI."""
    folder = WORK / name
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        print(f"installing {', '.join(packages)} beside us ...", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True, stderr=subprocess.DEVNULL)
        (folder / "ready").touch()
    return python


def decoders() -> list[Line]:
    """Our drivers against others' decoders, in one process of an environment that has them."""
    python = peer_python("decoders", "bthome-ble", "bleparser", "ibeacon-ble", "cryptography")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [str(python), str(ROOT / "bench" / "decode.py")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, check=False)
    if done.returncode not in (0, 1) or not done.stdout.strip():
        raise SystemExit(f"the decoders failed:\n{done.stderr[-2000:]}")
    found: dict[str, dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    if not found:
        raise SystemExit(f"no decoder to compare with:\n{done.stderr[-2000:]}")
    return [at_least(f"decode, {what}", pair["ratio"], pair["goal"]) for what, pair in found.items()]


def locators() -> list[Line]:
    """Where tags are: a process alone, as its turns are short."""
    command = [sys.executable, "-m", "bench.locator"]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # one core, as the goals say
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, check=False)
    if done.returncode:
        raise SystemExit(f"the locators failed:\n{done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    cell, rate = found["cell_bytes"], found["decisions"]
    return [
        at_least("locator: sightings a second, of a plain loop's", found["ratio"], 0.4),
        Line("locator: memory of a (tag, receiver)", f"{cell:.0f} bytes", "at most 130 bytes", cell <= 130),
        Line("locator with a survey: zone decisions a second", f"{rate:,.0f}", "at least 20,000", rate >= 20_000),
    ]


def contest(bench: Bench, rounds: int) -> None:
    """All contestants that are compared, interleaved."""
    turns: list[Callable[[], None]] = [
        lambda: bench.theengs("theengs, crowd", 0.75),
        lambda: bench.ours("crowd", "crowd", CROWD, 0.75),
        lambda: bench.ours("strangers only", "crowd", CROWD, 1),
        lambda: bench.ours("enrolled only", "crowd", CROWD // 4, 0),
        lambda: bench.theengs("theengs, own beacons", 0),
        lambda: bench.ours("every frame an event", "worst", WORST),
        lambda: bench.ours("one commit, one await", "worst", PLAIN, "plain"),
        lambda: bench.outbox("outbox, groups", GROUPED),
        lambda: bench.outbox("outbox, a commit an event", COMMITS, "plain"),
    ]
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        for turn in turns[number % len(turns) :] + turns[: number % len(turns)]:
            turn()


def demo() -> dict[str, Any]:
    """The account of a whole demo."""
    command = [sys.executable, "-m", "gateway.cli", "demo", "--seconds", "20", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    if not done.stdout.strip():
        raise SystemExit(f"the demo failed:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def pages() -> list[Line]:
    """`hadir serve` before a crowd: times, as a person or a program waits for them."""
    found = web.measure()
    stream, page, everything = found["stream"], found["page"], found["everything"]
    told = f"{stream['browsers']} browsers, {stream['changes']} changes, {stream['missed']} missed"
    all_there = stream["browsers"] == 1000 and not (stream["missed"] or stream["broken"])
    answered = all(set(part["statuses"]) == {200} for part in (page, everything))
    return [
        Line(
            f"web: change to browser, p99 of {told}",
            f"{stream['p99_ms']:.0f} ms",
            "below 1,000 ms",
            all_there and stream["p99_ms"] < 1000,
        ),
        Line(
            "web: memory of `hadir serve` with them",
            f"{stream['rss_mb']:.0f} MB",
            "at most 300 MB",
            stream["rss_mb"] <= 300,
        ),
        Line(
            "web: availability of 10,000 desks, a page of 1,000, 200 a second, p99",
            f"{page['p99_ms']:.1f} ms",
            "below 50 ms",
            answered and page["p99_ms"] < 50,
        ),
        Line(
            "web: availability, all 10,000 in one compressed answer, 200 a second, p99",
            f"{everything['p99_ms']:.1f} ms",
            "below 50 ms",
            answered and everything["p99_ms"] < 50,
        ),
    ]


def lines(bench: Bench, edge: dict[str, Any], heavy: list[str], account: dict[str, Any]) -> list[Line]:
    """The table."""

    def at_most(what: str, got: float, goal: float, unit: str) -> Line:
        return Line(what, f"{got:.1f} {unit}", f"at most {goal:g} {unit}", got <= goal)

    share = bench.middle("crowd", "event_share")
    stranger = bench.ratio("strangers only", "enrolled only", "cpu_us")
    p99 = account["latency_ms"]["p99"]
    return [
        at_least("crowd: adverts a second, of TheengsGateway's", bench.ratio("crowd", "theengs, crowd"), 60),
        Line("crowd: enrolled adverts that made an event", f"{share:.1%}", "at least 2 %", share >= 0.02),
        at_least(
            "every frame an event, of TheengsGateway's", bench.ratio("every frame an event", "theengs, own beacons"), 10
        ),
        at_least(
            "every frame an event, of one commit and one await",
            bench.ratio("every frame an event", "one commit, one await"),
            6,
        ),
        at_least("outbox alone, of a commit an event", bench.ratio("outbox, groups", "outbox, a commit an event"), 20),
        Line("a stranger's advert, of an enrolled one (CPU)", f"{stranger:.2f}", "at most 0.33", stranger <= 1 / 3),
        Line(
            "lost, duplicated in all of these",
            f"{bench.lost}, {bench.duplicated}",
            "0, 0",
            not (bench.lost or bench.duplicated),
        ),
        at_most("`hadir run` idle: memory", edge["memory_mb"], 55, "MB"),
        at_most("`hadir run` idle: of a core", edge["cpu_percent"], 1, "%"),
        at_most("`hadir run` start: CPU", edge["start_cpu_ms"], 400, "ms"),
        Line("heavy libraries in the edge role", ", ".join(heavy) or "none", "none", not heavy),
        at_most(f"demo: wire to ledger, p99 of {account['latency_ms']['samples']} events", p99, 150, "ms"),
        Line(
            "demo: lost, unanswered, duplicated, wrong",
            ", ".join(str(account[k]) for k in ("lost", "unanswered", "duplicated", "desk_states_wrong")),
            "0, 0, 0, 0",
            bool(account["ok"]),
        ),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    shutil.rmtree(WORK / "run", ignore_errors=True)
    (WORK / "run").mkdir(parents=True)
    peer = peer_python("theengs", "TheengsGateway")
    decoded, located = decoders(), locators()
    with mosquitto(WORK / "run") as port:
        bench = Bench(peer, port)
        contest(bench, rounds)
        edge = idle.measure(bench.folder(), port)
    table = [*lines(bench, edge, idle.heavy_imports(), demo()), *decoded, *located, *pages()]
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {_machine()}, Python {platform.python_version()}, median of {rounds} rounds\n"
    )
    print("| what | measured | goal | |\n|---|---|---|---|")
    for line in table:
        print(f"| {line.what} | {line.got} | {line.goal} | {'yes' if line.reached else '**no**'} |")
    print("\n| contestant | a second | CPU µs each |\n|---|---|---|")
    for name, found in bench.results.items():
        cpu = f"{bench.middle(name, 'cpu_us'):.1f}" if "cpu_us" in found[0] else ""
        print(f"| {name} | {bench.middle(name, 'rate'):,.0f} | {cpu} |")
    return 0 if all(line.reached for line in table) else 1


def _machine() -> str:
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return f"{os.cpu_count()} cores of {model}"


if __name__ == "__main__":
    sys.exit(main())
