"""A Mosquitto for the bench, and the tally: what it has taken, read back after the clock has stopped.

The tally is a persistent session that subscribes, goes away, and collects what the broker kept for it: counting costs
no contestant anything while it runs.
"""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

QUIET_S = 0.5
_CONF = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence false
max_queued_messages 0
max_inflight_messages 0
set_tcp_nodelay true
"""


@contextmanager
def mosquitto(folder: Path) -> Iterator[int]:
    """The port of a broker that ends with the context."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    conf = folder / "mosquitto.conf"
    conf.write_text(_CONF.format(port=port), encoding="ascii")
    with (folder / "mosquitto.log").open("ab") as log:
        process = subprocess.Popen(["mosquitto", "-c", str(conf)], stdout=log, stderr=log)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait()


class Tally:
    """Events of one contestant by (source, sequence)."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.seen: Counter[tuple[str, int]] = Counter()
        self._last = 0.0
        client = self._client()
        client.loop_start()
        done = []
        client.on_subscribe = lambda *_: done.append(True)
        client.connect("127.0.0.1", port, clean_start=True, properties=_kept())
        while not client.is_connected():
            time.sleep(0.005)
        client.subscribe([(f"hadir/v1/{cls}/#", 1) for cls in ("evt", "who", "sense", "hist", "whohist", "sensehist")])
        while not done:
            time.sleep(0.005)
        client.disconnect()
        client.loop_stop()

    def read(self) -> None:
        """Collect what the broker kept, and end the session."""
        client = self._client()
        client.on_message = self._message
        client.connect("127.0.0.1", self._port, clean_start=False, properties=_kept())
        self._last = time.monotonic()
        client.loop_start()
        while time.monotonic() - self._last < QUIET_S:
            time.sleep(0.02)
        client.disconnect()
        client.loop_stop()

    def lost(self, source: str, last: int) -> int:
        """Numbers up to `last` that never came."""
        return sum((source, number) not in self.seen for number in range(1, last + 1))

    @property
    def duplicated(self) -> int:
        """Events that came more than once."""
        return sum(times - 1 for times in self.seen.values())

    def _client(self) -> mqtt.Client:
        return mqtt.Client(CallbackAPIVersion.VERSION2, client_id="tally", protocol=mqtt.MQTTv5)

    def _message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        self._last = time.monotonic()
        found = json.loads(message.payload)
        for event in found if isinstance(found, list) else [found]:
            self.seen[event["source"], int(event["sequence"])] += 1


def _kept() -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = 600
    return properties
