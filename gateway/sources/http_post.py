"""A small HTTP/1.1 server that nobody can fill: requests with a body of bounded size, on h11 over asyncio's streams.

h11 (pure Python, MIT) reads and writes the protocol, and holds it to RFC 9112; this file has the limits: connections,
bytes of a head and of a body, and seconds until both have come. A web framework's server would take the signals of the
daemon, end the process where a port is taken, and has no limit on how slowly a head may come.

What is answered before its body was read (no credentials, too large) ends the connection, and the rest of the body is
read and thrown away for a moment: a connection that is closed with bytes unread is reset, and takes the answer along.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import h11

from gateway.sources.http_words import Handler, Request, Response

MOST_CONNECTIONS = 20
MAX_HEAD = 16 << 10
MAX_BODY = 64 << 10
PATIENCE_S = 10.0
"""Until a request is whole, and between two requests of one connection."""
GOODBYE_S = 1.0
LEFT = 1 << 20
"""Bytes that are thrown away after an early answer, at most."""
_BLOCK = 64 << 10


async def serve(host: str, port: int, handler: Handler, listening: Callable[[int], None]) -> None:
    """Serve until cancelled. Raises OSError when the port cannot be had; `listening` is told which it is."""
    open_now: set[asyncio.Task[None]] = set()
    group = asyncio.TaskGroup()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(open_now) >= MOST_CONNECTIONS:
            handler.refused("crowd")
            writer.transport.abort()
            return
        task = group.create_task(_connection(reader, writer, handler), name="http")
        open_now.add(task)
        task.add_done_callback(open_now.discard)

    server = await asyncio.start_server(accept, host, port, limit=_BLOCK, start_serving=False)
    try:
        async with group:
            await server.start_serving()
            listening(server.sockets[0].getsockname()[1])
            await asyncio.get_running_loop().create_future()  # until cancelled
    finally:
        server.close()


async def _connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handler: Handler) -> None:
    line = _Line(reader, writer)
    try:
        while await _exchange(line, handler):
            pass
    except TimeoutError:
        if line.begun:
            handler.refused("slow")
            with suppress(OSError, TimeoutError):
                await line.answer(Response(408), last=True)
    except h11.RemoteProtocolError as error:
        handler.refused("http")
        with suppress(OSError, TimeoutError):
            await line.answer(Response(error.error_status_hint), last=True)
    except OSError:
        pass  # it is gone
    finally:
        writer.transport.abort()


async def _exchange(line: _Line, handler: Handler) -> bool:
    """One request and its answer; whether another one may follow."""
    async with asyncio.timeout(PATIENCE_S):
        request = await line.head()
        if request is None:
            return False
        response = handler.head(request)
        if response is not None:
            await line.answer(response, last=True)
            return False
        body = await line.body()
    if body is None:
        handler.refused("too_big")
        await line.answer(Response(413), last=True)
        return False
    return await line.answer(await handler.whole(body))


class _Line:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        self._bodyless = False
        self.begun = False
        """A request has begun to come."""

    async def head(self) -> Request | None:
        """The next request; None: there is none."""
        self.begun = bool(self._http.trailing_data[0])
        event = await self._event()
        if not isinstance(event, h11.Request):
            return None
        headers: dict[str, tuple[str, ...]] = {}
        for name, value in event.headers:
            key = name.decode("ascii")
            headers[key] = (*headers.get(key, ()), value.decode("latin-1"))
        self._bodyless = event.method == b"HEAD"
        path = event.target.partition(b"?")[0].decode("ascii")
        return Request(event.method.decode("ascii"), path, headers)

    async def body(self) -> bytes | None:
        """The body; None: it is too large."""
        if self._http.they_are_waiting_for_100_continue:
            go_on = h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
            self._writer.write(self._http.send(go_on) or b"")
        body = b""
        while True:
            event = await self._event()
            if isinstance(event, h11.EndOfMessage):
                return body
            if isinstance(event, h11.Data):
                if len(body) + len(event.data) > MAX_BODY:
                    return None
                body += bytes(event.data)

    async def answer(self, response: Response, *, last: bool = False) -> bool:
        """Send it; whether another request may follow. `last`: the connection ends."""
        http = self._http
        if http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return False
        headers = [("content-length", str(len(response.body))), *response.headers]
        if response.body:
            headers.append(("content-type", "application/json"))
        if last:
            headers.append(("connection", "close"))
        parts: list[h11.Response | h11.Data | h11.EndOfMessage]
        parts = [h11.Response(status_code=response.status, headers=headers), h11.EndOfMessage()]
        if response.body and not self._bodyless:
            parts.insert(1, h11.Data(data=response.body))
        self._writer.write(b"".join(http.send(part) or b"" for part in parts))
        async with asyncio.timeout(PATIENCE_S):
            await self._writer.drain()
        if last or set(http.states.values()) != {h11.DONE}:
            await self._goodbye()
            return False
        http.start_next_cycle()
        return True

    async def _event(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            data = await self._reader.read(_BLOCK)
            self.begun = self.begun or bool(data)
            self._http.receive_data(data)
        return event

    async def _goodbye(self) -> None:
        """Let the other side read the answer before the connection goes."""
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(GOODBYE_S):
                self._writer.write_eof()
                left = LEFT
                while left > 0 and (data := await self._reader.read(_BLOCK)):
                    left -= len(data)
