"""`hadir replay`: recordings through the whole path, into an archive.

A replay is a gateway called `replay`, whose boot is made from the recording and the configuration, and whose clock is
the recorded time: the same recording gives the same bytes, so that replaying it twice stores once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from drivers.api import Frame, Measurement
from gateway import bindings, radio, wiring
from gateway.broker import EmbeddedBroker
from gateway.clock import SECOND, Quality, SystemClock
from gateway.config import room_models
from gateway.config.model import Archive, EmbeddedStore, Office
from gateway.config.model import Outbox as Bounds
from gateway.config.places import Places
from gateway.config.sources import Broker
from gateway.contract.envelope import Encoded, Origin, encode
from gateway.counters import Counters
from gateway.credentials import SiteKey
from gateway.decode import by_medium, installed
from gateway.engine import Engine
from gateway.errors import HadirError
from gateway.ingest import Ingest
from gateway.ledger import Ledger
from gateway.mqtt import Link
from gateway.normalize import Normalizer
from gateway.outbox import Draft, Outbox
from gateway.outbox_store import Row
from gateway.packs import GATEWAY
from gateway.people import Directory, Resolver
from gateway.pipeline import Pipeline
from gateway.ports import free_pair
from gateway.projections import Projections
from gateway.publisher import Publisher
from gateway.stores.build import build
from gateway.tape import Tape, digest, tape
from rules.api import Fact, Input

STILL_S = 120.0
"""An archive that has not taken everything after so long is broken."""
TURN = 256
"""Inputs between two turns of the outbox and the link."""
BOUNDS = Bounds(max_bytes=1 << 40, max_age_days=36_500.0, ballast_bytes=0)
"""A replay gives nothing up: recorded months pass in seconds."""
KEPT_DAYS = 3650


class RecordedClock:
    """Office time is that of the input being replayed; machine time is the machine's."""

    def __init__(self) -> None:
        self._machine = SystemClock()
        self.now = 0

    def office(self) -> int:
        return self.now

    def quality(self) -> Quality:
        return Quality()

    def machine(self) -> int:
        return self._machine.machine()

    def seconds_until(self, office: int) -> float:
        return (office - self.now) / SECOND

    def office_in(self, seconds: float) -> int:
        return self.now + int(seconds * SECOND)

    async def sleep_until(self, office: int) -> None:
        """Recorded time passes by inputs alone."""
        self.now = max(self.now, office)


class _Alone:
    """A replay has no surroundings: nobody else decides anything, and nothing is retained."""

    def forward(self, _item: Input) -> bool:
        return False

    def take_facts(self) -> Sequence[Fact]:
        return ()

    def heard(self, _binding: bindings.Binding, _frame: Frame, _measurements: Sequence[Measurement]) -> None:
        """No equipment."""

    def committed(self, _emitted: Sequence[Input], _rows: Sequence[Row]) -> None:
        """Nothing to show."""

    def tapped(self, _frame: Frame, _rows: Sequence[Row]) -> None:
        """Nobody stands at a reader."""


def replay(arguments: argparse.Namespace) -> int:
    """`hadir replay PATH`: a zone pack (a folder) or a recording (a file)."""
    if arguments.speed < 0:
        raise HadirError("--speed is 0 (as fast as it goes) or more")
    into = arguments.into.resolve()
    try:
        into.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HadirError(f"--into {into}: {error.strerror}") from error
    played = tape(arguments.path)
    result = asyncio.run(_replay(played, into, arguments.speed))
    for problem in played.problems:
        sys.stderr.write(f"{problem}\n")
    sys.stdout.write((json.dumps(result) if arguments.json else summary(result, into)) + "\n")
    return 0 if result["lost"] == 0 else 1


def summary(result: Mapping[str, Any], into: Path) -> str:
    """The result for people."""
    types = ", ".join(f"{count} {kind}" for kind, count in sorted(result["types"].items())) or "none"
    dropped = ", ".join(f"{count} {cause}" for cause, count in sorted(result["dropped_by"].items())) or "none"
    lines = [
        f"inputs   {result['inputs']} over {_span(result['hours'])}; dropped: {dropped}",
        f"events   {result['events']}: {types}",
        f"archive  {into}: {result['new']} new, {result['known']} known; {result['points']} points written",
    ]
    if result["lost"]:
        lines.append(f"LOST     {result['lost']}: the archive did not take them ({', '.join(result['refused'])})")
    return "\n".join(lines)


def _span(hours: float) -> str:
    seconds = round(hours * 3600)
    return f"{seconds // 3600} h {seconds % 3600 // 60:02} min {seconds % 60:02} s"


async def _replay(played: Tape, into: Path, speed: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="hadir-replay-") as scratch:
        folder = Path(scratch)
        broker = EmbeddedBroker(free_pair(), folder)
        broker.start()
        try:
            return await _through(played, into, folder, broker.port, speed)
        finally:
            broker.stop()


