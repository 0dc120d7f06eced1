"""A door system that posts: real HTTP over the loopback interface, by the standard library's client and by hand."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from firmware_sim import door_system
from gateway.clock import SECOND, Clock, ManualClock, SystemClock
from gateway.config.sources import DoorFields
from gateway.counters import Counters
from gateway.errors import TransientError
from gateway.sources import door_webhook, http_post
from gateway.sources.base import SourceState
from gateway.sources.door_webhook import PER_SECOND, DoorWebhookSource, Rate
from tests.conftest import free_port
from tests.sources.brokers import Taken, running
from tests.sources.conftest import soon
from tests.sources.doors import FIELDS, UNDATED, tap, taps

TOKEN = "3b1f8a0c5e7d42969b1f8a0c5e7d4296"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


def source(
    folder: Path, counters: Counters, fields: DoorFields = FIELDS, port: int = 0, clock: Clock | None = None
) -> DoorWebhookSource:
    token_file = folder / "door.token"
    if not token_file.exists():
        token_file.write_text(f"{TOKEN}\n")
        token_file.chmod(0o600)
    state = SourceState()
    return DoorWebhookSource(
        "door",
        "127.0.0.1",
        port,
        token_file,
        taps(counters, state, fields),
        state,
        clock or SystemClock(),
        counters,
    )


class Client:
    """The door system's side: one connection, kept."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection = HTTPConnection("127.0.0.1", port, timeout=20)

    async def post(
        self, body: bytes, headers: dict[str, str] | None = None, **more: str
    ) -> tuple[int, dict[str, object]]:
        status, said = await self.ask("POST", body, AUTHORIZED | more if headers is None else headers)
        return status, json.loads(said or b"{}")

    async def ask(
        self, method: str, body: bytes | None = None, headers: dict[str, str] | None = None, path: str = "/"
    ) -> tuple[int, bytes]:
        response = await asyncio.to_thread(self._ask, method, path, body, headers or {})
        return response[0].status, response[1]

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[HTTPResponse, bytes]:
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        return response, response.read()

    def close(self) -> None:
        self._connection.close()


@asynccontextmanager
async def posting(
    folder: Path, counters: Counters, fields: DoorFields = FIELDS, *, at_once: bool = True, clock: Clock | None = None
) -> AsyncIterator[tuple[Client, Taken, DoorWebhookSource]]:
    door = source(folder, counters, fields, clock=clock)
    async with running(door, counters, at_once=at_once) as taken:
        client = Client(door.port)
        try:
            yield client, taken, door
        finally:
            client.close()


async def test_taps_become_frames_and_are_answered(tmp_path: Path) -> None:
    counters = Counters()
    async with posting(tmp_path, counters) as (client, taken, door):
        assert await client.post(door_system.message(tap(1))) == (202, {"taken": 1, "dropped": {}})
        assert (await client.post(door_system.message(tap(2), tap(3))))[0] == 202
        assert [frame.payload for frame in taken.frames] == [b"1;5001", b"1;5002", b"1;5003"]
        assert (door.state.frames, door.state.opens) == (3, 1)
        assert await client.post(door_system.message(tap(1))) == (202, {"taken": 0, "dropped": {}})
    assert counters.snapshot() == {"door.repeated": 1}
    assert not door.state.up


async def test_the_answer_waits_until_all_is_durable(tmp_path: Path) -> None:
    async with posting(tmp_path, Counters(), at_once=False) as (client, taken, _):
        asking = asyncio.ensure_future(client.post(door_system.message(tap(1), tap(2))))
        await taken.count(2)
        taken.waiting[0]()
        await asyncio.sleep(0.1)
        assert not asking.done()
        taken.waiting[1]()
        assert (await asking)[0] == 202


async def test_what_does_not_become_durable_is_to_be_sent_again_and_is_one_tap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door_webhook, "DURABLE_S", 0.05)
    counters = Counters()
    async with posting(tmp_path, counters, at_once=False) as (client, taken, _):
        assert (await client.post(door_system.message(tap(1))))[0] == 503
        assert (await client.post(door_system.message(tap(1))))[0] == 503  # the disk is still slow
        assert len(taken.waiting) == 1
        taken.waiting[0]()
        assert (await client.post(door_system.message(tap(1)))) == (202, {"taken": 0, "dropped": {}})
        assert len(taken.frames) == 1
    assert counters.get("webhook.refused", "slow_disk") == 2


