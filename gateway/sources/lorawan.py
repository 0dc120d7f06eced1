"""Hop 1, LoRaWAN: uplinks as the network server publishes them by MQTT.

    ChirpStack v4           application/<application>/device/<DevEUI>/event/up, JSON (`json=true`)
    The Things Stack v3     v3/<application>@<tenant>/devices/<device-id>/up

A message is acknowledged when what it caused is on the disk, so that the broker sends it again after a crash; for that
the server must publish with QoS 1 (ChirpStack: `qos=1` in [integration.mqtt]; The Things Stack speaks MQTT 3.1.1).
The same uplink may come again: by a lost acknowledgement, or by two integrations. It is known by its device, its frame
counter and the server's own id: a counter alone begins again after each join.

When it was observed: as it arrives, now; the server's clock is not ours, and a second of difference would make each
uplink late. What says that it is older than a minute comes out of a queue and was observed then. Older than a day it
is dropped: to take it as new would put people where they were yesterday. A time in the future, or before hadir was
written, is that of a clock that was never set, and says nothing.

Sources: chirpstack.io, Integrations, Event types (up) and api/proto/integration/integration.proto; The Things Stack,
Integrations, Data formats. Protocol buffers leave out of their JSON what is 0 or empty, so that a first uplink has no
counter and one without payload no port. Read 2026-11-26.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple

from drivers.api import Frame
from gateway.clock import SECOND, Clock, parse_rfc3339
from gateway.config.addresses import fits, spelled
from gateway.contract.payload import read_json
from gateway.counters import Counters
from gateway.errors import PermanentError
from gateway.mqtt import Message
from gateway.sources.around import nobody
from gateway.sources.base import Deliver
from gateway.sources.mqtt_link import BrokerLink

Network = Literal["chirpstack", "ttn"]
TOPICS: Mapping[Network, str] = {"chirpstack": "application/+/device/+/event/up", "ttn": "v3/+/devices/+/up"}
FRESH_S, OLDEST_S = 60, 86_400
LONGEST = 255
"""Bytes of an FRMPayload: LoRaWAN has 242."""
REMEMBERED = 32
"""Uplinks of each device that are known again."""
CLOCK_SET = parse_rfc3339("2024-01-01T00:00:00Z")

Key = tuple[int, str]
Acks = list[Callable[[], None]]


class Uplink(NamedTuple):
    """What a server's envelope says."""

    dev_eui: str
    f_port: int
    f_cnt: int
    data: bytes
    rssi: int | None
    """Of the gateway that heard it best."""
    id: str
    """The server's own; empty: none."""
    time: str


class LorawanSource:
    """The uplinks of the devices that are known here."""

    def __init__(
        self,
        source_id: str,
        link: BrokerLink,
        network: Network,
        media: Mapping[str, str],
        clock: Clock,
        counters: Counters,
        *,
        topic: str | None = None,
        network_time: bool = True,
        on_stranger: Callable[[str, str, str], None] = nobody,
    ) -> None:
        """`media`: by DevEUI, as spelled in frames, what the device's payloads are: `lorawan:browan:tbms100`.

        `network_time`: office time runs as that of the network server does; False where it is simulated.
        """
        self.id = source_id
        self.state = link.state
        self._link = link
        self._read = chirpstack if network == "chirpstack" else things_stack
        self._media = media
        self._clock = clock
        self._counters = counters
        self._network_time = network_time
        self._on_stranger = on_stranger
        self._seen: dict[str, OrderedDict[Key, Acks | None]] = {address: OrderedDict() for address in media}
        """By device and uplink: acknowledgements that wait until it is durable; None: it is."""
        self._deliver: Deliver = _nowhere
        link.subscribe(topic or TOPICS[network], self._arrived)

    async def run(self, deliver: Deliver) -> None:
        """Deliver uplinks until cancelled."""
        self._deliver = deliver
        await self._link.run()

    def _arrived(self, message: Message) -> None:
        try:
            uplink = self._read(read_json(message.payload))
        except PermanentError as error:
            self._drop(error.reason, message)
            return
        if uplink.dev_eui not in self._media:
            self._on_stranger(self.id, "lorawan", uplink.dev_eui)
            self._drop("unbound", message)
        elif not uplink.data or not uplink.f_port:  # for the network server only
            self._drop("no_data", message)
        elif not self._is_repeat(uplink, message):
            self._take(uplink, message)

    def _drop(self, cause: str, message: Message) -> None:
        self._counters.add("lorawan.dropped", cause)
        message.ack()

    def _is_repeat(self, uplink: Uplink, message: Message) -> bool:
        """Whether it is known; then it is acknowledged when the first of it is."""
        seen, key = self._seen[uplink.dev_eui], (uplink.f_cnt, uplink.id)
        if not uplink.id or key not in seen:
            return False
        self._counters.add("lorawan.repeated")
        waiting = seen[key]
        if waiting is None:
            message.ack()
        else:
            waiting.append(message.ack)
        return True

    def _take(self, uplink: Uplink, message: Message) -> None:
        now, machine = self._clock.office(), self._clock.machine()
        at = self._observed(uplink.time, now)
        if at is None:
            self._drop("old", message)
            return
        address = uplink.dev_eui
        seen, key = self._seen[address], (uplink.f_cnt, uplink.id)
        waiting: Acks = [message.ack]
        if uplink.id:
            seen[key] = waiting
        if len(seen) > REMEMBERED:
            seen.popitem(last=False)

        def durable() -> None:
            if seen.get(key) is waiting:
                seen[key] = None
            for ack in waiting:
                ack()
            waiting.clear()

        self.state.frames += 1
        self.state.last_frame = machine
        frame = Frame(self._media[address], self.id, address, uplink.data, uplink.rssi, at, machine, uplink.f_port)
        self._deliver(frame, durable)

    def _observed(self, said: str, now: int) -> int | None:
        """Office time of the uplink; None: it is too old to say anything about now."""
        if not self._network_time:
            return now
        try:
            at = parse_rfc3339(said)
        except (ValueError, OverflowError):
            return now
        if at < CLOCK_SET or now - at <= FRESH_S * SECOND:
            return now
        return at if now - at <= OLDEST_S * SECOND else None


