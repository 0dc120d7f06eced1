"""A driver of somebody else's package: installed as its page says, found, read, checked and bound."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "hadir-sen0395"
PAGE = ROOT / "docs" / "add-a-driver.md"
OFFICE = """
site: demo
buildings:
  - {id: b, coordinator: gw, floors: [{id: f, owner: gw, zones: [{id: z, spaces: [{id: d1}]}]}]}
gateways:
  - id: gw
    place: b/f
    sources:
      - {id: radar-1, type: serial, port: /dev/serial/by-id/usb-radar-1, device: mmw-1}
devices:
  - {id: mmw-1, driver: sen0395, place: b/f/z/d1}
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process for which the example is installed, by pip, in a folder of its own."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*command, "--no-build-isolation", "--target", folder, EXAMPLE], check=True, timeout=120)
    return {**os.environ, "PYTHONPATH": str(folder)}


def hadir(environment: dict[str, str], *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gateway.cli", *arguments]
    return subprocess.run(
        command, input=given, capture_output=True, text=True, check=False, env=environment, timeout=60, cwd=ROOT
    )


@pytest.mark.timeout(180)
def test_it_is_listed_and_read(installed: dict[str, str], tmp_path: Path) -> None:
    rows = [json.loads(line) for line in hadir(installed, "devices", "--supported", "--json").stdout.splitlines()]
    (row,) = (row for row in rows if row["driver"] == "sen0395")
    assert (row["media"], row["modality"], row["kinds"]) == ("serial:sen0395", "radar", "occupied")
    line = json.dumps({"id": 1, "medium": "serial:sen0395", "hex": b"$JYBSS,1, , , *\r\n".hex()})
    said = json.loads(hadir(installed, "decode", given=line).stdout)
    assert said["measurements"] == [{"kind": "occupied", "value": True, "unit": ""}]
    file = tmp_path / "office.yaml"
    file.write_text(OFFICE)
    assert "sen0395" not in hadir(installed, "check", str(file)).stderr
    without = hadir(dict(os.environ), "check", str(file))
    assert 'device "mmw-1" wants driver "sen0395", which is not installed' in without.stdout + without.stderr


@pytest.mark.timeout(180)
def test_the_conformance_suite_runs_on_it(installed: dict[str, str], tmp_path: Path) -> None:
    for name in ("test_sen0395.py", "sen0395.jsonl"):
        (tmp_path / name).write_bytes((EXAMPLE / name).read_bytes())
    environment = {**installed, "PYTHONPATH": f"{installed['PYTHONPATH']}{os.pathsep}{ROOT}"}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # it needs pytest and hypothesis, and nothing of ours
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", str(tmp_path)]
    done = subprocess.run(
        [*command, tmp_path], capture_output=True, text=True, check=False, env=environment, timeout=120, cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout
    assert "15 passed" in done.stdout
    vectors = tmp_path / "sen0395.jsonl"
    vectors.write_text(vectors.read_text().replace('"value": true', '"value": false'))
    done = subprocess.run(
        [*command, "-k", "test_vector", tmp_path],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=120,
        cwd=tmp_path,
    )
    assert done.returncode == 1, "a vector that is wrong is noticed"


def test_the_page_shows_what_is_installed() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name in ("hadir_sen0395.py", "sen0395.jsonl", "test_sen0395.py", "pyproject.toml"):
        assert (EXAMPLE / name).read_text(encoding="utf-8").rstrip() in page, name
    files = (EXAMPLE / "hadir_sen0395.py", EXAMPLE / "sen0395.jsonl")
    assert sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files) < 60
