"""Hop 2 and `hadir decode`."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.api import Claim, Context, Decoded, Driver, Frame, Measurement, Truncated
from drivers.beacon import eddystone, ibeacon
from firmware_sim import beacon, ld2410, rdm6300
from gateway.cli import main
from gateway.counters import Counters
from gateway.decode import GROUP, Drivers, decode, decode_with, installed, supported
from gateway.decode_cli import MAX_LINE, run
from gateway.errors import ConfigError

TAG = b"\x0f\x03\x68\x56\x8b"
IBEACON = beacon.ibeacon(UUID(int=7), 1, 2).data_structures()
EDDYSTONE = beacon.eddystone_uid(bytes(10), bytes(6)).ad_structures()


def says(text: str) -> Driver:
    """A driver that claims every iBeacon and says only `text`."""
    return Driver(
        name=text,
        media=("ble_adv",),
        modality="tag",
        decode=lambda _frame: [Measurement("said", text)],
        claims=(Claim(company=0x004C),),
    )


def ask(*lines: str | dict[str, Any], named: dict[str, Driver] | None = None) -> list[dict[str, Any]]:
    out = io.StringIO()
    written = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    assert run(written, out, named) == 0
    return [json.loads(line) for line in out.getvalue().splitlines()]


# --- hop 2 ----------------------------------------------------------------------------------------------------------


def test_what_a_driver_refuses_is_counted_by_kind() -> None:
    counters = Counters()
    reader = installed()["rdm6300"]
    good = rdm6300.frame(TAG)
    for payload in (good, good[:-1], good.replace(b"B9", b"B8"), good):
        decode(Frame("serial:rdm6300", "s", "", payload), reader, counters)
    assert counters.snapshot() == {"decode.dropped{BadChecksum}": 1, "decode.dropped{Truncated}": 1}


def test_a_mistake_in_a_driver_costs_its_frame_and_is_told_once_without_what_was_in_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def wrong(frame: Frame) -> list[Measurement]:
        raise KeyError(frame.payload)

    def wrong_with(frame: Frame, _context: Context) -> Decoded:
        return Decoded(wrong(frame))

    counters = Counters()
    driver = Driver(name="acme", media=("mqtt_json",), modality="badge", decode=wrong, decode_with=wrong_with)
    frame = Frame("mqtt_json", "s", "", TAG)
    assert decode(frame, driver, counters) == []
    assert decode_with(frame, driver, Context(), counters) == Decoded([])
    assert counters.snapshot() == {"driver.mistakes{acme}": 2}
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "acme" in caplog.text
    assert "KeyError" in caplog.text
    assert TAG.decode("latin-1") not in caplog.text


def test_built_in_drivers_are_found_by_walking() -> None:
    assert {"rdm6300", "id12la", "em4100", "ibeacon", "eddystone", "ld2410"} <= installed().keys()


ACME = """
from drivers.api import Driver
DRIVER = Driver(name="acme", media=("acme",), modality="pir", decode=lambda frame: [])
"""


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """A package that declares a driver, as pip leaves it."""
    (folder / "hadir_acme.py").write_text(ACME)
    facts = folder / "hadir_acme-1.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: hadir-acme\nVersion: 1\n")
    (facts / "entry_points.txt").write_text(f"[{GROUP}]\nacme = {value}\n")
    monkeypatch.syspath_prepend(str(folder))


def test_another_package_may_bring_a_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "hadir_acme:DRIVER")
    assert installed()["acme"].modality == "pir"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("drivers.beacon.ibeacon:DRIVER", "uninstall one"),
        ("drivers.beacon.ibeacon:SIZE", "is not a drivers.api.Driver"),
        ("no_such_package:DRIVER", "cannot be loaded"),
        ("drivers.beacon.ibeacon:NOTHING", "cannot be loaded"),
    ],
)
def test_a_bad_package_is_a_configuration_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, why: str
) -> None:
    install(tmp_path, monkeypatch, value)
    with pytest.raises(ConfigError, match=why):
        installed()


def test_drivers_are_indexed_by_what_they_claim() -> None:
    drivers = Drivers(installed())
    assert drivers.by_name["ibeacon"] is ibeacon.DRIVER
    assert drivers.by_medium["serial:rdm6300"] == [installed()["rdm6300"]]
    assert (ibeacon.DRIVER.claims[0], ibeacon.DRIVER) in drivers.by_company[0x004C]
    assert {claim.prefix for claim, _ in drivers.by_service[0xFEAA]} >= {b"\x00", b"\x10", b"\x20", b"\x21", b"\x30"}
    assert drivers.claimants(IBEACON) == [ibeacon.DRIVER]
    assert drivers.claimants(EDDYSTONE) == [eddystone.DRIVER]
    assert drivers.claimants(bytes.fromhex("0aff4c001005031c0a1b2c")) == []


def test_an_advert_that_breaks_off_is_known_by_what_came_before() -> None:
    drivers = Drivers(installed())
    assert drivers.claimants(IBEACON + b"\x09\xff\x4c") == [ibeacon.DRIVER]
    with pytest.raises(Truncated):
        drivers.claimants(b"\x09\xff\x4c")


def test_supported_devices_are_listed() -> None:
    rows = {row.driver: row for row in supported(installed())}
    assert rows["ld2410"].line == "256000 8N1"
    assert rows["ld2410"].interval == "0.1 s"
    assert rows["rdm6300"].interval == "silent by design"
    assert rows["ibeacon"].line == ""


# --- hadir decode ---------------------------------------------------------------------------------------------------


def test_answers_keep_the_order_and_the_id() -> None:
    first, second, third = ask(
        {"id": "a", "medium": "em4100", "hex": TAG.hex()},
        {"id": 7, "medium": "em4100", "hex": "00"},
        {
            "id": None,
            "medium": "em4100",
            "hex": "0F 03 68 56 8B",
            "address": None,
            "key": "00",
            "fport": 2,
            "eep": None,
        },
    )
    badge = [{"kind": "badge", "value": "em4100:0F0368568B", "unit": ""}]
    assert first == {"id": "a", "measurements": badge}
    assert second["id"] == 7
    assert second["error"].startswith("Truncated: ")
    assert third == {"id": None, "measurements": badge}


def test_an_answer_to_a_command_says_nothing_and_the_report_behind_it_is_read() -> None:
    answer, report = ld2410.acknowledgement(0xFF), ld2410.basic(ld2410.NOBODY)
    alone, both = ask(
        {"id": 1, "medium": "serial:ld2410", "hex": answer.hex()},
        {"id": 2, "medium": "serial:ld2410", "hex": (b"\x00" + answer + report).hex()},
    )
    assert alone == {"id": 1, "measurements": []}
    assert [m["kind"] for m in both["measurements"]] == ["occupied", "motion"]


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        (b"\xff\x00\x11", "DecodeError: no frame in 3 bytes: 3 garbage"),
        (b"", "DecodeError: no frame in 0 bytes"),
        (rdm6300.frame(TAG)[:9], "Truncated: the frame ends after 9 bytes"),
        (rdm6300.frame(TAG).replace(b"B9", b"B8"), "BadChecksum: checksum B8, computed B9"),
    ],
)
def test_a_line_of_garbage_is_an_error_with_its_kind(payload: bytes, error: str) -> None:
    assert ask({"id": 1, "medium": "serial:rdm6300", "hex": payload.hex()}) == [{"id": 1, "error": error}]


def test_a_good_frame_counts_though_another_is_broken() -> None:
    payload = rdm6300.frame(TAG).replace(b"B9", b"B8") + rdm6300.frame(TAG)
    (made,) = ask({"id": 1, "medium": "serial:rdm6300", "hex": payload.hex()})
    assert [m["value"] for m in made["measurements"]] == ["em4100:0F0368568B"]


def test_all_drivers_that_claim_an_advert_are_tried() -> None:
    named = {**installed(), "says": says("says")}
    both, one = ask(
        {"id": 1, "medium": "ble_adv", "hex": IBEACON.hex()},
        {"id": 2, "medium": "ble_adv", "hex": IBEACON[:4].hex() + "02151122"},
        named=named,
    )
    assert [m["kind"] for m in both["measurements"]] == ["beacon", "tx_power", "said"]
    assert "error" in one


def test_channels_are_written_where_there_are_any() -> None:
    two = Driver(
        name="two", media=("two",), modality="counter", decode=lambda _frame: [Measurement("count", 3, channel=1)]
    )
    (made,) = ask({"id": 1, "medium": "two", "hex": ""}, named={"two": two})
    assert made["measurements"] == [{"kind": "count", "value": 3, "unit": "", "channel": 1}]


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "null",
        "NaN",
        '{"id": 1}',
        '{"id": 1, "medium": 5, "hex": ""}',
        '{"id": 1, "medium": "em4100"}',
        '{"id": 1, "medium": "em4100", "hex": "0g"}',
        '{"id": 1, "medium": "em4100", "hex": 12}',
        '{"id": 1, "medium": "em4100", "bits": "012"}',
        '{"id": 1, "medium": "em4100", "bits": "1", "hex": "00"}',
        '{"id": 1, "medium": "em4100", "hex": "00", "address": 5}',
        '{"id": {}, "medium": "em4100", "hex": "0f0368568b"}',
        '{"id": 1, "id": 2, "medium": "em4100", "hex": "0f0368568b"}',
        "[" * 60_000,
        "",
        "   ",
        '{"id": "\ud800", "medium": "em4100", "hex": "0f0368568b"}',
        '{"id": "\\ud800", "medium": "em4100", "hex": "0f0368568b"}',
        '{"id": 1e999, "medium": "em4100", "hex": "0f0368568b"}',
        '{"id": ' + "9" * 5000 + ', "medium": "em4100", "hex": "0f0368568b"}',
        '{"id": "' + "x" * MAX_LINE + '", "medium": "em4100", "hex": "0f0368568b"}',
        '{"id":1,"medium":"em4100","hex":"' + "0" * MAX_LINE + '"}',
    ],
)
def test_a_bad_line_is_an_error_and_the_next_one_is_read(line: str) -> None:
    bad, good = ask(line, {"id": 2, "medium": "em4100", "hex": TAG.hex()})
    assert bad["error"].startswith("Invalid: ")
    assert "measurements" in good


def test_an_unknown_medium_is_not_repeated_at_length() -> None:
    (made,) = ask({"id": 1, "medium": "x" * 5000, "hex": ""})
    assert made["error"].startswith("Unsupported: no driver reads ")
    assert len(made["error"]) < 200


def test_a_file_is_read_in_bounded_pieces_whatever_is_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = json.dumps({"id": 2, "medium": "em4100", "hex": TAG.hex()}).encode()
    file = tmp_path / "frames.jsonl"
    file.write_bytes(b"\xff\xfe\n\n" + b"x" * (3 * MAX_LINE) + b"\n" + good + b"\r\n" + b"\0\n" + good)
    assert main(["decode", str(file)]) == 0
    made = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert ["error" in answer for answer in made] == [True, True, True, False, True, False]


def test_a_line_ends_at_a_line_feed_and_nowhere_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A carriage return, U+2028 and a byte order mark at the start cost no line, and make none."""
    file = tmp_path / "frames.jsonl"
    good = '{"id": "\u2028\u0085",\r"medium": "em4100", "hex": "0f0368568b"}\r\n'
    file.write_bytes(b"\xef\xbb\xbf" + 2 * good.encode())
    assert main(["decode", str(file)]) == 0
    made = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["id"] for answer in made] == ["\u2028\u0085"] * 2
    assert all("measurements" in answer for answer in made)


