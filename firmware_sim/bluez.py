"""A simulated BlueZ on a private D-Bus: real bleak scans it, active and passive.

It answers what a scanner asks (GetManagedObjects, SetDiscoveryFilter, StartDiscovery, RegisterMonitor) and announces
adverts as BlueZ does: InterfacesAdded for a device that is new on an adapter, PropertiesChanged afterwards. An active
scan that did not ask for DuplicateData hears of a known device only when its data change, or its signal by 8 dB.
Source: BlueZ doc/org.bluez.Adapter.rst, org.bluez.Device.rst, org.bluez.AdvertisementMonitorManager.rst.
"""

from __future__ import annotations

import asyncio
import select
import socket
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

NAME = "org.bluez"
ADAPTER, DEVICE = "org.bluez.Adapter1", "org.bluez.Device1"
MONITORS, MONITOR = "org.bluez.AdvertisementMonitorManager1", "org.bluez.AdvertisementMonitor1"
MANAGER, PROPERTIES = "org.freedesktop.DBus.ObjectManager", "org.freedesktop.DBus.Properties"
IN_PROGRESS, FAILED = "org.bluez.Error.InProgress", "org.bluez.Error.Failed"
MOST_DEVICES = 500
"""Devices that an adapter remembers; strangers rotate their addresses."""
RSSI_STEP = 8
"""dB that a signal must change by to be told without DuplicateData."""
DRAIN_EVERY = 50
"""Signals between two looks at the socket, about 20 kB: far less than what it takes while it is writable."""
BUFFER = 8 << 20
PATIENCE_S = 5.0
"""How long the bus may leave its socket full before an advert is given up, as the air would."""


class Pattern(NamedTuple):
    """One of a monitor's patterns: data of an AD structure."""

    start: int
    kind: int
    content: bytes


class _Adapter:
    """One adapter, as a daemon that has just started knows it."""

    def __init__(self, path: str, address: str) -> None:
        self.path = path
        self.address = address
        self.duplicates: dict[str, bool] = {}
        """Who set a discovery filter, and whether every advert is wanted."""
        self.scanning: set[str] = set()
        self.monitors: dict[tuple[str, str], list[Pattern]] = {}
        self.devices: OrderedDict[str, dict[str, Variant]] = OrderedDict()

    def wants(self, manufacturer: Mapping[int, bytes], service: Mapping[str, bytes]) -> bool:
        """Whether somebody scans for such an advert."""
        if self.scanning:
            return True
        if not self.monitors:
            return False
        data = [(0xFF, company.to_bytes(2, "little") + body) for company, body in manufacturer.items()]
        data += [(0x16, bytes.fromhex(uuid[4:8])[::-1] + body) for uuid, body in service.items()]
        return any(
            pattern.kind == kind and body.startswith(pattern.content, pattern.start)
            for found in self.monitors.values()
            for pattern in found
            for kind, body in data
        )

    def is_news(self, known: Mapping[str, Variant], changed: Mapping[str, Variant]) -> bool:
        """Whether an advert of a known device is told."""
        if self.monitors or any(self.duplicates.get(scanner) for scanner in self.scanning):
            return True
        if abs(changed["RSSI"].value - known["RSSI"].value) >= RSSI_STEP:
            return True
        return any(known.get(name) != value for name, value in changed.items() if name != "RSSI")

    def left(self, sender: str) -> None:
        """A scanner that died does not scan any more."""
        self.scanning.discard(sender)
        self.duplicates.pop(sender, None)
        for key in [key for key in self.monitors if key[0] == sender]:
            del self.monitors[key]


class SimulatedBluez:
    """org.bluez with some adapters. To let it die, cancel `run`; run it again, and it knows nothing of before."""

    def __init__(self, bus_address: str, adapters: Sequence[str]) -> None:
        self._address = bus_address
        self._names = tuple(adapters)
        self._adapters: dict[str, _Adapter] = {}
        self._bus: MessageBus | None = None
        self._registered: asyncio.Queue[tuple[_Adapter, str, str]] = asyncio.Queue()
        self._unlooked = 0
        self._mute = False
        self._refused: dict[str, str] = {}
        self.ready = asyncio.Event()
        self.dropped = 0
        """Adverts given up because the bus did not take them."""

    async def run(self) -> None:
        """Own org.bluez until cancelled. Raises ConnectionError when the bus goes away."""
        self._adapters = {
            f"/org/bluez/{name}": _Adapter(f"/org/bluez/{name}", f"02:00:00:00:00:{n:02X}")
            for n, name in enumerate(self._names)
        }
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

    def refuse(self, member: str, error: str = "org.bluez.Error.NotReady") -> None:
        """Answer each call of `member` (StartDiscovery, StopDiscovery, ...) by an error; "" ends it."""
        self._refused[member] = error

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
            known = _device(found.path, address) | changed
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
        member, sender = message.member or "", message.sender or ""
        if message.path == "/" and member == "GetManagedObjects":
            return Message.new_method_return(message, "a{oa{sa{sv}}}", [self._objects()])
        found = self._adapters.get(message.path or "")
        if found is None:
            return None
        error = self._refused.get(member) or self._do(found, member, sender, message.body)
        if error is None:
            return None
        if error:
            return Message.new_error(message, error, f"simulated: {member}")
        return Message.new_method_return(message)

    def _do(self, adapter: _Adapter, member: str, sender: str, body: Sequence[Any]) -> str | None:
        """Do what a scanner asks: name of an error, "" when it is done, None for what we do not know."""
        match member:
            case "SetDiscoveryFilter":
                wished = body[0].get("DuplicateData")
                adapter.duplicates[sender] = wished is not None and bool(wished.value)
            case "StartDiscovery":
                if sender in adapter.scanning:
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

    async def _activate(self, bus: MessageBus, adapter: _Adapter, sender: str, root: str) -> None:
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
        objects: dict[str, dict[str, dict[str, Variant]]] = {}
        for path, adapter in self._adapters.items():
            objects[path] = {
                ADAPTER: {
                    "Address": Variant("s", adapter.address),
                    "Name": Variant("s", "simulated"),
                    "Alias": Variant("s", "simulated"),
                    "Powered": Variant("b", True),
                    "Discovering": Variant("b", bool(adapter.scanning)),
                    "Roles": Variant("as", ["central", "peripheral"]),
                },
                MONITORS: {
                    "SupportedMonitorTypes": Variant("as", ["or_patterns"]),
                    "SupportedFeatures": Variant("as", []),
                },
            }
            for device, properties in adapter.devices.items():
                objects[device] = {DEVICE: properties}
        return objects


def _device(adapter: str, address: str) -> dict[str, Variant]:
    return {
        "Address": Variant("s", address),
        "AddressType": Variant("s", "random"),
        "Alias": Variant("s", address.replace(":", "-")),
        "Adapter": Variant("o", adapter),
        "Paired": Variant("b", False),
        "Connected": Variant("b", False),
        "Trusted": Variant("b", False),
        "Blocked": Variant("b", False),
        "LegacyPairing": Variant("b", False),
        "ServicesResolved": Variant("b", False),
        "UUIDs": Variant("as", []),
    }


def _ask_bus(member: str, text: str) -> Message:
    name = "org.freedesktop.DBus"
    return Message(
        destination=name, path="/org/freedesktop/DBus", interface=name, member=member, signature="s", body=[text]
    )


async def _disconnected(bus: MessageBus) -> None:
    """Return when the bus is gone, however it went."""
    with suppress(OSError, EOFError):
        await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
