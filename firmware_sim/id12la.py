"""The frames of an ID-12LA 125 kHz reader in its ASCII format, encode only.

Data sheet (ID-2LA/12LA/20LA): 9600 baud 8N1; STX (0x02), ten upper-case hex digits of card number, two hex digits of
checksum (exclusive-or of the five bytes), CR, LF, ETX (0x03): 16 bytes, once when a card enters the field.
"""

from __future__ import annotations


def frame(tag: bytes) -> bytes:
    """One frame. `tag` is the five bytes of an EM4100 card; ValueError otherwise."""
    if len(tag) != 5:
        raise ValueError(f"an EM4100 card has 5 bytes, not {len(tag)}")
    parity = 0
    for byte in tag:
        parity ^= byte
    return b"\x02" + tag.hex().upper().encode("ascii") + f"{parity:02X}".encode("ascii") + b"\r\n\x03"
