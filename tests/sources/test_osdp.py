"""Real OSDP readers (libosdp's peripheral, a process each) on two simulated wires."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from drivers.badge.wiegand import DRIVER as WIEGAND
from firmware_sim import osdp as packets
from firmware_sim import wiegand
from firmware_sim.osdp_bus import HOST, Bus
from gateway import bindings
from gateway.clock import ManualClock, SystemClock
from gateway.config import device_keys
from gateway.config.load import load
from gateway.counters import Counters
from gateway.decode import installed
from gateway.errors import TransientError
from gateway.feedback import Answers
from gateway.sources.around import Around
from gateway.sources.base import SourceState
from gateway.sources.build import build
from gateway.sources.osdp import OsdpSource
from gateway.sources.osdp_reader import DEFAULT_KEY, Reader
from tests.sources.conftest import Heard, kept, soon

pytest.importorskip("osdp_sys", reason="libosdp is not installed: pip install 'hadir[osdp]'")

KEY, OTHER = bytes(range(1, 17)), bytes(range(2, 18))
CARD26, CARD37 = wiegand.h10301(1, 5278), wiegand.h10302(123456789)
ID, CAP = 0x61, 0x62
ACK, PDCAP, RAW, FMT, START = 0x40, 0x46, 0x50, 0x51, 0x53


OFFICE = """
site: ikn
buildings:
  - id: kk2
    coordinator: gw-1
    floors:
      - id: l05
        owner: gw-1
        zones:
          - {{id: timur, unit: a, spaces: [{{id: d-1, kind: desk}}, {{id: d-2, kind: desk}}]}}
devices:
  - {{id: rdr-05, driver: wiegand, place: kk2/l05/timur/d-1, role: desk, address: "5"}}
  - {{id: rdr-06, driver: wiegand, place: kk2/l05/timur/d-2, role: desk, address: "6"}}
gateways:
  - {{id: gw-1, place: kk2/l05, sources: [{{type: osdp, id: bus, port: {port}, devices: [rdr-05, rdr-06]}}]}}
