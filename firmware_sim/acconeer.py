"""Adverts of Acconeer's Bluetooth radar modules, encode only.

Manufacturer data of 0xACC0, little endian: application (80 and 91 presence on XM122 and XM126, 90 distance), battery
(%, 2 bytes), temperature (2), value (2), 8 reserved bytes.
"""

from __future__ import annotations

from firmware_sim.beacon import Advert

ACCONEER = 0xACC0


def presence(somebody: bool, *, battery: int = 100, temperature: int = 22, xm126: bool = False) -> Advert:
    """The presence application."""
    return _advert(0x91 if xm126 else 0x80, int(somebody), battery, temperature)


def distance(millimetres: int, *, battery: int = 100, temperature: int = 22) -> Advert:
    """The distance application of XM126; 0: nothing in sight."""
    return _advert(0x90, millimetres, battery, temperature)


def _advert(application: int, value: int, battery: int, temperature: int) -> Advert:
    body = battery.to_bytes(2, "little") + temperature.to_bytes(2, "little", signed=True) + value.to_bytes(2, "little")
    return Advert({ACCONEER: bytes((application,)) + body + b"\x00" * 8}, {})
