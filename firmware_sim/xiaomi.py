"""MiBeacon sensors as they advertise: thermometer, motion, presence, contact, button; plain or encrypted; encode only.

MiEcosystem/miio_open, ble/02 (frame) and ble/03 (objects): service data of 0xFE95, little-endian: frame control,
product id, frame counter, reversed address, objects (id, length, value), and, when encrypted, the three upper bytes of
the counter and a MIC of 4 bytes. AES-CCM as in RFC 3610. Devices of version 3 have keys of 12 bytes and no usable MIC.
"""

from __future__ import annotations

from struct import pack
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from firmware_sim.beacon import Advert

MIJIA = 0xFE95
_BOUND, _OBJECT, _CAPABILITY, _MAC, _ENCRYPTED = 1 << 8, 1 << 6, 1 << 5, 1 << 4, 1 << 3
_STANDARD_AUTH = 2 << 10


class Device(NamedTuple):
    """One product in the office."""

    address: str
    """As people write it: A4:C1:38:00:00:01."""
    product: int
    key: bytes = b""
    """Empty: it sends plain. 16 bytes: version 5. 12 bytes: version 3."""
    says_address: bool = True


def advert(device: Device, counter: int, *objects: bytes) -> Advert:
    """What it sends for the `counter`-th time. With a key the objects must leave room in 31 bytes."""
    address = bytes.fromhex(device.address.replace(":", ""))[::-1]
    version = {0: 4, 12: 3, 16: 5}[len(device.key)]
    control = version << 12 | _STANDARD_AUTH | (_MAC if device.says_address else 0)
    control |= _OBJECT if objects else _CAPABILITY
    control |= _BOUND | _ENCRYPTED if device.key and objects else 0
    fixed = pack("<HHB", control, device.product, counter & 0xFF)
    head = fixed + (address if device.says_address else b"")
    body = b"".join(objects)
    if not objects:
        return Advert({}, {MIJIA: head + b"\x08"})
    upper = (counter >> 8).to_bytes(3, "little")
    if version == 3:
        key = device.key[:6] + b"\x8d\x3d\x3c\x97" + device.key[6:]
        secret, mic = ccm(key, fixed + upper + address[:5], b"\x11", body, 4)
        return Advert({}, {MIJIA: head + secret + upper + mic[:1]})
    if version == 5:
        secret, mic = ccm(device.key, address + fixed[2:] + upper, b"\x11", body, 4)
        return Advert({}, {MIJIA: head + secret + upper + mic})
    return Advert({}, {MIJIA: head + body})


def obj(number: int, value: bytes) -> bytes:
    """One object."""
    return pack("<HB", number, len(value)) + value


def instance(service: int, number: int, value: bytes, *, event: bool = False) -> bytes:
    """An object of the product's MIoT specification: service 2 ..., instance number from 1001 on."""
    return obj(0x4000 | service << 10 | event << 9 | (number - 1000), value)


def climate(celsius: float, percent: float) -> bytes:
    """Temperature and humidity, in tenths."""
    return obj(0x100D, pack("<hH", round(celsius * 10), round(percent * 10)))


def battery(percent: int) -> bytes:
    """Of older products."""
    return obj(0x100A, bytes((percent,)))


def moved(lux: int) -> bytes:
    """Somebody moves; of older motion sensors that measure light."""
    return obj(0x000F, lux.to_bytes(3, "little"))


def still(seconds: int) -> bytes:
    """Nobody has moved for so long."""
    return obj(0x1017, pack("<I", seconds))


def contact(opened: bool) -> bytes:
    """Of older door and window sensors."""
    return obj(0x1019, bytes((not opened,)))


def pressed(key: int, how: int) -> bytes:
    """`how`: 0 once, 1 twice, 2 long."""
    return obj(0x1001, pack("<HB", key, how))


def moved_instance(lux: float) -> bytes:
    """Somebody moves; of newer motion sensors."""
    return instance(2, 1008, pack("<f", lux), event=True)


def still_instance(seconds: int) -> bytes:
    """Nobody has moved for so long; of newer motion sensors."""
    return instance(2, 1024, pack("<H", seconds))


def occupancy(somebody: bool) -> bytes:
    """Of presence radars."""
    return instance(2, 1078, bytes((somebody,)))


def contact_instance(opened: bool) -> bytes:
    """Of newer door and window sensors."""
    return instance(2, 1004, bytes((1 if opened else 2,)))


def ccm(key: bytes, nonce: bytes, extra: bytes, plain: bytes, mic_size: int) -> tuple[bytes, bytes]:
    """RFC 3610, sections 2.2 and 2.3: (encrypted, MIC). `extra` is short."""
    block = Cipher(algorithms.AES(key), modes.ECB()).encryptor().update  # noqa: S305 one block at a time, as CCM says
    length_size = 15 - len(nonce)
    flags = (0x40 if extra else 0) | (mic_size - 2) // 2 << 3 | length_size - 1
    first = bytes((flags,)) + nonce + len(plain).to_bytes(length_size, "big")
    chained = first + _padded(len(extra).to_bytes(2, "big") + extra if extra else b"") + _padded(plain)
    mac = bytes(16)
    for at in range(0, len(chained), 16):
        mac = block(_xor(mac, chained[at : at + 16]))

    def stream(number: int) -> bytes:
        return block(bytes((length_size - 1,)) + nonce + number.to_bytes(length_size, "big"))

    secret = b"".join(_xor(plain[at : at + 16], stream(at // 16 + 1)) for at in range(0, len(plain), 16))
    return secret, _xor(mac[:mic_size], stream(0))


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 16)


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=False))
