"""Where a gateway's bytes come from: the sources of office.yaml, one model a medium.

A source has one `device` (a line with one reader at its end), or brings what many `devices` say, each of which is known
by its `address` on that medium.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator

from gateway.config.types import ADAPTER, Filter, Identifier, Model, Number, Port, Switch, Whole, Word

Devices = Annotated[tuple[Identifier, ...], Field(min_length=1)]
"""What a source that is nothing by itself brings."""


class Tls(Model):
    """TLS to the broker; with certificate and key, mutual."""

    ca: Path | None = None
    """Default: the system's."""
    certificate: Path | None = None
    key: Path | None = None


class Broker(Model):
    """The MQTT broker."""

    host: Word = "127.0.0.1"
    port: Port = 1883
    protocol: Literal["5", "3.1.1"] = "5"
    username: str | None = None
    password_file: Path | None = None
    tls: Tls | None = None
    window: Annotated[Whole, Field(ge=1, le=100)] = 50
    """Unacknowledged publishes in flight."""
    frozen_after_s: Annotated[Number, Field(ge=1, le=600)] = 5.0
    """Machine seconds without an answer to the oldest publish or canary before the link is given up."""
    embedded: Switch = False
    """`hadir up` and `hadir demo` start a broker of their own on this port."""


class SerialSource(Model):
    """A serial line with one device. `port` should be a /dev/serial/by-id path: ttyUSB numbers move."""

    type: Literal["serial"]
    id: Identifier
    port: Word
    device: Identifier
    """The device at the other end; it names the driver."""
    baud: Annotated[Whole, Field(ge=300, le=4_000_000)] | None = None
    """Default: what the driver says."""


class BleSource(Model):
    """A Bluetooth adapter: it hears the personal tags of the listed drivers, and its own sensors by address."""

    type: Literal["ble"]
    id: Identifier
    adapter: Annotated[str, StringConstraints(pattern=ADAPTER)] = "hci0"
    """Its address, which stays, or the name of today."""
    mode: Literal["active", "passive"] = "passive"
    device: Identifier
    """The receiver: it has a place, its zone is where a tag heard strongest by it stands."""
    devices: tuple[Identifier, ...] = ()
    """Sensors that this adapter listens to."""
    drivers: tuple[str, ...] = ("ibeacon", "eddystone")
    """Of personal tags."""
    watchdog_s: Annotated[Number, Field(ge=1, le=3600)] = 15.0
    """Machine seconds without a single advert before the scan is started anew, at most: in busy air five say it."""


class EnOceanSource(Model):
    """An EnOcean gateway stick or module (TCM 310, USB 300/400) that speaks ESP3."""

    type: Literal["enocean"]
    id: Identifier
    port: Word
    devices: Devices


class OsdpSource(Model):
    """An RS-485 bus of OSDP readers; hadir is its one controller."""

    type: Literal["osdp"]
    id: Identifier
    port: Word
    baud: Literal[9600, 19200, 38400, 57600, 115200, 230400] = 9600
    devices: Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=126)]
    """Readers, by OSDP address (0 to 126); their keys stand in `device_keys`."""
    secure: Switch = True
    """Secure Channel is required; a reader without its key is down. False: that one is read in clear; one with a key
    never is."""


class ModbusSource(Model):
    """Modbus RTU on a serial `port`, or Modbus TCP on a `host`."""

    type: Literal["modbus"]
    id: Identifier
    port: Word | None = None
    baud: Annotated[Whole, Field(ge=300, le=1_000_000)] = 9600
    parity: Literal["N", "E", "O"] = "N"
    stop_bits: Literal[1, 2] = 1
    host: Word | None = None
    tcp_port: Port = 502
    poll_s: Annotated[Number, Field(ge=0.05, le=3600)] = 10.0
    timeout_s: Annotated[Number, Field(ge=0.05, le=60)] = 1.0
    devices: Devices
    """By unit address (1 to 247)."""


class LorawanSource(Model):
    """Uplinks of a LoRaWAN network server, over its MQTT integration."""

    type: Literal["lorawan"]
    id: Identifier
    network: Literal["chirpstack", "ttn"] = "chirpstack"
    broker: Broker | None = None
    """Default: the site's."""
    topic: Filter | None = None
    """Filter of the uplinks; default: that of the network server."""
    devices: Devices
    """By DevEUI."""


