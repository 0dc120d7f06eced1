"""One adapter of the simulated BlueZ: who scans on it, for what, and what it remembers.

Source: BlueZ doc/org.bluez.Adapter.rst, org.bluez.Device.rst, org.bluez.AdvertisementMonitorManager.rst.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import NamedTuple

from dbus_fast import Variant

ADAPTER, DEVICE = "org.bluez.Adapter1", "org.bluez.Device1"
MONITORS = "org.bluez.AdvertisementMonitorManager1"
RSSI_STEP = 8
"""dB that a signal must change by to be told without DuplicateData."""


class Pattern(NamedTuple):
    """One of a monitor's patterns: data of an AD structure."""

    start: int
    kind: int
    content: bytes


class Adapter:
    """One adapter, as a daemon that has just started knows it."""

    def __init__(self, path: str, address: str) -> None:
        self.path = path
        self.address = address
        self.duplicates: dict[str, bool] = {}
        """Who set a discovery filter, and whether every advert is wanted."""
        self.scanning: set[str] = set()
        self.monitors: dict[tuple[str, str], list[Pattern]] = {}
        self.devices: OrderedDict[str, dict[str, Variant]] = OrderedDict()
        self.powered = True
        self.hung = False
        """Its controller hears nothing and begins nothing, until its power goes off and on."""

    def wants(self, manufacturer: Mapping[int, bytes], service: Mapping[str, bytes]) -> bool:
        """Whether somebody scans for such an advert."""
        if not self.powered or self.hung:
            return False
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

    def switch(self, *, on: bool) -> None:
        """Power off ends every discovery; monitors stay."""
        if not on:
            self.scanning.clear()
            self.hung = False
        self.powered = on

    def properties(self) -> dict[str, dict[str, Variant]]:
        """Interfaces of the adapter itself."""
        return {
            ADAPTER: {
                "Address": Variant("s", self.address),
                "Name": Variant("s", "simulated"),
                "Alias": Variant("s", "simulated"),
                "Powered": Variant("b", self.powered),
                "Discovering": Variant("b", bool(self.scanning)),
                "Roles": Variant("as", ["central", "peripheral"]),
            },
            MONITORS: {
                "SupportedMonitorTypes": Variant("as", ["or_patterns"]),
                "SupportedFeatures": Variant("as", []),
            },
        }

    def objects(self) -> dict[str, dict[str, dict[str, Variant]]]:
        """The adapter and its devices, by path."""
        return {self.path: self.properties()} | {path: {DEVICE: of} for path, of in self.devices.items()}


def device(adapter: str, address: str) -> dict[str, Variant]:
    """Properties of a device that was just heard for the first time."""
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
