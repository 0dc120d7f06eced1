"""Which fixed device stands behind a source, and what it is allowed to mean: the table that hops 2 and 4 read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from drivers.api import Context, Driver, Frame
from gateway.config import mappings
from gateway.config.addresses import spelled
from gateway.config.connections import RECEIVER
from gateway.config.model import Device, Gateway, Office
from gateway.config.places import Places
from gateway.config.sources import ModbusSource, alone, shared


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
    context: Context | None = None
    """What its driver must know to read it; None: nothing."""
    key: bytes = field(default=b"", repr=False)
    """Its secret, for a source that needs it to talk with it."""


def bind(office: Office, device: Device, drivers: Mapping[str, Driver], keys: Mapping[str, bytes]) -> Binding:
    """The binding of one device of a checked office. `keys`: by device id (device_keys.py)."""
    places = Places(office)
    place = places.full(device.place)
    if place is None:
        raise ValueError(f"{device.id}: no place {device.place}")  # load() has checked it
    driver = None if device.driver == RECEIVER else drivers[device.driver]
    context = Context(
        key=keys.get(device.id, b""),
        profile=device.profile or "",
        mapping=mappings.read(office.path, device.mapping),
    )
    return Binding(
        device=device,
        place=place,
        driver=driver,
        modality=device.modality or _modality(driver, device.profile or ""),
        role=device.role,
        realm=device.realm or office.site,
        expect_s=device.expect_s or (None if driver is None else driver.expect_s) or _polled(office, device.id),
        owner=places.owner(place),
        context=None if driver is None or driver.decode_with is None or context == Context() else context,
        key=context.key,
    )


def _polled(office: Office, device: str) -> float | None:
    """The interval at which its source asks it; None: it speaks by itself."""
    sources = (source for gateway in office.gateways for source in gateway.sources)
    return next((one.poll_s for one in sources if isinstance(one, ModbusSource) and device in one.devices), None)


def _modality(driver: Driver | None, profile: str) -> str:
    return "tag" if driver is None else driver.profile_modality.get(profile, driver.modality)


def by_device(
    office: Office, drivers: Mapping[str, Driver], keys: Mapping[str, bytes] | None = None
) -> dict[str, Binding]:
    """All devices of the site, by id."""
    return {device.id: bind(office, device, drivers, keys or {}) for device in office.devices}


class Bound:
    """The devices behind one gateway's sources: whose frame is this?"""

    def __init__(self, gateway: Gateway, devices: Mapping[str, Binding]) -> None:
        self._alone: dict[str, Binding] = {}
        self._shared: dict[str, dict[str, Binding]] = {}
        for source in gateway.sources:
            device = alone(source)
            if device is not None:
                self._alone[source.id] = devices[device]
            if shared(source):
                self._shared[source.id] = {
                    spelled(source.type, devices[name].device.address or ""): devices[name] for name in shared(source)
                }

    def of(self, frame: Frame) -> Binding | None:
        """The device that sent it: by its address where many share the source; None: nobody's that we know."""
        if frame.source in self._shared:
            found = self._shared[frame.source].get(frame.address)
            if found is not None:
                return found
        return self._alone.get(frame.source)

    def alone(self, source: str) -> Binding | None:
        """The device that a source has for itself; of a BLE adapter, the receiver."""
        return self._alone.get(source)

    def by_address(self, source: str) -> Mapping[str, Binding]:
        """The devices that share a source."""
        return self._shared.get(source, {})

    def behind(self, source: str) -> list[Binding]:
        """All devices that are silent when the source is."""
        first = self._alone.get(source)
        return [*([first] if first else []), *self.by_address(source).values()]

    def all(self) -> dict[str, Binding]:
        """By device id."""
        found = [*self._alone.values(), *(one for many in self._shared.values() for one in many.values())]
        return {binding.device.id: binding for binding in found}


def receivers(gateways: Iterable[Gateway], devices: Mapping[str, Binding]) -> dict[str, Binding]:
    """The radio receivers of some gateways, by device id."""
    found = (alone(source) for gateway in gateways for source in gateway.sources)
    return {name: devices[name] for name in found if name is not None and devices[name].driver is None}
