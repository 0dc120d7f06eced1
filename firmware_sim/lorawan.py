"""LoRaWAN sensors of an office and the network servers that publish them by MQTT, encode only.

Payloads: Milesight (user guides, "device payload": channel, type, value, little-endian), Elsys (Sensor payload, section
1.2: type, value, big-endian), Browan TBMS100 (reference manual, section 4.1.2) and IMBuildings people counter (type 2,
variant 6). Envelopes: ChirpStack v4, integrations, event types, JSON; The Things Stack v3, data formats. ChirpStack
writes fields of the event also when they are 0, but leaves 0 out of `rxInfo`; The Things Stack leaves out everything
that is 0, false or empty, so that the first uplink after a join has no `f_cnt`.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any, NamedTuple
from uuid import NAMESPACE_OID, uuid5

MILESIGHT_PORT, ELSYS_PORT, IMBUILDINGS_PORT = 85, 5, 26
Published = tuple[str, bytes]
"""Topic and body."""


class Uplink(NamedTuple):
    """What a device sends: the FRMPayload and its port."""

    f_port: int
    payload: bytes


class Occupancy(IntEnum):
    """What an Elsys heat sensor says of its desk."""

    UNOCCUPIED = 0
    PENDING = 1
    OCCUPIED = 2


class Device(NamedTuple):
    """An end device as its network server knows it."""

    dev_eui: str
    """16 hexadecimal digits."""
    name: str
    """Also The Things Stack's device-id: lower case, digits, hyphens."""
    application: str = "52f14cd4-c6f1-4fbd-8f87-4025e1d49242"
    """ChirpStack: a UUID; The Things Stack: the application-id."""
    tenant: str = "ttn"
    dev_addr: str = "00189440"


class Heard(NamedTuple):
    """A radio gateway that received the uplink."""

    gateway: str = "0016c001f153a14c"
    rssi: int = -97
    snr: float = 7.5


# --- Milesight


def vs121_people(people: int, regions: Sequence[bool]) -> Uplink:
    """All people that the VS121 sees, and in which of its regions somebody is."""
    mask = sum(1 << n for n, occupied in enumerate(regions) if occupied)
    return _milesight((0x04, 0xC9, bytes((people, len(regions))) + mask.to_bytes(2, "big")))


def vs121_counts(people: Sequence[int]) -> Uplink:
    """People in each of 16 regions."""
    padded = bytes(people).ljust(16, b"\0")
    return _milesight((0x07, 0xD5, padded[:8]), (0x08, 0xD5, padded[8:]))


def vs121_passed(entered: int, left: int) -> Uplink:
    """People that crossed its line since the last message."""
    return _milesight((0x05, 0xCC, _u16(entered) + _u16(left)))


def vs330(*, occupied: bool, distance_mm: int, battery: int | None = None) -> Uplink:
    """Cabin occupancy, by time of flight and PIR."""
    return _milesight(*_battery(battery), (0x02, 0x82, _u16(distance_mm)), (0x03, 0x8E, bytes((occupied,))))


def vs341(*, occupied: bool, battery: int | None = None) -> Uplink:
    """Desk or seat occupancy; also of a VS340."""
    return _milesight(*_battery(battery), (0x03, 0x00, bytes((occupied,))))


def vs370(*, occupied: bool, bright: bool | None, battery: int | None = None) -> Uplink:
    """Presence radar; `bright` None: its light sensor is switched off."""
    light = 0xFE if bright is None else int(bright)
    return _milesight(*_battery(battery), (0x03, 0x00, bytes((occupied,))), (0x04, 0x00, bytes((light,))))


def ws202(*, motion: bool, bright: bool, battery: int | None = None) -> Uplink:
    """PIR and light."""
    return _milesight(*_battery(battery), (0x03, 0x00, bytes((motion,))), (0x04, 0x00, bytes((bright,))))


def ws301(*, opened: bool, removed: bool = False, battery: int | None = None) -> Uplink:
    """Door contact; `removed`: torn off the frame."""
    return _milesight(*_battery(battery), (0x03, 0x00, bytes((opened,))), (0x04, 0x00, bytes((removed,))))


def am103(*, celsius: float, humidity: float, co2: int, battery: int | None = None) -> Uplink:
    """Room air, in steps of 0.1 Cel, 0.5 %RH and 1 ppm."""
    return _milesight(
        *_battery(battery),
        (0x03, 0x67, _u16(round(celsius * 10) & 0xFFFF)),
        (0x04, 0x68, bytes((round(humidity * 2),))),
        (0x07, 0x7D, _u16(co2)),
    )


