"""Changes to browsers, as server-sent events: one message a floor and tick, made once and sent to all who look.

An event's id is the live picture's version: a browser that comes back says the last that it saw, and gets what changed
since, or a snapshot where that is too long ago. A ping every 15 s shows that the way is open.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass, field
from typing import Any

from gateway.web.live import Live, PlaceNow
from gateway.web.readers import Readers

TICK_S = 0.25
PING_S = 15.0
RETRY_MS = 2000
"""How long a browser waits before it connects again."""
PING = b"event: ping\ndata: {}\n\n"
MOST_READERS = 2000
MOST_BEHIND = 240
"""Messages of a floor that are kept for a reader that does not read; then it has to come again."""


@dataclass(slots=True)
class _Chunk:
    """What all readers of a floor are sent next; filled once."""

    body: bytes = b""
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    following: _Chunk | None = None
    cut: bool = False
    """Nobody has read it in time, and it is empty."""


class Stream:
    """Fans the live picture out."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._sent = live.version
        self._next: dict[str, _Chunk] = {}
        self._recent: dict[str, deque[_Chunk]] = {}
        self.readers = Readers(MOST_READERS)

    async def run(self) -> None:
        """Until cancelled."""
        ticks = 0
        while True:
            await asyncio.sleep(TICK_S)
            ticks += 1
            if ticks % round(1 / TICK_S) == 0:
                self._live.expire()
            if self._live.version != self._sent:
                self._tell()
            if ticks % round(PING_S / TICK_S) == 0:
                for floor in list(self._next):
                    self._send(floor, PING)

    async def follow(self, floor: str, last: int | None, who: str) -> AsyncGenerator[bytes, None]:
        """The messages of one floor for one reader, whom `who` counts, until it has not read for too long.

        `last`: the id that it saw last; None: it has seen nothing.
        """
        with self.readers.reading(who):
            chunk = self._next.setdefault(floor, _Chunk())
            yield f"retry: {RETRY_MS}\n\n".encode() + self._first(floor, last)
            while True:
                await chunk.ready.wait()
                if chunk.cut:
                    return
                yield chunk.body
                if chunk.following is None:  # cut while it was being sent
                    return
                chunk = chunk.following

    def _first(self, floor: str, last: int | None) -> bytes:
        changed = None if last is None else self._live.changed_since(last)
        if changed is None:
            return message("snapshot", self._live.version, self._live.floor(floor), connected=self._live.connected)
        found = [now for place in changed if (now := self._live.now(place)) is not None and now.floor == floor]
        return message("places", self._live.version, found, connected=self._live.connected)

    def _tell(self) -> None:
        changed = self._live.changed_since(self._sent)
        self._sent = self._live.version
        places = self._live.all() if changed is None else filter(None, map(self._live.now, changed))
        by_floor: dict[str, list[PlaceNow]] = {}
        for now in places:
            by_floor.setdefault(now.floor, []).append(now)
        for floor, found in by_floor.items():
            if floor in self._next:
                self._send(floor, message("places", self._sent, found, connected=self._live.connected))

    def _send(self, floor: str, body: bytes) -> None:
        chunk = self._next[floor]
        self._next[floor] = chunk.following = _Chunk()
        chunk.body = body
        chunk.ready.set()
        recent = self._recent.setdefault(floor, deque())
        recent.append(chunk)
        if len(recent) > MOST_BEHIND:
            late = recent.popleft()
            late.body, late.following, late.cut = b"", None, True


def message(name: str, version: int, places: Iterable[PlaceNow], *, connected: bool) -> bytes:
    """One server-sent event: {connected, places: [{place, status, cause, life, state}]}."""
    body = {"connected": connected, "places": [shown(now) for now in places]}
    return f"event: {name}\nid: {version}\ndata: {json.dumps(body, separators=(',', ':'))}\n\n".encode()


def shown(now: PlaceNow) -> dict[str, Any]:
    """What a browser is told of a place that changed."""
    return {"place": now.place, "status": now.status, "cause": now.cause, "life": now.life, "state": now.state}
