"""BLE sources: real bleak scans a simulated BlueZ on a private dbus-daemon, and both break in every way we know."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from bleak.exc import BleakError
from dbus_fast import Message
from dbus_fast.aio import MessageBus

from drivers.beacon import eddystone, ibeacon
from drivers.beacon.bthome import adverts as bthome
from firmware_sim.bluez import MOST_DEVICES, SimulatedBluez
from firmware_sim.bus import _accepts, start_bus
from gateway.clock import SystemClock
from gateway.counters import Counters
from gateway.decode import claims
from gateway.errors import TransientError
from gateway.rolling import Rolling
from gateway.sources.ble import BleSource, words
from gateway.sources.bluetoothd import watch_daemon
from tests.sources.conftest import Heard, kept, soon

CLAIMED = claims({driver.name: driver for driver in (ibeacon.DRIVER, eddystone.DRIVER)})
IBEACON = {0x004C: b"\x02\x15" + bytes(range(16)) + b"\x00\x01\x00\x02\xc5"}
PHONE = {0x004C: b"\x10\x05abcde"}
EDDYSTONE = {"0000feaa-0000-1000-8000-00805f9b34fb": b"\x00\xee" + bytes(16)}
TAG = "C0:FF:EE:00:00:01"
Mode = Literal["active", "passive"]
modes = pytest.mark.parametrize("mode", ["active", "passive"])


def radio(counters: Counters, mode: Mode = "active", adapter: str = "hci0", **more: Any) -> BleSource:
    return BleSource(f"radio-{adapter}", adapter, CLAIMED, SystemClock(), counters, mode=mode, **more)


class Daemon:
    """A Bluetooth daemon that can be killed and started again."""

    def __init__(self, address: str, group: asyncio.TaskGroup) -> None:
        self.bluez = SimulatedBluez(address, ["hci0", "hci1"])
        self._group = group
        self._run: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._run = self._group.create_task(self.bluez.run(), name="bluez")
        await self.bluez.ready.wait()

    async def die(self) -> None:
        assert self._run is not None
        self._run.cancel()
        await asyncio.gather(self._run, return_exceptions=True)

    async def beacon(self, adapter: str = "hci0") -> bool:
        return await self.bluez.advertise(adapter, TAG, -61, IBEACON, {})


@asynccontextmanager
async def daemon(address: str) -> AsyncIterator[Daemon]:
    async with asyncio.TaskGroup() as group:
        made = Daemon(address, group)
        await made.start()
        yield made
        await made.die()


async def until_heard(heard: Heard, say: Callable[[], Awaitable[bool]], seconds: float = 20.0) -> None:
    """Advertise until one more frame has come through."""
    before = len(heard.frames)
    async with asyncio.timeout(seconds):
        while len(heard.frames) == before:
            await say()
            await asyncio.sleep(0.02)


@modes
async def test_tags_are_heard_and_strangers_are_not(bus: str, mode: Mode) -> None:
    counters = Counters()
    source = radio(counters, mode)
    async with daemon(bus) as there, kept(source, counters) as heard:
        await until_heard(heard, there.beacon)
        await soon(lambda: source.state.up)
        frame = heard.frames[0]
        assert (frame.medium, frame.source, frame.address, frame.rssi) == ("ble_adv:ibeacon", "radio-hci0", TAG, -61)
        assert frame.payload == b"\x1a\xff\x4c\x00" + IBEACON[0x004C]
        told = await there.bluez.advertise("hci0", "C0:FF:EE:00:00:99", -70, PHONE, {})
        assert told is (mode == "active")  # a passive scan names what it wants, BlueZ keeps the rest
        count = len(heard.frames)
        await until_heard(heard, lambda: there.bluez.advertise("hci0", "C0:FF:EE:00:00:02", -50, {}, EDDYSTONE))
        assert {frame.medium for frame in heard.frames[count:]} == {"ble_adv:eddystone"}
        assert "C0:FF:EE:00:00:99" not in {frame.address for frame in heard.frames}


SENSOR = "A4:C1:38:05:8E:E9"
BTHOME = {"0000fcd2-0000-1000-8000-00805f9b34fb": b"\x40\x23\x01"}


@modes
async def test_a_sensor_is_heard_whole_and_others_of_its_make_are_not(bus: str, mode: Mode) -> None:
    """It is known by its address; its neighbour's, of the same make, is a stranger."""
    counters = Counters()
    source = radio(counters, mode, sensors={SENSOR: bthome.DRIVERS[0]})
    async with daemon(bus) as there, kept(source, counters) as heard:
        beside = {0x0969: b"\x01\x02"}
        await until_heard(heard, lambda: there.bluez.advertise("hci0", SENSOR, -61, beside, BTHOME))
        frame = heard.frames[-1]
        assert (frame.medium, frame.address) == ("ble_adv", SENSOR)
        assert frame.payload == b"\x05\xff\x69\x09\x01\x02" + b"\x06\x16\xd2\xfc\x40\x23\x01"
        assert [m.kind for m in bthome.decode(frame)] == ["occupied"]
        count = len(heard.frames)
        await there.bluez.advertise("hci0", "A4:C1:38:05:8E:EA", -61, {}, BTHOME)
        await until_heard(heard, there.beacon)
        assert {frame.address for frame in heard.frames[count:]} == {TAG}