def chirpstack(event: Any) -> Uplink:
    """Of an event of ChirpStack. Raises PermanentError: not_uplink, bad_field, encrypted."""
    event = _object(event)
    if event.get("joinServerContext"):
        raise PermanentError("encrypted", "the application server's key is not with ChirpStack")
    return Uplink(
        dev_eui=_address(_object(event.get("deviceInfo")).get("devEui")),
        f_port=_number(event.get("fPort"), 255),
        f_cnt=_number(event.get("fCnt"), 0xFFFF_FFFF),
        data=_bytes(event.get("data")),
        rssi=_best(event.get("rxInfo")),
        id=_text(event.get("deduplicationId")),
        time=_text(event.get("time")),
    )


def things_stack(message: Any) -> Uplink:
    """Of a message of The Things Stack. Raises PermanentError: not_uplink, bad_field, simulated."""
    message = _object(message)
    uplink = _object(message.get("uplink_message"))
    if message.get("simulated"):
        raise PermanentError("simulated", "sent from a console, by no device")
    time = _text(uplink.get("received_at")) or _text(message.get("received_at"))
    ids = message.get("correlation_ids")
    named = sorted(_text(one) for one in ids) if isinstance(ids, list) else []
    return Uplink(
        dev_eui=_address(_object(message.get("end_device_ids")).get("dev_eui")),
        f_port=_number(uplink.get("f_port"), 255),
        f_cnt=_number(uplink.get("f_cnt"), 0xFFFF_FFFF),
        data=_bytes(uplink.get("frm_payload")),
        rssi=_best(uplink.get("rx_metadata")),
        id="\n".join([one for one in named if ":uplink:" in one] or named)[:1024] or time,
        time=time,
    )


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise PermanentError("not_uplink", "no object where an uplink has one")
    return value


def _address(value: Any) -> str:
    if not isinstance(value, str) or not fits("lorawan", value):
        raise PermanentError("not_uplink", "no DevEUI")
    return spelled("lorawan", value)


def _number(value: Any, most: int) -> int:
    """A whole number; protocol buffers leave out 0."""
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise PermanentError("bad_field", "a number is none, or too large")
    return value


def _text(value: Any) -> str:
    return value[:128] if isinstance(value, str) else ""


def _bytes(value: Any) -> bytes:
    if value is None:
        return b""
    try:
        if not isinstance(value, str) or len(value) > 2 * LONGEST:
            raise PermanentError("bad_field", "no payload in base64, or a long one")
        data = b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise PermanentError("bad_field", "no payload in base64") from error
    if len(data) > LONGEST:
        raise PermanentError("bad_field", f"{len(data)} bytes of payload")
    return data


def _best(receptions: Any) -> int | None:
    found = [rssi for rssi in _rssis(receptions) if -200 <= rssi < 0]
    return max(found, default=None)


def _rssis(receptions: Any) -> Iterable[int]:
    for reception in receptions if isinstance(receptions, list) else ():
        rssi = reception.get("rssi") if isinstance(reception, dict) else None
        if isinstance(rssi, int | float) and not isinstance(rssi, bool) and abs(rssi) < 1000:
            yield round(rssi)


def _nowhere(_frame: Frame, _durable: Callable[[], None] | None = None, /) -> None:
    """It does not run yet."""
