"""The process as a gateway and the demo meet it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zlib import crc32

import pytest

from firmware_sim.__main__ import main
from firmware_sim.clock import Clock
from firmware_sim.hardware import OSDP_BUS, STICK
from firmware_sim.office import make_office
from firmware_sim.story import story
from firmware_sim.truth import frame_name, read

OFFICE = make_office(3)
SPEED = 240.0


@contextmanager
def simulator(folder: Path, *more: str, speed: float = SPEED) -> Iterator[subprocess.Popen[bytes]]:
    """A running one, ready; START is a little ahead."""
    clock = f"2026-11-24T07:50:00+08:00@{time.monotonic_ns() + 300_000_000}x{speed:g}"
    command = [sys.executable, "-m", "firmware_sim", "--folder", str(folder), "--seed", "3", "--no-ble"]
    command += ["--truth", str(folder / "truth.jsonl"), "--clock", clock, *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def test_frames_on_the_wire_are_those_in_the_ledger(tmp_path: Path) -> None:
    got: dict[str, bytes] = {}
    with simulator(tmp_path, "--seconds", "2.5") as process:
        lines = {
            device.id: os.open(tmp_path / "tty" / device.id, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            for device in OFFICE.devices
            if device.serial
        }
        assert len(lines) == 35
        lines[STICK] = os.open(tmp_path / "tty" / STICK, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        while process.poll() is None:
            for name, fd in lines.items():
                try:
                    got[name] = got.get(name, b"") + os.read(fd, 4096)
                except OSError:  # nothing there, or hung up
                    continue
            time.sleep(0.005)
        for fd in lines.values():
            os.close(fd)
        assert process.returncode == 0
    assert not list((tmp_path / "tty").iterdir())

    ledger = list(read(tmp_path / "truth.jsonl"))
    assert ledger[0]["kind"] == "begin"
    end = ledger[-1]
    assert end["kind"] == "end"
    assert end["dropped"] == 0
    serial = {device.id for device in OFFICE.devices if device.serial}
    written = Counter((row["dev"], row["crc"]) for row in ledger if row["kind"] == "frame" and row["dev"] in serial)
    telegrams = cut(got.pop(STICK))
    assert written == Counter((name, f"{crc32(frame):08x}") for name in got for frame in cut(got[name]))
    assert written.total() + len(telegrams) == end["frames"]
    senders = {device.address: device.id for device in OFFICE.devices if device.source == STICK}
    heard = Counter((senders[name], frame_name(name, frame)) for name, frame in map(sent_by, telegrams))
    assert heard == Counter(
        (row["dev"], row["crc"]) for row in ledger if row["kind"] == "frame" and row["dev"] in senders.values()
    )

    truth = story(ledger)
    assert len(truth.taps) == end["taps"] > 5
    on_bus = {device.id for device in OFFICE.devices if device.source == OSDP_BUS}
    for tap in (tap for tap in truth.taps if tap.reader not in on_bus):
        frames = cut(got[tap.reader])
        assert tap.machine in {at for frame in frames for at in truth.frames[tap.reader, f"{crc32(frame):08x}"]}
    assert {row["kind"] for row in ledger} >= {"begin", "open", "frame", "tap", "sit", "zone", "end"}


def cut(stream: bytes) -> list[bytes]:
    """Whole frames of any device on a line; nothing may be left over."""
    frames: list[bytes] = []
    while stream:
        if stream[0] == 0x02:
            size = stream.index(0x03) + 1
        elif stream.startswith((b"\xf4\xf3\xf2\xf1", b"\xfd\xfc\xfb\xfa")):
            size = 10 + int.from_bytes(stream[4:6], "little")
        elif stream.startswith(b"\xaa\xff\x03\x00"):
            size = 30
        elif stream[0] == 0x55:
            size = 7 + int.from_bytes(stream[1:3], "big") + stream[3]
        elif stream[0] == 0x0A:
            size = stream.index(b"\r") + 1
        else:
            raise AssertionError(f"no frame begins with {stream[:8].hex()}")
        frames.append(stream[:size])
        stream = stream[size:]
    return frames


def sent_by(telegram: bytes) -> tuple[str, bytes]:
    """The sender of an EnOcean telegram: behind its data, before the status."""
    end = 6 + int.from_bytes(telegram[1:3], "big")
    return telegram[end - 5 : end - 1].hex().upper(), telegram


def test_adverts_are_recorded_where_there_is_no_bus(tmp_path: Path) -> None:
    with simulator(tmp_path, "--seconds", "1.5") as process:
        process.wait(timeout=20)
    enrolled = {person.tag.address: person.tag for person in OFFICE.people if person.tag is not None}
    heard = [
        json.loads(line) for n in range(4) for line in (tmp_path / "ble" / f"hci{n}.jsonl").read_text().splitlines()
    ]
    tags = [row for row in heard if row["address"] in enrolled]
    assert 0 < len(tags) < len(heard)
    for row in tags:
        assert row["medium"] == "ble_adv"
        assert row["hex"] == enrolled[row["address"]].advert.data_structures().hex()
        assert -93 <= row["rssi"] <= 0
    for n in range(4):
        rows = (tmp_path / "ble" / f"hci{n}.jsonl").read_text().splitlines()
        times = [json.loads(row)["received_at"] for row in rows]
        assert times == sorted(times)


def test_the_same_seed_gives_the_same_taps(tmp_path: Path) -> None:
    def taps(folder: Path) -> list[tuple[str, int, str]]:
        with simulator(folder, "--seconds", "2") as process:
            process.wait(timeout=20)
        return [(tap.reader, tap.badge, tap.expected) for tap in story(read(folder / "truth.jsonl")).taps]

    first, second = taps(tmp_path / "a"), taps(tmp_path / "b")
    common = min(len(first), len(second))
    assert common > 5
    assert first[:common] == second[:common]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(tmp_path: Path, number: signal.Signals) -> None:
    with simulator(tmp_path) as process:
        process.send_signal(number)
        assert process.wait(timeout=10) == 0
    assert not list((tmp_path / "tty").iterdir())
    assert list(read(tmp_path / "truth.jsonl"))[-1]["kind"] == "end"


def test_it_is_led(tmp_path: Path) -> None:
    """People come when they are told to; devices fall silent; the lines stay open until the leader has gone."""
    with simulator(tmp_path, "--led", "--seconds", "3600") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        time.sleep(0.5)  # past START
        assert {row["kind"] for row in read(tmp_path / "truth.jsonl")} - {"shown"} == {"begin", "frame"}
        told = time.monotonic_ns()
        process.stdin.write(b"\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"open\n"
        process.stdin.write(b"\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"silent\n"
        ledger = list(read(tmp_path / "truth.jsonl"))
        (opened,) = (row for row in ledger if row["kind"] == "open")
        assert opened["machine"] > told
        assert ledger[-1]["kind"] == "end"
        truth = story(ledger)
        assert truth.begin == opened["office"] == truth.office_at(opened["machine"])
        time.sleep(0.6)
        assert len(list(read(tmp_path / "truth.jsonl"))) == len(ledger)
        assert len(list((tmp_path / "tty").iterdir())) == 37  # 35 devices, the stick, the Modbus
        process.stdin.close()
        assert process.wait(timeout=10) == 0
    assert not list((tmp_path / "tty").iterdir())


def test_people_do_not_come_before_the_clock_starts(tmp_path: Path) -> None:
    with simulator(tmp_path, "--led", "--seconds", "0.1") as process:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
        assert process.stdout is not None
        assert process.stdout.read(12) == b"open\nsilent\n"
        process.stdin.close()
    truth = story(read(tmp_path / "truth.jsonl"))
    assert truth.begin >= truth.start
    assert (truth.end - truth.begin) / 1e9 >= 0.1 * SPEED


@pytest.mark.parametrize("lines", [b"", b"\n"])
def test_it_ends_with_its_leader(tmp_path: Path, lines: bytes) -> None:
    with simulator(tmp_path, "--led") as process:
        assert process.stdin is not None
        process.stdin.write(lines)
        process.stdin.close()
        assert process.wait(timeout=10) == 0


@pytest.mark.parametrize(
    ("clock", "words"),
    [
        ("07:50", "START@ANCHORxSPEED"),
        ("2026-11-24T07:50:00@1x60", "offset from UTC"),
        ("2026-11-24T07:50:00Z@1x0", "not within"),
        ("2026-11-24T07:50:00Z@onex60", "invalid literal"),
    ],
)
def test_a_wrong_clock_is_explained(clock: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--folder", str(tmp_path), "--clock", clock, "--no-ble"])
    assert stop.value.code == 2
    assert words in capsys.readouterr().err


def test_no_bus_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DBUS_SYSTEM_BUS_ADDRESS", raising=False)
    with pytest.raises(SystemExit):
        main(["--folder", str(tmp_path), "--clock", "2026-11-24T07:50:00Z@1x60"])
    assert "--no-ble" in capsys.readouterr().err


def test_the_clock_goes_both_ways() -> None:
    clock = Clock.parse("2026-11-23T23:50:00.500Z@1000x60")
    assert clock.start == 1_795_477_800_500_000_000
    assert clock.office_at(1000) == clock.start
    assert clock.office_at(1000 + 10**9) == clock.start + 60 * 10**9
    assert clock.machine_at(clock.start + 60 * 10**9) == 1000 + 10**9
    assert Clock.parse("2026-11-24T07:50:00.500+08:00@1000x60") == clock
