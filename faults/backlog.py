"""A long backlog: the broker was away, comes back, and live events go on while the past is sent.

The past is put into the gateway's own outbox by the outbox's own API, as an earlier life would have left it; everything
behind that is the real gateway, a real broker and the real archive. Taps are judged as ever; the past is counted by
number and compared byte for byte.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from faults.api import Fault, Outcome, Scene
from faults.office import ARCHIVE, DESKS, GATEWAY, MS, PLACE
from faults.table import quantile
from faults.work import Work, at_work, peak_mb
from gateway import boot, sqlite
from gateway.clock import SECOND, SystemClock, rfc3339
from gateway.config import model
from gateway.contract.envelope import Encoded, Origin, encode
from gateway.contract.times import parsed
from gateway.counters import Counters
from gateway.outbox import Draft, Outbox
from rules.api import Event

GROUP = 1_000
"""Events of one submission while the outbox is filled."""
APART_MS = 100
"""Between two events of the past."""
AHEAD_S = 1.0
"""Somebody taps for so long before the broker comes back ..."""
AFTER_S = 1.0
"""... and after the file has shrunk."""
GUARD_S = 1800.0
STALL_S = 15.0
"""A drain whose oldest event stays for longer has stalled, however fast it was before."""
SHRUNK_MB = 8.0
"""Outbox and log with next to nothing in them are at most so large, SETTLES_S after the drain."""
SETTLES_S = 30.0
LIVE_P99_S = 2.0
WANTED_A_SECOND = 10_000
CORES = 2
"""What the rate is wanted on. How fast it really went is a figure too, and says more of who else was at work."""
EVIDENCE = {"dev": "mmw-17", "modality": "radar", "kind": "occupied", "value": True, "age_s": 0.1, "weight": 0.9}


class Past(NamedTuple):
    """What was put into the outbox."""

    origin: Origin
    events: int
    digest: str
    """Of all bodies, in order."""


def backlog(scene: Scene) -> Outcome:
    """`scene.cycles`: thousands of events that wait."""
    outcome = Outcome()
    module = ("faults.mortal", "live-waits-behind-the-past", "0") if scene.broken else ("gateway.cli",)
    settings = {"outbox": {"max_bytes": 4 << 30}}
    with at_work(
        scene, outcome, every_s=0.2, settings=settings, filters=("hadir/v1/evt/+/+/+/+/_/gateway.started",)
    ) as work:
        work.restart()
        outcome.recovery_s.clear()
        work.office.ready()
        work.office.kill(GATEWAY, 15)
        work.broker.stop()
        past = asyncio.run(fill(work.office.folder / "var" / GATEWAY, scene.cycles * 1000))
        outcome.notes["file_mb"] = round(_size_mb(work), 1)
        _drain(work, past, module)
        outcome.applies("thousands of events waited when the broker came back", scene.cycles)
        ledger = work.office.ledger
    _judge(ledger, past, outcome)
    return outcome


async def fill(folder: Path, many: int) -> Past:
    """Events of a boot behind the last one of this gateway."""
    origin = Origin(site="kantor", building="utama", gateway=GATEWAY, boot=f"{boot.last(folder) + 1:06d}-0b5e")
    counters, digest = Counters(), sha256()
    began = time.time_ns() // MS - many * APART_MS

    def written(draft: Draft, sequence: int, recorded_at: int) -> Encoded:
        made = encode(draft.event, origin, sequence=sequence, recorded_at=recorded_at, rule=draft.rule)
        digest.update(made.body)
        return made

    settings = model.Outbox(max_bytes=4 << 30)
    outbox = Outbox(folder / "outbox.sqlite", origin, SystemClock(), counters, settings, encode=written)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(outbox.run(), name="outbox")
        for first in range(0, many, GROUP):
            numbers = range(first, min(many, first + GROUP))
            await outbox.append([_event(n, (began + n * APART_MS) * MS) for n in numbers], ())
        running.cancel()
    return Past(origin, outbox.last_sequence, digest.hexdigest())


def _event(number: int, at: int) -> Draft:
    """A life begins by saying so; then desks are taken and left."""
    if not number:
        return Draft(Event("gateway.started", "kantor/utama/l01/_/_", at, {"version": "0", "config": "0" * 12}))
    states = ("occupied", "vacant") if number // DESKS % 2 else ("vacant", "occupied")
    data = {
        "state": states[0],
        "prev": states[1],
        "cause": None,
        "since": at,
        "confidence": 0.9,
        "evidence": [EVIDENCE],
    }
    return Draft(Event("occupancy.changed", f"{PLACE}/d-{number % DESKS:03d}", at, data), "occupancy/1")


# --- the drain ------------------------------------------------------------------------------------------------------


def _drain(work: Work, past: Past, module: tuple[str, ...]) -> None:
    office, notes = work.office, work.outcome.notes
    dark = rfc3339(time.time_ns())
    begun = time.monotonic()
    office.launch(GATEWAY, *module)
    office.until(lambda status: status["backlog"]["events"] >= past.events)
    notes["start_s"] = round(time.monotonic() - begun, 2)
    work.taps.start()
    time.sleep(AHEAD_S)
    work.broker.start()
    ears = Ears(work.broker.port)
    try:
        begun = time.monotonic()
        while office.status()["archive_heard_s"] is None:
            time.sleep(0.02)
        notes["archive_back_s"] = round(time.monotonic() - begun, 2)  # its own wait for the broker, not the drain
        begun, before = time.monotonic(), _cpu(work)
        oldest, moved, longest = "", begun, 0.0
        while ((status := office.status())["backlog"]["oldest_at"] or "~") < dark:
            if status["backlog"]["oldest_at"] != oldest:
                oldest, moved = status["backlog"]["oldest_at"], time.monotonic()
            longest = max(longest, time.monotonic() - moved)
            if time.monotonic() - begun > GUARD_S:
                work.outcome.misses.append(f"not drained within {GUARD_S:.0f} s: {status['backlog']}")
                break
            time.sleep(0.1)
        took = time.monotonic() - begun
        notes["longest_stall_s"] = round(longest, 2)
        if longest > STALL_S:
            work.outcome.misses.append(f"the drain stood still for {longest:.0f} s")
        notes["drained_s"], notes["drained_a_second"] = round(took, 2), round(past.events / took)
        cost = {name: round((used - before[name]) / past.events * 1e6, 1) for name, used in _cpu(work).items()}
        notes["cpu_us_an_event"] = cost
        notes["cpu_allows_a_second"] = allows = round(1e6 / max(*cost.values(), sum(cost.values()) / CORES))
        if allows < WANTED_A_SECOND:
            work.outcome.misses.append(f"an event costs so much CPU that {allows:,} a second are the most")
        drained = time.monotonic()
        notes["projected_by_then"] = _projected(office.ledger)
        while (size := _size_mb(work)) > SHRUNK_MB and time.monotonic() < drained + SETTLES_S:
            time.sleep(0.1)
        notes["shrunk_mb"], notes["shrunk_s"] = round(size, 1), round(time.monotonic() - drained, 1)
        if size > SHRUNK_MB:
            work.outcome.misses.append(f"the outbox has {size:.0f} MB {SETTLES_S:.0f} s after the drain")
        time.sleep(AFTER_S)
        work.taps.stop()
        time.sleep(AFTER_S)
    finally:
        ears.close()
    work.memory(GATEWAY)
    notes["archive_rss_mb"] = round(peak_mb(office.processes[ARCHIVE].pid), 1)
    _live(work, ears, begun)


def _live(work: Work, ears: Ears, since: float) -> None:
    """How long taps took since everybody is back, from the 202 to a subscriber, and to the archive's commit."""
    offset = time.time_ns() / SECOND - time.monotonic()
    stored = _stored(work.office.ledger)
    heard: list[float] = []
    kept: list[float] = []
    unheard = 0
    for answer in work.taps.answers:
        if answer.at < since:
            continue
        for action in answer.actions:
            key = (f"{PLACE}/d-{action.card:03d}", action.at)
            if key in ears.at:
                heard.append(max(0.0, ears.at[key] - answer.at))
            else:
                unheard += 1
            if key in stored:
                kept.append(max(0.0, stored[key] - offset - answer.at))
    for name, values in (("subscriber", sorted(heard)), ("ledger", sorted(kept))):
        p50, p99 = quantile(values, 0.5), quantile(values, 0.99)
        worst = values[-1] if values else 0.0
        work.outcome.notes[f"live_to_{name}_s"] = {
            "taps": len(values),
            **{word: round(value, 3) for word, value in (("p50", p50), ("p99", p99), ("worst", worst))},
        }
        if p99 > LIVE_P99_S:
            work.outcome.misses.append(f"live events to the {name}: p99 {p99:.1f} s")
    work.outcome.recovery_s += kept
    if unheard:
        work.outcome.misses.append(f"{unheard} live events did not come on their live topics")


