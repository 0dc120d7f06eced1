"""What simulated devices speak over: lines, a broker, the air. Each counts what it sends, and writes it down.

A frame is written down before it can be read, under the device that sent it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import monotonic_ns
from typing import Any, NamedTuple

from firmware_sim.faults import NONE, Trouble
from firmware_sim.lines import SerialLine, Written
from firmware_sim.truth import Truth, frame_name


class _Sender(NamedTuple):
    """Whose a frame is, and who waits until it is written."""

    device: str
    address: str
    waiting: list[Written]


class _Message(NamedTuple):
    """Where a body is published, and under which name it is written down."""

    topic: str
    retain: bool
    device: str
    name: str


class Wire:
    """A serial line with one device at its end, or a stick that hears many."""

    def __init__(
        self,
        name: str,
        folder: Path,
        truth: Truth,
        *,
        fresh: bool,
        heard: Callable[[bytes], None] | None = None,
        trouble: Trouble[_Sender] | None = None,
    ) -> None:
        """It appears as `tty/<name>` in the folder. `fresh`, `heard`: see SerialLine."""
        self.frames = 0
        self.dropped = 0
        """Frames that the line could not take."""
        self._truth = truth
        self._trouble = trouble or Trouble(NONE, name)
        self._open = partial(SerialLine, folder / "tty" / name, fresh=fresh, heard=heard)
        self._line: SerialLine | None = self._open()

    def send(
        self, device: str, frame: bytes, written: Written | None = None, *, address: str = "", tap: bool = False
    ) -> None:
        """Send one frame; `address`: of the sender on a line that many share. `tap`: it may not be lost."""
        whose = _Sender(device, address, [written] if written is not None else [])
        for data, whole, sender in self._trouble.over(frame, whose, tap=tap):
            if self._line is None:
                return
            before = self._line.dropped
            name = frame_name(sender.address, data)
            self._line.send(data, partial(self._done, sender, name) if whole else None)
            self.dropped += self._line.dropped - before

    def _done(self, sender: _Sender, name: str, at: int) -> None:
        self.frames += 1
        self._truth.frame(sender.device, name, at)
        while sender.waiting:
            sender.waiting.pop()(at)

    def unplug(self) -> None:
        """Pull it out."""
        if self._line is not None:
            self._line.close()
            self._line = None

    def plug(self) -> None:
        """Put it in again, under the same name."""
        if self._line is None:
            self._line = self._open()

    def close(self) -> None:
        """Hang up."""
        self.unplug()


class Broker:
    """Messages to the MQTT broker, by a client with a thread of its own; without a port nothing is sent.

    What the broker has not taken when it goes is lost, as it is with a bridge that keeps nothing.
    """

    def __init__(self, port: int, truth: Truth, trouble: Trouble[_Message] | None = None) -> None:
        self._trouble = trouble or Trouble(NONE, "broker")
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
        message = _Message(topic, retain, device, name)
        if not self._client.is_connected() and not retain:
            self.dropped += 1
            return
        for data, whole, said in self._trouble.over(body, message, tap=retain, noise=False):
            at = monotonic_ns()
            self._client.publish(said.topic, data, qos=1, retain=said.retain and whole)
            self.frames += 1
            if said.name and whole:
                self._truth.frame(said.device, said.name, at)

    def close(self) -> None:
        """Say goodbye."""
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_stop()
