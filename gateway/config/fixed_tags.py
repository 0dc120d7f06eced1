"""Tags that hang somewhere: fixed devices by which receivers' drift is seen. Each is enrolled, and named by its pid.

- {id: fix-1, driver: ibeacon, place: utama/l01/timur, at: [4.2, 3.0], address: p-0123456789abcdef}
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from drivers.api import Driver
from gateway.config.document import Where
from gateway.config.model import Device, Office

_PID = re.compile(r"p-[0-9a-f]{16}")
TAG = "tag"
"""Modality of the drivers that read them."""


def is_fixed(device: Device) -> bool:
    """Whether a device is a tag that hangs somewhere, and no person's."""
    return isinstance(device.address, str) and _PID.fullmatch(device.address) is not None


def mistakes(office: Office, drivers: Mapping[str, Driver]) -> Iterator[tuple[Where, str]]:
    """What is wrong with them. `drivers`: those that are installed, where that is known."""
    seen: dict[str, str] = {}
    for d, device in enumerate(office.devices):
        here: Where = ("devices", d)
        driver = drivers.get(device.driver)
        if not is_fixed(device):
            if driver is not None and driver.modality == TAG and device.at is not None:
                text = f'device "{device.id}" is a tag that hangs somewhere: write as address the pid that'
                yield (*here, "id"), f"{text} `hadir people office.yaml enrol --credential ...` gives it"
            continue
        pid = str(device.address)
        if device.at is None:
            yield (*here, "id"), f'device "{device.id}" is a tag, and nobody knows where it hangs: write at: [x, y]'
        if driver is not None and driver.modality != TAG:
            text = f'device "{device.id}" has a pid as address, but driver "{driver.name}" reads no tags'
            yield (*here, "address"), text
        if pid in seen:
            yield (*here, "address"), f'device "{device.id}" has the pid of device "{seen[pid]}"'
        seen.setdefault(pid, device.id)
