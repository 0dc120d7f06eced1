"""The hot path of BLE: strangers are turned away before anything is built.

In a crowd three of four adverts come from phones and laptops of people who never enrolled. `advert_filter` looks at
their company and service identifiers only; for what a driver claims it puts the AD structures together again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from drivers.api import Claim, DecodeError, Driver, ad_structures

BASE_UUID = "0000{:04x}-0000-1000-8000-00805f9b34fb"
BASE_END = BASE_UUID[-28:]
MANUFACTURER, SERVICE_DATA_16, LOCAL_NAME = 0xFF, 0x16, 0x09
MOST = 1650
"""Bytes of the longest advert, an extended one (Core 5.4, 6.B.2.3.4.9)."""
LONGEST = 252
"""Bytes of data behind an identifier: type, identifier and data are counted by one byte (Core 5.4, 3.C.11)."""

Filter = Callable[[Mapping[int, bytes], Mapping[str, bytes]], "tuple[Driver, bytes] | None"]
"""(manufacturer data by company, service data by 128-bit UUID text) -> (driver, AD structures), or None: a stranger.

Empty AD structures: claimed, but longer than any AD structure can be."""

_Claimed = tuple[tuple[bytes, ...], tuple[tuple[bytes, Driver], ...], tuple[bytes, ...]]
"""All prefixes, so that a stranger costs one comparison; each with its driver; what precedes data of each length."""


def advert_filter(claimed: Iterable[tuple[Claim, Driver]]) -> Filter:
    """A function that recognises what is claimed, and never raises. The first claim that fits wins."""
    by_company: dict[int | None, list[tuple[bytes, Driver]]] = {}
    by_service: dict[int, list[tuple[bytes, Driver]]] = {}
    for claim, driver in claimed:
        if claim.name:  # a name tells products of one maker apart; a tag is known by its identity
            continue
        if claim.service is not None:
            by_service.setdefault(claim.service, []).append((claim.prefix, driver))
        else:
            by_company.setdefault(claim.company, []).append((claim.prefix, driver))
    anyone = by_company.pop(None, [])
    any_prefix = tuple(prefix for prefix, _ in anyone)
    companies = {found: _claims(MANUFACTURER, found, rows) for found, rows in by_company.items() if found is not None}
    services = {BASE_UUID.format(found): _claims(SERVICE_DATA_16, found, by_service[found]) for found in by_service}

    def accept(manufacturer: Mapping[int, bytes], service: Mapping[str, bytes]) -> tuple[Driver, bytes] | None:
        if manufacturer:
            for company in manufacturer:
                if company in companies:
                    prefixes, found, heads = companies[company]
                    data = manufacturer[company]
                    if data.startswith(prefixes):
                        for prefix, driver in found:
                            if data.startswith(prefix):
                                return driver, heads[len(data)] + data if len(data) <= LONGEST else b""
                if anyone and manufacturer[company].startswith(any_prefix):
                    return _of_anyone(anyone, company, manufacturer[company])
        if service:
            for uuid in service:
                if uuid in services:
                    prefixes, found, heads = services[uuid]
                    data = service[uuid]
                    if data.startswith(prefixes):
                        for prefix, driver in found:
                            if data.startswith(prefix):
                                return driver, heads[len(data)] + data if len(data) <= LONGEST else b""
        return None

    return accept


def _of_anyone(anyone: list[tuple[bytes, Driver]], company: int, data: bytes) -> tuple[Driver, bytes]:
    """For a claim on every company; one of its prefixes fits."""
    driver = next(driver for prefix, driver in anyone if data.startswith(prefix))
    if len(data) > LONGEST:
        return driver, b""
    return driver, bytes((len(data) + 3, MANUFACTURER)) + company.to_bytes(2, "little") + data


def _claims(kind: int, identifier: int, found: list[tuple[bytes, Driver]]) -> _Claimed:
    name = identifier.to_bytes(2, "little")
    heads = tuple(bytes((size + 3, kind)) + name for size in range(LONGEST + 1))
    return tuple(prefix for prefix, _ in found), tuple(found), heads


def put_together(manufacturer: Mapping[int, bytes], service: Mapping[str, bytes], name: str | None) -> bytes:
    """Everything that BlueZ tells of an advert as AD structures again; empty: longer than an advert can be."""
    made = b""
    if name:
        made = _structure(LOCAL_NAME, name.encode()[:LONGEST])
    for company, data in manufacturer.items():
        made += _structure(MANUFACTURER, company.to_bytes(2, "little") + data)
    for uuid, data in service.items():
        if uuid.endswith(BASE_END) and uuid.startswith("0000"):
            made += _structure(SERVICE_DATA_16, int(uuid[4:8], 16).to_bytes(2, "little") + data)
    return made if len(made) <= MOST else b""


def _structure(kind: int, data: bytes) -> bytes:
    return bytes((len(data) + 1, kind)) + data if len(data) < 255 else bytes(MOST + 1)


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
