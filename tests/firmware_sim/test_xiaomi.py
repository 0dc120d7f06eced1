"""MiBeacon adverts of the simulator against bytes worked out by hand, and against the driver."""

from __future__ import annotations

from struct import pack, unpack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.api import Context, DecodeError, Frame, Measurement, NotAuthentic
from drivers.beacon.xiaomi.mibeacon import decode, decode_with
from firmware_sim import xiaomi
from firmware_sim.xiaomi import Device

ADDRESS = "A4:C1:38:10:20:30"
KEY = bytes(range(16))
LEGACY_KEY = bytes(range(1, 13))
PLAIN = Device(ADDRESS, 0x01AA)
RADAR = Device(ADDRESS, 0x50FB, KEY)
DIMMER = Device(ADDRESS, 0x03B6, LEGACY_KEY)
COUNTERS = st.integers(0, 2**32 - 1)
DEVICES = st.sampled_from((PLAIN, RADAR, RADAR._replace(says_address=False), DIMMER))


def frame(device: Device, counter: int, *objects: bytes, address: str = ADDRESS) -> Frame:
    return Frame("ble_adv", "test", address, xiaomi.advert(device, counter, *objects).ad_structures())


def said(device: Device, counter: int, *objects: bytes) -> list[Measurement]:
    """Without the counter, which must be the right one."""
    made, replay = decode_with(frame(device, counter, *objects), Context(key=device.key))
    proven = len(device.key) == 16  # the older encryption has no tag
    assert replay == (counter if proven else None)
    assert not made or made.pop() == Measurement("packet_counter", counter & 0xFF)
    return made


def test_ccm_packet_vector_1() -> None:
    # RFC 3610, section 8, packet vector 1
    nonce = bytes.fromhex("00000003020100a0a1a2a3a4a5")
    secret, mic = xiaomi.ccm(bytes(range(0xC0, 0xD0)), nonce, bytes(range(8)), bytes(range(8, 0x1F)), 8)
    assert secret.hex() == "588c979a61c663d2f066d0c2c0f989806d5f6b61dac384"
    assert mic.hex() == "17e8d12cfdf926e0"


def test_plain() -> None:
    # control: version 4, standard authentication, object, address; 21.5 degrees = 00D7, 45.0 % = 01C2
    made = xiaomi.advert(PLAIN, 0x1234, xiaomi.climate(21.5, 45.0))
    assert made.service == {0xFE95: bytes.fromhex("5048aa013430201038c1a40d1004d700c201")}


def test_nothing_to_say() -> None:
    made = xiaomi.advert(RADAR, 1)
    assert made.service == {0xFE95: bytes.fromhex("3058fb500130201038c1a408")}


def test_encrypted_layout() -> None:
    data = xiaomi.advert(RADAR, 0x00112233, xiaomi.occupancy(True)).service[0xFE95]
    assert data[:11].hex() == "5859fb503330201038c1a4"
    assert data[-7:-4].hex() == "221100"
    assert len(data) == 11 + 4 + 3 + 4


def test_objects() -> None:
    assert xiaomi.battery(99).hex() == "0a100163"
    assert xiaomi.moved(300).hex() == "0f00032c0100"
    assert xiaomi.still(120).hex() == "17100478000000"
    assert (xiaomi.contact(True).hex(), xiaomi.contact(False).hex()) == ("19100100", "19100101")
    assert xiaomi.pressed(4, 2).hex() == "011003040002"
    assert xiaomi.moved_instance(228.0).hex() == "084a0400006443"
    assert xiaomi.still_instance(60).hex() == "1848023c00"
    assert xiaomi.occupancy(True).hex() == "4e480101"
    assert xiaomi.contact_instance(False).hex() == "04480102"
    assert xiaomi.instance(5, 1003, b"\x4c").hex() == "0354014c"


@given(DEVICES, COUNTERS, st.integers(-400, 850), st.integers(0, 1000))
def test_climate(device: Device, counter: int, celsius: int, percent: int) -> None:
    assert said(device, counter, xiaomi.climate(celsius / 10, percent / 10)) == [
        Measurement("temperature", celsius / 10, "Cel"),
        Measurement("humidity", percent / 10, "%RH"),
    ]


