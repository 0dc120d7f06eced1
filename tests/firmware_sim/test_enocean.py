"""Packets of the EnOcean gateway against bytes worked out by hand, and what the driver reads in them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.api import Context, Decoded, DecodeError, Frame
from drivers.occupancy.enocean_esp3.telegrams import DRIVER, sender_of
from firmware_sim import enocean

SENDER = 0x0512ABCD
senders = st.integers(0, 0xFFFFFFFF)
volts = st.integers(0, 250).map(lambda raw: raw / 50)


def read(packet: bytes, profile: str = "") -> list[tuple[str, Any]]:
    assert DRIVER.decode_with is not None
    made: Decoded = DRIVER.decode_with(Frame("serial:enocean_esp3", "test", "", packet), Context(profile=profile))
    assert made.counter is None
    return [(m.kind, m.value) for m in made.measurements[2:]]


def close(made: list[tuple[str, Any]]) -> dict[str, Any]:
    return {kind: value if isinstance(value, bool) else pytest.approx(value, abs=1e-3) for kind, value in made}


def test_checksum_of_known_heads() -> None:
    assert enocean.crc8(bytes.fromhex("000a0701")) == 0xEB
    assert enocean.crc8(bytes.fromhex("00070701")) == 0x7A
    assert enocean.crc8(bytes.fromhex("00010005")) == 0x70


def test_response() -> None:
    assert enocean.response().hex() == "5500010002650000"


def test_layout_of_a_radio_telegram() -> None:
    made = enocean.radio(enocean.ONE_BS, b"\x09", SENDER, dbm=-70).hex()
    assert made.startswith("55000707017a" "d5" "09" "0512abcd" "00" "01ffffffff4600")  # fmt: skip


@pytest.mark.parametrize(
    ("packet", "data"),
    [
        (enocean.pir(SENDER, True, 3.2), "a5a000ff09"),
        (enocean.pir(SENDER, False), "a500000008"),
        (enocean.pir_with_light(SENDER, True, 3.0, 301), "a5964b4088"),
        (enocean.pir_with_light(SENDER, False, 3.0, 40_000), "a596fa4008"),
        (enocean.room_sensor(SENDER, True, 3.2, 200, 22.0), "a5a0646e09"),
        (enocean.room_sensor(SENDER, False, 3.2, 9000, 22.0, pressed=True), "a5a0ff6e0a"),
        (enocean.contact(SENDER, True), "d508"),
        (enocean.contact(SENDER, False), "d509"),
        (enocean.rocker(SENDER), "f600"),
        (enocean.rocker(SENDER, "bi"), "f650"),
        (enocean.rocker(SENDER, "ao", "bo"), "f637"),
        (enocean.temperature(SENDER, 40.0), "a500000008"),
        (enocean.climate(SENDER, 24.0, 50.0), "a5007d960a"),
        (enocean.climate(SENDER, None, 50.0), "a5007d0008"),
        (enocean.four_bs_teach_in(SENDER, 0x07, 0x01, 0x00D), "a51c080d80"),
        (enocean.one_bs_teach_in(SENDER), "d500"),
        (enocean.universal_teach_in(SENDER, (0xD2, 0x01, 0x01), 0x03E), "d4a0ff3e000101d2"),
    ],
)
def test_sensor_bytes(packet: bytes, data: str) -> None:
    assert packet[6:].hex().startswith(data + "0512abcd")


@given(sender=senders, motion=st.booleans(), supply=st.one_of(st.none(), volts))
def test_pir(sender: int, motion: bool, supply: float | None) -> None:
    packet = enocean.pir(sender, motion, supply)
    expected = [("motion", motion)] + ([] if supply is None else [("voltage", supply)])
    assert dict(read(packet, "A5-07-01")) == close(expected)
    assert sender_of(packet) == f"{sender:08X}"


@given(motion=st.booleans(), supply=volts, lux=st.integers(0, 60_000))
def test_pir_with_light(motion: bool, supply: float, lux: int) -> None:
    made = dict(read(enocean.pir_with_light(SENDER, motion, supply, lux), "A5-07-03"))
    assert made == close([("motion", motion), ("voltage", supply), *([("illuminance", lux)] if lux <= 1000 else [])])


@given(motion=st.booleans(), supply=volts, lux=st.integers(0, 255), celsius=st.integers(0, 255), pressed=st.booleans())
def test_room_sensor(motion: bool, supply: float, lux: int, celsius: int, pressed: bool) -> None:
    made = dict(read(enocean.room_sensor(SENDER, motion, supply, lux * 2, celsius / 5, pressed=pressed), "A5-08-01"))
    assert (made.pop("button", None) == "press") == pressed
    expected = [("motion", motion), ("voltage", supply), ("illuminance", lux * 2), ("temperature", celsius / 5)]
    assert made == close(expected)


@given(opened=st.booleans())
def test_contact(opened: bool) -> None:
    assert read(enocean.contact(SENDER, opened), "D5-00-01") == [("opening", opened)]


@pytest.mark.parametrize("buttons", [("ai",), ("ao",), ("bi",), ("bo",), ("ai", "bi"), ("ao", "bo")])
def test_rocker(buttons: tuple[str, ...]) -> None:
    assert DRIVER.decode_with is not None
    frame = Frame("serial:enocean_esp3", "test", "", enocean.rocker(SENDER, *buttons))
    made = DRIVER.decode_with(frame, Context(profile="F6-02-01")).measurements[2:]
    assert [(m.kind, m.value, m.channel) for m in made] == [("button", "press", button) for button in buttons]
    assert read(enocean.rocker(SENDER), "F6-02-01") == [("button", "release")]


@given(celsius=st.floats(0, 40))
def test_temperature(celsius: float) -> None:
    ((kind, value),) = read(enocean.temperature(SENDER, celsius), "A5-02-05")
    assert (kind, value) == ("temperature", pytest.approx(celsius, abs=0.08))


@given(celsius=st.one_of(st.none(), st.floats(0, 40)), humidity=st.floats(0, 100))
def test_climate(celsius: float | None, humidity: float) -> None:
    made = dict(read(enocean.climate(SENDER, celsius, humidity), "A5-04-01"))
    assert made.pop("humidity") == pytest.approx(humidity, abs=0.21)
    assert made.pop("temperature", None) == (None if celsius is None else pytest.approx(celsius, abs=0.09))
    assert made == {}


@given(
    sender=senders,
    profile=st.sampled_from(DRIVER.profiles),
    maker=st.integers(0, 0x7FF),
    function=st.integers(0, 63),
    kind=st.integers(0, 127),
)
def test_a_teach_in_is_never_data(sender: int, profile: str, maker: int, function: int, kind: int) -> None:
    teach = (
        enocean.four_bs_teach_in(sender, function, kind, maker),
        enocean.one_bs_teach_in(sender),
        enocean.universal_teach_in(sender, (0xA5, function, kind), maker),
    )
    assert [read(packet, profile) for packet in teach] == [[], [], []]


@given(sender=senders, at=st.integers(0, 23), bits=st.integers(1, 255))
def test_a_damaged_byte_never_says_who_sent_it(sender: int, at: int, bits: int) -> None:
    packet = bytearray(enocean.pir(sender, True, 3.0))
    packet[at] ^= bits
    with pytest.raises(DecodeError):
        sender_of(bytes(packet))


def test_only_telegrams_have_a_sender() -> None:
    assert sender_of(enocean.response()) == ""
    assert DRIVER.sender is sender_of
