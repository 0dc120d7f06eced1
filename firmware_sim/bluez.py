"""A simulated BlueZ on a private D-Bus: real bleak scans it, active and passive.

It answers what a scanner asks (GetManagedObjects, SetDiscoveryFilter, StartDiscovery, RegisterMonitor) and announces
adverts as BlueZ does: InterfacesAdded for a device that is new on an adapter, PropertiesChanged afterwards. An active
scan that did not ask for DuplicateData hears of a known device only when its data change, or its signal by 8 dB.
Source: BlueZ doc/org.bluez.Adapter.rst, org.bluez.Device.rst, org.bluez.AdvertisementMonitorManager.rst.
"""

from __future__ import annotations

import asyncio
import math
import select
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from firmware_sim.bluez_adapter import ADAPTER, DEVICE, Adapter, Pattern, device

NAME = "org.bluez"
MONITOR = "org.bluez.AdvertisementMonitor1"
MANAGER, PROPERTIES = "org.freedesktop.DBus.ObjectManager", "org.freedesktop.DBus.Properties"
IN_PROGRESS, FAILED = "org.bluez.Error.InProgress", "org.bluez.Error.Failed"
NOT_READY = "org.bluez.Error.NotReady"
MOST_DEVICES = 500
"""Devices that an adapter remembers; strangers rotate their addresses."""
DRAIN_EVERY = 50
"""Signals between two looks at the socket, about 20 kB: far less than what it takes while it is writable."""
BUFFER = 8 << 20
PATIENCE_S = 5.0
"""How long the bus may leave its socket full before an advert is given up, as the air would."""


