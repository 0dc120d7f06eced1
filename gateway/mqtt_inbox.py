"""What arrives over the MQTT link: which handler gets it, and in which order it is acknowledged."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

from gateway.counters import Counters
from gateway.errors import HadirError
from gateway.mqtt_api import Message

_log = logging.getLogger(__name__)

MAX_RECEIVE = 128 << 10
"""Bytes of the largest payload that a handler gets; the contract's largest is a batch of 64 kB."""
MOST_KNOWN = 4096
"""Topics whose handler is remembered."""

Handler = Callable[[Message], None]


class Inbox:
    """Of one link, over all its connections."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self.filters: dict[str, int] = {}
        """What is subscribed to, and with which QoS."""
        self._handlers: dict[str, tuple[Handler, int]] = {}
        self._known: dict[str, tuple[Handler, int] | None] = {}
        """Handler and largest payload, by filter and by topic."""
        self._send: Callable[[int], object] = _nobody
        self._unacked: deque[list[int]] = deque()
        """[mid, whether the handler has acknowledged it], in order of arrival on this connection."""

    def subscribe(self, topic_filter: str, handler: Handler, qos: int, most: int = MAX_RECEIVE) -> None:
        """Messages of `topic_filter` are the handler's, up to `most` bytes. The first of overlapping filters wins."""
        self.filters[topic_filter] = qos
        self._handlers[topic_filter] = (handler, most)
        self._known.clear()

    def begin(self, send: Callable[[int], object]) -> None:
        """A connection begins: `send` acknowledges the message with a mid."""
        self._send = send
        self._unacked = deque()

    def end(self) -> None:
        """The connection is gone: what came by it is acknowledged when it comes again."""
        self._unacked = deque()

    def acknowledger(self, mid: int) -> Callable[[], None]:
        """PUBACKs go out in the order of the PUBLISHes, as MQTT wants (5.0, section 4.6) and rumqttd insists."""
        entry = [mid, 0]
        unacked = self._unacked
        unacked.append(entry)

        def ack() -> None:
            entry[1] = 1
            while unacked is self._unacked and unacked and unacked[0][1]:
                self._send(unacked.popleft()[0])

        return ack

    def take(self, message: Message) -> None:
        """Hand it over. What is too big, or was not asked for, or is refused by its handler, is counted and done."""
        topic = message.topic
        found = self._known[topic] if topic in self._known else self._find(topic)
        if found is None:
            self.refuse(message.ack, "unasked")
            return
        handler, most = found
        if len(message.payload) > most:
            self.refuse(message.ack, "too_big")
            return
        try:
            handler(message)
        except HadirError as error:
            _log.debug("message on %s: %s", topic, error)
            self.refuse(message.ack, "handler")

    def refuse(self, ack: Callable[[], None], cause: str) -> None:
        """Count it, and never see it again."""
        self._counters.add("mqtt.refused", cause)
        ack()

    def _find(self, topic: str) -> tuple[Handler, int] | None:
        found = next((found for name, found in self._handlers.items() if matches(name, topic)), None)
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[topic] = found
        return found


def matches(topic_filter: str, topic: str) -> bool:
    """Whether a topic is one of a filter's (MQTT 5.0, section 4.7)."""
    if topic_filter.startswith("$share/"):
        topic_filter = topic_filter.split("/", 2)[2]
    wanted, levels = topic_filter.split("/"), topic.split("/")
    if topic.startswith("$") and wanted[0] in ("+", "#"):
        return False
    if wanted[-1] == "#":
        wanted.pop()
        if len(levels) < len(wanted):
            return False
        levels = levels[: len(wanted)]
    return len(wanted) == len(levels) and all(want in ("+", level) for want, level in zip(wanted, levels, strict=True))


def _nobody(_mid: int) -> None:
    """There is no connection yet."""
