"""Desk codes: stable, without a pattern, and they notice a slip of the pen."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.credentials import KEY_BYTES, SiteKey
from gateway.errors import HadirError
from gateway.web.codes import made
from gateway.web.stickers import ALPHABET, LENGTH, Codes, code_of, normal, readable
from tests.web.conftest import Web
from tests.web.office import DESK

KEY = SiteKey(bytes(range(KEY_BYTES)))
PLACE = "ikn/kk2-t3/l05/timur/d-017"
PLACES = st.from_regex(r"\A[a-z0-9]{1,8}/[a-z0-9]{1,8}/_/_/d-[0-9]{3}\Z")


def test_a_sticker_that_was_printed_stays_true() -> None:
    assert code_of(PLACE, KEY.sticker) == "F8QKSMVS"
    assert code_of(PLACE, SiteKey(bytes(range(KEY_BYTES)), epoch=9).sticker) == "F8QKSMVS", "also in a new epoch"
    assert code_of(PLACE, SiteKey(bytes(KEY_BYTES)).sticker) != "F8QKSMVS"


@given(place=PLACES)
@settings(max_examples=50)
def test_a_code_is_read_however_it_is_written(place: str) -> None:
    code = code_of(place, KEY.sticker)
    assert len(code) == LENGTH
    assert set(code) <= set(ALPHABET)
    for written in (code, code.lower(), readable(code), f" {readable(code).lower()} ", code.replace("", " ")):
        assert normal(written) == code


@given(place=PLACES, data=st.data())
@settings(max_examples=50)
def test_one_slip_or_one_swap_is_noticed(place: str, data: st.DataObject) -> None:
    code = code_of(place, KEY.sticker)
    at = data.draw(st.integers(0, LENGTH - 1))
    sign = data.draw(st.sampled_from([other for other in ALPHABET if other != code[at]]))
    assert normal(code[:at] + sign + code[at + 1 :]) is None
    first, second = sorted(data.draw(st.lists(st.integers(0, LENGTH - 1), min_size=2, max_size=2, unique=True)))
    swapped = list(code)
    swapped[first], swapped[second] = code[second], code[first]
    assert normal("".join(swapped)) in {None, code} - ({None} if code[first] == code[second] else {code})


@pytest.mark.parametrize("written", ["", "F8QKSMV", "F8QKSMVST", "08QKSMVS", "F8QK/MVS", "٨8QKSMVS", "8" * 5000])
def test_what_is_no_code_is_none(written: str) -> None:
    assert normal(written) is None


def test_codes_of_ten_thousand_desks_lead_back_to_them() -> None:
    places = [
        f"ikn/kk{tower}/l{floor:02d}/z/d-{desk:03d}" for tower in range(4) for floor in range(10) for desk in range(250)
    ]
    codes = Codes(places, KEY.sticker)
    assert not codes.shared
    for place in places:
        code = codes.of(place)
        assert code is not None
        assert codes.place(readable(code)) == place
    assert codes.place("22222222") is None
    assert codes.of("ikn/kk9/_/_/_") is None


def test_two_desks_of_one_code_have_neither_and_each_its_second() -> None:
    def mark(text: str) -> bytes:
        return b"same" if text in ("a", "b") else text.encode()

    codes = Codes(["a", "b", "c"], mark)
    first = code_of("a", mark)
    assert codes.shared == {first: ("a", "b")}
    assert codes.place(first) is None, "a sticker that was printed before leads nowhere rather than to the wrong desk"
    assert [codes.place(code_of(place, mark, 1)) for place in ("a", "b")] == ["a", "b"]
    assert codes.of("c") == code_of("c", mark)
    with pytest.raises(HadirError, match="one code"):
        Codes(["a", "b"], lambda _text: b"same")


async def test_a_code_is_typed_where_the_sticker_says(web: Web) -> None:
    code = made(web.site.office, web.site.key).of(DESK)
    assert code is not None
    client = web.employee()
    for written in (code, readable(code).lower(), f" {code} "):
        answer = await client.get("/d", params={"kode": written})
        assert (answer.status_code, answer.headers["location"]) == (303, f"/d/{code}")
    assert (await client.get("/d")).status_code == 200
    for wrong in ("22222222", "<script>", code[::-1], "../operator"):
        answer = await client.get("/d", params={"kode": wrong})
        assert (answer.status_code, "Tidak ada meja" in answer.text) == (404, True)
        assert "<script>" not in answer.text
