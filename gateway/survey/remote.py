"""What receivers hear of the walker's tag, as gateways report it to their coordinator: by MQTT, from anywhere.

Read only: `whosight` of the building (tags under tokens of the day: without the site key nobody's can be told), and
`coord`, for who coordinates. What the coordinator's own receivers hear goes nowhere, and a survey without them would
say that they are deaf here: a floor on which it has any is walked at its box (feed.Live).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from uuid import uuid4

from gateway.clock import SECOND, Clock
from gateway.config.sources import Broker
from gateway.contract.exchange import Beat, Sightings
from gateway.contract.state import parse
from gateway.contract.times import parsed
from gateway.contract.topics import PREFIX
from gateway.counters import Counters
from gateway.credentials import SiteKey
from gateway.errors import HadirError, PermanentError, TransientError
from gateway.mqtt import Link, Message
from gateway.people import DAY_S
from gateway.sightings import MOST_A_SECOND
from gateway.survey.feed import FETCH_S, Told
from gateway.survey.ground import Heard

CONNECT_S = 10.0
"""For the connection, and for the first word of who coordinates."""


class Remote:
    """A feed over a broker; it connects for each spot."""

    def __init__(
        self,
        broker: Broker,
        base: Path,
        building: str,
        receivers: Mapping[str, Collection[str]],
        *,
        person: str,
        key: SiteKey,
        clock: Clock,
    ) -> None:
        """`building`: `site/building`; `receivers`: of the floor, by the gateway that they hang on.

        `base`: folder that relative paths of `broker` start from; `person`: pid of the tag that is carried.
        """
        self._broker, self._base = broker, base
        self._building = building
        self._receivers = receivers
        self._person, self._key = person, key
        self._clock = clock
        self._leader: tuple[int, str] = (0, "")
        self._led = asyncio.Event()
        self._heard: list[Heard] = []

    def open(self) -> str:
        """The coordinator's name. Raises TransientError without a broker, HadirError for a floor that is its own."""
        asyncio.run(self._stand(0.0, lambda _left, _counts: None))
        return self._leader[1]

    def stand(self, seconds: float, told: Told) -> list[Heard]:
        """In real time."""
        return asyncio.run(self._stand(seconds, told))

    def wind(self, word: str) -> None:
        """Not in real time."""
        raise HadirError(f"@{word[:20]}: only a tape (--from) can be wound")

    async def _stand(self, seconds: float, told: Told) -> list[Heard]:
        name = f"hadir-survey-{uuid4().hex[:8]}"
        link = Link(self._broker, client_id=name, clock=self._clock, counters=Counters(), base=self._base)
        self._heard, self._leader, self._led = [], (0, ""), asyncio.Event()
        link.subscribe(f"{PREFIX}/coord/{self._building}/+", self._beat, qos=0)
        link.subscribe(f"{PREFIX}/whosight/{self._building}/+", self._sightings, qos=0)
        failed: HadirError | None = None
        async with asyncio.TaskGroup() as group:
            running = group.create_task(link.run(), name="link")
            try:
                await self._listen(link, seconds, told)
            except HadirError as error:  # behind the group, or it would come as one of a group
                failed = error
            running.cancel()
        if failed is not None:
            raise failed
        return sorted(self._heard)

    async def _listen(self, link: Link, seconds: float, told: Told) -> None:
        await self._ready(link)
        self._heard.clear()
        end = self._clock.machine() + int(seconds * SECOND)
        while (left := (end - self._clock.machine()) / SECOND) > 0:
            await asyncio.sleep(min(FETCH_S, left))
            told(max(0.0, left - FETCH_S), Counter(one.receiver for one in self._heard))
            if not link.state.connected:
                raise TransientError(f"the broker is gone ({link.state.reason}): stand here once more")
            self._refuse_own()

    async def _ready(self, link: Link) -> None:
        try:
            async with asyncio.timeout(CONNECT_S):
                await link.connected()
                await self._led.wait()
        except TimeoutError as error:
            if not link.state.connected:
                raise TransientError(f"no connection to the broker: {link.state.reason}") from error
            topic = f"coord/{self._building}/+"
            text = f"nobody says that they coordinate the building (may this account read {PREFIX}/{topic}?)"
            raise TransientError(text) from error
        self._refuse_own()

    def _refuse_own(self) -> None:
        """Another may begin to coordinate while somebody stands."""
        leader = self._leader[1]
        if own := self._receivers.get(leader):
            names = ", ".join(sorted(own))
            raise HadirError(f"{leader} coordinates the building and tells nobody what {names} hear: walk at its box")

    def _beat(self, message: Message) -> None:
        gateway = message.topic.rpartition("/")[2]
        beat = parse(Beat, message.payload)
        if beat is not None and beat["leads"] and beat["term"] >= self._leader[0]:
            self._leader = beat["term"], gateway
            self._led.set()
        message.ack()

    def _sightings(self, message: Message) -> None:
        try:
            found = parse(Sightings, message.payload)
        except PermanentError:  # of an account that may write anything: the coordinator counts it
            found = None
        if found is not None and not message.retain:
            at = parsed(found["at"])
            token = self._key.token(self._person, at // (DAY_S * SECOND))
            for receiver, whose, rssi, count in found["heard"]:
                if whose == token:
                    self._heard += [Heard(at / SECOND, receiver, rssi)] * min(count, MOST_A_SECOND)
        message.ack()
