"""PC/SC sources: the real pcscd with the virtual reader of vsmartcard, where both are installed."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.badge.pcsc import DRIVER
from firmware_sim.vpcd import Card
from gateway.clock import ManualClock, SystemClock
from gateway.counters import Counters
from gateway.errors import TransientError
from gateway.ports import free_pair
from gateway.sources import pcsclite
from gateway.sources.pcsc import GET_UID, SHOWN, PcscSource
from tests.sources.conftest import Heard, kept, soon

VPCD = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
SOCKET = Path("/run/pcscd/pcscd.comm")
PCSCD = shutil.which("pcscd") or shutil.which("pcscd", path="/usr/sbin")
UID = bytes.fromhex("04A1B2C3D4E580")


class Daemon:
    """A pcscd with readers of ours; there can be one on a machine."""

    def __init__(self, folder: Path, names: list[str]) -> None:
        self.ports: list[int] = []
        for name in names:
            port = free_pair()  # vpcd opens two slots
            (folder / f"reader{len(self.ports)}").write_text(
                f'FRIENDLYNAME "{name}"\nDEVICENAME /dev/null:0x{port:04X}\nLIBPATH {VPCD}\nCHANNELID 0x{port:04X}\n'
            )
            self.ports.append(port)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert PCSCD is not None
        self._process = subprocess.Popen(
            [PCSCD, "--foreground", "--config", str(self._folder)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(1000):
            with socket.socket(socket.AF_UNIX) as link:
                if link.connect_ex(str(SOCKET)) == 0:
                    return
            time.sleep(0.01)
        raise AssertionError("pcscd does not come up")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
        self._process = None


@pytest.fixture
def alone() -> Iterator[None]:
    """The one pcscd of this machine is ours while this holds, whatever other tests run beside us."""
    if PCSCD is None or not VPCD.exists():
        pytest.skip("pcscd and its virtual reader are not installed: apt-get install pcscd vsmartcard-vpcd")
    if os.geteuid() != 0:
        pytest.skip("pcscd has one folder, /run/pcscd, that belongs to root")
    lock = os.open("/tmp/hadir-pcscd.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    with socket.socket(socket.AF_UNIX) as link:
        if link.connect_ex(str(SOCKET)) == 0:
            os.close(lock)
            pytest.skip("a pcscd runs here already")
    yield
    os.close(lock)


@pytest.fixture
def daemon(alone: None, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Daemon]:
    made = Daemon(tmp_path, getattr(request, "param", ["Desk Reader"]))
    made.start()
    yield made
    made.stop()


async def test_each_card_that_comes_is_a_frame(daemon: Daemon) -> None:
    counters = Counters()
    made = PcscSource("desk", "Desk Reader 00 00", ManualClock(1_000, 7), counters)
    async with kept(made, counters) as heard:
        await soon(lambda: made.state.up)
        for n, uid in enumerate((UID, UID, bytes.fromhex("01020304")), 1):
            async with Card(daemon.ports[0], uid) as card:
                frame = (await heard.count(n))[-1]
                assert frame == ("pcsc", "desk", "", uid + b"\x90\x00", None, 1_000, 7, None)
                assert card.asked == [GET_UID]
            await soon(lambda: not made._known & pcsclite.PRESENT)
        assert [m.value for m in DRIVER.decode(heard.frames[0])] == ["iso14443:04A1B2C3D4E580"]
        assert len(heard.frames) == made.state.frames == 3
        assert (made.state.up, made.state.problem, made.state.opens) == (True, "", 1)
    assert not made.state.up


async def test_a_card_that_lies_there_from_the_start_is_no_tap(daemon: Daemon) -> None:
    counters = Counters()
    made = PcscSource("desk", "Desk Reader 00 00", SystemClock(), counters)
    async with Card(daemon.ports[0], UID):
        probe = pcsclite.Scard()
        await soon(lambda: bool(probe.state("Desk Reader 00 00", 0, 0) & pcsclite.PRESENT))
        probe.close()
        async with kept(made, counters) as heard:
            await soon(lambda: made.state.up)
            await asyncio.sleep(0.1)
            assert heard.frames == []


async def test_a_card_that_refuses_is_told_to_the_driver(daemon: Daemon) -> None:
    counters = Counters()
    made = PcscSource("desk", "Desk Reader 00 00", SystemClock(), counters)
    async with kept(made, counters) as heard:
        await soon(lambda: made.state.up)
        async with Card(daemon.ports[0], b"", b"\x6a\x81"):
            assert (await heard.count(1))[0].payload == b"\x6a\x81"


async def test_pcscd_that_is_started_anew(daemon: Daemon) -> None:
    counters, states = Counters(), list[tuple[bool, str]]()
    made = PcscSource(
        "desk",
        "Desk Reader 00 00",
        SystemClock(),
        counters,
        on_state=lambda state: states.append((state.up, state.cause)),
    )
    async with kept(made, counters) as heard:
        await soon(lambda: made.state.up)
        daemon.stop()
        await soon(lambda: made.state.cause == "missing")
        assert "pcscd does not run" in made.state.problem
        daemon.start()
        await soon(lambda: made.state.up)
        async with Card(daemon.ports[0], UID):
            await heard.count(1)
    assert [state for state in states if state != (False, "missing")] == [(True, ""), (False, "unplugged"), (True, "")]


@pytest.mark.parametrize("daemon", [["ACS ACR122U PICC Interface"]], indirect=True)
async def test_an_acr122u_shows_what_a_tap_has_done(daemon: Daemon) -> None:
    counters = Counters()
    made = PcscSource("desk", "ACS ACR122U PICC Interface 00 00", SystemClock(), counters)
    made.answer("", "taken")
    async with kept(made, counters) as heard:
        await soon(lambda: made.state.up)
        async with Card(daemon.ports[0], UID) as card:
            await heard.count(1)
            made.answer("", "refused")
            await soon(lambda: len(card.asked) == 2)
            assert card.asked[1] == SHOWN["refused"]
        await soon(lambda: not made._known & pcsclite.PRESENT)
        made.answer("", "left")
        await soon(lambda: counters.get("pcsc.unanswered", "card_gone") == 1)


async def test_another_reader_is_never_asked_to_show_anything(daemon: Daemon) -> None:
    counters = Counters()
    made = PcscSource("desk", "Desk Reader 00 00", SystemClock(), counters)
    async with kept(made, counters) as heard:
        await soon(lambda: made.state.up)
        async with Card(daemon.ports[0], UID) as card:
            await heard.count(1)
            made.answer("", "taken")
            await asyncio.sleep(0.05)
            assert card.asked == [GET_UID]
    assert counters.snapshot() == {}


async def test_which_reader_is_said_when_it_is_not_clear(daemon: Daemon) -> None:
    for wanted, words in (
        (None, "which one?"),
        ("Desk", "which one?"),
        ("Other", "no reader has this name; there are:"),
    ):
        made = PcscSource("desk", wanted, SystemClock(), Counters())
        with pytest.raises(TransientError, match=words):
            await made.run(Heard())
        assert made.state.cause == "missing"


async def test_cancelled_it_ends_at_once(daemon: Daemon) -> None:
    for n in range(5):
        made = PcscSource("desk", "Desk Reader 00 00", SystemClock(), Counters())
        running = asyncio.get_running_loop().create_task(made.run(Heard()))
        await asyncio.sleep(n * 0.01)
        running.cancel()
        async with asyncio.timeout(2):
            await asyncio.gather(running, return_exceptions=True)


async def test_without_pcscd_it_says_so(alone: None) -> None:
    made = PcscSource("desk", None, SystemClock(), Counters())
    with pytest.raises(TransientError, match="pcscd does not run: apt-get install pcscd"):
        await made.run(Heard())


async def test_without_the_library_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pcsclite, "LIBRARY", "libpcsclite-that-is-not-there.so.1")
    made = PcscSource("desk", None, SystemClock(), Counters())
    with pytest.raises(TransientError, match="apt-get install pcscd"):
        await made.run(Heard())
