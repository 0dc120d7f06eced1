"""The command line: what a stranger types first, and what bad input gets."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.cli import main
from gateway.decode import installed
from gateway.decode_cli import run


def test_init_makes_a_site_that_check_calls_good(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = tmp_path / "site"
    assert main(["init", str(site), "--site", "kantor"]) == 0
    assert (site / "keys" / "site.key").stat().st_mode & 0o777 == 0o600
    assert main(["check", str(site / "office.yaml")]) == 0
    assert "good: 3 places, 3 devices, 1 gateway\n" in capsys.readouterr().out
    before = (site / "keys" / "site.key").read_bytes(), (site / "office.yaml").read_bytes()
    assert main(["init", str(site)]) == 1
    assert "is there already" in capsys.readouterr().err
    assert before == ((site / "keys" / "site.key").read_bytes(), (site / "office.yaml").read_bytes())


def test_init_makes_what_is_missing_and_never_a_second_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = tmp_path / "site"
    office, key = site / "office.yaml", site / "keys" / "site.key"
    main(["init", str(site)])
    office.write_text(office.read_text().replace("kantor", "ikn"))
    key.unlink()
    assert main(["check", str(office)]) == 2
    line = f"{office}:2: people.site_key: there is no file {key}; `hadir init` makes one for a new site, "
    assert capsys.readouterr().err.startswith(line)
    assert main(["init", str(site)]) == 0
    assert capsys.readouterr().out.startswith(f"made {key}\nnext: ")
    assert "site: ikn" in office.read_text()
    assert main(["people", str(office), "enrol", "--credential", "em4100:0F0368568B"]) == 0
    key.rename(tmp_path / "lost")
    assert main(["init", str(site)]) == 1
    assert "under a key that is not there" in capsys.readouterr().err
    assert not key.exists()


def test_what_the_daemons_will_keep_is_for_their_user_alone(tmp_path: Path) -> None:
    main(["init", str(tmp_path / "site")])
    for folder in ("keys", "var"):
        assert (tmp_path / "site" / folder).stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["init", str(tmp_path / "file")]) == 1
    assert "Not a directory" in capsys.readouterr().err
    assert main(["init", "/proc/nowhere"]) == 1
    assert "No such file or directory" in capsys.readouterr().err
    assert main(["init", str(tmp_path / "site"), "--site", "Kantor 1"]) == 1
    assert not (tmp_path / "site").exists()


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


def test_check_notes_what_may_be_meant(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["init", str(tmp_path / "site")])
    file = tmp_path / "site" / "office.yaml"
    text = (
        file.read_text(encoding="utf-8")
        + "archive:\n  stores:\n    - {kind: influx2, id: tsdb, url: 'http://x', token_file: t}\n"
    )
    text = text.replace("devices:\n", "devices:\n  - {id: spare, driver: ld2410, place: utama/l01/timur/d-002}\n")
    file.write_text(text, encoding="utf-8")
    capsys.readouterr()
    assert main(["check", str(file)]) == 0
    said = capsys.readouterr().out.splitlines()
    ramadan, *notes, last = [line for line in said if "this machine's clock" not in line]
    assert "the dates of Ramadan" in ramadan
    assert [note.removeprefix(f"note: {file}:") for note in notes] == [
        "24: /dev/serial/by-id/CHANGE-ME-1 is not on this machine",
        "25: /dev/serial/by-id/CHANGE-ME-2 is not on this machine",
        '29: no source reads device "spare": it is never heard',
        f"39: there is no file {file.parent / 't'}; the archive needs it",
    ]
    assert last.startswith(f"{file}: good: ")


def test_check_wants_the_files_without_which_nothing_starts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["init", str(tmp_path / "site")])
    file, key = tmp_path / "site" / "office.yaml", tmp_path / "site" / "keys" / "site.key"
    secrets = "  username: x\n  password_file: secret\n  tls: {ca: keys/a, certificate: keys/b, key: keys/c}"
    file.write_text(file.read_text(encoding="utf-8").replace("  embedded: true", secrets), encoding="utf-8")
    key.chmod(0o644)
    capsys.readouterr()
    assert main(["check", str(file)]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"{file}:36: broker.password_file: there is no file {file.parent / 'secret'}",
        *(
            f"{file}:37: broker.tls.{name}: there is no file {file.parent / path}"
            for name, path in (("ca", "keys/a"), ("certificate", "keys/b"), ("key", "keys/c"))
        ),
        f"{key}: may be read by others (mode 0644); run: chmod 600 {key}",
    ]


def test_the_example_is_good_and_says_what_a_site_adds(capsys: pytest.CaptureFixture[str]) -> None:
    file = Path(__file__).parents[1] / "config" / "office.yaml"
    assert main(["check", str(file)]) == 0
    out = capsys.readouterr().out
    assert "people.site_key: there is no file" in out
    assert out.endswith(f"{file}: good: 4 places, 8 devices, 1 gateway\n")


def test_devices_are_listed_with_how_their_lines_are_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["devices", "--supported"]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["driver", "modality", "medium", "interval", "needs", "vectors", "kinds"]
    (radar,) = (row for row in rows if row.startswith("ld2410 "))
    assert radar.split()[:6] == ["ld2410", "radar", "serial:ld2410", "0.1", "s", "2026-11-26"]
    assert "occupied, motion" in radar


def test_the_same_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["devices", "--supported", "--json"]) == 0
    rows = {row["driver"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}
    assert rows["ld2410"]["line"] == "256000 8N1"
    assert rows["milesight_vs340"]["media"] == "lorawan:milesight:vs340, lorawan:milesight:vs341"
    assert rows["modbus"]["needs"] == "mapping"


def test_another_distribution_that_owns_one_of_our_names_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As pip leaves it: PyPI's `rules` writes into the folder of ours, and says nothing."""
    facts = tmp_path / "rules-3.5.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: rules\nVersion: 3.5\n")
    (facts / "top_level.txt").write_text("rules\n")
    main(["init", str(tmp_path / "site")])
    capsys.readouterr()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert main(["check", str(tmp_path / "site" / "office.yaml")]) == 2
    assert capsys.readouterr().err == (
        'installation: the package "rules" also belongs to rules; give hadir a virtual environment of its own\n'
    )


