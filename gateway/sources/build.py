"""The source behind one line of a gateway's `sources`; the media's libraries are imported when they are needed."""

from __future__ import annotations

from collections.abc import Mapping

from drivers.api import Driver
from gateway.bindings import Binding
from gateway.clock import Clock
from gateway.config.model import BleSource, Office, ReplaySource, SerialSource
from gateway.counters import Counters
from gateway.decode import claims
from gateway.errors import ConfigError, Problem
from gateway.sources.base import OnState, Source


def build(
    settings: SerialSource | BleSource | ReplaySource,
    office: Office,
    binding: Binding,
    named: Mapping[str, Driver],
    clock: Clock,
    counters: Counters,
    on_state: OnState,
) -> Source:
    """Raises ConfigError for a device that the medium cannot carry."""
    match settings:
        case SerialSource():
            from gateway.sources.serial import SerialSource as Serial
            from gateway.sources.serial import patience

            driver = binding.driver
            if driver is None or driver.framer is None:
                text = f'device "{settings.device}" has driver "{binding.device.driver}", which reads no serial line'
                raise ConfigError(Problem(file=f"source {settings.id}", line=None, text=text))
            return Serial(
                settings.id,
                settings.port,
                driver,
                clock,
                counters,
                baud=settings.baud,
                silent_s=patience(binding.expect_s),
                on_state=on_state,
            )
        case BleSource():
            from gateway.sources.ble import BleSource as Ble

            return Ble(
                settings.id,
                settings.adapter,
                claims({name: named[name] for name in settings.drivers}),
                clock,
                counters,
                mode=settings.mode,
                watchdog_s=settings.watchdog_s,
                on_state=on_state,
            )
        case ReplaySource():
            from gateway.sources.replay import ReplaySource as Replay

            path = office.path(settings.path)
            return Replay(
                settings.id,
                path,
                claims(named),
                clock,
                counters,
                speed=settings.speed,
                follow=settings.follow,
                on_state=on_state,
            )
