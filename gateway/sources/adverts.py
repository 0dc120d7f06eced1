"""The hot path of BLE: strangers are turned away before anything is built.

In a crowd three of four adverts come from phones and laptops of people who never enrolled. `advert_filter` looks at
their company and service identifiers only; for what a driver claims it puts the AD structures together again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from drivers.api import Claim, DecodeError, Driver, ad_structures

BASE_UUID = "0000{:04x}-0000-1000-8000-00805f9b34fb"
MANUFACTURER, SERVICE_DATA_16 = 0xFF, 0x16

Filter = Callable[[Mapping[int, bytes], Mapping[str, bytes]], "tuple[Driver, bytes] | None"]
"""(manufacturer data by company, service data by 128-bit UUID text) -> (driver, AD structures), or None: a stranger."""


def advert_filter(claimed: Iterable[tuple[Claim, Driver]]) -> Filter:
    """A function that recognises what is claimed. The first claim that fits wins."""
    companies: dict[int, list[tuple[bytes, Driver]]] = {}
    services: dict[str, list[tuple[bytes, Driver]]] = {}
    for claim, driver in claimed:
        if claim.company is not None:
            companies.setdefault(claim.company, []).append((claim.prefix, driver))
        elif claim.service is not None:
            services.setdefault(BASE_UUID.format(claim.service), []).append((claim.prefix, driver))
    heads = {name: bytes.fromhex(name[4:8])[::-1] for name in services}

    def accept(manufacturer: Mapping[int, bytes], service: Mapping[str, bytes]) -> tuple[Driver, bytes] | None:
        if manufacturer:
            for company, data in manufacturer.items():
                for prefix, driver in companies.get(company, ()):
                    if data.startswith(prefix):
                        return driver, bytes((len(data) + 3, MANUFACTURER)) + company.to_bytes(2, "little") + data
        if service:
            for uuid, data in service.items():
                for prefix, driver in services.get(uuid, ()):
                    if data.startswith(prefix):
                        return driver, bytes((len(data) + 3, SERVICE_DATA_16)) + heads[uuid] + data
        return None

    return accept


def taken_apart(payload: bytes) -> tuple[dict[int, bytes], dict[str, bytes]]:
    """AD structures as BlueZ shows them: manufacturer data by company, service data by UUID. Raises DecodeError."""
    manufacturer: dict[int, bytes] = {}
    service: dict[str, bytes] = {}
    for kind, data in ad_structures(payload):
        if kind == MANUFACTURER and len(data) >= 2:
            manufacturer[int.from_bytes(data[:2], "little")] = data[2:]
        elif kind == SERVICE_DATA_16 and len(data) >= 2:
            service[BASE_UUID.format(int.from_bytes(data[:2], "little"))] = data[2:]
    if not manufacturer and not service:
        raise DecodeError("neither manufacturer nor service data")
    return manufacturer, service
