"""The retained topics that a gateway owns, kept right on a broker that may forget.

A change is published at once; everything is published again every 30 s of machine time (the heartbeat that a reader
relies on: a state that is not repeated expires) and after each reconnect. Only the latest content of a topic waits, and
only part of the window is used: events go first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from gateway.clock import SECOND, Clock
from gateway.counters import Counters
from gateway.errors import HadirError, TransientError
from gateway.mqtt import REFUSED, Delivered, Link

_log = logging.getLogger(__name__)

HEARTBEAT_S = 30.0
VALID_S = 90
"""How long a state may be believed after its last repetition; also its MQTT 5 expiry."""
MOST_AT_ONCE = 16
"""Publishes of the board in flight, if that is less than half of the window."""


class _Post(NamedTuple):
    make: Callable[[], bytes]
    expiry_s: int | None
    qos: int
    last: bool = False
    """It empties the topic, which is ours until the broker has taken that: nobody else would ever remove it."""


class Board:
    """Topics and how their content is made."""

    def __init__(self, link: Link, clock: Clock, counters: Counters) -> None:
        self._link = link
        self._clock = clock
        self._counters = counters
        self._posts: dict[str, _Post] = {}
        self._changed: dict[str, None] = {}
        """Topics to be published, in order."""
        self._repeated: dict[str, None] = {}
        """Topics to be published when nothing has changed: a change never waits behind a whole heartbeat."""
        self._out = 0
        """Publishes in flight."""
        self._wake = asyncio.Event()
        link.on_connect(self._repeat)
        link.on_room(self._room)

    @property
    def topics(self) -> list[str]:
        """What is owned now."""
        return [topic for topic, post in self._posts.items() if not post.last]

    def set(self, topic: str, make: Callable[[], bytes], *, expiry_s: int | None = VALID_S, qos: int = 1) -> None:
        """Own `topic`; `make` gives its content whenever it is published."""
        self._own(topic, _Post(make, expiry_s, qos))

    def touch(self, topic: str) -> None:
        """The content of `topic` has changed; nothing happens when it is not owned."""
        post = self._posts.get(topic)
        if post is not None:
            self._own(topic, post)

    def clear(self, topic: str) -> None:
        """Own `topic` no longer: an empty retained message removes it from the broker."""
        self._own(topic, _Post(bytes, None, 1, last=True))

    def forget(self, topic: str) -> None:
        """Own `topic` no longer, because its true owner speaks again: nothing is published."""
        for topics in (self._posts, self._changed, self._repeated):
            topics.pop(topic, None)

    async def run(self) -> None:
        """Until cancelled."""
        beat = self._clock.machine()
        while True:
            rest = HEARTBEAT_S - (self._clock.machine() - beat) / SECOND
            if rest <= 0:
                beat = self._clock.machine()
                self._repeat()
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(rest):
                        await self._wake.wait()
            self._wake.clear()
            self._drain()

    def _own(self, topic: str, post: _Post) -> None:
        self._posts[topic] = post
        self._repeated.pop(topic, None)
        self._changed[topic] = None
        self._wake.set()

    def _repeat(self) -> None:
        self._repeated |= dict.fromkeys(topic for topic in self._posts if topic not in self._changed)
        self._wake.set()

    def _room(self) -> None:
        if self._changed or self._repeated:
            self._wake.set()

    def _drain(self) -> None:
        """Publish what the link takes; on_room or the next connect goes on with the rest."""
        most = min(MOST_AT_ONCE, max(1, self._link.window // 2))
        while (waiting := self._changed or self._repeated) and self._out < most and self._link.room:
            topic = next(iter(waiting))
            del waiting[topic]
            post = self._posts[topic]
            try:
                body = post.make()
            except HadirError as error:
                self._counters.add("board.refused", "make")
                _log.debug("%s: %s", topic, error)
                continue
            answered = post.qos > 0
            done = partial(self._answer, topic, post) if answered else None
            self._out += answered
            if not self._link.publish(topic, body, qos=post.qos, retain=True, expiry_s=post.expiry_s, done=done):
                self._out -= answered
                waiting[topic] = None
                return

    def _answer(self, topic: str, post: _Post, result: Delivered | TransientError) -> None:
        self._out -= 1
        if isinstance(result, TransientError):
            return  # the next connect repeats it
        if result.reason >= REFUSED:
            self._counters.add("board.refused", "broker")  # the next heartbeat repeats it
        elif post.last and self._posts.get(topic) is post:
            del self._posts[topic]
            self._repeated.pop(topic, None)
