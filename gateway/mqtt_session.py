"""One connection to the broker, over paho-mqtt 2: the only file that imports it.

paho encodes, decodes and keeps alive; the bytes are mqtt_wire.py's, the window and everything that outlives a
connection are the link's. paho's thread, queue and reconnect are not used, and publishes with QoS 1 and their answers
go past it (mqtt_packets.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from gateway import mqtt_packets
from gateway.config.sources import Broker
from gateway.errors import TransientError
from gateway.mqtt_api import REFUSED, Delivered, Note
from gateway.mqtt_packets import Puback
from gateway.mqtt_wire import MAX_PACKET, Wire, connect, reason, tls_context

CONNECT_S = 10.0
CLOSE_S = 0.4
RECEIVE_MAXIMUM = 200
"""Messages that an MQTT 5 broker sends before it waits for acknowledgements: of a hundred events each, some 10 MB."""
_OVERHEAD = 512
"""Room for topic and properties in a packet that the broker would just take."""


class Settings(NamedTuple):
    """What does not change between connections."""

    broker: Broker
    base: Path
    client_id: str
    clean_start: bool
    session_expiry_s: int
    keepalive_s: int
    will: Note | None


class Limits(NamedTuple):
    """What the broker takes, by its CONNACK."""

    window: int | None
    """Publishes that may be unanswered; None: it does not say."""
    payload: int
    """Bytes of the largest payload."""


class Arrived(NamedTuple):
    """A PUBLISH."""

    mid: int
    topic: str | None
    """None: not valid UTF-8."""
    payload: bytes
    qos: int
    retain: bool
    user: Mapping[str, str]
    response_topic: str | None
    correlation: bytes | None


class Listener(NamedTuple):
    """Who is told what happens, on the event loop. What they raise is a bug, and ends the connection."""

    connected: Callable[[Session, Limits], None]
    """CONNACK. Messages that the broker kept may follow at once."""
    answered: Callable[[int, Delivered | None], None]
    """PUBACK of a mid; the second is given when it is a refusal."""
    subscribed: Callable[[int, list[str]], None]
    """SUBACK of a mid: for each filter why it was refused, or empty."""
    arrived: Callable[[Arrived], None]
    read: Callable[[], None]
    """All that was here has been told."""


class Session:
    """From CONNECT to the end of the connection."""

    def __init__(self, settings: Settings, listener: Listener) -> None:
        self._settings = settings
        self._listener = listener
        self._v5 = settings.broker.protocol == "5"
        # rumqttd 0.20 panics when a publish with properties meets a 3.1.1 subscriber; the payload says it all anyway
        self._properties = self._v5 and not settings.broker.embedded
        loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[str] = loop.create_future()
        """Why the connection ended."""
        self._ready: asyncio.Future[str] = loop.create_future()
        self._wire = Wire(self._read, self._puback, self._lose)
        self._client = self._make_client()
        self._mid = mqtt_packets.FIRST_MID
        self._leaving = False

    # --- what the link asks for -------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Return when the broker has accepted. Raises TransientError that says why not."""
        broker = self._settings.broker
        try:
            self._authenticate()
            context = None
            if broker.tls is not None:
                load = asyncio.get_running_loop().run_in_executor
                context = await load(None, tls_context, broker.tls, self._settings.base)
        except OSError as error:
            raise TransientError(f"cannot use the credentials: {error.filename or ''} {reason(error)}") from error
        await connect(self._wire, broker.host, broker.port, context, CONNECT_S)
        self._greet()
        await asyncio.wait((self._ready, self.lost), timeout=CONNECT_S, return_when=asyncio.FIRST_COMPLETED)
        if self._ready.done():
            if refusal := self._ready.result():
                raise TransientError(refusal)
        else:
            raise TransientError(
                self.lost.result() if self.lost.done() else f"no answer to CONNECT for {CONNECT_S:g} s"
            )

    def publish(
        self, topic: str, payload: bytes, qos: int, retain: bool, expiry_s: int | None, content_type: str | None
    ) -> int | None:
        """The mid; None when the connection has gone."""
        properties: _Packed | None = None
        if self._properties and (expiry_s or content_type):
            properties = _publish_properties(expiry_s, content_type)
        if qos == 0:
            info = self._client.publish(topic, payload, qos, retain, properties)
            return info.mid if info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS else None
        if self.lost.done():
            return None
        mid = self._mid
        self._mid = mid + 1 if mid < mqtt_packets.LAST_MID else mqtt_packets.FIRST_MID
        packed = None if not self._v5 else b"\0" if properties is None else properties.pack()
        self._wire.send(mqtt_packets.publish(topic.encode(), payload, mid, retain=retain, properties=packed))
        self._write_soon()
        return mid

    def subscribe(self, filters: Mapping[str, int]) -> int | None:
        """The mid; None when the connection has gone."""
        if self._v5:
            wanted = [(name, SubscribeOptions(qos=qos)) for name, qos in filters.items()]
            return self._client.subscribe(wanted)[1]
        return self._client.subscribe(list(filters.items()))[1]

    def ack(self, mid: int) -> None:
        """Acknowledge a message."""
        self._client.ack(mid, 1)

    def ping(self) -> None:
        """Keep alive; to be called once a second or more. An unanswered ping ends the connection."""
        self._client.loop_misc()

    async def close(self) -> None:
        """Say goodbye."""
        self._client.disconnect()
        self._write()
        await self._wire.closed(CLOSE_S)

    def abort(self) -> None:
        """Drop it without a word: the last will speaks."""
        self._wire.abort()

    # --- under it ---------------------------------------------------------------------------------------------------

    def _make_client(self) -> _Client:
        settings = self._settings
        client = _Client(
            CallbackAPIVersion.VERSION2,
            client_id=settings.client_id,
            protocol=paho.MQTTv5 if self._v5 else paho.MQTTv311,
            clean_session=None if self._v5 else settings.clean_start,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        client.wire = self._wire
        client.suppress_exceptions = False
        if settings.will is not None:
            client.will_set(settings.will.topic, settings.will.payload, settings.will.qos, settings.will.retain)
        client.on_socket_register_write = self._said
        client.on_connect = self._connack
        client.on_disconnect = self._disconnected
        client.on_subscribe = self._suback
        client.on_message = self._message
        return client

    def _authenticate(self) -> None:
        broker = self._settings.broker
        if broker.username is not None:
            password = None
            if broker.password_file is not None:
                password = (self._settings.base / broker.password_file).read_text(encoding="utf-8").strip()
            self._client.username_pw_set(broker.username, password)

    def _greet(self) -> None:
        settings = self._settings
        arguments: dict[str, Any] = {"keepalive": settings.keepalive_s}
        if self._v5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = settings.session_expiry_s
            properties.ReceiveMaximum = RECEIVE_MAXIMUM
            properties.MaximumPacketSize = MAX_PACKET
            arguments |= {"clean_start": settings.clean_start, "properties": properties}
        self._client.connect(settings.broker.host, settings.broker.port, **arguments)

    def _read(self) -> None:
        while self._wire.pending:
            if self._client.loop_read() != MQTTErrorCode.MQTT_ERR_SUCCESS:
                return  # paho has closed it and told on_disconnect
        self._listener.read()

    def _said(self, *_: Any) -> None:
        """paho has a packet: into the wire with it, before what is published past paho (a SUBSCRIBE above all)."""
        self._client.loop_write()
        self._write_soon()

    def _write_soon(self) -> None:
        """What one turn of the event loop says leaves in one write."""
        if not self._leaving:
            self._leaving = True
            asyncio.get_running_loop().call_soon(self._write)

    def _write(self) -> None:
        self._leaving = False
        self._wire.flush()

    def _lose(self, why: str) -> None:
        if not self.lost.done():
            self.lost.set_result(why)

    def _puback(self, puback: Puback) -> None:
        refusal = None if puback.reason < REFUSED else Delivered(puback.reason, _meaning(puback.reason))
        self._listener.answered(puback.mid, refusal)

    # --- paho's callbacks -------------------------------------------------------------------------------------------

    def _connack(self, _c: Any, _u: Any, _flags: Any, code: ReasonCode, properties: Properties | None) -> None:
        if self._ready.done():
            return
        if code.is_failure:
            self._ready.set_result(f"the broker refused: {code}")
            return
        self._ready.set_result("")
        largest = getattr(properties, "MaximumPacketSize", MAX_PACKET)
        self._listener.connected(self, Limits(getattr(properties, "ReceiveMaximum", None), largest - _OVERHEAD))

    def _disconnected(self, _c: Any, _u: Any, flags: Any, code: ReasonCode, _p: Any) -> None:
        said = "the broker said" if flags.is_disconnect_packet_from_server else "the connection ended"
        self._lose(f"{said}: {self._wire.refused or code}")

    def _suback(self, _c: Any, _u: Any, mid: int, codes: list[ReasonCode], _p: Any) -> None:
        self._listener.subscribed(mid, [str(code) if code.is_failure else "" for code in codes])

    def _message(self, _c: Any, _u: Any, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = None
        properties = message.properties
        self._listener.arrived(
            Arrived(
                message.mid,
                topic,
                bytes(message.payload),
                message.qos,
                message.retain,
                dict(getattr(properties, "UserProperty", ())),
                getattr(properties, "ResponseTopic", None),
                getattr(properties, "CorrelationData", None),
            )
        )


class _Client(paho.Client):
    """paho on a wire of ours. The one hook that it takes is where paho would open a socket."""

    wire: Wire

    def _create_socket(self) -> Wire:
        return self.wire


class _Packed(Properties):
    """PUBLISH properties that are packed once: paho packs them for every packet, which costs as much as the packet."""

    def pack(self) -> bytes:
        packed: bytes = self.__dict__["packed"]
        return packed


@lru_cache(maxsize=64)
def _publish_properties(expiry_s: int | None, content_type: str | None) -> _Packed:
    properties = _Packed(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    if expiry_s:
        properties.MessageExpiryInterval = expiry_s
    if content_type:
        properties.ContentType = content_type
    properties.__dict__["packed"] = bytes(Properties.pack(properties))  # type: ignore[no-untyped-call]
    return properties


def _meaning(reason: int) -> str:
    """A PUBACK's reason code in MQTT's own words."""
    try:
        return str(ReasonCode(PacketTypes.PUBACK, identifier=reason))
    except KeyError:
        return f"reason 0x{reason:02X}"