def am103_stored(at_s: int, *, celsius: float, humidity: float, co2: int) -> Uplink:
    """What was measured at `at_s` (epoch seconds) and could not be sent then."""
    values = _u16(round(celsius * 10) & 0xFFFF) + bytes((round(humidity * 2),)) + _u16(co2)
    return _milesight((0x20, 0xCE, at_s.to_bytes(4, "little") + values))


def milesight_joined(serial: str) -> Uplink:
    """What a Milesight device says of itself after it joined."""
    return _milesight(
        (0xFF, 0x0B, b"\xff"), (0xFF, 0x01, b"\x01"), (0xFF, 0x16, bytes.fromhex(serial)), (0xFF, 0x0F, b"\0")
    )


def _milesight(*fields: tuple[int, int, bytes]) -> Uplink:
    return Uplink(MILESIGHT_PORT, b"".join(bytes((channel, kind)) + value for channel, kind, value in fields))


def _battery(percent: int | None) -> tuple[tuple[int, int, bytes], ...]:
    return () if percent is None else ((0x01, 0x75, bytes((percent,))),)


def _u16(value: int) -> bytes:
    return value.to_bytes(2, "little")


# --- Elsys


def ers(*, celsius: float, humidity: int, lux: int, motions: int, millivolts: int | None = None) -> Uplink:
    """Room sensor; `motions`: how often the PIR sensor fired since the last message."""
    return _elsys(
        _temperature(celsius),
        bytes((0x02, humidity)),
        b"\x04" + lux.to_bytes(2, "big"),
        bytes((0x05, motions)),
        _millivolts(millivolts),
    )


def ems_desk(
    occupancy: Occupancy, *, celsius: float | None = None, humidity: int = 0, millivolts: int | None = None
) -> Uplink:
    """Desk by body heat. With `celsius` the regular message, without it the one at a change."""
    climate = b"" if celsius is None else _temperature(celsius) + bytes((0x02, humidity))
    return _elsys(climate, bytes((0x11, occupancy)), _millivolts(millivolts))


def _elsys(*values: bytes) -> Uplink:
    return Uplink(ELSYS_PORT, b"".join(values))


def _temperature(celsius: float) -> bytes:
    return b"\x01" + round(celsius * 10).to_bytes(2, "big", signed=True)


def _millivolts(value: int | None) -> bytes:
    return b"" if value is None else b"\x07" + value.to_bytes(2, "big")


# --- Browan, IMBuildings


def tbms100(
    *, occupied: bool, volts: float = 3.6, board_celsius: int = 22, minutes: int = 0, events: int = 0
) -> Uplink:
    """PIR; `minutes` since the last event, `events` since power-up."""
    payload = bytes((occupied, round(volts * 10) - 25, board_celsius + 32))
    return Uplink(102, payload + minutes.to_bytes(2, "little") + events.to_bytes(3, "little"))


class Passed(NamedTuple):
    """What a people counter counted: both ways since the last message, and since power-up."""

    a: int
    b: int
    total_a: int
    total_b: int


def people_counter(passed: Passed, *, message: int, volts: float = 3.05, device_id: str | None = None) -> Uplink:
    """IMBuildings, type 2, variant 6; without a device id without the header, told by the port."""
    payload = b"\0" + round(volts * 100).to_bytes(2, "big") + passed.a.to_bytes(2, "big") + passed.b.to_bytes(2, "big")
    payload += b"\0" + passed.total_a.to_bytes(2, "big") + passed.total_b.to_bytes(2, "big") + bytes((message & 0xFF,))
    if device_id is None:
        return Uplink(IMBUILDINGS_PORT, payload)
    return Uplink(1, b"\x02\x06" + bytes.fromhex(device_id) + payload)


# --- network servers


def chirpstack_up(
    device: Device,
    uplink: Uplink,
    f_cnt: int,
    at_ns: int,
    heard: Sequence[Heard] = (Heard(),),
    *,
    confirmed: bool = False,
) -> Published:
    """ChirpStack v4: an uplink. Its deduplicationId is of device, counter and time: one uplink, one id."""
    body = {
        **_chirpstack(device, at_ns, f"up:{f_cnt}"),
        "devAddr": device.dev_addr,
        "adr": True,
        "dr": 5,
        "fCnt": f_cnt,
        "fPort": uplink.f_port,
        "confirmed": confirmed,
        "data": b64encode(uplink.payload).decode(),
        "rxInfo": [
            {"gatewayId": one.gateway, "uplinkId": n + 1, **_present(rssi=one.rssi, snr=one.snr), "context": "E3OWOQ=="}
            for n, one in enumerate(heard)
        ],
        "txInfo": {
            "frequency": 868_100_000,
            "modulation": {"lora": {"bandwidth": 125_000, "spreadingFactor": 7, "codeRate": "CR_4_5"}},
        },
    }
    return _published(_chirpstack_topic(device, "up"), body)


