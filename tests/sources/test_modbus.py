"""Modbus sources on real pseudo-terminals and over loopback TCP."""

from __future__ import annotations

import asyncio
import os
import tty
from pathlib import Path
from typing import Any

import pytest
import serial

from drivers.api import Context, Frame
from drivers.occupancy.modbus import DRIVER, plan
from firmware_sim import modbus
from firmware_sim.modbus import COILS, DISCRETE, HOLDING, INPUT, Bus, RtuLine, Unit
from gateway.clock import ManualClock, SystemClock
from gateway.counters import Counters
from gateway.errors import TransientError
from gateway.ports import free_pair
from gateway.sources import modbus as source
from gateway.sources.modbus import ModbusSource
from tests.sources.conftest import Heard, kept, soon

MAP = {
    "values": [
        {"kind": "temperature", "register": 0, "type": "int16", "scale": 0.1, "unit": "Cel"},
        {"kind": "co2", "register": 1, "type": "uint16", "unit": "ppm"},
        {"kind": "occupied", "register": 3, "type": "bool", "function": "discrete"},
    ]
}
ALL = {
    "values": [
        {"kind": "co2", "register": 7, "type": "uint16", "function": "input"},
        {"kind": "occupied", "register": 0, "type": "bool", "function": "coil", "channel": 1},
        {"kind": "occupied", "register": 8, "type": "bool", "function": "coil", "channel": 2},
        {"kind": "energy", "register": 20, "type": "float32", "function": "holding"},
    ]
}


def unit(address: int, mapping: dict[str, Any] = MAP) -> source.Unit:
    return source.Unit(address=address, device=f"desk-{address}", reads=plan(mapping))


def sensor(temperature: int = 215, co2: int = 640, *, occupied: int = 1) -> Unit:
    return Unit({HOLDING: {0: temperature, 1: co2}, DISCRETE: {3: occupied}})


def values(frame: Frame, mapping: dict[str, Any] = MAP) -> dict[str, Any]:
    assert DRIVER.decode_with is not None
    return {m.kind: m.value for m in DRIVER.decode_with(frame, Context(mapping=mapping)).measurements}


class Told(dict[str, tuple[bool, str]]):
    """What was said of each device."""

    def __init__(self) -> None:
        super().__init__()
        self.states: list[tuple[bool, str]] = []

    def device(self, name: str, alive: bool, cause: str) -> None:
        self[name] = (alive, cause)

    def state(self, state: Any) -> None:
        self.states.append((state.up, state.cause))


