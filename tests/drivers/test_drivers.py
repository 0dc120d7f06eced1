"""One suite over all built-in drivers: vectors, noise, and what importing one pulls in."""

from __future__ import annotations

import io
import json
import math
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.api import Context, DecodeError, Driver, Frame, Measurement
from drivers.vocabulary import UNITS
from gateway.decode import built_in
from gateway.decode_cli import run

VECTORS = Path(__file__).parents[1] / "vectors"
SHARED = Path(__file__).parents[2].parent / "shared" / "vectors"
BUILT_IN = list(built_in())
DRIVERS = {driver.name: driver for _, driver in BUILT_IN}
MODULES = sorted({module for module, _ in BUILT_IN})
Vector = dict[str, Any]


def lines(path: Path) -> list[Vector]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


OWN = [vector for path in sorted(VECTORS.glob("*.jsonl")) for vector in lines(path)]
NOT_YET = """
acconeer ble_contact bthome_v1 bthome_v2 enocean_esp3 estimote holyiot ld2450 lorawan mikrotik osdp qingping ruuvi
switchbot teltonika wiegand xiaomi_mibeacon
"""
OTHERS = [v for path in sorted(SHARED.glob("*.jsonl")) if path.stem not in NOT_YET for v in lines(path)]


def answer(vector: Vector) -> dict[str, Any]:
    out = io.StringIO()
    assert run([json.dumps(vector)], out) == 0
    made: dict[str, Any] = json.loads(out.getvalue())
    assert made.pop("id") == vector["id"]
    return made


def same(want: object, got: object) -> bool:
    """Equal, numbers within the tolerance of the vectors; a bool is not a number, and whole numbers are exact."""
    if isinstance(want, list) and isinstance(got, list):
        return len(want) == len(got) and all(map(same, want, got))
    numbers = isinstance(want, int | float) and isinstance(got, int | float)
    if not numbers or isinstance(want, bool) or isinstance(got, bool):
        return type(want) is type(got) and want == got
    if isinstance(want, int) and isinstance(got, int):
        return want == got
    return math.isclose(want, got, rel_tol=1e-3, abs_tol=0.011)


def check(vector: Vector) -> None:
    made = answer(vector)
    if vector.get("reject"):
        assert "error" in made or (vector.get("or_empty") and made["measurements"] == []), made
        return
    assert "error" not in made, made
    for item in vector["expected"]:
        kinds = {item["kind"], *item.get("alt_kinds", ())}
        assert any(m["kind"] in kinds and same(item["value"], m["value"]) for m in made["measurements"]), (item, made)
    assert not {m["kind"] for m in made["measurements"]} & set(vector.get("forbid_kinds", ()))
    for m in made["measurements"]:
        assert m["unit"] in UNITS[m["kind"]]


@pytest.mark.parametrize("vector", OWN, ids=[vector["id"] for vector in OWN])
def test_vector(vector: Vector) -> None:
    assert vector["origin"]
    assert vector["licence"]
    check(vector)


@pytest.mark.skipif(not OTHERS, reason="shared vectors are not here")
@pytest.mark.parametrize("vector", OTHERS, ids=[vector["id"] for vector in OTHERS])
def test_shared_vector(vector: Vector) -> None:
    check(vector)


def file_of(driver: Driver) -> Path:
    """The file of its name, or of its module's where that has several drivers."""
    path = VECTORS / f"{driver.name}.jsonl"
    (module,) = (where for where, other in BUILT_IN if other is driver)
    return path if path.exists() else VECTORS / f"{module.rpartition('.')[2]}.jsonl"


@pytest.mark.parametrize("driver", DRIVERS.values(), ids=lambda driver: driver.name)
def test_every_driver_has_vectors(driver: Driver) -> None:
    vectors = lines(file_of(driver))
    own = [vector for vector in vectors if vector["medium"] in driver.media]
    assert any(not vector.get("reject") for vector in own)
    assert any(vector.get("reject") for vector in vectors)


@pytest.mark.parametrize("driver", DRIVERS.values(), ids=lambda driver: driver.name)
def test_it_says_what_it_measures_and_vectors_show_it(driver: Driver) -> None:
    assert driver.title
    assert date.fromisoformat(driver.checked)
    assert len(set(driver.kinds)) == len(driver.kinds)
    assert set(driver.kinds) <= UNITS.keys()


