"""Acconeer radar modules: bytes worked out by hand, and what the driver makes of any of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drivers.api import Frame
from drivers.occupancy.acconeer import DRIVER
from firmware_sim import acconeer
from firmware_sim.beacon import Advert


def values(advert: Advert) -> dict[str, float]:
    return {made.kind: made.value for made in DRIVER.decode(Frame("ble_adv", "test", "", advert.ad_structures()))}


def test_bytes() -> None:
    made = acconeer.presence(True, battery=85, temperature=23)
    assert made.data_structures().hex() == "12ffc0ac80550017000100" + "00" * 8
    assert acconeer.distance(1500, temperature=-5).data_structures().hex() == "12ffc0ac906400fbffdc05" + "00" * 8


@given(somebody=st.booleans(), battery=st.integers(0, 100), temperature=st.integers(-40, 85), newer=st.booleans())
def test_presence_round_trip(somebody: bool, battery: int, temperature: int, newer: bool) -> None:
    made = values(acconeer.presence(somebody, battery=battery, temperature=temperature, xm126=newer))
    assert made == {"occupied": somebody, "motion": somebody, "battery": battery, "temperature": temperature}


@given(millimetres=st.integers(0, 65535))
def test_distance_round_trip(millimetres: int) -> None:
    made = values(acconeer.distance(millimetres))
    assert made.get("distance") == (millimetres / 1000 if millimetres else None)
    assert "occupied" not in made
