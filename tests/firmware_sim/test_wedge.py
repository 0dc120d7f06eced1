"""What wedges type and PC/SC readers answer, against text written out by hand and against the drivers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.api import Context, Frame
from drivers.badge import keyboard, pcsc
from firmware_sim import wedge

TAG = bytes.fromhex("4B00423C15")
tags = st.binary(min_size=5, max_size=5)
uids = st.one_of(
    st.binary(min_size=4, max_size=4).filter(lambda uid: uid[0] not in (0x08, 0x88)),
    st.binary(min_size=7, max_size=7),
    st.binary(min_size=10, max_size=10),
    st.binary(min_size=7, max_size=7).filter(lambda uid: uid[-1] != 0xE0).map(lambda uid: b"\xe0" + uid),
)


def typed(line: bytes, profile: str) -> str:
    (made,) = keyboard.decode_with(Frame("keyboard", "test", "", line), Context(profile=profile)).measurements
    assert isinstance(made.value, str)
    return made.value


def test_by_hand() -> None:
    assert wedge.em10d(TAG) == b"0004340757"
    assert wedge.em10h(TAG) == b"4B00423C15"
    assert wedge.wg26(TAG) == b"06615381"
    assert wedge.wg26(TAG, ",") == b"066,15381"
    assert wedge.uid(b"\x04\xa1") == b"04A1"
    assert wedge.uid(b"\x04\xa1", last_first=True) == b"A104"
    assert wedge.answer(b"\x04\xa1").hex() == "04a19000"
    assert wedge.answer(b"", 0x6A81).hex() == "6a81"
    with pytest.raises(ValueError, match="5 bytes"):
        wedge.em10h(b"\x00")


@given(tags)
def test_tags_are_read_back(tag: bytes) -> None:
    assert typed(wedge.em10h(tag), "em10h") == f"em4100:{tag.hex().upper()}"
    assert typed(wedge.em10d(tag), "em10d") == f"em4100-part:{tag[1:].hex().upper()}"
    for comma in ("", ","):
        number = int.from_bytes(tag[3:], "big")
        assert typed(wedge.wg26(tag, comma), "wg26") == f"wiegand26:{tag[2]}:{number}"


@given(uids)
def test_uids_are_read_back(uid: bytes) -> None:
    value = f"{'iso15693' if len(uid) == 8 else 'iso14443'}:{uid.hex().upper()}"
    assert typed(wedge.uid(uid), "uid") == value
    assert typed(wedge.uid(uid, last_first=True), "uid_reversed") == value
    (made,) = pcsc.decode(Frame("pcsc", "test", "", wedge.answer(uid)))
    assert made.value == value