@given(DEVICES, COUNTERS, st.integers(0, 120_000), st.integers(1, 2**16 - 1))
def test_motion(device: Device, counter: int, lux: int, seconds: int) -> None:
    light = Measurement("illuminance", lux, "lx")
    assert said(device, counter, xiaomi.moved(lux)) == [Measurement("motion", True), light]
    made = said(device, counter, xiaomi.moved_instance(lux))
    assert made == [Measurement("motion", True), light._replace(value=unpack("<f", pack("<f", lux))[0])]
    still = [Measurement("motion", False), Measurement("duration", seconds, "s", "idle")]
    assert (
        said(device, counter, xiaomi.still(seconds)) == said(device, counter, xiaomi.still_instance(seconds)) == still
    )


@given(DEVICES, COUNTERS, st.booleans(), st.integers(0, 100))
def test_states(device: Device, counter: int, state: bool, percent: int) -> None:
    assert said(device, counter, xiaomi.occupancy(state)) == [Measurement("occupied", state)]
    assert said(device, counter, xiaomi.contact(state)) == [Measurement("opening", state)]
    assert said(device, counter, xiaomi.contact_instance(state)) == [Measurement("opening", state)]
    assert said(device, counter, xiaomi.battery(percent)) == [Measurement("battery", percent, "%")]


@given(COUNTERS, st.integers(0, 9), st.integers(0, 2))
def test_buttons(counter: int, key: int, how: int) -> None:
    word = ("single_press", "double_press", "long_press")[how]
    assert said(PLAIN, counter, xiaomi.pressed(key, how)) == [Measurement("button", word, "", key)]


def test_nothing_is_said_without_an_object() -> None:
    assert decode(frame(RADAR, 7)) == []
    assert decode_with(frame(RADAR, 7), Context(key=KEY)) == ([], None)


@pytest.mark.parametrize("device", [RADAR, DIMMER])
def test_needs_its_key(device: Device) -> None:
    one = frame(device, 7, xiaomi.occupancy(True))
    with pytest.raises(NotAuthentic, match="needs its key"):
        decode(one)
    with pytest.raises(NotAuthentic, match="needs its key"):
        decode_with(one, Context())
    with pytest.raises(NotAuthentic, match="a key of"):
        decode_with(one, Context(key=bytes(28 - len(device.key))))
    with pytest.raises(NotAuthentic):
        decode_with(one, Context(key=bytes(len(device.key))))


def test_a_device_with_a_key_is_heard_encrypted_only() -> None:
    with pytest.raises(NotAuthentic, match="plain"):
        decode_with(frame(PLAIN, 7, xiaomi.occupancy(True)), Context(key=KEY))


def test_the_address_counts() -> None:
    silent = RADAR._replace(says_address=False)
    for address in ("A4:C1:38:10:20:31", "", "a mac hides it"):
        with pytest.raises(NotAuthentic):
            decode_with(frame(silent, 7, xiaomi.occupancy(True), address=address), Context(key=KEY))
    with pytest.raises(NotAuthentic, match="another address"):
        decode(frame(PLAIN, 7, xiaomi.occupancy(True), address="A4:C1:38:10:20:31"))
    assert decode_with(frame(RADAR, 7, xiaomi.occupancy(True), address=""), Context(key=KEY)).counter == 7


@given(COUNTERS, st.integers(0, 22 * 8 - 1))
def test_a_flipped_bit_is_never_a_value(counter: int, bit: int) -> None:
    one = frame(RADAR, counter, xiaomi.occupancy(True))
    payload = bytearray(one.payload)
    payload[len(payload) - 22 + bit // 8] ^= 1 << bit % 8
    try:
        made = decode_with(one._replace(payload=bytes(payload)), Context(key=KEY)).measurements
    except DecodeError:
        return
    # bits of control that only matter before the device is paired are not authenticated: the value is the device's own
    assert bit < 16
    assert made[0] == Measurement("occupied", True)
