"""Retained topics on a real broker: at once, every 30 s, after each reconnect, and gone when cleared."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway import board as boards
from gateway.board import Board
from gateway.clock import SystemClock
from gateway.counters import Counters
from gateway.errors import PermanentError
from gateway.mqtt import Link
from tests.conftest import Mosquitto
from tests.delivery.links import MakeBroker, Wire, access, frozen, linked, make_link, reading
from tests.delivery.world import running, until

SOON_S = 0.3


def make_board(link: Link, counters: Counters | None = None) -> Board:
    return Board(link, SystemClock(), counters or Counters())


async def retained(port: int, topic_filter: str = "#") -> dict[str, bytes]:
    """What a newcomer finds."""
    async with reading(port, topic_filter) as reader:
        assert all(message.retain for message in reader.messages)
        return reader.latest


def saying(text: str) -> Callable[[], bytes]:
    return text.encode


@pytest.mark.parametrize("window", [1, 4, 50])
async def test_what_is_set_is_retained_with_its_latest_content(mosquitto: Mosquitto, window: int) -> None:
    link = make_link(mosquitto.port, window=window)
    board = make_board(link)
    content = 0
    board.set("early", lambda: b"%d" % content)
    async with reading(mosquitto.port) as reader, running(board), linked(link):
        for n in range(30):
            board.set(f"late/{n}", lambda: b"%d" % content)
        content = 7
        board.touch("early")
        board.touch("not ours")
        expected = {"early": b"7"} | {f"late/{n}": b"7" for n in range(30)}
        await until(lambda: reader.latest == expected)
        assert await retained(mosquitto.port) == expected


async def test_a_change_is_said_at_once_and_only_the_latest(mosquitto: Mosquitto) -> None:
    link = make_link(mosquitto.port)
    board = make_board(link)
    content = {"a": 0, "b": 0}
    for topic in content:
        board.set(topic, lambda topic=topic: b"%d" % content[topic])
    async with reading(mosquitto.port) as reader, running(link, board):
        await until(lambda: reader.latest == {"a": b"0", "b": b"0"})
        for n in range(1, 50):
            content["a"] = n
            board.touch("a")
        board.set("end", saying("end"))
        await until(lambda: "end" in reader.latest)
    assert reader.payloads("a") == [b"0", b"49"]


async def test_the_heartbeat_repeats_all_of_it_and_lets_a_change_pass(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boards, "HEARTBEAT_S", SOON_S)
    link = make_link(mosquitto.port, window=4)
    board = make_board(link)
    said: list[str] = []

    def content(topic: str) -> bytes:
        said.append(topic)
        if len(said) == 250:  # in the middle of a repetition
            board.touch("s/0")
        return topic.encode()

    for n in range(100):
        board.set(f"s/{n}", lambda n=n: content(f"s/{n}"))
    async with reading(mosquitto.port) as reader, running(link, board):
        await until(lambda: len(reader.messages) > 350)
    assert reader.latest == {f"s/{n}": b"s/%d" % n for n in range(100)}
    assert said[250] == "s/0", "a change does not wait behind what is only repeated"
    assert min(said.count(f"s/{n}") for n in range(100)) >= 3


async def test_a_broker_that_forgot_is_told_again(mosquitto: Mosquitto) -> None:
    link = make_link(mosquitto.port, window=10)
    board = make_board(link)
    for n in range(100):
        board.set(f"s/{n}", saying(f"{n}"))
    async with running(link, board):
        async with reading(mosquitto.port) as reader:
            await until(lambda: len(reader.latest) == 100)
        mosquitto.kill()
        await until(lambda: not link.state.connected)
        board.clear("s/7")
        board.set("late", saying("!"))
        mosquitto.start()
        async with reading(mosquitto.port) as reader:
            expected = {"late": b"!"} | {f"s/{n}": b"%d" % n for n in range(100) if n != 7}
            await until(lambda: {topic: body for topic, body in reader.latest.items() if body} == expected)
        assert await retained(mosquitto.port) == expected


async def test_what_is_cleared_is_gone_and_what_is_forgotten_stays(mosquitto: Mosquitto) -> None:
    link = make_link(mosquitto.port, window=1)
    board = make_board(link)
    async with reading(mosquitto.port) as reader, running(link, board):
        for topic in ("a", "b", "c"):
            board.set(topic, saying(topic), expiry_s=None, qos=0 if topic == "c" else 1)
        await until(lambda: reader.latest == {"a": b"a", "b": b"b", "c": b"c"})
        board.clear("a")
        board.forget("b")
        board.clear("never there")
        for topic in ("a", "b", "c"):
            board.touch(topic)
        await until(lambda: len(reader.messages) == 6)
        said = [(message.topic, message.payload) for message in reader.messages[3:]]
        assert said == [("a", b""), ("never there", b""), ("c", b"c")]
        assert await retained(mosquitto.port) == {"b": b"b", "c": b"c"}
        board.set("a", saying("back"))
        await until(lambda: reader.latest["a"] == b"back")
        assert await retained(mosquitto.port, "a") == {"a": b"back"}


async def test_a_removal_is_repeated_until_the_broker_has_it(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Wire(mosquitto.port).open() as wire, reading(mosquitto.port) as reader:
        link = make_link(wire.port)
        board = make_board(link)
        async with running(link, board):
            board.set("a", saying("a"))
            board.set("b", saying("b"))
            await until(lambda: reader.latest == {"a": b"a", "b": b"b"} and link.in_flight == 0)
            wire.deaf = True
            board.clear("a")
            board.clear("b")
            await until(lambda: link.in_flight == 2)
            board.forget("b")  # its true owner speaks again: it must not be emptied behind that
            wire.cut()
            wire.deaf = False
            await until(lambda: reader.latest["a"] == b"")
            await until(lambda: link.in_flight == 0)
            monkeypatch.setattr(boards, "HEARTBEAT_S", SOON_S)
            board.set("end", saying("end"))
            await until(lambda: len(reader.payloads("end")) == 4)
        assert reader.payloads("a") == [b"a", b""], "and no longer than that"
        assert await retained(mosquitto.port) == {"b": b"b", "end": b"end"}


async def test_a_content_that_cannot_be_made_or_is_refused_stops_nobody(
    make_mosquitto: MakeBroker, tmp_path: Path
) -> None:
    def broken() -> bytes:
        raise PermanentError("too_big", "9 kB")

    counters = Counters()
    broker = make_mosquitto(extra=access(tmp_path, "readwrite ours/#"))
    link = make_link(broker.port)
    board = make_board(link, counters)
    board.set("ours/bad", broken)
    board.set("theirs", saying("x"))
    board.set("ours/good", saying("x"))
    async with reading(broker.port) as reader, running(link, board):
        await until(lambda: counters.get("board.refused", "broker"))
        await until(lambda: reader.latest == {"ours/good": b"x"})
    assert counters.snapshot() == {"board.refused{broker}": 1, "board.refused{make}": 1}


async def test_it_leaves_most_of_the_window_to_events(
    make_mosquitto: MakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boards, "HEARTBEAT_S", SOON_S)
    broker = make_mosquitto(extra="max_packet_size 2000\n")
    counters = Counters()
    link = make_link(broker.port, window=20, frozen_after_s=600, counters=counters)
    board = make_board(link)
    board.set("large", lambda: bytes(4000), qos=0)
    async with linked(link), running(board):
        await until(lambda: counters.get("mqtt.publish_refused") > 5)  # which counts for nothing
        with frozen(broker):
            for n in range(100):
                board.set(f"s/{n}", saying("x"))
            await until(lambda: link.in_flight)
            assert (link.in_flight, link.room) == (10, 10)
        async with reading(broker.port) as reader:
            await until(lambda: len(reader.latest) == 100)


async def test_an_expired_state_is_not_read_any_more(mosquitto: Mosquitto) -> None:
    link = make_link(mosquitto.port)
    board = make_board(link)
    board.set("short", saying("x"), expiry_s=1)
    board.set("long", saying("x"))
    async with reading(mosquitto.port) as reader:
        async with running(link, board):
            await until(lambda: {"short", "long"} <= set(reader.latest))
        await asyncio.sleep(2.1)  # Mosquitto counts whole seconds
        assert await retained(mosquitto.port) == {"long": b"x"}
