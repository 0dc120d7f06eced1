"""Hop 2: which driver reads a frame. An unknown device is counted, never guessed."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points

import drivers
from drivers.api import Claim, DecodeError, Driver, Frame, Measurement
from gateway.counters import Counters
from gateway.errors import ConfigError, Problem

GROUP = "hadir.drivers"


def decode(frame: Frame, driver: Driver, counters: Counters) -> list[Measurement]:
    """What the frame says; nothing, and a counted drop, for what its driver does not accept."""
    try:
        return driver.decode(frame)
    except DecodeError as error:
        counters.add("decode.dropped", error.kind)
        return []


def installed() -> dict[str, Driver]:
    """All drivers by name: built in, and from other packages' entry points. Raises ConfigError for two of one name."""
    found: dict[str, Driver] = {}
    origin: dict[str, str] = {}
    for where, driver in (*_built_in(), *_third_party()):
        if driver.name in found:
            text = f'driver "{driver.name}" is in {origin[driver.name]} and in {where}; uninstall one'
            raise ConfigError(Problem(file="drivers", line=None, text=text))
        found[driver.name], origin[driver.name] = driver, where
    return found


def _built_in() -> Iterator[tuple[str, Driver]]:
    for module_info in pkgutil.walk_packages(drivers.__path__, "drivers."):
        module = importlib.import_module(module_info.name)
        single = getattr(module, "DRIVER", None)
        for driver in getattr(module, "DRIVERS", () if single is None else (single,)):
            yield module_info.name, driver


def _third_party() -> Iterator[tuple[str, Driver]]:
    for entry in entry_points(group=GROUP):
        driver = entry.load()
        if not isinstance(driver, Driver):
            text = f'entry point "{entry.name}" is not a drivers.api.Driver'
            raise ConfigError(Problem(file=str(entry.value), line=None, text=text))
        yield str(entry.value), driver


def claims(named: Mapping[str, Driver]) -> list[tuple[Claim, Driver]]:
    """What the drivers of a BLE source answer to."""
    return [(claim, driver) for driver in named.values() for claim in driver.claims]
