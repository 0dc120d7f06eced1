"""Wiegand messages and what bridges make of them, against bytes worked out by hand and against the drivers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.api import BadChecksum, Context, Frame
from drivers.badge import wiegand_serial
from drivers.badge.wiegand import DRIVER
from firmware_sim import wiegand

BRIDGES = {driver.name: driver for driver in wiegand_serial.DRIVERS}
FORMATS: dict[int, tuple[Callable[..., str], tuple[int, ...]]] = {
    26: (wiegand.h10301, (8, 16)),
    34: (wiegand.h10306, (16, 16)),
    35: (wiegand.corporate35, (12, 20)),
    37: (wiegand.h10302, (35,)),
    48: (wiegand.corporate48, (22, 23)),
}


def fields_of(length: int) -> st.SearchStrategy[tuple[int, ...]]:
    return st.tuples(*(st.integers(0, (1 << size) - 1) for size in FORMATS[length][1]))


def read(bits: str) -> str:
    (made,) = DRIVER.decode(Frame("wiegand", "test", "", wiegand.payload(bits)))
    assert isinstance(made.value, str)
    return made.value


def bridged(name: str, payload: bytes, profile: str = "") -> str:
    driver = BRIDGES[name]
    assert driver.framer is not None
    made = driver.framer(b"", payload)
    assert (made.state, made.frames, made.dropped) == (b"", [payload], {})
    frame = Frame(f"serial:{name}", "test", "", payload)
    decoded = (
        driver.decode_with(frame, Context(profile=profile)).measurements
        if driver.decode_with is not None
        else driver.decode(frame)
    )
    (measurement,) = decoded
    assert isinstance(measurement.value, str)
    return measurement.value


def test_messages_by_hand() -> None:
    # 3D 12 D6: five ones in the first half, six in the second
    assert wiegand.h10301(0x3D, 0x12D6) == "00011110100010010110101101"
    assert wiegand.h10306(0x6B3D, 0x12D6) == "0011010110011110100010010110101100"
    assert wiegand.h10302(1 << 17) == "1000000000000000001000000000000000000"
    assert wiegand.h10304(0, 1 << 17) == wiegand.h10302(1 << 17)
    assert wiegand.corporate35(0, 0) == "00" + "0" * 32 + "1"
    assert wiegand.corporate35(0x800, 0) == "011" + "0" * 31 + "1"
    assert wiegand.corporate48(0, 0) == "00" + "0" * 45 + "1"
    assert wiegand.corporate48(0x200000, 0) == "001" + "0" * 44 + "0"


def test_keys_by_hand() -> None:
    assert [wiegand.key("9", bits) for bits in (4, 6, 8)] == ["1001", "110010", "01101001"]
    assert [wiegand.key("#", bits) for bits in (4, 6, 8)] == ["1011", "110111", "01001011"]
    with pytest.raises(ValueError, match="4, 6 or 8"):
        wiegand.key("1", 5)


def test_payload_by_hand() -> None:
    assert wiegand.payload("1001").hex() == "0490"
    assert wiegand.payload(wiegand.h10301(0x3D, 0x12D6)).hex() == "1a1e896b40"


def test_numbers_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="does not fit 8 bits"):
        wiegand.h10301(256, 0)


def test_bridges_by_hand() -> None:
    card = wiegand.h10301(0x3D, 0x12D6)
    assert wiegand.decimal_line(card) == b"0004002518\r\n"
    assert wiegand.comma_line(card) == b"\n061,04822\r"
    assert wiegand.hex_line(card) == b"\n3D12D6\r"
    assert wiegand.bits_line("1001") == b"\n1001\r"
    assert wiegand.frame7941(bytes.fromhex("2E00B6D7B5")).hex() == "020a022e00b6d7b5f203"


@pytest.mark.parametrize("length", FORMATS)
@given(data=st.data())
def test_cards_are_read_back(length: int, data: st.DataObject) -> None:
    encode, _ = FORMATS[length]
    fields = data.draw(fields_of(length))
    bits = encode(*fields)
    assert len(bits) == length
    assert read(bits) == ":".join((f"wiegand{length}", *map(str, fields)))


@pytest.mark.parametrize("length", FORMATS)
@given(data=st.data())
def test_one_flipped_bit_is_refused(length: int, data: st.DataObject) -> None:
    bits = list(FORMATS[length][0](*data.draw(fields_of(length))))
    at = data.draw(st.integers(0, length - 1))
    bits[at] = "10"[int(bits[at])]
    with pytest.raises(BadChecksum):
        read("".join(bits))


@given(pressed=st.sampled_from(wiegand.KEYS), bits=st.sampled_from((4, 6, 8)))
def test_keys_are_read_back(pressed: str, bits: int) -> None:
    assert read(wiegand.key(pressed, bits)) == pressed


@given(fields_of(26))
def test_bridges_of_26_bits_are_read_back(fields: tuple[int, ...]) -> None:
    bits = wiegand.h10301(*fields)
    value = f"wiegand26:{fields[0]}:{fields[1]}"
    assert bridged("wiegand_decimal", wiegand.decimal_line(bits), "w26") == value
    assert bridged("wiegand_comma", wiegand.comma_line(bits)) == value
    assert bridged("wiegand_hex", wiegand.hex_line(bits), "w26") == value
    assert bridged("wiegand_bits", wiegand.bits_line(bits)) == value


@given(fields_of(34), fields_of(37))
def test_bridges_of_34_and_37_bits_are_read_back(wide: tuple[int, ...], wider: tuple[int, ...]) -> None:
    value = f"wiegand34:{wide[0]}:{wide[1]}"
    assert bridged("wiegand_decimal", wiegand.decimal_line(wiegand.h10306(*wide)), "w34") == value
    assert bridged("wiegand_hex", wiegand.hex_line(wiegand.h10306(*wide)), "w34") == value
    assert bridged("wiegand_bits", wiegand.bits_line(wiegand.h10306(*wide))) == value
    assert bridged("wiegand_hex", wiegand.hex_line(wiegand.h10302(*wider)), "w37") == f"wiegand37:{wider[0]}"
    assert bridged("wiegand_bits", wiegand.bits_line(wiegand.h10302(*wider))) == f"wiegand37:{wider[0]}"


@given(st.binary(min_size=5, max_size=5))
def test_the_module_is_read_back(tag: bytes) -> None:
    assert bridged("reader7941", wiegand.frame7941(tag)) == f"em4100:{tag.hex().upper()}"
