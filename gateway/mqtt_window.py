"""The window: which publishes are unanswered, how old the oldest is, and who waits for room.

paho's own queue is never used: it is searched for every PUBACK, and it would send again what the outbox sends again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from gateway.errors import TransientError
from gateway.mqtt_api import Delivered, Done

_SUCCESS = Delivered(0, "")


class _Entry(NamedTuple):
    done: Done | None
    sent: int
    """Machine time, ns."""


class Waiter(NamedTuple):
    """A delivery that waits: first for room, then for its PUBACK."""

    send: Callable[[Done], bool]
    answer: asyncio.Future[Delivered | TransientError]

    def done(self, result: Delivered | TransientError) -> None:
        """The `Done` of its publish."""
        if not self.answer.done():
            self.answer.set_result(result)


class Window:
    """Of one link, over all its connections; each begins it empty."""

    def __init__(self, size: int) -> None:
        self._most = size
        self.size = size
        """Publishes that may be unanswered; what the broker takes at once, if that is less."""
        self._out: dict[int, _Entry] = {}
        self._waiting: deque[Waiter] = deque()

    def __len__(self) -> int:
        return len(self._out)

    @property
    def room(self) -> int:
        """Publishes that it takes now."""
        return max(0, self.size - len(self._out))

    def limit(self, broker: int | None) -> None:
        """A connection begins; `broker`: its Receive Maximum."""
        self.size = self._most if broker is None else max(1, min(self._most, broker))

    def add(self, mid: int, done: Done | None, now: int) -> None:
        """A publish went out."""
        self._out[mid] = _Entry(done, now)

    def answered(self, mid: int, refusal: Delivered | None) -> None:
        """A PUBACK came."""
        entry = self._out.pop(mid, None)
        if entry is not None and entry.done is not None:
            entry.done(refusal or _SUCCESS)

    def oldest(self) -> int | None:
        """When the oldest unanswered publish went out."""
        for entry in self._out.values():
            return entry.sent
        return None

    async def wait(self, send: Callable[[Done], bool]) -> Delivered:
        """Send as soon as there is room, in the order of the calls. Raises TransientError when that was in vain."""
        waiter = Waiter(send, asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        self.serve()
        result = await waiter.answer
        if isinstance(result, TransientError):
            raise result
        return result

    def serve(self) -> None:
        """Who waits goes first: it would starve behind a busy lane that fills the window at each PUBACK."""
        while self._waiting and self.room:
            waiter = self._waiting.popleft()
            if not waiter.answer.done() and not waiter.send(waiter.done):
                self._waiting.appendleft(waiter)
                return

    def lose(self, error: TransientError) -> None:
        """The connection is gone, and everything that was out or waiting is told."""
        out, self._out = self._out, {}
        waiting, self._waiting = self._waiting, deque()
        for entry in out.values():
            if entry.done is not None:
                entry.done(error)
        for waiter in waiting:
            waiter.done(error)
