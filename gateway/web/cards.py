"""What a keyboard reader at a kiosk types, or a phone that reads cards gives -> the cards that it may be.

A reader that types says nothing of how it is set, so one line may be several cards. Each way of reading it is taken on
its own, by the driver that reads the same line on a gateway (drivers/badge/keyboard.py names the sources of each), and
gives credentials as drivers report them. Who holds any of them is then asked: one person, and it is their card; two,
and nobody is meant.

    setting       typed             cards
    em10h         4B00423C15        em4100:4B00423C15
    em10d         0004340757        em4100:??00423C15: the version byte is not typed, so all 256 are asked for
    em13d         0322126789653     all 40 bits in decimal, as door systems write them (drivers/badge/door.py)
    uid           04A1B2C3D4E580    iso14443:04A1B2C3D4E580; 16 digits that begin with E0: iso15693
    uid_reversed  80E5D4C3B2A104    the same, last byte first
    uid10d        0899023531        a UID of four bytes in decimal, first or last byte first (the ten-digit setting of
                                    13.56 MHz readers, which is that of em10d; makers differ in the order of bytes)
    wg26          061,04822         wiegand26:61:4822; also 06104822

Between the bytes of a UID `:`, `-` and blanks may stand: so the Web NFC API of a phone writes it. Nothing here is a
proof: whoever can type can type a number. It is `claimed`, and a person confirms what follows from it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import NamedTuple

from drivers.api import Context, DecodeError, Driver, Frame
from drivers.badge import door, keyboard
from gateway.credentials import PART

LONGEST = 32
"""Characters that are looked at."""
SETTINGS = ("em10h", "em10d", "em13d", "uid", "uid_reversed", "uid10d", "wg26")
MOST = 512
"""Cards that one line may be; fewer, in truth."""
_UID = re.compile(r"[0-9A-Fa-f]{2}(?:([:\- ])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2})*")
_TEN = re.compile(r"[0-9]{10}")
_THIRTEEN = re.compile(r"[0-9]{13}")


class Card(NamedTuple):
    """A card that the line may be."""

    credential: str
    """As a driver reports it: `em4100:4B00423C15`."""
    setting: str
    """One of SETTINGS: how the reader is set, if it is this card."""


def cards(typed: str, settings: Iterable[str] = SETTINGS) -> tuple[Card, ...]:
    """All cards that `typed` may be, if the reader is set in one of `settings`; none for what is no card's number.

    At most MOST, each credential once, in an order that depends on nothing else. Never raises for what was typed.
    """
    text = typed.strip()
    if len(text) > LONGEST or not text.isascii():
        return ()
    if _UID.fullmatch(text):
        text = re.sub(r"[:\- ]", "", text)
        settings = [setting for setting in settings if setting in ("uid", "uid_reversed")]
    found: dict[str, Card] = {}
    for setting in settings:
        for credential in _READ[setting](text):
            found.setdefault(credential, Card(credential, setting))
    return tuple(found.values())


def whole(typed: str, settings: Iterable[str] = SETTINGS) -> str | None:
    """The one credential that can be enrolled of what was typed; None where it may be several cards, or none."""
    found = cards(typed, settings)
    return found[0].credential if len(found) == 1 else None


def _driver(driver: Driver, text: str, profile: str) -> list[str]:
    frame = Frame(driver.media[0], "kiosk", "", text.encode())
    assert driver.decode_with is not None  # noqa: S101 both have profiles
    try:
        return [str(one.value) for one in driver.decode_with(frame, Context(profile=profile)).measurements]
    except DecodeError:
        return []


def _read(profile: str, text: str) -> list[str]:
    """As a keyboard reader of that profile; parts of cards are no card."""
    return [value for value in _driver(keyboard.DRIVER, text, profile) if not value.partition(":")[0].endswith(PART)]


def _em10d(text: str) -> list[str]:
    return [
        f"em4100:{version:02X}{value.partition(':')[2]}"
        for value in _driver(keyboard.DRIVER, text, "em10d")
        for version in range(256)
    ]


def _em13d(text: str) -> list[str]:
    return _driver(door.DRIVER, f";{text}", "em4100_dec") if _THIRTEEN.fullmatch(text) else []


def _uid10d(text: str) -> list[str]:
    number = int(text) if _TEN.fullmatch(text) else 1 << 32
    if number >> 32:
        return []
    return [value for profile in ("uid", "uid_reversed") for value in _read(profile, f"{number:08X}")]


_READ: Mapping[str, Callable[[str], list[str]]] = {
    "em10h": partial(_read, "em10h"),
    "em10d": _em10d,
    "em13d": _em13d,
    "uid": partial(_read, "uid"),
    "uid_reversed": partial(_read, "uid_reversed"),
    "uid10d": _uid10d,
    "wg26": partial(_read, "wg26"),
}
