"""The control socket: answers, refuses, and survives whatever is written to it."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.control import MAX_LINE, Control, call
from gateway.errors import PermanentError, TransientError
from tests.delivery.world import running, until


async def echo(args: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"args": dict(args)}


async def refuse(_args: Mapping[str, Any]) -> Mapping[str, Any]:
    raise PermanentError("not_owner", "another gateway decides this place")


async def away(_args: Mapping[str, Any]) -> Mapping[str, Any]:
    raise TransientError("the broker is away")


async def large(_args: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"text": "x" * (4 * MAX_LINE)}


COMMANDS = {"echo": echo, "refuse": refuse, "away": away, "large": large}


@pytest.fixture
async def socket(tmp_path: Path) -> AsyncIterator[Path]:
    path = tmp_path / "control"
    async with running(Control(path, COMMANDS)):
        await until(path.exists)
        yield path
    assert not path.exists()


async def exchange(path: Path, sent: bytes) -> bytes:
    """What comes back until the server closes or has answered each line."""
    reader, writer = await asyncio.open_unix_connection(path, limit=16 * MAX_LINE)
    try:
        writer.write(sent)
        writer.write_eof()
        async with asyncio.timeout(10):
            return await reader.read()
    finally:
        writer.close()


async def test_it_answers(socket: Path) -> None:
    assert await call(socket, "echo", {"place": "s/b/f/z/d"}) == {"args": {"place": "s/b/f/z/d"}}
    assert await call(socket, "echo") == {"args": {}}
    assert len((await call(socket, "large"))["text"]) == 4 * MAX_LINE
    many = await asyncio.gather(*(call(socket, "echo", {"n": n}) for n in range(20)))
    assert [answer["args"]["n"] for answer in many] == list(range(20))


async def test_errors_keep_their_reason(socket: Path) -> None:
    with pytest.raises(PermanentError, match="another gateway") as refused:
        await call(socket, "refuse")
    assert refused.value.reason == "not_owner"
    with pytest.raises(PermanentError, match="broker is away"):
        await call(socket, "away")
    with pytest.raises(PermanentError, match="commands: away, echo, large, refuse") as unknown:
        await call(socket, "reboot")
    assert unknown.value.reason == "unknown_command"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"not json", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b"", "not_json"),
        (b"[" * 30_000, "too_deep"),
        (b'{"cmd":"echo","args":' + b'{"a":' * 1000 + b"1" + b"}" * 1000 + b"}", "too_deep"),
        (b'{"cmd":"echo","args":[1]}', "invalid"),
        (b'{"cmd":["echo"]}', "unknown_command"),
        (b'{"cmd":{"echo":1}}', "unknown_command"),
        (b'{"cmd":null}', "unknown_command"),
        (b"[]", "unknown_command"),
        (b"17", "unknown_command"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[:12].decode("latin-1"),
)
async def test_bad_lines_are_answered_and_the_next_good_one_too(socket: Path, line: bytes, reason: str) -> None:
    answers = [json.loads(item) for item in (await exchange(socket, line + b'\n{"cmd":"echo"}\n')).splitlines()]
    assert [answer["ok"] for answer in answers] == [False, True]
    assert answers[0]["reason"] == reason


async def test_a_line_without_an_end_closes_its_own_connection_only(socket: Path) -> None:
    _, idle = await asyncio.open_unix_connection(socket)
    try:
        assert await exchange(socket, b"x" * (MAX_LINE * 3) + b"\n") == b""
    except ConnectionError:
        pass  # the server closed while we were still writing
    finally:
        idle.close()
    assert await call(socket, "echo") == {"args": {}}


async def test_only_the_owner_may_use_it(socket: Path) -> None:
    assert stat.S_IMODE(os.stat(socket).st_mode) == 0o600


async def test_a_socket_left_by_an_earlier_life_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "control"
    path.write_bytes(b"")
    async with running(Control(path, COMMANDS)):
        await until(path.is_socket)
        assert await call(path, "echo") == {"args": {}}


async def test_a_path_too_long_for_a_socket_works_and_leaks_nothing(tmp_path: Path) -> None:
    folder = tmp_path / ("deep" * 20) / ("deeper" * 20)
    folder.mkdir(parents=True)
    path = folder / "control"
    async with running(Control(path, COMMANDS)):
        await until(path.exists)
        assert await call(path, "echo") == {"args": {}}
        await asyncio.sleep(0.05)
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(10):
            await call(path, "echo")
        await asyncio.sleep(0.05)
        assert len(os.listdir("/proc/self/fd")) <= before
    assert not path.exists()


async def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(TransientError, match="no daemon answers"):
        await call(tmp_path / "absent", "status")
    with pytest.raises(TransientError, match="no daemon answers"):
        await call(tmp_path / ("x" * 120) / "absent", "status")


async def test_a_client_that_waits_does_not_hold_up_the_stop(tmp_path: Path) -> None:
    path = tmp_path / "control"
    async with running(Control(path, COMMANDS)):
        await until(path.exists)
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b'{"cmd":"echo"}\n')
        assert json.loads(await reader.readline())["ok"]
    async with asyncio.timeout(10):
        assert await reader.read() == b""
    writer.close()
