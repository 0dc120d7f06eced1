"""Teltonika EYE Sensor: bytes worked out by hand, and what the driver makes of any of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drivers.api import Frame
from drivers.beacon.teltonika import DRIVER
from firmware_sim.teltonika import Eye

EYES = st.builds(
    Eye,
    temperature=st.none() | st.integers(-4000, 8500).map(lambda n: n / 100),
    humidity=st.none() | st.integers(0, 100),
    magnet=st.none() | st.booleans(),
    moving=st.none() | st.booleans(),
    movements=st.integers(0, 0x7FFF),
    pitch_roll=st.none() | st.tuples(st.integers(-90, 90), st.integers(-180, 180)),
    millivolts=st.none() | st.integers(200, 455).map(lambda n: 10 * n),
    low=st.booleans(),
)


def test_bytes() -> None:
    eye = Eye(22.0, 45, magnet=False, moving=True, movements=5, pitch_roll=(-10, -180), millivolts=2900)
    assert eye.advert().data_structures().hex() == "0eff9a0801b708982d8005f6ff4c5a"
    assert Eye(magnet=True, low=True).advert().data_structures().hex() == "05ff9a08014c"


@given(eye=EYES)
def test_round_trip(eye: Eye) -> None:
    made = {
        (found.kind, found.channel): found.value
        for found in DRIVER.decode(Frame("ble_adv", "test", "", eye.advert().ad_structures()))
    }
    assert made.pop(("battery_low", None)) is eye.low
    assert made.pop(("temperature", None), None) == eye.temperature
    assert made.pop(("humidity", None), None) == eye.humidity
    assert made.pop(("opening", None), None) == (None if eye.magnet is None else not eye.magnet)
    assert made.pop(("moving", None), None) == eye.moving
    assert made.pop(("voltage", None), None) == (None if eye.millivolts is None else eye.millivolts / 1000)
    angles = made.pop(("rotation", "pitch"), None), made.pop(("rotation", "roll"), None)
    assert angles == (eye.pitch_roll or (None, None))
    assert not made
