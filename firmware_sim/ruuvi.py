"""RuuviTag and Ruuvi Air adverts, encode only.

docs.ruuvi.com, Bluetooth advertisements: manufacturer data of 0x0499, big endian. Data format 5: temperature (0.005
degree), humidity (0.0025 %), pressure (Pa above 50000), acceleration x, y, z (mg), power (11 bits of mV above 1600, 5
bits of 2 dBm above -40), movements, sequence, address. Format 6: the first three, PM 2.5 (0.1 ug/m3), CO2 (ppm), VOC
and NOX (9 bits, the lowest in the flags), light (logarithmic), reserved, sequence, flags, half an address.
"""

from __future__ import annotations

from math import log
from typing import NamedTuple

from firmware_sim.beacon import Advert

RUUVI = 0x0499


class Climate(NamedTuple):
    """What both measure."""

    temperature: float
    humidity: float
    pressure_hpa: float

    def body(self) -> bytes:
        """Six bytes."""
        return (
            round(self.temperature * 200).to_bytes(2, "big", signed=True)
            + round(self.humidity * 400).to_bytes(2, "big")
            + (round(self.pressure_hpa * 100) - 50_000).to_bytes(2, "big")
        )


def tag(
    climate: Climate,
    address: bytes,
    *,
    acceleration_mg: tuple[int, int, int] = (0, 0, 1000),
    millivolts: int = 3000,
    power_dbm: int = 4,
    movements: int = 0,
    sequence: int = 0,
) -> Advert:
    """A RuuviTag in data format 5; `address` has 6 bytes."""
    axes = b"".join(axis.to_bytes(2, "big", signed=True) for axis in acceleration_mg)
    power = (millivolts - 1600 << 5 | (power_dbm + 40) // 2).to_bytes(2, "big")
    tail = power + bytes((movements,)) + sequence.to_bytes(2, "big") + address
    return Advert({RUUVI: b"\x05" + climate.body() + axes + tail}, {})


def air(
    climate: Climate, address: bytes, *, co2: int, pm2_5: float, voc: int, nox: int, lux: float, sequence: int
) -> Advert:
    """A Ruuvi Air in data format 6."""
    light = round(log(lux + 1) / (log(65536) / 254))
    flags = (nox & 1) << 7 | (voc & 1) << 6
    body = climate.body() + round(pm2_5 * 10).to_bytes(2, "big") + co2.to_bytes(2, "big")
    tail = bytes((voc >> 1, nox >> 1, light, 0xFF, sequence, flags)) + address[3:]
    return Advert({RUUVI: b"\x06" + body + tail}, {})
