"""Fixtures that more than one test module uses: real servers on free ports of the loopback interface."""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import settings

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as hadir does (gateway/cli.py); before numpy is imported

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # the tests start hundreds of processes
sys.dont_write_bytecode = False

T = TypeVar("T")
settings.register_profile("hadir", deadline=None, max_examples=60)  # a busy machine is no bug
settings.register_profile("thorough", deadline=None, max_examples=400)  # --hypothesis-profile=thorough
settings.load_profile("hadir")
THOROUGH = bool(os.environ.get("HADIR_THOROUGH"))
"""Every page in every way and as every reader, and not each in one: `make test-thorough`."""


def few(variants: Sequence[T], *chosen: int) -> Sequence[T]:
    """Of variants of one claim that each take seconds: those `chosen`, or all of them where there is time."""
    return variants if THOROUGH else [variants[number] for number in chosen if number < len(variants)]


SHARED = Path(__file__).parents[1].parent / "shared"
LONGEST = (
    "tests/test_demo.py",
    "tests/web/browser/test_story.py",
    "tests/system/test_replay.py",
    "tests/evaluate/test_occupancy.py",
    "tests/system/test_gateway.py",
    "tests/accuracy/test_days.py",
    "tests/web/browser/test_pages.py",
    "tests/test_demo_controls.py",
    "tests/web/test_kiosk_browser.py",
    "tests/system/test_coordinators.py",
    "tests/rules/test_drift.py",
    "tests/web/browser/test_payloads.py",
    "tests/web/browser/test_denah.py",
    "tests/rules/test_room_model.py",
    "tests/evaluate/test_zones.py",
    "tests/rules/test_locate_still.py",
    "tests/archive/test_ingest.py",
    "tests/faults/test_delivery.py",
    "tests/web/bookings/test_seatsurfing.py",
    "tests/web/test_canary.py",
    "tests/test_fuzz.py",
)
"""Files that take longest begin first, however few their tests: a worker would be left alone with them at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files in the order in which workers take them: the longest, then by their number of tests."""
    files = [item.nodeid.partition("::")[0] for item in items]
    tests = Counter(files)
    order = {name: (LONGEST.index(name) if name in LONGEST else len(LONGEST), -tests[name]) for name in tests}
    items.sort(key=lambda item: order[item.nodeid.partition("::")[0]])


_chance = random.Random()
"""Of its own: a test that seeds `random` must not get the ports of another one."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on now.

    Not one of those that the kernel gives to connections outwards: one of them may be taken before its server begins.
    """
    while True:
        port = _chance.randrange(10_000, 32_768)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_for_port(port: int, process: subprocess.Popen[bytes], seconds: float = 10.0) -> None:
    """Return when somebody listens; fail when the process has ended or time is up."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"process ended with {process.returncode} before it listened on {port}")
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"nobody listened on port {port} after {seconds} s")


@dataclass
class Mosquitto:
    """A real broker that a test may stop, freeze and start again on the same port."""

    folder: Path
    port: int
    extra: str = ""
    process: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        conf = self.folder / "mosquitto.conf"
        access = "" if "allow_anonymous" in self.extra else "allow_anonymous true\n"
        conf.write_text(
            f"listener {self.port} 127.0.0.1\n{access}persistence false\nmax_queued_messages 0\n"
            f"max_inflight_messages 0\nset_tcp_nodelay true\n{self.extra}"
        )
        with (self.folder / "mosquitto.log").open("ab") as log:
            self.process = subprocess.Popen(["mosquitto", "-c", str(conf)], stdout=log, stderr=log)
        wait_for_port(self.port, self.process)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None


@pytest.fixture
def make_mosquitto(tmp_path: Path) -> Iterator[Callable[..., Mosquitto]]:
    """A factory of brokers: `make_mosquitto(extra="...")`; all are stopped at the end."""
    if shutil.which("mosquitto") is None:
        pytest.fail("mosquitto is not installed: run `make test`, or apt-get install mosquitto")
    brokers: list[Mosquitto] = []

    def make(extra: str = "") -> Mosquitto:
        folder = tmp_path / f"mosquitto-{len(brokers)}"
        folder.mkdir()
        broker = Mosquitto(folder, free_port(), extra)
        broker.start()
        brokers.append(broker)
        return broker

    yield make
    for broker in brokers:
        broker.stop()


@pytest.fixture
def mosquitto(make_mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    """One running broker, anonymous, MQTT 3.1.1 and 5, no persistence."""
    return make_mosquitto()