async def test_a_phone_is_heard_by_its_address_alone_if_somebody_gave_its_key(bus: str) -> None:
    """Bluetooth Core 5.4, Vol 3, Part H, appendix D.7: an address that the key resolves."""
    ours, others = "70:81:94:0D:FB:AA", "70:81:94:0D:FB:AB"
    known = Rolling(["irk:ec0234a357c8ad05341010a60a397d9b"])
    counters = Counters()
    async with daemon(bus) as there, kept(radio(counters, is_ours=known.is_ours), counters) as heard:
        await until_heard(heard, lambda: there.bluez.advertise("hci0", ours, -61, PHONE, {}))
        await there.bluez.advertise("hci0", others, -61, PHONE, {})
        await until_heard(heard, there.beacon)
        assert {(frame.medium, frame.address) for frame in heard.frames} == {
            ("ble_rpa", ours),
            ("ble_adv:ibeacon", TAG),
        }
        assert PHONE[0x004C] not in b"".join(frame.payload for frame in heard.frames), "nothing of what it says"


@modes
async def test_every_advert_of_a_still_tag_counts(bus: str, mode: Mode) -> None:
    """The same data at the same strength, again and again: each is evidence that the tag is there."""
    counters = Counters()
    async with daemon(bus) as there, kept(radio(counters, mode), counters) as heard:
        await until_heard(heard, there.beacon)
        before = len(heard.frames)
        for _ in range(50):
            assert await there.beacon()
        await heard.count(before + 50)


async def test_two_adapters_are_heard_apart(bus: str) -> None:
    counters = Counters()
    first, second = radio(counters), radio(counters, "passive", "hci1")
    async with daemon(bus) as there, kept(first, counters) as left, kept(second, counters) as right:
        await until_heard(left, there.beacon)
        await until_heard(right, lambda: there.beacon("hci1"))
        assert {frame.source for frame in left.frames} == {"radio-hci0"}
        assert {frame.source for frame in right.frames} == {"radio-hci1"}


@modes
async def test_twenty_deaths_of_the_daemon_leak_nothing(bus: str, mode: Mode) -> None:
    counters = Counters()
    source = radio(counters, mode)
    async with daemon(bus) as there, kept(source, counters) as heard:
        await until_heard(heard, there.beacon)
        files, connections = len(os.listdir("/proc/self/fd")), await connected(bus)
        for _ in range(20):
            await there.die()
            await there.start()
            await until_heard(heard, there.beacon)
        assert len(os.listdir("/proc/self/fd")) <= files
        assert await connected(bus) <= connections
        assert counters.get("ble.daemon_changed") >= 20


async def test_a_daemon_that_stays_away_is_said_and_survived(bus: str) -> None:
    counters, told = Counters(), list[tuple[bool, str]]()
    source = radio(counters, on_state=lambda state: told.append((state.up, state.cause)))
    async with daemon(bus) as there, kept(source, counters) as heard:
        await until_heard(heard, there.beacon)
        await soon(lambda: source.state.up)
        await there.die()
        await soon(lambda: not source.state.up)
        assert "daemon" in source.state.problem
        await there.start()
        await until_heard(heard, there.beacon)
        await soon(lambda: source.state.up)
    assert told == [(True, ""), (False, "radio_deaf"), (True, "")]


