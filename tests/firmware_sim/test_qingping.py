"""Qingping adverts of the simulator against bytes worked out by hand, and against the driver."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.api import Frame, Measurement, NotAuthentic
from drivers.beacon.qingping import decode
from firmware_sim import qingping

ADDRESS = "58:2D:34:01:02:03"


def said(device: int, *values: bytes, event: bool = False, address: str = ADDRESS) -> list[Measurement]:
    made = qingping.advert(ADDRESS, device, *values, event=event)
    return decode(Frame("ble_adv", "test", address, made.ad_structures()))


def test_thermometer() -> None:
    # 21.5 degrees = 00D7, 45.0 % = 01C2
    made = qingping.advert(ADDRESS, qingping.CGG1, qingping.climate(21.5, 45.0), qingping.battery(85))
    assert made.service == {0xFDCD: bytes.fromhex("0807030201342d580104d700c201020155")}


def test_motion_event() -> None:
    made = qingping.advert(ADDRESS, qingping.CGPR1, qingping.motion(True, 300), qingping.counter(264), event=True)
    assert made.service == {0xFDCD: bytes.fromhex("4812030201342d580804012c01000f0108")}


def test_values() -> None:
    assert qingping.door(2).hex() == "040102"
    assert qingping.pressure(1013.2).hex() == "07029427"
    assert qingping.light(38).hex() == "090426000000"
    assert qingping.dust(12, 34).hex() == "12040c002200"
    assert qingping.co2(676).hex() == "1302a402"


@given(st.integers(-400, 850), st.integers(0, 1000), st.integers(0, 100), st.integers(0, 255))
def test_climate(celsius: int, percent: int, battery: int, counter: int) -> None:
    values = qingping.climate(celsius / 10, percent / 10), qingping.battery(battery), qingping.counter(counter)
    assert said(qingping.CGG1, *values) == [
        Measurement("temperature", celsius / 10, "Cel"),
        Measurement("humidity", percent / 10, "%RH"),
        Measurement("battery", battery, "%"),
        Measurement("packet_counter", counter),
    ]


@given(st.booleans(), st.integers(0, 2**24 - 1), st.booleans())
def test_motion(moved: bool, lux: int, event: bool) -> None:
    light = Measurement("illuminance", lux, "lx")
    assert said(qingping.CGPR1, qingping.motion(moved, lux), event=event) == [Measurement("motion", moved), light]
    assert said(qingping.CGPR1, qingping.light(lux)) == [light]


@given(st.integers(0, 2**16 - 1), st.integers(0, 2**16 - 1))
def test_air(one: int, other: int) -> None:
    assert said(qingping.CGDN1, qingping.dust(one, other), qingping.co2(one), qingping.pressure(other / 10)) == [
        Measurement("pm2_5", one, "ug/m3"),
        Measurement("pm10", other, "ug/m3"),
        Measurement("co2", one, "ppm"),
        Measurement("pressure", other / 10, "hPa"),
    ]


@pytest.mark.parametrize(("state", "opened"), [(0, True), (1, False), (2, True)])
def test_door(state: int, opened: bool) -> None:
    assert said(qingping.CGH1, qingping.door(state)) == [Measurement("opening", opened)]


def test_somebody_elses_advert() -> None:
    with pytest.raises(NotAuthentic):
        said(qingping.CGG1, qingping.battery(85), address="58:2D:34:01:02:04")
