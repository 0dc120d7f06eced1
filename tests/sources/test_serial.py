"""Serial sources on real pseudo-terminals."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import grp
import os
import tty
from dataclasses import replace
from pathlib import Path

import pytest
import serial

from drivers.api import Cut, SerialSettings
from drivers.badge.ascii_reader import DRIVERS as READERS
from drivers.occupancy.ld2410 import DRIVER as RADAR
from firmware_sim import ld2410, rdm6300
from firmware_sim.ld2410 import Seen, Target
from gateway.clock import ManualClock, SystemClock
from gateway.counters import Counters
from gateway.errors import TransientError
from gateway.sources.base import SourceState
from gateway.sources.serial import MOST_WAITING, READ, SerialSource, patience, refusal
from tests.sources.conftest import Heard, kept, soon

READER = next(driver for driver in READERS if driver.name == "rdm6300")

TAPS = [rdm6300.frame(bytes((15, 3, 104, 86, n))) for n in range(8)]


class Device:
    """A pty whose end for the gateway has a stable name, as udev gives it."""

    def __init__(self, link: Path) -> None:
        self.master, slave = os.openpty()
        tty.setraw(slave)
        self._name = os.ttyname(slave)
        os.set_blocking(self.master, False)
        os.close(slave)
        link.unlink(missing_ok=True)
        link.symlink_to(self._name)

    def send(self, data: bytes) -> None:
        assert os.write(self.master, data) == len(data)

    def unplug(self) -> None:
        os.close(self.master)


@pytest.fixture
def link(tmp_path: Path) -> Path:
    return tmp_path / "by-id" / "usb-reader"


@pytest.fixture
def device(link: Path) -> Device:
    link.parent.mkdir()
    return Device(link)


def source(link: Path, counters: Counters, **more: object) -> SerialSource:
    return SerialSource("door", str(link), READER, SystemClock(), counters, **more)  # type: ignore[arg-type]


async def test_frames_carry_source_medium_and_both_times(link: Path, device: Device) -> None:
    clock, counters = ManualClock(1_000, 7), Counters()
    made = SerialSource("door", str(link), READER, clock, counters)
    async with kept(made, counters) as heard:
        await soon(lambda: made.state.up)
        device.send(TAPS[0])
        frame = (await heard.count(1))[0]
        assert frame == ("serial:rdm6300", "door", "", TAPS[0], None, 1_000, 7, None)
        assert (made.state.frames, made.state.last_frame, made.state.problem, made.state.cause) == (1, 7, "", "")
    device.unplug()
    assert not made.state.up


async def test_a_frame_split_at_every_byte_and_garbage_between(link: Path, device: Device) -> None:
    counters = Counters()
    made = source(link, counters)
    async with kept(made, counters) as heard:
        await soon(lambda: made.state.up)
        for at in range(1, len(TAPS[0])):
            device.send(b"\xff\x00" + TAPS[0][:at])
            await asyncio.sleep(0.002)
            device.send(TAPS[0][at:])
        frames = await heard.count(len(TAPS[0]) - 1)
        assert {frame.payload for frame in frames} == {TAPS[0]}
        assert counters.get("serial.dropped", "garbage") == 2 * (len(TAPS[0]) - 1)
    device.unplug()


async def test_more_garbage_than_one_read_takes(link: Path, device: Device) -> None:
    counters = Counters()
    made = source(link, counters)
    async with kept(made, counters) as heard:
        await soon(lambda: made.state.up)
        left = b"\x00" * (5 * READ) + TAPS[1]
        while left:
            try:
                left = left[os.write(device.master, left) :]
            except BlockingIOError:
                await asyncio.sleep(0.001)
        assert (await heard.count(1))[0].payload == TAPS[1]
        assert counters.get("serial.dropped", "garbage") == 5 * READ
    device.unplug()


async def test_unplugged_and_plugged_in_again_under_another_number(link: Path, device: Device) -> None:
    counters, told = Counters(), list[tuple[bool, str]]()
    made = source(link, counters, on_state=lambda state: told.append((state.up, state.cause)))
    async with kept(made, counters) as heard:
        for n in range(5):
            await soon(lambda: made.state.up)
            device.send(TAPS[n])
            assert (await heard.count(n + 1))[-1].payload == TAPS[n]
            device.send(TAPS[n][:5])  # cut off by the unplugging: it must not spoil the next frame
            await soon(lambda: made._kept != b"")
            device.unplug()
            await soon(lambda: not made.state.up)
            device = Device(link)
        await soon(lambda: made.state.up)
        assert made.state.opens == 6
    device.unplug()
    assert counters.snapshot()["serial.dropped{cut}"] == 5 * 5
    assert counters.get("serial.dropped", "garbage") == 0
    between = [state for state in told if state != (False, "missing")]  # a try may fall between the two names
    assert between == [(True, ""), (False, "unplugged")] * 5 + [(True, "")]


async def test_two_that_swap_their_numbers_stay_themselves(link: Path, device: Device) -> None:
    """For a moment each name leads to the other's line, and both are talking."""
    names = [link, link.with_name("usb-other")]
    devices = [device, Device(names[1])]
    counters = Counters()
    left, right = (SerialSource(name.name, str(name), READER, SystemClock(), counters) for name in names)
    async with kept(left, counters) as first, kept(right, counters) as second:
        await soon(lambda: left.state.up and right.state.up)
        for one in devices:
            one.unplug()
        devices = [Device(names[1]), Device(names[0])]
        for n in range(4):
            for one, tap in zip(devices, (TAPS[0], TAPS[1]), strict=True):
                one.send(tap)
            await asyncio.sleep(0.03 * n)
        for name, one in zip(names, devices, strict=True):
            name.unlink()
            name.symlink_to(one._name)
        async with asyncio.timeout(20):
            while not (first.frames and second.frames):
                devices[0].send(TAPS[0])
                devices[1].send(TAPS[1])
                await asyncio.sleep(0.05)
        assert {frame.payload for frame in first.frames} == {TAPS[0]}
        assert {frame.payload for frame in second.frames} == {TAPS[1]}
    for one in devices:
        one.unplug()


