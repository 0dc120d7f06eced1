"""What hangs where: sources and the devices behind them, checked against what the installed drivers read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from drivers.api import Driver
from gateway.config import mappings
from gateway.config.addresses import fits, form, spelled
from gateway.config.document import Document, Where, did_you_mean, short
from gateway.config.model import Device, Gateway, Office
from gateway.config.sources import BleSource, GpioSource, PcscSource, Source, alone, shared
from gateway.errors import ConfigError

RECEIVER = "receiver"
"""Driver name of a BLE adapter: it has a place, and no bytes of its own."""
Found = tuple[Where, str]
"""Where a mistake is, and what it is."""

SHOWN = 8
"""Profiles that are listed."""
ALONE = {"serial": "serial:", "keyboard": "keyboard", "pcsc": "pcsc"}
"""Type of source -> the medium that its one device must read."""
SHARED = {
    "ble": "ble_adv",
    "enocean": "serial:enocean_esp3",
    "osdp": "wiegand",  # the bus hands over a card's bits
    "modbus": "modbus",
    "lorawan": "lorawan:",
    "mqtt": "mqtt",
    "gpio": "gpio",
    "door_mqtt": "door",
    "door_webhook": "door",
    "door_csv": "door",
}
"""Type of source -> the medium that its devices must read."""


class Connections:
    """Sources and devices of an office."""

    def __init__(
        self, office: Office, document: Document, drivers: Iterable[str] | None, *, devices_readable: bool
    ) -> None:
        """`drivers`: names, or a mapping of names to drivers, which are then checked for what they read.

        `devices_readable`: False where the list of devices is damaged, so that a missing one may be there all the same.
        """
        self._office = office
        self._document = document
        self._installed = None if drivers is None else frozenset(drivers)
        self._drivers: Mapping[str, Driver] = drivers if isinstance(drivers, Mapping) else {}
        self._devices = {device.id: device for device in office.devices}
        self._at = {device.id: i for i, device in enumerate(office.devices)}
        self._readable = devices_readable

    def problems(self) -> Iterable[Found]:
        """Every mistake."""
        yield from self._drivers_of_devices()
        bound: dict[str, int | None] = {}
        for g, gateway in enumerate(self._office.gateways):
            ports: dict[str, Where] = {}
            for s, source in enumerate(gateway.sources):
                here: Where = ("gateways", g, "sources", s)
                yield from self._named(source, here, bound)
                yield from self._addresses(source)
                for word in ("port", "adapter"):
                    name = str(getattr(source, word, None) or "")
                    if name in ports:
                        line = self._document.line(ports[name])
                        yield (*here, word), f"{word} {short(name)} already belongs to the source on line {line}"
                    if name:
                        ports.setdefault(name, (*here, word))
                if source.type == "modbus" and (source.port is None) == (source.host is None):
                    yield (*here, "type"), f'source "{source.id}" has a port (RTU) or a host (TCP), one of the two'
            yield from self._readers_of_cards(gateway, ("gateways", g))
            yield from self._lines(gateway)

    def _drivers_of_devices(self) -> Iterable[Found]:
        known = self._installed
        for d, device in enumerate(self._office.devices):
            here: Where = ("devices", d)
            if known is not None and device.driver != RECEIVER and device.driver not in known:
                text = f'device "{device.id}" wants driver "{short(device.driver)}", which is not installed'
                yield (*here, "driver"), text + did_you_mean(device.driver, (*known, RECEIVER))
            driver = self._drivers.get(device.driver)
            if driver is None:
                continue
            if device.profile is not None and device.profile not in driver.profiles:
                has = "has none" if not driver.profiles else f"has {', '.join(driver.profiles)}"
                text = f'device "{device.id}" has profile "{short(device.profile)}", but driver "{driver.name}" {has}'
                yield (*here, "profile"), text + did_you_mean(device.profile, driver.profiles)
            if device.mapping is not None:
                for text in self._mapping(device, driver):
                    yield (*here, "mapping"), f'device "{device.id}": {text}'
            if device.light is not None and driver.modality != "badge":
                yield (*here, "light"), f'device "{device.id}" has a light, and driver "{driver.name}" reads no badges'
            if driver.mixed and device.modality is None:
                text = f'device "{device.id}": driver "{driver.name}" reads sensors of many kinds'
                yield (*here, "id"), f"{text}; say which one this is, modality: {', '.join(KINDS_OF_SENSOR)}"
            if device.mapping is None and device.profile is None and (driver.profiles or driver.check is not None):
                yield (*here, "id"), f'device "{device.id}" says nothing yet: {_wanted(driver)}'

    def _mapping(self, device: Device, driver: Driver) -> Iterable[str]:
        if driver.check is None:
            yield f'driver "{driver.name}" takes no mapping'
            return
        try:
            mapping = mappings.read(self._office.path, device.mapping)
        except ConfigError as error:
            yield from (str(problem) for problem in error.problems)
            return
        yield from driver.check(mapping)

    def _named(self, source: Source, here: Where, bound: dict[str, int | None]) -> Iterable[Found]:
        """The devices that a source names: each is there, once, and can be read there."""
        rows: list[tuple[Where, str]] = [((*here, "devices", i), name) for i, name in enumerate(shared(source))]
        first = alone(source)
        if first is not None:
            rows.insert(0, ((*here, "device"), first))
        for path, name in rows:
            if not name:  # it is missing, or is no text: said already
                continue
            if name not in self._devices:
                if self._readable:
                    text = f'source "{source.id}" names device "{short(name)}", which is not there'
                    yield path, text + did_you_mean(name, self._devices)
                continue
            if name in bound:
                text = f'device "{name}" already belongs to the source on line {bound[name]}'
                yield path, f"{text}; one source a device"
            bound.setdefault(name, self._document.line(path))
            yield from self._read_there(source, self._devices[name], path)
        if isinstance(source, BleSource):
            yield from self._tags(source, here)

    def _read_there(self, source: Source, device: Device, path: Where) -> Iterable[Found]:
        """Whether the medium can carry the device."""
        name, is_receiver = device.driver, device.driver == RECEIVER
        if self._installed is not None and not is_receiver and name not in self._installed:
            return
        stands_alone = path[-1] == "device"
        if source.type == "ble" and stands_alone:
            if not is_receiver:
                text = f'source "{source.id}" is ble, but device "{device.id}" has driver "{short(name)}"'
                yield path, f"{text}; a BLE adapter is driver: {RECEIVER}"
            return
        if source.type not in (ALONE if stands_alone else SHARED):  # a recording of anything, or no type that there is
            return
        if is_receiver:
            text = f'source "{source.id}" is {source.type}, but device "{device.id}" has driver "{short(name)}"'
            yield path, f"{text}; a BLE adapter is driver: {RECEIVER}"
            return
        if name not in self._drivers:
            return
        medium = (ALONE if stands_alone else SHARED)[source.type]
        if not _reads(self._drivers[name], medium):
            fit = ", ".join(sorted(driver.name for driver in self._drivers.values() if _reads(driver, medium)))
            what = "serial line" if medium == "serial:" else f"{source.type} device"
            text = f'source "{source.id}" is {source.type}, but driver "{name}" reads no {what}; those that do: {fit}'
            yield path, text

    def _tags(self, source: BleSource, here: Where) -> Iterable[Found]:
        if self._installed is None:
            return
        heard = [word for word in self._installed if word not in self._drivers or self._drivers[word].claims]
        for i, word in enumerate(source.drivers):
            if word not in heard:
                why = "reads no adverts" if word in self._drivers else "is not installed"
                text = f'source "{source.id}" wants driver "{short(word)}", which {why}'
                yield (*here, "drivers", i), text + did_you_mean(word, heard)
            elif source.mode == "passive" and word in self._drivers and _of_anybody(self._drivers[word]):
                text = f'source "{source.id}" is passive, and "{word}" may come from any company'
                yield (*here, "drivers", i), f"{text}, which BlueZ cannot be asked for; write mode: active"

    def _readers_of_cards(self, gateway: Gateway, base: Where) -> Iterable[Found]:
        """PC/SC sources of one box: each its own reader, or one card would be two taps."""
        seen: dict[str, Where] = {}
        for s, source in enumerate(gateway.sources):
            if not isinstance(source, PcscSource):
                continue
            here, begins = (*base, "sources", s), source.reader or ""
            for other, where in seen.items():
                if other.startswith(begins) or begins.startswith(other):
                    text = (
                        f'source "{source.id}" may mean the reader of the source on line {self._document.line(where)}'
                    )
                    yield (*here, "id"), f"{text}; write as `reader` what the name of each begins with"
                    break
            seen.setdefault(begins, (*here, "id"))

    def _lines(self, gateway: Gateway) -> Iterable[Found]:
        """The lines of GPIO chips: each for one contact or one light."""
        taken: dict[tuple[str, int], Where] = {}
        for chip, line, path in self._lines_of(gateway):
            if (chip, line) in taken:
                first = self._document.line(taken[chip, line])
                yield path, f"line {line} of {short(chip)} already belongs to the device on line {first}"
            taken.setdefault((chip, line), path)

    def _lines_of(self, gateway: Gateway) -> Iterable[tuple[str, int, Where]]:
        for source in gateway.sources:
            for name in dict.fromkeys(one for one in (alone(source), *shared(source)) if one in self._devices):
                device, here = self._devices[name or ""], ("devices", self._at[name or ""])
                if isinstance(source, GpioSource) and fits("gpio", device.address or ""):
                    yield source.chip, int(device.address or 0), (*here, "address")
                if device.light is not None:
                    for word in ("line", "refused_line"):
                        line = getattr(device.light, word, None)
                        if isinstance(line, int):
                            yield device.light.chip, line, (*here, "light", word)

    def _addresses(self, source: Source) -> Iterable[Found]:
        """Each device that shares the source has an address, of the form that the medium has, and its own."""
        seen: dict[str, str] = {}
        for name in shared(source):
            device = self._devices.get(name)
            if device is None:
                continue
            here: Where = ("devices", self._at[name])
            if device.address is None:
                text = f'device "{name}" shares source "{source.id}" and has no address'
                yield (*here, "id"), f"{text}; write {form(source.type).words}"
            elif not fits(source.type, device.address):
                text = f'device "{name}" has address "{short(device.address)}", which is not {form(source.type).words}'
                yield (*here, "address"), text
            else:
                address = spelled(source.type, device.address)
                if address in seen:
                    yield (*here, "address"), f'device "{name}" has the address of device "{seen[address]}"'
                seen.setdefault(address, name)


def _of_anybody(driver: Driver) -> bool:
    """Its adverts are known by neither company nor service."""
    return all(claim.company is None and claim.service is None for claim in driver.claims)


KINDS_OF_SENSOR = ("radar", "seat", "pir", "contact", "counter", "environment")


def _wanted(driver: Driver) -> str:
    """What a driver that reads devices of several kinds must be told of each."""
    listed = ", ".join(driver.profiles[:SHOWN]) + (", ..." if len(driver.profiles) > SHOWN else "")
    choices = [f"a profile ({listed})"] if driver.profiles else []
    choices += ["a mapping"] if driver.check is not None else []
    return f'driver "{driver.name}" needs {" or ".join(choices)}'


def _reads(driver: Driver, medium: str) -> bool:
    """`medium` with a colon at its end: any of that kind."""
    return any(name == medium or (medium.endswith(":") and name.startswith(medium)) for name in driver.media)
