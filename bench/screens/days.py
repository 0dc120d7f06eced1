"""Whole days through the real rules, without a clock, into the files of an archive; and what is retained at their end.

Everything follows from the seeds but the people's pids, which the people table draws.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from importlib.metadata import version

from bench.accuracy.building import DEAD_AFTER, Building, Gateway, Memory
from bench.accuracy.days import reservation
from firmware_sim.day_run import DayRun, Heard
from firmware_sim.deeds import Down, Reserve
from firmware_sim.office import Office as Tower
from firmware_sim.scenario import ORDINARY, Scenario
from firmware_sim.watchers import Said
from gateway.clock import SECOND
from gateway.config.model import Office
from gateway.contract.envelope import Origin, decode, encode
from gateway.counters import Counters
from gateway.credentials import SiteKey
from gateway.equipment import Equipment
from gateway.ledger import Ledger
from gateway.outbox import Draft
from gateway.outbox_store import Row
from gateway.projections import Projections
from gateway.stores.build import build
from gateway.views import Views
from rules.api import Event, Fact, Input

PID = re.compile(rb"p-[0-9a-f]{16}")
COMMIT_AT_ONCE = 500
PATIENCE_S = 900
"""A guard against hanging."""
FIRST_BOOT = "000000-5ca1"
LOOK = 300 * SECOND
"""How often devices are looked for that are silent."""


class Kept(Memory):
    """The outbox of a gateway on one day: what it commits is kept as rows, under the pids of the people table."""

    def __init__(self, before: Memory, origin: Origin, place: str, pids: Mapping[bytes, bytes], number: int) -> None:
        """`place`: of the gateway's own events. `number` of the last event of this boot, on days before."""
        super().__init__(before._told, origin, None, before._heard)
        self.rows: list[Row] = []
        self.number = number
        self._place = place
        self._pids = pids

    @property
    def origin(self) -> Origin:
        """With the boot of now."""
        return self._origin

    def started(self, at: int) -> None:
        """A new boot."""
        boot = int(self._origin.boot[:6]) + 1
        self._origin = replace(self._origin, boot=f"{boot:06d}-5ca1")
        self.number = 0
        self.say(Event("gateway.started", self._place, at, {"version": version("hadir"), "config": "c0ffee15"}))

    def submit(
        self, drafts: Sequence[Draft], facts: Sequence[Fact], done: Callable[[list[Row | None]], None] | None
    ) -> None:
        super().submit(drafts, facts, None)
        made: list[Row | None] = [self._row(draft) for draft in drafts]
        if done is not None:
            done(made)

    def say(self, *events: Event) -> None:
        """What the gateway says of itself."""
        for event in events:
            self._row(Draft(event, ""))

    def _row(self, draft: Draft) -> Row:
        self.number += 1
        event, number, boot = draft.event, self.number, self._origin.boot
        topic, body = encode(
            event, self._origin, sequence=number, recorded_at=event.at, rule=draft.rule, quality="simulated"
        )
        body = PID.sub(lambda found: self._pids.get(found[0], found[0]), body)
        row = Row(boot, number, event.cls, topic, body, event.at, 0, event.person, event.unit)
        self.rows.append(row)
        return row


class Shown:
    """Stands for a gateway's board: topics, and how their content is made."""

    def __init__(self) -> None:
        self.topics: dict[str, Callable[[], bytes]] = {}

    def set(self, topic: str, make: Callable[[], bytes], *, expiry_s: int | None = None, qos: int = 1) -> None:
        self.topics[topic] = make

    def touch(self, topic: str) -> None:
        """It is made when it is asked for."""


