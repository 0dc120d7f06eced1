"""BTHome: sensors, contacts and buttons of many makers (Shelly BLU, b-parasite, home-made ones), versions 2 and 1.

Version 2, service data of 0xFCD2:

    information | objects: id, value | ...
    information | encrypted objects | counter, 4 bytes LE | tag, 4 bytes

`information`: bit 0 encrypted, bit 1 the sender's address follows (6 bytes, reversed; later reserved), bit 2 sends only
when something happens, bits 5 to 7 version. The id gives the length of the value; those of text, raw data and commands
say their own first. Values are little-endian; ids stand in rising order, so a receiver reads up to the first that it
does not know. Of several values of one kind, the first has channel 1.

Version 1, service data of 0x181C, or encrypted of 0x181E: each object begins with a byte of its own, bits 0 to 4 the
length of what follows it, bits 5 to 7 how the value is written.

Encryption is AES-CCM with a tag of 4 bytes. Nonce: address as it is written, UUID (little-endian), in version 2
`information`, counter; version 1 authenticates a byte 11 with it. A device that has a key is heard encrypted only:
anybody can send plain values under its address.
Source: BTHome, bthome.io/format (2026-04; tables sensor data, binary sensor data, events, device information, misc
data), bthome.io/encryption and bthome.io/v1. Address bit: format page of 2023. Button FE: Shelly, BLE devices, Wall
Switch 4, button press events before firmware 1.0.20; button 81, times and raw data of version 1 as receivers read them.
"""

from __future__ import annotations

from math import isfinite
from struct import Struct
from typing import Any

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
from drivers.beacon.bthome.objects import KINDS, LENGTH_FIRST, OBJECTS, RAW, TEXT, Object

SERVICE_DATA = 0x16
HEAD = b"\xd2\xfc"
HEADS_V1 = HEAD_V1, HEAD_V1_ENCRYPTED = b"\x1c\x18", b"\x1e\x18"
"""UUIDs as they stand in the advert, and in the nonce."""
ENCRYPTED, ADDRESS = 0x01, 0x02
KEY_SIZE, COUNTER_SIZE, TAG_SIZE, ADDRESS_SIZE = 16, 4, 4, 6
_ALONE = bytes((SERVICE_DATA,)) + HEAD
_AUTHENTICATED_V1 = b"\x11"
Value = tuple[str, Any, str]
"""Kind, value (None: nothing happened) and unit."""


def decode(frame: Frame) -> list[Measurement]:
    """What a plain advert of version 2 says."""
    data = _service_data(frame.payload)
    if data[0] & ENCRYPTED:
        raise NotAuthentic("encrypted; needs its key")
    return _measurements(_values(data, _start(data)))


def decode_with(frame: Frame, context: Context) -> Decoded:
    """The same of a device that has a key, and the counter."""
    if not context.key:
        return Decoded(decode(frame))
    data = _service_data(frame.payload)
    if not data[0] & ENCRYPTED:
        raise NotAuthentic("plain, but this device has a key")
    start = _start(data)
    # a sender that hides its address says it in the advert; the key proves that it is the same device
    address = data[1:start][::-1] or _address(frame)
    plain, counter = _decrypted(data[start:], context.key, address + HEAD + data[:1], None)
    return Decoded(_measurements(_values(plain, 0)), counter)


def decode_v1(frame: Frame) -> list[Measurement]:
    """What a plain advert of version 1 says."""
    head, data = _behind(frame.payload, HEADS_V1)
    if head == HEAD_V1_ENCRYPTED:
        raise NotAuthentic("encrypted; needs its key")
    return _measurements(_values_v1(data))


def decode_v1_with(frame: Frame, context: Context) -> Decoded:
    """The same of a device that has a key, and the counter."""
    if not context.key:
        return Decoded(decode_v1(frame))
    head, data = _behind(frame.payload, HEADS_V1)
    if head != HEAD_V1_ENCRYPTED:
        raise NotAuthentic("plain, but this device has a key")
    plain, counter = _decrypted(data, context.key, _address(frame) + head, _AUTHENTICATED_V1)
    return Decoded(_measurements(_values_v1(plain)), counter)


def _service_data(payload: bytes) -> bytes:
    """From the information byte on; that is there and says version 2."""
    # sources hand over the claimed structure alone; then the walk over AD structures would find it at once
    if payload.startswith(_ALONE, 1) and payload[0] == len(payload) - 1:
        data = payload[4:]
    else:
        data = _behind(payload, (HEAD,))[1]
    if not data:
        raise Truncated("no information byte")
    if data[0] >> 5 != 2:
        raise Unsupported(f"version {data[0] >> 5}")
    return data


def _behind(payload: bytes, heads: tuple[bytes, ...]) -> tuple[bytes, bytes]:
    """The first of these UUIDs, as it stands there, and what follows it."""
    for kind, data in ad_structures(payload):
        if kind == SERVICE_DATA and data.startswith(heads):
            return data[:2], data[2:]
    raise Unsupported("no BTHome in this advert")


def _start(data: bytes) -> int:
    """Where the objects begin."""
    if not data[0] & ADDRESS:
        return 1
    if len(data) < 1 + ADDRESS_SIZE:
        raise Truncated(f"{len(data) - 1} of {ADDRESS_SIZE} bytes of address")
    return 1 + ADDRESS_SIZE


