"""The source behind a door system, from its settings and what all sources of a gateway share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from gateway.config import sources as config
from gateway.sources.base import OnState, Source, SourceState
from gateway.sources.door import Taps

if TYPE_CHECKING:
    from gateway.sources.around import Around

DoorSettings = config.DoorMqttSource | config.DoorWebhookSource | config.DoorCsvSource


def door_source(settings: DoorSettings, around: Around, on_state: OnState) -> Source:
    """By MQTT, by HTTP, or from a file."""
    office, clock, counters = around.office, around.clock, around.counters
    readers = around.bound.by_address(settings.id).keys()
    zone = ZoneInfo(office.timezone)

    def taps(state: SourceState) -> Taps:
        return Taps(settings.id, readers, settings.fields, zone, clock, counters, state)

    match settings:
        case config.DoorMqttSource():
            from gateway.sources import door_mqtt, mqtt_link

            link = mqtt_link.BrokerLink(
                settings.broker or office.broker,
                client_id=mqtt_link.client_id(office.site, around.gateway, settings.id),
                base=office.path(Path()),
                clock=clock,
                counters=counters,
                session_expiry_s=door_mqtt.KEPT_S if settings.fields.at is None else mqtt_link.DAY_S,
                on_state=on_state,
            )
            return door_mqtt.DoorMqttSource(settings.id, link, settings.topic, taps(link.state))
        case config.DoorWebhookSource():
            from gateway.sources.door_webhook import DoorWebhookSource

            state = SourceState()
            return DoorWebhookSource(
                settings.id,
                settings.host,
                settings.port,
                office.path(settings.token_file),
                taps(state),
                state,
                clock,
                counters,
                on_state=on_state,
            )
        case config.DoorCsvSource():
            from gateway.sources.door_csv import DoorCsvSource

            state = SourceState()
            gateway = next(gateway for gateway in office.gateways if gateway.id == around.gateway)
            return DoorCsvSource(
                settings.id,
                office.path(settings.path),
                settings.fields,
                taps(state),
                state,
                office.data_folder(gateway) / f"door-{settings.id}.position",
                counters,
                encoding=settings.encoding,
                on_state=on_state,
            )
