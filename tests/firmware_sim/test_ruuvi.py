"""RuuviTag and Ruuvi Air: bytes of the specification's test vectors, and what the driver makes of any of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.api import Frame
from drivers.beacon.ruuvi import DRIVER
from firmware_sim.ruuvi import Climate, air, tag

ADDRESS = bytes.fromhex("cbb8334c884f")
CLIMATES = st.builds(
    Climate,
    st.integers(-40 * 200, 85 * 200).map(lambda steps: steps / 200),
    st.integers(0, 100 * 400).map(lambda steps: steps / 400),
    st.integers(50_000, 115_534).map(lambda pascal: pascal / 100),
)


def values(payload: bytes) -> dict[tuple[str, int | str | None], float]:
    return {(made.kind, made.channel): made.value for made in DRIVER.decode(Frame("ble_adv", "test", "", payload))}


def test_tag_bytes() -> None:
    # data format 5, test vectors, valid data
    made = tag(
        Climate(24.3, 53.49, 1000.44),
        ADDRESS,
        acceleration_mg=(4, -4, 1036),
        millivolts=2977,
        power_dbm=4,
        movements=66,
        sequence=205,
    )
    assert made.data_structures().hex() == "1bff99040512fc5394c37c0004fffc040cac364200cdcbb8334c884f"


def test_air_bytes() -> None:
    # data format 6, test vectors, valid data
    made = air(Climate(29.5, 55.3, 1011.02), ADDRESS, co2=201, pm2_5=11.2, voc=10, nox=2, lux=13026.67, sequence=205)
    assert made.data_structures().hex() == "17ff990406170c5668c79e007000c90501d9ffcd004c884f"


@given(climate=CLIMATES, millivolts=st.integers(1600, 3646), power=st.integers(0, 30), sequence=st.integers(0, 65534))
def test_tag_round_trip(climate: Climate, millivolts: int, power: int, sequence: int) -> None:
    power_dbm = -40 + 2 * power
    made = values(tag(climate, ADDRESS, millivolts=millivolts, power_dbm=power_dbm, sequence=sequence).ad_structures())
    assert made["temperature", None] == pytest.approx(climate.temperature)
    assert made["humidity", None] == pytest.approx(climate.humidity)
    assert made["pressure", None] == pytest.approx(climate.pressure_hpa)
    assert made["voltage", None] == millivolts / 1000
    assert made["tx_power", None] == power_dbm
    assert made["packet_counter", None] == sequence
    assert made["acceleration", "z"] == pytest.approx(9.80665)


@given(
    climate=CLIMATES,
    co2=st.integers(0, 40_000),
    pm=st.integers(0, 10_000),
    voc=st.integers(0, 500),
    lux=st.floats(0, 65535),
    sequence=st.integers(0, 255),
)
def test_air_round_trip(climate: Climate, co2: int, pm: int, voc: int, lux: float, sequence: int) -> None:
    made = values(
        air(climate, ADDRESS, co2=co2, pm2_5=pm / 10, voc=voc, nox=1, lux=lux, sequence=sequence).ad_structures()
    )
    assert made["temperature", None] == pytest.approx(climate.temperature)
    assert made["co2", None] == co2
    assert made["pm2_5", None] == pytest.approx(pm / 10)
    assert made["tvoc", None] == voc
    assert made["packet_counter", None] == sequence
    assert made["illuminance", None] + 1 == pytest.approx(lux + 1, rel=0.023)  # half a step of the logarithm of lux + 1
