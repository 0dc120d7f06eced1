"""MiBeacon: sensors, contacts, buttons and locks of the Mijia family (Xiaomi, Linptech, Yeelight, ...).

Service data of 0xFE95, all little-endian:

    control 2 | product 2 | frame counter 1 | address 6, reversed | capability 1 | objects | counter 3, tag 4
                                              bit 4 of control      bit 5          bit 6     bit 3: encrypted

Control: bit 7 mesh, bits 12 to 15 version. Capability: bits 3 and 4 both set, two bytes of Wi-Fi address follow; bit 5,
two bytes of inputs and outputs follow. An object: id 2, length 1, value (objects.py).

Versions 4 and 5 encrypt the objects with AES-CCM: nonce address (reversed), product, frame counter, counter; a byte 11
is authenticated with it; the tag has 4 bytes. The frame counter is the lowest byte of the replay counter. A device that
has a key is heard encrypted only: anybody can send plain values under its address.

Versions 2 and 3 use 12 bytes of key, nonce control, product, frame counter, counter, and five bytes of address; one
byte, which nobody has explained, takes the place of the tag. So nothing proves such a frame but that it decrypts to a
known object: it is good enough for the dimmer that uses it (YLKG07YL), and for nothing that is worth forging.

Sources: MiEcosystem/miio_open, ble/02 MiBeacon protocol and ble/03 Object protocol (2020); the later object definition
of iot.mi.com (2021: 000C to 0012, 1014 to 101C); home.miot-spec.com for instance numbers (1005, 1018, 1096, ...).
Capability's Wi-Fi bytes: Xiaomi's dissector for Wireshark (2021). Versions 2 and 3, products' own buttons, 4A to 5A
events and the body temperature of 2000: as the ble_monitor and xiaomi-ble projects read them (2026).
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from drivers.api import (
    Claim,
    Context,
    Decoded,
    DecodeError,
    Driver,
    Frame,
    Measurement,
    NotAuthentic,
    Truncated,
    Unsupported,
    ad_structures,
)
from drivers.beacon.xiaomi.objects import reader

SERVICE_DATA = 0x16
HEAD = b"\x95\xfe"
ENCRYPTED, ADDRESS, CAPABILITY, OBJECT, MESH = 0x0008, 0x0010, 0x0020, 0x0040, 0x0080
"""Bits of control."""
COMBO, INPUTS_OUTPUTS = 0x18, 0x20
"""Bits of capability."""
KEY_SIZE, KEY_SIZE_LEGACY = 16, 12
ADDRESS_SIZE, COUNTER_SIZE, TAG_SIZE, TAG_SIZE_LEGACY, OBJECT_HEAD_SIZE = 6, 3, 4, 1, 3
_AUTHENTICATED = b"\x11"
_LEGACY_KEY_MIDDLE = bytes.fromhex("8d3d3c97")
_FIXED, _U16 = Struct("<HHB"), Struct("<H")


class _Beacon(NamedTuple):
    """A frame taken apart."""

    control: int
    product: int
    counter: int
    fixed: bytes
    """Control, product and frame counter, as they stand there."""
    address: bytes
    """The sender's, reversed; empty where neither the frame nor the medium says it."""
    body: bytes
    """Objects; encrypted with what belongs to that."""


def decode(frame: Frame) -> list[Measurement]:
    """What a plain frame says. Nothing, where it carries no object: it is there to be paired with."""
    beacon = _beacon(frame)
    if not beacon.control & OBJECT:
        return []
    if beacon.control & ENCRYPTED:
        raise NotAuthentic("encrypted; needs its key")
    return _measurements(beacon, beacon.body)


def decode_with(frame: Frame, context: Context) -> Decoded:
    """The same of a device that has a key, and the counter."""
    if not context.key:
        return Decoded(decode(frame))
    beacon = _beacon(frame)
    if not beacon.control & OBJECT:
        return Decoded([])
    if not beacon.control & ENCRYPTED:
        raise NotAuthentic("plain, but this device has a key")
    if not beacon.address:
        raise NotAuthentic(f"encrypted with the sender's address, which {frame.address[:40]!r} is not")
    legacy = beacon.control >> 12 < 4
    needed = KEY_SIZE_LEGACY if legacy else KEY_SIZE
    if len(context.key) != needed:
        raise NotAuthentic(f"needs a key of {needed} bytes")
    tail = COUNTER_SIZE + (TAG_SIZE_LEGACY if legacy else TAG_SIZE)
    end = len(beacon.body) - tail
    if end < OBJECT_HEAD_SIZE:
        raise Truncated(f"{len(beacon.body)} of {OBJECT_HEAD_SIZE + tail} bytes of an encrypted object")
    counter = beacon.body[end : end + COUNTER_SIZE]
    made = (_decrypt_legacy if legacy else _decrypt)(beacon, context.key, beacon.body[:end], counter)
    if legacy:  # nothing proves the counter either: a forged one must not lock the device out
        return Decoded(made)
    return Decoded(made, int.from_bytes(counter, "little") << 8 | beacon.counter)


