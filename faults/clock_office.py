"""A gateway whose machine's clock is in the suite's hand, an archive that reads all it sends, and a day at one desk.

The gateway is the real one, in this process, without a broker: what its outbox gives out goes to a real ledger, and
from there through the real projection into a store. A second of the day costs a fraction of a millisecond.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from drivers.api import Frame
from firmware_sim import bthome, ld2410, rdm6300
from gateway.app import GatewayApp
from gateway.clock import SECOND, ManualClock
from gateway.config.load import load
from gateway.config.model import Office
from gateway.contract.envelope import Envelope, decode
from gateway.contract.times import parsed
from gateway.counters import Counters
from gateway.covers import TYPES as COVERAGE
from gateway.credentials import SiteKey
from gateway.decode import installed
from gateway.kernel_clock import ManualMachine
from gateway.ledger import Ledger
from gateway.people import PeopleTable
from gateway.projection import BATCH_ROWS
from gateway.projections import Projections
from gateway.sources.base import Deliver
from gateway.stores.base import Point
from gateway.timekeeping import OfficeClock

T0 = 1_795_654_800 * SECOND
"""A Thursday, 09:00 on the wall of the site."""
HOLD_S = 600.0
SENT_EVERY = 15
CARDS = ("0F0368568B", "0F0368568C")
GATEWAY, DESK, ROOM = "gw-01", "kantor/utama/l01/timur/d-001", "kantor/utama/l01/timur/r-001"
SENSOR = "A4:C1:38:05:8E:E1"
"""Tells motion, and is silent by design: nobody moves, or nobody listens."""
OFFICE = """
site: kantor
buildings:
  - id: utama
    coordinator: gw-01
    floors: [{id: l01, owner: gw-01, zones: [{id: timur, spaces: [{id: d-001}, {id: r-001, kind: room}]}]}]
gateways:
  - id: gw-01
    place: utama/l01
    sources:
      - {id: reader, type: serial, port: /dev/null, device: rdr-1}
      - {id: radar, type: serial, port: /dev/zero, device: mmw-1}
      - {id: air, type: ble, device: rcv-1, devices: [pir-1]}
devices:
  - {id: rdr-1, driver: rdm6300, place: utama/l01/timur/d-001}
  - {id: mmw-1, driver: ld2410, place: utama/l01/timur/d-001, expect_s: 2}
  - {id: rcv-1, driver: receiver, place: utama/l01/timur}
  - {id: pir-1, driver: bthome, modality: pir, address: "A4:C1:38:05:8E:E1", place: utama/l01/timur/r-001, hold_s: 120}
