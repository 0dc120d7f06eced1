"""A simulated BlueZ on a private D-Bus: real bleak scans it, active and passive.

It answers what a scanner asks (GetManagedObjects, SetDiscoveryFilter, StartDiscovery, RegisterMonitor) and announces
adverts as BlueZ does: InterfacesAdded for a device that is new on an adapter, PropertiesChanged afterwards.
Source: BlueZ doc/org.bluez.Adapter.rst, org.bluez.Device.rst, org.bluez.AdvertisementMonitorManager.rst.
"""

from __future__ import annotations

import asyncio
import socket
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

ADAPTER, DEVICE = "org.bluez.Adapter1", "org.bluez.Device1"
MONITORS, MONITOR = "org.bluez.AdvertisementMonitorManager1", "org.bluez.AdvertisementMonitor1"
MANAGER, PROPERTIES = "org.freedesktop.DBus.ObjectManager", "org.freedesktop.DBus.Properties"
MOST_DEVICES = 500
"""Devices that an adapter remembers; strangers rotate their addresses."""
DRAIN_EVERY = 50
"""Signals between two waits for the socket: the sender loses the bus when its buffer overflows."""


class SimulatedBluez:
    """org.bluez with some adapters."""

    def __init__(self, bus_address: str, adapters: Sequence[str]) -> None:
        self._address = bus_address
        self._adapters = {f"/org/bluez/{name}": f"02:00:00:00:00:{n:02X}" for n, name in enumerate(adapters)}
        self._bus: MessageBus | None = None
        self._scanning: dict[str, set[str]] = {path: set() for path in self._adapters}
        self._monitors: dict[str, dict[tuple[str, str], list[tuple[int, int, bytes]]]] = {p: {} for p in self._adapters}
        self._devices: dict[str, OrderedDict[str, dict[str, Variant]]] = {p: OrderedDict() for p in self._adapters}
        self._sent = 0
        self._mute = False
        self.ready = asyncio.Event()

    async def run(self) -> None:
        """Own org.bluez until cancelled."""
        bus = await MessageBus(bus_address=self._address).connect()
        if bus._sock is not None:  # noqa: SLF001 it offers no other way to a larger buffer
            bus._sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8 << 20)  # noqa: SLF001
        try:
            bus.add_message_handler(self._handle)
            await bus.request_name("org.bluez")
            self._watch_leavers(bus)
            self._bus = bus
            self.ready.set()
            await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
        finally:
            self._bus = None
            self.ready.clear()
            bus.disconnect()

    def mute(self, muted: bool = True) -> None:
        """Go on scanning, and announce nothing: the fault that only silence shows."""
        self._mute = muted

    def stop_discovery_silently(self) -> None:
        """Forget who scans, without telling them."""
        for path in self._adapters:
            self._scanning[path].clear()
            self._monitors[path].clear()

    async def advertise(
        self, adapter: str, address: str, rssi: int, manufacturer: Mapping[int, bytes], service: Mapping[str, bytes]
    ) -> bool:
        """Announce one advert; True when somebody scans on that adapter and was told."""
        path = f"/org/bluez/{adapter}"
        bus = self._bus
        if bus is None or self._mute or not self._wanted(path, manufacturer, service):
            return False
        device = f"{path}/dev_{address.replace(':', '_')}"
        known = self._devices[path]
        changed = {"RSSI": Variant("n", rssi)}
        if manufacturer:
            changed["ManufacturerData"] = Variant("a{qv}", {c: Variant("ay", d) for c, d in manufacturer.items()})
        if service:
            changed["ServiceData"] = Variant("a{sv}", {u: Variant("ay", d) for u, d in service.items()})
        if device in known:
            known[device] |= changed
            known.move_to_end(device)
            signal = Message.new_signal(device, PROPERTIES, "PropertiesChanged", "sa{sv}as", [DEVICE, changed, []])
        else:
            known[device] = _device(path, address) | changed
            signal = Message.new_signal(
                "/", MANAGER, "InterfacesAdded", "oa{sa{sv}}", [device, {DEVICE: known[device]}]
            )
        await self._send(bus, signal)
        if len(known) > MOST_DEVICES:
            gone, _ = known.popitem(last=False)
            await self._send(bus, Message.new_signal("/", MANAGER, "InterfacesRemoved", "oas", [gone, [DEVICE]]))
        return True

    async def _send(self, bus: MessageBus, message: Message) -> None:
        self._sent += 1
        sending = bus.send(message)
        if self._sent % DRAIN_EVERY == 0:
            await sending

    def _wanted(self, path: str, manufacturer: Mapping[int, bytes], service: Mapping[str, bytes]) -> bool:
        if self._scanning[path]:
            return True
        patterns = [pattern for found in self._monitors[path].values() for pattern in found]
        if not patterns:
            return False
        data = [(0xFF, company.to_bytes(2, "little") + body) for company, body in manufacturer.items()]
        data += [(0x16, bytes.fromhex(uuid[4:8])[::-1] + body) for uuid, body in service.items()]
        return any(kind == k and body[at:].startswith(want) for at, kind, want in patterns for k, body in data)

    def _handle(self, message: Message) -> Message | bool | None:
        if message.message_type is MessageType.SIGNAL:
            if message.member == "NameOwnerChanged" and message.body[2] == "":
                self._left(message.body[0])
            return None
        if message.path == "/" and message.member == "GetManagedObjects":
            return Message.new_method_return(message, "a{oa{sa{sv}}}", [self._objects()])
        path = message.path or ""
        if path not in self._adapters:
            return None
        sender = message.sender or ""
        match message.member:
            case "SetDiscoveryFilter":
                pass
            case "StartDiscovery":
                self._scanning[path].add(sender)
            case "StopDiscovery":
                self._scanning[path].discard(sender)
            case "RegisterMonitor":
                asyncio.get_running_loop().call_soon(self._activate, path, sender, message.body[0])
            case "UnregisterMonitor":
                self._monitors[path].pop((sender, message.body[0]), None)
            case "RemoveDevice":
                self._devices[path].pop(message.body[0], None)
            case _:
                return None
        return Message.new_method_return(message)

    def _activate(self, path: str, sender: str, root: str) -> None:
        """Ask the scanner which patterns it registered under `root`, and tell each monitor that it is active."""
        if self._bus is None:
            return
        self._pending = asyncio.get_running_loop().create_task(
            self._ask(self._bus, path, sender, root), name=f"monitor {root}"
        )

    async def _ask(self, bus: MessageBus, path: str, sender: str, root: str) -> None:
        managed = await bus.call(Message(destination=sender, path=root, interface=MANAGER, member="GetManagedObjects"))
        objects: Mapping[str, Any] = (
            managed.body[0] if managed is not None and managed.message_type is MessageType.METHOD_RETURN else {}
        )
        monitors = {o: i[MONITOR]["Patterns"].value for o, i in objects.items() if "Patterns" in i.get(MONITOR, {})}
        if not monitors:  # bleak registers the monitor itself, not a tree of them
            answer = await bus.call(
                Message(
                    destination=sender, path=root, interface=PROPERTIES, member="GetAll", signature="s", body=[MONITOR]
                )
            )
            if answer is None or answer.message_type is not MessageType.METHOD_RETURN:
                return
            monitors = {root: answer.body[0]["Patterns"].value}
        self._monitors[path][sender, root] = [
            (int(p[0]), int(p[1]), bytes(p[2])) for found in monitors.values() for p in found
        ]
        for monitor in monitors:
            await bus.call(Message(destination=sender, path=monitor, interface=MONITOR, member="Activate"))

    def _watch_leavers(self, bus: MessageBus) -> None:
        rule = "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged'"
        bus.send(
            Message(
                destination="org.freedesktop.DBus",
                path="/org/freedesktop/DBus",
                interface="org.freedesktop.DBus",
                member="AddMatch",
                signature="s",
                body=[rule],
            )
        )

    def _left(self, name: str) -> None:
        """A scanner that died does not scan any more."""
        for path in self._adapters:
            self._scanning[path].discard(name)
            for key in [key for key in self._monitors[path] if key[0] == name]:
                del self._monitors[path][key]

    def _objects(self) -> dict[str, dict[str, dict[str, Variant]]]:
        objects: dict[str, dict[str, dict[str, Variant]]] = {}
        for path, address in self._adapters.items():
            objects[path] = {
                ADAPTER: {
                    "Address": Variant("s", address),
                    "Name": Variant("s", "simulated"),
                    "Alias": Variant("s", "simulated"),
                    "Powered": Variant("b", True),
                    "Discovering": Variant("b", bool(self._scanning[path])),
                    "Roles": Variant("as", ["central", "peripheral"]),
                },
                MONITORS: {
                    "SupportedMonitorTypes": Variant("as", ["or_patterns"]),
                    "SupportedFeatures": Variant("as", []),
                },
            }
            for device, properties in self._devices[path].items():
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
