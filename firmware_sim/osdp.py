"""OSDP packets for tests of what reads them, without the mark byte; encode only. A live peer is libosdp's own.

SIA OSDP v2.2, section 5.9: 53, address (bit 7 in a reply), length LE, control, security block, code, data, MAC, check.
"""

from __future__ import annotations


def packet(
    address: int,
    sequence: int,
    code: int,
    data: bytes = b"",
    *,
    reply: bool = True,
    crc: bool = True,
    block: bytes = b"",
    mac: bytes = b"",
) -> bytes:
    """One packet. `block` is type and data of a security block; its length is put before it."""
    control = sequence & 3 | (4 if crc else 0) | (8 if block else 0)
    inside = (bytes((len(block) + 1,)) + block if block else b"") + bytes((code,)) + data + mac
    length = 5 + len(inside) + (2 if crc else 1)
    head = bytes((0x53, address | (0x80 if reply else 0), length & 0xFF, length >> 8, control))
    whole = head + inside
    return whole + (crc16(whole).to_bytes(2, "little") if crc else bytes((-sum(whole) & 0xFF,)))


def crc16(data: bytes) -> int:
    """CRC-16/AUG-CCITT, bit by bit."""
    crc = 0x1D0F
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ (0x1021 if crc & 0x8000 else 0)) & 0xFFFF
    return crc
