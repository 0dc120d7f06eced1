"""Real pseudo-terminals: gateways come and go, read slowly, or do not read at all."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from random import Random
from time import monotonic_ns
from zlib import crc32

import pytest
import serial

from firmware_sim import ld2410, rdm6300
from firmware_sim.clock import Clock
from firmware_sim.faults import Rates, Trouble
from firmware_sim.hardware import Device
from firmware_sim.lines import UNREAD, WAITING, SerialLine
from firmware_sim.office import make_office
from firmware_sim.radar import Radar
from firmware_sim.readers import CoilReader
from firmware_sim.sensors import Ld2410
from firmware_sim.truth import Truth
from firmware_sim.truth import read as read_truth
from firmware_sim.wires import Wire

OFFICE = make_office(1)


@pytest.fixture
def truth() -> Iterator[Truth]:
    made = Truth(None)
    yield made
    made.close()


def device(name: str) -> Device:
    return next(found for found in OFFICE.devices if found.id == name)


async def read(port: serial.Serial, size: int) -> bytes:
    """Read in a thread: pyserial blocks."""
    return await asyncio.to_thread(port.read, size)


async def test_a_gateway_opens_and_closes_a_line_again_and_again(tmp_path: Path) -> None:
    line = SerialLine(tmp_path / "tty" / "rdr", fresh=False)
    try:
        for n in range(3):
            with serial.Serial(str(tmp_path / "tty" / "rdr"), 9600, timeout=5) as port:
                before, written = monotonic_ns(), list[int]()
                line.send(b"frame %d" % n, written.append)
                assert await read(port, 7) == b"frame %d" % n
                (at,) = written
                assert before <= at <= monotonic_ns()
    finally:
        line.close()
    assert not (tmp_path / "tty" / "rdr").exists()


async def test_a_full_line_never_blocks_and_drops_whole_old_frames(tmp_path: Path) -> None:
    line = SerialLine(tmp_path / "rdr", fresh=False)
    frames = [b"<%06d>" % n + b"x" * 56 for n in range(4000)]
    fd = os.open(tmp_path / "rdr", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        for frame in frames:
            line.send(frame)
        assert line.dropped > 0
        stream = b""
        while frames[-1] not in stream:
            await asyncio.sleep(0)
            try:
                stream += os.read(fd, 65536)
            except BlockingIOError:
                await asyncio.sleep(0.001)
        got = [stream[at : at + 64] for at in range(0, len(stream), 64)]
        assert set(got) <= set(frames)
        assert got == sorted(got)
        assert len(got) == len(frames) - line.dropped
        assert got[-WAITING:] == frames[-WAITING:]
    finally:
        os.close(fd)
        line.close()


async def test_old_reports_are_not_kept_for_a_late_gateway(tmp_path: Path) -> None:
    line = SerialLine(tmp_path / "mmw", fresh=True)
    try:
        for n in range(2000):
            line.send(b"%023d" % n)
            await asyncio.sleep(0)
        assert line.unread() <= UNREAD + 23
        assert line.dropped > 0
    finally:
        line.close()


async def test_a_frame_that_another_overtakes_is_written_down_as_its_own_devices(tmp_path: Path) -> None:
    truth = Truth(tmp_path / "truth.jsonl")
    wire = Wire("stick", tmp_path, truth, fresh=False, trouble=Trouble(Rates(reorder=0.5), "seed"))
    frames = {f"pir-{n:03}": b"frame %03d" % n for n in range(200)}
    with serial.Serial(str(tmp_path / "tty" / "stick"), 9600, timeout=5) as port:
        for name, frame in frames.items():
            wire.send(name, frame)
        heard = await read(port, 9 * (len(frames) - 1))  # the last one may still wait for one to overtake it
    wire.close()
    truth.close()
    told = [row for row in read_truth(tmp_path / "truth.jsonl") if row["kind"] == "frame"]
    assert [row["dev"] for row in told] != sorted(row["dev"] for row in told), "some were overtaken"
    assert all(row["crc"] == f"{crc32(frames[row['dev']]):08x}" for row in told)
    assert len(heard) == 9 * (len(frames) - 1)


async def test_an_rdm6300_repeats_its_frame(tmp_path: Path, truth: Truth) -> None:
    wire = Wire("rdr-d-001", tmp_path, truth, fresh=False)
    reader = CoilReader(device("rdr-d-001"), wire, Random(1))
    person = OFFICE.people[0]
    times: list[int] = []
    with serial.Serial(str(tmp_path / "tty" / "rdr-d-001"), 9600, timeout=0.4) as port:
        for _ in range(4):
            reader.tap(person, times.append)
            burst = await read(port, 14 * 4)
            frame = rdm6300.frame(bytes.fromhex(person.badge))
            assert burst in (frame, frame * 2, frame * 3)
    assert len(times) == 4
    assert wire.frames > 4
    reader.stop()
    wire.close()


async def test_a_radar_reports_and_obeys(tmp_path: Path, truth: Truth) -> None:
    clock = Clock.parse("2026-11-24T07:50:00+08:00@0x1")
    radar = Radar("x", clock.office())
    port = Ld2410(device("mmw-d-001"), radar, clock, interval_s=0.02)
    port.wire = Wire("mmw-d-001", tmp_path, truth, fresh=True, heard=port.heard)
    try:
        with serial.Serial(str(tmp_path / "tty" / "mmw-d-001"), 256000, timeout=5) as host:
            stream = await read(host, 23 * 5)
            assert ld2410.REPORT_HEAD in stream
            host.write(bytes.fromhex("fdfcfbfa0400ff00010004030201"))
            acknowledgement = ld2410.acknowledgement(ld2410.ENABLE_CONFIGURATION)
            assert (await asyncio.to_thread(host.read_until, acknowledgement)).endswith(acknowledgement)
            host.timeout = 0.2
            assert await read(host, 23) == b""  # while it is configured it says nothing
            host.timeout = 5
            for command in ("fdfcfbfa0200620004030201", "fdfcfbfa0200fe0004030201"):
                host.write(bytes.fromhex(command))
            done = ld2410.acknowledgement(ld2410.END_CONFIGURATION)
            assert (await asyncio.to_thread(host.read_until, done)).endswith(done)
            report = await asyncio.to_thread(host.read_until, ld2410.REPORT_TAIL)
            while not report.startswith(ld2410.REPORT_HEAD):
                report = await asyncio.to_thread(host.read_until, ld2410.REPORT_TAIL)
            assert report[6] == 0x01  # engineering
    finally:
        port.stop()
        port.wire.close()