def _values(data: bytes, at: int) -> list[Value]:
    """Of objects as version 2 writes them."""
    values: list[Value] = []
    first, end = at, len(data)
    while at < end:
        known = OBJECTS.get(data[at])
        if known is None:
            if at == first:
                raise Unsupported(f"object {data[at]:02x}")
            return values  # how long it is, nobody knows
        kind, unit, size, signed, times, per, read = known
        at += 1
        if size == LENGTH_FIRST:
            if at == end:
                raise Truncated("an object without its length")
            size = data[at] if read is not None else 1 + (data[at] & 0x1F)  # a command's counts its arguments
            at += 1
        if at + size > end:
            raise Truncated(f"{end - at} of {size} bytes of {kind or 'an object'}")
        value = data[at : at + size]
        at += size
        if read is not None:
            values.append((kind, read(value), unit))
        elif kind:
            number = int.from_bytes(value, "little", signed=signed)
            values.append((kind, number if per == 1 else number * times / per, unit))
    if first == end:
        raise Truncated("no object")
    return values


_UINT, _SINT, _FLOAT, _STRING, _BYTES, _TIME = range(6)
"""How version 1 writes a value."""
_FLOATS = {2: Struct("<e"), 4: Struct("<f"), 8: Struct("<d")}
_LONGEST_INTEGER = 8


def _values_v1(data: bytes) -> list[Value]:
    """Of objects as version 1 writes them; one that is not known has a length and is passed over."""
    values: list[Value] = []
    at, end = 0, len(data)
    while at < end:
        length, written = data[at] & 0x1F, data[at] >> 5
        if length < 2:
            raise DecodeError("an object without a value")
        if at + 1 + length > end:
            raise Truncated(f"{end - at - 1} of {length} bytes of an object")
        number, value = data[at + 1], data[at + 2 : at + 1 + length]
        at += 1 + length
        known = OBJECTS.get(number)
        if known is not None and known.kind and _fits(number, known, written, len(value)):
            values.append((known.kind, _value_v1(known, written, value), known.unit))
    if not data:
        raise Truncated("no object")
    if not values:
        raise Unsupported("no object that is known")
    return values


def _fits(number: int, known: Object, written: int, size: int) -> bool:
    """Whether the value is written in a way that its id allows."""
    if number in (TEXT, RAW):
        return written == (_STRING if number == TEXT else _BYTES)
    if written == _FLOAT:
        return known.read is None and size in _FLOATS
    return written in (_UINT, _SINT, _TIME) and size <= _LONGEST_INTEGER


def _value_v1(known: Object, written: int, value: bytes) -> Any:
    if known.read is not None:
        return known.read(value)
    if written == _FLOAT:
        number = _FLOATS[len(value)].unpack(value)[0] * known.times / known.per
        return round(number, 6) if isfinite(number) else None
    whole = int.from_bytes(value, "little", signed=written == _SINT)
    return whole if known.per == 1 else whole * known.times / known.per


def _measurements(values: list[Value]) -> list[Measurement]:
    """Those that are there, numbered where a kind has several; what did not happen keeps its number."""
    if len({kind for kind, _, _ in values}) == len(values):
        return [Measurement(kind, value, unit) for kind, value, unit in values if value is not None]
    kinds = [kind for kind, _, _ in values]
    made: list[Measurement] = []
    for at, (kind, value, unit) in enumerate(values):
        if value is not None:
            channel = kinds[: at + 1].count(kind) if kinds.count(kind) > 1 else None
            made.append(Measurement(kind, value, unit, channel))
    return made


def _address(frame: Frame) -> bytes:
    try:
        address = bytes.fromhex(frame.address.replace(":", ""))
    except ValueError:
        address = b""
    if len(address) != ADDRESS_SIZE:
        raise NotAuthentic(f"encrypted with the sender's address, which {frame.address[:40]!r} is not")
    return address


def _decrypted(data: bytes, key: bytes, nonce: bytes, authenticated: bytes | None) -> tuple[bytes, int]:
    """Objects and counter of encrypted objects, counter and tag; `nonce` is all of it but the counter."""
    if len(data) <= COUNTER_SIZE + TAG_SIZE:
        raise Truncated(f"{len(data)} bytes are no encrypted object, counter and tag")
    if len(key) != KEY_SIZE:
        raise NotAuthentic(f"a key has {KEY_SIZE} bytes, not {len(key)}")
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM

    counter, tag = data[-8:-4], data[-4:]
    try:
        plain = AESCCM(key, tag_length=TAG_SIZE).decrypt(nonce + counter, data[:-8] + tag, authenticated)
    except InvalidTag:
        raise NotAuthentic("the tag does not hold") from None
    return plain, int.from_bytes(counter, "little")


DRIVERS = (
    Driver(
        name="bthome",
        title="BTHome version 2: Shelly BLU, b-parasite, home-made sensors",
        media=("ble_adv",),
        modality="environment",
        mixed=True,
        decode=decode,
        decode_with=decode_with,
        key_sizes=(KEY_SIZE,),
        claims=(Claim(service=0xFCD2),),
        kinds=KINDS,
        checked="2026-11-26",
    ),
    Driver(
        name="bthome_v1",
        title="BTHome version 1: thermometers with ATC firmware, home-made sensors",
        media=("ble_adv",),
        modality="environment",
        mixed=True,
        decode=decode_v1,
        decode_with=decode_v1_with,
        key_sizes=(KEY_SIZE,),
        claims=(Claim(service=0x181C), Claim(service=0x181E)),
        kinds=KINDS,
        checked="2026-11-26",
    ),
)
