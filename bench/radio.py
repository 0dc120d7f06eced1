"""Adverts as bleak hands them over. Needs nothing but bleak: the peer's virtual environment has it as well."""

from __future__ import annotations

from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from bench.adverts import Heard


def as_bleak(one: Heard) -> tuple[BLEDevice, AdvertisementData]:
    """The two arguments of a detection callback."""
    advert = AdvertisementData(
        local_name=None,
        manufacturer_data=one.manufacturer,
        service_data=one.service,
        service_uuids=[],
        tx_power=None,
        rssi=one.rssi,
        platform_data=(),
    )
    return BLEDevice(one.address, None, {}), advert
