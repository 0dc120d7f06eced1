"""AltBeacon: bytes worked out by hand, and what the driver makes of any of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.api import Frame, Measurement
from drivers.beacon.altbeacon import DRIVER
from firmware_sim.altbeacon import altbeacon


def test_bytes() -> None:
    made = altbeacon(bytes(range(20)), -59, 0x0118, 7)
    assert made.data_structures().hex() == "1bff1801beac000102030405060708090a0b0c0d0e0f10111213c507"


@pytest.mark.parametrize(("identity", "power"), [(b"", -59), (bytes(20), 1), (bytes(20), -128)])
def test_what_cannot_be_is_refused(identity: bytes, power: int) -> None:
    with pytest.raises(ValueError, match="20 bytes"):
        altbeacon(identity, power)


@given(identity=st.binary(min_size=20, max_size=20), power=st.integers(-127, 0), company=st.integers(0, 0xFFFF))
def test_round_trip(identity: bytes, power: int, company: int) -> None:
    payload = altbeacon(identity, power, company).ad_structures()
    who, how = DRIVER.decode(Frame("ble_adv", "test", "", payload))
    name, first, second = str(who.value).rsplit(":", 2)
    assert name == f"altbeacon:{identity[:4].hex()}-" + "-".join(
        identity[a:b].hex() for a, b in ((4, 6), (6, 8), (8, 10), (10, 16))
    )
    assert (int(first) << 16 | int(second)).to_bytes(4, "big") == identity[16:]
    assert how == Measurement("tx_power", power, "dBm")
