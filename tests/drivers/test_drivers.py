"""The conformance suite over all built-in drivers, the shared vectors, and what importing a driver pulls in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from drivers.api import Driver, Frame
from firmware_sim import id12la, rdm6300
from gateway.conformance import Vector, check_vector, lines, suite
from gateway.decode import built_in
from tests.drivers.encoders import FRAMES
from tests.imports import pulled_in

VECTORS = Path(__file__).parents[1] / "vectors"
SHARED = Path(__file__).parents[2].parent / "shared" / "vectors"
BUILT_IN = list(built_in())
DRIVERS = {driver.name: driver for _, driver in BUILT_IN}
MODULES = sorted({module for module, _ in BUILT_IN})
EXAMPLES = settings().max_examples // 4
"""Of each law for each of a hundred drivers, anew in every run; `make fuzz` tries many more."""
OTHERS = [vector for path in sorted(SHARED.glob("*.jsonl")) for vector in lines(path)]


def vectors_of(module: str, driver: Driver) -> list[Vector]:
    """Of the file of its name, or of its module's where that has several drivers."""
    paths = [VECTORS / f"{name}.jsonl" for name in (driver.name, *names_of(module))]
    return next((lines(path) for path in paths if path.exists()), [])


def names_of(module: str) -> list[str]:
    """What the vectors of a module with several drivers may be called: as the file, or after the maker's folder."""
    _, _, *folders, last = module.split(".")
    return ["_".join((*folders, last)), *folders, last]


for module, driver in BUILT_IN:
    globals()[f"Test_{driver.name}"] = suite(
        driver,
        vectors_of(module, driver),
        beside=[other for where, other in BUILT_IN if where == module and other is not driver],
        frames=FRAMES.get(driver.name),
        examples=EXAMPLES,
    )


@pytest.mark.skipif(not OTHERS, reason="shared vectors are not here")
@pytest.mark.parametrize("vector", OTHERS, ids=[vector["id"] for vector in OTHERS])
def test_shared_vector(vector: Vector) -> None:
    check_vector(vector)


def test_every_vectors_file_has_a_driver() -> None:
    modules = {name for module in MODULES for name in names_of(module)}
    assert {path.stem for path in VECTORS.glob("*.jsonl")} <= DRIVERS.keys() | modules


def test_every_encoder_has_a_driver() -> None:
    assert FRAMES.keys() <= DRIVERS.keys()


@pytest.mark.parametrize("module", MODULES)
def test_a_driver_is_named_after_its_file_unless_it_has_siblings_there(module: str) -> None:
    names = [driver.name for where, driver in BUILT_IN if where == module]
    assert len(names) > 1 or names[0] in names_of(module)
    assert len(DRIVERS) == len(BUILT_IN), "two drivers have one name"


def test_importing_a_driver_pulls_in_nothing_heavy() -> None:
    heavy = {"asyncio", "bleak", "paho", "sqlite3", "apsw", "pydantic", "serial", "logging", "socket", "gateway"}
    heavy |= {"cryptography"}
    found = pulled_in(MODULES)
    assert found.keys() == set(MODULES)
    assert {module: loads & heavy for module, loads in found.items() if loads & heavy} == {}


@pytest.mark.parametrize("encoder", [rdm6300, id12la])
def test_readers_read_what_the_simulator_sends(encoder: Any) -> None:
    name = encoder.__name__.rpartition(".")[2]
    made = DRIVERS[name].decode(Frame(f"serial:{name}", "test", "", encoder.frame(bytes.fromhex("0F0368568B"))))
    assert [(m.kind, m.value) for m in made] == [("badge", "em4100:0F0368568B")]
