"""The MQTT link: a connection to the broker that comes back by itself.

It owns the window, reconnects with full jitter, subscribes again after each connect, acknowledges only what a handler
acknowledges, and notices a frozen broker by the age of the oldest unanswered publish or ping. It keeps nothing over a
lost connection: what was not PUBACKed is the outbox's to send again.

    Link       this file: what is said to the rest of the house, and what outlives a connection
    Window     mqtt_window.py: unanswered publishes, and who waits for room
    Inbox      mqtt_inbox.py: handlers, and acknowledgements in order
    Session    mqtt_session.py: one connection, over paho (which only that file imports)
    Wire       mqtt_wire.py: the bytes, over asyncio; mqtt_packets.py: the two packets that go past paho
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from gateway.clock import SECOND, Clock
from gateway.config.sources import Broker
from gateway.counters import Counters
from gateway.errors import HadirError, PermanentError, TransientError
from gateway.mqtt_api import REFUSED, TOO_LARGE, Delivered, Done, LinkState, Message, Note
from gateway.mqtt_inbox import MAX_RECEIVE, Inbox
from gateway.mqtt_session import Arrived, Limits, Listener, Session, Settings
from gateway.mqtt_window import Window
from gateway.supervise import LONGEST_S, full_jitter

__all__ = ["REFUSED", "Delivered", "Done", "Link", "LinkState", "Message", "Note"]

_log = logging.getLogger(__name__)

SETTLED_S = 6.0
"""A connection that lasted so long may be replaced at once: that makes ten a minute at most."""
SOON_S = 1.0
"""A broker that has just gone is asked for again within so long; one that stays away, within half of its absence."""

KEEPALIVE_S = 30
GOODBYE_S = 0.8
CANARY_S = 2.0
"""With nothing heard for so long, a canary asks the broker whether it is there."""
ASK_AGAIN_S = 60.0
"""A refused subscription is asked for again: access may have been granted meanwhile."""
FIRST_S = 0.5
"""What a broker says so soon after it took us proves nothing: retained messages, and the answer to our SUBSCRIBE."""
MUTE = 2
"""So many connections in a row on which the broker took us and said nothing more: the next one begins without our
session. Mosquitto 2.0.11 can hang in one, after it was stopped for minutes; what it held is sent again by whoever waits
for our word."""


class Link:
    """One client of the broker."""

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
        """`base`: folder that relative paths of `broker` start from.

        `canary`: a topic of our own to publish to when it is quiet, which proves that publishing works; None: pings,
        often enough for `frozen_after_s`.
        """
        self._clock = clock
        self._counters = counters
        self._frozen_after_s = broker.frozen_after_s
        self._farewell = farewell
        self._canary = canary
        keepalive = KEEPALIVE_S if canary is not None else max(1, int(broker.frozen_after_s / 2))
        self._settings = Settings(broker, base, client_id, clean_start, session_expiry_s, keepalive, will)
        self._listener = Listener(self._connected, self._window_answered, self._subscribed, self._arrived, self._read)
        self._session: Session | None = None
        """The connection, while the broker has accepted it."""
        self._window = Window(broker.window)
        self._inbox = Inbox(counters)
        self._largest = 0
        self._subscribing: dict[int, list[str]] = {}
        self._asked = 0
        self._heard = 0
        self._up = asyncio.Event()
        self._on_connect: list[Callable[[], None]] = []
        self._on_room: list[Callable[[], None]] = []
        self.state = LinkState()

    # --- what others call -------------------------------------------------------------------------------------------

    @property
    def room(self) -> int:
        """Publishes that the window takes now; none before `on_connect` was called."""
        return self._window.room if self._up.is_set() else 0

    @property
    def window(self) -> int:
        """Publishes that may be unanswered on this connection."""
        return self._window.size

    @property
    def largest(self) -> int:
        """Bytes of the largest payload that the broker takes."""
        return self._largest

    @property
    def in_flight(self) -> int:
        """Publishes that are unanswered."""
        return len(self._window)

    def on_connect(self, callback: Callable[[], None]) -> None:
        """Call after each connect, when subscriptions have been sent."""
        self._on_connect.append(callback)

    def on_room(self, callback: Callable[[], None]) -> None:
        """Call when something was heard and the window has room."""
        self._on_room.append(callback)

    async def connected(self) -> None:
        """Return when there is a connection."""
        await self._up.wait()

    def subscribe(
        self, topic_filter: str, handler: Callable[[Message], None], *, qos: int = 1, most: int = MAX_RECEIVE
    ) -> None:
        """Hand messages of `topic_filter`, up to `most` bytes, to `handler`, now and after each reconnect.

        Where filters overlap, the first of them gets the message. A handler that raises HadirError has refused the
        message: that is counted, and the message acknowledged.
        """
        self._inbox.subscribe(topic_filter, handler, qos, most)
        if self._session is not None:
            self._ask_for(self._session, {topic_filter: qos})

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
        session = self._session
        if session is None or (qos and not self._window.room):
            return False
        if len(payload) > self._largest:
            self._counters.add("mqtt.publish_refused")
            if done is not None:
                done(Delivered(TOO_LARGE, f"Packet too large: the broker takes {self._largest} bytes"))
            return True
        mid = session.publish(topic, payload, qos, retain, expiry_s, content_type)
        if mid is None:
            return False
        if qos:
            self._window.add(mid, done, self._clock.machine())
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

        Raises TransientError when there is no connection, or it is lost before the PUBACK; PermanentError("refused")
        when the broker refuses, PermanentError("too_big") when that is for its size.
        """
        send = partial(
            self.publish, topic, payload, qos=qos, retain=retain, expiry_s=expiry_s, content_type=content_type
        )
        if self._session is None:
            raise TransientError(f"not connected: {self.state.reason}")
        if qos == 0:
            send()
            return Delivered(0, "")
        result = await self._window.wait(lambda done: send(done=done))
        if result.reason >= REFUSED:
            raise PermanentError("too_big" if result.reason == TOO_LARGE else "refused", f"{topic}: {result.text}")
        return result

    async def run(self) -> None:
        """Keep the connection until cancelled, then say goodbye."""
        attempt, lost, mute = 0, self._clock.machine(), 0
        try:
            while True:
                anew = self._settings.clean_start or mute >= MUTE
                session = Session(self._settings._replace(clean_start=anew), self._listener)
                try:
                    await session.open()
                    why = await self._keep(session)
                except TransientError as error:
                    why = str(error)
                finally:
                    if self._session is None:
                        session.abort()
                now, longest_s = self._clock.machine(), LONGEST_S
                if not self.state.connected:  # nobody is there: the longer that has been so, the longer it may wait
                    longest_s = min(LONGEST_S, max(SOON_S, (now - lost) / SECOND / 2))
                elif now - self.state.since > SETTLED_S * SECOND:
                    attempt = 0  # a connection that ends at once, again and again, is not tried faster and faster
                if self.state.connected:
                    lost = now
                    mute = mute + 1 if self._was_mute(now) else 0
                self._down(why)
                await asyncio.sleep(full_jitter(attempt, longest_s=longest_s))
                attempt += 1
        finally:
            await self._goodbye()

    def _was_mute(self, now: int) -> bool:
        """Whether the broker took us, and said nothing more for as long as that lasted."""
        since = self.state.since
        return self._heard - since < FIRST_S * SECOND and now - since > 2 * FIRST_S * SECOND

    # --- one connection ---------------------------------------------------------------------------------------------

    async def _keep(self, session: Session) -> str:
        """Until the connection is lost; why it was."""
        self._up.set()
        for callback in self._on_connect:
            callback()
        frozen = int(self._frozen_after_s * SECOND)
        quiet = min(int(CANARY_S * SECOND), frozen // 2)
        while True:
            await asyncio.wait((session.lost,), timeout=min(0.5, self._frozen_after_s / 8))
            if session.lost.done():
                return session.lost.result()
            session.ping()
            now = self._clock.machine()
            oldest = self._window.oldest()
            if oldest is not None:
                if now - oldest > frozen:
                    self._counters.add("mqtt.frozen")
                    return f"frozen: no answer for {(now - oldest) / SECOND:.1f} s"
            elif self._canary is not None and now - self._heard > quiet:
                self.publish(self._canary, b"")
            if self.state.refused and now - self._asked > ASK_AGAIN_S * SECOND:
                self._ask_for(session, {name: self._inbox.filters[name] for name in self.state.refused})

    def _ask_for(self, session: Session, filters: Mapping[str, int]) -> None:
        """Also when the broker kept the session: its subscriptions may be of an earlier version of ours."""
        self._asked = self._clock.machine()
        if filters and (mid := session.subscribe(filters)) is not None:
            self._subscribing[mid] = list(filters)

    def _down(self, why: str) -> None:
        if self.state.connected or self.state.reason != why:
            _log.warning("broker: %s", why)
        self._forget(why)

    def _forget(self, why: str) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.abort()
        self.state.connected, self.state.reason, self.state.since = False, why, self._clock.machine()
        self._up.clear()
        self._inbox.end()
        self._window.lose(TransientError(why))

    async def _goodbye(self) -> None:
        session, note = self._session, self._farewell
        try:
            if session is not None:
                if note is not None:
                    async with asyncio.timeout(GOODBYE_S):
                        await self.deliver(note.topic, note.payload, qos=note.qos, retain=note.retain)
                await session.close()
        except (TimeoutError, HadirError) as error:
            _log.warning("broker: no goodbye: %s", error)
        finally:
            self._forget("stopped")

    # --- what the session tells -------------------------------------------------------------------------------------

    def _connected(self, session: Session, limits: Limits) -> None:
        self._session = session
        self._inbox.begin(session.ack)
        self._window.limit(limits.window)
        self._largest = limits.payload
        self._subscribing.clear()
        state = self.state
        state.connected, state.reason, state.since = True, "", self._clock.machine()
        state.connects += 1
        state.refused.clear()
        self._heard = state.since
        self._ask_for(session, self._inbox.filters)  # before anything is published

    def _window_answered(self, mid: int, refusal: Delivered | None) -> None:
        if refusal is not None:
            self._counters.add("mqtt.publish_refused")
        self._window.answered(mid, refusal)

    def _subscribed(self, mid: int, answers: list[str]) -> None:
        refused = self.state.refused
        for name, refusal in zip(self._subscribing.pop(mid, ()), answers, strict=False):
            if not refusal:
                refused.pop(name, None)
            elif name not in refused:
                refused[name] = refusal
                _log.error("broker: subscription to %s refused: %s", name, refusal)
        self.state.reason = "; ".join(f"subscription to {name} refused: {text}" for name, text in refused.items())

    def _arrived(self, arrived: Arrived) -> None:
        ack = self._inbox.acknowledger(arrived.mid) if arrived.qos else _nothing
        if arrived.topic is None:
            self._inbox.refuse(ack, "topic")
            return
        self._inbox.take(
            Message(
                arrived.topic,
                arrived.payload,
                arrived.qos,
                arrived.retain,
                arrived.user,
                arrived.response_topic,
                arrived.correlation,
                ack,
            )
        )

    def _read(self) -> None:
        self._heard = self._clock.machine()
        self._window.serve()
        if self.room:
            for callback in self._on_room:
                callback()


def _nothing() -> None:
    """QoS 0 is not acknowledged."""