class Line:
    """A bus on a pty whose end for the gateway has a stable name, as udev gives it."""

    def __init__(self, link: Path, units: dict[int, Unit]) -> None:
        self.bus = Bus(units)
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        os.set_blocking(self.master, False)
        link.unlink(missing_ok=True)
        link.symlink_to(os.ttyname(self.slave))
        self._rtu = RtuLine(self.bus, self.master)

    def unplug(self) -> None:
        self._rtu.close()
        os.close(self.slave)
        os.close(self.master)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silent units are asked again sooner than they deserve."""
    monkeypatch.setattr(source, "SHARE", 0.5)


@pytest.fixture
def link(tmp_path: Path) -> Path:
    return tmp_path / "usb-rs485"


@pytest.fixture
def port() -> int:
    return free_pair()


def rtu(
    link: Path, units: list[source.Unit], counters: Counters, told: Told | None = None, **more: Any
) -> ModbusSource:
    told = told if told is not None else Told()
    settings = {"poll_s": 0.05, "timeout_s": 0.5, "on_device": told.device, "on_state": told.state} | more
    return ModbusSource("bus", units, settings.pop("clock", SystemClock()), counters, port=str(link), **settings)


def tcp(port: int, units: list[source.Unit], counters: Counters, told: Told | None = None, **more: Any) -> ModbusSource:
    told = told if told is not None else Told()
    settings = {"poll_s": 0.05, "timeout_s": 0.5, "on_device": told.device, "on_state": told.state} | more
    return ModbusSource("bus", units, SystemClock(), counters, host="127.0.0.1", tcp_port=port, **settings)


async def test_values_arrive_over_rtu_as_one_frame_a_poll(link: Path) -> None:
    line, counters, told = Line(link, {3: sensor(), 4: sensor(190, occupied=0)}), Counters(), Told()
    made = rtu(link, [unit(3), unit(4)], counters, told)
    async with kept(made, counters) as heard:
        frames = await heard.count(4)
        first = next(frame for frame in frames if frame.address == "3")
        assert (first.medium, first.source, first.payload) == ("modbus", "bus", b"\x01" + b"\x00\xd7\x02\x80")
        assert values(first) == {"temperature": 21.5, "co2": 640, "occupied": True}
        assert values(next(frame for frame in frames if frame.address == "4"))["occupied"] is False
        assert [frame.address for frame in frames[:4]] == ["3", "4", "3", "4"]
        assert told == {"desk-3": (True, ""), "desk-4": (True, "")}
        assert (made.state.up, made.state.problem, made.state.opens) == (True, "", 1)
    assert told.states == [(True, "")]
    assert not made.state.up
    line.unplug()


async def test_both_times_are_read_once_a_frame(link: Path) -> None:
    line, counters = Line(link, {3: sensor()}), Counters()
    made = rtu(link, [unit(3)], counters, clock=ManualClock(1_000, 7))
    async with kept(made, counters) as heard:
        frame = (await heard.count(1))[0]
        assert (frame.received_at, frame.machine_at, made.state.last_frame) == (1_000, 7, 7)
    line.unplug()


async def test_every_function_over_tcp(port: int) -> None:
    tables = {COILS: {0: 1, 8: 1} | dict.fromkeys(range(1, 8), 0), INPUT: {7: 812}, HOLDING: {20: 0x41BC, 21: 0}}
    server, counters = await modbus.serve_tcp(Bus({1: Unit(tables)}), "127.0.0.1", port), Counters()
    made = tcp(port, [unit(1, ALL)], counters)
    async with kept(made, counters) as heard:
        frame = (await heard.count(1))[0]
    assert DRIVER.decode_with is not None
    made_of_it = DRIVER.decode_with(frame, Context(mapping=ALL)).measurements
    assert [(m.kind, m.value, m.channel) for m in made_of_it] == [
        ("co2", 812, None),
        ("occupied", True, 1),
        ("occupied", True, 2),
        ("energy", 23.5, None),
    ]
    server.close()


async def test_a_dead_unit_does_not_stop_the_others(link: Path) -> None:
    line, counters, told = Line(link, {3: sensor(), 5: sensor()}), Counters(), Told()
    made = rtu(link, [unit(3), unit(4), unit(5)], counters, told)
    async with kept(made, counters) as heard:
        await soon(lambda: "desk-4" in told)
        assert told["desk-4"] == (False, "silent")
        before = len(heard.frames)
        await heard.count(before + 10)
        assert told == {"desk-3": (True, ""), "desk-4": (False, "silent"), "desk-5": (True, "")}
        assert 'unit 4 ("desk-4") does not answer' in made.state.problem
        assert {frame.address for frame in heard.frames} == {"3", "5"}
        line.bus.units[4] = sensor(100)  # switched on at last
        frames = await heard.until(lambda frames: any(frame.address == "4" for frame in frames))
        assert values(frames[-1])["temperature"] == 10.0
        assert (told["desk-4"], made.state.problem, made.state.opens) == ((True, ""), "", 1)
    assert told.states == [(True, "")]
    assert counters.get("modbus.failed", "silent") >= 1
    line.unplug()


async def test_a_unit_that_goes_silent_is_down_and_comes_back(link: Path) -> None:
    line, counters, told = Line(link, {3: sensor(), 4: sensor()}), Counters(), Told()
    made = rtu(link, [unit(3), unit(4)], counters, told, timeout_s=0.25)
    async with kept(made, counters) as heard:
        await heard.count(2)
        line.bus.units[4].silent = True
        await soon(lambda: told["desk-4"] == (False, "silent"))
        assert made.state.up
        count = len(heard.frames)
        line.bus.units[4].silent = False
        await heard.until(lambda frames: any(frame.address == "4" for frame in frames[count:]))
        assert told["desk-4"] == (True, "")
        assert made.state.opens == 1
    line.unplug()


async def test_unplugged_and_plugged_in_again_under_another_number(link: Path) -> None:
    line, counters, told = Line(link, {3: sensor()}), Counters(), Told()
    made = rtu(link, [unit(3)], counters, told)
    async with kept(made, counters) as heard:
        for n in range(1, 4):
            count = len(heard.frames)
            await heard.count(count + 2)
            line.unplug()
            await soon(lambda: not made.state.up)
            assert "unplugged" in made.state.problem or "is not there" in made.state.problem
            line = Line(link, {3: sensor()})
            await soon(lambda n=n: made.state.opens > n)  # type: ignore[misc]
        await heard.count(len(heard.frames) + 1)
    line.unplug()
    changes = [state for state in told.states if state != (False, "missing")]
    assert changes == [(True, ""), (False, "unplugged")] * 3 + [(True, "")]


async def test_an_unplugged_line_is_seen_long_before_the_next_poll(link: Path) -> None:
    line, counters = Line(link, {3: sensor()}), Counters()
    made = rtu(link, [unit(3)], counters, poll_s=3600.0)
    async with kept(made, counters) as heard:
        await heard.count(1)
        line.unplug()
        await soon(lambda: not made.state.up)


async def test_a_silent_bus_is_down_and_recovers(link: Path) -> None:
    line, counters, told = Line(link, {3: sensor(), 4: sensor()}), Counters(), Told()
    made = rtu(link, [unit(3), unit(4)], counters, told, timeout_s=0.25)
    async with kept(made, counters) as heard:
        await heard.count(2)
        for each in line.bus.units.values():
            each.silent = True
        await soon(lambda: made.state.cause == "silent")
        assert 'unit 4 ("desk-4") does not answer' in made.state.problem
        for each in line.bus.units.values():
            each.silent = False
        await heard.count(len(heard.frames) + 4)
        assert (made.state.up, made.state.problem) == (True, "")
    assert told.states == [(True, ""), (False, "silent"), (True, "")]
    line.unplug()


async def test_a_wrong_crc_is_never_a_value(link: Path) -> None:
    line, counters, told = Line(link, {3: sensor(), 4: sensor()}), Counters(), Told()
    line.bus.units[4].bad_crc = True
    made = rtu(link, [unit(3), unit(4)], counters, told)
    async with kept(made, counters) as heard:
        await soon(lambda: told.get("desk-4") == (False, "garbled"))
        await heard.count(len(heard.frames) + 5)
        assert {frame.address for frame in heard.frames} == {"3"}
        assert "9600 baud, parity N" in made.state.problem
        assert counters.get("modbus.failed", "garbled") >= 1
    line.unplug()


@pytest.mark.parametrize(
    ("code", "cause", "words"),
    [
        (modbus.ILLEGAL_ADDRESS, "mapping", "refuses discrete 3 (exception 2: it does not have this address)"),
        (modbus.BUSY, "failed", "cannot read discrete 3 (exception 6: it is busy)"),
        (modbus.NO_TARGET, "silent", "does not answer"),
        (99, "failed", "exception 99"),
    ],
)
async def test_an_exception_says_what_is_wrong_with_the_map(port: int, code: int, cause: str, words: str) -> None:
    bus, counters, told = Bus({3: sensor(), 4: sensor()}), Counters(), Told()
    bus.units[4].exception = code
    server = await modbus.serve_tcp(bus, "127.0.0.1", port)
    made = tcp(port, [unit(3), unit(4)], counters, told)
    async with kept(made, counters) as heard:
        await soon(lambda: told.get("desk-4") == (False, cause) and made.state.up)
        assert words in made.state.problem
        await heard.count(4)
        assert {frame.address for frame in heard.frames} == {"3"}
        bus.units[4].exception = 0
        await heard.until(lambda frames: any(frame.address == "4" for frame in frames))
    server.close()


async def test_a_register_that_is_not_there_spoils_its_unit_only(port: int) -> None:
    """The unit has the first registers and not the last: half a reading is none."""
    bus, counters, told = Bus({3: sensor(), 4: Unit({DISCRETE: {3: 1}, HOLDING: {0: 200}})}), Counters(), Told()
    server = await modbus.serve_tcp(bus, "127.0.0.1", port)
    made = tcp(port, [unit(4), unit(3)], counters, told)
    async with kept(made, counters) as heard:
        await heard.count(3)
        assert {frame.address for frame in heard.frames} == {"3"}
        assert "refuses holding 0 to 1 (exception 2" in made.state.problem
    server.close()


async def test_tcp_refused_and_a_server_that_comes_and_goes(port: int) -> None:
    counters, told = Counters(), Told()
    made = tcp(port, [unit(3)], counters, told)
    with pytest.raises(TransientError, match=r"Connect call failed|Connection refused"):
        await made.run(Heard())
    assert made.state.cause == "missing"
    async with kept(made, counters) as heard:
        for _ in range(2):
            writers: list[asyncio.StreamWriter] = []
            server = await modbus.serve_tcp(Bus({3: sensor()}), "127.0.0.1", port, writers.append)
            count = len(heard.frames)
            await heard.count(count + 2)
            server.close()
            for writer in writers:
                writer.close()
            await soon(lambda: not made.state.up)


async def test_a_connection_that_hangs_is_made_anew(port: int) -> None:
    """The gateway box answers on a new connection only, as some do after a power cut."""
    bus, counters, connections = Bus({}), Counters(), list[asyncio.StreamWriter]()

    def connected(writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        bus.units = {3: sensor()} if len(connections) > 1 else {}

    server = await modbus.serve_tcp(bus, "127.0.0.1", port, connected)
    made = tcp(port, [unit(3)], counters, timeout_s=0.25)
    async with kept(made, counters) as heard:
        await heard.count(1)
        assert len(connections) == made.state.opens == 2
    server.close()


async def test_cancelled_at_any_moment_it_ends_and_leaves_the_line(link: Path) -> None:
    line, counters = Line(link, {3: sensor()}), Counters()
    open_before = len(os.listdir("/proc/self/fd"))
    for n in range(30):
        made = rtu(link, [unit(3), unit(9)], counters)
        running = asyncio.get_running_loop().create_task(made.run(Heard()))
        await asyncio.sleep(n * 0.003)
        running.cancel()
        async with asyncio.timeout(2):
            await asyncio.gather(running, return_exceptions=True)
    await soon(lambda: len(os.listdir("/proc/self/fd")) <= open_before)
    line.unplug()


async def test_garbage_on_the_line_is_no_value_and_no_end(link: Path) -> None:
    line, counters = Line(link, {3: sensor()}), Counters()
    made = rtu(link, [unit(3)], counters)
    async with kept(made, counters) as heard:
        await heard.count(1)
        for n in range(20):
            os.write(line.master, bytes((n, 3, 2, 255, 255, n)) * 3)
            await asyncio.sleep(0.01)
        await heard.count(len(heard.frames) + 5)
        assert {frame.payload for frame in heard.frames} == {b"\x01\x00\xd7\x02\x80"}
    line.unplug()


async def test_an_answer_of_another_length_is_no_value(port: int) -> None:
    class Short(Unit):
        def pdu(self, request: bytes) -> bytes:
            return bytes((request[0], 2, 0, 1))

    bus, counters, told = Bus({3: Short(), 4: sensor()}), Counters(), Told()
    server = await modbus.serve_tcp(bus, "127.0.0.1", port)
    made = tcp(port, [unit(3), unit(4)], counters, told)
    async with kept(made, counters) as heard:
        await soon(lambda: told.get("desk-3") == (False, "garbled"))
        await heard.count(2)
        assert {frame.address for frame in heard.frames} == {"4"}
    server.close()


async def test_a_parity_that_the_line_refuses_is_no_crash(link: Path) -> None:
    """A pty has no parity: the second opening says so by termios.error, which is no OSError."""
    line = Line(link, {3: sensor()})
    made = rtu(link, [unit(3)], Counters(), parity="E")
    with serial.Serial(str(link), parity="E"), pytest.raises(TransientError):
        await made.run(Heard())
    assert made.state.cause == "missing"
    line.unplug()


def test_the_simulated_crc_is_that_of_the_specification() -> None:
    """MODBUS over Serial Line V1.02, 6.2.2: 02 07 has CRC 0x1241, sent low byte first."""
    assert modbus.crc(b"\x02\x07") == b"\x41\x12"


async def test_a_silent_unit_takes_its_share_of_the_bus_and_no_more(
    link: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "SHARE", 0.1)
    line, counters = Line(link, {3: sensor(), 4: Unit(silent=True)}), Counters()
    made = rtu(link, [unit(3), unit(4)], counters, poll_s=0.05, timeout_s=0.1)
    async with kept(made, counters):
        await soon(lambda: line.bus.units[3].asked >= 60)
        assert line.bus.units[4].asked < 20  # each costs 0.1 s, of which it has one second in ten
    line.unplug()
