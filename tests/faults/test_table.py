"""The table says what was missed, and that a suite which does not notice its defect is void."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from faults.api import Fault, Outcome, Scene
from faults.run import FAULTS, one
from faults.table import BEGIN, END, Row, text, write


def run(_scene: Scene) -> Outcome:
    return Outcome()


FAULT = Fault(
    name="x", title="x", promise="x", defect="broken on purpose", run=run, quick=1, long=10, limits={"p99_s": 1.0}
)


def result(kind: str = "real", **more: Any) -> dict[str, Any]:
    return {"fault": "x", "kind": kind, "seed": 1, "cycles": 5, "offered": 5, "accepted": 5, "stored": 5} | more


def test_a_clean_run_whose_defect_was_noticed_has_no_problem() -> None:
    row = Row(FAULT, [result(recovery_s=[0.1, 0.9]), result("broken", lost=1)])
    assert row.problems() == []
    assert "5 of 10" in text([row])
    assert "defect noticed" in text([row])


def test_each_miss_is_named() -> None:
    results = [result(lost=1, recovery_s=[5.0]), result(duplicated=2, misses=["late"]), result("broken")]
    said = " ".join(Row(FAULT, results).problems())
    for word in ("lost 1", "duplicated 2", "late", "not noticed (broken on purpose)", "p99 of recovery 5.00 s"):
        assert word in said


def test_a_fault_that_was_never_applied_proves_nothing() -> None:
    assert Row(FAULT, [result(cycles=0)]).problems() == ["x: the fault was never applied"]


def test_a_long_run_is_judged_by_what_it_came_to_and_a_small_form_is_no_part_of_it() -> None:
    fault = replace(FAULT, least={"took_s": 60, "died": 3, "events": 100})
    part = result(took_s=40, applied={"died": 1}, notes={"events": 60})
    assert Row(fault, [part]).problems() == []
    assert Row(fault, [part, part]).problems() == ["x: died 2, at least 3"]
    whole = replace(FAULT, whole=True)
    assert "5 of 10 (quick form)" in text([Row(whole, [result()])])
    assert Row(whole, [result(), result(form="long")]).done == 5


def test_a_run_that_does_not_end_is_a_miss_of_that_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*words: Any, timeout: float, **_: Any) -> None:
        raise subprocess.TimeoutExpired(words, timeout)

    monkeypatch.setattr("faults.run.subprocess.run", late)
    monkeypatch.setattr("faults.run.commit", lambda: "0000000")
    found = one(FAULT, 1, 5, broken=False)
    assert "did not end" in found["misses"][0]


def test_what_a_machine_does_not_allow_is_said_and_is_neither_a_proof_nor_a_miss(tmp_path: Path) -> None:
    why = "there is no strace"
    row = Row(FAULT, [result(cycles=0, impossible=why), result("broken", cycles=0, impossible=why)])
    assert row.problems() == []
    assert "no control run" in text([row])
    page = tmp_path / "page.md"
    page.write_text(f"{BEGIN}{END}")
    write(page, [row], "today")
    assert f"x: not possible here: {why}" in page.read_text()


def test_every_suite_has_a_promise_and_a_defect() -> None:
    assert all(fault.promise and fault.defect and fault.quick and fault.long for fault in FAULTS.values())
    assert len({fault.title for fault in FAULTS.values()}) == len(FAULTS)