def chirpstack_join(device: Device, at_ns: int) -> Published:
    """ChirpStack v4: the device joined; its frame counter begins at 0 again."""
    return _published(
        _chirpstack_topic(device, "join"), {**_chirpstack(device, at_ns, "join"), "devAddr": device.dev_addr}
    )


def chirpstack_status(device: Device, at_ns: int, *, battery: float | None, margin: int = 7) -> Published:
    """ChirpStack v4: the answer to a DevStatusReq. `battery` in percent; None: the device cannot tell."""
    body = {
        **_chirpstack(device, at_ns, "status"),
        "margin": margin,
        "externalPowerSource": False,
        "batteryLevelUnavailable": battery is None,
        "batteryLevel": 0.0 if battery is None else battery,
    }
    return _published(_chirpstack_topic(device, "status"), body)


def things_stack_up(
    device: Device,
    uplink: Uplink,
    f_cnt: int,
    at_ns: int,
    heard: Sequence[Heard] = (Heard(),),
    *,
    simulated: bool = False,
) -> Published:
    """The Things Stack v3: an uplink; `simulated`: sent from its console, by no radio."""
    at = _rfc3339(at_ns, "Z")
    message = {
        "session_key_id": "AXBSH1Pk6Z0G166QtKWXhQ==",
        **_present(
            f_port=uplink.f_port,
            f_cnt=f_cnt,
            frm_payload=b64encode(uplink.payload).decode(),
        ),
        "rx_metadata": [
            {
                "gateway_ids": {"gateway_id": f"gateway-{one.gateway[-4:]}", "eui": one.gateway.upper()},
                **_present(rssi=one.rssi, channel_rssi=one.rssi, snr=one.snr),
            }
            for one in heard
        ],
        "settings": {
            "data_rate": {"lora": {"bandwidth": 125_000, "spreading_factor": 7, "coding_rate": "4/5"}},
            "frequency": "868100000",
        },
        "received_at": at,
        "consumed_airtime": "0.061696s",
    }
    return _things_stack(device, "up", at_ns, {"uplink_message": message, **_present(simulated=simulated)})


def things_stack_join(device: Device, at_ns: int) -> Published:
    """The Things Stack v3: the device joined."""
    accepted = {"session_key_id": "AXBSH1Pk6Z0G166QtKWXhQ==", "received_at": _rfc3339(at_ns, "Z")}
    return _things_stack(device, "join", at_ns, {"join_accept": accepted})


def _chirpstack_topic(device: Device, event: str) -> str:
    return f"application/{device.application}/device/{device.dev_eui.lower()}/event/{event}"


def _chirpstack(device: Device, at_ns: int, what: str) -> dict[str, Any]:
    """What every event of ChirpStack begins with."""
    return {
        "deduplicationId": str(uuid5(NAMESPACE_OID, f"{device.dev_eui}:{at_ns}:{what}")),
        "time": _rfc3339(at_ns, "+00:00"),
        "deviceInfo": {
            "tenantId": str(uuid5(NAMESPACE_OID, device.tenant)),
            "tenantName": device.tenant,
            "applicationId": device.application,
            "applicationName": "office",
            "deviceProfileId": str(uuid5(NAMESPACE_OID, "profile")),
            "deviceProfileName": "class A",
            "deviceName": device.name,
            "devEui": device.dev_eui.lower(),
            "deviceClassEnabled": "CLASS_A",
            "tags": {},
        },
    }


def _things_stack(device: Device, event: str, at_ns: int, message: Mapping[str, Any]) -> Published:
    body = {
        "end_device_ids": {
            "device_id": device.name,
            "application_ids": {"application_id": device.application},
            "dev_eui": device.dev_eui.upper(),
            "dev_addr": device.dev_addr.upper(),
        },
        "correlation_ids": [f"as:up:{uuid5(NAMESPACE_OID, f'{device.dev_eui}:{at_ns}:{event}')}"],
        "received_at": _rfc3339(at_ns, "Z"),
        **message,
    }
    return _published(f"v3/{device.application}@{device.tenant}/devices/{device.name}/{event}", body)


def _published(topic: str, body: Mapping[str, Any]) -> Published:
    return topic, json.dumps(body, separators=(",", ":")).encode()


def _present(**fields: object) -> dict[str, object]:
    """Without those that are 0, false or empty, as the JSON of a protocol buffer has them."""
    return {name: value for name, value in fields.items() if value}


def _rfc3339(at_ns: int, zone: str) -> str:
    seconds, nanoseconds = divmod(at_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}{zone}"
