"""What simulated devices speak over: lines, a broker, the air. Each counts what it sends, and writes it down.

A frame is written down before it can be read, under the device that sent it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic_ns
from typing import Any

from firmware_sim.lines import SerialLine, Written
from firmware_sim.truth import Truth, frame_name


class Wire:
    """A serial line with one device at its end, or a stick that hears many."""

    def __init__(
        self, name: str, folder: Path, truth: Truth, *, fresh: bool, heard: Callable[[bytes], None] | None = None
    ) -> None:
        """It appears as `tty/<name>` in the folder. `fresh`, `heard`: see SerialLine."""
        self.frames = 0
        self._truth = truth
        self._line = SerialLine(folder / "tty" / name, fresh=fresh, heard=heard)

    @property
    def dropped(self) -> int:
        """Frames that the line could not take."""
        return self._line.dropped

    def send(self, device: str, frame: bytes, written: Written | None = None, *, address: str = "") -> None:
        """Send one frame; `address`: of the sender on a line that many share."""
        name = frame_name(address, frame)

        def done(at: int) -> None:
            self.frames += 1
            self._truth.frame(device, name, at)
            if written is not None:
                written(at)

        self._line.send(frame, done)

    def close(self) -> None:
        """Hang up."""
        self._line.close()


class Broker:
    """Messages to the MQTT broker, by a client with a thread of its own; without a port nothing is sent.

    What the broker has not taken when it goes is lost, as it is with a bridge that keeps nothing.
    """

    def __init__(self, port: int, truth: Truth) -> None:
        self.frames = 0
        self.dropped = 0
        self._truth = truth
        self._client: Any = None
        self._lock = threading.Lock()
        if port:
            from paho.mqtt.client import Client
            from paho.mqtt.enums import CallbackAPIVersion

            self._client = Client(CallbackAPIVersion.VERSION2, client_id="simulated-bridge")
            self._client.reconnect_delay_set(1, 2)
            self._client.connect_async("127.0.0.1", port)
            self._client.loop_start()

    def publish(self, topic: str, body: bytes, *, retain: bool = False, device: str = "", name: str = "") -> None:
        """Publish; with a `name` (frame_name) the frame is written down as one of `device`."""
        if self._client is None:
            return
        at = monotonic_ns()
        if not self._client.is_connected() and not retain:
            self.dropped += 1
            return
        self._client.publish(topic, body, qos=1, retain=retain)
        self.frames += 1
        if name:
            self._truth.frame(device, name, at)

    def close(self) -> None:
        """Say goodbye."""
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_stop()
