"""Readers that pose as a keyboard (USB HID) and type a card's number.

The payload is one typed line without its end. Nothing in it says what it is: `0012345678` may be the last 32 bits of an
EM4100 card or five bytes of it. The profile says how the reader is set:

    em10d        ten decimal digits, the last 32 bits of an EM4100 card: its version byte is missing
    em10h        ten hexadecimal digits, all five bytes of an EM4100 card
    wg26         facility in three digits and number in five, with or without a comma between
    uid          8, 14 or 20 hexadecimal digits, the UID of an ISO 14443 card; 16, of an ISO 15693 card, E0 first
    uid_reversed the same, last byte first

What lacks bits of the card is told as a part: `em4100-part:<hex>` (em10d), `iso14443-part:<hex>` (a UID of four bytes
that begins with the cascade tag 88 is the first stage of a longer one), and `keyboard-part:<digits>` for a reader
without a profile. No whole card has such a form; it must be refused as ambiguous, and cannot be enrolled. A UID of four
bytes that begins with 08 is made up anew each time, as phones do, and is no badge.

Sources: Suprema, How to indicate EM4100 card on Suprema products (methods 1 and 2); HID, OMNIKEY 5x27CK keyboard wedge
guide 5127-902, section 2.3.5 (formats); NXP AN10927 rev 4.1 (random UID, cascade tag). No line carries a
check. People type too: an error never repeats what was typed.
"""

from __future__ import annotations

import re

from drivers.api import Context, Decoded, DecodeError, Driver, Frame, Measurement, Unsupported

PROFILES = ("em10d", "em10h", "wg26", "uid", "uid_reversed")
RANDOM_UID, CASCADE_TAG, ISO15693 = 0x08, 0x88, 0xE0
_TYPED = {
    "": re.compile(rb"[0-9A-Fa-f]{6,20}|[0-9]{3},[0-9]{5}"),
    "em10d": re.compile(rb"[0-9]{10}"),
    "em10h": re.compile(rb"[0-9A-Fa-f]{10}"),
    "wg26": re.compile(rb"([0-9]{3}),?([0-9]{5})"),
    "uid": re.compile(rb"[0-9A-Fa-f]{8}|(?:[0-9A-Fa-f]{2}){7,8}|[0-9A-Fa-f]{20}"),
}
_TYPED["uid_reversed"] = _TYPED["uid"]


def decode(frame: Frame) -> list[Measurement]:
    """Without a profile: a part of a card."""
    return _read(frame, "")


def decode_with(frame: Frame, context: Context) -> Decoded:
    """As the profile says."""
    return Decoded(_read(frame, context.profile if context.profile in PROFILES else ""))


def _read(frame: Frame, profile: str) -> list[Measurement]:
    found = _TYPED[profile].fullmatch(frame.payload)
    if found is None:
        raise DecodeError(f"{len(frame.payload)} characters that are not what {profile or 'a reader'} types")
    text = found[0].decode("ascii").upper()
    match profile:
        case "em10d":
            number = int(text)
            if number > 0xFFFFFFFF:
                raise DecodeError("more than 32 bits")
            value = f"em4100-part:{number:08X}"
        case "em10h":
            value = f"em4100:{text}"
        case "wg26":
            facility, number = int(found[1]), int(found[2])
            if facility > 0xFF or number > 0xFFFF:
                raise DecodeError("more than a card of 26 bits can hold")
            value = f"wiegand26:{facility}:{number}"
        case "uid":
            value = _uid(bytes.fromhex(text))
        case "uid_reversed":
            value = _uid(bytes.fromhex(text)[::-1])
        case _:
            value = f"keyboard-part:{text.replace(',', ':')}"
    return [Measurement("badge", value)]


def _uid(uid: bytes) -> str:
    text = uid.hex().upper()
    if len(uid) == 8:
        if uid[0] != ISO15693:
            raise Unsupported("eight bytes that do not begin with E0")
        return f"iso15693:{text}"
    if len(uid) == 4 and uid[0] == RANDOM_UID:
        raise Unsupported("random UID")
    return f"iso14443-part:{text}" if len(uid) == 4 and uid[0] == CASCADE_TAG else f"iso14443:{text}"


DRIVER = Driver(
    name="keyboard",
    title="USB keyboard reader (EM4100, Wiegand 26 or UID, as its profile says)",
    media=("keyboard",),
    modality="badge",
    decode=decode,
    decode_with=decode_with,
    profiles=PROFILES,
    kinds=("badge",),
    checked="2026-11-26",
)
