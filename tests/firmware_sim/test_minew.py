"""Minew: bytes worked out by hand, and what the drivers make of any of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.api import Frame
from drivers.beacon.minew import DRIVERS
from firmware_sim import minew
from firmware_sim.beacon import Advert
from gateway.decode import Drivers

ADDRESS = bytes.fromhex("abcde4021300")
BATTERY = st.integers(0, 100)
EIGHTHS = st.integers(-40 * 256, 100 * 256).map(lambda n: n / 256)


def values(advert: Advert, by: str = "minew") -> dict[tuple[str, int | str | None], float]:
    """By the one driver that answers to it."""
    payload = advert.ad_structures()
    (driver,) = Drivers({driver.name: driver for driver in DRIVERS}).claimants(payload)
    assert driver.name == by
    return {(made.kind, made.channel): made.value for made in driver.decode(Frame("ble_adv", "test", "", payload))}


def test_bytes() -> None:
    # MiniBeaconPlus Configuration Instruction, 2.2, the example of the page
    info = minew.info(100, ADDRESS, "PLUS001")
    assert info.ad_structures().hex() == "0201060303e1ff1316e1ffa10864001302e4cdab504c5553303031"
    climate = minew.climate(90, ADDRESS, 21.25, 45.5)
    assert climate.data_structures().hex() == "1016e1ffa1015a15402d80001302e4cdab"
    assert minew.pir(90, ADDRESS, somebody=True).data_structures().hex() == "0e16e1ffa1115a0001001302e4cdab"
    door = minew.door(90, ADDRESS, is_open=True)
    assert door.data_structures().hex() == "12ff3906a4015a01000100001302e4cdab0000"
    assert minew.people(2, 7).data_structures().hex() == "1bff3906ca18010712" + "00" * 19
    assert minew.passages(3, 257, 7).data_structures().hex() == "1bff3906ca18000703000101" + "00" * 16


@given(battery=BATTERY, temperature=EIGHTHS, humidity=EIGHTHS.filter(lambda value: value >= 0))
def test_climate_round_trip(battery: int, temperature: float, humidity: float) -> None:
    assert values(minew.climate(battery, ADDRESS, temperature, humidity)) == {
        ("battery", None): battery,
        ("temperature", None): temperature,
        ("humidity", None): humidity,
    }
    assert values(minew.info(battery, ADDRESS, "x")) == {("battery", None): battery}


@given(battery=BATTERY, g=st.tuples(EIGHTHS, EIGHTHS, EIGHTHS))
def test_acceleration_round_trip(battery: int, g: tuple[float, float, float]) -> None:
    made = values(minew.acceleration(battery, ADDRESS, g))
    assert [made["acceleration", axis] for axis in "xyz"] == pytest.approx([n * 9.80665 for n in g])


@given(battery=BATTERY, yes=st.booleans(), tamper=st.booleans())
def test_yes_and_no_round_trip(battery: int, yes: bool, tamper: bool) -> None:
    pir = values(minew.pir(battery, ADDRESS, yes), "minew_pir")
    assert pir == {("battery", None): battery, ("motion", None): yes}
    door = values(minew.door(battery, ADDRESS, is_open=yes, dismantled=tamper), "minew_door")
    assert door == {("battery", None): battery, ("opening", None): yes, ("tamper", None): tamper}


@given(present=st.integers(0, 15), entered=st.integers(0, 65535), left=st.integers(0, 65535))
def test_people_round_trip(present: int, entered: int, left: int) -> None:
    counted = values(minew.people(present), "minew_radar")
    assert counted == {("count", None): present, ("occupied", None): present > 0}
    passed = values(minew.passages(entered, left), "minew_radar")
    assert passed == {("entered_period", None): entered, ("left_period", None): left}