@modes
@pytest.mark.parametrize("fault", ["mute", "forgets"])
async def test_silence_begins_the_scan_anew(bus: str, mode: Mode, fault: str) -> None:
    """BlueZ says nothing of either fault: only the missing adverts do."""
    counters, told = Counters(), list[tuple[bool, str]]()
    on_state = lambda state: told.append((state.up, state.cause))  # noqa: E731
    source = radio(counters, mode, watchdog_s=1.0, on_state=on_state)
    async with daemon(bus) as there, kept(source, counters) as heard:
        await until_heard(heard, there.beacon)
        await soon(lambda: source.state.up)
        if fault == "mute":
            there.bluez.mute()
            await soon(lambda: source.state.cause == "radio_deaf")
            there.bluez.mute(False)
        else:
            there.bluez.stop_discovery_silently()
            assert not await there.beacon()
        await until_heard(heard, there.beacon)
        await soon(lambda: source.state.up)
    assert told[:3] == [(True, ""), (False, "radio_deaf"), (True, "")]
    assert counters.get("ble.deaf") >= 1
    assert source.state.opens >= 2


async def test_a_radio_is_up_before_its_first_advert_is_delivered(bus: str) -> None:
    """Rules forget at that moment what a sensor said while its radio was deaf."""
    order: list[str] = []
    source = radio(Counters(), on_state=lambda state: order.append(f"up {state.up}"))
    async with daemon(bus) as there:
        deliver = lambda _frame, _durable=None, /: order.append("advert")  # noqa: E731
        run = asyncio.get_running_loop().create_task(source.run(deliver))
        async with asyncio.timeout(20):
            while "advert" not in order:
                await there.beacon()
                await asyncio.sleep(0.02)
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
    assert order[:2] == ["up True", "advert"]


async def test_two_silent_scans_in_a_row_are_a_transient_error(bus: str) -> None:
    counters = Counters()
    source = radio(counters, watchdog_s=0.4)
    async with daemon(bus):
        with pytest.raises(TransientError, match="no advert for"):
            await source.run(Heard())
    assert (source.state.up, source.state.cause, source.state.opens) == (False, "radio_deaf", 2)
    assert counters.get("ble.deaf") == 2


async def test_strangers_alone_keep_a_radio_alive(bus: str) -> None:
    """The watchdog looks at anybody's adverts: an office without tags is not deaf."""
    counters = Counters()
    source = radio(counters, watchdog_s=1.0)
    async with daemon(bus) as there, kept(source, counters) as heard:
        for n in range(120):
            await there.bluez.advertise("hci0", f"C0:FF:EE:00:01:{n:02X}", -70, PHONE, {})
            await asyncio.sleep(0.02)
        assert source.state.up
        assert source.state.adverts > 20
        assert not heard.frames
    assert counters.get("ble.deaf") == 0


async def test_no_bus_no_adapter_no_daemon(bus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = list[str]()
    source = radio(Counters(), on_state=lambda state: told.append(state.cause))
    with pytest.raises(TransientError, match=r"org\.bluez.*systemctl start bluetooth"):  # a bus, and nobody on it
        await source.run(Heard())
    assert told == ["radio_deaf"]  # a radio that could never hear is said to be deaf, too
    async with daemon(bus):
        with pytest.raises(TransientError, match=r"hci7.*not found; is it plugged in\? `bluetoothctl list`"):
            await radio(Counters(), adapter="hci7").run(Heard())
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path / 'nobody'}")
    with pytest.raises(TransientError, match=r"no system bus \(No such file or directory\): apt-get install"):
        await radio(Counters()).run(Heard())


@modes
async def test_an_adapter_is_followed_to_another_index(bus: str, mode: Mode) -> None:
    """By its address: its old index now belongs to another one, which stands elsewhere."""
    counters = Counters()
    source = radio(counters, mode)
    async with daemon(bus) as there, kept(source, counters) as heard:
        await until_heard(heard, there.beacon)
        ours, others = there.bluez.address("hci0"), there.bluez.address("hci1")
        for name in ("hci0", "hci1"):
            there.bluez.unplug(name)
        await soon(lambda: source.state.cause == "radio_deaf")
        there.bluez.plug("hci0", others)
        await soon(lambda: f"hci0 is {others} now" in source.state.problem)
        assert not await there.beacon("hci0")
        there.bluez.plug("hci1", ours)
        await until_heard(heard, lambda: there.beacon("hci1"))