class SimulatedBluez:
    """org.bluez with some adapters. To let it die, cancel `run`; run it again, and it knows nothing of before."""

    def __init__(self, bus_address: str, adapters: Sequence[str]) -> None:
        self._address = bus_address
        self._plugged = {name: f"02:00:00:00:00:{n:02X}" for n, name in enumerate(adapters)}
        """Addresses, by the name that the kernel gives."""
        self._adapters: dict[str, Adapter] = {}
        self._bus: MessageBus | None = None
        self._registered: asyncio.Queue[tuple[Adapter, str, str]] = asyncio.Queue()
        self._unlooked = 0
        self._mute = False
        self._refused: dict[str, str] = {}
        self._slow: dict[str, float] = {}
        self.late_s = 0.0
        """After its own start the daemon finds its adapters so much later."""
        self.ready = asyncio.Event()
        self.dropped = 0
        """Adverts given up because the bus did not take them."""

    async def run(self) -> None:
        """Own org.bluez until cancelled. Raises ConnectionError when the bus goes away."""
        self._adapters = {}
        if not self.late_s:
            self._find()
        self._registered = asyncio.Queue()
        bus = await MessageBus(bus_address=self._address).connect()
        if bus._sock is not None:  # noqa: SLF001 it offers no other way to a larger buffer
            bus._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)  # noqa: SLF001
        try:
            bus.add_message_handler(self._handle)
            await bus.call(
                _ask_bus("AddMatch", "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged'")
            )
            await bus.request_name(NAME)
            self._bus = bus
            self.ready.set()
            if self.late_s:
                asyncio.get_running_loop().call_later(self.late_s, self._find_late, bus)
            async with asyncio.TaskGroup() as group:
                monitors = group.create_task(self._activate_monitors(bus), name="monitors")
                await _disconnected(bus)
                monitors.cancel()
        finally:
            self._bus = None
            self.ready.clear()
            bus.disconnect()
        raise ConnectionError("the bus is gone")

    def mute(self, muted: bool = True) -> None:
        """Go on scanning, and announce nothing: the fault that only silence shows."""
        self._mute = muted

    def stop_discovery_silently(self) -> None:
        """Forget who scans, without telling them."""
        for adapter in self._adapters.values():
            adapter.scanning.clear()
            adapter.monitors.clear()

    def refuse(self, member: str, error: str = NOT_READY) -> None:
        """Answer each call of `member` (StartDiscovery, StopDiscovery, ...) by an error; "" ends it."""
        self._refused[member] = error

    def slow(self, member: str, seconds: float) -> None:
        """Answer each call of `member` so much later; infinite: never."""
        self._slow[member] = seconds

    def unplug(self, adapter: str) -> None:
        """Pull an adapter out; whoever scanned on it is not told, but that it is gone."""
        del self._plugged[adapter]
        gone = self._adapters.pop(f"/org/bluez/{adapter}", None)
        if gone is not None and self._bus is not None:
            for path, interfaces in reversed(gone.objects().items()):
                self._bus.send(Message.new_signal("/", MANAGER, "InterfacesRemoved", "oas", [path, list(interfaces)]))

    def plug(self, adapter: str, address: str) -> None:
        """Put an adapter in; the kernel has called it `adapter`."""
        self._plugged[adapter] = address
        if self._bus is not None:
            self._find_late(self._bus)

    def address(self, adapter: str) -> str:
        return self._plugged[adapter]

    def power(self, adapter: str, *, on: bool) -> None:
        """Switch an adapter, as bluetoothctl or rfkill does."""
        found = self._adapters[f"/org/bluez/{adapter}"]
        found.switch(on=on)
        if self._bus is not None:
            changed = {"Powered": Variant("b", on)} | ({} if on else {"Discovering": Variant("b", False)})
            body = [ADAPTER, changed, []]
            self._bus.send(Message.new_signal(found.path, PROPERTIES, "PropertiesChanged", "sa{sv}as", body))

    def hang(self, adapter: str) -> None:
        """Let its controller hang: a scan goes on and hears nothing, and a new one is not begun."""
        found = self._adapters[f"/org/bluez/{adapter}"]
        found.hung = True
        found.scanning.clear()

    def _find(self) -> list[Adapter]:
        """Adapters that were not known yet."""
        paths = {f"/org/bluez/{name}": address for name, address in self._plugged.items()}
        fresh = [Adapter(path, address) for path, address in paths.items() if path not in self._adapters]
        self._adapters |= {adapter.path: adapter for adapter in fresh}
        return fresh

    def _find_late(self, bus: MessageBus) -> None:
        if bus is not self._bus:
            return  # the daemon has died meanwhile
        for adapter in self._find():
            body = [adapter.path, adapter.properties()]
            bus.send(Message.new_signal("/", MANAGER, "InterfacesAdded", "oa{sa{sv}}", body))

    async def advertise(
        self, adapter: str, address: str, rssi: int, manufacturer: Mapping[int, bytes], service: Mapping[str, bytes]
    ) -> bool:
        """Announce one advert; True when somebody scans on that adapter and was told."""
        bus, found = self._bus, self._adapters.get(f"/org/bluez/{adapter}")
        if bus is None or found is None or self._mute or not found.wants(manufacturer, service):
            return False
        path = f"{found.path}/dev_{address.replace(':', '_')}"
        changed = {"RSSI": Variant("n", rssi)}
        if manufacturer:
            changed["ManufacturerData"] = Variant("a{qv}", {c: Variant("ay", d) for c, d in manufacturer.items()})
        if service:
            changed["ServiceData"] = Variant("a{sv}", {u: Variant("ay", d) for u, d in service.items()})
        known = found.devices.get(path)
        if known is None:
            known = device(found.path, address) | changed
            signal = Message.new_signal("/", MANAGER, "InterfacesAdded", "oa{sa{sv}}", [path, {DEVICE: known}])
        elif found.is_news(known, changed):
            known |= changed
            signal = Message.new_signal(path, PROPERTIES, "PropertiesChanged", "sa{sv}as", [DEVICE, changed, []])
        else:
            return False
        if not await self._send(bus, signal):
            return False
        found.devices[path] = known
        found.devices.move_to_end(path)
        if len(found.devices) > MOST_DEVICES:
            gone, _ = found.devices.popitem(last=False)
            await self._send(bus, Message.new_signal("/", MANAGER, "InterfacesRemoved", "oas", [gone, [DEVICE]]))
        return True

    async def _send(self, bus: MessageBus, message: Message) -> bool:
        """Send while the bus takes it: dbus-fast loses its connection when the socket's buffer overflows."""
        if not bus.connected:
            return False
        self._unlooked += 1
        if self._unlooked >= DRAIN_EVERY:
            if not await self._writable(bus):
                self.dropped += 1
                return False
            self._unlooked = 0
        bus.send(message)
        return True

    async def _writable(self, bus: MessageBus) -> bool:
        """Whether there is room for the next signals; waits for it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                await asyncio.sleep(0)  # who asks us something has a turn, too
                while bus.connected and bus._fd is not None:  # noqa: SLF001 it offers no other way to ask
                    poll = select.poll()
                    poll.register(bus._fd, select.POLLOUT)  # noqa: SLF001
                    if poll.poll(0):
                        return True
                    await asyncio.sleep(0.002)
        return False

    def _handle(self, message: Message) -> Message | bool | None:
        if message.message_type is not MessageType.METHOD_CALL:
            if message.member == "NameOwnerChanged" and message.body[2] == "":
                for adapter in self._adapters.values():
                    adapter.left(message.body[0])
            return None
        member = message.member or ""
        if message.path == "/" and member == "GetManagedObjects":
            return Message.new_method_return(message, "a{oa{sa{sv}}}", [self._objects()])
        found = self._adapters.get(message.path or "")
        if found is None:
            return None
        if slow := self._slow.get(member):
            if slow < math.inf:
                asyncio.get_running_loop().call_later(slow, self._answer_late, found, message)
            return True
        return self._answer(found, message)

    def _answer_late(self, adapter: Adapter, message: Message) -> None:
        if self._bus is not None and (answer := self._answer(adapter, message)) is not None:
            self._bus.send(answer)

    def _answer(self, adapter: Adapter, message: Message) -> Message | None:
        member, sender = message.member or "", message.sender or ""
        error = self._refused.get(member) or self._do(adapter, member, sender, message.body)
        if error is None:
            return None
        if error:
            return Message.new_error(message, error, f"simulated: {member}")
        return Message.new_method_return(message)

    def _do(self, adapter: Adapter, member: str, sender: str, body: Sequence[Any]) -> str | None:
        """Do what a scanner asks: name of an error, "" when it is done, None for what we do not know."""
        match member:
            case "SetDiscoveryFilter":
                wished = body[0].get("DuplicateData")
                adapter.duplicates[sender] = wished is not None and bool(wished.value)
            case "StartDiscovery":
                if not adapter.powered:
                    return NOT_READY
                if sender in adapter.scanning or adapter.hung:
                    return IN_PROGRESS
                adapter.scanning.add(sender)
            case "StopDiscovery":
                if sender not in adapter.scanning:
                    return FAILED
                adapter.scanning.discard(sender)
            case "RegisterMonitor":
                self._registered.put_nowait((adapter, sender, body[0]))
            case "UnregisterMonitor":
                adapter.monitors.pop((sender, body[0]), None)
            case "Set" if list(body[:2]) == [ADAPTER, "Powered"]:
                self.power(adapter.path.rpartition("/")[2], on=body[2].value)
            case "RemoveDevice":
                adapter.devices.pop(body[0], None)
            case _:
                return None
        return ""

    async def _activate_monitors(self, bus: MessageBus) -> None:
        """Activate what scanners register, until the bus is gone."""
        with suppress(OSError, EOFError):
            while True:
                await self._activate(bus, *await self._registered.get())

    async def _activate(self, bus: MessageBus, adapter: Adapter, sender: str, root: str) -> None:
        """Ask a scanner for the patterns it registered under `root`, and tell each monitor that it is active."""
        call = Message(destination=sender, path=root, interface=MANAGER, member="GetManagedObjects")
        managed = await bus.call(call)
        found: dict[str, Any] = {}
        if managed.message_type is MessageType.METHOD_RETURN:
            objects = managed.body[0]
            found = {path: of[MONITOR]["Patterns"].value for path, of in objects.items() if MONITOR in of}
        if not found:  # bleak registers the monitor itself, not a tree of them
            call = Message(
                destination=sender, path=root, interface=PROPERTIES, member="GetAll", signature="s", body=[MONITOR]
            )
            answer = await bus.call(call)
            if answer.message_type is not MessageType.METHOD_RETURN:
                return
            found = {root: answer.body[0]["Patterns"].value}
        adapter.monitors[sender, root] = [
            Pattern(int(start), int(kind), bytes(content))
            for patterns in found.values()
            for start, kind, content in patterns
        ]
        for path in found:
            await bus.call(Message(destination=sender, path=path, interface=MONITOR, member="Activate"))

    def _objects(self) -> dict[str, dict[str, dict[str, Variant]]]:
        return {path: of for adapter in self._adapters.values() for path, of in adapter.objects().items()}


def _ask_bus(member: str, text: str) -> Message:
    name = "org.freedesktop.DBus"
    return Message(
        destination=name, path="/org/freedesktop/DBus", interface=name, member=member, signature="s", body=[text]
    )


async def _disconnected(bus: MessageBus) -> None:
    """Return when the bus is gone, however it went."""
    with suppress(OSError, EOFError):
        await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
