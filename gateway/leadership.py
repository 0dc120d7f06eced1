"""What changes on a gateway when it begins to coordinate its building, when it ceases to, and when another begins.

    lead     the rules of people and tags start: visits from the shadow, under their ids; tags are unknown until heard
    follow   they stop; what they held is the shadow from now on, and how receivers have drifted is remembered
    heard    another leads: taps at the workplace's readers that wait for a decision go to it

A gateway that is no candidate only hears: where its readers' taps go, and below which term it listens to nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from gateway import terms as seats
from gateway.bindings import Binding, Bound, receivers
from gateway.board import Board
from gateway.candidacy import Candidacy
from gateway.clock import Clock
from gateway.config.model import Office
from gateway.config.places import Places
from gateway.consent import Consent
from gateway.contract.envelope import Origin
from gateway.coordinator import Coordinator
from gateway.counters import Counters
from gateway.engine import Engine
from gateway.forward import Forwarder
from gateway.intake import Asked
from gateway.mqtt import Link
from gateway.outbox import Draft
from gateway.outbox_store import Row
from gateway.people import Resolver
from gateway.pipeline import Pipeline
from gateway.shadow import Shadow
from gateway.terms import Terms
from gateway.views import Views
from rules import locate, one_desk, presence
from rules.api import Fact, Health, Life, Reading
from rules.workplace import ROLES

RULES = (locate.NAME, presence.NAME)
"""They run on the coordinator only."""


class Disk(Protocol):
    """gateway.outbox.Outbox, as far as leading needs it."""

    def submit(
        self, drafts: Sequence[Draft], facts: Sequence[Fact], done: Callable[[list[Row | None]], None] | None = None
    ) -> None:
        """Commit all of it, then call `done`."""
        ...

    async def append(self, drafts: Sequence[Draft], facts: Sequence[Fact]) -> list[Row]:
        """Return when it is durable."""
        ...

    async def facts(self, rule: str) -> dict[str, Mapping[str, Any]]:
        """Bodies of a rule's facts by key."""
        ...


class Leadership:
    """One for a gateway. `prepare` before anything runs, `connect` when the rules are built."""

    def __init__(
        self, *, terms: Terms, places: Places, origin: Origin, link: Link, disk: Disk, clock: Clock, counters: Counters
    ) -> None:
        self.terms = terms
        self.shadow = Shadow()
        self.coordinator: Coordinator | None = None
        self.begun = False
        self._located: Mapping[str, Mapping[str, Any]] = {}
        """What this gateway's locator remembers of when it led last: how receivers have drifted."""
        self._led = 0
        """The term in which it led last."""
        self._places = places
        self._origin = origin
        self._link = link
        self._disk = disk
        self._clock = clock
        self._counters = counters

    async def prepare(self, facts: dict[str, dict[str, Mapping[str, Any]]]) -> None:
        """Remember the terms; take the facts of the rules that do not run until this gateway leads."""
        self.terms.restore(await self._disk.facts(seats.NAME))
        self.shadow.load(facts.pop(presence.NAME, {}))
        self._located = facts.pop(locate.NAME, {})

    def connect(
        self,
        *,
        office: Office,
        devices: Mapping[str, Binding],
        bound: Bound,
        engine: Engine,
        pipeline: Pipeline,
        forwarder: Forwarder,
        consent: Consent,
        views: Views,
        board: Board,
        resolver: Resolver,
    ) -> None:
        """Everything that a change concerns. `bound`: its own devices."""
        self._engine = engine
        self._pipeline = pipeline
        self._forwarder = forwarder
        self._consent = consent
        self._views = views
        owned = {place for place, spot in self._places.spots.items() if spot.owner == self._origin.gateway}
        near = {binding.place for binding in bound.all().values()}
        buildings = {place.split("/", 2)[1] for place in owned | near}
        self._candidacy = Candidacy(
            terms=self.terms,
            buildings=buildings | {self._origin.building},
            disk=self._disk,
            lead=self._lead,
            follow=self._follow,
            heard=self._heard,
            origin=self._origin,
            link=self._link,
            clock=self._clock,
            counters=self._counters,
        )
        if self._candidacy.stands:
            self.coordinator = Coordinator(
                office=office,
                places=self._places,
                devices=devices,
                receivers_of={each.id: list(receivers((each,), devices)) for each in office.gateways},
                intake=pipeline.intake,
                board=board,
                resolver=resolver,
                terms=self.terms,
                shadow=self.shadow,
                seen=self._candidacy.seen,
                remember=lambda facts, done: self._disk.submit((), facts, lambda _rows: done()),
                origin=self._origin,
                link=self._link,
                clock=self._clock,
                counters=self._counters,
            )

    async def begin(self) -> None:
        """The only candidate leads from the first moment, with a broker or without."""
        await self.look()
        self.begun = True

    async def look(self) -> None:
        """Time has passed."""
        if self._candidacy.stands:
            await self._candidacy.look()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._candidacy.run(), name="candidacy")
            if self.coordinator is not None:
                group.create_task(self.coordinator.run(), name="coordinator")

    def forget(self, person: str) -> None:
        """Who is erased is known no more, while another leads as well."""
        if person in self.shadow.rows:
            self._disk.submit((), [self.shadow.forget(person)])

    def forwarded(self, item: Reading | Health, durable: Callable[[], None], fact: Fact | None) -> None:
        """What another gateway has sent here."""
        if not hasattr(self, "_pipeline"):
            return  # the link is quicker than our disk: it is sent again, and is new after `restore`
        facts = () if fact is None else (fact,)
        if isinstance(item, Reading) and self._decided(item):
            self._disk.submit((), facts, lambda _rows: durable())
        else:
            self._pipeline.intake.act(Asked(item, lambda _rows: durable(), facts), item.at)

    def _decided(self, reading: Reading) -> bool:
        """Whether the coordinator before us has given a tap its outcome, and it was sent again since."""
        if reading.role not in ROLES or not reading.person or reading.at > self.shadow.acted(reading.person):
            return False
        self._counters.add("leadership.decided_before")
        return True

    # --- changes ----------------------------------------------------------------------------------------------------

    def _lead(self) -> None:
        now = self._clock.office()
        self._led = self.terms.term
        self._pipeline.take_over({locate.NAME: self._located, presence.NAME: self.shadow.rows}, now)
        self._consent.start(self.shadow.quiet)  # before anything is said of anybody
        for person in self._engine.keys(one_desk.NAME):
            state = self._engine.state(one_desk.NAME, person)
            for held in state.holdings[-1:]:
                if held == state.newest and held.since >= self.shadow.left(person):
                    # told as of when it was taken: that we begin to lead is no sign of her
                    life = Life(held.place, "taken", held.since, held.since, person, state.unit, held.checkin_id)
                    self._pipeline.intake.act(life, now)
        if self.coordinator is not None:
            self.coordinator.lead()
        self._heard()

    def _follow(self) -> None:
        now = self._clock.office()
        held = {rule: self._engine.stop(rule, now) for rule in RULES}
        self.shadow.load(held[presence.NAME], self._led)
        self._located = held[locate.NAME]
        self._disk.submit((), [Fact(locate.NAME, building, body) for building, body in self._located.items()])
        self._views.forget_people()
        if self.coordinator is not None:
            self.coordinator.follow()

    def _heard(self) -> None:
        for reading in self._forwarder.readdress():
            if not self._decided(reading):
                self._pipeline.intake.act(reading, reading.at)
