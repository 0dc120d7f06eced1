"""The proxy before a store does what it says, and counts it."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from faults.proxy_http import Proxy

Answer = tuple[int, bytes]


class Upstream:
    """Takes every write, and remembers it."""

    def __init__(self) -> None:
        self.took: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"Connection: close" in head
        size = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
        self.took.append(await reader.readexactly(size))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()


@asynccontextmanager
async def proxied() -> AsyncIterator[tuple[Proxy, Upstream]]:
    upstream = Upstream()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    proxy = Proxy(server.sockets[0].getsockname()[1])
    await proxy.start()
    try:
        yield proxy, upstream
    finally:
        await proxy.close()
        server.close()
        await server.wait_closed()


def post(port: int, body: bytes) -> Answer:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        client.request("POST", "/api/v2/write?bucket=b", body)
        answer = client.getresponse()
        return answer.status, answer.read()
    finally:
        client.close()


async def test_it_passes_refuses_forgets_and_resets_as_it_is_told() -> None:
    async with proxied() as (proxy, upstream):
        assert await asyncio.to_thread(post, proxy.port, b"m n=1") == (204, b"")
        proxy.poison.add(b"n=2")
        assert (await asyncio.to_thread(post, proxy.port, b"m n=1\nm n=2"))[0] == 400
        assert await asyncio.to_thread(post, proxy.port, b"m n=3") == (204, b"")
        assert (upstream.took, proxy.applied) == ([b"m n=1", b"m n=3"], 1)
        proxy.mode = "void"
        assert await asyncio.to_thread(post, proxy.port, b"m n=4") == (204, b"")
        proxy.mode = "down"
        with pytest.raises((OSError, http.client.HTTPException)):
            await asyncio.to_thread(post, proxy.port, b"m n=5")
        assert (upstream.took, proxy.applied) == ([b"m n=1", b"m n=3"], 3)


async def test_it_tells_of_the_next_writes_answer_before_it_goes_on_and_only_once() -> None:
    async with proxied() as (proxy, upstream):
        told: list[int] = []
        proxy.mode, proxy.after = "once", lambda: told.append(len(upstream.took))
        for n in range(2):
            assert await asyncio.to_thread(post, proxy.port, b"m n=%d" % n) == (204, b"")
        assert (told, proxy.mode, proxy.applied) == ([1], "pass", 1)
