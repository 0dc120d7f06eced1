"""How a device is known on a medium that many devices share: what an address looks like there, and its one spelling."""

from __future__ import annotations

import re
from typing import NamedTuple


class Form(NamedTuple):
    """Of the addresses of one type of source."""

    pattern: str
    words: str
    """What an address is there, for people."""


_NUMBER = r"0|[1-9][0-9]{0,2}"
FORMS = {
    "ble": Form(r"[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}", 'a Bluetooth address, "A4:C1:38:05:8E:E9"'),
    "enocean": Form(r"[0-9A-Fa-f]{8}", 'an EnOcean id of eight hexadecimal digits, "0512ABCD"'),
    "osdp": Form(_NUMBER, 'an OSDP address, "0" to "126"'),
    "modbus": Form(_NUMBER, 'a unit address, "1" to "247"'),
    "lorawan": Form(r"[0-9A-Fa-f]{2}(?:[:-]?[0-9A-Fa-f]{2}){7}", "a DevEUI of sixteen hexadecimal digits"),
    "mqtt": Form(r"[^+#\x00]{1,256}", "a topic, without + and #"),
    "gpio": Form(_NUMBER, 'the number of a line, "17"'),
}
"""By type of source. Those that are not here know their devices by any text."""
ANY = Form(r".{1,256}", "text")
_HIGHEST = {"osdp": (0, 126), "modbus": (1, 247), "gpio": (0, 511)}


def form(medium: str) -> Form:
    """What an address looks like on sources of type `medium`."""
    return FORMS.get("ble" if medium == "replay" else medium, ANY)


def fits(medium: str, address: str) -> bool:
    """Whether `address` can be one there."""
    if re.fullmatch(form(medium).pattern, address) is None:
        return False
    if medium not in _HIGHEST:
        return True
    lowest, highest = _HIGHEST[medium]
    return lowest <= int(address) <= highest


def spelled(medium: str, address: str) -> str:
    """The one spelling of an address that fits: that in which sources name the sender of a frame."""
    match medium:
        case "ble" | "replay":
            return address.upper().replace("-", ":")
        case "enocean":
            return address.upper()
        case "lorawan":
            return address.lower().replace("-", "").replace(":", "")
        case _:
            return address
