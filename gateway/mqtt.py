"""One MQTT client library behind one file: a small asyncio link over paho-mqtt 2.

The link owns the window (paho is quadratic in a large one), reconnects with full jitter, subscribes again when the
session is gone, acknowledges only what its handler acknowledges, and notices a frozen broker by the age of the oldest
unanswered publish. It keeps nothing over a lost connection: what was not PUBACKed is the outbox's to send again.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from gateway.clock import SECOND, Clock
from gateway.config.model import Broker
from gateway.counters import Counters
from gateway.errors import HadirError, PermanentError, TransientError
from gateway.supervise import full_jitter

_log = logging.getLogger(__name__)

CONNECT_S = 10.0
KEEPALIVE_S = 30
GOODBYE_S = 0.8
CANARY_S = 2.0
"""With nothing in flight for so long, a canary asks the broker whether it is there."""
MAX_RECEIVE = 1 << 20
REFUSED = 0x80
"""Reason codes from here on are refusals."""


class Delivered(NamedTuple):
    """A PUBACK."""

    reason: int
    text: str


class Message(NamedTuple):
    """A received message; nothing is acknowledged before `ack()`."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    user: Mapping[str, str]
    response_topic: str | None
    correlation: bytes | None
    ack: Callable[[], None]


class Note(NamedTuple):
    """A message that is known beforehand: a last will, a farewell."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = True


@dataclass(slots=True)
class LinkState:
    """Readable at any time."""

    connected: bool = False
    reason: str = "starting"
    """Why it is not connected, or what is wrong though it is; empty when all is well."""
    since: int = 0
    """Machine time of the last change, ns."""
    connects: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    """Subscriptions that the broker refused, and why."""


Done = Callable[[Delivered | TransientError], None]


class Link:
    """A connection to the broker that comes back by itself."""

    def __init__(
        self,
        broker: Broker,
        *,
        client_id: str,
        clock: Clock,
        counters: Counters,
        base: Path,
        will: Note | None = None,
        farewell: Note | None = None,
        canary: str | None = None,
        clean_start: bool = True,
        session_expiry_s: int = 0,
    ) -> None:
        """`base`: folder that relative paths of `broker` start from; `canary`: a topic of our own to publish to."""
        self._broker = broker
        self._client_id = client_id
        self._clock = clock
        self._counters = counters
        self._base = base
        self._will = will
        self._farewell = farewell
        self._canary = canary
        self._clean_start = clean_start
        self._session_expiry_s = session_expiry_s
        self._v5 = broker.protocol == "5"
        # rumqttd 0.20 panics when a publish with properties meets a 3.1.1 subscriber; the payload says it all anyway
        self._properties = self._v5 and not broker.embedded
        self._window = broker.window
        self._handlers: dict[str, tuple[Callable[[Message], None], int]] = {}
        self._client: paho.Client | None = None
        self._lost: asyncio.Future[str] | None = None
        self._in_flight: dict[int, tuple[Done | None, int]] = {}
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._subscribing: dict[int, list[str]] = {}
        self._unacked: deque[list[int]] = deque()
        """[mid, whether the handler has acknowledged it], in order of arrival on this connection."""
        self._spoke = 0
        self._up = asyncio.Event()
        self._on_connect: list[Callable[[], None]] = []
        self._on_room: list[Callable[[], None]] = []
        self.state = LinkState()

    # --- what others call -------------------------------------------------------------------------------------------

    @property
    def window(self) -> int:
        """Publishes in flight at most: the configuration's, or the broker's where that is smaller."""
        return self._window

    @property
    def room(self) -> int:
        """Publishes that the window takes now."""
        return max(0, self._window - len(self._in_flight)) if self.state.connected else 0

    def on_connect(self, callback: Callable[[], None]) -> None:
        """Call after each connect, when subscriptions have been sent."""
        self._on_connect.append(callback)

    def on_room(self, callback: Callable[[], None]) -> None:
        """Call when a full window has room again."""
        self._on_room.append(callback)

    async def connected(self) -> None:
        """Return when there is a connection."""
        await self._up.wait()

    def subscribe(self, topic_filter: str, handler: Callable[[Message], None], *, qos: int = 1) -> None:
        """Hand messages of `topic_filter` to `handler`, now and after each reconnect."""
        self._handlers[topic_filter] = (handler, qos)
        if self.state.connected and self._client is not None:
            self._send_subscriptions(self._client, {topic_filter: qos})

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 1,
        retain: bool = False,
        expiry_s: int | None = None,
        content_type: str | None = None,
        done: Done | None = None,
    ) -> bool:
        """Publish at once; False, and nothing done, when there is no connection or no room in the window.

        `done` is told about the PUBACK, or TransientError when the connection was lost before it.
        """
        client = self._client
        if client is None or not self.state.connected or (qos and len(self._in_flight) >= self._window):
            return False
        properties = None
        if self._properties and (expiry_s or content_type):
            properties = _publish_properties(expiry_s, content_type)
        info = client.publish(topic, payload, qos, retain, properties)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._give_up(f"cannot send: {info.rc.name}")
            return False
        if qos:
            self._in_flight[info.mid] = (done, self._clock.machine())
        return True

    async def deliver(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 1,
        retain: bool = False,
        expiry_s: int | None = None,
        content_type: str | None = None,
    ) -> Delivered:
        """Publish when there is room and wait for the PUBACK.

        Raises TransientError when the connection is lost before it, PermanentError when the broker refuses.
        """
        loop = asyncio.get_running_loop()
        while True:
            waiter: asyncio.Future[Delivered | TransientError] = loop.create_future()

            def done(result: Delivered | TransientError, waiter: asyncio.Future[Any] = waiter) -> None:
                if not waiter.done():
                    waiter.set_result(result)

            if self.publish(
                topic, payload, qos=qos, retain=retain, expiry_s=expiry_s, content_type=content_type, done=done
            ):
                break
            if not self.state.connected:
                raise TransientError(f"not connected: {self.state.reason}")
            room: asyncio.Future[None] = loop.create_future()
            self._waiting.append(room)
            await room
        if qos == 0:
            return Delivered(0, "")
        result = await waiter
        if isinstance(result, TransientError):
            raise result
        if result.reason >= REFUSED:
            raise PermanentError("refused", f"{topic}: {result.text}")
        return result

    async def run(self) -> None:
        """Keep the connection until cancelled, then say goodbye."""
        attempt = 0
        try:
            while True:
                try:
                    await self._session()
                except TransientError as error:
                    attempt = 0 if self.state.connected else attempt
                    self._down(str(error))
                await asyncio.sleep(full_jitter(attempt))
                attempt += 1
        finally:
            await self._goodbye()

    # --- one connection ---------------------------------------------------------------------------------------------

    async def _session(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            client = self._make_client()
        except OSError as error:  # also ssl.SSLError: files may be put right, or renewed, while we run
            raise TransientError(f"the password or certificates cannot be read: {error}") from error
        ready: asyncio.Future[str] = loop.create_future()
        self._lost = loop.create_future()
        lost = self._lost
        self._unacked.clear()
        client.on_connect = lambda _c, _u, _flags, reason, properties: self._connected(ready, reason, properties)
        client.on_disconnect = lambda _c, _u, _f, reason, _p: _settle(lost, f"the broker closed: {reason}")
        client.on_publish = self._acknowledged
        client.on_message = self._received
        client.on_subscribe = self._subscribed
        try:
            await self._open(client)
            async with asyncio.timeout(CONNECT_S):
                await asyncio.wait((ready, lost), return_when=asyncio.FIRST_COMPLETED)
            if not ready.done():
                raise TransientError(lost.result())
            if refusal := ready.result():
                raise TransientError(refusal)
            self._client = client
            self.state.connected, self.state.reason = True, ""
            self.state.since = self._spoke = self._clock.machine()
            self.state.connects += 1
            self._up.set()
            self._send_subscriptions(client, {name: qos for name, (_, qos) in self._handlers.items()})
            for callback in self._on_connect:
                callback()
            raise TransientError(await self._watch(client, lost))
        except TimeoutError:
            raise TransientError(f"no answer to CONNECT for {CONNECT_S:g} s") from None
        finally:
            if not self._lost_is_cancelled():
                self._close(client)

    def _lost_is_cancelled(self) -> bool:
        """Whether the daemon is stopping: then the connection is still wanted, for the goodbye."""
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0 and self.state.connected

    async def _watch(self, client: paho.Client, lost: asyncio.Future[str]) -> str:
        """Until the connection is lost: keepalive, canary, and the age of what is unanswered."""
        frozen = int(self._broker.frozen_after_s * SECOND)
        while True:
            await asyncio.wait((lost,), timeout=min(1.0, self._broker.frozen_after_s / 4))
            if lost.done():
                return lost.result()
            client.loop_misc()
            now = self._clock.machine()
            if self._in_flight:
                oldest = next(iter(self._in_flight.values()))[1]
                if now - oldest > frozen:
                    self._counters.add("mqtt.frozen")
                    return f"frozen: no answer for {(now - oldest) / SECOND:.1f} s"
            elif (
                self._canary is not None and now - self._spoke > min(CANARY_S, self._broker.frozen_after_s / 2) * SECOND
            ):
                self.publish(self._canary, b"", qos=1)
                self._spoke = now

    def _make_client(self) -> paho.Client:
        broker = self._broker
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            protocol=paho.MQTTv5 if self._v5 else paho.MQTTv311,
            clean_session=None if self._v5 else self._clean_start,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        client.max_inflight_messages_set(broker.window + 8)
        client.suppress_exceptions = False
        if broker.username is not None:
            password = None
            if broker.password_file is not None:
                password = (self._base / broker.password_file).read_text(encoding="utf-8").strip()
            client.username_pw_set(broker.username, password)
        if broker.tls is not None:
            client.tls_set_context(self._tls())
        if self._will is not None:
            client.will_set(self._will.topic, self._will.payload, self._will.qos, self._will.retain)
        return client

    def _tls(self) -> ssl.SSLContext:
        tls = self._broker.tls
        if tls is None:
            raise ValueError("no tls configured")
        context = ssl.create_default_context(cafile=str(self._base / tls.ca) if tls.ca else None)
        if tls.certificate is not None:
            context.load_cert_chain(self._base / tls.certificate, self._base / tls.key if tls.key else None)
        return context

    async def _open(self, client: paho.Client) -> None:
        """Connect in a thread (names are resolved there), then read and write from the event loop."""
        loop = asyncio.get_running_loop()
        arguments: dict[str, Any] = {"keepalive": KEEPALIVE_S}
        if self._v5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = self._session_expiry_s
            arguments |= {"clean_start": self._clean_start, "properties": properties}
        client.connect_timeout = CONNECT_S
        try:
            await loop.run_in_executor(None, lambda: client.connect(self._broker.host, self._broker.port, **arguments))
        except (OSError, ssl.SSLError) as error:
            raise TransientError(f"cannot connect to {self._broker.host}:{self._broker.port}: {error}") from error
        sock = client.socket()
        if sock is None:
            raise TransientError("the connection closed at once")
        if isinstance(sock, socket.socket):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        handle = sock.fileno()
        client.on_socket_register_write = lambda _c, _u, _s: loop.add_writer(handle, self._write, client)
        client.on_socket_unregister_write = lambda _c, _u, _s: _ignore(loop.remove_writer(handle))
        client.on_socket_close = lambda _c, _u, _s: _forget(loop, handle)
        loop.add_reader(handle, self._read, client)
        if client.want_write():
            loop.add_writer(handle, self._write, client)

    def _read(self, client: paho.Client) -> None:
        if client.loop_read() != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._give_up("the connection was cut")

    def _write(self, client: paho.Client) -> None:
        if client.loop_write() != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._give_up("the connection was cut")

    def _give_up(self, reason: str) -> None:
        if self._lost is not None:
            _settle(self._lost, reason)

    def _connected(self, ready: asyncio.Future[str], reason: ReasonCode, properties: Properties | None) -> None:
        # a broker that takes fewer at once ends the connection of whoever sends more
        self._window = min(self._broker.window, getattr(properties, "ReceiveMaximum", self._broker.window))
        _settle(ready, f"the broker refused: {reason}" if reason.is_failure else "")

    def _down(self, reason: str) -> None:
        if self.state.connected or self.state.reason != reason:
            _log.warning("broker: %s", reason)
        self.state.connected, self.state.reason, self.state.since = False, reason, self._clock.machine()
        self._client = None
        self._up.clear()
        lost = TransientError(reason)
        in_flight, self._in_flight = self._in_flight, {}
        for done, _ in in_flight.values():
            if done is not None:
                done(lost)
        self._wake_waiting()

    def _close(self, client: paho.Client) -> None:
        """Drop the connection without a word: the last will speaks."""
        sock = client.socket()
        if sock is not None:
            _forget(asyncio.get_running_loop(), sock.fileno())
            client.on_socket_close = None
            sock.close()

    async def _goodbye(self) -> None:
        client = self._client
        if client is None or not self.state.connected:
            return
        if self._farewell is not None:
            note = self._farewell
            try:
                async with asyncio.timeout(GOODBYE_S):
                    await self.deliver(note.topic, note.payload, qos=note.qos, retain=note.retain)
            except (TimeoutError, HadirError) as error:
                _log.warning("broker: no goodbye: %s", error)
        self.state.connected, self.state.reason = False, "stopped"
        client.on_disconnect = None
        client.disconnect()
        client.loop_write()
        self._close(client)

    # --- paho's callbacks, on the event loop ------------------------------------------------------------------------

    def _acknowledged(self, _c: Any, _u: Any, mid: int, reason: ReasonCode, _p: Any) -> None:
        done, _ = self._in_flight.pop(mid, (None, 0))
        self._spoke = self._clock.machine()
        if done is not None:
            done(Delivered(reason.value, "" if reason.value == 0 else str(reason)))
        self._wake_waiting()

    def _acknowledger(self, client: paho.Client, mid: int) -> Callable[[], None]:
        """PUBACKs go out in the order of the PUBLISHes, as MQTT wants (5.0, section 4.6) and rumqttd insists."""
        entry = [mid, 0]
        self._unacked.append(entry)

        def ack() -> None:
            entry[1] = 1
            if client is not self._client:
                return  # the connection that it came by is gone: it will come again
            while self._unacked and self._unacked[0][1]:
                client.ack(self._unacked.popleft()[0], 1)

        return ack

    def _wake_waiting(self) -> None:
        while self._waiting and (self.room or not self.state.connected):
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                if self.state.connected:
                    break
        if self.room:
            for callback in self._on_room:
                callback()

    def _subscribed(self, _c: Any, _u: Any, mid: int, reasons: list[ReasonCode], _p: Any) -> None:
        for name, reason in zip(self._subscribing.pop(mid, ()), reasons, strict=False):
            if reason.is_failure:
                self.state.refused[name] = str(reason)
                self.state.reason = f"subscription to {name} refused: {reason}"
                _log.error("broker: %s", self.state.reason)
            elif self.state.refused.pop(name, None) is not None and not self.state.refused:
                self.state.reason = ""

    def _send_subscriptions(self, client: paho.Client, wanted: Mapping[str, int]) -> None:
        if not wanted:
            return
        if self._v5:
            _, mid = client.subscribe([(name, SubscribeOptions(qos=qos)) for name, qos in wanted.items()])
        else:
            _, mid = client.subscribe(list(wanted.items()))
        if mid is not None:
            self._subscribing[mid] = list(wanted)

    def _received(self, client: paho.Client, _u: Any, message: paho.MQTTMessage) -> None:
        ack = self._acknowledger(client, message.mid) if message.qos else _nothing
        if len(message.payload) > MAX_RECEIVE:
            self._counters.add("mqtt.refused", "too_big")
            ack()
            return
        properties = message.properties
        made = Message(
            message.topic,
            bytes(message.payload),
            message.qos,
            message.retain,
            dict(getattr(properties, "UserProperty", ())),
            getattr(properties, "ResponseTopic", None),
            getattr(properties, "CorrelationData", None),
            ack,
        )
        for name, (handler, _) in self._handlers.items():
            if paho.topic_matches_sub(name, message.topic):
                try:
                    handler(made)
                except HadirError as error:
                    self._counters.add("mqtt.refused", "handler")
                    _log.debug("message on %s: %s", message.topic, error)
                    ack()
                return
        ack()


def _nothing() -> None:
    """QoS 0 is not acknowledged."""


def _settle(future: asyncio.Future[str], text: str) -> None:
    if not future.done():
        future.set_result(text)


def _ignore(_result: object) -> None:
    """paho's callbacks return nothing."""


def _forget(loop: asyncio.AbstractEventLoop, handle: int) -> None:
    loop.remove_reader(handle)
    loop.remove_writer(handle)


def _publish_properties(expiry_s: int | None, content_type: str | None) -> Properties:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    if expiry_s:
        properties.MessageExpiryInterval = expiry_s
    if content_type:
        properties.ContentType = content_type
    return properties
