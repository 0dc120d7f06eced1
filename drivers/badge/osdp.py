"""OSDP, the RS-485 protocol between a panel and its readers: one packet, without its mark byte.

    53 | address, bit 7 set in a reply | length, 2 bytes LE | control | security block | code | data | MAC | check

`length` counts everything from 53 to the check. `control`: sequence in bits 0 and 1, bit 2 = CRC (else a checksum), bit
3 = a security block follows: its length (itself counted), its type, its data. Types 15 to 18 add a MAC of four bytes
behind the data, and with 17 and 18 the data is encrypted. The check is a CRC-16 (polynomial 1021, start 1D0F, LE) or
the byte that makes the sum of all bytes 0. Sources: SIA OSDP v2.2, section 5.9, tables 1 to 3, section 7.12, annexes C
and D; annex E for examples.

The packet is told as it is: the data of an encrypted packet stays encrypted, and the MAC, a field of its own, is left
out. Keys of a reply in clear (53) are told as well. Cards (reply 50: reader, format, number of bits LE, bits) are not:
what the bits mean is the Wiegand driver's business, so a source hands them on with the medium `wiegand`.
"""

from __future__ import annotations

from binascii import crc_hqx

from drivers.api import BadChecksum, DecodeError, Driver, Frame, Measurement, Truncated

START = 0x53
REPLY = 0x80
HEADER = 5
CRC_START = 0x1D0F
KEYPAD = 0x53
WITH_MAC = (0x15, 0x16, 0x17, 0x18)
ENCRYPTED = (0x17, 0x18)
MAC_BYTES = 4
_KEYS = {0x0D: "#", 0x7F: "*"} | {digit: chr(digit) for digit in b"0123456789"}
"""A reply says enter and clear for the keys # and *."""


def decode(frame: Frame) -> list[Measurement]:
    """The packet, and the keys that it reports."""
    packet = frame.payload
    body, has_block = _checked(packet)
    block_type = 0
    if has_block:
        size = body[0] if body else 0
        if size < 2:
            raise DecodeError("a security block of less than two bytes")
        if size > len(body):
            raise Truncated("ends within the security block")
        block_type, body = body[1], body[size:]
    if block_type in WITH_MAC:
        if len(body) < 1 + MAC_BYTES:
            raise Truncated("no room for code and MAC")
        body = body[:-MAC_BYTES]
    if not body:
        raise Truncated("no code")
    code, data = body[0], body[1:]
    made = [
        Measurement(
            "osdp",
            {
                "address": packet[1] & ~REPLY & 0xFF,
                "sequence": packet[4] & 3,
                "code": code,
                "data_hex": data.hex(),
                "crc_ok": True,
            },
        )
    ]
    if code == KEYPAD and packet[1] & REPLY and block_type not in ENCRYPTED:
        keys = _keys(data)
        if keys:
            made.append(Measurement("keypad", keys))
    return made


def _checked(packet: bytes) -> tuple[bytes, bool]:
    """What stands between the header and the check, and whether it begins with a security block."""
    if len(packet) < HEADER:
        raise Truncated(f"{len(packet)} bytes")
    if packet[0] != START:
        raise DecodeError(f"begins with {packet[0]:02x}")
    length = int.from_bytes(packet[2:4], "little")
    if len(packet) < length:
        raise Truncated(f"{len(packet)} of {length} bytes")
    if len(packet) > length:
        raise DecodeError(f"{len(packet)} bytes, says {length}")
    check = 2 if packet[4] & 4 else 1
    if length < HEADER + check:
        raise Truncated(f"{length} bytes have no room for a check")
    if check == 2:
        good = crc_hqx(packet[:-2], CRC_START) == int.from_bytes(packet[-2:], "little")
    else:
        good = sum(packet) & 0xFF == 0
    if not good:
        raise BadChecksum("CRC" if check == 2 else "checksum")
    return packet[HEADER:-check], bool(packet[4] & 8)


def _keys(data: bytes) -> str:
    """Keys as text; none where reader, count and keys do not agree or one is no key."""
    if len(data) < 2 or len(data) - 2 != data[1] or any(byte not in _KEYS for byte in data[2:]):
        return ""
    return "".join(_KEYS[byte] for byte in data[2:])


DRIVER = Driver(
    name="osdp",
    title="OSDP packet (SIA OSDP v2.2), readers and keypads on RS-485",
    media=("osdp",),
    modality="badge",
    decode=decode,
    kinds=("osdp", "keypad"),
    checked="2026-11-26",
)
