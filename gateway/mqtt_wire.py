"""The bytes under paho: an asyncio stream that looks like the socket which paho wants.

PUBACKs are taken out of it on the way (mqtt_packets.py).

paho takes a packet apart with three small `recv` and sends each packet with a `send` of its own. Here both are served
from memory: what the kernel has is read at once, and what one turn of the event loop publishes leaves in one write.
asyncio connects, resolves names and speaks TLS, so that nothing of it blocks the loop, and all of it can be cancelled.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from gateway.config.sources import Tls
from gateway.errors import TransientError
from gateway.mqtt_packets import Oversize, Puback, Splitter

MAX_PACKET = 16 << 20
"""Bytes of the largest packet that is taken: a large site's identity snapshots have some megabytes. A larger one ends
the connection before it is in memory."""


class Wire(asyncio.Protocol):
    """One connection. `on_data` is called when something has come, `on_lost` at the end, with why."""

    def __init__(
        self, on_data: Callable[[], None], on_puback: Callable[[Puback], None], on_lost: Callable[[str], None]
    ) -> None:
        self._splitter = Splitter(MAX_PACKET, on_puback)
        self._on_data = on_data
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._in = b""
        self._at = 0
        self._out = bytearray()
        self.refused = ""
        """Why what the broker sent was not taken."""
        self._gone = asyncio.get_running_loop().create_future()

    # --- asyncio's side ---------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 create_connection makes no other
        self._transport = transport
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        try:
            others = self._splitter.feed(data)
        except Oversize as error:
            self.refused = f"a packet of {error.size} bytes came; at most {MAX_PACKET} are taken"
            self._on_lost(self.refused)
            self.abort()
            return
        if others:
            self._in = self._in[self._at :] + others if self._at < len(self._in) else others
            self._at = 0
        self._on_data()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._gone.done():
            self._gone.set_result(None)
        self._on_lost("the broker closed the connection" if error is None else f"the connection was cut: {error}")

    # --- paho's side: what it asks of a socket ----------------------------------------------------------------------

    def recv(self, size: int) -> bytes:
        """At most `size` bytes; raises BlockingIOError when nothing is here."""
        at = self._at
        if at >= len(self._in):
            raise BlockingIOError
        self._at = at + size
        return self._in[at : at + size]

    def send(self, data: bytes | bytearray) -> int:
        """Takes all of it; it leaves with `flush`."""
        self._out += data
        return len(data)

    def fileno(self) -> int:
        """None of paho's business: the loop reads and writes."""
        return -1

    def setblocking(self, flag: bool) -> None:
        """It never blocks."""

    def close(self) -> None:
        """Send what is left, then close."""
        self.flush()
        if self._transport is not None:
            self._transport.close()

    # --- the link's side --------------------------------------------------------------------------------------------

    @property
    def pending(self) -> bool:
        """Whether something is here that paho has not read."""
        return self._at < len(self._in)

    def flush(self) -> None:
        """Write what was sent since the last time."""
        if self._out and self._transport is not None:
            out, self._out = self._out, bytearray()
            self._transport.write(out)

    def abort(self) -> None:
        """Drop the connection without a word."""
        self._in, self._at = b"", 0
        self._out.clear()
        if self._transport is not None:
            self._transport.abort()

    async def closed(self, seconds: float) -> None:
        """Return when it is closed; drop it after `seconds`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await asyncio.shield(self._gone)
        self.abort()


async def connect(wire: Wire, host: str, port: int, tls: ssl.SSLContext | None, seconds: float) -> None:
    """Connect `wire`, with TLS when there is a context. Raises TransientError that says why not."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(seconds):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            # a race only where there is a choice: cancelled at its end, Python 3.11 forgets to close the socket
            delay = 0.25 if len(found) > 1 else None
            await loop.create_connection(lambda: wire, host, port, ssl=tls, happy_eyeballs_delay=delay)
    except TimeoutError:
        raise TransientError(f"no answer from {host}:{port} for {seconds:g} s") from None
    except OSError as error:
        raise TransientError(f"cannot connect to {host}:{port}: {reason(error)}") from error


def tls_context(tls: Tls, base: Path) -> ssl.SSLContext:
    """Read at each connect, so that a renewed certificate needs no restart. Raises OSError."""
    for file in (tls.ca, tls.certificate, tls.key):
        if file is not None:
            (base / file).open("rb").close()  # it says which one is missing, which OpenSSL does not
    context = ssl.create_default_context(cafile=str(base / tls.ca) if tls.ca else None)
    if tls.certificate is not None:
        context.load_cert_chain(base / tls.certificate, base / tls.key if tls.key else None)
    return context


def reason(error: OSError) -> str:
    """`Connection refused` rather than a repetition of the address."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the broker's certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError | socket.gaierror) or not error.errno or error.errno < 0:
        return error.strerror or str(error)
    return os.strerror(error.errno)