async def test_what_waits_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door_webhook, "DURABLE_S", 0.02)
    monkeypatch.setattr(door_webhook, "MOST_WAITING", 2)
    async with posting(tmp_path, Counters(), UNDATED, at_once=False) as (client, taken, _):
        for _ in range(4):
            assert (await client.post(door_system.message(tap(1))))[0] == 503
            client.close()
        assert len(taken.frames) == 2


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": TOKEN}, 401),
        ({"Authorization": "Basic Ym9i"}, 401),
        ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer"}, 403),
        ({"Authorization": "Bearer wrong"}, 403),
        ({"Authorization": f"Bearer {TOKEN}x"}, 403),
        ({"Authorization": f"Bearer {TOKEN[:-1]}"}, 403),
        ({"Authorization": "Bearer \xff"}, 403),
        ({"Authorization": f"bearer  {TOKEN}"}, 202),
    ],
)
async def test_who_may_post(tmp_path: Path, headers: dict[str, str], status: int) -> None:
    async with posting(tmp_path, Counters()) as (client, taken, _):
        answered, said = await client.post(door_system.message(tap(1)), headers)
        assert answered == status
        if status != 202:
            assert not said
            assert not taken.frames
            assert (await client.post(door_system.message(tap(2))))[0] == 202


@pytest.mark.parametrize(
    ("body", "status", "cause"),
    [
        (b"", 400, "not_json"),
        (b"{", 400, "not_json"),
        (b"7", 400, "not_event"),
        (b"[" * 50 + b"]" * 50, 400, "too_deep"),
        (b"[" + b"{}," * 100 + b"{}]", 400, "too_big"),
        (b"{}", 422, "no_reader"),
        (b'{"door":{"reader":"Desk 12"},"card":{"number":5.5}}', 422, "bad_field"),
        (b'{"door":{"reader":"Desk 12"},"card":{"number":5},"time":"now"}', 422, "bad_time"),
        (b'{"door":{"reader":"Desk 12"}}', 202, "no_badge"),
        (door_system.message(tap(1, reader="Car park")), 202, "unbound"),
        (door_system.message(tap(1, 1_700_000_000 * SECOND)), 202, "old"),
    ],
)
async def test_what_is_no_tap_is_counted_and_said(tmp_path: Path, body: bytes, status: int, cause: str) -> None:
    counters = Counters()
    async with posting(tmp_path, counters) as (client, taken, _):
        answered, said = await client.post(body)
        assert (answered, said) == (status, {"error": cause} if status == 400 else {"taken": 0, "dropped": {cause: 1}})
        assert not taken.frames
    assert counters.snapshot() == {f"door.dropped{{{cause}}}": 1}


async def test_a_bad_event_does_not_cost_the_others(tmp_path: Path) -> None:
    async with posting(tmp_path, Counters()) as (client, taken, _):
        events = [door_system.event(tap(1)), {"nothing": 1}, door_system.event(tap(2))]
        answer = await client.post(json.dumps(events).encode())
        assert answer == (202, {"taken": 2, "dropped": {"no_reader": 1}})
        assert len(taken.frames) == 2


async def test_a_body_beyond_the_limit(tmp_path: Path) -> None:
    counters = Counters()
    async with posting(tmp_path, counters) as (client, taken, _):
        assert (await client.post(b" " * http_post.MAX_BODY))[0] == 400  # as much as is taken
        assert (await client.post(b" " * (http_post.MAX_BODY + 1)))[0] == 413
        assert (await client.post(b" " * 900_000))[0] == 413
        assert (await client.post(door_system.message(tap(1))))[0] == 202
        assert len(taken.frames) == 1
    assert counters.get("webhook.refused", "too_big") == 2


