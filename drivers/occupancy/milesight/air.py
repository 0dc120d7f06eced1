"""Milesight LoRaWAN sensors of room air, climate, light, leaks and levels. FRMPayload, port 85 unless set otherwise.

The layout and the sources stand in fields.py; the tables here say what each model's fields mean.
"""

from __future__ import annotations

from drivers.api import Measurement
from drivers.occupancy.milesight.fields import (
    AIR,
    AIR_KINDS,
    BATTERY,
    HOUR,
    TEMPERATURE_ALARM,
    Field,
    Table,
    driver,
    flag,
    gas,
    number,
    skip,
)


def _pir_and_count(value: bytes) -> list[Measurement]:
    """AM304L: the highest bit is the state, the others count triggers since the last message."""
    return [Measurement("motion", bool(value[1] & 0x80))]


def _activity(value: bytes) -> list[Measurement]:
    """AM104, AM107: how much the PIR sensor saw since the last message."""
    return [Measurement("motion", value != b"\0\0")]


_AM102 = {**AIR, "20ce": skip(7)}
_AM103 = {**AIR, "077d": gas("co2", "ppm"), "20ce": skip(9)}
_AM104 = {
    **AIR,
    "056a": Field(2, _activity),
    "0665": number("illuminance", 2, "lx", tail=4),  # then infrared, of two kinds
}
_AM107 = {
    **_AM104,
    "077d": gas("co2", "ppm"),
    "087d": gas("tvoc", "ppb"),
    "0973": gas("pressure", "hPa", 10),
}
_AM304L = {
    **AIR,
    "059f": Field(2, _pir_and_count),
    "0500": flag("motion"),
    "06cb": number("light_level", 1),
    "069d": number("illuminance", 2, "lx", most=60000),
    **dict.fromkeys(("b367", "b468", "b6cb", "b69d"), skip(1)),  # could not be measured
    "8367": TEMPERATURE_ALARM,
    "869d": number("illuminance", 2, "lx", most=60000, tail=1),
    "20ce": skip(15),
    "21ce": skip(15),
}
_AM305L = {
    **_AM304L,
    "077d": gas("co2", "ppm"),
    "877d": number("co2", 2, "ppm", most=0xFFFE, tail=1),
    "b77d": skip(1),
    "20ce": skip(18),
    "21ce": skip(18),
}
_AM300 = {
    **AIR,
    "0500": flag("motion"),
    "06cb": number("light_level", 1),
    "0694": number("illuminance", 4, "lx"),  # the second version has it beside the level
    "077d": gas("co2", "ppm"),
    "087d": gas("tvoc", "", 100),  # indoor air quality
    "08e6": gas("tvoc", "ug/m3"),
    "0973": gas("pressure", "hPa", 10),
    "0a7d": skip(2),  # formaldehyde, or ozone
    "0b7d": gas("pm2_5", "ug/m3"),
    "0c7d": gas("pm10", "ug/m3"),
    "0d7d": skip(2),  # ozone
    "0e01": skip(1),  # buzzer
}


def _am300(stored: int) -> Table:
    """Stored values have as many bytes as the model has sensors."""
    return {**_AM300, "20ce": skip(stored), "21ce": skip(stored)}


_EM300 = {**AIR, "20ce": skip(8)}
_LEAK = {"0500": flag("moisture_detected")}
_LEVEL = {
    **BATTERY,
    "0382": number("distance", 2, "m", scale=1000, most=0xFFFE),
    "0400": skip(1),  # EM310-UDL: tilted
    "04d6": skip(1),  # WS201: how full
}
_EM500 = {
    **AIR,
    "057d": gas("co2", "ppm"),
    "0673": gas("pressure", "hPa", 10),
    "83d7": number("temperature", 2, "Cel", scale=10, signed=True, tail=3),  # then its sudden change, and a state
    "20ce": skip(11),
}


_AM304L_KINDS = f"motion {AIR_KINDS} light_level illuminance"
_AM300_KINDS = f"motion {AIR_KINDS} light_level illuminance co2 tvoc pressure pm2_5 pm10"

# Intervals: those of AM304L and AM305L are the maker's README's (10 minutes); the others as far as known.
DRIVERS = (
    driver("am102 am102l", "AM102, AM102L, room climate", _AM102, "environment", AIR_KINDS),
    driver("am103 am103l", "AM103, AM103L, room air", _AM103, "environment", f"{AIR_KINDS} co2"),
    driver("am104", "AM104, room climate", _AM104, "environment", f"motion {AIR_KINDS} illuminance"),
    driver("am107", "AM107, room air", _AM107, "environment", f"motion {AIR_KINDS} illuminance co2 tvoc pressure"),
    driver("am304l", "AM304L, room climate", _AM304L, "environment", _AM304L_KINDS),
    driver("am305l", "AM305L, room air", _AM305L, "environment", f"{_AM304L_KINDS} co2"),
    driver("am307 am307l", "AM307, AM307L, room air", _am300(16), "environment", _AM300_KINDS),
    driver("am307-v2", "AM307 of the second version, room air", _am300(20), "environment", _AM300_KINDS),
    driver("am308 am308l", "AM308, AM308L, room air", _am300(20), "environment", _AM300_KINDS),
    driver(
        "am319 am319l am319-hcho am319-o3 am319-hcho-ir am319-hcho-well am319l-hcho-ir am319l-o3",
        "AM319, AM319L, room air",
        _am300(22),
        "environment",
        _AM300_KINDS,
    ),
    driver(
        "em300-mcs",
        "EM300-MCS, door contact and climate",
        {**_EM300, "0600": flag("opening")},
        "contact",
        f"opening {AIR_KINDS}",
    ),
    driver("em300-th", "EM300-TH, climate", _EM300, "environment", AIR_KINDS),
    driver(
        "em300-sld em300-zld em300-mld",
        "EM300-SLD, EM300-ZLD, EM300-MLD, leak detector",
        {**_EM300, **_LEAK},
        "environment",
        f"moisture_detected {AIR_KINDS}",
    ),
    driver("em320-th", "EM320-TH, climate", _AM102, "environment", AIR_KINDS),
    driver("em310-udl ws201", "EM310-UDL, WS201, level by ultrasound", _LEVEL, "environment", "distance battery"),
    driver("em500-co2", "EM500-CO2, room air", _EM500, "environment", f"{AIR_KINDS} co2 pressure"),
    driver(
        "em500-lgt",
        "EM500-LGT, light",
        {**BATTERY, "0394": number("illuminance", 4, "lx"), "20ce": skip(8)},
        "environment",
        "illuminance battery",
    ),
    driver(
        "ws303",
        "WS303, leak detector",
        {**BATTERY, "0300": flag("moisture_detected")},
        "environment",
        "moisture_detected battery",
        18 * HOUR,
    ),
)
