"""Which fixed device stands behind a source, and what it is allowed to mean: the table that hops 2 and 4 read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from drivers.api import Driver
from gateway.config.model import Device, Gateway, Office
from gateway.config.places import Places
from gateway.config.references import RECEIVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """One device of this gateway."""

    device: Device
    place: str
    driver: Driver | None
    """None: a receiver, whose frames name their driver by what they claim."""
    modality: str
    role: str
    realm: str
    """Whose cards it reads, as part of a credential's canonical form."""
    expect_s: float | None
    """Seconds between messages; None: silent by design."""
    owner: str
    """Gateway that decides its place."""


def bind(office: Office, device: Device, drivers: Mapping[str, Driver]) -> Binding:
    """The binding of one device of a checked office."""
    places = Places(office)
    place = places.full(device.place)
    if place is None:
        raise ValueError(f"{device.id}: no place {device.place}")  # load() has checked it
    driver = None if device.driver == RECEIVER else drivers[device.driver]
    return Binding(
        device=device,
        place=place,
        driver=driver,
        modality="tag" if driver is None else driver.modality,
        role=device.role,
        realm=device.realm or office.site,
        expect_s=device.expect_s or (None if driver is None else driver.expect_s),
        owner=places.owner(place),
    )


def by_device(office: Office, drivers: Mapping[str, Driver]) -> dict[str, Binding]:
    """All devices of the site, by id."""
    return {device.id: bind(office, device, drivers) for device in office.devices}


def by_source(gateway: Gateway, devices: Mapping[str, Binding]) -> dict[str, Binding]:
    """The devices behind this gateway's sources, by source id."""
    return {source.id: devices[source.device] for source in gateway.sources}


def receivers(gateways: Iterable[Gateway], devices: Mapping[str, Binding]) -> dict[str, Binding]:
    """The radio receivers of some gateways, by device id."""
    return {
        source.device: devices[source.device]
        for gateway in gateways
        for source in gateway.sources
        if devices[source.device].driver is None
    }
