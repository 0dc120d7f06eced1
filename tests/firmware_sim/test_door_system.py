"""What the simulated door system sends, against text written out by hand and against the driver."""

from __future__ import annotations

import json
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from drivers.api import Context, Frame
from drivers.badge import door
from firmware_sim import door_system

AT = 1_795_651_923_500_000_000
TAP = door_system.Tap("Gate A", "5278", AT, 41, "1")


def read(number: str, profile: str, facility: str = "") -> str:
    payload = f"{facility};{number}".encode()
    (made,) = door.decode_with(Frame("door", "test", "", payload), Context(profile=profile)).measurements
    assert isinstance(made.value, str)
    return made.value


def test_by_hand() -> None:
    assert json.loads(door_system.message(TAP)) == {
        "event": {"id": 41, "type": "access_granted"},
        "time": "2026-11-26T00:12:03.500Z",
        "door": {"reader": "Gate A"},
        "card": {"number": "5278", "facility": 1},
    }
    assert json.loads(door_system.message(TAP, milliseconds=True))["time"] == 1_795_651_923_500
    assert len(json.loads(door_system.message(TAP, TAP._replace(id=42, facility="")))) == 2
    assert door_system.header(";") == b"Event ID;Date/Time;Reader;Facility;Card;Result\r\n"
    line = door_system.line(TAP._replace(reader="Gate A, north"), ZoneInfo("Asia/Makassar"))
    assert line == b'41,2026-11-26 08:12:03.500,"Gate A, north",1,5278,granted\r\n'
    tag = bytes.fromhex("4B00423C15")
    assert door_system.tag_hex(tag) == "4b00423c15"
    assert door_system.tag_dec(tag) == "0322126887957"
    assert door_system.tag_dec(tag, 10) == "0004340757"
    assert door_system.uid_hex(b"\x04\xa1\xb2\xc3") == "04:A1:B2:C3"
    assert door_system.split(70814, 16) == ("1", "5278")


@given(st.integers(0, (1 << 35) - 1), st.binary(min_size=5, max_size=5))
def test_cards_are_read_back(bits: int, tag: bytes) -> None:
    facility, number = door_system.split(bits & 0xFFFFFF, 16)
    assert read(number, "wiegand26", facility) == f"wiegand26:{facility}:{number}"
    facility, number = door_system.split(bits & 0xFFFFFFFF, 16)
    assert read(number, "wiegand34", facility) == f"wiegand34:{facility}:{number}"
    facility, number = door_system.split(bits, 19)
    assert read(number, "wiegand37", facility) == f"wiegand37:{bits}"
    assert read(door_system.tag_hex(tag), "em4100_hex") == f"em4100:{tag.hex().upper()}"
    assert read(door_system.tag_dec(tag), "em4100_dec") == f"em4100:{tag.hex().upper()}"
    assert read(door_system.tag_dec(tag, 10), "em4100_dec") == f"em4100-part:{tag[1:].hex().upper()}"
