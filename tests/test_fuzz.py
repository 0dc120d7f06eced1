"""`make fuzz` in small: it finds nothing in drivers that are right, and each planted bug in one that is not."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from drivers.api import Driver
from fuzz import laws
from fuzz.corpus import corpus, drivers, vectors_of
from fuzz.defects import DEFECTS
from fuzz.integrity import CHECKS, UNCHECKED, flipped
from fuzz.one import fuzz
from fuzz.run import failures, main, row
from tests.conftest import few

FRAMES, EXAMPLES = 2_000, 20
ALL = {driver.name: (module, driver) for module, driver in drivers()}
FOUND_BY = {
    "raise": {"rdm6300": {"decode", "hypothesis"}, "bthome": {"decode", "decode_with"}},
    "hang": {"rdm6300": {"decode"}, "bthome": {"decode", "decode_with"}},
    "stuck": {"rdm6300": {"decode"}, "bthome": {"decode", "decode_with"}},
    "nan": {"rdm6300": {"decode"}, "bthome": {"decode", "decode_with"}, "ld2410": {"framer"}},
    "kind": {"rdm6300": {"decode"}, "bthome": {"decode", "decode_with"}},
    "parity": {"rdm6300": {"decode", "framer", "damage"}, "wiegand": {"decode", "damage"}, "osdp": {"damage"}},
    "lost": {"rdm6300": {"framer"}, "ld2410": {"framer", "hypothesis"}},
}
"""Defect -> driver -> suites that must find it in so few frames."""


def found(name: str, defect: str = "") -> dict[str, Any]:
    module, driver = ALL[name]
    return fuzz(module, driver, FRAMES, EXAMPLES, 1, defect)


@pytest.mark.parametrize("name", ["rdm6300", "bthome", "enocean_esp3"])
def test_nothing_is_found_in_a_good_driver_and_everything_is_counted(name: str) -> None:
    suites = found(name)
    assert failures(suites) == []
    assert suites["decode"]["calls"] == {"decode": FRAMES}
    assert sum(suites["decode"]["refused"].values()) + suites["decode"]["said"] <= FRAMES
    assert suites["decode"]["said"] > FRAMES // 20
    assert suites["hypothesis"]["calls"]["hypothesis"] >= EXAMPLES
    assert row(name, suites)[-1] == "ok"
    if name != "bthome":
        assert suites["framer"]["calls"] == {"framer": FRAMES}
        counted = suites["damage"]["calls"]
        assert counted["damaged"] == FRAMES == counted["damaged_refused"] + counted["damaged_valid"]
        assert counted["damaged_refused"] > 0.9 * FRAMES


def test_a_seed_makes_the_same_frames() -> None:
    one, two = found("wiegand"), found("wiegand")
    for suite in ("decode", "damage"):
        for what in ("calls", "said", "refused"):
            assert one[suite][what] == two[suite][what]


@pytest.mark.parametrize(
    ("defect", "name"), [(defect, name) for defect, by in FOUND_BY.items() for name in few(tuple(by), -1 % len(by))]
)
def test_a_planted_bug_is_found(defect: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(laws, "STUCK_S", 0.04)
    suites = found(name, defect)
    assert FOUND_BY[defect][name] <= {suite for suite, _ in failures(suites)}
    assert row(name, suites)[-1] != "ok"
    for _, failure in failures(suites):
        bytes.fromhex(failure["frame"]["hex"])


def test_every_defect_is_tried() -> None:
    assert FOUND_BY.keys() == DEFECTS.keys()


@pytest.mark.parametrize("name", CHECKS)
def test_the_independent_check_agrees_with_the_good_vectors_and_refuses_a_flipped_bit(name: str) -> None:
    check, rng = CHECKS[name], Random(1)
    for _ in range(200):
        frame = check.make(rng)
        assert check.holds(frame)
        assert check.seal(frame) == frame
        damaged = flipped(frame, [rng.choice(check.reach(frame))])
        assert not check.holds(damaged) or damaged.lower() == frame.lower()


@pytest.mark.parametrize(("module", "driver"), ALL.values(), ids=ALL)
def test_every_driver_has_seeds_of_all_its_media(module: str, driver: Driver) -> None:
    fed = corpus(driver, vectors_of(module, driver))
    assert fed.vectors
    assert {origin.medium for origin in fed.origins} == set(driver.media)


def test_the_tables_of_checks_name_drivers_that_are_there() -> None:
    assert not CHECKS.keys() & UNCHECKED.keys()
    assert {*CHECKS, *UNCHECKED} <= ALL.keys()


def test_the_program_tells_of_a_failure_with_its_frame(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "fuzz.json"
    words = ["--frames", "500", "--runs", "0", "--examples", "0", "--driver", "rdm6300", "--out", str(out)]
    assert main([*words, "--defect", "parity"]) == 1
    told = capsys.readouterr().out
    assert "FAILED rdm6300, damage, seed 1: believes a damaged frame" in told
    assert '"medium": "serial:rdm6300", "hex": "' in told
    assert json.loads(out.read_text(encoding="utf-8"))["drivers"]["rdm6300"]["damage"]["failures"]
    assert main(words) == 0
