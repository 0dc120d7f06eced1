"""What card readers on USB hand over: the text that a keyboard wedge types, and a PC/SC reader's answer; encode only.

An EM4100 card has five bytes, of which the first is its version; wedges type its last 32 bits in decimal, its last 24
as facility and number, or all of it in hexadecimal. The answer to FF CA 00 00 00 is the UID, 90 00.
"""

from __future__ import annotations


def em10d(tag: bytes) -> bytes:
    """Ten decimal digits, without the version byte."""
    return f"{int.from_bytes(_five(tag)[1:], 'big'):010d}".encode("ascii")


def em10h(tag: bytes) -> bytes:
    """Ten hexadecimal digits."""
    return _five(tag).hex().upper().encode("ascii")


def wg26(tag: bytes, comma: str = "") -> bytes:
    """Facility and number as a Wiegand reader would send them."""
    low = _five(tag)[2:]
    return f"{low[0]:03d}{comma}{int.from_bytes(low[1:], 'big'):05d}".encode("ascii")


def uid(card: bytes, *, last_first: bool = False) -> bytes:
    """The UID in hexadecimal."""
    return (card[::-1] if last_first else card).hex().upper().encode("ascii")


def answer(card: bytes, status: int = 0x9000) -> bytes:
    """A PC/SC reader's answer to Get Data."""
    return card + status.to_bytes(2, "big")


def _five(tag: bytes) -> bytes:
    if len(tag) != 5:
        raise ValueError(f"an EM4100 card has 5 bytes, not {len(tag)}")
    return tag
