"""The source behind one line of a gateway's `sources`; the media's libraries are imported when they are needed."""

from __future__ import annotations

from pathlib import Path

from drivers.api import Context, DecodeError
from gateway.config import sources as config
from gateway.decode import claims
from gateway.errors import ConfigError, Problem
from gateway.sources.around import Around
from gateway.sources.base import OnState, Source

ENOCEAN = "enocean_esp3"


def build(settings: config.Source, around: Around, on_state: OnState) -> Source:
    """Raises ConfigError for a device that the medium cannot carry."""
    bound, named, clock, counters = around.bound, around.named, around.clock, around.counters
    match settings:
        case config.SerialSource() | config.EnOceanSource():
            return _serial(settings, around, on_state)
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
                is_ours=around.is_ours,
                mode=settings.mode,
                watchdog_s=settings.watchdog_s,
                on_state=on_state,
            )
        case config.OsdpSource():
            return _osdp(settings, around, on_state)
        case config.LorawanSource() | config.MqttSource():
            return _behind_a_broker(settings, around, on_state)
        case config.ModbusSource():
            return _modbus(settings, around, on_state)
        case config.GpioSource():
            from gateway.sources.gpio import Contact, GpioSource

            return GpioSource(
                settings.id,
                settings.chip,
                [
                    Contact(line=int(address), device=binding.device.id)
                    for address, binding in bound.by_address(settings.id).items()
                ],
                clock,
                counters,
                bias=settings.bias,
                active_low=settings.active_low,
                debounce_ms=settings.debounce_ms,
                on_state=on_state,
                on_device=around.on_device,
            )
        case config.KeyboardSource():
            from gateway.sources.keyboard import KeyboardSource

            return KeyboardSource(settings.id, settings.port, clock, counters, on_state=on_state)
        case config.PcscSource():
            from gateway.sources.pcsc import PcscSource

            return PcscSource(settings.id, settings.reader, clock, counters, on_state=on_state)
        case config.DoorMqttSource() | config.DoorWebhookSource() | config.DoorCsvSource():
            from gateway.sources.door_build import door_source

            return door_source(settings, around, on_state)
        case config.ReplaySource():
            from gateway.sources.replay import ReplaySource

            return ReplaySource(
                settings.id,
                around.office.path(settings.path),
                claims(named),
                clock,
                counters,
                sensors=frozenset(bound.by_address(settings.id)),
                speed=settings.speed,
                follow=settings.follow,
                on_state=on_state,
            )
        case _:
            text = f"sources of type {settings.type} cannot be read yet"
            raise ConfigError(Problem(file=f"source {settings.id}", line=None, text=text))


def _serial(settings: config.SerialSource | config.EnOceanSource, around: Around, on_state: OnState) -> Source:
    from gateway.sources.serial import SerialSource, patience

    alone = around.bound.alone(settings.id)
    driver = around.named[ENOCEAN] if alone is None else alone.driver
    if driver is None or driver.framer is None:
        device = "" if alone is None else alone.device.id
        text = f'device "{device}" has a driver that reads no serial line'
        raise ConfigError(Problem(file=f"source {settings.id}", line=None, text=text))
    return SerialSource(
        settings.id,
        settings.port,
        driver,
        around.clock,
        around.counters,
        baud=settings.baud if isinstance(settings, config.SerialSource) else None,
        silent_s=None if alone is None else patience(alone.expect_s),
        on_state=on_state,
    )


def _osdp(settings: config.OsdpSource, around: Around, on_state: OnState) -> Source:
    from gateway.sources.osdp import OsdpSource
    from gateway.sources.osdp_reader import Reader

    return OsdpSource(
        settings.id,
        settings.port,
        [
            Reader(address=int(address), device=binding.device.id, key=binding.key)
            for address, binding in around.bound.by_address(settings.id).items()
        ],
        around.clock,
        around.counters,
        baud=settings.baud,
        secure=settings.secure,
        on_state=on_state,
        on_device=around.on_device,
    )


def _behind_a_broker(settings: config.LorawanSource | config.MqttSource, around: Around, on_state: OnState) -> Source:
    from gateway.sources import lorawan, mqtt_json, mqtt_link

    office, devices = around.office, around.bound.by_address(settings.id)
    link = mqtt_link.BrokerLink(
        settings.broker or office.broker,
        client_id=mqtt_link.client_id(office.site, around.gateway, settings.id),
        base=office.path(Path()),
        clock=around.clock,
        counters=around.counters,
        session_expiry_s=mqtt_json.KEPT_S if isinstance(settings, config.MqttSource) else mqtt_link.DAY_S,
        on_state=on_state,
    )
    if isinstance(settings, config.LorawanSource):
        return lorawan.LorawanSource(
            settings.id,
            link,
            settings.network,
            {
                address: next((name for name in binding.driver.media if name.startswith("lorawan:")), "lorawan:")
                for address, binding in devices.items()
                if binding.driver is not None
            },
            around.clock,
            around.counters,
            topic=settings.topic,
            network_time=not office.simulated,  # a simulated day is not that of the network server
            on_stranger=around.on_stranger,
        )
    contexts = {
        address: (binding.driver is mqtt_json.DRIVER and binding.context) or Context()
        for address, binding in devices.items()
    }
    try:
        return mqtt_json.MqttSource(settings.id, link, contexts, around.clock, around.counters)
    except DecodeError as error:
        raise ConfigError(Problem(file=f"source {settings.id}", line=None, text=str(error))) from error


def _modbus(settings: config.ModbusSource, around: Around, on_state: OnState) -> Source:
    from drivers.occupancy.modbus import plan
    from gateway.sources.modbus import ModbusSource, Unit

    units = []
    for address, binding in around.bound.by_address(settings.id).items():
        try:
            reads = plan(binding.context.mapping if binding.context else {})
        except ValueError as error:
            text = f'device "{binding.device.id}": {error}'
            raise ConfigError(Problem(file=f"source {settings.id}", line=None, text=text)) from error
        units.append(Unit(address=int(address), device=binding.device.id, reads=reads))
    return ModbusSource(
        settings.id,
        units,
        around.clock,
        around.counters,
        port=settings.port,
        baud=settings.baud,
        parity=settings.parity,
        stop_bits=settings.stop_bits,
        host=settings.host or "",
        tcp_port=settings.tcp_port,
        poll_s=settings.poll_s,
        timeout_s=settings.timeout_s,
        on_state=on_state,
        on_device=around.on_device,
    )
