"""What keyboard readers type, read back: the true card is always among those that are asked for."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.credentials import checked
from gateway.web.cards import MOST, SETTINGS, Card, cards, whole

EM = st.integers(0, 2**40 - 1)
UIDS = st.one_of(*(st.binary(min_size=size, max_size=size) for size in (4, 7, 10)))


def credentials(typed: str, *chosen: str) -> list[str]:
    return [card.credential for card in cards(typed, chosen or SETTINGS)]


@given(card=EM)
@settings(max_examples=50)
def test_an_em4100_card_is_found_however_its_reader_is_set(card: int) -> None:
    true = f"em4100:{card:010X}"
    for typed in (f"{card:010X}", f"{card:010x}", f"{card & 0xFFFFFFFF:010d}", f"{card:013d}", f" {card:010X} "):
        assert true in credentials(typed)
    assert whole(f"{card:013d}") == true


@given(uid=UIDS)
@settings(max_examples=50)
def test_a_uid_is_found_in_either_order_and_with_signs_between(uid: bytes) -> None:
    true = f"iso14443:{uid.hex().upper()}"
    fleeting = len(uid) == 4 and uid[0] in (0x08, 0x88)
    written = [uid.hex(), uid[::-1].hex(), uid.hex(":"), uid.hex("-"), uid.hex(" ").upper()]
    if len(uid) == 4:
        written += [f"{int.from_bytes(uid, order):010d}" for order in ("big", "little")]
    for typed in written:
        assert (true in credentials(typed)) == (not fleeting), "made up anew each time, or a part"


@given(facility=st.integers(0, 255), number=st.integers(0, 65_535))
@settings(max_examples=50)
def test_a_wiegand_card_is_found_with_and_without_a_comma(facility: int, number: int) -> None:
    for sign in ("", ","):
        assert f"wiegand26:{facility}:{number}" in credentials(f"{facility:03d}{sign}{number:05d}")
    assert whole(f"{facility:03d},{number:05d}") == f"wiegand26:{facility}:{number}"


@given(typed=st.text(max_size=40) | st.text("0123456789abcdefABCDEF:,- ", max_size=40))
@settings(max_examples=50)
def test_whatever_is_typed_gives_cards_that_can_be_enrolled_or_none(typed: str) -> None:
    found = cards(typed)
    assert len(found) <= MOST
    assert len({card.credential for card in found}) == len(found)
    for card in found:
        assert card.setting in SETTINGS
        assert checked(card.credential) == card.credential.lower()


@pytest.mark.parametrize(
    "typed", ["", "Sari", "12345", "25604822", "4294967296", "٠٠٠٤٣٤٠٧٥٧", "0" * 33, "04:a1-b2:c3"]
)
def test_what_is_no_cards_number_is_no_card(typed: str) -> None:
    settings_ = [setting for setting in SETTINGS if setting not in ("em10h", "uid", "uid_reversed")]
    assert cards(typed, settings_) == ()


def test_a_number_without_a_setting_may_be_several_cards_and_is_enrolled_as_none() -> None:
    assert {card.setting for card in cards("0004340757")} == {"em10h", "em10d", "uid10d"}
    assert whole("0004340757") is None
    assert whole("0004340757", ["em10d"]) is None, "which of 256 it is was not typed"
    assert whole("4B00423C15", ["em10h"]) == "em4100:4B00423C15"
    assert cards("061,04822") == (Card("wiegand26:61:4822", "wg26"),)