def test_every_vectors_file_has_a_driver() -> None:
    modules = {module.rpartition(".")[2] for module, _ in BUILT_IN}
    assert {path.stem for path in VECTORS.glob("*.jsonl")} <= {driver.name for driver in DRIVERS.values()} | modules


@pytest.mark.parametrize("module", MODULES)
def test_a_driver_is_named_after_its_file_unless_it_has_siblings_there(module: str) -> None:
    names = [driver.name for where, driver in BUILT_IN if where == module]
    assert names == [module.rpartition(".")[2]] or len(names) > 1
    assert len(DRIVERS) == len(BUILT_IN), "two drivers have one name"


@pytest.mark.parametrize("driver", DRIVERS.values(), ids=lambda driver: driver.name)
def test_declared_alike(driver: Driver) -> None:
    serial = [medium for medium in driver.media if medium.startswith("serial:")]
    assert serial in ([], [f"serial:{driver.name}"])
    assert bool(serial) == (driver.framer is not None) == (driver.settings is not None)
    assert bool(driver.claims) == ("ble_adv" in driver.media)
    for claim in driver.claims:
        assert claim.company is None or claim.service is None
        assert claim.prefix or claim.company is not None or claim.service is not None
    assert (driver.decode_with is not None) or not (driver.key_sizes or driver.profiles)


def payload_of(vector: Vector) -> bytes:
    if "bits" in vector:
        bits = vector["bits"]
        data = int(bits + "0" * (-len(bits) % 8), 2).to_bytes((len(bits) + 7) // 8, "big")
        return bytes((len(bits),)) + data if vector["medium"] == "wiegand" else data
    return bytes.fromhex(vector["hex"])


@st.composite
def noise(draw: st.DrawFn) -> bytes:
    """Random bytes, and real payloads with random damage, which get further into a decoder."""
    kind = draw(st.sampled_from(("random", "changed", "cut", "doubled")))
    if kind == "random":
        return draw(st.binary(max_size=64))
    payload = bytearray(payload_of(draw(st.sampled_from(OWN))))
    for _ in range(draw(st.integers(0, 3))):
        if payload:
            payload[draw(st.integers(0, len(payload) - 1))] = draw(st.integers(0, 255))
    if kind == "cut":
        return bytes(payload[: draw(st.integers(0, len(payload)))])
    return bytes(payload * 2) if kind == "doubled" else bytes(payload)


@pytest.mark.parametrize("driver", DRIVERS.values(), ids=lambda driver: driver.name)
@settings(deadline=None)
@given(payload=noise(), data=st.data())
def test_noise_raises_a_decode_error_and_nothing_else(driver: Driver, payload: bytes, data: st.DataObject) -> None:
    medium = data.draw(st.sampled_from(driver.media))
    frame = Frame(
        medium, "test", "A4:C1:38:8D:18:B2", payload, -60, port=data.draw(st.sampled_from((None, 1, 85, 102)))
    )
    holds(driver, lambda: driver.decode(frame))
    decode_with = driver.decode_with
    if decode_with is not None:
        key = bytes(data.draw(st.sampled_from(driver.key_sizes or (0,))))
        profile = data.draw(st.sampled_from(driver.profiles or ("",)))
        holds(driver, lambda: decode_with(frame, Context(key=key, profile=profile)).measurements)


def holds(driver: Driver, read: Callable[[], list[Measurement]]) -> None:
    """Whatever came in: a DecodeError, or measurements of the declared kinds that can be written; each time alike."""
    try:
        made = read()
    except DecodeError:
        return
    for measurement in made:
        assert isinstance(measurement, Measurement)
        json.dumps(measurement.value, allow_nan=False)
        assert measurement.kind in driver.kinds
        assert measurement.unit in UNITS[measurement.kind]
    assert made == read()


@pytest.mark.parametrize("module", MODULES)
def test_importing_a_driver_pulls_in_nothing_heavy(module: str) -> None:
    heavy = ("asyncio", "bleak", "paho", "sqlite3", "apsw", "pydantic", "serial", "logging", "socket", "gateway")
    code = f"import sys, {module}; print([name for name in {heavy!r} if name in sys.modules])"
    # -S: `site` may import what it likes; the path is given instead
    child = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert child.stdout.strip() == "[]"