def _stored(ledger: Path) -> dict[tuple[str, int], float]:
    """When the commit of each act began, s."""
    with closing(sqlite.read_only(ledger)) as connection:
        rows = connection.execute("SELECT subject, time, stored FROM person_event WHERE type LIKE 'desk.checkin.%'")
        return {(subject, at): stored / SECOND for subject, at, stored in rows}


def _projected(ledger: Path) -> dict[str, int]:
    """How far each store follows, by the ledger's own ids."""
    with closing(sqlite.read_only(ledger)) as connection:
        return dict(connection.execute("SELECT store, cursor FROM projection"))


class Ears:
    """A plain subscriber of the live acts: when each was heard."""

    def __init__(self, port: int) -> None:
        self.at: dict[tuple[str, int], float] = {}
        """time.monotonic() by place and time of the act."""
        ready = threading.Event()
        client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
        client.on_subscribe = lambda *_: ready.set()
        client.on_message = self._message
        client.connect("127.0.0.1", port)
        client.loop_start()
        client.subscribe([(f"hadir/v1/evt/+/+/+/+/+/desk.checkin.{way}", 1) for way in ("started", "ended")])
        if not ready.wait(10):
            raise RuntimeError("the broker did not answer the subscription")
        self._client = client

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        now, event = time.monotonic(), json.loads(message.payload)
        self.at.setdefault((event["subject"], parsed(event["time"])), now)


