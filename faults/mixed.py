"""All of it in random order, while people tap: gateway, archive and broker killed and frozen, the network bad, the
gateway's disk ill, a time-series store away, poison.

Clocks, radios and lines have offices of their own (clocks.py, radio.py, usb.py), and so have a disk that is full, which
takes a file system of its own (disk.py), and damaged files (corrupt.py).
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from faults.api import Fault, Outcome, Scene
from faults.broker import deafen
from faults.kernel_errors import ILLNESSES, ill
from faults.mortal import ARCHIVE as ARCHIVE_POINTS
from faults.mortal import GATEWAY as GATEWAY_POINTS
from faults.office import ARCHIVE, GATEWAY
from faults.poison import KINDS as KINDS_OF_POISON
from faults.poison import POSTS, give
from faults.proxy_http import Proxy
from faults.wire import KINDS, BadWire
from faults.work import Work, at_work
from tests.archive.conftest import Victoria
from tests.conftest import free_port

CALM_S = (0.5, 6.0)
"""Between two faults."""


class WireThread:
    """The bad network, and the one before a time-series store, in a thread of their own, on ports known before."""

    def __init__(self, to_port: int, chance: random.Random, store_port: int) -> None:
        self.wire = BadWire(to_port, chance, ())
        self.store = Proxy(store_port)
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="wire")
        self._stop = asyncio.Event()

    @property
    def port(self) -> int:
        return self.wire.port

    def start(self) -> None:
        self._thread.start()
        self._ready.wait()

    def turn(self, kinds: Sequence[str]) -> None:
        """See BadWire."""
        self._loop.call_soon_threadsafe(self.wire.turn, list(kinds))

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        async def serve() -> None:
            async with self.wire.open():
                await self.store.start()
                self._ready.set()
                await self._stop.wait()
                await self.store.close()

        self._loop.run_until_complete(serve())
        self._loop.close()


@contextmanager
def bad_network(port: int, chance: random.Random, store_port: int) -> Iterator[WireThread]:
    thread = WireThread(port, chance, store_port)
    thread.start()
    try:
        yield thread
    finally:
        thread.close()


@contextmanager
def second_store(scene: Scene) -> Iterator[Victoria | None]:
    """Where it is installed."""
    if scene.broken or shutil.which("victoria-metrics") is None:
        yield None
        return
    server = Victoria(scene.folder / "victoria")
    server.start()
    try:
        yield server
    finally:
        server.kill()


def _line(network: WireThread) -> dict[str, Any]:
    url = f"http://127.0.0.1:{network.store.port}"
    return {"kind": "influx2", "id": "victoria", "url": url, "milliseconds": True}


def mixed(scene: Scene) -> Outcome:
    """`cycles` faults, one after the other, some of them while the last one is not over."""
    outcome, chance = Outcome(), scene.chance
    port = free_port()
    module = ("faults.mortal", "retires-on-puback", "0") if scene.broken else ("gateway.cli",)
    with (
        second_store(scene) as store,
        bad_network(port, random.Random(scene.seed), store.port if store else 0) as network,
        at_work(
            scene,
            outcome,
            projected=not scene.broken,
            port=network.port,
            broker_port=port,
            every_s=0.02,
            settings={"archive": {"stores": [{"kind": "embedded"}, *([_line(network)] if store else [])]}},
        ) as work,
    ):
        work.victoria = store
        faults = Faults(work, network, chance, module)
        work.restart(*module)
        outcome.recovery_s.clear()
        work.office.ready()
        work.taps.start()
        for _ in range(scene.cycles):
            time.sleep(chance.uniform(*CALM_S))
            if scene.broken:
                deafen(work)
                outcome.applies("broker and archive killed together")
            else:
                faults.any()()
            faults.mend()
    return outcome


class Faults:
    """What is done; each leaves what it has killed running again."""

    def __init__(self, work: Work, network: WireThread, chance: random.Random, module: tuple[str, ...]) -> None:
        self._work, self._network, self._chance, self._module = work, network, chance, module
        self._can_trace = shutil.which("strace") is not None

    def any(self) -> Callable[[], None]:
        kinds = (
            self.kill_gateway,
            self.gateway_dies_at_a_point,
            self.kill_archive,
            self.archive_dies_at_a_point,
            self.kill_broker,
            self.freeze,
            self.worsen_network,
            self.both_gone,
            self.poisoned,
            *([self.disk_ill] if self._can_trace else []),
            *([self.store_ill] if self._work.victoria else []),
        )
        return self._chance.choice(kinds)

    def mend(self) -> None:
        """Nobody stays dead; the network may stay bad."""
        office = self._work.office
        if self._work.broker.process is None:
            self._work.broker.start()
        for name, module in ((ARCHIVE, ("gateway.cli",)), (GATEWAY, self._module)):
            if name in office.processes and office.processes[name].poll() is not None:
                del office.processes[name]
            if name not in office.processes:
                office.launch(name, *module)

    def kill_gateway(self) -> None:
        self._work.memory(GATEWAY)
        self._work.office.kill(GATEWAY)
        self._work.outcome.applies("gateway killed")

    def kill_archive(self) -> None:
        self._work.office.kill(ARCHIVE)
        self._work.outcome.applies("archive killed")
        time.sleep(self._chance.uniform(0, 3))

    def gateway_dies_at_a_point(self) -> None:
        self._dies(GATEWAY, self._chance.choice(list(GATEWAY_POINTS)))

    def archive_dies_at_a_point(self) -> None:
        self._dies(ARCHIVE, self._chance.choice(list(ARCHIVE_POINTS)))

    def _dies(self, name: str, point: str) -> None:
        office = self._work.office
        office.kill(name)
        office.launch(name, "faults.mortal", point, str(self._chance.randrange(1, 40)))
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline and office.processes[name].poll() is None:
            time.sleep(0.05)
        died = office.processes[name].poll() is not None
        self._work.outcome.applies(f"{name} died at a point" if died else f"{name} killed")
        if not died:
            office.kill(name)

    def kill_broker(self) -> None:
        self._work.broker.kill()
        self._work.outcome.applies("broker killed")
        time.sleep(self._chance.uniform(0, 3))

    def freeze(self) -> None:
        """The broker, the archive or the gateway stands still for a while."""
        office, name = self._work.office, self._chance.choice(("broker", ARCHIVE, GATEWAY))
        process = self._work.broker.process if name == "broker" else office.processes[name]
        assert process is not None
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(self._chance.uniform(1, 9))
        os.kill(process.pid, signal.SIGCONT)
        self._work.outcome.applies(f"{name} frozen")

    def worsen_network(self) -> None:
        """For a while every connection ends badly: those that stand are cut, and what comes instead is no better."""
        notes, before = self._work.outcome.notes, self._network.wire.done.total()
        self._network.turn(self._chance.sample(KINDS, k=3))
        time.sleep(self._chance.uniform(3, 10))
        met = self._network.wire.done.total() - before
        self._network.turn(())
        notes["connections that ended badly"] = notes.get("connections that ended badly", 0) + met
        if met:
            self._work.outcome.applies("network bad")

    def disk_ill(self) -> None:
        """The kernel refuses the running gateway its writes or syncs, or is slow; it may be killed in that."""
        kind, dies = self._chance.choice(list(ILLNESSES)), self._chance.random() < 0.3
        self._can_trace = ill(self._work, kind, self._chance, dies=dies)

    def poisoned(self) -> None:
        """Messages that nobody can read, in a row."""
        for kind in self._chance.sample([*KINDS_OF_POISON, *POSTS], k=3):
            give(self._work, kind)
        self._work.outcome.applies("poison")

    def store_ill(self) -> None:
        """A time-series store resets its connections for a while, or is slow."""
        store = self._network.store
        before, store.mode = store.applied, self._chance.choice(("down", "slow"))
        time.sleep(self._chance.uniform(1, 6))
        if store.applied > before:
            self._work.outcome.applies(f"time-series store {store.mode}")
        store.mode = "pass"

    def both_gone(self) -> None:
        """Broker and gateway at once: what was in flight is nowhere but on the disk."""
        self._work.broker.kill()
        self._work.office.kill(GATEWAY)
        self._work.outcome.applies("broker and gateway killed together")


MIXED = Fault(
    name="mixed",
    title="mixed, in random order, for an hour: kills, freezes, network, writes and syncs, a store away, poison",
    promise="100 faults, 200,000 events and an hour at least, no manual step; both time-series stores hold what the"
    " ledger says",
    defect="the gateway lets an event go at the broker's PUBACK",
    run=mixed,
    quick=4,
    long=720,
    part=180,
    control=3,
    limits={"rss_mb": 120},
    least={"events": 200_000, "took_s": 3600},
)
