"""The control socket: how the command line talks to a running daemon. A Unix socket (0600), JSON Lines.

-> {"cmd": "why", "args": {"place": "..."}}        <- {"ok": true, "result": {...}}
                                                   <- {"ok": false, "reason": "not_owner", "text": "..."}
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from gateway.contract.payload import read_json
from gateway.errors import HadirError, PermanentError, TransientError

_log = logging.getLogger(__name__)

SOCKET = "control.sock"
"""In a gateway's data folder."""
MAX_LINE = 64 * 1024
MAX_ANSWER = 16 << 20
"""Bytes: a thousand events of the largest size."""
MAX_PATH = 100
"""A Unix socket's path has 108 bytes at most."""
ANSWER_S = 10.0
AGAIN_S = 2.0

Handler = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]


class Control:
    """The server side."""

    def __init__(self, path: Path, commands: Mapping[str, Handler]) -> None:
        self._path = path
        self._commands = commands
        self._writers: set[asyncio.StreamWriter] = set()
        self._problem = ""

    async def run(self) -> None:
        """Serve until cancelled. Where the disk has no room for a socket, it is tried again."""
        server = await self._open()
        while server is None:
            await asyncio.sleep(AGAIN_S)
            server = await self._open()
        try:
            async with server:
                await server.serve_forever()
        finally:
            for writer in self._writers:
                writer.close()
            with suppress(FileNotFoundError):
                self._path.unlink()

    async def _open(self) -> asyncio.Server | None:
        """None: the disk has no room for it now."""
        try:
            self._path.unlink(missing_ok=True)  # of an earlier life: the outbox's lock says that no other daemon runs
            with short_path(self._path) as path:
                old = os.umask(0o177)
                try:
                    return await asyncio.start_unix_server(self._client, path, limit=MAX_LINE)
                finally:
                    os.umask(old)
        except OSError as error:
            if self._problem != str(error):
                _log.error("%s: %s; nobody can ask this daemon until that ends", self._path, error)
            self._problem = str(error)
            return None

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                line = await reader.readline()
                if not line:
                    return
                writer.write(json.dumps(await self._answer(line), separators=(",", ":")).encode() + b"\n")
                await writer.drain()
        except (ValueError, ConnectionError):
            return  # a line that is too long, or a client that left
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = read_json(line)
            command = request.get("cmd") if isinstance(request, dict) else None
            if not isinstance(command, str) or command not in self._commands:
                names = ", ".join(sorted(self._commands))
                return {"ok": False, "reason": "unknown_command", "text": f"commands: {names}"}
            args = request.get("args") or {}
            if not isinstance(args, dict):
                return {"ok": False, "reason": "invalid", "text": "args is not an object"}
            return {"ok": True, "result": await self._commands[command](args)}
        except PermanentError as error:
            return {"ok": False, "reason": error.reason, "text": str(error).removeprefix(f"{error.reason}: ")}
        except HadirError as error:
            return {"ok": False, "reason": "failed", "text": str(error)}


async def call(path: Path, command: str, args: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Ask a running daemon; `path` is its socket, or the data folder with the socket in it.

    Raises TransientError when nobody answers, PermanentError when it says no.
    """
    path = _socket_in(path)
    try:
        async with asyncio.timeout(ANSWER_S):
            with short_path(path) as short:
                reader, writer = await asyncio.open_unix_connection(short, limit=MAX_ANSWER)
            try:
                writer.write(json.dumps({"cmd": command, "args": dict(args or {})}).encode() + b"\n")
                await writer.drain()
                answer = json.loads(await reader.readline() or b"{}")
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError) as error:
        raise TransientError(f"no daemon answers at {path}: {_words(error)}") from error
    if not answer.get("ok"):
        raise PermanentError(answer.get("reason", "failed"), answer.get("text", "no answer"))
    result: dict[str, Any] = answer["result"]
    return result


def _socket_in(path: Path) -> Path:
    return path / SOCKET if path.is_dir() else path


def _words(error: BaseException) -> str:
    """Why nobody answers, and what to look at."""
    match error:
        case FileNotFoundError() | NotADirectoryError():
            return "there is no such socket; is the gateway running, and on this machine?"
        case ConnectionRefusedError():
            return "nobody listens there; the gateway has ended"
        case PermissionError():
            return "it is for the user that runs the gateway alone"
        case TimeoutError():
            return f"too slow, more than {ANSWER_S:.0f} s"
        case OSError():
            return error.strerror or str(error)
        case _:
            return str(error)


@contextmanager
def short_path(path: Path) -> Iterator[Path]:
    """`path`, or the same by way of an open folder where it is too long for a socket's address."""
    if len(os.fsencode(path)) <= MAX_PATH:
        yield path
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield Path(f"/proc/self/fd/{folder}") / path.name
    finally:
        os.close(folder)