async def test_what_is_not_there_says_so_once_in_words(link: Path) -> None:
    told = list[str]()
    made = source(link, Counters(), on_state=lambda state: told.append(state.problem))
    for _ in range(2):
        with pytest.raises(TransientError, match="usb-reader"):
            await made.run(Heard())
    assert made.state.cause == "missing"
    assert "No such file" in made.state.problem
    assert len(told) == 1


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOENT, "ls -l /dev/serial/by-id"),
        (errno.ENODEV, "ls -l /dev/serial/by-id"),
        (errno.EACCES, "must be in group {group}: sudo usermod -aG {group} "),
        (errno.EBUSY, "another program holds it"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_a_refusal_says_what_to_do(tmp_path: Path, number: int, words: str) -> None:
    """As pyserial raises it: SerialException is an OSError with a number and a sentence of its own."""
    port = tmp_path / "port"
    port.write_bytes(b"")
    own = os.getegid() or next(group.gr_gid for group in grp.getgrall() if group.gr_gid)  # root may give any
    group = grp.getgrgid(own)
    os.chown(port, -1, own)
    error = serial.SerialException(number, f"could not open port {port}: [Errno {number}] ...")
    assert words.format(group=group.gr_name) in refusal(str(port), error)


async def test_a_device_that_stays_silent_after_a_replug_is_down_and_is_woken(link: Path, device: Device) -> None:
    """The adapter is there again, but the radar behind it says nothing until it gets its start bytes once more."""
    counters, told = Counters(), list[tuple[bool, str]]()
    made = SerialSource(
        "radar",
        str(link),
        replace(RADAR, start=(b"wake",)),
        SystemClock(),
        counters,
        silent_s=1.0,
        on_state=lambda state: told.append((state.up, state.cause)),
    )
    report = ld2410.basic(Seen(Target.MOVING, 120, 60))
    async with kept(made, counters) as heard:
        await soon(lambda: made.state.up)
        device.send(report)
        await heard.count(1)
        device.unplug()
        device = Device(link)
        await soon(lambda: made.state.cause == "silent")
        assert "is it powered" in made.state.problem
        opens = made.state.opens
        await soon(lambda: made.state.opens > opens)  # it is tried again, and nothing is told meanwhile
        sent = b""
        while len(sent) < 8:
            sent += await asyncio.to_thread(os.read, device.master, 100)
        assert sent.startswith(b"wakewake")
        assert not made.state.up
        await soon(lambda: made._handle is not None)
        device.send(report)
        await heard.count(2)
        assert made.state.up
        assert made.state.problem == ""
    device.unplug()
    again = [state for state in told if state != (False, "missing")]
    assert again == [(True, ""), (False, "unplugged"), (True, ""), (False, "silent"), (True, "")]
    assert counters.get("serial.silent") >= 1


async def test_bytes_without_a_frame_are_another_device_or_another_speed(link: Path, device: Device) -> None:
    counters = Counters()
    made = SerialSource("radar", str(link), RADAR, SystemClock(), counters, silent_s=1.0)
    async with kept(made, counters):
        await soon(lambda: made.state.up)
        device.send(b"\x00\xf8" * 50)
        await soon(lambda: made.state.cause == "silent")
        assert "100 bytes belonged to none: is it a ld2410 at 256000 baud?" in made.state.problem
    device.unplug()


async def test_a_device_that_reports_is_never_silent(link: Path, device: Device) -> None:
    counters = Counters()
    made = SerialSource("radar", str(link), RADAR, SystemClock(), counters, silent_s=3.0)
    async with kept(made, counters) as heard:
        await soon(lambda: made.state.up)
        for n in range(1, 41):
            device.send(ld2410.basic(ld2410.NOBODY))
            await heard.count(n)
            await asyncio.sleep(0.1)  # four seconds in all
        assert (made.state.up, made.state.opens) == (True, 1)
    device.unplug()


def test_patience_follows_the_interval_of_the_device() -> None:
    assert patience(None) is None  # a badge reader
    assert patience(0.1) == 30.0
    assert patience(60.0) == 1200.0


async def test_a_setting_that_the_line_refuses_is_no_crash(link: Path, device: Device) -> None:
    """A pty has no parity: the second opening says so by termios.error, which is no OSError."""
    with serial.Serial(str(link), parity="E"):
        pass
    driver = replace(READER, settings=SerialSettings(9600, "E"))
    made = SerialSource("door", str(link), driver, SystemClock(), Counters())
    with pytest.raises(TransientError, match="Invalid argument"):
        await made.run(Heard())
    device.unplug()


async def test_a_line_that_another_program_holds_is_not_shared(link: Path, device: Device) -> None:
    made = source(link, Counters())
    other = os.open(link, os.O_RDWR | os.O_NOCTTY)
    fcntl.flock(other, fcntl.LOCK_EX)
    with pytest.raises(TransientError, match="another program holds it; fuser -v"):
        await made.run(Heard())
    os.close(other)
    device.unplug()


async def test_start_bytes_and_feedback_reach_the_device(link: Path, device: Device) -> None:
    counters = Counters()
    driver = replace(READER, start=(b"hello ", b"there"))
    made = SerialSource("door", str(link), driver, SystemClock(), counters)
    assert not made.write(b"early")
    assert counters.get("serial.unwritten", "down") == 5
    async with kept(made, counters):
        await soon(lambda: made.state.up)
        assert made.write(b", beep")
        await asyncio.sleep(0.01)
        assert os.read(device.master, 100) == b"hello there, beep"
    device.unplug()


async def test_a_device_that_reads_nothing_never_blocks_the_loop(link: Path, device: Device) -> None:
    counters = Counters()
    made = source(link, counters)
    async with kept(made, counters) as heard:
        await soon(lambda: made.state.up)
        sent = 0
        while made.write(b"x" * 512):
            sent += 512
        assert counters.get("serial.unwritten", "full") == 512
        device.send(TAPS[2])
        await heard.count(1)  # it is heard while it does not listen
        got = b""
        while len(got) < sent:
            try:
                got += os.read(device.master, 4096)
            except BlockingIOError:
                await asyncio.sleep(0.001)
        assert got == b"x" * sent
        assert sent >= MOST_WAITING
        await soon(lambda: made.write(b"again"))
    device.unplug()


async def test_radar_at_256000_baud(link: Path, device: Device) -> None:
    counters = Counters()
    made = SerialSource("radar", str(link), RADAR, SystemClock(), counters)
    report = ld2410.basic(Seen(Target.BOTH, 120, 60, 80, 40))
    async with kept(made, counters) as heard:
        await soon(lambda: made.state.up)
        device.send(report * 20)
        assert {frame.payload for frame in await heard.count(20)} == {report}
    device.unplug()


async def test_cancelled_while_it_opens_leaves_nothing_open(link: Path, device: Device) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        made = source(link, Counters())
        running = asyncio.get_running_loop().create_task(made.run(Heard()))
        await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    await soon(lambda: len(os.listdir("/proc/self/fd")) <= before)
    device.unplug()


async def test_what_the_framer_drops_is_counted_by_its_cause(link: Path, device: Device) -> None:
    counters = Counters()
    driver = replace(READER, framer=lambda state, data: Cut(b"", [], {"oversize": len(data)}))
    made = SerialSource("door", str(link), driver, SystemClock(), counters)
    async with kept(made, counters):
        await soon(lambda: made.state.up)
        device.send(b"abc")
        await soon(lambda: counters.get("serial.dropped", "oversize") == 3)
    device.unplug()


async def test_a_bug_behind_the_source_ends_it(link: Path, device: Device) -> None:
    """The event loop only logs what its callbacks raise: nobody would see that nothing arrives any more."""
    made = source(link, Counters())

    def broken(_: object) -> None:
        raise LookupError("a bug")

    run = asyncio.get_running_loop().create_task(made.run(broken))
    await soon(lambda: made.state.up)
    device.send(TAPS[0])
    with pytest.raises(LookupError):
        await run
    device.unplug()


def test_state_begins_down() -> None:
    assert SourceState() == SourceState(up=False, cause="starting", problem="starting", frames=0, last_frame=0, opens=0)
