"""What the house's walls hold that import-linter does not see."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import drivers
import rules
from gateway.errors import ConfigError
from gateway.tools import foreign
from tests.imports import pulled_in

ROOT = Path(__file__).parents[1]
IO = {"asyncio", "socket", "bleak", "paho", "sqlite3", "apsw", "pydantic", "serial"}
PURE = [
    info.name
    for package, prefix in ((drivers, "drivers."), (rules, "rules."))
    for info in pkgutil.walk_packages(package.__path__, prefix)
]


def loaded(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after `code`."""
    program = f"{code}\nimport sys\nprint(' '.join(sorted({{name.split('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


def test_a_driver_or_rule_loads_nothing_that_does_io() -> None:
    found = pulled_in(PURE)
    assert found.keys() == set(PURE)
    assert {module: loads & IO for module, loads in found.items() if loads & IO} == {}


def test_the_edge_role_loads_no_heavy_library() -> None:
    found = loaded("import gateway.app, gateway.pipeline, gateway.sources.serial")
    assert "paho" in found
    assert not found & {"influxdb_client", "fastapi", "numpy", "rich", "iotcore", "bleak", "firmware_sim"}


def test_the_wheel_holds_exactly_the_four_packages() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["packages"] == ["gateway", "drivers", "rules", "firmware_sim"]
    assert all((ROOT / name / "py.typed").exists() for name in wheel["packages"])


def test_no_file_of_the_house_holds_two_ideas() -> None:
    big = [
        f"{path.relative_to(ROOT)}: {path.stat().st_size}"
        for package in ("drivers", "rules", "firmware_sim")
        for path in (ROOT / package).rglob("*.py")
        if path.stat().st_size > 16_384
    ]
    assert big == []


def test_another_owner_of_one_of_our_names_is_refused() -> None:
    foreign({"gateway": ["hadir"], "rules": ["hadir", "hadir"]})
    with pytest.raises(ConfigError, match='package "rules" also belongs to rules'):
        foreign({"rules": ["hadir", "rules"]})