def _decrypt(beacon: _Beacon, key: bytes, secret: bytes, counter: bytes) -> list[Measurement]:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM

    nonce = beacon.address + beacon.fixed[2:] + counter
    try:
        plain = AESCCM(key, TAG_SIZE).decrypt(nonce, secret + beacon.body[-TAG_SIZE:], _AUTHENTICATED)
    except InvalidTag:
        raise NotAuthentic("the tag does not hold") from None
    return _measurements(beacon, plain)


def _decrypt_legacy(beacon: _Beacon, key: bytes, secret: bytes, counter: bytes) -> list[Measurement]:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    nonce = beacon.fixed + counter + beacon.address[:5]
    # CCM without its tag is counter mode, from block 1 on (RFC 3610, section 2.3; 2 bytes of block number)
    start = b"\x01" + nonce + b"\x00\x01"
    whole = key[:6] + _LEGACY_KEY_MIDDLE + key[6:]
    plain = Cipher(algorithms.AES(whole), modes.CTR(start)).decryptor().update(secret)
    try:
        return _measurements(beacon, plain)
    except DecodeError:
        raise NotAuthentic("decrypts to no object") from None


def _beacon(frame: Frame) -> _Beacon:
    data = _service_data(frame.payload)
    if len(data) < _FIXED.size:
        raise Truncated(f"{len(data)} of {_FIXED.size} bytes")
    control, product, counter = _FIXED.unpack_from(data)
    version = control >> 12
    if not 2 <= version <= 5:
        raise Unsupported(f"version {version}")
    if control & MESH:
        raise Unsupported("a mesh device")
    at = _FIXED.size
    address = _address(frame)
    if control & ADDRESS:
        said = data[at : at + ADDRESS_SIZE]
        at += ADDRESS_SIZE
        if len(said) == ADDRESS_SIZE and address and said != address:
            raise NotAuthentic("says another address than it is sent from")
        address = said
    if control & CAPABILITY:
        capability = data[at] if at < len(data) else 0
        at += 1
        at += 2 if capability & COMBO == COMBO else 0
        at += 2 if capability & INPUTS_OUTPUTS else 0
    if at > len(data):
        raise Truncated(f"{len(data)} of {at} bytes before the objects")
    body = data[at:]
    if body and not control & OBJECT:
        raise DecodeError(f"{len(body)} bytes too many")
    return _Beacon(control, product, counter, data[: _FIXED.size], address, body)


def _service_data(payload: bytes) -> bytes:
    for kind, data in ad_structures(payload):
        if kind == SERVICE_DATA and data.startswith(HEAD):
            return data[len(HEAD) :]
    raise Unsupported("no MiBeacon in this advert")


def _address(frame: Frame) -> bytes:
    """That of the medium, reversed; empty where it is not one (some systems hide it)."""
    try:
        address = bytes.fromhex(frame.address.replace(":", ""))
    except ValueError:
        return b""
    return address[::-1] if len(address) == ADDRESS_SIZE else b""


def _measurements(beacon: _Beacon, body: bytes) -> list[Measurement]:
    """Of all objects. Raises Unsupported when none is known."""
    made: list[Measurement] = []
    unknown: list[int] = []
    at, end, count = 0, len(body), 0
    while at < end:
        if at + OBJECT_HEAD_SIZE > end:
            raise Truncated(f"{end - at} of {OBJECT_HEAD_SIZE} bytes before a value")
        number, size = _U16.unpack_from(body, at)[0], body[at + 2]
        at += OBJECT_HEAD_SIZE
        if at + size > end:
            raise Truncated(f"{end - at} of {size} bytes of object {number:04x}")
        read = reader(number, beacon.product)
        if read is None:
            unknown.append(number)
        else:
            made += read(body[at : at + size], beacon.product)
        at += size
        count += 1
    if not count:
        raise Truncated("no object")
    if len(unknown) == count:
        raise Unsupported(f"object {unknown[0]:04x} of product {beacon.product:04x}")
    if made:
        made.append(Measurement("packet_counter", beacon.counter))
    return made


DRIVER = Driver(
    name="xiaomi",
    title="Xiaomi MiBeacon: Mijia, Linptech, Yeelight and Qingping sensors, contacts, buttons",
    media=("ble_adv",),
    modality="environment",
    mixed=True,
    decode=decode,
    decode_with=decode_with,
    key_sizes=(KEY_SIZE, KEY_SIZE_LEGACY),
    claims=(Claim(service=0xFE95),),
    kinds=(
        "occupied",
        "motion",
        "opening",
        "duration",
        "temperature",
        "humidity",
        "illuminance",
        "light",
        "battery",
        "battery_low",
        "battery_charging",
        "button",
        "dimmer",
        "tamper",
        "problem",
        "lock",
        "power",
        "moisture",
        "moisture_detected",
        "conductivity",
        "smoke",
        "gas_detected",
        "packet_counter",
    ),
    checked="2026-11-26",
)
