"""The Bluetooth of a gateway: a private dbus-daemon, a simulated BlueZ on it, tags and a sensor that advertise."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus

from firmware_sim.bluez import SimulatedBluez
from firmware_sim.bus import start_bus

ADDRESS = "DBUS_SYSTEM_BUS_ADDRESS"
RADIO = "00:1A:7D:DA:71:13"
"""Of the adapter, whatever the kernel calls it."""
TAGS = 5
STRANGERS = 20
EVERY_S = 0.25
SENSOR = "A4:C1:38:05:8E:E9"
_BTHOME = {"0000fcd2-0000-1000-8000-00805f9b34fb": b"\x40\x23\x01"}
"""Somebody sits there, it says."""
_PHONE = {0x004C: b"\x10\x05abcde"}
_UUID = bytes(range(16))
PATIENCE_S = 10.0


def credential(tag: int) -> str:
    """As it is enrolled."""
    return f"ibeacon:00010203-0405-0607-0809-0a0b0c0d0e0f:1:{tag}"


def _ibeacon(tag: int) -> dict[int, bytes]:
    return {0x004C: b"\x02\x15" + _UUID + b"\x00\x01" + tag.to_bytes(2, "big") + b"\xc5"}


class Bluetooth:
    """Everything beside the gateway; runs in a thread of its own. Call `start` first and `close` last."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()
        self.bus, self.address = start_bus(folder)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="bluetooth")
        self.bluez = SimulatedBluez(self.address, [])
        self.adapter = "hci0"
        self.bluez.plug(self.adapter, RADIO)
        self._daemon: asyncio.Task[None] | None = None
        self._air: asyncio.Task[None]
        self.told = 0
        """Adverts that somebody scanned for."""

    def start(self) -> None:
        self._thread.start()
        self.begin()
        self.call(self._start_air)

    def call(self, what: Callable[[], Any]) -> Any:
        """Do something in the thread of the bus; its result, waited for."""

        async def doing() -> Any:
            result = what()
            return await result if isinstance(result, Awaitable) else result

        return asyncio.run_coroutine_threadsafe(doing(), self._loop).result(PATIENCE_S)

    def begin(self) -> None:
        """Start the Bluetooth daemon; it has its name when this returns."""

        async def begin() -> None:
            self._daemon = asyncio.get_running_loop().create_task(self._live(), name="bluez")
            await self.bluez.ready.wait()

        self.call(begin)

    def die(self) -> None:
        """Kill the Bluetooth daemon."""

        async def die() -> None:
            assert self._daemon is not None
            self._daemon.cancel()
            await asyncio.gather(self._daemon, return_exceptions=True)

        self.call(die)

    def lose_bus(self) -> None:
        """Kill the dbus-daemon, and all who are connected to it lose it."""
        self.bus.kill()
        self.bus.wait()

    def new_bus(self) -> None:
        self.bus, _ = start_bus(self._folder)
        self.begin()

    def connections(self, pid: int) -> int:
        """How many a process has to the bus."""
        return int(self.call(lambda: self._connections(pid)))

    def close(self) -> None:
        if self._thread.is_alive():
            self._air.get_loop().call_soon_threadsafe(self._air.cancel)
            with suppress(Exception):
                self.die()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop.close()
        self.bus.terminate()
        self.bus.wait()

    async def _live(self) -> None:
        with suppress(ConnectionError):
            await self.bluez.run()

    async def _start_air(self) -> None:
        self._air = asyncio.get_running_loop().create_task(self._advertise(), name="air")

    async def _advertise(self) -> None:
        """Tags, strangers and the sensor, for ever."""
        round_ = 0
        while True:
            round_ += 1
            said: list[Coroutine[Any, Any, bool]] = [
                self.bluez.advertise(self.adapter, f"C0:FF:EE:00:00:{tag:02X}", -60 - round_ % 3, _ibeacon(tag), {})
                for tag in range(TAGS)
            ]
            said += [
                self.bluez.advertise(self.adapter, f"C0:FF:EE:00:01:{n:02X}", -80 - round_ % 3, _PHONE, {})
                for n in range(STRANGERS)
            ]
            said.append(self.bluez.advertise(self.adapter, SENSOR, -66 - round_ % 3, {}, _BTHOME))
            for one in said:
                with suppress(OSError, EOFError):
                    self.told += await one
            await asyncio.sleep(EVERY_S)

    async def _connections(self, pid: int) -> int:
        name = "org.freedesktop.DBus"
        bus = await MessageBus(bus_address=self.address).connect()

        async def ask(member: str, *what: str) -> Message:
            message = Message(
                destination=name,
                path="/org/freedesktop/DBus",
                interface=name,
                member=member,
                signature="s" * len(what),
                body=list(what),
            )
            return await bus.call(message)

        try:
            names = [one for one in (await ask("ListNames")).body[0] if one.startswith(":")]
            answers = [await ask("GetConnectionUnixProcessID", one) for one in names]
        finally:
            bus.disconnect()
        return sum(a.message_type is MessageType.METHOD_RETURN and a.body[0] == pid for a in answers)
