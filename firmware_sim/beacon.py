"""Adverts of personal tags and of strangers, as AD structures and as what BlueZ makes of them; encode only.

iBeacon (Apple, Proximity Beacon Specification R1): manufacturer data of company 0x004C, 02 15, 16-byte UUID, major and
minor big-endian, measured power at 1 m. Eddystone-UID (Google, eddystone-uid specification): service data of UUID
0xFEAA, 00, power at 0 m, 10-byte namespace, 6-byte instance, two reserved bytes of 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import NamedTuple
from uuid import UUID

APPLE = 0x004C
MICROSOFT = 0x0006
EDDYSTONE = 0xFEAA
EXPOSURE = 0xFD6F

_FLAGS, _UUIDS_16, _SERVICE_DATA_16, _MANUFACTURER = 0x01, 0x03, 0x16, 0xFF
_BASE_UUID = "0000{:04x}-0000-1000-8000-00805f9b34fb"


class Advert(NamedTuple):
    """One advertising payload."""

    manufacturer: Mapping[int, bytes]
    """Company identifier -> data after it."""
    service: Mapping[int, bytes]
    """16-bit service UUID -> data after it."""
    flags: int | None = 0x06

    def ad_structures(self) -> bytes:
        """As it is on the air, flags first."""
        flags = b"" if self.flags is None else _structure(_FLAGS, bytes((self.flags,)))
        uuids = b"".join(uuid.to_bytes(2, "little") for uuid in self.service)
        listed = _structure(_UUIDS_16, uuids) if uuids else b""
        return flags + listed + self.data_structures()

    def data_structures(self) -> bytes:
        """Only the structures that survive BlueZ: manufacturer data, then service data."""
        makers = (
            _structure(_MANUFACTURER, company.to_bytes(2, "little") + data)
            for company, data in self.manufacturer.items()
        )
        services = (
            _structure(_SERVICE_DATA_16, uuid.to_bytes(2, "little") + data) for uuid, data in self.service.items()
        )
        return b"".join((*makers, *services))

    def bluez_service(self) -> Mapping[str, bytes]:
        """Service data under the 128-bit UUIDs that BlueZ uses."""
        return {_BASE_UUID.format(uuid): data for uuid, data in self.service.items()}


def ibeacon(uuid: UUID, major: int, minor: int, power_1m: int = -59) -> Advert:
    """An iBeacon; `power_1m` is the measured power in dBm at one metre."""
    body = b"\x02\x15" + uuid.bytes + major.to_bytes(2, "big") + minor.to_bytes(2, "big")
    return Advert({APPLE: body + power_1m.to_bytes(1, "big", signed=True)}, {})


def eddystone_uid(namespace: bytes, instance: bytes, power_0m: int = -18) -> Advert:
    """An Eddystone-UID; `power_0m` is the power in dBm at the antenna (41 dB above that at one metre)."""
    if len(namespace) != 10 or len(instance) != 6:
        raise ValueError(f"namespace has 10 bytes and instance 6, not {len(namespace)} and {len(instance)}")
    body = b"\x00" + power_0m.to_bytes(1, "big", signed=True) + namespace + instance + b"\x00\x00"
    return Advert({}, {EDDYSTONE: body})


def stranger(rng: Random) -> Advert:
    """What a passing phone or computer says: Apple Continuity, Microsoft, exposure notification, or a maker's own."""
    kind = rng.randrange(5)
    if kind <= 1:  # Continuity "nearby info": the commonest advert of any office
        return Advert({APPLE: b"\x10\x05" + rng.randbytes(5)}, {}, 0x1A)
    if kind == 2:
        return Advert({MICROSOFT: b"\x01\x09\x20\x02" + rng.randbytes(19)}, {}, None)
    if kind == 3:
        return Advert({}, {EXPOSURE: rng.randbytes(20)}, 0x1A)
    return Advert({rng.choice((0x0075, 0x00E0, 0x0157)): rng.randbytes(rng.randint(4, 20))}, {}, 0x02)


def random_address(rng: Random, *, resolvable: bool = True) -> str:
    """A random device address: resolvable private (phones, rotating) or static random (tags)."""
    first = rng.randrange(64) | (0x40 if resolvable else 0xC0)
    return ":".join(f"{byte:02X}" for byte in (first, *rng.randbytes(5)))


def _structure(kind: int, data: bytes) -> bytes:
    return bytes((1 + len(data), kind)) + data