async def test_health_and_other_methods(tmp_path: Path) -> None:
    async with posting(tmp_path, Counters()) as (client, _, _door):
        assert await client.ask("GET") == (200, b'{"listening":true}')
        assert await client.ask("HEAD") == (200, b"")
        assert (await client.ask("GET", path="/events"))[0] == 404
        assert (await client.ask("PUT", b"{}"))[0] == 401
        assert (await client.ask("PUT", b"{}", AUTHORIZED))[0] == 405
        assert (await client.ask("POST", door_system.message(tap(1)), AUTHORIZED, "/some/path?key=1"))[0] == 202


async def test_a_flood_is_told_to_wait_and_strangers_do_not_take_the_door_systems_share(tmp_path: Path) -> None:
    counters, clock = Counters(), ManualClock(0, 0)
    async with posting(tmp_path, counters, clock=clock) as (client, taken, _):
        wrong = {"Authorization": "Bearer wrong"}
        answers = [(await client.post(b"{}", wrong))[0] for _ in range(PER_SECOND + 1)]
        assert answers == [403] * PER_SECOND + [429]
        answers = [(await client.post(door_system.message(tap(n))))[0] for n in range(PER_SECOND + 1)]
        assert answers == [202] * PER_SECOND + [429]
        clock.advance(1.0)
        assert (await client.post(door_system.message(tap(PER_SECOND))))[0] == 202
        assert len(taken.frames) == PER_SECOND + 1
    assert counters.snapshot() == {"webhook.refused{rate}": 2, "webhook.refused{token}": PER_SECOND}


def test_so_many_a_second() -> None:
    clock = ManualClock(0, 0)
    rate = Rate(PER_SECOND, clock)
    assert sum(rate.admits() for _ in range(2 * PER_SECOND)) == PER_SECOND
    clock.advance(0.5)
    assert sum(rate.admits() for _ in range(2 * PER_SECOND)) == PER_SECOND // 2
    clock.advance(3600)
    assert sum(rate.admits() for _ in range(2 * PER_SECOND)) == PER_SECOND


# --- by hand ---------------------------------------------------------------------------------------------------------


