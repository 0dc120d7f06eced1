"""Every publish comes once to five times, shuffled within a thousand, while the archive is killed and started again."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from faults import fleet
from faults.api import Fault, Outcome, Scene
from faults.office import ARCHIVE, RealOffice
from faults.work import peak_mb
from gateway import ledger
from gateway.contract.envelope import Encoded, Origin, batch, encode
from tests.conftest import Mosquitto, free_port

GATEWAYS = 3
AT_ONCE = 1_000
"""Events that are shuffled among each other."""
MOST_TIMES = 5
LIVE = 0.05
"""Share of events that come one by one; the rest in batches, as after an outage."""
BATCH = 100
WINDOW = 200
"""Publishes without a PUBACK: as many as the broker can hand on without a queue of millions."""
STALL_S = 60.0


def redelivery(scene: Scene) -> Outcome:
    """`cycles`: thousands of events."""
    outcome, chance = Outcome(), scene.chance
    (scene.folder / "broker").mkdir()
    broker = Mosquitto(scene.folder / "broker", free_port())
    office = RealOffice(scene.folder / "office", broker, settings=fleet.office(GATEWAYS))
    broker.start()
    module = ("faults.mortal", "forgets-what-is-committed", "0") if scene.broken else ("gateway.cli",)
    office.launch(ARCHIVE, *module)
    try:
        post = Post(broker.port)
        post.greeted()
        sums: dict[fleet.Name, int] = {}
        restart = max(1, scene.cycles // 4)
        for thousand in range(scene.cycles):
            if thousand and thousand % restart == 0:
                outcome.rss_mb = max(outcome.rss_mb, peak_mb(office.processes[ARCHIVE].pid))
                office.kill(ARCHIVE)
                office.launch(ARCHIVE, *module)
                outcome.notes["restarts"] = outcome.notes.get("restarts", 0) + 1
            events = list(islice(_events(thousand), AT_ONCE))
            sums |= {name: hash(event.body) for name, event in events}
            deliveries = [item for item in events for _ in range(chance.randint(1, MOST_TIMES))]
            chance.shuffle(deliveries)
            _deliver(post, deliveries, chance)
            outcome.applies("a thousand, each once to five times, shuffled")
            outcome.notes["deliveries"] = outcome.notes.get("deliveries", 0) + len(deliveries)
        post.settle()
        outcome.offered = outcome.accepted = len(sums)
        _wait_and_compare(outcome, sums, office.ledger)
        outcome.rss_mb = max(outcome.rss_mb, peak_mb(office.processes[ARCHIVE].pid))
        post.close()
    finally:
        office.close()
        broker.stop()
    return outcome


def _events(thousand: int) -> Iterator[tuple[fleet.Name, Encoded]]:
    """Of all gateways in turn; the same numbers give the same bytes."""
    start = 1_795_484_700_000_000_000
    for number in range(thousand * AT_ONCE, (thousand + 1) * AT_ONCE):
        name = fleet.gateway(number % GATEWAYS)
        sequence = number // GATEWAYS + 1
        at = start + number * 1_000_000
        origin = Origin(site=fleet.SITE, building=fleet.BUILDING, gateway=name, boot=fleet.BOOT)
        made = encode(fleet.changed(sequence, at, name), origin, sequence=sequence, recorded_at=at, rule="occupancy/1")
        yield (name, fleet.BOOT, sequence), made


def _deliver(post: Post, deliveries: list[tuple[fleet.Name, Encoded]], chance: random.Random) -> None:
    batches: dict[str, list[bytes]] = {}
    for (name, _, _), event in deliveries:
        if chance.random() < LIVE:
            post.publish(event.topic, event.body)
            continue
        waiting = batches.setdefault(name, [])
        waiting.append(event.body)
        if len(waiting) >= BATCH:
            _publish_all(post, name, batches.pop(name))
    for name, bodies in batches.items():
        _publish_all(post, name, bodies)


def _publish_all(post: Post, name: str, bodies: list[bytes]) -> None:
    while bodies:
        body, taken = batch(bodies)
        post.publish(f"hadir/v1/hist/{fleet.SITE}/{name}", body)
        del bodies[:taken]


def _wait_and_compare(outcome: Outcome, sums: dict[fleet.Name, int], store: Path) -> None:
    """Until all is there, or nothing more comes."""
    many, changed = -1, time.monotonic()
    while many < len(sums) and time.monotonic() - changed < STALL_S:
        now = sum(1 for _ in ledger.read(store))
        if now != many:
            many, changed = now, time.monotonic()
        time.sleep(0.5)
    found: dict[fleet.Name, int] = {}
    for row in ledger.read(store):
        name = (row.gateway, row.boot, row.sequence)
        found[name] = found.get(name, 0) + 1
        outcome.wrong += sums.get(name) != hash(row.body)
    outcome.stored = sum(name in found for name in sums)
    outcome.lost = len(sums) - outcome.stored
    outcome.duplicated = sum(many - 1 for many in found.values())


class Post:
    """Publishes with QoS 1, so many at a time."""

    def __init__(self, port: int) -> None:
        self._room = threading.Semaphore(WINDOW)
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.max_inflight_messages_set(WINDOW)
        self._client.on_publish = lambda *_: self._room.release()
        self._greeted = threading.Event()
        self._client.on_connect = lambda client, *_: client.subscribe("hadir/v1/ack/#", qos=1)
        self._client.on_message = lambda *_: self._greeted.set()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def greeted(self) -> None:
        """Return when the archive has its session: until then the broker keeps nothing for it."""
        if not self._greeted.wait(STALL_S):
            raise RuntimeError(f"the archive did not come within {STALL_S:.0f} s")

    def publish(self, topic: str, body: bytes) -> None:
        self._room.acquire()
        self._client.publish(topic, body, qos=1)

    def settle(self) -> None:
        """Everything is PUBACKed."""
        for _ in range(WINDOW):
            self._room.acquire()
        self._room.release(WINDOW)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


REDELIVERY = Fault(
    name="redelivery",
    title="delivery repeated 1 to 5 times, shuffled within 1,000, over restarts of the archive (a cycle is 1,000)",
    promise="1,000,000 offered, 1,000,000 stored, in bounded memory",
    defect="no dedupe",
    run=redelivery,
    quick=10,
    long=1_000,
    part=1_000,
    control=2,
    limits={"rss_mb": 120},
)
