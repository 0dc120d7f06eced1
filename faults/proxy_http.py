"""A proxy before a time-series server, which does to its requests what networks, servers and disks do to them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

NO_CONTENT = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"
REFUSED = b'HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n\r\n{"error":"a line is bad"}'


class Proxy:
    """One request a connection. `mode` may be changed at any time; `applied` counts what was done to requests."""

    def __init__(self, upstream: int) -> None:
        self._upstream = upstream
        self._server: asyncio.Server | None = None
        self.port = 0
        self.mode = "pass"
        """pass; down: connections are reset; slow: answers wait `wait_s`; void: writes are answered 204 and forgotten;
        once: the next write's answer is told to `after` before it goes on."""
        self.poison: set[bytes] = set()
        """A write that holds one of these is refused, in every mode."""
        self.wait_s = 1.0
        self.after: Callable[[], None] = lambda: None
        self.applied = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(_length(head))
            answer = await self._answer(head, body, writes=b"/write" in head.split(b"\r\n", 1)[0])
            if not answer:
                writer.transport.abort()
            writer.write(_last(answer))
            await writer.drain()
        writer.close()

    async def _answer(self, head: bytes, body: bytes, *, writes: bool) -> bytes:
        """Empty: the connection is reset."""
        if self.mode == "down":
            self.applied += 1
            return b""
        if writes and any(bad in body for bad in self.poison):
            self.applied += 1
            return REFUSED
        if writes and self.mode == "void":
            self.applied += 1
            return NO_CONTENT
        answer = await self._pass_on(head, body)
        if self.mode == "slow":
            self.applied += 1
            await asyncio.sleep(self.wait_s)
        if self.mode == "once" and writes and b" 204 " in answer.split(b"\r\n", 1)[0]:
            self.mode = "pass"
            self.applied += 1
            self.after()
        return answer

    async def _pass_on(self, head: bytes, body: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        try:
            writer.write(_last(head) + body)
            return await reader.read()
        finally:
            writer.close()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def _last(message: bytes) -> bytes:
    """The same, as the last one of its connection."""
    head, end, body = message.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([*lines, b"Connection: close"]) + end + body if head else b""