async def _through(played: Tape, into: Path, folder: Path, port: int, speed: float) -> dict[str, Any]:
    """All eight hops, from the tape into the archive in `into`."""
    counters, clock, types = Counters(), RecordedClock(), Counter[str]()
    items = played.items(counters)
    head = next(items, None)
    first = clock.now = 0 if head is None else head[0]  # rules and stores look at the calendar around it
    office = _archived(played.office, into)
    boot = f"000000-{digest(played)}"
    origin = Origin(site=office.site, building=office.buildings[0].id, gateway=GATEWAY, boot=boot)

    def encoded(draft: Draft, sequence: int, recorded_at: int) -> Encoded:
        types[draft.event.type] += 1
        return encode(
            draft.event, origin, sequence=sequence, recorded_at=recorded_at, rule=draft.rule, quality="replayed"
        )

    outbox = Outbox(folder / "outbox.sqlite", origin, clock, counters, BOUNDS, encode=encoded)
    link = partial(Link, Broker(port=port, embedded=True), clock=clock, counters=counters, base=folder)
    own, archive = link(client_id="hadir-replay"), link(client_id="hadir-replay-archive")
    ledger = Ledger(office.archive.ledger)
    projections = Projections(ledger, [build(one, office) for one in office.archive.stores], office, clock, counters)
    publisher = Publisher(own, outbox, origin, clock, counters)
    ingest = Ingest(archive, ledger, office, clock, counters, projections=projections, replay=True)
    pipeline, engine = _pipeline(played, outbox, clock, counters, folder)
    try:
        async with asyncio.TaskGroup() as group:
            parts = {
                "outbox": outbox.run(),
                "archive link": archive.run(),
                "link": own.run(),
                "publisher": publisher.run(),
                "ingest": ingest.run(),
                "projections": projections.run(),
            }
            tasks = [group.create_task(part, name=name) for name, part in parts.items()]
            await archive.connected()
            await own.connected()
            count = 0
            if head is not None:
                count = await _play(chain([head], items), pipeline, engine, clock, speed)
            await _drain(outbox, projections, ledger)
            refused = sorted({reason for _, _, reason, _, _ in await outbox.dead_letters()})
            for task in tasks:
                task.cancel()
    finally:
        ledger.close()
    counted = counters.snapshot()
    dropped = {name.partition("{")[2].rstrip("}"): n for name, n in counted.items() if ".dropped{" in name}
    return {
        "inputs": count,
        "hours": (clock.now - first) / SECOND / 3600,
        "events": counters.get("outbox.committed"),
        "types": dict(types),
        "new": counters.get("ingest.stored"),
        "known": counters.get("ingest.duplicates"),
        "points": counters.get("projection.points"),
        "lost": outbox.waiting + counters.get("outbox.dead"),
        "refused": refused,
        "dropped": counters.get("replay.dropped") + counters.get("recording.dropped"),
        "dropped_by": dropped,
        "boot": boot,
    }


def _archived(office: Office, into: Path) -> Office:
    """The office with an archive in `into`: what the recorded one writes to is not ours to write to."""
    store = EmbeddedStore(kind="embedded", path=into / "points.sqlite")
    archive = Archive(ledger=into / "ledger.sqlite", stores=(store,), retain_people_days=KEPT_DAYS)
    return office.model_copy(update={"archive": archive})


def _pipeline(
    played: Tape, outbox: Outbox, clock: RecordedClock, counters: Counters, folder: Path
) -> tuple[Pipeline, Engine]:
    office = played.office
    named = installed()
    devices = bindings.by_device(office, named)
    places = Places(office)
    key = SiteKey.create(folder / "site.key")
    directory = Directory(folder / "people", key, GATEWAY)
    directory.entries = played.people(key)
    learned = room_models.remembered(played.facts.get(room_models.NAME, {}))
    maps = radio.maps(office, places.may_coordinate(GATEWAY))
    rules = wiring.make_rules(
        office, places, GATEWAY, devices, unit_sizes={}, now=clock.office(), learned=learned, floors=maps.floors
    )
    engine = wiring.make_engine(rules, places, GATEWAY, devices, counters, played.facts)
    pipeline = Pipeline(
        bound=bindings.Bound(office.gateways[0], devices),
        drivers=by_medium(named),
        normalizer=Normalizer(Resolver(directory, key), counters, quality="replayed", site_realm=office.site),
        engine=engine,
        outbox=outbox,
        surroundings=_Alone(),
        clock=clock,
        counters=counters,
        quality="replayed",
        begin={rule.name: wiring.keys_of(rule.name, places, GATEWAY) for rule in rules},
    )
    return pipeline, engine


async def _play(
    items: Iterator[tuple[int, Frame | Input]], pipeline: Pipeline, engine: Engine, clock: RecordedClock, speed: float
) -> int:
    """Feed everything, and let what falls due between two inputs happen at its own time; how many inputs."""
    count, began, first = 0, clock.machine(), clock.now
    pipeline.start(first)
    for at, item in items:
        while (due := engine.due) is not None and due < at:
            await _until(due, began, first, clock, speed)
            pipeline.step(clock.now)
        await _until(at, began, first, clock, speed)
        pipeline.intake.act(item, at)
        pipeline.step(clock.now)
        count += 1
        if count % TURN == 0:
            await asyncio.sleep(0)
    return count


async def _until(at: int, began: int, first: int, clock: RecordedClock, speed: float) -> None:
    """Recorded time goes on to `at`; with a speed, when it is time."""
    clock.now = max(clock.now, at)
    if speed > 0:
        due = began + int((at - first) / speed)
        await asyncio.sleep(max(0.0, (due - clock.machine()) / SECOND))


async def _drain(outbox: Outbox, projections: Projections, ledger: Ledger) -> None:
    """Until archive and store have everything. Raises HadirError when that takes too long."""
    try:
        async with asyncio.timeout(STILL_S):
            await outbox.empty()
            projections.wake()
            while not all(projections.is_done(name, ledger.last_id()) for name in projections.status()):  # noqa: ASYNC110 another task's word
                await asyncio.sleep(0.02)
    except TimeoutError as error:
        text = f"{outbox.waiting} events wait for the archive, its store: {projections.status()}"
        raise HadirError(f"not done {STILL_S:.0f} s after the last input: {text}") from error