broker: {port: 9}
clock: {trust: TRUST}
calendar: {breaks: []}
rules: {desk: {release_after_s: 240, warn_before_s: 60, away_after_s: 30, end_of_day: "23:59"}}
"""
"""Timers are short, so that every step of a clock falls into some of them."""
SEEN = ld2410.basic(ld2410.Seen(ld2410.Target.STILL, still_cm=80, still_energy=90))
NOBODY = ld2410.basic(ld2410.NOBODY)
CLOCK = ("gateway.clock_stepped", "gateway.clock_corrected")


class Day(NamedTuple):
    """What really happens, by second."""

    seconds: int
    there: frozenset[int]
    """Seconds in which somebody sits at the desk."""
    taps: dict[int, str]
    """Cards."""

    @classmethod
    def of(cls, chance: random.Random, seconds: int) -> Day:
        """Somebody comes, taps, sits, goes for minutes with or without a tap, again and again."""
        there: set[int] = set()
        taps: dict[int, str] = {}
        at = chance.randrange(5, 30)
        while at < seconds:
            sits, gone = chance.randrange(40, 300), chance.randrange(60, 420)
            there |= set(range(at, min(seconds, at + sits)))
            card = chance.choice(CARDS)
            taps[at + 3] = card
            if chance.random() < 0.5:
                taps[at + sits - 1] = card
            at += sits + gone
        return cls(seconds, frozenset(there), {second: card for second, card in taps.items() if second < seconds})

    def shifted(self, seconds: int) -> Day:
        """The same, so much later."""
        taps = {second + seconds: card for second, card in self.taps.items()}
        return Day(self.seconds + seconds, frozenset(second + seconds for second in self.there), taps)


class Memory:
    """A store that keeps what it is given."""

    name, milliseconds, whole, answers = "memory", False, False, False

    def __init__(self) -> None:
        self.points: list[Point] = []

    async def write(self, points: Sequence[Point]) -> None:
        self.points += points

    async def life(self) -> str:
        return "1"

    async def count(self, measurement: str, tags: Any, first: int, last: int) -> int | None:
        return None

    def close(self) -> None:
        """Nothing is open."""


class Archive:
    """Ledger and projection of what comes over the wire; it notices what is sent with two contents, or too early."""

    def __init__(self, folder: Path) -> None:
        file = folder / "var" / "archive" / "ledger.sqlite"
        file.parent.mkdir(parents=True, exist_ok=True)
        self.ledger = Ledger(file)
        self._bytes: dict[tuple[str, int], bytes] = {}
        self.wrong: list[str] = []
        self.live = 0
        """Rows that were sent at once."""

    def hear(self, rows: Sequence[Any], early: Callable[[Any], bool]) -> None:
        """What listeners of the outbox are given, and a link sends at once: it must be what the disk holds."""
        self.live += len(rows)
        for row in rows:
            self._compare(row, decode(row.body), early)

    def take(self, rows: Sequence[Any], early: Callable[[Any], bool]) -> None:
        events = [decode(row.body) for row in rows]
        for row, event in zip(rows, events, strict=True):
            self._compare(row, event, early)
        self.ledger.commit(events)

    def _compare(self, row: Any, event: Envelope, early: Callable[[Any], bool]) -> None:
        if self._bytes.setdefault((row.boot, row.sequence), row.body) != row.body:
            self.wrong.append(f"{row.sequence} {event.type} was sent with two contents")
        if early(event):
            self.wrong.append(f"{row.sequence} {event.type} was sent before its time was known")

    async def points(self, office: Office, now: int) -> list[Point]:
        """All that a store is told of events: a day's are one batch, written before any quarter hour is computed."""
        store = Memory()
        projections = Projections(self.ledger, [store], office, ManualClock(now, SECOND), Counters())
        running = asyncio.create_task(projections.run())
        newest = self.ledger.last_id()
        assert newest < BATCH_ROWS
        while not store.points and not projections.is_done("memory", newest):
            await asyncio.sleep(0.002)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return [point for point in store.points if point.measurement != "space_use_15m"]


class Silent:
    """In place of a source's own run: up."""

    def __init__(self, source: Any) -> None:
        self._teller = source._teller

    async def __call__(self, deliver: Deliver) -> None:
        del deliver
        self._teller.up()
        await asyncio.Event().wait()


