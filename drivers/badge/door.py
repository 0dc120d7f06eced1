"""Badge numbers as an existing door (access-control) system writes them.

The payload is UTF-8 text, `facility;number`: before the first semicolon the facility, which may be empty, behind it the
number, as the door system writes both (`1;5278`, `;0F0368568B`). Nothing in a number says what it is. The profile does:

    wiegand26, wiegand34    facility and number in decimal; in one field with `:` or `,` between: `;1:5278`
    wiegand37               the same of an H10304 card
    wiegand26_raw, wiegand34_raw, wiegand37_raw
                            all 24, 32 or 35 bits without parity as one decimal number; H10302 cards have no facility
    em4100_hex, em4100_dec  all five bytes, ten hexadecimal digits or one decimal number
    iso14443_hex            the UID: 8, 14 or 20 hexadecimal digits, with or without `:`, `-` or blanks between bytes;
                            16 digits that begin with E0 are an ISO 15693 card
    iso14443_hex_reversed   the same, last byte first
    text                    the door system's own text is the card, whatever it means: `door:5278`

The values are those of the readers that see the card itself (wiegand.py, em4100.py, pcsc.py), so that a card enrolled
at one is known at the other. What lacks bits of the card is told as a part, which must be refused as ambiguous and
cannot be enrolled: a number without its facility (`wiegand26-part:5278`), a tag id without its version byte
(`em4100-part:0368568B`; a decimal number of 32 bits or less may lack it, unless it is written in all 13 digits), the
first stage of a longer UID (`iso14443-part:88A1B2C3`), and any text where no profile was given (`door-part:5278`). A
UID of four bytes that begins with 08 is made up anew each time, as phones do, and is no badge.

In `door:` small letters, digits and hyphens stand for themselves, every other byte of the UTF-8 text as % and two
hexadecimal digits, a colon between facility and number: two texts never have one value, also where case does not count.

Sources: as in wiegand.py, em4100.py, keyboard.py and pcsc.py for the cards; Suprema, How to indicate EM4100 card on
Suprema products (decimal and hexadecimal numbers of one card). No door system adds a check: a wrong digit is another
card. An error never repeats what was written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from drivers.api import Context, Decoded, DecodeError, Driver, Frame, Measurement, Truncated, Unsupported

MOST = 256
"""Bytes of a payload."""
RANDOM_UID, CASCADE_TAG, ISO15693 = 0x08, 0x88, 0xE0
WIEGAND: Mapping[int, tuple[int, int]] = {26: (8, 16), 34: (16, 16), 37: (16, 19)}
"""Bits of the message -> bits of facility and number. Of 37 bits it is how H10304 cuts them."""
_DECIMAL = re.compile(r"[0-9]{1,20}")
_BOTH = re.compile(r"([0-9]{1,5})[:,]([0-9]{1,7})")
_TAG = re.compile(r"[0-9A-Fa-f]{8}|[0-9A-Fa-f]{10}")
_UID = re.compile(r"[0-9A-Fa-f]{2}(?:[:\- ]?[0-9A-Fa-f]{2}){3,9}")
_EM4100_DIGITS = 13
"""Of 40 bits in decimal."""
_PLAIN = frozenset("0123456789abcdefghijklmnopqrstuvwxyz-")


def decode(frame: Frame) -> list[Measurement]:
    """Without a profile: a part of a card."""
    facility, number = _fields(frame.payload)
    return [Measurement("badge", f"door-part:{_quoted(facility, number)}")]


def decode_with(frame: Frame, context: Context) -> Decoded:
    """As the profile says."""
    read = _READ.get(context.profile)
    if read is None:
        return Decoded(decode(frame))
    return Decoded([Measurement("badge", read(*_fields(frame.payload)))])


def _fields(data: bytes) -> tuple[str, str]:
    if len(data) > MOST:
        raise DecodeError(f"{len(data)} bytes, at most {MOST} are a number")
    try:
        facility, mark, number = data.decode().partition(";")
    except UnicodeDecodeError as error:
        raise DecodeError("not UTF-8") from error
    if not mark:
        raise Truncated("no semicolon between facility and number")
    if not number:
        raise Truncated("no number")
    return facility, number


def _quoted(facility: str, number: str) -> str:
    """Any text, so that no two look alike where the case of letters does not count."""
    text = _plain(number)
    return f"{_plain(facility)}:{text}" if facility else text


def _plain(text: str) -> str:
    return "".join(chr(byte) if chr(byte) in _PLAIN else f"%{byte:02x}" for byte in text.encode())


def _text(facility: str, number: str) -> str:
    return f"door:{_quoted(facility, number)}"


def _decimal(text: str) -> int:
    if not _DECIMAL.fullmatch(text):
        raise DecodeError(f"{len(text)} characters that are no decimal number")
    return int(text)


def _alone(facility: str) -> None:
    if facility:
        raise DecodeError("a facility beside a number that holds all bits")


# --- Wiegand ---------------------------------------------------------------------------------------------------------


def _parts(length: int, facility: str, number: str) -> str:
    """Facility and number; a number alone is a part."""
    both = _BOTH.fullmatch(number)
    if both is not None:
        _alone(facility)
        facility, number = both[1], both[2]
    wide, narrow = WIEGAND[length]
    low = _decimal(number)
    if not facility:
        return f"wiegand{length}-part:{low}"
    high = _decimal(facility)
    if high >> wide or low >> narrow:
        raise DecodeError(f"more than a card of {length} bits can hold")
    return _card(length, high << narrow | low)


def _raw(length: int, facility: str, number: str) -> str:
    """All bits in one number."""
    _alone(facility)
    bits = _decimal(number)
    if bits >> sum(WIEGAND[length]):
        raise DecodeError(f"more than a card of {length} bits can hold")
    return _card(length, bits)


def _card(length: int, bits: int) -> str:
    """As wiegand.py says it: of 37 bits, one number."""
    if length == 37:
        return f"wiegand37:{bits}"
    narrow = WIEGAND[length][1]
    return f"wiegand{length}:{bits >> narrow}:{bits & ((1 << narrow) - 1)}"


# --- EM4100 and ISO 14443 --------------------------------------------------------------------------------------------


def _em4100_hex(facility: str, number: str) -> str:
    _alone(facility)
    if not _TAG.fullmatch(number):
        raise DecodeError(f"{len(number)} characters; a tag id has 10 hexadecimal digits, or 8 without its version")
    return f"em4100:{number.upper()}" if len(number) == 10 else f"em4100-part:{number.upper()}"


def _em4100_dec(facility: str, number: str) -> str:
    _alone(facility)
    tag = _decimal(number)
    if tag >> 40:
        raise DecodeError("more than 40 bits")
    if tag >> 32 or len(number) == _EM4100_DIGITS:
        return f"em4100:{tag:010X}"
    return f"em4100-part:{tag:08X}"


def _iso14443_hex(facility: str, number: str) -> str:
    return _uid(_bytes(facility, number))


def _iso14443_hex_reversed(facility: str, number: str) -> str:
    return _uid(_bytes(facility, number)[::-1])


def _bytes(facility: str, number: str) -> bytes:
    _alone(facility)
    if not _UID.fullmatch(number):
        raise DecodeError(f"{len(number)} characters that are no UID")
    return bytes.fromhex(re.sub(r"[:\- ]", "", number))


def _uid(uid: bytes) -> str:
    """As pcsc.py says it."""
    text = uid.hex().upper()
    if len(uid) == 8:
        if uid[0] != ISO15693:
            raise Unsupported("eight bytes that do not begin with E0")
        return f"iso15693:{text}"
    if len(uid) not in (4, 7, 10):
        raise Unsupported(f"{len(uid)} bytes of UID")
    if len(uid) == 4 and uid[0] == RANDOM_UID:
        raise Unsupported("random UID")
    return f"iso14443-part:{text}" if len(uid) == 4 and uid[0] == CASCADE_TAG else f"iso14443:{text}"


_READ: Mapping[str, Callable[[str, str], str]] = {
    "wiegand26": lambda facility, number: _parts(26, facility, number),
    "wiegand26_raw": lambda facility, number: _raw(26, facility, number),
    "wiegand34": lambda facility, number: _parts(34, facility, number),
    "wiegand34_raw": lambda facility, number: _raw(34, facility, number),
    "wiegand37": lambda facility, number: _parts(37, facility, number),
    "wiegand37_raw": lambda facility, number: _raw(37, facility, number),
    "em4100_hex": _em4100_hex,
    "em4100_dec": _em4100_dec,
    "iso14443_hex": _iso14443_hex,
    "iso14443_hex_reversed": _iso14443_hex_reversed,
    "text": _text,
}

DRIVER = Driver(
    name="door",
    title="Door (access-control) system, its badge numbers as its profile says",
    media=("door",),
    modality="badge",
    decode=decode,
    decode_with=decode_with,
    profiles=tuple(_READ),
    kinds=("badge",),
    checked="2026-11-26",
)
