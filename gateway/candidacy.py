"""A gateway's part in the election: it hears the beats of the buildings it has to do with, and sends its own.

The fold is election.py; here are the link, the clock and the disk around it. A term is on the disk before anybody hears
of it, so no gateway leads twice in one. The beat of who leads is retained: that, the facts of every gateway and the
beats of the others say what the highest term was, whichever of them is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from gateway import election
from gateway.clock import SECOND, Clock
from gateway.contract import topics
from gateway.contract.envelope import Origin
from gateway.contract.exchange import Beat
from gateway.contract.state import parse, write
from gateway.contract.times import written
from gateway.contract.topics import PREFIX
from gateway.counters import Counters
from gateway.errors import PermanentError, TransientError
from gateway.mqtt import Link, Message
from gateway.outbox import Draft
from gateway.outbox_store import Row
from gateway.terms import Terms
from rules.api import Fact

LOOK_S = 0.5
"""How often time is looked at: a coordinator without broker stops after 5 s and so much, before 6 s are over."""


class Disk(Protocol):
    """gateway.outbox.Outbox, as far as terms need it."""

    def submit(self, drafts: Sequence[Draft], facts: Sequence[Fact], done: None = None) -> None:
        """Commit later."""
        ...

    async def append(self, drafts: Sequence[Draft], facts: Sequence[Fact]) -> list[Row]:
        """Return when it is durable."""
        ...


class Candidacy:
    """One for a gateway, whether it is a candidate or only hears who leads."""

    def __init__(
        self,
        *,
        terms: Terms,
        origin: Origin,
        buildings: Iterable[str],
        link: Link,
        disk: Disk,
        clock: Clock,
        counters: Counters,
        lead: Callable[[], None],
        follow: Callable[[], None],
        heard: Callable[[], None],
    ) -> None:
        """`buildings`: whose coordinators are listened to, besides its own. Call it when `terms` knows its facts.

        `lead` and `follow` are called when `terms` says so already; `heard` when another coordinator was heard of.
        """
        self._terms = terms
        self._origin = origin
        self._link = link
        self._disk = disk
        self._clock = clock
        self._counters = counters
        self._lead, self._follow, self._heard = lead, follow, heard
        names = terms.candidates(terms.building)
        self._state = election.State(
            rank=terms.rank if terms.building else 0,
            alone=len(names) == 1,
            seen=terms.highest(terms.building),
        )
        self._sent: int | None = None
        self._due = asyncio.Event()
        self._beginning = 0
        """The term that is on its way to the disk."""
        for building in sorted({*buildings, *([terms.building] if terms.building else [])}):
            # QoS 0: nothing of it waits for us while we are away. What was a sign of life an hour ago is none now
            link.subscribe(f"{PREFIX}/coord/{origin.site}/{building}/+", self._received, qos=0)

    @property
    def stands(self) -> bool:
        """Whether this gateway is a candidate."""
        return bool(self._terms.building)

    async def run(self) -> None:
        """Until cancelled."""
        if self.stands:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._speak(), name="beats")
                while True:
                    await self.look()
                    await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Time has passed: beat, and lead or follow if that is what follows from it."""
        self._fold(election.Tick(self._clock.machine()))
        term = self._state.term
        if term and term not in (self._terms.term, self._beginning):
            self._beginning = term
            fact = self._terms.seen(self._terms.building, term)
            await self._disk.append((), [] if fact is None else [fact])
            self._fold(election.Tick(self._clock.machine()))
            if self._state.term == term:
                self._counters.add("candidacy.led")
                self._terms.lead(term, self._clock.office())
                self._lead()
                self._sent = None
        now = self._clock.machine()
        if self._sent is None or now - self._sent >= election.BEAT_S * SECOND:
            self._sent = now
            self._due.set()

    def _fold(self, item: election.Input) -> None:
        self._state = election.step(self._state, item)
        if self._terms.leading and self._state.term != self._terms.term:
            self._counters.add("candidacy.stood_down")
            self._terms.follow()
            self._follow()
            self._sent = None  # the next look says so

    async def _speak(self) -> None:
        """Send the beats that are due. In a task of its own: a broker that is silent must not keep us from the time."""
        topic = topics.coord(self._origin.site, self._terms.building, self._origin.gateway)
        while True:
            await self._due.wait()
            self._due.clear()
            sent = self._clock.machine()
            try:
                # it waits for room in the window: a full outbox must not keep a coordinator from saying that it lives
                await self._link.deliver(topic, self._beat(), retain=self._terms.leading)
                self._fold(election.Taken(sent, self._clock.machine()))
            except TransientError:
                self._sent = None  # the next look sends it again
            except PermanentError as error:
                self._counters.add("candidacy.refused", error.reason)

    def _beat(self) -> bytes:
        terms = self._terms
        return write(
            Beat,
            {
                "rank": self._state.rank,
                "term": terms.term if terms.leading else self._state.seen,
                "boot": self._origin.boot,
                "leads": terms.leading,
                "led_since": written(terms.since) if terms.leading else None,
            },
        )

    def _received(self, message: Message) -> None:
        topic = topics.parse(message.topic)
        try:
            beat = parse(Beat, message.payload)
        except PermanentError as error:
            self._counters.add("candidacy.refused", error.reason)
            beat = None
        if topic is not None and beat is not None:
            if topic.gateway in self._terms.candidates(topic.building):
                self._take(topic.building, topic.gateway, beat["term"], leads=beat["leads"], retained=message.retain)
            else:
                self._counters.add("candidacy.refused", "no_candidate")
        message.ack()

    def seen(self, term: int) -> None:
        """Another candidate of our building has led in this term, by what it has said."""
        fact = self._terms.seen(self._terms.building, term)
        if fact is not None:
            self._disk.submit((), [fact])
        self._fold(election.Seen(term, self._clock.machine()))

    def _take(self, building: str, gateway: str, term: int, *, leads: bool, retained: bool) -> None:
        fact = self._terms.seen(building, term)
        if fact is not None:
            self._disk.submit((), [fact])
        ours = gateway == self._origin.gateway
        if building == self._terms.building:
            now = self._clock.machine()
            if retained or ours:
                self._fold(election.Seen(term, now))
            else:
                rank = self._terms.candidates(building).index(gateway)
                self._fold(election.Beat(gateway, rank, term, leads, now))
        if leads and not ours:
            self._terms.led(building, gateway, term)
            self._heard()