class MqttSource(Model):
    """Devices that publish JSON over MQTT themselves or through a bridge."""

    type: Literal["mqtt"]
    id: Identifier
    broker: Broker | None = None
    """Default: the site's."""
    devices: Devices
    """By topic; its profile or mapping says what the fields mean."""


class GpioSource(Model):
    """Contacts on the lines of a GPIO chip."""

    type: Literal["gpio"]
    id: Identifier
    chip: Word = "/dev/gpiochip0"
    bias: Literal["as_is", "disabled", "pull_up", "pull_down"] = "pull_up"
    active_low: Switch = False
    debounce_ms: Annotated[Whole, Field(ge=0, le=10_000)] = 50
    devices: Devices
    """By line number."""


class KeyboardSource(Model):
    """A reader that types like a keyboard; it is taken for hadir alone."""

    type: Literal["keyboard"]
    id: Identifier
    port: Word
    """/dev/input/by-id/... of the reader."""
    device: Identifier


class PcscSource(Model):
    """A PC/SC reader (ACR122U and others) behind pcscd."""

    type: Literal["pcsc"]
    id: Identifier
    reader: Word | None = None
    """What the reader's name begins with; default: the only one that there is."""
    device: Identifier


class DoorFields(Model):
    """Where a door system's message says what: names of JSON fields (`card.number`) or of CSV columns."""

    reader: Word
    badge: Word
    facility: Word | None = None
    at: Word | None = None
    """When it happened: RFC 3339, without an offset the site's local time, or (milli)seconds since 1970; default: when
    it came."""
    id: Word | None = None
    """What tells one event from another; a repeat is dropped."""


class DoorMqttSource(Model):
    """Badge events of an access-control system, over MQTT."""

    type: Literal["door_mqtt"]
    id: Identifier
    broker: Broker | None = None
    topic: Filter
    fields: DoorFields
    devices: Devices
    """Readers, by the door system's name; the profile says what its badge numbers are."""


class DoorWebhookSource(Model):
    """Badge events of an access-control system, posted as JSON."""

    type: Literal["door_webhook"]
    id: Identifier
    host: Word = "127.0.0.1"
    port: Port
    token_file: Path
    """Holds the secret that the door system sends as `Authorization: Bearer ...`."""
    fields: DoorFields
    devices: Devices


class DoorCsvSource(Model):
    """Badge events of an access-control system, appended to a CSV file."""

    type: Literal["door_csv"]
    id: Identifier
    path: Path
    encoding: Literal["utf-8", "latin-1"] = "utf-8"
    fields: DoorFields
    devices: Devices

    @field_validator("fields")
    @classmethod
    def _dated(cls, fields: DoorFields) -> DoorFields:
        """Lines wait in the file while the gateway is away: without a time they would be taken for new."""
        if fields.at is None:
            raise ValueError("must name the column of the time: at")
        return fields


class ReplaySource(Model):
    """A recording of frames, from simulated sources or enrolled devices only."""

    type: Literal["replay"]
    id: Identifier
    path: Path
    speed: Annotated[Number, Field(ge=0)] = 1.0
    """0: as fast as the pipeline takes it."""
    follow: Switch = False
    """Wait for more at the end of the file, as `tail -f` does."""
    device: Identifier
    """The fixed device that the recording was made of: a reader, a radar, a receiver."""
    devices: tuple[Identifier, ...] = ()
    """Sensors of which a receiver's recording holds adverts."""


Source = Annotated[
    SerialSource
    | BleSource
    | EnOceanSource
    | OsdpSource
    | ModbusSource
    | LorawanSource
    | MqttSource
    | GpioSource
    | KeyboardSource
    | PcscSource
    | DoorMqttSource
    | DoorWebhookSource
    | DoorCsvSource
    | ReplaySource,
    Field(discriminator="type"),
]


def alone(source: Source) -> str | None:
    """The device that the source has for itself: what it brings is from that device, whatever its address."""
    return getattr(source, "device", None)


def shared(source: Source) -> tuple[str, ...]:
    """The devices that the source brings, each by its address."""
    devices: tuple[str, ...] = getattr(source, "devices", ())
    return devices
