"""Retained topics on a real broker: repeated, healed, removed."""

from __future__ import annotations

import pytest

from gateway import board
from gateway.board import Board
from gateway.clock import SystemClock
from gateway.counters import Counters
from tests.conftest import Mosquitto
from tests.delivery.links import Inbox, Wire, idle, make_link, ready
from tests.delivery.world import running, until


class Retained:
    """What a newcomer finds on the broker."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._asked = 0

    async def __call__(self) -> dict[str, bytes]:
        self._asked += 1
        link = make_link(self._port, f"newcomer-{self._asked}")
        inbox = Inbox(link, "state/#")
        async with running(link):
            await ready(link)
            await link.deliver("state/end", b"")  # behind all that was retained
            await until(lambda: b"" in inbox.payloads("state/end"))
        return {message.topic: message.payload for message in inbox.messages if message.retain}


@pytest.mark.parametrize("window", [1, 4, 50])
async def test_what_is_set_is_retained_with_its_latest_content(mosquitto: Mosquitto, window: int) -> None:
    link = make_link(mosquitto.port, window=window)
    own = Board(link, SystemClock(), Counters())
    made = 0

    def content() -> bytes:
        return b"%d" % made

    retained = Retained(mosquitto.port)
    own.set("state/early", content)
    async with running(link, own):
        await ready(link)
        for n in range(30):
            own.set(f"state/{n}", content)
        made = 7
        own.touch("state/early")
        own.touch("state/not-ours")
        await until(lambda: not own._dirty and idle(link))
        found = await retained()
        assert found == {"state/early": b"7"} | {f"state/{n}": b"7" for n in range(30)}


async def test_clear_removes_and_forget_says_nothing(mosquitto: Mosquitto) -> None:
    link = make_link(mosquitto.port)
    watcher = make_link(mosquitto.port, "watcher")
    inbox = Inbox(watcher, "state/#")
    own = Board(link, SystemClock(), Counters())
    async with running(watcher, link, own):
        await ready(watcher, link)
        for name in ("a", "b", "c"):
            own.set(f"state/{name}", name.encode)
        await until(lambda: len(inbox.messages) == 3)
        own.clear("state/a")
        own.forget("state/b")
        own.touch("state/a")
        own.touch("state/b")
        own.touch("state/c")
        await until(lambda: len(inbox.messages) == 5)
        assert [(m.topic, m.payload) for m in inbox.messages[3:]] == [("state/a", b""), ("state/c", b"c")]
        assert await Retained(mosquitto.port)() == {"state/b": b"b", "state/c": b"c"}
        own.set("state/a", lambda: b"back")
        await until(lambda: len(inbox.messages) == 6 + 1)  # and the newcomer's own
        assert inbox.payloads("state/a")[-1] == b"back"


async def test_the_heartbeat_repeats_everything(mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "HEARTBEAT_S", 0.2)
    link = make_link(mosquitto.port)
    inbox = Inbox(link, "state/#")
    own = Board(link, SystemClock(), Counters())
    async with running(link, own):
        await ready(link)
        own.set("state/a", lambda: b"a")
        own.set("state/b", lambda: b"b")
        await until(lambda: len(inbox.payloads("state/a")) >= 3)
        assert len(inbox.payloads("state/b")) >= 2


async def test_a_broker_that_forgot_is_told_again(mosquitto: Mosquitto) -> None:
    link = make_link(mosquitto.port)
    own = Board(link, SystemClock(), Counters())
    async with running(link, own):
        await ready(link)
        own.set("state/a", lambda: b"a")
        own.set("state/b", lambda: b"b")
        await until(lambda: not own._dirty and idle(link))
        mosquitto.kill()
        await until(lambda: not link.state.connected)
        own.clear("state/b")
        own.set("state/c", lambda: b"c")
        mosquitto.start()
        await until(lambda: link.state.connects == 2 and not own._dirty and not own._cleared and idle(link))
        assert await Retained(mosquitto.port)() == {"state/a": b"a", "state/c": b"c"}


async def test_a_removal_that_was_lost_on_the_way_is_repeated(mosquitto: Mosquitto) -> None:
    async with Wire(mosquitto.port).open() as wire:
        link = make_link(wire.port)
        own = Board(link, SystemClock(), Counters())
        async with running(link, own):
            await ready(link)
            own.set("state/a", lambda: b"a")
            await until(lambda: not own._dirty and idle(link))
            wire.deaf = True
            own.clear("state/a")
            await until(lambda: not idle(link))
            wire.cut()
            wire.deaf = False
            await until(lambda: link.state.connects == 2 and not own._cleared and idle(link))
            assert await Retained(mosquitto.port)() == {}
