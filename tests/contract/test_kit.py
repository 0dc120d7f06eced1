"""The conformance kit: as it is made, runnable as its README says, and it finds a subscriber that is wrong."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.contract.events import EVENTS
from gateway.contract.subscriber import Subscriber
from gateway.contract.times import parsed
from tests.contract.kit import FOLDER, MADE, files

SCENARIOS = sorted((FOLDER / "scenarios").glob("*.json"))


def test_it_is_as_it_is_made() -> None:
    """Run `python -m tests.contract.kit` when this fails, and look at what changed: others test against it."""
    there = {f"{name}/{path.name}": path.read_text() for name in MADE for path in (FOLDER / name).glob("*.json")}
    assert there == files()


def test_every_type_has_samples_that_a_subscriber_takes() -> None:
    subscriber = Subscriber()
    seen = set()
    for path in (FOLDER / "samples").glob("*.json"):
        found = json.loads(path.read_text())
        seen.add(found["type"].removeprefix("hadir.").removesuffix(".v1"))
        for topic, payload in found["messages"]:
            subscriber.take(topic, json.dumps(payload).encode())
    assert seen == set(EVENTS)
    assert subscriber.refused == 0


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_the_reference_subscriber_reaches_every_end(path: Path) -> None:
    scenario: dict[str, Any] = json.loads(path.read_text())
    subscriber = Subscriber()
    times = [time for time, *_ in scenario["messages"]]
    assert times == sorted(times)
    for _, topic, payload in scenario["messages"]:
        subscriber.take(topic, json.dumps(payload).encode() if payload != "" else b"")
    assert {"refused": subscriber.refused, **subscriber.view(parsed(scenario["now"]))} == scenario["ends"]


def run(program: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(FOLDER / "run.py"), *options, "--", sys.executable, str(program)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The program of the README."""
    (text,) = re.findall(r"```python\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)
    root = FOLDER.parent.parent.parent
    path = tmp_path / "subscriber.py"
    path.write_text(f"import sys\nsys.path.insert(0, {str(root)!r})\n{text}")
    return path


def test_the_program_of_the_readme_passes_also_twice_and_shuffled(program: Path) -> None:
    ran = run(program, "--twice", "--shuffle", "7")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "erasure: looked at" in ran.stdout


def test_one_that_is_wrong_is_found(tmp_path: Path) -> None:
    """It counts messages, not events, and takes the last state that came."""
    path = tmp_path / "wrong.py"
    path.write_text(
        "import json, sys\nasked = json.load(sys.stdin)\njson.dump({'events': len(asked['messages'])}, sys.stdout)\n"
    )
    ran = run(path)
    assert ran.returncode == 1
    assert "duplicate: events" in ran.stdout


@pytest.mark.parametrize("said", ["print('no')", "print([])", "print(None)", "print('{}'); raise SystemExit(3)"])
def test_one_that_fails_is_told_from_one_that_is_wrong(said: str, tmp_path: Path) -> None:
    path = tmp_path / "failing.py"
    path.write_text(said)
    assert run(path).returncode == 2


def test_an_answer_that_is_missing_is_wrong(program: Path, tmp_path: Path) -> None:
    path = tmp_path / "silent.py"
    path.write_text("print('{}')")
    ran = run(path)
    assert ran.returncode == 1
    assert "duplicate: people\n  is      missing" in ran.stdout
    assert run(path, "--only", "state").returncode == 2  # there is no such key
    assert run(path, "--scenario", "history", "erased").returncode == 2  # nor scenario
    path.write_text(
        f"import json, subprocess, sys\nmade = subprocess.run([sys.executable, {str(program)!r}], stdin=sys.stdin,"
        " stdout=subprocess.PIPE)\nprint(json.dumps({'states': json.loads(made.stdout)['states']}))\n"
    )
    assert run(path, "--scenario", "erasure").returncode == 1
    assert run(path, "--only", "states", "--scenario", "unknown", "history").returncode == 0
    assert run(path, "--only", "refused", "--scenario", "unknown").returncode == 1  # it says nothing of that


def test_every_scenario_is_in_the_readme() -> None:
    text = (FOLDER / "README.md").read_text()
    for path in SCENARIOS:
        assert f"`{path.stem}`" in text
