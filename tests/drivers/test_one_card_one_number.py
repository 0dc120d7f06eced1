"""One card has one canonical value at whatever reader, two cards have two, and a part of a card equals no card."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drivers.api import Context, Driver, Frame
from firmware_sim import door_system, id12la, rdm6300, wedge, wiegand
from gateway.credentials import canonical
from gateway.decode import built_in

DRIVERS = {driver.name: driver for _, driver in built_in() if driver.modality == "badge"}

tags = st.binary(min_size=5, max_size=5)
uids = st.one_of(
    st.binary(min_size=4, max_size=4).filter(lambda uid: uid[0] not in (0x08, 0x88)),
    st.binary(min_size=7, max_size=7),
    st.binary(min_size=10, max_size=10),
)
vicinity = st.binary(min_size=7, max_size=7).filter(lambda uid: uid[-1] != 0xE0).map(lambda uid: b"\xe0" + uid)
facilities, numbers = st.integers(0, 0xFF), st.integers(0, 0xFFFF)


def value(name: str, payload: bytes, profile: str = "") -> str:
    driver: Driver = DRIVERS[name]
    frame = Frame(driver.media[0], "test", "", payload)
    if driver.decode_with is not None:
        (made,) = driver.decode_with(frame, Context(profile=profile)).measurements
    else:
        (made,) = driver.decode(frame)
    assert made.kind == "badge"
    return str(made.value)


def door(number: str, facility: str = "") -> bytes:
    """What a door system's event becomes."""
    return f"{facility};{number}".encode()


def of_tag(tag: bytes) -> set[str]:
    """An EM4100 card at every reader that hands on all five bytes."""
    return {
        value("rdm6300", rdm6300.frame(tag)),
        value("id12la", id12la.frame(tag)),
        value("em4100", tag),
        value("keyboard", wedge.em10h(tag), "em10h"),
        value("keyboard", wedge.em10h(tag).lower(), "em10h"),
        value("reader7941", wiegand.frame7941(tag)),
        value("door", door(door_system.tag_hex(tag)), "em4100_hex"),
        value("door", door(door_system.tag_dec(tag)), "em4100_dec"),
    }


def of_26(facility: int, number: int) -> set[str]:
    bits = wiegand.h10301(facility, number)
    return {
        value("wiegand", wiegand.payload(bits)),
        value("wiegand_decimal", wiegand.decimal_line(bits), "w26"),
        value("wiegand_comma", wiegand.comma_line(bits)),
        value("wiegand_hex", wiegand.hex_line(bits), "w26"),
        value("wiegand_bits", wiegand.bits_line(bits)),
        value("keyboard", f"{facility:03d}{number:05d}".encode("ascii"), "wg26"),
        value("keyboard", f"{facility:03d},{number:05d}".encode("ascii"), "wg26"),
        value("door", door(str(number), str(facility)), "wiegand26"),
        value("door", door(f"{facility:03d},{number:05d}"), "wiegand26"),
        value("door", door(str(facility << 16 | number)), "wiegand26_raw"),
    }


def of_34(number: int) -> set[str]:
    bits = wiegand.h10306(number >> 16, number & 0xFFFF)
    return {
        value("wiegand", wiegand.payload(bits)),
        value("wiegand_decimal", wiegand.decimal_line(bits), "w34"),
        value("wiegand_hex", wiegand.hex_line(bits), "w34"),
        value("wiegand_bits", wiegand.bits_line(bits)),
        value("door", door(*reversed(door_system.split(number, 16))), "wiegand34"),
        value("door", door(str(number)), "wiegand34_raw"),
    }


def of_37(number: int) -> set[str]:
    """Whether it was made as H10302 or as H10304."""
    plain, split = wiegand.h10302(number), wiegand.h10304(number >> 19, number & 0x7FFFF)
    return {
        value("wiegand", wiegand.payload(plain)),
        value("wiegand", wiegand.payload(split)),
        value("wiegand_hex", wiegand.hex_line(split), "w37"),
        value("wiegand_bits", wiegand.bits_line(plain)),
        value("door", door(*reversed(door_system.split(number, 19))), "wiegand37"),
        value("door", door(str(number)), "wiegand37_raw"),
    }