async def by_hand(port: int, *pieces: bytes, wait: float = 0.02) -> bytes:
    """What comes back, to the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(wait)
        async with asyncio.timeout(20):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


HEAD = f"POST / HTTP/1.1\r\nHost: hadir\r\nAuthorization: Bearer {TOKEN}\r\n".encode()


async def test_a_sender_that_asks_before_it_sends(tmp_path: Path) -> None:
    body = door_system.message(tap(1))
    async with posting(tmp_path, Counters()) as (_, taken, door):
        head = HEAD + b"Expect: 100-continue\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
        said = await by_hand(door.port, head, body)
        assert said.startswith(b"HTTP/1.1 100 ")
        assert b"HTTP/1.1 202 " in said
        strange = b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n"
        said = await by_hand(door.port, strange)
        assert said.startswith(b"HTTP/1.1 401 ")
        assert len(taken.frames) == 1


async def test_chunks_pieces_two_at_once_and_http_1_0(tmp_path: Path) -> None:
    one, two = door_system.message(tap(1)), door_system.message(tap(2))
    chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(one), one)
    last = HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(two), two)
    async with posting(tmp_path, Counters()) as (_, taken, door):
        said = await by_hand(door.port, chunked + last)
        assert said.count(b"HTTP/1.1 202 ") == 2
        old = b"POST / HTTP/1.0\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n" % (TOKEN.encode(), len(one))
        said = await by_hand(door.port, *(bytes((byte,)) for byte in old[:9]), old[9:], one, wait=0)
        assert b" 202 " in said
        assert len(taken.frames) == 2


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n\r\n",
        b"hello\r\n\r\n",
        b"POST / HTTP/1.1\r\n\r\n",
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: gzip\r\n\r\n",
        HEAD + b"X: " + b"x" * 20_000,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_what_is_not_http_is_refused_and_the_next_one_is_served(tmp_path: Path, rubbish: bytes) -> None:
    counters = Counters()
    async with posting(tmp_path, counters) as (client, taken, door):
        said = await by_hand(door.port, rubbish)
        assert not said or said.split()[1] in (b"400", b"431", b"501")
        assert (await client.post(door_system.message(tap(1))))[0] == 202
        assert len(taken.frames) == 1
    assert counters.get("webhook.refused", "http") == 1


async def test_a_body_without_end_is_cut(tmp_path: Path) -> None:
    async with posting(tmp_path, Counters()) as (client, taken, door):
        said = await by_hand(
            door.port,
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
            *([b"1000\r\n" + b" " * 4096 + b"\r\n"] * 20),
            wait=0,
        )
        assert not said or said.split()[1] == b"413"
        assert (await client.post(door_system.message(tap(1))))[0] == 202
        assert len(taken.frames) == 1


async def test_slow_and_many_senders_are_turned_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_post, "PATIENCE_S", 0.2)
    monkeypatch.setattr(http_post, "MOST_CONNECTIONS", 3)
    counters = Counters()
    async with posting(tmp_path, counters) as (client, taken, door):
        said = await by_hand(door.port, HEAD)
        assert said.startswith(b"HTTP/1.1 408 ")
        assert await by_hand(door.port) == b""  # nothing was asked
        assert counters.snapshot() == {"webhook.refused{slow}": 1}
        monkeypatch.setattr(http_post, "PATIENCE_S", 10.0)
        idle = [socket.create_connection(("127.0.0.1", door.port)) for _ in range(3)]
        for one in idle:
            one.sendall(b"GET")
        await asyncio.sleep(0.1)
        assert await by_hand(door.port, HEAD) == b""
        assert counters.get("webhook.refused", "crowd") == 1
        for one in idle:
            one.close()
        await soon(lambda: not [task for task in asyncio.all_tasks() if task.get_name() == "http"])
        assert (await client.post(door_system.message(tap(1))))[0] == 202
        assert len(taken.frames) == 1


async def test_a_sender_that_hangs_up_costs_nothing(tmp_path: Path) -> None:
    counters = Counters()
    async with posting(tmp_path, counters, at_once=False) as (client, taken, door):
        _, writer = await asyncio.open_connection("127.0.0.1", door.port)
        body = door_system.message(tap(1))
        writer.write(HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        await taken.count(1)
        writer.transport.abort()
        await asyncio.sleep(0.05)
        taken.waiting[0]()
        asking = asyncio.ensure_future(client.post(door_system.message(tap(1), tap(2))))
        await taken.count(2)
        taken.waiting[1]()
        assert (await asking)[0] == 202
    assert counters.get("door.repeated") == 1


# --- start -----------------------------------------------------------------------------------------------------------


async def refused(door: DoorWebhookSource) -> str:
    with pytest.raises(TransientError):
        await door.run(Taken())
    assert not door.state.up
    return door.state.cause


async def test_why_it_may_not_start(tmp_path: Path) -> None:
    door = source(tmp_path, Counters())
    token_file = tmp_path / "door.token"
    token_file.chmod(0o644)
    assert await refused(door) == "token"
    assert "chmod 600" in door.state.problem
    token_file.chmod(0o600)
    for content in ("", "short", "two words-of-some-length", "ü" * 20):
        token_file.write_text(content)
        assert await refused(door) == "token"
        assert "openssl" in door.state.problem
    token_file.unlink()
    assert await refused(door) == "token"
    assert "No such file" in door.state.problem
    token_file.write_text(TOKEN)
    token_file.chmod(0o600)
    port = free_port()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        door = source(tmp_path, Counters(), port=port)
        assert await refused(door) == "port"
        assert str(port) in door.state.problem


async def test_a_library_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h11", None)
    monkeypatch.delitem(sys.modules, "gateway.sources.http_post")
    door = source(tmp_path, Counters())
    assert await refused(door) == "missing"
    assert "pip install 'hadir[webhook]'" in door.state.problem


async def test_it_stops_at_once_with_senders_waiting(tmp_path: Path) -> None:
    async with posting(tmp_path, Counters(), at_once=False) as (_, taken, door):
        _, writer = await asyncio.open_connection("127.0.0.1", door.port)
        body = door_system.message(tap(1))
        writer.write(HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        await taken.count(1)
        begin = SystemClock().machine()
    assert SystemClock().machine() - begin < 2 * SECOND
    taken.waiting[0]()  # the outbox may still commit it
    writer.close()
