"""The command line: what a stranger types first, and what bad input gets."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cli import main
from gateway.decode import installed
from gateway.decode_cli import run


def test_init_makes_a_site_that_check_calls_good(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = tmp_path / "site"
    assert main(["init", str(site), "--site", "kantor"]) == 0
    assert (site / "keys" / "site.key").stat().st_mode & 0o777 == 0o600
    assert main(["check", str(site / "office.yaml")]) == 0
    assert "good: 3 places" in capsys.readouterr().out
    assert main(["init", str(site)]) == 1
    assert "is there already" in capsys.readouterr().err


def test_check_lists_every_mistake_and_exits_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["init", str(tmp_path / "site")])
    file = tmp_path / "site" / "office.yaml"
    text = file.read_text(encoding="utf-8")
    for old, new in (
        ("Asia/Makassar", "Asia/Makasar"),
        ("coordinator: gw-01 ", "coordinator: gw-1 "),
        ("driver: ld2410", "driver: ld241"),
        ("place: utama/l01/timur/d-001, role", "place: utama/l01/timur/d-01, role"),
        ("device: rcv-timur}", "device: rcv-timor}"),
    ):
        assert old in text
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")
    capsys.readouterr()
    assert main(["check", str(file)]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 5
    assert all(line.startswith(f"{file}:") for line in lines)


def test_people_are_enrolled_listed_disabled_and_erased(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["init", str(tmp_path / "site")])
    office = str(tmp_path / "site" / "office.yaml")
    capsys.readouterr()
    assert main(["people", office, "enrol", "--unit", "bkn", "--credential", "em4100:0F0368568B"]) == 0
    pid = capsys.readouterr().out.strip()
    assert main(["people", office, "list"]) == 0
    assert capsys.readouterr().out == f"{pid} bkn 1 credentials\n"
    assert main(["people", office, "enrol", "--credential", "em4100:0F0368568B"]) == 1
    assert main(["people", office, "disable", "--pid", pid]) == 0
    assert main(["people", office, "erase", "--pid", pid]) == 0
    assert main(["people", office, "erase", "--pid", pid]) == 1


def test_a_daemon_that_is_not_there_is_a_clear_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", str(tmp_path / "control.sock")]) == 1
    assert "no daemon answers at" in capsys.readouterr().err


def answers(*lines: str) -> list[dict[str, object]]:
    out = io.StringIO()
    assert run(lines, out, installed()) == 0
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_decode_answers_each_line() -> None:
    good, bad, unknown, garbage = answers(
        json.dumps({"id": 1, "medium": "em4100", "hex": "0f0368568b"}),
        json.dumps({"id": 2, "medium": "em4100", "hex": "0f03"}),
        json.dumps({"id": 3, "medium": "smoke", "hex": "00"}),
        "{not json",
    )
    assert good == {"id": 1, "measurements": [{"kind": "badge", "value": "em4100:0F0368568B", "unit": ""}]}
    assert str(bad["error"]).startswith("Truncated: ")
    assert str(unknown["error"]).startswith("Unsupported: no driver reads 'smoke'")
    assert "error" in garbage


@given(st.text(max_size=300))
def test_any_line_gets_an_answer(text: str) -> None:
    for line in text.splitlines():
        out = io.StringIO()
        run([line], out, installed())
        for answer in out.getvalue().splitlines():
            assert json.loads(answer).keys() >= {"id"}