"""


class Peer:
    """A reader process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said: list[dict[str, Any]] = []
        self._listening = asyncio.get_running_loop().create_task(self._listen())

    async def _listen(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.said.append(json.loads(line))

    def happens(self, **what: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(what).encode() + b"\n")

    async def until(self, word: str, count: int = 1) -> list[Any]:
        def found() -> list[Any]:
            return [line[word] for line in self.said if word in line]

        await soon(lambda: len(found()) >= count)
        return found()

    async def kill(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()
        await self._listening


class Wires:
    """A bus and the readers that hang on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.twist: Callable[[str, bytes], bytes] = lambda _name, data: data
        """Who is on the wires may change what the others hear."""
        self.commands: list[bytes] = []
        self.bus = Bus(folder, heard=self._hear)
        self.peers: list[Peer] = []

    def _hear(self, name: str, data: bytes) -> bytes:
        if name == HOST:
            self.commands.append(data[data.index(START) :])
        return self.twist(name, data)

    @property
    def port(self) -> str:
        return str(self.folder / HOST)

    def asked(self, address: int) -> list[bytes]:
        return [command for command in self.commands if command[1] == address]

    async def reader(self, address: int, *more: str, key: bytes | None = KEY) -> Peer:
        name = f"reader{address}"
        port = self.folder / name
        if not port.is_symlink():
            self.bus.plug(name)
        secret = () if key is None else ("--key", key.hex())
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "firmware_sim.osdp_reader",
            str(port),
            str(address),
            *secret,
            *more,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        peer = Peer(process)
        self.peers.append(peer)
        await peer.until("ready")
        return peer


@pytest.fixture
async def wires(tmp_path: Path) -> AsyncIterator[Wires]:
    made = Wires(tmp_path)
    yield made
    for peer in made.peers:
        await peer.kill()
    made.bus.close()


class Told:
    """Readers as they were told last, and all that was told."""

    def __init__(self) -> None:
        self.now: dict[str, tuple[bool, str]] = {}
        self.all: list[tuple[str, bool, str]] = []

    def __call__(self, device: str, alive: bool, cause: str) -> None:
        self.all.append((device, alive, cause))
        self.now[device] = (alive, cause)


UP = (True, "")


def source(wires: Wires, counters: Counters, *readers: Reader, told: Told | None = None, **more: Any) -> OsdpSource:
    return OsdpSource("bus", wires.port, readers, SystemClock(), counters, on_device=told, **more)


def reader(address: int, key: bytes = KEY) -> Reader:
    return Reader(address=address, device=f"rdr-{address:02}", key=key)


def without_security(address: int) -> Callable[[str, bytes], bytes]:
    """Somebody between makes a reader say that it cannot do Secure Channel."""

    def twist(name: str, data: bytes) -> bytes:
        packet = data[data.index(START) :]
        if name == HOST or packet[1] & 0x7F != address or packet[5] != PDCAP:
            return data
        return packets.packet(address, packet[4] & 3, PDCAP, packet[6:-2].replace(b"\x09\x01\x00", b"\x09\x00\x00"))

    return twist


@asynccontextmanager
async def one(wires: Wires, *more: str, **settings: Any) -> AsyncIterator[tuple[OsdpSource, Heard, Peer, Counters]]:
    """A reader that is there."""
    counters = Counters()
    peer = await wires.reader(5, *more)
    made = source(wires, counters, reader(5), **settings)
    async with kept(made, counters) as heard:
        await soon(lambda: made.state.up)
        yield made, heard, peer, counters


async def test_cards_of_several_readers_arrive_with_their_bits(wires: Wires) -> None:
    counters, clock, told = Counters(), ManualClock(1_000, 7), Told()
    first, second = await wires.reader(3), await wires.reader(126)
    made = OsdpSource("bus", wires.port, [reader(3), reader(126)], clock, counters, on_device=told)
    async with kept(made, counters) as heard:
        await soon(lambda: told.now == {"rdr-03": UP, "rdr-126": UP})
        first.happens(card=CARD26)
        frame = (await heard.count(1))[0]
        assert frame == ("wiegand", "bus", "3", wiegand.payload(CARD26), None, 1_000, 7, None)
        second.happens(card=CARD37)
        frame = (await heard.count(2))[1]
        assert (frame.address, frame.payload) == ("126", wiegand.payload(CARD37))
        assert WIEGAND.decode(frame)[0][:2] == ("badge", "wiegand37:123456789")
        assert (made.state.frames, made.state.last_frame, made.state.problem, made.state.cause) == (2, 7, "", "")
    assert not made.state.up
    assert {"osdp.refused", "osdp.dropped"}.isdisjoint(counters.snapshot())


async def test_replies_that_come_byte_by_byte(wires: Wires) -> None:
    wires.bus._byte_s = 0.0005
    async with one(wires) as (_, heard, peer, _counters):
        for _ in range(3):
            peer.happens(card=CARD26)
        assert {frame.payload for frame in await heard.count(3)} == {wiegand.payload(CARD26)}


async def test_keys_are_keys(wires: Wires) -> None:
    async with one(wires) as (_, heard, peer, _counters):
        peer.happens(keys="147*0#")
        measured = [WIEGAND.decode(frame) for frame in await heard.count(6)]
        assert [(kind, value) for ((kind, value, *_),) in measured] == [("keypad", key) for key in "147*0#"]


async def test_cards_that_are_no_bits_are_dropped_and_counted(wires: Wires) -> None:
    """Text (its format, and its reply of its own), a format that nobody knows, no bits, too many; and stray padding."""
    odd = [
        (RAW, bytes((0, 2, 16, 0)) + b"47"),
        (RAW, bytes((0, 9, 16, 0)) + b"47"),
        (RAW, bytes((0, 1, 0, 0))),
        (RAW, bytes((0, 1, 0, 1)) + bytes(32)),
        (FMT, b"\x00\x00\x024711"),
        (RAW, bytes((0, 0, 26, 0)) + b"\xff\xff\xff\xff"),
    ]
    made = source(wires, counters := Counters(), reader(5, b""), secure=False)
    await wires.reader(5, key=None)

    def twist(name: str, data: bytes) -> bytes:
        if name == HOST or not odd or data[data.index(START) + 5] != ACK:
            return data
        code, content = odd.pop(0)
        return packets.packet(5, data[data.index(START) + 4] & 3, code, content)

    wires.twist = twist
    async with kept(made, counters) as heard:
        assert (await heard.count(1))[0].payload == b"\x1a\xff\xff\xff\xc0"
        assert counters.get("osdp.dropped", "ascii") == 2
        assert counters.get("osdp.dropped", "format") == 1
        assert counters.get("osdp.dropped", "length") == 2
        assert made.state.up


async def test_a_reader_without_a_key_is_never_asked(wires: Wires) -> None:
    counters, told = Counters(), Told()
    good = await wires.reader(1)
    await wires.reader(2, key=None)
    made = source(wires, counters, reader(1), reader(2, b""), reader(3, KEY[:8]), reader(4, DEFAULT_KEY), told=told)
    async with kept(made, counters) as heard:
        await soon(lambda: told.now.get("rdr-01") == UP)
        good.happens(card=CARD26)
        await heard.count(1)
        assert told.now["rdr-02"] == (False, "unconfigured")
        assert told.now["rdr-03"] == told.now["rdr-04"] == (False, "bad_key")
        assert made.state.up
        assert (
            'reader 2 ("rdr-02"): has no key: write its SCBK into the file of device_keys, rdr-02' in made.state.problem
        )
        assert 'reader 3 ("rdr-03"): its key in device_keys is no SCBK' in made.state.problem
    assert {command[1] for command in wires.commands} == {1}
    assert KEY.hex() not in repr(reader(1))


async def test_the_configuration_and_the_keys_file_make_it(wires: Wires) -> None:
    counters, told, clock = Counters(), Told(), SystemClock()
    file = wires.folder / "office.yaml"
    file.write_text(OFFICE.format(port=wires.port))
    secrets = wires.folder / "devices.keys"
    secrets.write_text(f"rdr-05 {KEY.hex()}\n")
    secrets.chmod(0o600)
    named = installed()
    office = load(file, drivers=named)
    devices = bindings.by_device(office, named, device_keys.load(secrets, ["rdr-05", "rdr-06"]))
    (gateway,) = office.gateways
    around = Around(
        office=office,
        gateway=gateway.id,
        bound=bindings.Bound(gateway, devices),
        named=named,
        clock=clock,
        counters=counters,
        is_ours=lambda _address: False,
        on_device=told,
    )
    peer = await wires.reader(5)
    async with kept(build(gateway.sources[0], around, lambda _state: None), counters) as heard:
        await soon(lambda: told.now == {"rdr-05": UP, "rdr-06": (False, "unconfigured")})
        peer.happens(card=CARD26)
        frame = (await heard.count(1))[0]
        binding = around.bound.of(frame)
        assert binding is not None
        assert binding.device.id == "rdr-05"
        assert KEY.hex() not in repr(binding)
        assert repr(KEY) not in repr(binding)


async def test_no_reader_with_a_key_leaves_the_line_alone(wires: Wires) -> None:
    states, told = list[tuple[bool, str]](), Told()
    made = source(
        wires, Counters(), reader(2, b""), told=told, on_state=lambda state: states.append((state.up, state.cause))
    )
    async with kept(made, Counters()):
        await soon(lambda: told.now == {"rdr-02": (False, "unconfigured")})
    assert states == [(False, "unconfigured")]
    assert made.state.opens == 0


async def test_who_cannot_prove_itself_is_not_read_and_the_others_go_on(wires: Wires) -> None:
    """Another key; the default key, which a reader in install mode offers; no security, or so somebody makes it say."""
    counters, told = Counters(), Told()
    good, other, fresh, plain = await asyncio.gather(
        wires.reader(1), wires.reader(2, key=OTHER), wires.reader(3, "--install", key=None), wires.reader(4)
    )
    wires.twist = without_security(4)
    made = source(wires, counters, reader(1), reader(2), reader(3), reader(4), told=told)
    async with kept(made, counters) as heard:
        for bad in (other, fresh, plain):
            bad.happens(card=CARD37)
        lost = {
            "rdr-01": UP,
            "rdr-02": (False, "wrong_key"),
            "rdr-03": (False, "wrong_key"),
            "rdr-04": (False, "not_secure"),
        }
        await soon(lambda: told.now == lost)
        assert made.state.up
        assert 'reader 2 ("rdr-02"): has another key than device_keys' in made.state.problem
        good.happens(card=CARD26)
        await heard.count(1)
        await other.kill()  # and gets the right key
        await wires.reader(2)
        await soon(lambda: told.now["rdr-02"] == UP)
        assert {frame.address for frame in heard.frames} == {"1"}
    assert counters.get("osdp.lost", "wrong_key") == 2
    handshakes = [command for command in wires.asked(3) if command[4] & 8]
    assert {tuple(command[5:8]) for command in handshakes} == {(3, 0x11, 1)}  # 1: with our key; 0: with the default
    assert {command[5] for command in wires.asked(4)} == {ID, CAP}
    assert KEY not in b"".join(wires.commands)
    assert [line for line in fresh.said + plain.said if "secure" in line] == []


async def test_clear_text_only_where_it_is_wanted_and_there_is_no_key(wires: Wires) -> None:
    counters, told = Counters(), Told()
    plain, secured, _ = await asyncio.gather(wires.reader(1, key=None), wires.reader(2), wires.reader(3))
    wires.twist = without_security(3)
    made = source(wires, counters, reader(1, b""), reader(2), reader(3), secure=False, told=told)
    async with kept(made, counters) as heard:
        await soon(lambda: told.now == {"rdr-01": UP, "rdr-02": UP, "rdr-03": (False, "not_secure")})
        plain.happens(card=CARD26)
        secured.happens(card=CARD37)
        assert {frame.address for frame in await heard.count(2)} == {"1", "2"}
    assert {"secure": True} in secured.said


async def test_a_card_that_somebody_on_the_wires_puts_there_is_refused(wires: Wires) -> None:
    """In clear; in blocks that libosdp believes without a MAC; with a MAC and readable; with a MAC that is wrong."""
    counters, told = Counters(), Told()
    blocks = {1: b"", 2: b"\x12\x01", 3: b"\x14\x01", 4: b"\x16", 5: b"\x18"}
    peers = await asyncio.gather(*(wires.reader(address) for address in blocks))
    made = source(wires, counters, *map(reader, blocks), told=told)
    data = bytes((0, 1, 26, 0)) + wiegand.payload(CARD26)[1:]
    async with kept(made, counters) as heard:
        await soon(lambda: len(told.now) == len(blocks))
        waiting = set(blocks)

        def twist(name: str, sent: bytes) -> bytes:
            address = sent[sent.index(START) + 1] & 0x7F
            if name == HOST or address not in waiting:
                return sent
            waiting.remove(address)
            block = blocks[address]
            mac = bytes(4) if block in (b"\x16", b"\x18") else b""
            forged = packets.packet(address, sent[sent.index(START) + 4] & 3, RAW, data, block=block, mac=mac)
            wires.bus.send(HOST, forged)
            return sent  # the reader's own reply follows

        wires.twist = twist
        await soon(lambda: not waiting)
        for peer in peers:
            peer.happens(card=CARD37)
        frames = await heard.count(len(blocks))
        assert {frame.payload for frame in frames} == {wiegand.payload(CARD37)}
        assert {frame.address for frame in frames} == {"1", "2", "3", "4", "5"}
        assert counters.get("osdp.refused", "clear") == 4
    assert set(told.now.values()) == {UP}


async def test_a_damaged_byte_takes_nobody_off_the_line(wires: Wires) -> None:
    told = Told()
    async with one(wires, told=told) as (_, heard, peer, counters):
        damaged = list[bytes]()

        def twist(name: str, data: bytes) -> bytes:
            if name == HOST or damaged:
                return data
            damaged.append(data)
            return data[:-1] + bytes((data[-1] ^ 1,))

        wires.twist = twist
        await soon(lambda: bool(damaged))
        polls = len(wires.commands)
        await soon(lambda: len(wires.commands) > polls + 8)
        peer.happens(card=CARD26)
        await heard.count(1)
        assert counters.get("osdp.dropped", "BadChecksum") == 1
    assert told.all == [("rdr-05", True, "")]


async def test_a_reader_that_starts_anew_is_back(wires: Wires) -> None:
    counters, told = Counters(), Told()
    other, lost = await wires.reader(1), await wires.reader(2)
    made = source(wires, counters, reader(1), reader(2), told=told)
    async with kept(made, counters) as heard:
        await soon(lambda: told.now == {"rdr-01": UP, "rdr-02": UP})
        await lost.kill()
        again = await wires.reader(2)  # at once: nobody need notice
        await again.until("secure")
        await again.kill()
        await soon(lambda: told.now["rdr-02"] == (False, "silent"))
        assert made.state.up
        assert 'reader 2 ("rdr-02"): does not answer; is it powered' in made.state.problem
        other.happens(card=CARD26)
        assert (await heard.count(1))[0].address == "1"
        again = await wires.reader(2)
        await soon(lambda: told.now["rdr-02"] == UP)
        again.happens(card=CARD37)
        assert (await heard.count(2))[1].address == "2"
        assert made.state.problem == ""


async def test_the_source_is_down_when_no_reader_answers(wires: Wires) -> None:
    states = list[SourceState]()
    told = Told()
    made = source(
        wires,
        Counters(),
        reader(1),
        reader(2),
        told=told,
        on_state=lambda state: states.append(SourceState(state.up, state.cause, state.problem)),
    )
    async with kept(made, Counters()):
        await soon(lambda: bool(states))
        assert (states[0].up, states[0].cause) == (False, "silent")
        assert "9600 baud" in states[0].problem
        await wires.reader(1)
        await soon(lambda: made.state.up)
        assert told.now == {"rdr-01": UP, "rdr-02": (False, "silent")}


async def test_light_and_sound_of_a_tap(wires: Wires) -> None:
    async with one(wires) as (made, _, peer, counters):
        assert isinstance(made, Answers)
        made.answer("5", "taken")
        made.answer("5", "left")
        lights, sounds = await peer.until("led", 2), await peer.until("buzzer", 2)
        made.answer("5", "refused")
        lights, sounds = await peer.until("led", 3), await peer.until("buzzer", 3)
        red, green = 1, 2
        assert [(one["on_color"], one["on_count"], one["off_count"]) for one in lights] == [
            (green, 15, 0),
            (green, 2, 2),
            (red, 15, 0),
        ]
        assert all(one["temporary"] and one["timer_count"] == 15 for one in lights)
        assert [(one["on_count"], one["rep_count"]) for one in sounds] == [(1, 1), (1, 2), (8, 1)]
        for _ in range(20):
            made.answer("5", "taken")
        assert counters.get("osdp.unanswered", "full") >= 32
        made.answer("6", "taken")
        assert counters.get("osdp.unanswered", "down") == 1


async def test_a_reader_without_light_and_buzzer_is_not_asked_to_show(wires: Wires) -> None:
    """It would refuse, and libosdp takes a reader that refuses off the line."""
    told = Told()
    async with one(wires, "--mute", told=told) as (made, heard, peer, _):
        made.answer("5", "taken")
        peer.happens(card=CARD26)
        await heard.count(1)
    assert peer.said == [{"ready": True}, {"secure": True}]
    assert told.all == [("rdr-05", True, "")]


async def test_the_line_is_unplugged_and_plugged_in_again(wires: Wires) -> None:
    states = list[tuple[bool, str]]()
    told = Told()
    async with one(wires, told=told, on_state=lambda state: states.append((state.up, state.cause))) as (
        made,
        heard,
        peer,
        _,
    ):
        wires.bus.unplug(HOST)
        await soon(lambda: made.state.cause in ("unplugged", "missing"))
        made.answer("5", "taken")
        wires.bus.plug(HOST)
        await soon(lambda: made.state.up)
        peer.happens(card=CARD26)
        await heard.count(1)
        assert made.state.opens == 2
    assert [state for state in states if state != (False, "missing")] == [(True, ""), (False, "unplugged"), (True, "")]


async def test_what_is_not_there_says_so(tmp_path: Path) -> None:
    made = OsdpSource("bus", str(tmp_path / "none"), [reader(1)], SystemClock(), Counters())
    with pytest.raises(TransientError, match="No such file"):
        await made.run(Heard())
    assert made.state.cause == "missing"


async def test_without_the_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "osdp_sys", None)
    made = OsdpSource("bus", str(tmp_path / "none"), [reader(1)], SystemClock(), Counters())
    with pytest.raises(TransientError, match=r"pip install 'hadir\[osdp\]'"):
        await made.run(Heard())
    assert made.state.cause == "missing"


async def test_cancelled_it_leaves_no_thread_and_no_open_line(wires: Wires) -> None:
    async with one(wires):
        pass  # what libraries and the executor keep is there now
    threads, files = threading.active_count(), len(os.listdir("/proc/self/fd"))
    made = source(wires, Counters(), reader(5))
    for _ in range(3):
        async with kept(made, Counters()):
            await soon(lambda: made.state.up)
    assert threading.active_count() <= threads
    await soon(lambda: len(os.listdir("/proc/self/fd")) <= files)


async def test_a_bug_behind_the_source_ends_it(wires: Wires) -> None:
    peer = await wires.reader(5)
    made = source(wires, Counters(), reader(5))

    def broken(_: object) -> None:
        raise LookupError("a bug")

    run = asyncio.get_running_loop().create_task(made.run(broken))
    await soon(lambda: made.state.up)
    peer.happens(card=CARD26)
    with pytest.raises(LookupError):
        await run


def test_no_challenge_can_be_foreseen() -> None:
    """libosdp takes its challenges from rand(), the same in each process: a recorded reader could be played back."""
    draw = "import ctypes; rand = ctypes.CDLL(None).rand; print([rand() for _ in range(8)])"
    stir = "from gateway.sources.osdp_random import stir; stir(); "

    def drawn(code: str) -> str:
        return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout

    assert drawn(draw) == drawn(draw)
    assert drawn(stir + draw) != drawn(stir + draw)
    from gateway.sources.osdp_random import stir as again

    rand = ctypes.CDLL(None).rand
    seen = set()
    for _ in range(100):
        again()
        seen.add(tuple(rand() for _ in range(4)))
    assert len(seen) == 100
