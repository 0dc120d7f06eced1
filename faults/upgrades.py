"""Another hadir, or another configuration, meets an outbox with a long queue: the queue is kept."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import yaml

from faults.api import Fault, Outcome, Scene
from faults.office import GATEWAY, place
from faults.powercut import Disk, Note, Recorder
from faults.work import at_work
from gateway import ledger, outbox_file, outbox_store, sqlite
from gateway.clock import SystemClock
from gateway.config import model
from gateway.contract.envelope import Origin
from gateway.counters import Counters
from gateway.errors import HadirError
from gateway.outbox import Draft, Outbox
from gateway.outbox_schema import SCHEMA
from rules.api import Event, Fact
from tests.delivery.world import BOOT, act, encoder, make_outbox, running, telemetry

QUICK, LONG = 2_000, 100_000
"""Events that wait."""
CUTS = 40
ADDED = "ALTER TABLE event ADD COLUMN later TEXT"
Kept = dict[tuple[str, int], bytes]


@contextmanager
def version(steps: Sequence[str], oldest: int) -> Iterator[None]:
    """Inside, hadir is one that knows this schema."""
    modules = (outbox_file, outbox_store)
    before = [(module, name, getattr(module, name)) for module in modules for name in ("SCHEMA", "OLDEST")
              if hasattr(module, name)]  # fmt: skip
    for module, name, _ in before:
        setattr(module, name, tuple(steps) if name == "SCHEMA" else oldest)
    try:
        yield
    finally:
        for module, name, value in before:
            setattr(module, name, value)


def upgraded(scene: Scene) -> Outcome:
    """Each cycle one change."""
    outcome = Outcome()
    many = LONG if scene.long else QUICK
    kinds = (_from_the_first_schema, _killed_while_it_upgrades, _back_from_a_later_one, _refused_and_kept, _configured)
    for cycle in range(scene.cycles):
        kind = kinds[cycle % len(kinds)]
        folder = scene.folder / f"cycle-{cycle}"
        folder.mkdir()
        if kind is _configured and scene.broken:
            continue
        kind(folder, outcome, many, scene)
        outcome.applies(WORDS[kind])
        shutil.rmtree(folder)
    return outcome


def _from_the_first_schema(folder: Path, outcome: Outcome, many: int, scene: Scene) -> None:
    content = asyncio.run(_queue(folder, many))
    _as_the_first_wrote_it(folder / "outbox.sqlite")
    if scene.broken:
        (folder / "outbox.sqlite").unlink()  # who cannot read it begins anew
    begun = time.monotonic()
    kept = asyncio.run(_read(folder))
    outcome.recovery_s.append(time.monotonic() - begun)
    _compare(outcome, content, kept, "upgraded from the first schema")


def _killed_while_it_upgrades(folder: Path, outcome: Outcome, _many: int, scene: Scene) -> None:
    """The power is cut behind writes of the migration; the next start ends it."""
    content = asyncio.run(_queue(folder, 200))
    _as_the_first_wrote_it(folder / "outbox.sqlite")
    disk = Recorder(f"upgrade-{os.getpid()}-{outcome.cycles}")
    start = (folder / "outbox.sqlite").read_bytes()
    name = "outbox.sqlite"
    notes = [Note("create", name), Note("write", name, 0, start), Note("sync", name), Note("folder", "")]
    make_outbox(folder, vfs=disk.name)._table.close()
    disk.unregister()
    state = Disk(notes)
    step = max(1, len(disk.notes) // CUTS)
    for k, note in enumerate(disk.notes):
        state.take(note)
        if k % step:
            continue
        after = folder / "after"
        shutil.rmtree(after, ignore_errors=True)
        after.mkdir()
        for file, data in state.cut(scene.chance).items():
            (after / file).write_bytes(data)
        kept = asyncio.run(_read(after))
        outcome.notes["cuts"] = outcome.notes.get("cuts", 0) + 1
        _compare(outcome, content, kept, "power cut while it upgrades")


def _back_from_a_later_one(folder: Path, outcome: Outcome, many: int, scene: Scene) -> None:
    """A later hadir has added a column; this one goes on with the file, and the later one after it."""
    later = (*SCHEMA, ADDED)
    with version(later, 2):
        content = asyncio.run(_queue(folder, many))
    with version(SCHEMA, 2):
        content |= asyncio.run(_queue(folder, 100, boot="000002-abcd"))
    if scene.broken:
        (folder / "outbox.sqlite").unlink()
    with version(later, 2):
        _compare(outcome, content, asyncio.run(_read(folder)), "downgraded and upgraded again")


def _refused_and_kept(folder: Path, outcome: Outcome, many: int, scene: Scene) -> None:
    """A later hadir has changed what this one would misread: it says so, and leaves the file alone."""
    later = (*SCHEMA, ADDED)
    with version(later, 3):
        content = asyncio.run(_queue(folder, many))
    if scene.broken:
        (folder / "outbox.sqlite").unlink()
    else:
        try:
            asyncio.run(_read(folder))
            outcome.misses.append("a file that needs a later hadir was opened")
        except HadirError as error:
            if "upgrade hadir" not in str(error):
                outcome.misses.append(f"it does not say what to do: {error}")
    with version(later, 3):
        _compare(outcome, content, asyncio.run(_read(folder)), "refused by an older one, and read again")


def _configured(folder: Path, outcome: Outcome, many: int, scene: Scene) -> None:
    """Real daemons: the office gets other rules and loses a desk while the queue waits."""
    inner = Outcome()
    with at_work(scene._replace(folder=folder), inner) as work:
        data = work.office.folder / "var" / GATEWAY
        origin = Origin(site="kantor", building="utama", gateway=GATEWAY, boot="000001-abcd")
        content = asyncio.run(_queue_of(data, origin, many))
        document = yaml.safe_load(work.office.file.read_text())
        document["rules"]["desk"]["end_of_day"] = "23:50"
        document["devices"].pop()
        document["gateways"][0]["sources"][0]["devices"].pop()
        document["buildings"][0]["floors"][0]["zones"][0]["spaces"].pop()
        work.office.file.write_text(yaml.safe_dump(document, sort_keys=False))
        work.restart()
        work.office.ready()
        begun = time.monotonic()
        deadline = begun + 30 + many / 1000
        while work.office.status()["backlog"]["events"] and time.monotonic() < deadline:
            time.sleep(0.1)
        outcome.notes["drained, events a second"] = round(many / (time.monotonic() - begun))
    rows = ledger.read(work.office.ledger)
    stored = {(row.boot, row.sequence): row.body for row in rows if row.boot == "000001-abcd"}
    outcome.misses += inner.misses
    _compare(outcome, content, stored, "another configuration")


def _compare(outcome: Outcome, content: Kept, kept: Kept, what: str) -> None:
    outcome.offered += len(content)
    outcome.accepted += len(content)
    outcome.stored += len(content.keys() & kept.keys())
    if gone := content.keys() - kept.keys():
        outcome.lost += len(gone)
        outcome.misses.append(f"{what}: {len(gone)} of {len(content)} are gone")
    outcome.wrong += sum(kept[key] != body for key, body in content.items() if key in kept)


async def _queue(folder: Path, many: int, boot: str = BOOT) -> Kept:
    content: Kept = {}
    outbox = make_outbox(folder, boot=boot)
    outbox.subscribe(lambda rows: content.update({(row.boot, row.sequence): row.body for row in rows}))
    async with running(outbox):
        for first in range(0, many, 1000):
            drafts = chain.from_iterable((telemetry(n), act(n)) for n in range(first, min(many, first + 1000), 2))
            await outbox.append(list(drafts), [Fact("desk", f"d{first}", {"n": first})])
    return content


async def _queue_of(folder: Path, origin: Origin, many: int) -> Kept:
    content: Kept = {}
    data = telemetry().event.data
    outbox = Outbox(
        folder / "outbox.sqlite",
        origin,
        SystemClock(),
        Counters(),
        model.Outbox(),
        encode=encoder(origin),
    )
    outbox.subscribe(lambda rows: content.update({(row.boot, row.sequence): row.body for row in rows}))
    async with running(outbox):
        for first in range(0, many, 1000):
            events = [
                Event("occupancy.changed", place(n % 120), time.time_ns(), data) for n in range(first, first + 1000)
            ]
            if not first:  # a life begins by saying so
                began = {"version": "0", "config": "0" * 12}
                events[0] = Event("gateway.started", "kantor/utama/l01/_/_", time.time_ns(), began)
            await outbox.append([Draft(event, "occupancy/1") for event in events], ())
    return content


async def _read(folder: Path) -> Kept:
    outbox = make_outbox(folder, boot="000009-abcd")
    kept: Kept = {}
    after = None
    async with running(outbox):
        while rows := await outbox.pending(after=after):
            kept.update({(row.boot, row.sequence): row.body for row in rows})
            after = rows[-1].boot, rows[-1].sequence
    return kept


def _as_the_first_wrote_it(path: Path) -> None:
    """The same content in a file of schema 1."""
    old = path.with_name("old.sqlite")
    connection = sqlite.connect(old)
    sqlite.migrate(connection, SCHEMA[:1])
    connection.execute("ATTACH ? AS now", (str(path),))
    with sqlite.transaction(connection):
        connection.execute(
            "INSERT INTO event SELECT boot, sequence, cls, topic, body, recorded, person, unit, act FROM now.event"
        )
        connection.execute("INSERT INTO fact SELECT rule, key, body FROM now.fact")
    connection.close()
    path.unlink()
    old.rename(path)


WORDS = {
    _from_the_first_schema: "upgraded from the first schema",
    _killed_while_it_upgrades: "power cut while it upgrades",
    _back_from_a_later_one: "downgraded and upgraded again",
    _refused_and_kept: "refused by an older one, and read again",
    _configured: "another configuration",
}
UPGRADED = Fault(
    name="upgraded",
    title="upgraded, downgraded, configured anew with a long queue (long: 100,000 events)",
    promise="the queue is kept; a file that only a later hadir understands is refused with words, and left alone",
    defect="who cannot read the file begins anew",
    run=upgraded,
    quick=5,
    long=20,
    control=4,
    part=10,
    whole=True,
)
