"""The embedded broker of the demo and of a single box: rumqttd in a wheel (`iotcore`), as a child process.

Bound to 127.0.0.1, no access control, and everything in memory: what is retained is lost when it restarts, which the
gateways' heartbeat heals. MQTT 5 and 3.1.1 are two listeners of one router: 5 on `port`, 3.1.1 on the next one.
rumqttd 0.20 panics when a publish that has MQTT 5 properties reaches a 3.1.1 subscriber, so hadir's own link sends none
to an embedded broker (mqtt.py); a client of yours should not either.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.errors import HadirError

_TOML = """\
id = 0

[router]
id = 0
max_connections = 200
max_outgoing_packet_count = 1000
max_segment_size = 16777216
max_segment_count = 8

[v5.1]
name = "v5"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 10000
max_payload_size = 67108864
max_inflight_count = 200
dynamic_filters = true

[v4.1]
name = "v4"
listen = "127.0.0.1:{older}"
next_connection_delay_ms = 1
[v4.1.connections]
connection_timeout_ms = 10000
max_payload_size = 67108864
max_inflight_count = 200
dynamic_filters = true
"""


class EmbeddedBroker:
    """Start it before the gateways, stop it after them."""

    def __init__(self, port: int, folder: Path) -> None:
        """`folder`: for its configuration."""
        try:
            from iotcore import Broker
        except ImportError as error:
            raise HadirError("the embedded broker is not installed: pip install 'hadir[demo]'") from error
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "rumqttd.toml"
        file.write_text(_TOML.format(port=port, older=port + 1), encoding="ascii")
        self.port = port
        self._broker = Broker(config_path=str(file))

    @property
    def pid(self) -> int | None:
        """Of the child process, while it runs."""
        process: subprocess.Popen[bytes] | None = self._broker._process  # noqa: SLF001 it offers no other way
        return None if process is None else process.pid

    def start(self) -> None:
        """Return when it accepts connections. Raises HadirError when it cannot start, e.g. on a taken port."""
        os.environ.setdefault("IOTCORE_LOG_LEVEL", "ERROR")
        try:
            with _no_interrupt():
                self._broker.start()
        except (OSError, RuntimeError) as error:
            raise HadirError(f"the embedded broker cannot start on port {self.port}: {error}") from error

    def stop(self) -> None:
        """End the child process."""
        self._broker.stop(timeout=1.0)


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """Children started inside do not take Ctrl-C: the broker must outlive the gateways' goodbyes. Ours only waits."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # ignored, it would be lost
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
