"""Resolvable private addresses: the specification's sample data, and what is no such address."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.beacon.phone import resolves

IRK = bytes.fromhex("ec0234a357c8ad05341010a60a397d9b")
ADDRESS = "70:81:94:0D:FB:AA"
"""Bluetooth Core 5.4, Vol 3, Part H, appendix D.7: prand 708194, hash 0dfbaa."""


def test_sample_data() -> None:
    assert resolves(IRK, ADDRESS)
    assert resolves(IRK, ADDRESS.lower())


@pytest.mark.parametrize(
    "address",
    [
        "70:81:94:0D:FB:AB",  # another hash
        "70:81:95:0D:FB:AA",  # another number
        "F0:81:94:0D:FB:AA",  # a static random address
        "30:81:94:0D:FB:AA",  # a non-resolvable one
        "70:81:94:0D:FB",
        "70:81:94:0D:FB:AA:00",
        "70:81:94:0D:FB:AX",
        "",
    ],
)
def test_others_do_not_resolve(address: str) -> None:
    assert not resolves(IRK, address)


def test_key_in_the_other_byte_order_is_another_key() -> None:
    assert not resolves(IRK[::-1], ADDRESS)


@pytest.mark.parametrize("size", [0, 15, 17, 32])
def test_key_of_another_size(size: int) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        resolves(bytes(size), ADDRESS)


@given(irk=st.binary(min_size=16, max_size=16), address=st.text(max_size=20))
def test_any_text_gets_an_answer(irk: bytes, address: str) -> None:
    assert resolves(irk, address) in (True, False)