class Box:
    """A gateway on a machine, for a while."""

    def __init__(self, folder: Path, machine: ManualMachine, archive: Archive, trust: str) -> None:
        self.folder, self.machine, self.archive = folder, machine, archive
        file = folder / "office.yaml"
        file.write_text(OFFICE.replace("TRUST", trust))
        self.office = load(file, drivers=installed())
        self.second = 0
        self.gone = 0
        """ns of the day before this machine began."""
        self.app: GatewayApp

    @asynccontextmanager
    async def life(self, *, killed: bool = False) -> AsyncIterator[OfficeClock]:
        """From a start to a stop, or to a kill: what was not committed then is gone, and nobody says goodbye."""
        clock = OfficeClock(self.machine, self.folder / "clock", self.office.clock.trust)
        self.app = app = GatewayApp(self.office, self.office.gateways[0], installed(), clock)
        key = SiteKey.load(self.folder / "keys" / "site.key")
        with PeopleTable(self.folder / "people.sqlite", key) as table:
            app.directory.apply(table.snapshot(GATEWAY))
        app.outbox.subscribe(lambda rows: self.archive.hear(rows, self._early))
        for source in app.sources:
            source.run = Silent(source)  # type: ignore[method-assign]
        running = asyncio.create_task(app.run())
        while len([source for source in app.sources if source.state.up]) < len(app.sources):
            if running.done():
                running.result()
            await asyncio.sleep(0.001)
        try:
            yield clock
        finally:
            if killed:
                app._end = self._dies  # type: ignore[method-assign]
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def _dies(self, keepers: Sequence[asyncio.Task[None]]) -> None:
        self.app.outbox._queue.clear()
        for keeper in keepers:
            keeper.cancel()

    async def passes(self, day: Day, seconds: int, *, step: float = 1.0) -> None:
        """So many seconds of the day."""
        for _ in range(seconds):
            self.machine.advance(step)
            self.at(day)
            self.second += 1
            if self.second % 10 == 0:
                self.app.equipment.look()
            if self.second % SENT_EVERY == 0:
                await self.sent()
        await self.sent()

    def at(self, day: Day) -> None:
        """What the devices say in this second, and what the gateway makes of it."""
        app, at = self.app, self.second
        self._frame("radar", "serial:ld2410", SEEN if at in day.there else NOBODY)
        if at % 20 == 10 and at in day.there:
            self._frame("air", "ble_adv", bthome.advert([bthome.flag(0x21, True)]).data_structures(), SENSOR)
        if at in day.taps:
            self._frame("reader", "serial:rdm6300", rdm6300.frame(bytes.fromhex(day.taps[at])))
        app.pipeline.step(app.clock.office())
        app.timing.look()

    def _frame(self, source: str, medium: str, payload: bytes, address: str = "") -> None:
        clock = self.app.clock
        self.app.pipeline.deliver(
            Frame(medium, source, address, payload, -60 if address else None, clock.office(), clock.machine())
        )

    def _early(self, event: Any) -> bool:
        """An event about a person, of a boot that does not know the time, which has not waited for it."""
        free = event.data["clock"]["sync"] == "none" and event.boot == self.app.origin.boot and event.cls != "evt"
        return bool(free) and self.app.clock.office() - event.recorded < (HOLD_S - 1) * SECOND

    async def sent(self) -> None:
        """What may be sent arrives, and is acknowledged."""
        rows = await self.app.outbox.pending(limit=5000)
        self.archive.take(rows, self._early)
        for each in {row.boot for row in rows}:
            await self.app.outbox.retire(each, [(row.sequence, row.sequence) for row in rows if row.boot == each])


def enrol(folder: Path) -> None:
    """A site's key and its people."""
    (folder / "keys").mkdir(parents=True)
    key = SiteKey.create(folder / "keys" / "site.key")
    with PeopleTable(folder / "people.sqlite", key) as table:
        for card in CARDS:
            table.enrol(unit="bkn", credentials=[(f"em4100:{card}", "kantor")])


class Told(NamedTuple):
    """An event, as the archive holds it."""

    what: tuple[Any, ...]
    at: int | None
    sync: str
    key: tuple[str, int]
    dwell_s: float
    """Of a check-in that ended: from its start, which a fact remembers over a kill."""
    span: tuple[int | None, int | None] = (None, None)
    """Of what is told of a time when nothing was watched: from when to when, corrected as `at` is."""


def told(ledger: Ledger) -> list[Told]:
    """All but what is about clocks, by boot and sequence."""
    found = []
    boots = sorted({row.boot for row in ledger.all()})
    for row in ledger.all():
        data = json.loads(row.body)["data"]
        if row.type in CLOCK:
            continue
        words = tuple(data.get(name) for name in ("state", "prev", "cause", "reason", "ended_by", "method"))
        what = (boots.index(row.boot), row.type, row.cls, row.subject, words)
        key, shift = (row.boot, row.sequence), 0 if row.at is None else row.at - row.time
        span = (data.get("from"), data.get("to")) if row.type in COVERAGE else (None, None)
        since, until = (None if end is None else parsed(end) + shift for end in span)
        found.append(Told(what, row.at, data["clock"]["sync"], key, data.get("dwell_s") or 0.0, (since, until)))
    return sorted(found, key=lambda one: one.key)
