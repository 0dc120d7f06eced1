"""The embedded broker: MQTT 5 and 3.1.1 through one router, retained, last will, and what it is known not to do."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.broker import EmbeddedBroker
from gateway.errors import HadirError
from gateway.mqtt import Link, Note
from gateway.ports import free_pair
from tests.delivery.links import PROTOCOLS, Reader, Wire, linked, make_link, peer, ready
from tests.delivery.world import until


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    made = EmbeddedBroker(free_pair(), tmp_path / "broker")
    made.start()
    yield made
    made.stop()


def link_to(broker: EmbeddedBroker, name: str, protocol: str = "5", **more: Any) -> Link:
    return make_link(broker.port + (protocol != "5"), name, protocol=protocol, embedded=True, **more)


@pytest.mark.parametrize(("here", "there"), [("5", "3.1.1"), ("3.1.1", "5"), ("5", "5")])
async def test_other_clients_of_both_versions_meet(broker: EmbeddedBroker, here: str, there: str) -> None:
    ports = {"5": broker.port, "3.1.1": broker.port + 1}
    async with peer(ports[here], here) as speaker, peer(ports[there], there) as listener, asyncio.timeout(20):
        await listener.subscribe("a/#", qos=1)
        await speaker.publish("a/b", b"x", qos=1, retain=False)
        assert (await anext(aiter(listener.messages))).payload == b"x"


async def test_our_links_of_both_versions_meet(broker: EmbeddedBroker) -> None:
    """A property that reached a 3.1.1 subscriber would kill the broker: the link sends none, whatever it is told."""
    links = [link_to(broker, f"link-{protocol}", protocol) for protocol in PROTOCOLS]
    readers = [Reader(link, "t/#") for link in links]
    properties: dict[str, Any] = {"expiry_s": 90, "content_type": "application/json"}
    async with linked(*links):
        for n, link in enumerate(links):
            await link.deliver(f"t/{n}", b"x", **properties)
        await links[0].deliver("t/kept", b"x", retain=True, **properties)
        for reader in readers:
            await until(lambda reader=reader: set(reader.latest) == {"t/0", "t/1", "t/kept"})
        for protocol in PROTOCOLS:
            late = link_to(broker, f"late-{protocol}", protocol)
            found = Reader(late, "t/#")
            async with linked(late):
                await until(lambda found=found: found.latest == {"t/kept": b"x"})
        for n in range(200):
            await links[0].deliver("t/many", b"%d" % n, **properties)
        for reader in readers:
            await until(lambda reader=reader: reader.payloads("t/many") == [b"%d" % n for n in range(200)])
        assert [link.state.connects for link in links] == [1, 1]


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_it_bears_much_and_large(broker: EmbeddedBroker, protocol: str) -> None:
    reader_link, writer = link_to(broker, "reader", protocol), link_to(broker, "writer", protocol)
    reader = Reader(reader_link, "t/#")
    async with linked(reader_link, writer):
        bodies = [b"%d" % n + bytes(200) for n in range(1000)]
        await asyncio.gather(*(writer.deliver("t/x", body, content_type="text/x", expiry_s=60) for body in bodies))
        await until(lambda: len(reader.messages) == 1000)
        assert reader.payloads() == bodies
        await asyncio.gather(*(writer.deliver("t/big", bytes(64 << 10)) for _ in range(100)))
        await until(lambda: len(reader.messages) == 1100)
        assert (reader_link.state.connects, writer.state.connects) == (1, 1)


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_retained_and_last_will(broker: EmbeddedBroker, protocol: str) -> None:
    reader_link = link_to(broker, "reader", protocol)
    reader = Reader(reader_link, "status")
    async with Wire(broker.port).open() as wire:
        writer = make_link(wire.port, "writer", embedded=True, will=Note("status", b"lost"))
        async with linked(writer):
            await writer.deliver("status", b"ready", retain=True)
            async with linked(reader_link):
                await until(lambda: reader.messages)
                assert (reader.messages[0].payload, reader.messages[0].retain) == (b"ready", True)
                wire.cut()
                await until(lambda: reader.payloads() == [b"ready", b"lost"])


async def test_what_was_not_acknowledged_comes_again(broker: EmbeddedBroker) -> None:
    session: dict[str, Any] = {"clean_start": False, "session_expiry_s": 600}
    first, writer = link_to(broker, "keeper", **session), link_to(broker, "writer")
    reader = Reader(first, "t", acks=False)
    async with linked(writer):
        async with linked(first):
            for n in range(5):
                await writer.deliver("t", b"%d" % n)
            await until(lambda: len(reader.messages) == 5)
            reader.messages[1].ack()
            reader.messages[0].ack()
            await ready(first)  # behind the acknowledgements on the same connection
        second = link_to(broker, "keeper", **session)
        again = Reader(second, "t")
        async with linked(second):
            await until(lambda: len(again.messages) == 3)
    assert again.payloads() == [b"2", b"3", b"4"]


async def test_it_forgets_when_it_is_killed_and_the_link_comes_back(broker: EmbeddedBroker) -> None:
    link = link_to(broker, "link")
    reader = Reader(link, "kept")
    async with linked(link):
        await link.deliver("kept", b"1", retain=True)
        await until(lambda: len(reader.messages) == 1)
        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGKILL)
        await until(lambda: not link.state.connected)
        broker.stop()
        assert broker.pid is None
        await asyncio.to_thread(broker.start)
        await ready(link)
        await link.deliver("kept", b"2")
        await until(lambda: len(reader.messages) == 2)
    assert reader.payloads() == [b"1", b"2"]


def test_it_listens_on_the_loopback_interface_only(broker: EmbeddedBroker) -> None:
    own = {f"{broker.port:04X}", f"{broker.port + 1:04X}"}
    lines = [
        line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    listening = {line[1] for line in lines if line[3] == "0A" and line[1].rpartition(":")[2] in own}
    assert listening == {f"0100007F:{port}" for port in own}


def test_a_taken_port_is_said_and_nothing_is_left_behind(broker: EmbeddedBroker, tmp_path: Path) -> None:
    second = EmbeddedBroker(broker.port, tmp_path / "second")
    with pytest.raises(HadirError, match=f"cannot start on port {broker.port}"):
        second.start()
    assert second.pid is None
    second.stop()


def test_stop_frees_the_ports_and_may_be_repeated(tmp_path: Path) -> None:
    made = EmbeddedBroker(free_pair(), tmp_path)
    assert made.pid is None
    for _ in range(2):
        made.start()
        pid = made.pid
        assert pid is not None
        os.kill(pid, 0)
        made.stop()
        made.stop()
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
