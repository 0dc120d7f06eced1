"""The embedded broker: MQTT 5 and 3.1.1 side by side, retained messages, wills, and no properties from our link."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.broker import EmbeddedBroker
from gateway.errors import HadirError
from gateway.mqtt import Note
from tests.conftest import free_port
from tests.delivery.links import Inbox, Wire, make_link, ready
from tests.delivery.world import running, until

pytest.importorskip("iotcore")


def two_free_ports() -> int:
    """The first of two neighbouring free ports."""
    while True:
        port = free_port()
        with socket.socket() as second:
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    made = EmbeddedBroker(two_free_ports(), tmp_path / "broker")
    made.start()
    yield made
    made.stop()


async def test_both_protocols_meet(broker: EmbeddedBroker) -> None:
    newer = make_link(broker.port, "newer", embedded=True)
    older = make_link(broker.port + 1, "older", protocol="3.1.1", embedded=True)
    boxes = [Inbox(newer, "t/#"), Inbox(older, "t/#")]
    async with running(newer, older):
        await ready(newer, older)
        await newer.deliver("t/1", b"from 5", expiry_s=90, content_type="application/json")
        await older.deliver("t/2", b"from 3.1.1", expiry_s=90, content_type="application/json")
        await newer.deliver("t/3", b"kept", retain=True, expiry_s=90)
        for box in boxes:
            await until(lambda box=box: {b"from 5", b"from 3.1.1", b"kept"} <= set(box.payloads()))
        for port, protocol in ((broker.port, "5"), (broker.port + 1, "3.1.1")):
            late = make_link(port, f"late-{protocol}", protocol=protocol, embedded=True)
            kept = Inbox(late, "t/#")
            async with running(late):
                await until(lambda kept=kept: kept.payloads() == [b"kept"])
        # 200 more, so that a broker that died of a property would have shown it
        for n in range(200):
            await newer.deliver("t/4", b"%d" % n, expiry_s=90, content_type="application/json")
        for box in boxes:
            await until(lambda box=box: box.payloads("t/4") == [b"%d" % n for n in range(200)])


async def test_a_will_is_told(broker: EmbeddedBroker) -> None:
    watcher = make_link(broker.port + 1, "watcher", protocol="3.1.1", embedded=True)
    seen = Inbox(watcher, "status")
    async with running(watcher):
        await ready(watcher)
        async with Wire(broker.port).open() as wire:
            link = make_link(wire.port, "one", embedded=True, will=Note("status", b"lost"))
            async with running(link):
                await ready(link)
                wire.cut()
                await until(lambda: seen.payloads() == [b"lost"])


def test_it_is_bound_to_this_machine_and_ends_with_stop(tmp_path: Path) -> None:
    made = EmbeddedBroker(two_free_ports(), tmp_path)
    assert made.pid is None
    made.start()
    pid = made.pid
    assert pid is not None
    assert (tmp_path / "rumqttd.toml").read_text().count('listen = "127.0.0.1:') == 2
    made.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_taken_port_is_said(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        made = EmbeddedBroker(taken.getsockname()[1], tmp_path)
        with pytest.raises(HadirError, match="cannot start"):
            made.start()
        made.stop()