def test_another_folder_of_one_of_our_names_is_refused(tmp_path: Path) -> None:
    """A `rules` of somebody else that Python finds first, for example in the working folder."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "__init__.py").write_text("")
    ours = Path(__file__).parents[1]
    code = (
        f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(ours)!r}]; import gateway.tools; gateway.tools.foreign()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert f'the package "rules" is read from {tmp_path}, not from {ours}' in done.stderr


def test_people_are_enrolled_listed_disabled_and_erased(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["init", str(tmp_path / "site")])
    office = str(tmp_path / "site" / "office.yaml")
    capsys.readouterr()
    assert main(["people", office, "enrol", "--unit", "bkn", "--credential", "em4100:0F0368568B"]) == 0
    pid = capsys.readouterr().out.strip()
    assert main(["people", office, "list"]) == 0
    assert capsys.readouterr().out == f"{pid} bkn 1 credential\n"
    assert main(["people", office, "enrol", "--credential", "em4100:0F0368568B"]) == 1
    assert main(["people", office, "enrol"]) == 1  # with which card?
    assert main(["people", office, "disable"]) == 1  # whom?
    assert main(["people", office, "disable", "--pid", pid]) == 0
    assert main(["people", office, "disable", "--pid", pid]) == 1
    assert main(["people", office, "erase", "--pid", pid]) == 0
    assert main(["people", office, "erase", "--pid", pid]) == 1


def test_a_daemon_that_is_not_there_is_a_clear_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", str(tmp_path / "control.sock")]) == 1
    assert "no daemon answers at" in capsys.readouterr().err
    (tmp_path / "control.sock").write_text("")
    assert main(["status", str(tmp_path)]) == 1  # a gateway's folder will do
    assert "nobody listens there" in capsys.readouterr().err


def test_record_leaves_no_empty_file_and_overwrites_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "recording"
    assert main(["record", str(tmp_path / "nobody"), str(out)]) == 1
    assert "is the gateway running" in capsys.readouterr().err
    assert not out.exists()
    out.write_text("precious")
    assert main(["record", str(tmp_path / "nobody"), str(out)]) == 1
    assert "File exists" in capsys.readouterr().err
    assert out.read_text() == "precious"


@pytest.mark.parametrize("into", ["/proc/nowhere", __file__])
def test_replay_into_what_cannot_be_a_folder_is_a_clear_error(into: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "recording", "--into", into]) == 1
    assert f"--into {into}: " in capsys.readouterr().err


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


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_line_gets_an_answer(text: str) -> None:
    for line in text.splitlines():
        out = io.StringIO()
        run([line], out, installed())
        (answer,) = out.getvalue().splitlines()
        assert json.loads(answer).keys() >= {"id"}
