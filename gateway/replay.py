"""`hadir replay` and `hadir record`: recordings through the whole path, into an archive.

A replay is a gateway called `replay`, whose boot is made from the recording and the configuration, and whose clock is
the recorded time: the same recording gives the same bytes, so that replaying it twice stores once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from drivers.api import Frame
from gateway import bindings, wiring
from gateway.broker import EmbeddedBroker
from gateway.clock import SECOND, SystemClock
from gateway.config.model import Broker, Office
from gateway.config.places import Places
from gateway.contract.envelope import Encoded, Origin, encode
from gateway.control import call
from gateway.counters import Counters
from gateway.credentials import SiteKey
from gateway.decode import installed
from gateway.engine import Engine
from gateway.errors import HadirError
from gateway.ingest import Ingest
from gateway.ledger import Ledger
from gateway.mqtt import Link
from gateway.normalize import Normalizer
from gateway.outbox import Draft, Outbox
from gateway.outbox_store import Row
from gateway.packs import GATEWAY, Pack
from gateway.people import Directory, Resolver
from gateway.pipeline import Pipeline
from gateway.ports import free_pair
from gateway.publisher import Publisher
from gateway.recording import Recording, header
from rules.api import Input

STILL_S = 120.0
"""An archive that has not taken everything after so long is broken."""


class RecordedClock:
    """Office time is that of the input being replayed; machine time is the machine's."""

    def __init__(self) -> None:
        self._machine = SystemClock()
        self.now = 0

    def office(self) -> int:
        return self.now

    def machine(self) -> int:
        return self._machine.machine()

    def seconds_until(self, office: int) -> float:
        return (office - self.now) / SECOND

    async def sleep_until(self, office: int) -> None:
        """Recorded time passes by inputs alone."""
        self.now = max(self.now, office)


class _Alone:
    """A replay has no surroundings: nobody else decides anything, and nothing is retained."""

    def forward(self, _item: Input) -> bool:
        return False

    def committed(self, _emitted: Sequence[Input], _rows: Sequence[Row]) -> None:
        """Nothing to show."""


def replay(arguments: argparse.Namespace) -> int:
    """`hadir replay PATH`: a zone pack (a folder) or a recording (a file)."""
    path = arguments.path
    arguments.into.mkdir(parents=True, exist_ok=True)
    pack = Pack(path) if path.is_dir() else None
    recording = None if pack is not None else Recording(path)
    data = (path if pack is None else pack.sightings).read_bytes()
    result = asyncio.run(_replay(pack, recording, data, arguments.into, arguments.speed))
    if arguments.json:
        sys.stdout.write(json.dumps(result) + "\n")
    else:
        sys.stdout.write(
            f"{path}: {result['inputs']} inputs over {result['hours']:.1f} h made {result['events']} events; "
            f"{result['new']} new and {result['known']} known to the archive in {arguments.into}\n"
        )
    return 0 if result["lost"] == 0 else 1


async def _replay(
    pack: Pack | None, recording: Recording | None, data: bytes, into: Path, speed: float
) -> dict[str, Any]:
    counters = Counters()
    clock = RecordedClock()
    with tempfile.TemporaryDirectory(prefix="hadir-replay-") as scratch:
        folder = Path(scratch)
        broker = EmbeddedBroker(free_pair(), folder)
        broker.start()
        try:
            return await _through(pack, recording, data, into, folder, broker.port, clock, counters, speed)
        finally:
            broker.stop()


async def _through(
    pack: Pack | None,
    recording: Recording | None,
    data: bytes,
    into: Path,
    folder: Path,
    port: int,
    clock: RecordedClock,
    counters: Counters,
    speed: float,
) -> dict[str, Any]:
    office = pack.office() if pack is not None else _owned(recording)
    boot = f"000000-{sha256(data + office.model_dump_json().encode()).hexdigest()[:4]}"
    building = office.buildings[0].id
    origin = Origin(site=office.site, building=building, gateway=GATEWAY, boot=boot)

    def encoded(draft: Draft, sequence: int, recorded_at: int) -> Encoded:
        return encode(
            draft.event, origin, sequence=sequence, recorded_at=recorded_at, rule=draft.rule, quality="replayed"
        )

    outbox = Outbox(folder / "outbox.sqlite", origin, clock, counters, office.outbox, encode=encoded)
    broker = Broker(port=port, embedded=True)
    link = Link(broker, client_id="hadir-replay", clock=clock, counters=counters, base=folder)
    archive_link = Link(broker, client_id="hadir-replay-archive", clock=clock, counters=counters, base=folder)
    ledger = Ledger(into / "ledger.sqlite")
    publisher = Publisher(link, outbox, origin, clock, counters)
    ingest = Ingest(archive_link, ledger, office, clock, counters, replay=True)
    pipeline = _pipeline(office, outbox, clock, counters, folder, pack, recording)
    tasks: list[asyncio.Task[None]] = []
    try:
        async with asyncio.TaskGroup() as group:
            for name, part in (
                ("outbox", outbox.run()),
                ("archive link", archive_link.run()),
                ("link", link.run()),
                ("publisher", publisher.run()),
                ("ingest", ingest.run()),
            ):
                tasks.append(group.create_task(part, name=name))
            await archive_link.connected()
            await link.connected()
            inputs, first = await _play(pipeline, clock, pack, recording, counters, speed)
            await _drain(outbox)
            for task in tasks:
                task.cancel()
    finally:
        ledger.close()
    events = counters.get("outbox.committed")
    known = counters.get("ingest.duplicates")
    return {
        "inputs": inputs,
        "hours": (clock.now - first) / SECOND / 3600,
        "events": events,
        "new": counters.get("ingest.stored"),
        "known": known,
        "lost": outbox.waiting + counters.get("outbox.dead"),
        "dropped": counters.get("replay.dropped") + counters.get("recording.dropped"),
        "boot": boot,
    }