def test_who_waits_for_each_answer_gets_it() -> None:
    command = [sys.executable, "-m", "gateway.cli", "decode"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        for number in range(3):
            line = json.dumps({"id": number, "medium": "em4100", "hex": TAG.hex()})
            child.stdin.write(line.encode() + b"\n")
            child.stdin.flush()
            assert json.loads(child.stdout.readline())["id"] == number
        child.stdin.close()
        assert child.wait() == 0


def test_a_reader_that_has_seen_enough_is_no_trouble(tmp_path: Path) -> None:
    file = tmp_path / "frames.jsonl"
    file.write_text((json.dumps({"id": 1, "medium": "em4100", "hex": TAG.hex()}) + "\n") * 5000)
    command = f"{sys.executable} -m gateway.cli decode {file} | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""


@pytest.mark.parametrize("what", [{"bits": "1" * 26}, {"hex": "zz"}, {}])
def test_what_no_driver_reads_is_unsupported_whatever_its_payload(what: dict[str, str]) -> None:
    (made,) = ask({"id": 1, "medium": "zigbee", **what})
    assert made["error"].startswith("Unsupported: no driver reads 'zigbee'")


@settings(deadline=None)
@given(
    st.one_of(
        st.text(max_size=80), st.dictionaries(st.sampled_from(("id", "medium", "hex", "bits")), st.text(max_size=8))
    )
)
def test_every_line_gets_exactly_one_answer(line: str | dict[str, Any]) -> None:
    written = line if isinstance(line, str) else json.dumps(line)
    made = ask(written)
    assert len(made) == 1
    assert all(("error" in answer) != ("measurements" in answer) for answer in made)
