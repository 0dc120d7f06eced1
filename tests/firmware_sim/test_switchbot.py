"""SwitchBot: bytes worked out by hand, and what the drivers make of any of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.api import Frame
from drivers.beacon.switchbot import DRIVERS
from firmware_sim import switchbot
from firmware_sim.beacon import Advert
from gateway.decode import Drivers

ADDRESS = bytes.fromhex("c00000000001")
BATTERY = st.integers(0, 100)
DEGREES = st.integers(-400, 800).map(lambda tenths: tenths / 10)


def values(advert: Advert, by: str = "switchbot") -> dict[str, float]:
    """By one of the drivers that answer to it."""
    payload = advert.ad_structures()
    named = {driver.name: driver for driver in DRIVERS}
    assert by in {driver.name for driver in Drivers(named).claimants(payload)}
    return {made.kind: made.value for made in named[by].decode(Frame("ble_adv", "test", "", payload))}


def test_bytes() -> None:
    assert switchbot.meter(90, 21.5, 45).data_structures().hex() == "09163dfd54005a05952d"
    assert switchbot.meter(90, -0.5, 45, plus=True).data_structures().hex() == "09163dfd69005a05002d"
    outdoor = switchbot.outdoor_meter(90, 21.5, 45, ADDRESS, 7)
    assert outdoor.data_structures().hex() == "0eff6909c00000000001070305952d06163dfd77005a"
    contact = switchbot.contact(90, is_open=True, motion=True, bright=True, presses=1)
    assert contact.data_structures().hex() == "0c163dfd64405a030000000001"
    motion = switchbot.motion(90, somebody=True, bright=True, idle_s=16)
    assert motion.data_structures().hex() == "09163dfd73405a001002"
    presence = switchbot.presence(90, occupied=True, light_level=2, address=ADDRESS, sequence=7)
    assert presence.data_structures().hex() == "0fff6909c00000000001074c000000020a163dfd00205a0010ccc8"


@given(battery=BATTERY, temperature=DEGREES, humidity=st.integers(0, 99), plus=st.booleans())
def test_meters_round_trip(battery: int, temperature: float, humidity: int, plus: bool) -> None:
    wanted = {"battery": battery, "temperature": pytest.approx(temperature), "humidity": humidity}
    assert values(switchbot.meter(battery, temperature, humidity, plus=plus)) == wanted
    assert values(switchbot.outdoor_meter(battery, temperature, humidity, ADDRESS)) == wanted


@given(battery=BATTERY, yes=st.booleans(), moved=st.booleans(), bright=st.booleans(), level=st.integers(0, 31))
def test_signs_round_trip(battery: int, yes: bool, moved: bool, bright: bool, level: int) -> None:
    contact = values(switchbot.contact(battery, is_open=yes, motion=moved, bright=bright), "switchbot_contact")
    assert contact == {"battery": battery, "opening": yes, "motion": moved, "light": bright}
    motion = values(switchbot.motion(battery, somebody=yes, bright=bright, idle_s=70_000), "switchbot_motion")
    assert motion == {"battery": battery, "motion": yes, "light": bright}
    presence = switchbot.presence(battery, occupied=yes, light_level=level, address=ADDRESS)
    assert values(presence, "switchbot_presence") == {"battery": battery, "occupied": yes, "light_level": level}
