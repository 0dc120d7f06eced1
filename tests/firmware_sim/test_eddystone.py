"""Eddystone EID and telemetry: bytes by hand and by OpenSSL, EAX against its paper, and the driver's functions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.api import DecodeError, Frame, NotAuthentic, Truncated, Unsupported
from drivers.beacon import eddystone as driver
from firmware_sim import eddystone
from firmware_sim.beacon import Advert
from firmware_sim.eddystone import Identity, Telemetry

KEY = bytes(range(16))
CLOCKS = st.integers(0, 0xFFFFFFFF)
KEYS = st.binary(min_size=16, max_size=16)
EXPONENTS = st.integers(0, 15)


def frame(advert: Advert) -> Frame:
    return Frame("ble_adv", "test", "", advert.ad_structures())


def test_telemetry_bytes() -> None:
    made = eddystone.telemetry(Telemetry(3000, 26.5, 5223, 1094.8))
    assert made.data_structures().hex() == "1116aafe20000bb81a800000146700002ac4"


def test_eid_bytes() -> None:
    # printf 0000000000000000000000ff00000001 | xxd -r -p | openssl enc -aes-128-ecb -nopad -K 00..0f: the temporary
    # key; with it 00000000000000000000000a0001e000
    made = eddystone.eid(Identity(KEY, 10), 0x0001E240, -29)
    assert made.data_structures().hex() == "0d16aafe30e3" + EID


EID = "8d3743171f787324"


@pytest.mark.parametrize(
    ("key", "nonce", "header", "message", "sealed"),
    [
        # Bellare, Rogaway, Wagner, The EAX Mode of Operation (2004), appendix G
        (
            "233952DEE4D5ED5F9B9C6D6FF80FF478",
            "62EC67F9C3A4A407FCB2A8C49031A8B3",
            "6BFB914FD07EAE6B",
            "",
            "E037830E8389F27B025A2D6527E79D01",
        ),
        (
            "91945D3F4DCBEE0BF45EF52255F095A4",
            "BECAF043B0A23D843194BA972C66DEBD",
            "FA3BFD4806EB53FA",
            "F7FB",
            "19DD5C4C9331049D0BDAB0277408F67967E5",
        ),
    ],
)
def test_eax(key: str, nonce: str, header: str, message: str, sealed: str) -> None:
    made = eddystone.eax(*(bytes.fromhex(part) for part in (key, nonce, header, message)))
    assert b"".join(made).hex().upper() == sealed


@given(key=KEYS, exponent=EXPONENTS, clock=CLOCKS)
def test_identifiers_are_those_that_a_beacon_sends(key: bytes, exponent: int, clock: int) -> None:
    sent = eddystone.eid(Identity(key, exponent), clock)
    (who, _power) = driver.decode(frame(sent))
    assert who.value == f"eddystone-eid:{driver.identifiers(key, exponent, clock).hex()}"


@given(key=KEYS, exponent=EXPONENTS, clock=st.integers(0, 0xFFFF0000))
def test_an_identifier_holds_for_one_period(key: bytes, exponent: int, clock: int) -> None:
    start = clock >> exponent << exponent
    last, period = start + (1 << exponent) - 1, 1 << exponent
    now = driver.identifiers(key, exponent, start)
    assert driver.identifiers(key, exponent, last) == now
    assert driver.identifiers(key, exponent, start + period) != now


@given(
    key=KEYS,
    exponent=EXPONENTS,
    clock=CLOCKS,
    salt=st.binary(min_size=2, max_size=2),
    millivolts=st.integers(1, 4000),
    temperature=st.integers(-40 * 256, 85 * 256),
    adverts=st.integers(0, 0xFFFFFFFF),
)
def test_sealed_telemetry_opens(
    key: bytes, exponent: int, clock: int, salt: bytes, millivolts: int, temperature: int, adverts: int
) -> None:
    values = Telemetry(millivolts, temperature / 256, adverts, 1.0)
    plain = driver.decode(frame(eddystone.telemetry(values)))
    assert {made.kind: made.value for made in plain} == {
        "packet_counter": adverts,
        "voltage": millivolts / 1000,
        "temperature": temperature / 256,
    }
    sealed = frame(eddystone.sealed_telemetry(values, Identity(key, exponent), clock, salt))
    with pytest.raises(NotAuthentic, match="needs the identity key"):
        driver.decode(sealed)
    assert driver.open_telemetry(key, exponent, clock, *driver.sealed_telemetry(sealed)) == plain


SALT, DATA = driver.sealed_telemetry(
    frame(eddystone.sealed_telemetry(Telemetry(), Identity(KEY, 4), 1_000_000, b"\x12\x34"))
)


@pytest.mark.parametrize(
    ("key", "exponent", "clock", "salt", "data"),
    [
        (KEY[::-1], 4, 1_000_000, SALT, DATA),
        (KEY, 7, 1_000_000, SALT, DATA),
        (KEY, 4, 1_000_016, SALT, DATA),
        (KEY, 4, 1_000_000, b"\x12\x35", DATA),
        (KEY, 4, 1_000_000, SALT, bytes((DATA[0] ^ 0x80,)) + DATA[1:]),
        (KEY, 4, 1_000_000, SALT, DATA[:-1] + bytes((DATA[-1] ^ 1,))),
    ],
    ids=["key", "exponent", "clock", "salt", "data", "check"],
)
def test_what_was_sealed_otherwise_stays_shut(key: bytes, exponent: int, clock: int, salt: bytes, data: bytes) -> None:
    assert driver.open_telemetry(KEY, 4, 1_000_015, SALT, DATA)  # the same period
    with pytest.raises(NotAuthentic):
        driver.open_telemetry(key, exponent, clock, salt, data)


@pytest.mark.parametrize(("salt", "data"), [(b"", bytes(14)), (bytes(2), bytes(13)), (bytes(2), bytes(15))])
def test_parts_of_another_size_are_no_telemetry(salt: bytes, data: bytes) -> None:
    with pytest.raises(Truncated):
        driver.open_telemetry(KEY, 4, 0, salt, data)


def test_only_encrypted_telemetry_is_sealed() -> None:
    with pytest.raises(Unsupported):
        driver.sealed_telemetry(frame(eddystone.telemetry(Telemetry())))
    with pytest.raises(DecodeError):
        driver.sealed_telemetry(Frame("ble_adv", "test", "", bytes.fromhex("0516aafe2001")))


@pytest.mark.parametrize(("key", "exponent"), [(bytes(15), 4), (bytes(16), 16), (bytes(16), -1)])
def test_a_key_or_exponent_that_cannot_be(key: bytes, exponent: int) -> None:
    with pytest.raises(ValueError, match="identity key"):
        driver.identifiers(key, exponent, 0)
