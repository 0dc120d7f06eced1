"""Hop 2: which driver reads a frame. An unknown device is counted, never guessed."""

from __future__ import annotations

import importlib
import logging
import pkgutil
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from traceback import extract_tb
from types import ModuleType
from typing import NamedTuple

import drivers
from drivers.api import Claim, Context, Decoded, DecodeError, Driver, Frame, Measurement, Truncated, ad_structures
from gateway.counters import Counters
from gateway.errors import ConfigError, Problem

_log = logging.getLogger(__name__)
GROUP = "hadir.drivers"
MANUFACTURER, SERVICE_DATA_16 = 0xFF, 0x16
SHORT_NAME, NAME = 0x08, 0x09


def decode(frame: Frame, driver: Driver, counters: Counters) -> list[Measurement]:
    """What the frame says; nothing, and a counted drop, for what its driver does not accept."""
    try:
        return driver.decode(frame)
    except DecodeError as error:
        counters.add("decode.dropped", error.kind)
    except Exception as error:  # noqa: BLE001 another's code on bytes from the air: it must not end the daemon
        _mistake(driver, error, counters)
    return []


def decode_with(frame: Frame, driver: Driver, context: Context, counters: Counters) -> Decoded:
    """The same for a device of which the configuration knows something."""
    read = driver.decode_with
    try:
        return Decoded(driver.decode(frame)) if read is None else read(frame, context)
    except DecodeError as error:
        counters.add("decode.dropped", error.kind)
    except Exception as error:  # noqa: BLE001 as above
        _mistake(driver, error, counters)
    return Decoded([])


def _mistake(driver: Driver, error: Exception, counters: Counters) -> None:
    """A driver raised what it may not: counted under its name. Logged once, without its text: that may hold a badge."""
    counters.add("driver.mistakes", driver.name)
    if counters.get("driver.mistakes", driver.name) == 1:
        where = extract_tb(error.__traceback__)[-1]
        text = "driver %s made a mistake (%s, %s:%s); such frames are dropped and counted, tell its author"
        _log.error(text, driver.name, type(error).__name__, where.filename, where.lineno)


def installed() -> dict[str, Driver]:
    """All drivers by name: built in, and from other packages' entry points. Raises ConfigError for two of one name."""
    found: dict[str, Driver] = {}
    origin: dict[str, str] = {}
    for where, driver in (*built_in(), *_third_party()):
        if driver.name in found:
            text = f'driver "{driver.name}" is in {origin[driver.name]} and in {where}; uninstall one'
            raise ConfigError(Problem(file="drivers", line=None, text=text))
        found[driver.name], origin[driver.name] = driver, where
    return found


def built_in() -> Iterator[tuple[str, Driver]]:
    """(module, driver) of each driver in the package `drivers`."""
    for module_info in pkgutil.walk_packages(drivers.__path__, "drivers."):
        for driver in _drivers_of(importlib.import_module(module_info.name)):
            yield module_info.name, driver


def _drivers_of(module: ModuleType) -> tuple[Driver, ...]:
    single = getattr(module, "DRIVER", None)
    several: tuple[Driver, ...] = getattr(module, "DRIVERS", ())
    return several if single is None else (single, *several)


def _third_party() -> Iterator[tuple[str, Driver]]:
    for entry in entry_points(group=GROUP):
        try:
            driver = entry.load()
        except (ImportError, AttributeError) as error:
            text = f'entry point "{entry.name}" cannot be loaded: {error}; mend or uninstall its package'
            raise ConfigError(Problem(file=str(entry.value), line=None, text=text)) from error
        if not isinstance(driver, Driver):
            text = f'entry point "{entry.name}" is not a drivers.api.Driver'
            raise ConfigError(Problem(file=str(entry.value), line=None, text=text))
        yield str(entry.value), driver


def claims(named: Mapping[str, Driver]) -> list[tuple[Claim, Driver]]:
    """What the drivers of a BLE source answer to."""
    return [(claim, driver) for driver in named.values() for claim in driver.claims]


def by_medium(named: Mapping[str, Driver]) -> dict[str, Driver]:
    """The drivers of what a receiver hears of personal tags and phones, by medium of the frame."""
    found = {f"ble_adv:{name}": driver for name, driver in named.items() if driver.claims}
    return found | {medium: driver for driver in named.values() for medium in driver.media if medium == "ble_rpa"}


class Drivers:
    """Drivers indexed by what a frame is known by. Built once; not changed afterwards."""

    def __init__(self, by_name: Mapping[str, Driver]) -> None:
        self.by_name = dict(by_name)
        self.by_medium: dict[str, list[Driver]] = {}
        self.by_company: dict[int | None, list[tuple[Claim, Driver]]] = {}
        """By Bluetooth company identifier; None: any company's."""
        self.by_service: dict[int, list[tuple[Claim, Driver]]] = {}
        """By 16-bit service UUID."""
        for driver in self.by_name.values():
            for medium in driver.media:
                self.by_medium.setdefault(medium, []).append(driver)
        for claim, driver in claims(self.by_name):
            if claim.service is not None:
                self.by_service.setdefault(claim.service, []).append((claim, driver))
            else:
                self.by_company.setdefault(claim.company, []).append((claim, driver))

    def claimants(self, payload: bytes) -> list[Driver]:
        """Drivers that answer to an advert, each once. Raises Truncated when it breaks off and none did before."""
        answering: list[tuple[Claim, Driver]] = []
        name, broken = b"", None
        try:
            for kind, data in ad_structures(payload):
                if kind in (SHORT_NAME, NAME):
                    name = data
                elif len(data) >= 2 and kind in (MANUFACTURER, SERVICE_DATA_16):
                    answering += [
                        (claim, driver) for claim, driver in self._near(kind, data) if data.startswith(claim.prefix, 2)
                    ]
        except Truncated as error:
            broken = error
        found = {driver.name: driver for claim, driver in answering if name.startswith(claim.name)}
        if broken is not None and not found:
            raise broken
        return list(found.values())

    def _near(self, kind: int, data: bytes) -> list[tuple[Claim, Driver]]:
        identifier = int.from_bytes(data[:2], "little")
        if kind == SERVICE_DATA_16:
            return self.by_service.get(identifier, [])
        return self.by_company.get(identifier, []) + self.by_company.get(None, [])


class Supported(NamedTuple):
    """A row of `hadir devices --supported`."""

    driver: str
    title: str
    media: str
    modality: str
    kinds: str
    line: str
    """Baud, parity and stop bits of a serial line; empty for other media."""
    interval: str
    needs: str
    """key, profile, mapping: what office.yaml may or must say of such a device."""
    checked: str
    """The day on which its vectors were last compared with their sources."""


def _span(seconds: float) -> str:
    """The largest unit that has no fraction."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


def supported(named: Mapping[str, Driver]) -> list[Supported]:
    """What the installed drivers read, by modality and name."""
    rows = []
    for driver in sorted(named.values(), key=lambda driver: (driver.modality, driver.name)):
        settings = driver.settings
        choices = (("key", driver.key_sizes), ("profile", driver.profiles), ("mapping", driver.check))
        rows.append(
            Supported(
                driver=driver.name,
                title=driver.title,
                media=", ".join(driver.media),
                modality=driver.modality,
                kinds=", ".join(driver.kinds),
                line="" if settings is None else f"{settings.baud} 8{settings.parity}{settings.stop_bits}",
                interval="silent by design" if driver.expect_s is None else _span(driver.expect_s),
                needs=", ".join(word for word, has in choices if has),
                checked=driver.checked,
            )
        )
    return rows