class Day:
    """One day of one building, up to a moment."""

    def __init__(
        self, made: Tower, office: Office, number: int, day: date, pids: Mapping[bytes, bytes], before: Day | None
    ) -> None:
        """`number` of the day, from 1. `before`: the day before: gateways run through the night."""
        self.scenario: Scenario = replace(ORDINARY, day=day)
        self._building = Building(made, office, lambda _event: None)
        self._run = DayRun(made, self.scenario, made.seed * 100 + number, tag_s=120.0)
        self.views: dict[str, Views] = {}
        self.shown: dict[str, Shown] = {}
        self.equipment: dict[str, Equipment] = {}
        self._kept: dict[str, Kept] = {}
        for name, gateway in self._building.gateways.items():
            self._prepare(office, name, gateway, pids, before)
        self._first = before is None

    @property
    def origins(self) -> dict[str, Origin]:
        """Of the gateways, with their boots of now."""
        return {name: kept.origin for name, kept in self._kept.items()}

    def _prepare(
        self, office: Office, name: str, gateway: Gateway, pids: Mapping[bytes, bytes], before: Day | None
    ) -> None:
        building = self._building
        if before is None:
            origin, number = Origin(site=office.site, building=office.buildings[0].id, gateway=name, boot=FIRST_BOOT), 0
        else:
            origin, number = before._kept[name].origin, before._kept[name].number
        box = next(one for one in office.gateways if one.id == name)
        place = f"{office.site}/{box.place}/_/_"
        kept = gateway.memory = self._kept[name] = Kept(gateway.memory, origin, place, pids, number)
        views = self.views[name] = Views(building.places, name)
        shown = self.shown[name] = Shown()
        equipment = self.equipment[name] = Equipment(
            origin=origin,
            place=place,
            board=shown,  # type: ignore[arg-type]
            clock=building.clock,
            key=SiteKey.load(office.path(office.people.site_key)),
            health=lambda _item: None,
            say=lambda events, _facts: kept.say(*events),
            home_assistant=False,
        )
        equipment.post({b.device.id: b for b in building.devices.values() if _gateway_of(office, b.device.id) == name})
        committed = gateway.committed

        def commit(emitted: Sequence[Input], rows: Sequence[Row]) -> None:
            committed(emitted, rows)
            views.apply(emitted, rows)

        gateway.committed = commit  # type: ignore[method-assign, assignment]
        gateway.heard = equipment.heard  # type: ignore[method-assign, assignment]

    def play(self, until: int | None = None) -> list[Row]:
        """Everything in order of time, up to `until` (ns; None: the day's end); what was committed, by gateway."""
        building, end = self._building, min(until or self.scenario.end, self.scenario.end)
        if self._first:
            for kept in self._kept.values():
                kept.started(self.scenario.begin)
        building.start(self.scenario.begin)
        later: list[tuple[int, str, str]] = []
        looked = self.scenario.begin
        for item in self._run.items():
            if item.at >= end:
                break
            if item.at >= looked + LOOK:
                looked = item.at
                for name, equipment in self.equipment.items():
                    if building.gateways[name].up:
                        equipment.look()
            while later and later[0][0] <= item.at:
                self._restart(*later.pop(0))
            match item:
                case Said():
                    building.said(item)
                case Heard():
                    building.heard(item.person, item.receiver, item.rssi, item.at)
                case Reserve():
                    building.ask(reservation(item, self._run.truth))
                case Down():
                    building.down(item.gateway, item.at)
                    later += [(item.at + DEAD_AFTER, "lost", item.gateway), (item.until, "up", item.gateway)]
        building.pass_until(end)
        return [row for kept in self._kept.values() for row in kept.rows]

    def _restart(self, at: int, what: str, gateway: str) -> None:
        building = self._building
        if what == "up":
            building.pass_until(at)
            self._kept[gateway].started(at)
            building.up(gateway, at)
            return
        building.pass_until(at)
        building.lost(gateway, at)


def _gateway_of(office: Office, device: str) -> str:
    for gateway in office.gateways:
        for source in gateway.sources:
            if device in (getattr(source, "device", None), *(getattr(source, "devices", None) or ())):
                return gateway.id
    return ""


def store(office: Office, rows: Sequence[Row], now: int) -> int:
    """Commit rows to the office's ledger, in order of time, and project them; how many."""
    path = office.path(office.archive.ledger)
    path.parent.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(path)
    try:
        ordered = sorted(rows, key=lambda row: (row.recorded_at, row.boot))
        for first in range(0, len(ordered), COMMIT_AT_ONCE):
            some = [decode(row.body) for row in ordered[first : first + COMMIT_AT_ONCE]]
            assert {outcome.state for outcome in ledger.commit(some, now)} == {"stored"}
        asyncio.run(_project(office, ledger, now))
    finally:
        ledger.close()
    return len(rows)


async def _project(office: Office, ledger: Ledger, now: int) -> None:
    from gateway.replay import RecordedClock

    clock = RecordedClock()
    clock.now = now
    projections = Projections(ledger, [build(one, office) for one in office.archive.stores], office, clock, Counters())
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
        running = group.create_task(projections.run())
        projections.wake()
        while not all(projections.is_done(name, ledger.last_id()) for name in projections.status()):
            await asyncio.sleep(0.02)
        running.cancel()


__all__ = ["Day", "Shown", "store"]