async def test_two_that_share_an_address_keep_their_indexes(bus: str) -> None:
    """Cheap ones do; where the index is gone as well, nobody knows which one it was."""
    counters = Counters()
    source = radio(counters, adapter="hci1")
    async with daemon(bus) as there:
        there.bluez.unplug("hci1")
        there.bluez.plug("hci1", there.bluez.address("hci0"))
        async with kept(source, counters) as heard:
            await until_heard(heard, lambda: there.beacon("hci1"))
            there.bluez.unplug("hci1")
            there.bluez.plug("hci2", there.bluez.address("hci0"))
            await soon(lambda: "not found" in source.state.problem)
            assert not await there.beacon("hci0")


async def test_an_adapter_is_known_by_its_address_from_the_start(bus: str) -> None:
    counters = Counters()
    async with daemon(bus) as there, kept(radio(counters, adapter=there.bluez.address("hci1")), counters) as heard:
        await until_heard(heard, lambda: there.beacon("hci1"))


@modes
async def test_an_adapter_that_was_switched_off_is_waited_for(bus: str, mode: Mode) -> None:
    counters = Counters()
    source = radio(counters, mode)
    async with daemon(bus) as there, kept(source, counters) as heard:
        await until_heard(heard, there.beacon)
        there.bluez.power("hci0", on=False)
        await soon(lambda: "rfkill unblock bluetooth" in source.state.problem)
        there.bluez.power("hci0", on=True)
        await until_heard(heard, there.beacon)


@modes
async def test_a_controller_that_hangs_gets_its_power_off_and_on(bus: str, mode: Mode) -> None:
    counters = Counters()
    source = radio(counters, mode, watchdog_s=0.5)
    async with daemon(bus) as there, kept(source, counters) as heard:
        await until_heard(heard, there.beacon)
        there.bluez.hang("hci0")
        await until_heard(heard, there.beacon)
        assert counters.get("ble.revived") == 1


