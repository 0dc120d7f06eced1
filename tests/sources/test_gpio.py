"""GPIO sources and lights: libgpiod's own answers where there is no chip, and lines of ours on real descriptors."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path
from typing import Any

import pytest

from gateway.clock import ManualClock, SystemClock
from gateway.counters import Counters
from gateway.errors import TransientError
from gateway.sources import gpio, gpio_light
from gateway.sources.gpio import Contact, GpioSource
from gateway.sources.gpio_lines import Edge, open_input, open_output, refusal
from tests.sources.conftest import Heard, kept, soon


class Wire:
    """A line as the kernel has it: a level, and edges that wait in a pipe."""

    def __init__(self, *, level: bool = False) -> None:
        self.now = level
        self.number = 0
        self.error: OSError | None = None
        self.opens = 0
        self.end = -1
        self._read = -1

    def open(self) -> Wire:
        self._read, self.end = os.pipe()
        os.set_blocking(self._read, False)
        self.number = 0
        self.opens += 1
        return self

    def change(self, *, lost: int = 0) -> None:
        self.now = not self.now
        self.number += 1 + lost
        os.write(self.end, bytes((self.now, self.number)))

    def unplug(self, *, wakes: bool) -> None:
        self.error = OSError(errno.ENODEV, "No such device")
        if wakes:
            os.write(self.end, b"xx")

    def fileno(self) -> int:
        return self._read

    def level(self) -> bool:
        if self.error:
            raise self.error
        return self.now

    def edges(self) -> list[Edge]:
        if self.error:
            raise self.error
        data = os.read(self._read, 64)
        return [Edge(bool(data[i]), data[i + 1]) for i in range(0, len(data), 2)]

    def close(self) -> None:
        os.close(self._read)
        os.close(self.end)


class Told(dict[str, tuple[bool, str]]):
    def device(self, name: str, alive: bool, cause: str) -> None:
        self[name] = (alive, cause)


def source(wires: dict[int, Wire | OSError], counters: Counters, told: Told, **more: Any) -> GpioSource:
    def take(line: int) -> Any:
        found = wires[line]
        if isinstance(found, OSError):
            raise found
        return found.open()

    contacts = [Contact(line=line, device=f"door-{line}") for line in wires]
    clock = more.pop("clock", SystemClock())
    return GpioSource("doors", "/dev/null", contacts, clock, counters, open_line=take, on_device=told.device, **more)


async def test_the_level_at_the_start_and_after_each_edge() -> None:
    wires: dict[int, Any] = {17: Wire(level=True), 22: Wire()}
    counters, told = Counters(), Told()
    made = source(wires, counters, told, clock=ManualClock(1_000, 7))
    async with kept(made, counters) as heard:
        frames = await heard.count(2)
        assert frames[0] == ("gpio", "doors", "17", b"\x01", None, 1_000, 7, None)
        assert (frames[1].address, frames[1].payload) == ("22", b"\x00")
        wires[22].change()
        await heard.count(3)
        wires[22].change()
        wires[17].change()
        await heard.count(5)
        assert [f.payload for f in heard.frames if f.address == "22"] == [b"\x00", b"\x01", b"\x00"]
        assert [f.payload for f in heard.frames if f.address == "17"] == [b"\x01", b"\x00"]
        assert told == {"door-17": (True, ""), "door-22": (True, "")}
        assert (made.state.up, made.state.frames, made.state.opens) == (True, 5, 1)
    assert not made.state.up


async def test_a_line_is_told_to_be_there_before_it_says_anything() -> None:
    """Rules forget at that moment what a device said while it was away."""
    order: list[str] = []
    made = source({5: Wire()}, Counters(), Told(), on_state=lambda _: order.append("up"))
    run = asyncio.get_running_loop().create_task(made.run(lambda _frame, _durable=None, /: order.append("frame")))
    await soon(lambda: len(order) == 2)
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
    assert order == ["up", "frame"]


async def test_edges_that_the_kernel_lost_are_counted() -> None:
    wire = Wire()
    counters = Counters()
    async with kept(source({5: wire}, counters, Told()), counters) as heard:
        await heard.count(1)
        wire.change(lost=2)
        wire.change(lost=4)
        await heard.count(3)
        assert counters.get("gpio.dropped", "overflow") == 6


async def test_a_quiet_line_is_said_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpio, "LOOK_S", 0.01)
    clock, wire, counters = ManualClock(), Wire(level=True), Counters()
    async with kept(source({5: wire}, counters, Told(), clock=clock), counters) as heard:
        for n in range(1, 4):
            assert (await heard.count(n))[-1].payload == b"\x01"
            await asyncio.sleep(0.05)
            assert len(heard.frames) == n
            clock.advance(gpio.SAY_S)
        await heard.count(4)
        wire.now = False  # the edge was lost
        assert (await heard.count(5))[-1].payload == b"\x00"


async def test_a_line_that_another_program_has_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpio, "LOOK_S", 0.02)
    wires: dict[int, Any] = {5: Wire(), 6: OSError(errno.EBUSY, "Device or resource busy")}
    counters, told = Counters(), Told()
    made = source(wires, counters, told)
    async with kept(made, counters) as heard:
        await soon(lambda: len(told) == 2)
        assert told == {"door-5": (True, ""), "door-6": (False, "busy")}
        assert "line 6 of /dev/null belongs to another program" in made.state.problem
        wires[5].change()
        await heard.until(lambda frames: frames[-1].payload == b"\x01")
        wires[6] = Wire(level=True)
        await heard.until(lambda frames: any(frame.address == "6" for frame in frames))
        await soon(lambda: told["door-6"] == (True, ""))
        assert (made.state.problem, made.state.opens, wires[5].opens) == ("", 1, 1)


@pytest.mark.parametrize("wakes", [True, False])
async def test_a_chip_that_is_unplugged_and_comes_back(monkeypatch: pytest.MonkeyPatch, wakes: bool) -> None:
    """Linux 6.1 wakes nobody who waits for edges of a chip that is gone."""
    monkeypatch.setattr(gpio, "LOOK_S", 0.1)
    wire, counters, told = Wire(), Counters(), Told()
    states: list[tuple[bool, str]] = []
    made = source({5: wire}, counters, told, on_state=lambda state: states.append((state.up, state.cause)))
    async with kept(made, counters) as heard:
        await heard.count(1)
        wire.unplug(wakes=wakes)
        await soon(lambda: not made.state.up)
        assert "No such device; is it plugged in?" in made.state.problem
        wire.error = None
        await heard.count(2)
        await soon(lambda: made.state.up)
        assert made.state.opens == 2
    assert states == [(True, ""), (False, "unplugged"), (True, "")]


async def test_a_bug_behind_the_source_ends_it() -> None:
    wire, counters = Wire(), Counters()
    made = source({5: wire}, counters, Told())

    def broken(frame: Any, durable: Any = None) -> None:
        if frame.payload == b"\x01":
            raise LookupError("a bug")

    run = asyncio.get_running_loop().create_task(made.run(broken))
    await soon(lambda: made.state.up)
    wire.change()
    with pytest.raises(LookupError):
        await run


async def test_no_chip_says_so_in_words() -> None:
    """The real libgpiod, which finds none."""
    pytest.importorskip("gpiod")
    made = GpioSource("doors", "/dev/gpiochip99", [Contact(line=5, device="door")], SystemClock(), Counters())
    with pytest.raises(TransientError, match="/dev/gpiochip99 is not there; gpiodetect shows"):
        await made.run(Heard())
    assert made.state.cause == "missing"
    made = GpioSource("doors", "/dev/null", [Contact(line=5, device="door")], SystemClock(), Counters())
    with pytest.raises(TransientError, match="is no GPIO chip"):
        await made.run(Heard())


@pytest.mark.parametrize("bias", ["as_is", "disabled", "pull_up", "pull_down"])
def test_libgpiod_has_every_setting(bias: Any, tmp_path: Path) -> None:
    """They are made before the chip is opened."""
    pytest.importorskip("gpiod")
    with pytest.raises(FileNotFoundError):
        open_input(str(tmp_path / "chip"), 3, bias, active_low=True, debounce_ms=50)
    with pytest.raises(FileNotFoundError):
        open_output(str(tmp_path / "chip"), 3, active_low=False)


@pytest.mark.parametrize(
    ("error", "cause", "words"),
    [
        (OSError(errno.EACCES, ""), "denied", "Permission denied; the user of hadir must be in the group"),
        (OSError(errno.EBUSY, ""), "busy", "gpioinfo shows to whom"),
        (OSError(errno.ENXIO, ""), "unable", "it has no interrupt"),
        (OSError(errno.EINVAL, ""), "unable", "try bias: as_is"),
        (OSError(errno.EIO, ""), "failed", "Input/output error"),
        (ValueError("line offset of out range"), "missing", "/dev/null has no line 9"),
    ],
)
def test_a_refusal_says_what_to_do(error: Any, cause: str, words: str) -> None:
    said = refusal("/dev/null", 9, error)
    assert said[0] == cause
    assert words in said[1]


# --- lights ----------------------------------------------------------------------------------------------------------


class Lamp:
    def __init__(self) -> None:
        self.shown: list[bool] = []
        self.error: OSError | None = None
        self.closed = 0

    def set(self, level: bool) -> None:
        if self.error is not None:
            raise self.error
        self.shown.append(level)

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    short = {name: tuple(0.01 for _ in pattern) for name, pattern in gpio_light.PATTERNS.items()}
    monkeypatch.setattr(gpio_light, "PATTERNS", short)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("outcome", "flashes"), [("taken", 1), ("left", 2), ("refused", 3)])
async def test_each_outcome_has_its_flashes_and_ends_dark(outcome: str, flashes: int) -> None:
    lamp = Lamp()
    light = gpio_light.GpioLight("/dev/null", 4, None, Counters(), open_line=lambda _: lamp)
    light(outcome)
    await soon(lambda: lamp.shown == [True, False] * flashes)
    light.close()
    assert lamp.closed == 1


@pytest.mark.usefixtures("quick")
async def test_refused_has_a_light_of_its_own() -> None:
    lamps = {4: Lamp(), 5: Lamp()}
    light = gpio_light.GpioLight("/dev/null", 4, 5, Counters(), open_line=lamps.__getitem__)
    light("refused")
    await soon(lambda: lamps[5].shown == [True, False] * 3)
    assert lamps[4].shown == []


async def test_the_next_tap_ends_what_is_shown() -> None:
    lamps = {4: Lamp(), 5: Lamp()}
    light = gpio_light.GpioLight("/dev/null", 4, 5, Counters(), open_line=lamps.__getitem__)
    light("taken")
    light("refused")
    assert (lamps[4].shown, lamps[5].shown) == ([True, False], [True])
    light.close()
    assert lamps[5].shown == [True, False]


async def test_a_light_that_cannot_be_had_harms_nobody_and_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    counters, lamp = Counters(), Lamp()
    lamp.error = OSError(errno.EBUSY, "busy")
    light = gpio_light.GpioLight("/dev/null", 4, None, counters, open_line=lambda _: lamp)
    light("taken")
    light("taken")
    assert [record.message for record in caplog.records] == [
        "a reader's light: line 4 of /dev/null belongs to another program or to the kernel; gpioinfo shows to whom"
    ]
    lamp.error = None
    light("taken")
    assert lamp.shown == [True]
    assert counters.get("light.failed") == 2
    light.close()
