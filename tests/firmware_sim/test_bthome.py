"""BTHome: adverts against bytes worked out by hand, against the driver, and what a wrong key and a changed bit do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.api import Context, DecodeError, Driver, Frame, Measurement, NotAuthentic, Truncated
from drivers.beacon.bthome.adverts import DRIVERS
from firmware_sim import bthome
from firmware_sim.beacon import Advert
from firmware_sim.bthome import Object

V2, V1 = DRIVERS
OWN = Path(__file__).parents[1] / "vectors"
KEY = bytes.fromhex("231d39c1d7cc1ab1aee224cd096db932")
ADDRESS = "54:48:E6:8F:80:A5"
CLIMATE = (bthome.number(bthome.TEMPERATURE, 25.06), bthome.number(bthome.HUMIDITY, 50.55))
MM, TEXT, RAW, BUTTON, DIMMER = 0x40, 0x53, 0x54, 0x3A, 0x3C


def frame(advert: Advert, address: str = ADDRESS, *, alone: bool = False) -> Frame:
    payload = advert.data_structures() if alone else advert.ad_structures()
    return Frame("ble_adv", "test", address, payload, -60)


def service(advert: Advert) -> str:
    (data,) = advert.service.values()
    return data.hex()


def plain_context(driver: Driver, one: Frame, key: bytes) -> list[Measurement]:
    assert driver.decode_with is not None
    return driver.decode_with(one, Context(key=key)).measurements


# bytes worked out by hand


def test_plain() -> None:
    made = bthome.advert(reversed(CLIMATE))
    assert service(made) == "4002ca0903bf13"
    assert made.ad_structures().hex() == "0201060303d2fc0a16d2fc4002ca0903bf13"


def test_each_form_of_object() -> None:
    made = bthome.advert(
        (
            bthome.firmware(6, 1, 0),
            bthome.raw(b"\x00\xff"),
            bthome.text("Hi"),
            bthome.dimmer(-3),
            bthome.command("step_up", b"\x05"),
            bthome.button(None),
            bthome.button("hold_press"),
            bthome.flag(bthome.MOTION, True),
            bthome.number(0x58, -7.7),
            bthome.number(bthome.PACKET, 9),
        ),
        trigger=True,
    )
    assert service(made) == "44000921013a003a803b0103053c010353024869540200ff58eaf2000106"


def test_firmware_of_four_numbers() -> None:
    assert service(bthome.advert((bthome.firmware(4, 2, 1, 0),))) == "40f100010204"


def test_version_1() -> None:
    made = bthome.advert_v1((*CLIMATE, bthome.text("Hi"), bthome.raw(b"\xff"), bthome.button("press")))
    assert service(made) == "2302ca090303bf13635348698254ff023a01"
    assert tuple(made.service) == (0x181C,)


def test_the_example_of_the_page_on_encryption() -> None:
    made = bthome.encrypted(CLIMATE, key=KEY, address=ADDRESS, counter=1122867)
    assert service(made) == "41e445f3c9962b332211006c7c4519"


def test_arguments_have_a_limit() -> None:
    with pytest.raises(ValueError, match="31 bytes"):
        bthome.command("on", bytes(32))


# against the driver

WHICH = st.sampled_from(bthome.NUMBERS)
PRESSES = st.sampled_from(list(bthome.PRESSES))


@st.composite
def numbers(draw: st.DrawFn) -> tuple[Object, float]:
    """An object and what it should be read as."""
    which = draw(WHICH)
    low, high = bthome.limits(which)
    value = draw(st.integers(round(low / bthome.step(which)), round(high / bthome.step(which)))) * bthome.step(which)
    return bthome.number(which, value), value / 1000 if which == MM else value


def both(objects: list[Object]) -> list[list[Measurement]]:
    """As all ways of sending them are read."""
    sealed = bthome.encrypted(objects, key=KEY, address=ADDRESS, counter=7, trigger=True)
    sealed_v1 = bthome.encrypted_v1(objects, key=KEY, address=ADDRESS, counter=7)
    return [
        V2.decode(frame(bthome.advert(objects))),
        V2.decode(frame(bthome.advert(objects), alone=True)),
        plain_context(V2, frame(sealed), KEY),
        V1.decode(frame(bthome.advert_v1(objects))),
        plain_context(V1, frame(sealed_v1), KEY),
    ]


@given(numbers())
def test_numbers_come_back(made: tuple[Object, float]) -> None:
    one, value = made
    for read in both([one]):
        assert [m.value for m in read] == [pytest.approx(value, abs=1e-6)]
        assert read[0].channel is None
        assert read[0].kind in V2.kinds


@given(st.sampled_from(bthome.FLAGS), st.booleans())
def test_flags_come_back(which: int, value: bool) -> None:
    for read in both([bthome.flag(which, value)]):
        assert [m.value for m in read] == [value]
        assert isinstance(read[0].value, bool)


@given(st.lists(PRESSES, min_size=1, max_size=6))
def test_buttons_keep_their_numbers(presses: list[str | None]) -> None:
    several = len(presses) > 1
    expected = [
        Measurement("button", press, "", number if several else None)
        for number, press in enumerate(presses, 1)
        if press is not None
    ]
    for read in both([bthome.button(press) for press in presses]):
        assert read == expected


@given(st.integers(-255, 255))
def test_dimmers_come_back(steps: int) -> None:
    expected = [["rotate_right" if steps > 0 else "rotate_left", abs(steps)]] if steps else []
    for read in both([bthome.dimmer(steps)]):
        assert [m.value for m in read] == expected


@given(st.text(min_size=1, max_size=7), st.binary(min_size=1, max_size=20))
def test_texts_and_bytes_come_back(said: str, data: bytes) -> None:
    for read in both([bthome.text(said), bthome.raw(data)]):
        assert read == [Measurement("text", said), Measurement("raw", data.hex())]


@given(st.sampled_from(list(bthome.OPCODES)), st.binary(max_size=8))
def test_commands_are_passed_over_and_firmware_is_told(opcode: str, arguments: bytes) -> None:
    objects = (
        bthome.command(opcode, arguments),
        bthome.dimmer(1),
        bthome.firmware(1, 2, 3),
        bthome.firmware(1, 2, 3, 4),
    )
    assert V2.decode(frame(bthome.advert(objects))) == [
        Measurement("dimmer", ["rotate_right", 1]),
        Measurement("firmware_version", "1.2.3.4", "", 1),
        Measurement("firmware_version", "1.2.3", "", 2),
    ]


# several of a kind


def test_several_of_one_kind_are_numbered_whatever_their_ids() -> None:
    objects = [bthome.number(0x45, 20.0), bthome.number(0x02, 21.0), bthome.number(0x01, 50), bthome.number(0x45, 22.0)]
    assert V2.decode(frame(bthome.advert(objects))) == [
        Measurement("battery", 50, "%"),
        Measurement("temperature", 21.0, "Cel", 1),
        Measurement("temperature", 20.0, "Cel", 2),
        Measurement("temperature", 22.0, "Cel", 3),
    ]


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)
def test_vectors_to_the_letter(driver: Driver) -> None:
    """All that is said, with unit and channel, and nothing else; each kind that the driver may say is shown."""
    shown: set[str] = set()
    for line in (OWN / f"{driver.name}.jsonl").read_text(encoding="utf-8").splitlines():
        vector: dict[str, Any] = json.loads(line)
        one = Frame("ble_adv", "test", vector.get("address", ""), bytes.fromhex(vector["hex"]))
        key = bytes.fromhex(vector.get("key", ""))
        if vector.get("reject"):
            with pytest.raises(DecodeError):
                plain_context(driver, one, key)
            continue
        made = plain_context(driver, one, key)
        expected = [Measurement(m["kind"], m["value"], m.get("unit", ""), m.get("channel")) for m in vector["expected"]]
        assert made == expected, vector["id"]
        shown.update(m.kind for m in made)
    assert shown <= set(driver.kinds)
    if driver is V2:
        assert shown == set(driver.kinds)


# keys

SEALED = {
    V2: bthome.encrypted(CLIMATE, key=KEY, address=ADDRESS, counter=1122867),
    V1: bthome.encrypted_v1(CLIMATE, key=KEY, address=ADDRESS, counter=1122867),
}
PLAIN = {V2: bthome.advert(CLIMATE), V1: bthome.advert_v1(CLIMATE)}
each_version = pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)


@each_version
def test_the_counter_is_handed_on(driver: Driver) -> None:
    assert driver.decode_with is not None
    made = driver.decode_with(frame(SEALED[driver]), Context(key=KEY))
    assert made.counter == 1122867
    assert [m.value for m in made.measurements] == [25.06, 50.55]
    assert driver.decode_with(frame(PLAIN[driver]), Context()).counter is None


@each_version
def test_without_its_key_it_says_nothing(driver: Driver) -> None:
    with pytest.raises(NotAuthentic, match="needs its key"):
        driver.decode(frame(SEALED[driver]))
    with pytest.raises(NotAuthentic, match="needs its key"):
        plain_context(driver, frame(SEALED[driver]), b"")


@each_version
def test_plain_values_of_a_device_that_has_a_key_are_not_believed(driver: Driver) -> None:
    with pytest.raises(NotAuthentic, match="plain"):
        plain_context(driver, frame(PLAIN[driver]), KEY)


@each_version
@pytest.mark.parametrize("address", ["54:48:E6:8F:80:A4", "", "54:48:E6:8F:80", "not an address", "é"])
def test_wrong_address(driver: Driver, address: str) -> None:
    with pytest.raises(NotAuthentic):
        plain_context(driver, frame(SEALED[driver], address), KEY)


@each_version
@pytest.mark.parametrize("key", [bytes(16), KEY[::-1], KEY[:15], KEY + b"\x00", bytes(24)])
def test_wrong_key(driver: Driver, key: bytes) -> None:
    with pytest.raises(NotAuthentic):
        plain_context(driver, frame(SEALED[driver]), key)


@each_version
def test_every_flipped_bit_is_seen(driver: Driver) -> None:
    ((uuid, data),) = SEALED[driver].service.items()
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(DecodeError):
            plain_context(driver, frame(Advert({}, {uuid: bytes(changed)})), KEY)


@each_version
def test_every_cut_is_seen(driver: Driver) -> None:
    ((uuid, data),) = SEALED[driver].service.items()
    for size in range(len(data)):
        with pytest.raises((NotAuthentic, Truncated)):
            plain_context(driver, frame(Advert({}, {uuid: data[:size]})), KEY)


def test_a_version_cannot_be_passed_off_as_the_other() -> None:
    (data,) = SEALED[V1].service.values()
    with pytest.raises(DecodeError):
        plain_context(V2, frame(Advert({}, {bthome.SERVICE: b"\x41" + data})), KEY)
