"""An archive with two real stores, each behind a proxy, and events that never stop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from faults.proxy_http import Proxy
from gateway.clock import SECOND, Quality, ScaledClock
from gateway.config.model import InfluxStore, Office
from gateway.contract.acks import read_ack
from gateway.contract.envelope import batch
from gateway.counters import Counters
from gateway.ingest import Ingest
from gateway.ledger import Ledger
from gateway.mqtt_api import Message
from gateway.projections import Projections
from gateway.stores.base import Point, Store, Tags
from gateway.stores.influx1 import Influx1Store
from gateway.stores.influx2 import Influx2Store
from gateway.stores.windows import QUARTER
from tests.archive.conftest import Influx, Server, Victoria
from tests.archive.events import DESKS, START, make_office, tell

EVERY_S = 0.02
"""Between two messages ..."""
IN_ONE = 10
"""... of so many events."""
SPEED = 100.0
"""Of office time, so that quarter hours end meanwhile."""
WINDOWS = "space_use_15m"
MEASUREMENTS = ("space_state", "checkin", WINDOWS)
MS = 1_000_000
Found = dict[tuple[str, str, Tags, int], float]
"""By measurement, field, tags and time."""


class OfficeClock:
    """Fast, until it stands."""

    def __init__(self) -> None:
        self._runs = ScaledClock(start=START, anchor=time.monotonic_ns(), speed=SPEED)
        self._stands: int | None = None

    def stand(self) -> None:
        self._stands = self._runs.office()

    def office(self) -> int:
        return self._runs.office() if self._stands is None else self._stands

    def machine(self) -> int:
        return self._runs.machine()

    def quality(self) -> Quality:
        return Quality()

    def seconds_until(self, office: int) -> float:
        if self._stands is None:
            return self._runs.seconds_until(office)
        return -1.0 if office <= self._stands else 1.0

    def office_in(self, seconds: float) -> int:
        return self._runs.office_in(seconds)

    async def sleep_until(self, office: int) -> None:
        await self._runs.sleep_until(office)


class Site:
    """A server, the proxy before it, and the writer that knows only the proxy."""

    def __init__(self, name: str, server: Server) -> None:
        self.name, self.server = name, server
        self.proxy = Proxy(server.port)
        self._started = 0.0
        self.poisoned: set[int] = set()
        """Sequences of events whose line is refused."""

    @property
    def milliseconds(self) -> bool:
        return isinstance(self.server, Victoria)

    @property
    def age_s(self) -> float:
        return time.monotonic() - self._started

    async def start(self) -> None:
        await asyncio.to_thread(self.server.start)
        self._started = time.monotonic()

    def store(self) -> Store:
        url = f"http://127.0.0.1:{self.proxy.port}"
        if self.milliseconds:
            return Influx2Store(InfluxStore(kind="influx2", id=self.name, url=url, milliseconds=True))
        return Influx1Store(InfluxStore(kind="influx1", id=self.name, url=url))

    def read(self) -> Found:
        """What a query finds; blocks."""
        found = {
            (name, field, tags, at): value
            for name in MEASUREMENTS
            for (field, tags, at), value in self.server.read(name).items()
        }
        return _last_windows(found) if self.milliseconds else found


class Wire:
    """The link of an ingest worker: acknowledgements end here."""

    def __init__(self) -> None:
        self.acknowledged: dict[int, float] = {}
        """time.monotonic() by sequence."""

    def publish(self, _topic: str, payload: bytes, **_: Any) -> bool:
        now = time.monotonic()
        for told in read_ack(payload).boots:
            for first, last in told.committed:
                self.acknowledged.update(dict.fromkeys(range(first, last + 1), now))
        return True

    async def deliver(self, topic: str, payload: bytes, **_: Any) -> None:
        self.publish(topic, payload)

    def subscribe(self, *_: Any, **__: Any) -> None:
        """Messages are handed to `Ingest.receive` by hand."""

    def on_connect(self, _callback: Callable[[], None]) -> None:
        """It is connected for ever."""


class Expected:
    """A store in memory that never fails: what a fresh projection says."""

    whole = False
    answers = False

    def __init__(self, name: str, *, milliseconds: bool) -> None:
        self.name, self.milliseconds = name, milliseconds
        self.points: list[Point] = []

    async def write(self, points: Sequence[Point]) -> None:
        self.points += points

    async def life(self) -> str:
        return "1"

    async def count(self, *_: Any) -> None:
        return None

    def close(self) -> None:
        """Nothing is open."""

    def found(self, without: set[int]) -> Found:
        made: Found = {}
        for point in self.points:
            if dict(point.fields).get("seq") in without or point.measurement not in MEASUREMENTS:
                continue
            at = point.time // MS if self.milliseconds else point.time
            for name, value in point.fields:
                made[point.measurement, name, tuple(sorted(point.tags)), at] = float(value)
        return _last_windows(made) if self.milliseconds else made


def _last_windows(found: Found) -> Found:
    """Where points cannot be replaced, the last one of a quarter hour counts."""
    made: Found = {}
    for (name, field, tags, at), value in sorted(found.items(), key=lambda item: item[0][3]):
        stands = at * MS // QUARTER if name == WINDOWS else at
        made[name, field, tags, stands] = value
    return made


class Archive:
    """Ledger, ingest and projections."""

    def __init__(self, folder: Path, sites: Sequence[Site]) -> None:
        self.sites = sites
        self.counters = Counters()
        self._folder = folder
        self._clock = OfficeClock()
        self._office: Office = make_office(folder)
        self._ledger = Ledger(folder / "ledger.sqlite")
        self._wire = Wire()
        stores = [site.store() for site in sites]
        self._projections = Projections(self._ledger, stores, self._office, self._clock, self.counters)
        self._ingest = Ingest(
            self._wire,  # type: ignore[arg-type]  # what it needs of a link
            self._ledger,
            self._office,
            self._clock,
            self.counters,
            projections=self._projections,
        )
        self._given: dict[int, float] = {}
        self._feed: asyncio.Task[None] | None = None
        self._expected: Mapping[str, Expected] = {}
        self.held = 0
        """Events that are in both stores; a line that was refused on purpose is not asked of the store that refuses."""

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._projections.run(), name="projections")
            group.create_task(self._ingest.run(), name="ingest")
            self._feed = group.create_task(self._tell(), name="events")

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            first = self.offered + 1
            at = (self._clock.office() - START) / SECOND
            made = [self._event(first + n, at + n / 500) for n in range(IN_ONE)]
            body, _ = batch(event.body for event in made)
            self._given.update(dict.fromkeys(range(first, first + IN_ONE), time.monotonic()))
            self._ingest.receive(
                Message(
                    "hadir/v1/hist/ikn/gw-1",
                    body,
                    1,
                    retain=False,
                    user={},
                    response_topic=None,
                    correlation=None,
                    ack=_nothing,
                )
            )

    @staticmethod
    def _event(number: int, at: float) -> Any:
        place = f"ikn/kk2/l1/north/{DESKS[number % len(DESKS)]}"
        if number % 10 == 0:
            return tell(number, "desk.checkin.started", at=at, place=place)
        state = "occupied" if number // len(DESKS) % 2 else "vacant"
        return tell(number, at=at, place=place, state=state)

    @property
    def offered(self) -> int:
        return len(self._given)

    @property
    def acknowledged(self) -> int:
        return len(self._wire.acknowledged)

    @property
    def slowest(self) -> float:
        """The longest that an acknowledgement took."""
        return max(at - self._given[number] for number, at in self._wire.acknowledged.items())

    def poison(self, site: Site, number: int) -> None:
        """The line of an event that is still to come is refused by this store for ever."""
        site.poisoned.add(number)
        site.proxy.poison.add(f"seq={number}i".encode())

    def healed(self, site: Site) -> int:
        return self.counters.get("projection.healed", site.name)

    def bad_points(self, site: Site) -> int:
        return self.counters.get("projection.bad_points", site.name)

    def is_up_to_date(self, site: Site) -> bool:
        status = self._projections.status()[site.name]
        return self.is_near(site) and not status["problem"]

    def is_near(self, site: Site) -> bool:
        """Everything is written but what came in the last moments."""
        return int(self._projections.status()[site.name]["cursor"]) >= self._ledger.last_id() - 20 * IN_ONE

    async def quiet(self) -> None:
        """No more events; what a fresh projection of all of them says."""
        assert self._feed is not None
        self._feed.cancel()
        while self.acknowledged < self.offered:
            await asyncio.sleep(0.02)
        self._clock.stand()
        self._expected = {s.name: Expected(f"fresh-{s.name}", milliseconds=s.milliseconds) for s in self.sites}
        fresh = Projections(self._ledger, list(self._expected.values()), self._office, self._clock, Counters())
        running = asyncio.create_task(fresh.run())
        newest = self._ledger.last_id()
        while not all(fresh.is_done(expected.name, newest) for expected in self._expected.values()):
            await asyncio.sleep(0.02)
        running.cancel()
        await asyncio.wait((running,))
        told = sum(row.type in ("occupancy.changed", "desk.checkin.started") for row in self._ledger.all())
        for expected in self._expected.values():
            points = sum(point.measurement != WINDOWS for point in expected.points)
            assert points == told == self.offered, "the fresh projection is not the ledger"

    async def differs(self) -> list[tuple[int, int, int]]:
        """By store: values that are missing, that are too many, and that differ."""
        out = []
        away: set[float] = set()
        for site in self.sites:
            there, wanted = await asyncio.to_thread(site.read), self._expected[site.name].found(site.poisoned)
            missing = wanted.keys() - there.keys()
            other = sum(abs(there[key] - wanted[key]) > 1e-9 for key in wanted.keys() & there.keys())
            out.append((len(missing), len(there.keys() - wanted.keys()), other))
            away |= {wanted[key] for key in missing if key[1] == "seq"}
        self.held = self.offered - len(away)
        return out

    def close(self) -> None:
        self._ledger.close()


@asynccontextmanager
async def archive(folder: Path) -> AsyncIterator[Archive]:
    """It runs while the context does."""
    sites = (Site("victoria", Victoria(folder / "victoria")), Site("influx", Influx(folder / "influx")))
    try:
        for site in sites:
            await site.start()
            await site.proxy.start()
        made = Archive(folder, sites)
        running = asyncio.create_task(made.run())
        try:
            yield made
        finally:
            running.cancel()
            await asyncio.wait((running,))
            made.close()
        if not running.cancelled() and (error := running.exception()) is not None:
            raise error
    finally:
        for site in sites:
            await site.proxy.close()
            site.server.kill()


def _nothing() -> None:
    """Nobody waits for the MQTT acknowledgement."""
