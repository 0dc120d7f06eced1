"""The source behind one line of a gateway's `sources`; the media's libraries are imported when they are needed."""

from __future__ import annotations

from collections.abc import Mapping

from drivers.api import Driver
from gateway.bindings import Bound
from gateway.clock import Clock
from gateway.config import sources as config
from gateway.config.model import Office
from gateway.counters import Counters
from gateway.decode import claims
from gateway.errors import ConfigError, Problem
from gateway.sources.base import OnState, Source

ENOCEAN = "enocean_esp3"


def build(
    settings: config.Source,
    office: Office,
    bound: Bound,
    named: Mapping[str, Driver],
    clock: Clock,
    counters: Counters,
    on_state: OnState,
) -> Source:
    """Raises ConfigError for a device that the medium cannot carry."""
    match settings:
        case config.SerialSource() | config.EnOceanSource():
            return _serial(settings, bound, named, clock, counters, on_state)
        case config.BleSource():
            from gateway.sources.ble import BleSource

            return BleSource(
                settings.id,
                settings.adapter,
                claims({name: named[name] for name in settings.drivers}),
                clock,
                counters,
                sensors={
                    address: binding.driver
                    for address, binding in bound.by_address(settings.id).items()
                    if binding.driver is not None
                },
                mode=settings.mode,
                watchdog_s=settings.watchdog_s,
                on_state=on_state,
            )
        case config.ReplaySource():
            from gateway.sources.replay import ReplaySource

            return ReplaySource(
                settings.id,
                office.path(settings.path),
                claims(named),
                clock,
                counters,
                speed=settings.speed,
                follow=settings.follow,
                on_state=on_state,
            )
        case _:
            text = f"sources of type {settings.type} cannot be read yet"
            raise ConfigError(Problem(file=f"source {settings.id}", line=None, text=text))


def _serial(
    settings: config.SerialSource | config.EnOceanSource,
    bound: Bound,
    named: Mapping[str, Driver],
    clock: Clock,
    counters: Counters,
    on_state: OnState,
) -> Source:
    from gateway.sources.serial import SerialSource, patience

    alone = bound.alone(settings.id)
    driver = named[ENOCEAN] if alone is None else alone.driver
    if driver is None or driver.framer is None:
        device = "" if alone is None else alone.device.id
        text = f'device "{device}" has a driver that reads no serial line'
        raise ConfigError(Problem(file=f"source {settings.id}", line=None, text=text))
    return SerialSource(
        settings.id,
        settings.port,
        driver,
        clock,
        counters,
        baud=settings.baud if isinstance(settings, config.SerialSource) else None,
        silent_s=None if alone is None else patience(alone.expect_s),
        on_state=on_state,
    )