def _pipeline(
    office: Office,
    outbox: Outbox,
    clock: RecordedClock,
    counters: Counters,
    folder: Path,
    pack: Pack | None,
    recording: Recording | None,
) -> Pipeline:
    named = installed()
    devices = bindings.by_device(office, named)
    places = Places(office)
    key = SiteKey.create(folder / "site.key")
    directory = Directory(folder / "people", key, GATEWAY)
    if pack is not None:
        # the beacons of a pack are known by what the driver says of them; the key is of this run only
        directory.entries = {
            key.index(pack.credential(number), office.site): pack.person(number) for number in range(pack.beacons())
        }
    rules = wiring.make_rules(office, places, GATEWAY, devices, unit_sizes={}, now=clock.office())
    located = wiring.Located()
    facts = {} if recording is None else recording.facts
    engine = Engine(rules, wiring.make_route(places, GATEWAY, devices, located), counters, facts)
    located.engine = engine
    box = office.gateways[0]
    return Pipeline(
        bindings=bindings.by_source(box, devices),
        drivers={f"ble_adv:{name}": driver for name, driver in named.items() if driver.claims},
        normalizer=Normalizer(Resolver(directory, key), counters, quality="replayed", site_realm=office.site),
        engine=engine,
        outbox=outbox,
        surroundings=_Alone(),
        clock=clock,
        counters=counters,
        quality="replayed",
        begin={rule.name: wiring.keys_of(rule.name, places, GATEWAY) for rule in rules},
    )


async def _play(
    pipeline: Pipeline,
    clock: RecordedClock,
    pack: Pack | None,
    recording: Recording | None,
    counters: Counters,
    speed: float,
) -> tuple[int, int]:
    """Feed everything in recorded time; (inputs, first time)."""
    count, first = 0, 0
    started = clock.machine()
    rows: Iterator[tuple[int, Frame | Input]]
    if pack is not None:
        rows = ((frame.received_at, frame) for frame in pack.frames(counters))
    elif recording is not None:
        rows = recording.inputs(counters)
    else:
        raise HadirError("nothing to replay")
    for at, item in rows:
        if not count:
            first = clock.now = at
            pipeline.start(at)
        if speed > 0:
            due = started + int((at - first) / speed)
            await asyncio.sleep(max(0.0, (due - clock.machine()) / SECOND))
        clock.now = max(clock.now, at)
        pipeline.intake.act(item, at)
        count += 1
        if len(pipeline.intake) >= 256:
            pipeline.step(clock.now)
            await asyncio.sleep(0)
    while len(pipeline.intake):
        pipeline.step(clock.now)
    return count, first


async def _drain(outbox: Outbox) -> None:
    """Until the archive has acknowledged everything. Raises HadirError when that takes too long."""
    try:
        async with asyncio.timeout(STILL_S):
            await outbox.empty()
    except TimeoutError as error:
        raise HadirError(f"the archive has not taken {outbox.waiting} events after {STILL_S:.0f} s") from error


def _owned(recording: Recording | None) -> Office:
    """The recording's office, with everything decided by the replay: other gateways are not there."""
    if recording is None:
        raise HadirError("nothing to replay")
    document = recording.office.model_dump(mode="json")
    box = next(gateway for gateway in document["gateways"] if gateway["id"] == recording.gateway)
    document["gateways"] = [{**box, "id": GATEWAY}]
    for building in document["buildings"]:
        building["coordinator"] = GATEWAY
        for floor in building["floors"]:
            floor["owner"] = GATEWAY
            for zone in floor["zones"]:
                zone["owner"] = None
                for space in zone["spaces"]:
                    space["owner"] = None
    return Office.model_validate(document)


def record(arguments: argparse.Namespace) -> int:
    """`hadir record SOCKET FILE`: until the time is up or Ctrl-C."""
    handle = os.open(arguments.output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        try:
            count = asyncio.run(_record(arguments.socket, out, arguments.seconds))
        except KeyboardInterrupt:
            count = -1
    sys.stdout.write(f"recorded {'until stopped' if count < 0 else f'{count} inputs'} to {arguments.output}\n")
    return 0


async def _record(socket: Path, out: Any, seconds: float) -> int:
    clock = SystemClock()
    begun: Mapping[str, Any] = await call(socket, "record", {"after": None})
    out.write(header(Office.model_validate(begun["office"]), begun["gateway"]) + "\n")
    out.write(json.dumps({"facts": begun["facts"]}, separators=(",", ":")) + "\n")
    cursor, count, started = begun["cursor"], 0, clock.machine()
    while not seconds or clock.machine() - started < seconds * SECOND:
        await asyncio.sleep(0.5)
        answer = await call(socket, "record", {"after": cursor})
        if answer["lost"]:
            raise HadirError(f"{answer['lost']} inputs were lost: the gateway is busier than this recording")
        cursor = answer["cursor"]
        for text in answer["lines"]:
            out.write(text + "\n")
        count += len(answer["lines"])
        out.flush()
    return count
