"""Free ports of the loopback interface, for servers that are started on the spot."""

from __future__ import annotations

import socket

from gateway.errors import HadirError


def free_port() -> int:
    """A port that nobody has at this moment."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def free_pair() -> int:
    """A port whose successor is free as well: the embedded broker listens on both. Raises HadirError."""
    for _ in range(100):
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
    raise HadirError("no two free ports beside each other on 127.0.0.1")
