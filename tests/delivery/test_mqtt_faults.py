"""The link when the broker dies, forgets or freezes, and on a peer that is no proper broker at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.counters import Counters
from gateway.errors import TransientError
from gateway.mqtt import Delivered, Note
from tests.conftest import Mosquitto
from tests.delivery.links import PROTOCOLS, Reader, Wire, frozen, linked, make_link, reading, ready
from tests.delivery.world import running, until

# --- a broker that is lost -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_after_a_broker_that_forgot_it_is_subscribed_again(mosquitto: Mosquitto, protocol: str) -> None:
    link = make_link(mosquitto.port, protocol=protocol)
    reader = Reader(link, "t")
    connects: list[int] = []
    link.on_connect(lambda: connects.append(link.state.connects))
    async with linked(link):
        await link.deliver("t", b"1")
        await until(lambda: reader.payloads() == [b"1"])
        mosquitto.kill()
        await until(lambda: not link.state.connected)
        assert link.state.reason
        with pytest.raises(TransientError, match="not connected"):
            await link.deliver("t", b"lost")
        mosquitto.start()
        await link.connected()
        late = Reader(link, "late")
        await link.deliver("t", b"2")
        await link.deliver("late", b"3")
        await until(lambda: reader.payloads() == [b"1", b"2"] and late.payloads() == [b"3"])
    assert connects == [1, 2]


async def test_a_lost_connection_answers_everybody_who_waits(mosquitto: Mosquitto) -> None:
    link = make_link(mosquitto.port, window=3)
    async with linked(link):
        with frozen(mosquitto):
            waiting = [asyncio.create_task(link.deliver("t", b"%d" % n)) for n in range(8)]
            await until(lambda: link.room == 0)
            mosquitto.kill()
            answers = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(answer) for answer in answers] == [TransientError] * 8


async def test_each_publish_gets_one_answer_when_the_broker_is_killed(mosquitto: Mosquitto) -> None:
    """PUBACKed, lost, or refused at once: nothing is silent, and nothing is told twice."""
    link = make_link(mosquitto.port, window=50)
    answers: dict[int, list[Any]] = {}
    sent = 0

    def pump() -> None:
        nonlocal sent
        while sent < 20_000:
            waiting = answers.setdefault(sent, [])
            if not link.publish("t", b"%d" % sent, done=waiting.append):
                del answers[sent]
                return
            sent += 1

    link.on_room(pump)
    link.on_connect(pump)
    async with running(link):
        for _ in range(3):
            await until(lambda: link.state.connected and sent > 0)
            before = sent
            await until(lambda before=before: sent > before + 500 or sent == 20_000)
            waiter = asyncio.create_task(link.deliver("t", b"waits"))
            await asyncio.sleep(0)
            mosquitto.kill()
            (answer,) = await asyncio.gather(waiter, return_exceptions=True)
            assert isinstance(answer, Delivered | TransientError)
            await until(lambda: not link.state.connected)
            assert link.in_flight == 0
            mosquitto.start()
        await until(lambda: sent == 20_000 and link.in_flight == 0)
    assert all(len(answer) == 1 for answer in answers.values())
    lost = [answer for (answer,) in answers.values() if isinstance(answer, TransientError)]
    assert 0 < len(lost) <= 150


@pytest.mark.parametrize("busy", [True, False], ids=["publish", "quiet"])
@pytest.mark.parametrize("canary", ["own/canary", None])
async def test_a_frozen_broker_is_noticed(mosquitto: Mosquitto, busy: bool, canary: str | None) -> None:
    counters = Counters()
    link = make_link(mosquitto.port, frozen_after_s=1, canary=canary, counters=counters)
    answers: list[Any] = []
    async with linked(link):
        with frozen(mosquitto):
            if busy:
                link.publish("t", b"", done=answers.append)
            await until(lambda: not link.state.connected)
            if busy or canary:
                assert "frozen" in link.state.reason
                assert counters.get("mqtt.frozen") == 1
            else:
                assert "Keep alive" in link.state.reason
            assert [type(answer) for answer in answers] == [TransientError] * busy
        await until(lambda: link.state.connected)
        await link.deliver("t", b"")


async def test_a_quiet_link_stays_up(mosquitto: Mosquitto) -> None:
    links = [
        make_link(mosquitto.port, f"quiet-{k}", frozen_after_s=1, canary=canary)
        for k, canary in enumerate(("own/canary", None))
    ]
    async with linked(*links):
        await asyncio.sleep(3)
        assert [link.state.connects for link in links] == [1, 1]


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_the_will_speaks_for_the_dead_and_the_farewell_for_the_stopped(
    mosquitto: Mosquitto, protocol: str
) -> None:
    notes = {"will": Note("status", b"lost"), "farewell": Note("status", b"disconnected"), "protocol": protocol}
    async with reading(mosquitto.port, "status") as seen:
        link = make_link(mosquitto.port, "one", **notes)
        async with linked(link):
            await link.deliver("status", b"ready", retain=True)
        await until(lambda: len(seen.messages) == 2)
        async with Wire(mosquitto.port).open() as wire:
            other = make_link(wire.port, "two", **notes)
            async with linked(other):
                wire.cut()
                await until(lambda: len(seen.messages) == 3)
                await until(lambda: other.state.connects == 2)
                await ready(other)
        await until(lambda: len(seen.messages) == 4)
    assert seen.payloads() == [b"ready", b"disconnected", b"lost", b"disconnected"]


async def test_two_clients_of_one_name_do_not_fight_at_full_speed(mosquitto: Mosquitto) -> None:
    links = [make_link(mosquitto.port, "same") for _ in range(2)]
    async with running(*links):
        await until(lambda: sum(link.state.connects for link in links) >= 3)
        await asyncio.sleep(2)
        assert sum(link.state.connects for link in links) < 20


# --- a peer that misbehaves ------------------------------------------------------------------------------------------

CONNACK = bytes.fromhex("2003000000")
SUBSCRIBE, PUBLISH = 0x80, 0x30


@asynccontextmanager
async def server(talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


async def packet(reader: asyncio.StreamReader) -> bytes:
    """One short packet."""
    head = await reader.readexactly(2)
    length = head[1]
    if length & 0x80:
        length = (length & 0x7F) + 128 * (await reader.readexactly(1))[0]
    return head[:1] + await reader.readexactly(length)


async def test_a_session_in_which_the_broker_says_nothing_is_given_up() -> None:
    """It takes us, and then is silent: twice with our session, which the third connection leaves behind."""
    anew: list[bool] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connect = await packet(reader)
        flags = connect[connect.index(b"MQTT") + 5]
        anew.append(bool(flags & 0x02))
        writer.write(CONNACK)
        await reader.read()

    async with server(talk) as port:
        link = make_link(port, frozen_after_s=1, clean_start=False, session_expiry_s=60)
        link.subscribe("t", lambda message: message.ack())
        async with running(link):
            await until(lambda: len(anew) == 3)
    assert anew == [False, False, True]


async def test_a_refused_subscription_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.mqtt.ASK_AGAIN_S", 0.1)
    asked = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        await packet(reader)
        writer.write(CONNACK)
        while True:
            received = await packet(reader)
            if received[0] == 0x82:
                asked += 1
                codes = b"\x87\x01" if asked == 1 else b"\x87" if asked == 2 else b"\x01"
                writer.write(bytes((0x90, 3 + len(codes))) + received[1:3] + b"\0" + codes)
            elif received[0] == 0xC0:
                writer.write(b"\xd0\0")

    async with server(talk) as port:
        link = make_link(port)
        Reader(link, "no/#")
        Reader(link, "yes")
        async with running(link):
            await until(lambda: link.state.refused)
            assert link.state.refused == {"no/#": "Not authorized"}
            assert link.state.reason == "subscription to no/# refused: Not authorized"
            await until(lambda: not link.state.refused)
            assert (link.state.connected, link.state.reason, asked) == (True, "", 3)


async def test_what_follows_connack_in_the_same_segment_is_acknowledged() -> None:
    acknowledged = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        publish = b"\0\1t" + b"\0\7" + b"\0" + b"body"
        writer.write(CONNACK + bytes((0x32, len(publish))) + publish)
        while True:
            if (await packet(reader))[:3] == b"\x40\0\7":
                acknowledged.set()

    async with server(talk) as port:
        link = make_link(port)
        reader = Reader(link, "t")
        async with running(link):
            await until(acknowledged.is_set)
    assert reader.payloads() == [b"body"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_nothing_is_published_before_it_is_subscribed(protocol: str) -> None:
    """Else an archive's greeting can pass between an event that it has missed and the ear that it is for."""
    kinds: list[int] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(CONNACK if protocol == "5" else b"\x20\2\0\0")
        while True:
            kinds.append((await packet(reader))[0] & 0xF0)

    async with server(talk) as port:
        link = make_link(port, protocol=protocol)
        Reader(link, "t")
        link.on_connect(lambda: link.publish("t", b"said at once") and None)
        async with running(link):
            while not link.publish("t", b"said as soon as it may be"):  # noqa: ASYNC110 as soon as that
                await asyncio.sleep(0)
            await until(lambda: len(kinds) == 3)
    assert kinds[:3] == [SUBSCRIBE, PUBLISH, PUBLISH]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "closed"),
        (bytes.fromhex("2003008800"), "refused: Server unavailable"),
        (bytes.fromhex("f000"), "ended"),
        (bytes.fromhex("ffffffffffff"), "ended"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "closed"),
        (CONNACK + bytes.fromhex("e0018b"), "said: Server shutting down"),
        (CONNACK + bytes.fromhex("30ffffff7f") + bytes(100), "a packet of 268435455 bytes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_nonsense_is_a_reason_and_no_crash(answer: bytes, said: str, caplog: pytest.LogCaptureFixture) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(answer)
        await writer.drain()

    async with server(talk) as port:
        link = make_link(port)
        async with running(link):
            await until(lambda: said in caplog.text)


async def test_a_stop_does_not_wait_for_a_silent_peer() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        connected.set()
        await reader.read()

    connected = asyncio.Event()
    async with server(talk) as port:
        link = make_link(port, farewell=Note("s", b"bye"))
        async with asyncio.timeout(5), running(link):
            await connected.wait()
        assert link.state.reason == "stopped"
