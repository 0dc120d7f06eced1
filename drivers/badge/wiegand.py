"""Wiegand: the bits that a reader puts on two wires, one message a card or a key.

The payload is one byte with the number of bits, then the bits, first one highest, padded with zeros to whole bytes. The
length names the format; bits are counted from 0 here:

    bits  format         fields                                    parity
    26    H10301         facility 1-8, number 9-24                 even 0-12, odd 13-25
    34    H10306         facility 1-16, number 17-32               even 0-16, odd 17-33
    35    Corporate 1000 company 2-13, number 14-33                even 1 and 2, 3, 5, 6, 8, 9 ... 33;
                                                                   odd 1, 2, 4, 5, 7, 8 ... 34; odd all
    37    H10302, H10304 number 1-35                               even 0-18, odd 18-36
    48    Corporate 1000 company 2-23, number 24-46                even 1 and 3, 4, 6, 7 ... 46;
                                                                   odd 2, 3, 5, 6, 8, 9 ... 47; odd all

A card must have one number whatever one believes of it. H10304 cuts the 35 bits of H10302 into facility (16) and number
(19) and checks them alike, so no bit tells the two apart, and a setting could differ between two readers of one site.
The value is therefore always H10302's number; an H10304 card of facility F and number N is F x 524288 + N. In the same
way other makers' formats of 26, 34 or 37 bits with these parities (Indala 26, N10002, BQT 34, MDI 37) keep all their
bits, cut where the table cuts.

Any other length from 24 bits on is passed on whole, `wiegand:<bits>:<hexadecimal>`: what of it is parity is not known.
A length of the table with wrong parity is refused, not passed on. Shorter messages are keys: 4 bits; 6 bits, an even
parity bit before and an odd one behind; 8 bits, the complement before the key.

Sources: Sygonix 1582020 manual, page 49, and IDTECK SR30 manual, section 8-1 (26, 34, 37 bits); Open Options, 37 bit
card format with facility code (H10304); the Proxmark3 project's public table of card formats (34, 35, 37 and 48 bits;
HID's own papers name Corporate 1000, but do not publish its parities); Rosslare AYC-Q54B manual, options 1 to 3, and
HID 8-bit PINpad guide 7393760 rev E, table 1 (keys).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from drivers.api import BadChecksum, DecodeError, Driver, Frame, Measurement, Truncated, Unsupported

SHORTEST_CARD = 24
KEYS = "0123456789*#"
"""Keys by their number; 12 to 15 are none."""
_KEY_LENGTHS = (4, 6, 8)
EVEN, ODD = 0, 1


class _Format(NamedTuple):
    """How one length is cut."""

    fields: tuple[tuple[int, int], ...]
    """(first bit, bits) of each number."""
    parities: tuple[tuple[int, int], ...]
    """(mask, EVEN or ODD): what the ones under the mask must count to, the parity bit among them."""


def _over(length: int, bits: Iterable[int]) -> int:
    """The mask of bits that are counted from the first, in a message of `length`."""
    return sum(1 << (length - 1 - bit) for bit in bits)


def _halves(length: int, *fields: tuple[int, int]) -> _Format:
    """Even parity over the first half, odd over the second; of an odd length the middle bit counts in both."""
    half = (length + 1) // 2
    return _Format(fields, ((_over(length, range(half)), EVEN), (_over(length, range(length - half, length)), ODD)))


FORMATS: Mapping[int, _Format] = {
    26: _halves(26, (1, 8), (9, 16)),
    34: _halves(34, (1, 16), (17, 16)),
    35: _Format(
        ((2, 12), (14, 20)),
        (
            (_over(35, (1, *(bit for bit in range(2, 34) if bit % 3 != 1))), EVEN),
            (_over(35, (bit for bit in range(1, 35) if bit % 3 != 0)), ODD),
            (_over(35, range(35)), ODD),
        ),
    ),
    37: _halves(37, (1, 35)),
    48: _Format(
        ((2, 22), (24, 23)),
        (
            (_over(48, (1, *(bit for bit in range(3, 47) if bit % 3 != 2))), EVEN),
            (_over(48, (bit for bit in range(2, 48) if bit % 3 != 1)), ODD),
            (_over(48, range(48)), ODD),
        ),
    ),
}


def decode(frame: Frame) -> list[Measurement]:
    """One card, `wiegand26:1:5278` or `wiegand:50:20fa201980f92`, or one key."""
    length, bits = _message(frame.payload)
    if length in _KEY_LENGTHS:
        return [Measurement("keypad", _key(length, bits))]
    if length < SHORTEST_CARD:
        raise Unsupported(f"{length} bits; a key has 4, 6 or 8, a card at least {SHORTEST_CARD}")
    layout = FORMATS.get(length)
    if layout is None:
        return [Measurement("badge", f"wiegand:{length}:{bits:x}")]
    for number, (mask, parity) in enumerate(layout.parities, 1):
        if (bits & mask).bit_count() & 1 != parity:
            raise BadChecksum(f"parity {number} of {len(layout.parities)}")
    fields = [bits >> (length - first - size) & ((1 << size) - 1) for first, size in layout.fields]
    return [Measurement("badge", ":".join((f"wiegand{length}", *map(str, fields))))]


def _message(data: bytes) -> tuple[int, int]:
    """How many bits, and the bits as one number."""
    if not data:
        raise Truncated("no byte that counts the bits")
    length = data[0]
    size = (length + 7) // 8
    if len(data) - 1 < size:
        raise Truncated(f"{len(data) - 1} bytes for {length} bits")
    if len(data) - 1 > size:
        raise DecodeError(f"{len(data) - 1} bytes for {length} bits")
    whole = int.from_bytes(data[1:], "big")
    padding = 8 * size - length
    if whole & ((1 << padding) - 1):
        raise DecodeError("padding that is not zero")
    return length, whole >> padding


def _key(length: int, bits: int) -> str:
    """The key of a short message."""
    key = bits
    if length == 6:
        if (bits >> 3).bit_count() & 1 != EVEN or (bits & 0b111).bit_count() & 1 != ODD:
            raise BadChecksum("parity of a key")
        key = bits >> 1 & 0b1111
    elif length == 8:
        key = bits & 0b1111
        if bits >> 4 != key ^ 0b1111:
            raise BadChecksum("a key that its complement contradicts")
    if key >= len(KEYS):
        raise Unsupported(f"key {key}")
    return KEYS[key]


DRIVER = Driver(
    name="wiegand",
    title="Wiegand reader or keypad (H10301, H10302, H10304, H10306, Corporate 1000, others whole)",
    media=("wiegand",),
    modality="badge",
    decode=decode,
    kinds=("badge", "keypad"),
    checked="2026-11-26",
)
