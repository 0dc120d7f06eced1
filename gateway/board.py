"""The retained topics that a gateway owns, kept right on a broker that may forget.

A change is published at once; everything is published again every 30 s of machine time (the heartbeat that a reader
relies on: a state that is not repeated expires) and after each reconnect. Only the latest content of a topic waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from gateway.clock import SECOND, Clock
from gateway.counters import Counters
from gateway.errors import TransientError
from gateway.mqtt import Delivered, Link

HEARTBEAT_S = 30.0
LEFT_FREE = 8
"""Places of the window that are left to events, where it is that large."""
VALID_S = 90
"""How long a state may be believed after its last repetition; also its MQTT 5 expiry."""


class _Post(NamedTuple):
    make: Callable[[], bytes]
    expiry_s: int | None
    qos: int


class Board:
    """Topics and how their content is made."""

    def __init__(self, link: Link, clock: Clock, counters: Counters) -> None:
        self._link = link
        self._clock = clock
        self._counters = counters
        self._posts: dict[str, _Post] = {}
        self._dirty: dict[str, None] = {}
        self._cleared: dict[str, None] = {}
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        link.on_connect(self._all)
        link.on_room(self._room.set)

    def set(self, topic: str, make: Callable[[], bytes], *, expiry_s: int | None = VALID_S, qos: int = 1) -> None:
        """Own `topic`; `make` gives its content whenever it is published."""
        self._posts[topic] = _Post(make, expiry_s, qos)
        self._cleared.pop(topic, None)
        self.touch(topic)

    def touch(self, topic: str) -> None:
        """The content of `topic` has changed."""
        if topic in self._posts:
            self._dirty[topic] = None
            self._wake.set()

    def clear(self, topic: str) -> None:
        """Own `topic` no longer: an empty retained message removes it from the broker."""
        self._posts.pop(topic, None)
        self._dirty.pop(topic, None)
        self._cleared[topic] = None
        self._wake.set()

    def forget(self, topic: str) -> None:
        """Own `topic` no longer, because its true owner speaks again: nothing is published."""
        self._posts.pop(topic, None)
        self._dirty.pop(topic, None)

    async def run(self) -> None:
        """Until cancelled."""
        beat = self._clock.machine()
        while True:
            rest = HEARTBEAT_S - (self._clock.machine() - beat) / SECOND
            try:
                async with asyncio.timeout(max(0.0, rest)):
                    await self._wake.wait()
            except TimeoutError:
                beat = self._clock.machine()
                self._all()
            self._wake.clear()
            await self._drain()

    def _all(self) -> None:
        self._dirty |= dict.fromkeys(self._posts)
        self._wake.set()

    async def _drain(self) -> None:
        while (self._dirty or self._cleared) and self._link.state.connected:
            if self._link.room < min(LEFT_FREE, self._link.window):
                self._room.clear()
                try:
                    async with asyncio.timeout(0.5):
                        await self._room.wait()
                except TimeoutError:
                    continue
            if self._cleared:
                topic = next(iter(self._cleared))
                if not self._link.publish(topic, b"", retain=True, done=partial(self._cleared_answer, topic)):
                    return
                del self._cleared[topic]
                continue
            topic = next(iter(self._dirty))
            del self._dirty[topic]
            post = self._posts[topic]
            sent = self._link.publish(
                topic, post.make(), qos=post.qos, retain=True, expiry_s=post.expiry_s, done=self._answer
            )
            if not sent:
                self._dirty[topic] = None

    def _cleared_answer(self, topic: str, result: Delivered | TransientError) -> None:
        if isinstance(result, Delivered):
            self._answer(result)
        elif topic not in self._posts:
            self._cleared[topic] = None  # nobody else would ever remove it

    def _answer(self, result: Delivered | TransientError) -> None:
        if isinstance(result, Delivered) and result.reason >= 0x80:
            self._counters.add("board.refused")
