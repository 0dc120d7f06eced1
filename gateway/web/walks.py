"""Walk tests: what receivers hear of one tag while somebody carries it through a floor, for two minutes at most.

Where a tag is, is about a person: a walk is its opener's alone, is logged before it begins where the tag is somebody
else's, and nothing of it is kept behind its end.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.clock import SECOND, Clock
from gateway.errors import HadirError
from gateway.survey.feed import Feed

_log = logging.getLogger(__name__)

LONGEST_S = 120
A_STAND_S = 2.0
FRESH_S = 6
"""A receiver that heard nothing for longer does not hear the tag."""
MOST = 4
"""At once: each is a listener of its own."""


@dataclass(slots=True)
class Signal:
    """What one receiver heard last."""

    rssi: float
    """Mean of the last stand, dBm."""
    packets: int
    best: float
    at: int
    """Wall ns."""


@dataclass(slots=True)
class Walk:
    """One of them. Times are wall ns."""

    word: str
    account: str
    floor: str
    """`building/floor`."""
    who: str
    """Whose tag, as the opener named it."""
    since: int
    until: int
    signals: dict[str, Signal] = field(default_factory=dict)
    """By receiver."""
    problem: str = ""
    stopped: bool = False


class Walks:
    """All of them; one for a web application."""

    def __init__(self, wall: Clock) -> None:
        self._wall = wall
        self._walks: dict[str, Walk] = {}
        self._new: asyncio.Queue[tuple[Walk, Callable[[], Feed]]] = asyncio.Queue()

    async def run(self) -> None:
        """Until cancelled: listens for all who walk."""
        async with asyncio.TaskGroup() as group:
            while True:
                walk, feed = await self._new.get()
                group.create_task(self._run(walk, feed), name=f"walk on {walk.floor}")

    def begin(self, account: str, floor: str, who: str, feed: Callable[[], Feed]) -> Walk | None:
        """A new one, and the end of the account's earlier one; None: too many walk. `feed` is called in a thread."""
        now = self._wall.office()
        for word, walk in list(self._walks.items()):
            if walk.account == account or now >= walk.until + LONGEST_S * SECOND:
                walk.stopped = True
                del self._walks[word]
        if len(self._walks) >= MOST:
            return None
        made = Walk(secrets.token_hex(8), account, floor, who, now, now + LONGEST_S * SECOND)
        self._walks[made.word] = made
        self._new.put_nowait((made, feed))
        return made

    def of(self, word: str, account: str) -> Walk | None:
        """The account's own walk."""
        found = self._walks.get(word)
        return found if found is not None and found.account == account else None

    def is_on(self, walk: Walk) -> bool:
        """Whether it goes on."""
        return not walk.stopped and not walk.problem and self._wall.office() < walk.until

    async def _run(self, walk: Walk, feed: Callable[[], Feed]) -> None:
        try:
            source = await asyncio.to_thread(feed)
            while self.is_on(walk):
                heard = await asyncio.to_thread(source.stand, A_STAND_S, lambda _left, _counts: None)
                now = self._wall.office()
                levels: dict[str, list[float]] = {}
                for one in heard:
                    levels.setdefault(one.receiver, []).append(one.rssi)
                for receiver, found in levels.items():
                    mean, known = sum(found) / len(found), walk.signals.get(receiver)
                    best = max(found) if known is None else max(known.best, *found)
                    packets = len(found) + (0 if known is None else known.packets)
                    walk.signals[receiver] = Signal(mean, packets, best, now)
        except HadirError as error:
            _log.warning("walk test on %s: %s", walk.floor, error)
            walk.problem = "failed"
