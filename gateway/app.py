"""Builds the objects of a daemon and owns its one TaskGroup."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from drivers.api import Driver
from gateway import bindings, commands, coverage, forward, leftovers, radio, replay_guard, snapshots, timing, wiring
from gateway.board import Board
from gateway.boot import counter, next_boot
from gateway.clock import Clock
from gateway.commands import Commands
from gateway.config import device_keys
from gateway.config.model import Gateway, Office
from gateway.config.places import Places
from gateway.consent import Consent
from gateway.contract import state as wire
from gateway.contract import topics
from gateway.contract.envelope import Encoded, Origin, encode
from gateway.control import Control
from gateway.counters import Counters
from gateway.credentials import SiteKey
from gateway.decode import by_medium
from gateway.duties import Duties
from gateway.equipment import Equipment
from gateway.feedback import Feedback
from gateway.forward import Forwarder
from gateway.heartbeat import Heartbeat
from gateway.leadership import Leadership
from gateway.mqtt import Link, Note
from gateway.normalize import Normalizer
from gateway.outbox import Draft, Outbox
from gateway.outbox_file import highest_boot
from gateway.people import Directory, Resolver
from gateway.pipeline import Pipeline
from gateway.publisher import Publisher
from gateway.questions import Questions
from gateway.recording import Tap
from gateway.sightings import Reporter
from gateway.sources.around import Around
from gateway.sources.build import build
from gateway.sources.gpio_light import lights
from gateway.supervise import keep
from gateway.terms import Terms
from gateway.trace import Trace
from gateway.views import Views
from rules.api import Event

LAST_S = 1.0
"""How long the outbox and the publisher get to bring out what is left at a stop."""


class GatewayApp:
    """One gateway."""

    def __init__(
        self,
        office: Office,
        gateway: Gateway,
        named: Mapping[str, Driver],
        clock: Clock,
        trace: Trace | None = None,
        *,
        control: str | None = None,
        floor: int = 0,
    ) -> None:
        """Everything is built here and started by `run`. Raises HadirError where it cannot start.

        `floor`: the boot that others know of an earlier life of this gateway.
        """
        self.office, self.gateway, self.clock = office, gateway, clock
        self.counters = counters = Counters()
        self.folder = folder = office.data_folder(gateway)
        self.places = places = Places(office)
        self._trace = trace
        self._control_rule = control
        building = gateway.place.split("/")[0]
        self.quality = "simulated" if office.simulated else "good"
        self.origin = origin = Origin(
            site=office.site,
            building=building,
            gateway=gateway.id,
            boot=next_boot(folder, max(floor, counter(highest_boot(folder / "outbox.sqlite")))),
        )
        self.place = places.full(gateway.place) or f"{office.site}/{building}/_/_/_"
        self.config_hash = sha256(office.model_dump_json().encode()).hexdigest()[:12]
        key = SiteKey.load(office.path(office.people.site_key))
        self.directory = Directory(folder / "people", key, gateway.id)
        self.resolver = Resolver(self.directory, key)
        keys = device_keys.load(office.path(office.device_keys), (device.id for device in office.devices))
        self.devices = bindings.by_device(office, named, keys)
        self.bound = bindings.Bound(gateway, self.devices)
        self.terms = terms = Terms(places.candidates, gateway.id)
        self.outbox = Outbox(folder / "outbox.sqlite", origin, clock, counters, office.outbox, encode=self._encode)
        status = topics.gateway_status(office.site, gateway.id)
        self.link = Link(
            office.broker,
            client_id=f"hadir-{office.site}-{gateway.id}",
            clock=clock,
            counters=counters,
            base=office.path(Path()),
            will=Note(status, self._status("lost", at=None)),
            farewell=Note(status, self._status("disconnected", at=None)),
            canary=f"{status.rpartition('/')[0]}/canary",
            clean_start=not terms.building,  # what is said while a candidate is away waits for it
            session_expiry_s=7 * 86_400 if terms.building else 0,
        )
        self.publisher = Publisher(self.link, self.outbox, origin, clock, counters)
        self.board = Board(self.link, clock, counters)
        self.tap = Tap()
        self.views = Views(places, gateway.id)
        self.reporter = Reporter(self.link, origin, self.resolver, clock, counters)
        self.leadership = Leadership(
            terms=terms,
            places=places,
            origin=origin,
            link=self.link,
            disk=self.outbox,
            clock=clock,
            counters=counters,
        )
        away, here = wiring.elsewhere(office, self.devices, gateway.id)
        self.forwarder = Forwarder(
            self.link,
            origin,
            clock,
            counters,
            self.leadership.forwarded,
            lambda item: self.duties.decider(item),
            sensors=away,
            heard_by=here,
            commit=lambda facts: self.outbox.submit((), facts),
        )
        self.equipment = Equipment(
            origin=origin,
            place=self.place,
            board=self.board,
            clock=clock,
            health=lambda item: self.pipeline.intake.act(item, item.at),
            say=lambda events, facts: self.outbox.submit([Draft(e, "", self.quality) for e in events], facts),
            home_assistant=office.home_assistant,
            key=key,
        )
        self.learned = wiring.models(office)
        self.duties = Duties(
            office=office,
            places=places,
            origin=origin,
            views=self.views,
            board=self.board,
            link=self.link,
            reporter=self.reporter,
            terms=terms,
            forwarder=self.forwarder,
            heard=self.equipment.heard,
            doubted=self.equipment.doubted,
            tapped=lambda frame, rows: self.feedback.tapped(frame, rows),
            watched=wiring.watched(self.devices, self.learned),
            clock=clock,
            counters=counters,
        )
        around = Around(
            office=office,
            gateway=gateway.id,
            bound=self.bound,
            named=named,
            clock=clock,
            counters=counters,
            is_ours=self.resolver.is_ours,
            on_device=self.equipment.device_state,
            on_stranger=self.equipment.enrolment.unbound,
        )
        self.sources = [
            build(source, around, self.equipment.on_state(self.bound.behind(source.id))) for source in gateway.sources
        ]
        self.lights = lights(gateway, self.bound, counters)
        self.feedback = Feedback({source.id: source for source in self.sources}, self.lights)
        self.pipeline: Pipeline
        self.started = clock.machine()
        self.named = named

    def _encode(self, draft: Draft, sequence: int, recorded_at: int) -> Encoded:
        return encode(
            draft.event,
            self.origin,
            sequence=sequence,
            recorded_at=recorded_at,
            rule=draft.rule,
            quality=draft.quality,
            signature=self.terms.signature(draft.rule),
            clock=self.clock.quality(),
        )

    def _status(self, state: str, *, at: int | None) -> bytes:
        return wire.gateway_status(
            state, boot=self.origin.boot, version=version("hadir"), config=self.config_hash, at=at
        )

    async def run(self) -> None:
        """Until cancelled: sources stop, then what is left goes through the outbox and out."""
        async with asyncio.TaskGroup() as last:
            keepers = [last.create_task(self.outbox.run(), name="outbox")]
            try:
                await self._begin()
                # now: a session that waited hands over at once, to handlers that must be there
                keepers.append(last.create_task(self.publisher.run(), name="publisher"))
                keepers.append(last.create_task(self.link.run(), name="link"))
                await self._work()
            finally:
                await asyncio.shield(self._end(keepers))

    async def _begin(self) -> None:
        """Rules start from their facts; every place begins as unknown(starting)."""
        maps = await asyncio.to_thread(radio.maps, self.office, self.places.may_coordinate(self.gateway.id))
        rules = wiring.make_rules(
            self.office,
            self.places,
            self.gateway.id,
            self.devices,
            unit_sizes=self.directory.unit_sizes(),
            now=self.clock.office(),
            control=self._control_rule,
            learned=self.learned,
            floors=maps.floors,
        )
        await timing.settle(self.clock, self.outbox, place=self.place, quality=self.quality)
        facts = {rule.name: await self.outbox.facts(rule.name) for rule in rules}
        listened, kept = await self.outbox.facts(forward.NAME), await self.outbox.facts(forward.KEPT)
        await self.leadership.prepare(facts)
        engine = wiring.make_engine(
            rules,
            self.places,
            self.gateway.id,
            self.devices,
            self.counters,
            facts,
            leads=lambda: self.terms.leading,
        )
        self.engine = engine
        self.guard = replay_guard.ReplayGuard(await self.outbox.facts(replay_guard.NAME))
        self.pipeline = Pipeline(
            bound=self.bound,
            drivers=by_medium(self.named),
            normalizer=Normalizer(
                self.resolver,
                self.counters,
                quality=self.quality,
                site_realm=self.office.site,
                enrolment=self.equipment.enrolment,
            ),
            engine=engine,
            outbox=self.outbox,
            surroundings=self.duties,
            clock=self.clock,
            counters=self.counters,
            quality=self.quality,
            trace=self._trace,
            tap=self.tap,
            guard=self.guard,
            begin={rule.name: wiring.keys_of(rule.name, self.places, self.gateway.id) for rule in rules},
        )
        self.timing = timing.Timing(
            self.clock,
            boot=self.origin.boot,
            place=self.place,
            quality=self.quality,
            outbox=self.outbox,
            pipeline=self.pipeline,
            moves=(self.equipment, self.forwarder, self.views, self.terms),
            slept=self.equipment.slept,
        )
        self.forwarder.restore(listened, kept)
        intake = self.pipeline.intake
        enrolment = self.equipment.enrolment
        self.commands = Commands(
            self.link, self.origin, self.places, intake, self.clock, self.counters, self.terms, enrolment
        )
        if old := self.commands.restore(await self.outbox.facts(commands.NAME)):
            await self.outbox.append((), old)
        self.consent = Consent(
            self.directory,
            self.outbox,
            intake,
            self.views,
            self.clock,
            self.counters,
            coordinates=lambda: self.terms.leading,
            forget=self.leadership.forget,
        )
        self.leadership.connect(
            office=self.office,
            devices=self.devices,
            bound=self.bound,
            engine=engine,
            pipeline=self.pipeline,
            forwarder=self.forwarder,
            consent=self.consent,
            views=self.views,
            board=self.board,
            resolver=self.resolver,
        )
        told = topics.people(self.office.site, self.gateway.id)
        self.link.subscribe(told, self.consent.received, most=snapshots.MAX_BYTES)
        self.board.set(
            topics.gateway_status(self.office.site, self.gateway.id),
            lambda: self._status("ready", at=self.clock.office()),
            expiry_s=None,
        )
        self.duties.post_all()
        self.equipment.post(self.bound.all())
        self.equipment.coverage.watch(self.bound.all(), self.devices, self.views.places)
        leftovers.settle(self.folder / "retained.json", self.board, self.places.owner)
        await self._say("gateway.started", {"version": version("hadir"), "config": self.config_hash})
        self.equipment.begin(await self.outbox.facts(coverage.NAME))
        self.pipeline.start(self.clock.office())
        self.consent.start(self.leadership.shadow.quiet)
        await self.leadership.begin()

    def _questions(self) -> Questions:
        return Questions(
            office=self.office,
            origin=self.origin,
            link=self.link,
            outbox=self.outbox,
            publisher=self.publisher,
            pipeline=self.pipeline,
            directory=self.directory,
            coordinator=self.leadership.coordinator,
            forwarder=self.forwarder,
            terms=self.terms,
            sources=self.sources,
            views=self.views,
            tap=self.tap,
            clock=self.clock,
            counters=self.counters,
            learned=self.learned,
            timing=self.timing,
        )

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as group:
            for source in self.sources:
                name, run = f"source {source.id}", partial(source.run, self.pipeline.deliver)
                group.create_task(keep(name, run, self.clock, self.counters, longest_s=5.0), name=name)
            questions = self._questions()
            heartbeat = Heartbeat(
                origin=self.origin,
                link=self.link,
                outbox=self.outbox,
                equipment=self.equipment,
                guard=self.guard,
                forwarder=self.forwarder,
                sources=self.sources,
                clock=self.clock,
                counters=self.counters,
                draft=self._draft,
                alarms=questions.alarms,
            )
            for name, running in (
                ("pipeline", self.pipeline.run()),
                ("board", self.board.run()),
                ("forward", self.forwarder.run()),
                ("sightings", self.reporter.run()),
                ("leadership", self.leadership.run()),
                ("consent", self.consent.run()),
                ("clock", self.timing.run()),
                ("health", heartbeat.run()),
                ("control", Control(self.folder / "control.sock", questions.handlers()).run()),
            ):
                group.create_task(running, name=name)

    async def _end(self, keepers: Sequence[asyncio.Task[None]]) -> None:
        """What the sources have delivered is ruled and committed; the publisher gets a moment; then goodbye."""
        outbox, *others = keepers
        if hasattr(self, "pipeline") and not outbox.done():
            self.pipeline.drain()
            with suppress(TimeoutError):  # a full disk takes nothing more
                async with asyncio.timeout(LAST_S):
                    alive = self.equipment.coverage.mark(self.clock.office())
                    await self.outbox.append((), [*self.guard.take_facts(), alive])
                    await self._say("gateway.stopped", {"reason": "stopped"})
                    if self.link.state.connected:
                        await self.outbox.empty()
        for light in self.lights.values():
            light.close()
        for keeper in (*others[:1], outbox, *others[1:]):  # publisher, outbox, link
            keeper.cancel()

    def _draft(self, kind: str, data: Mapping[str, Any]) -> Draft:
        return Draft(Event(kind, self.place, self.clock.office(), data), "", self.quality)

    async def _say(self, kind: str, data: Mapping[str, Any]) -> None:
        await self.outbox.append([self._draft(kind, data)], ())