# --- what it cost, and what is in the store -------------------------------------------------------------------------


def _cpu(work: Work) -> dict[str, float]:
    """Seconds of each process."""
    processes = {name: work.office.processes[name] for name in (GATEWAY, ARCHIVE)}
    if work.broker.process is not None:
        processes["broker"] = work.broker.process
    return {name: _cpu_s(process.pid) for name, process in processes.items()}


def _cpu_s(pid: int) -> float:
    """User and system, also of threads that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _size_mb(work: Work) -> float:
    """The outbox and its log."""
    folder = work.office.folder / "var" / GATEWAY
    return sum(path.stat().st_size for path in folder.glob("outbox.sqlite*")) / (1 << 20)


def _judge(ledger: Path, past: Past, outcome: Outcome) -> None:
    """Every event of the past is there, once, byte for byte."""
    digest, rows, last, twice = sha256(), 0, 0, 0
    with closing(sqlite.read_only(ledger)) as connection:
        for sequence, body in connection.execute(
            "SELECT sequence, body FROM event JOIN source ON source.id = event.source"
            " WHERE gateway = ? AND boot = ? ORDER BY sequence",
            (past.origin.gateway, past.origin.boot),
        ):
            if sequence == last:
                twice += 1
                continue
            rows, last = rows + 1, sequence
            digest.update(body)
    outcome.offered += past.events
    outcome.accepted += past.events
    outcome.stored += rows
    outcome.lost += past.events - rows
    outcome.duplicated += twice
    if rows == past.events and digest.hexdigest() != past.digest:
        outcome.wrong += 1


BACKLOG = Fault(
    name="backlog",
    title="backlog of 1,000,000 events (a cycle: 1,000), the broker returns while live events go on",
    promise="an event costs so little CPU that two cores can drain 10,000 a second; live events reach a subscriber, and"
    " the ledger (column back), in at most 2 s (p99) from the 202 on; at most 120 MB; the outbox file shrinks again",
    defect="live events wait behind the past",
    run=backlog,
    quick=20,
    long=1000,
    control=5,
    part=1000,
    whole=True,
    limits={"p99_s": 2.0, "rss_mb": 120.0},
)