async def test_a_daemon_that_never_answers_is_asked_again(bus: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.sources.ble.START_S", 0.2)
    counters = Counters()
    source = radio(counters)
    async with daemon(bus) as there:
        there.bluez.slow("StartDiscovery", math.inf)
        async with kept(source, counters) as heard:
            await soon(lambda: "BlueZ does not answer" in source.state.problem)
            there.bluez.slow("StartDiscovery", 0.0)
            await until_heard(heard, there.beacon)


async def test_adapters_that_the_daemon_finds_late_are_waited_for(bus: str) -> None:
    counters = Counters()
    source = radio(counters)
    async with daemon(bus) as there, kept(source, counters) as heard:
        await until_heard(heard, there.beacon)
        there.bluez.late_s = 0.3
        await there.die()
        await there.start()
        await until_heard(heard, there.beacon)


@modes
async def test_a_refusing_daemon_is_asked_again(bus: str, mode: Mode) -> None:
    counters = Counters()
    source = radio(counters, mode)
    refused = "StartDiscovery" if mode == "active" else "RegisterMonitor"
    async with daemon(bus) as there:
        there.bluez.refuse(refused)
        async with kept(source, counters) as heard:
            await soon(lambda: "NotReady" in source.state.problem)
            assert "it is switched off: rfkill unblock bluetooth" in source.state.problem
            there.bluez.refuse(refused, "")
            await until_heard(heard, there.beacon)


def test_a_bluez_without_passive_scans_says_how_to_do_without() -> None:
    said = "passive scanning on Linux requires BlueZ >= 5.56 with --experimental enabled and Linux kernel >= 5.10"
    assert words(BleakError(said)) == f"{said}; or write mode: active in office.yaml"
    assert words(TimeoutError()) == "BlueZ does not answer: systemctl restart bluetooth"


async def test_the_bus_itself_dies_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process, address = start_bus(tmp_path)
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
    counters = Counters()
    source = radio(counters, watchdog_s=4.0)
    second: subprocess.Popen[bytes] | None = None
    try:
        async with kept(source, counters) as heard:
            bluez = SimulatedBluez(address, ["hci0"])
            run = asyncio.get_running_loop().create_task(bluez.run())
            await bluez.ready.wait()
            await until_heard(heard, lambda: bluez.advertise("hci0", TAG, -61, IBEACON, {}))
            process.kill()
            process.wait()
            with pytest.raises(ConnectionError):
                await run
            await soon(lambda: source.state.cause == "radio_deaf")
            second, _ = start_bus(tmp_path)
            run = asyncio.get_running_loop().create_task(bluez.run())
            await bluez.ready.wait()
            await until_heard(heard, lambda: bluez.advertise("hci0", TAG, -61, IBEACON, {}))
            run.cancel()
            await asyncio.gather(run, return_exceptions=True)
    finally:
        for started in (process, second):
            if started is not None:
                started.kill()
                started.wait()


async def test_a_bug_behind_the_source_ends_it(bus: str) -> None:
    """bleak only logs what its callback raises: nobody would see that nothing arrives any more."""
    source = radio(Counters())

    def broken(_: object) -> None:
        raise LookupError("a bug")

    async with daemon(bus) as there:
        run = asyncio.get_running_loop().create_task(source.run(broken))
        async with asyncio.timeout(20):
            while not run.done():
                await there.beacon()
                await asyncio.sleep(0.02)
        with pytest.raises(LookupError):
            await run


async def test_it_ends_at_once_when_it_is_told_to(bus: str) -> None:
    source = radio(Counters())
    async with daemon(bus) as there:
        heard = Heard()
        run = asyncio.get_running_loop().create_task(source.run(heard))
        await until_heard(heard, there.beacon)
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        assert run.cancelled()
        assert not source.state.up
        assert not await there.beacon()  # nobody scans any more


async def test_strangers_who_rotate_their_addresses_are_forgotten(bus: str) -> None:
    counters = Counters()
    source = radio(counters)
    async with daemon(bus) as there, kept(source, counters) as heard:
        await until_heard(heard, there.beacon)
        for n in range(3 * MOST_DEVICES):
            assert await there.bluez.advertise(
                "hci0", f"C0:FF:{n >> 16:02X}:{n >> 8 & 255:02X}:{n & 255:02X}:77", -70, PHONE, {}
            )
        await until_heard(heard, there.beacon)
        objects = await ask(bus, "org.bluez", "/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
        assert sum("/dev_" in path for path in objects) <= MOST_DEVICES


async def test_a_bus_that_stands_still_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender that goes on writes more than the socket holds, and loses its connection."""
    process, address = start_bus(tmp_path)
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
    monkeypatch.setattr("firmware_sim.bluez.PATIENCE_S", 0.05)
    counters = Counters()
    try:
        async with daemon(address) as there, kept(radio(counters), counters) as heard:
            await until_heard(heard, there.beacon)
            process.send_signal(signal.SIGSTOP)
            sent = 0
            while not there.bluez.dropped:
                sent += await there.beacon()
            process.send_signal(signal.SIGCONT)
            await until_heard(heard, there.beacon)
            assert sent > 1000
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait()


async def test_the_watch_tells_who_answers(bus: str) -> None:
    async with watch_daemon() as seen:
        assert (seen.owner, seen.reachable) == ("", True)
        async with daemon(bus):
            await soon(lambda: seen.owner != "")
        await soon(lambda: seen.owner == "")


async def connected(address: str) -> int:
    """Connections to the bus, that of the question as well."""
    bus_name = "org.freedesktop.DBus"
    names = await ask(address, bus_name, "/org/freedesktop/DBus", bus_name, "ListNames")
    return sum(name.startswith(":") for name in names)


async def ask(address: str, destination: str, path: str, interface: str, member: str) -> Any:
    bus = await MessageBus(bus_address=address).connect()
    try:
        answer = await bus.call(Message(destination=destination, path=path, interface=interface, member=member))
        return answer.body[0]
    finally:
        bus.disconnect()


def test_a_bus_is_there_when_it_accepts_not_when_its_file_is(tmp_path: Path) -> None:
    """Between bind and listen the file is there, and who connects is refused."""
    path = tmp_path / "bus.sock"
    assert not _accepts(path)
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))
        assert not _accepts(path)
        bound.listen()
        assert _accepts(path)
