"""Teltonika EYE Sensor adverts, encode only.

wiki.teltonika-gps.com, EYE SENSOR / BTSMP1, "Protocol description", table 1: manufacturer data of 0x089A: version 01,
flags (bit by bit what follows), big-endian values.
"""

from __future__ import annotations

from typing import NamedTuple

from firmware_sim.beacon import Advert

TELTONIKA = 0x089A


class Eye(NamedTuple):
    """What is switched on in the sensor; None: switched off."""

    temperature: float | None = None
    humidity: int | None = None
    magnet: bool | None = None
    moving: bool | None = None
    movements: int = 0
    pitch_roll: tuple[int, int] | None = None
    millivolts: int | None = None
    """2000 to 4550, in steps of 10."""
    low: bool = False

    def advert(self) -> Advert:
        """The sensor's own structure; the beacon's is an advert of its own."""
        flags, body = 0x40 * self.low, b""
        if self.temperature is not None:
            flags, body = flags | 0x01, body + round(self.temperature * 100).to_bytes(2, "big", signed=True)
        if self.humidity is not None:
            flags, body = flags | 0x02, body + bytes((self.humidity,))
        if self.magnet is not None:
            flags |= 0x0C if self.magnet else 0x04
        if self.moving is not None:
            flags, body = flags | 0x10, body + (self.movements | 0x8000 * self.moving).to_bytes(2, "big")
        if self.pitch_roll is not None:
            pitch, roll = self.pitch_roll
            flags |= 0x20
            body += pitch.to_bytes(1, "big", signed=True) + roll.to_bytes(2, "big", signed=True)
        if self.millivolts is not None:
            flags, body = flags | 0x80, body + bytes(((self.millivolts - 2000) // 10,))
        return Advert({TELTONIKA: bytes((1, flags)) + body}, {})