def of_uid(uid: bytes) -> set[str]:
    found = {
        value("pcsc", wedge.answer(uid)),
        value("keyboard", wedge.uid(uid), "uid"),
        value("keyboard", wedge.uid(uid, last_first=True), "uid_reversed"),
        value("door", door(door_system.uid_hex(uid)), "iso14443_hex"),
        value("door", door(door_system.uid_hex(uid, "", last_first=True)), "iso14443_hex_reversed"),
    }
    return found | {value("reader7941", wiegand.frame7941(uid, 1))} if len(uid) == 4 else found


def of_vicinity(uid: bytes) -> set[str]:
    return {
        value("pcsc", wedge.answer(uid)),
        value("pcsc", wedge.answer(uid[::-1])),
        value("keyboard", wedge.uid(uid), "uid"),
        value("keyboard", wedge.uid(uid, last_first=True), "uid_reversed"),
        value("door", door(door_system.uid_hex(uid, "-")), "iso14443_hex"),
        value("door", door(door_system.uid_hex(uid, last_first=True)), "iso14443_hex_reversed"),
    }


cards = st.one_of(
    tags.map(lambda tag: (("em4100", tag), of_tag(tag))),
    st.tuples(facilities, numbers).map(lambda card: (("26", card), of_26(*card))),
    st.integers(0, (1 << 32) - 1).map(lambda card: (("34", card), of_34(card))),
    st.integers(0, (1 << 35) - 1).map(lambda card: (("37", card), of_37(card))),
    uids.map(lambda uid: (("uid", uid), of_uid(uid))),
    vicinity.map(lambda uid: (("vicinity", uid), of_vicinity(uid))),
    st.tuples(st.integers(0, 0xFFF), st.integers(0, 0xFFFFF)).map(
        lambda card: (("35", card), {value("wiegand", wiegand.payload(wiegand.corporate35(*card)))})
    ),
    st.tuples(st.integers(0, 0x3FFFFF), st.integers(0, 0x7FFFFF)).map(
        lambda card: (("48", card), {value("wiegand", wiegand.payload(wiegand.corporate48(*card)))})
    ),
    st.integers(24, 64)
    .filter(lambda size: size not in (26, 34, 35, 37, 48))
    .flatmap(lambda size: st.text("01", min_size=size, max_size=size))
    .map(lambda bits: (("bits", bits), {value("wiegand", wiegand.payload(bits))})),
    st.text(max_size=20)
    .filter(lambda text: bool(text.partition(";")[2]))
    .map(lambda text: (("door", text), {value("door", text.encode(), "text")})),
)


@given(cards)
def test_one_card_has_one_value_at_every_reader(card: tuple[object, set[str]]) -> None:
    (whole,) = card[1]
    assert not whole.partition(":")[0].endswith("-part")


@given(cards, cards)
def test_two_cards_have_two(one: tuple[object, set[str]], other: tuple[object, set[str]]) -> None:
    ours, theirs = ({canonical(text, "realm") for text in found} for _, found in (one, other))
    assert (ours == theirs) == (one[0] == other[0])
    assert ours.isdisjoint(theirs) or one[0] == other[0]


@given(tags, st.integers(0, (1 << 32) - 1), st.binary(min_size=3, max_size=3), cards)
def test_a_part_equals_no_card(tag: bytes, number: int, uid: bytes, card: tuple[object, set[str]]) -> None:
    bits = wiegand.h10306(number >> 16, number & 0xFFFF)
    parts = {
        value("keyboard", wedge.em10d(tag), "em10d"),
        value("keyboard", wedge.em10d(tag)),
        value("keyboard", wedge.em10h(tag)),
        value("reader7941", wiegand.frame7941(tag[1:])),
        value("wiegand_decimal", wiegand.decimal_line(bits)),
        value("wiegand_hex", wiegand.hex_line(bits)),
        value("pcsc", wedge.answer(b"\x88" + uid)),
        value("pcsc", wedge.answer(b"\xe0" + uid + uid + b"\xe0")),
        value("keyboard", wedge.uid(b"\x88" + uid), "uid"),
        value("door", door(door_system.tag_hex(tag[1:])), "em4100_hex"),
        value("door", door(door_system.tag_dec(tag, 10)), "em4100_dec"),
        value("door", door(door_system.uid_hex(b"\x88" + uid)), "iso14443_hex"),
        *(value("door", door(str(number)), f"wiegand{length}") for length in (26, 34, 37)),
        *(value("door", door(str(number), str(tag[0])), profile) for profile in ("", "unheard of")),
    }
    assert all(part.partition(":")[0].endswith("-part") for part in parts)
    assert parts.isdisjoint(card[1])
