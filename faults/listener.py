"""A subscriber that only listens, of another make (paho): when each boot was first heard, and what is retained."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from gateway.boot import counter

DIGITS = 12
"""Of a number."""


class Listener:
    """Plain MQTT 3.1.1, in a thread of its own; comes back by itself when the broker does."""

    def __init__(self, port: int, *filters: str) -> None:
        self._filters = filters or ("hadir/v1/evt/#", "hadir/v1/who/#", "hadir/v1/hist/#", "hadir/v1/whohist/#")
        self._lock = threading.Lock()
        self._first: dict[str, float] = {}
        self._changed = threading.Condition(self._lock)
        self.retained: dict[str, Any] = {}
        """By topic: what it said last."""
        self._highest: dict[tuple[str, str], int] = {}
        client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
        client.reconnect_delay_set(0.05, 0.5)  # type: ignore[arg-type]  # it takes fractions
        client.on_connect = self._connected
        client.on_message = self._message
        client.connect_async("127.0.0.1", port)
        client.loop_start()
        self._client = client

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def wait_for_boot(self, above: int, seconds: float) -> float:
        """time.monotonic() of the first event of a boot whose counter is above `above`."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                late = [at for boot, at in self._first.items() if counter(boot) > above]
                if late:
                    return min(late)
                if not self._changed.wait(max(0.0, deadline - time.monotonic())):
                    raise RuntimeError(f"no boot above {above} published within {seconds:.0f} s")

    def highest(self) -> dict[tuple[str, str], int]:
        """The highest number that was heard of each (gateway, boot): so far at least it must be in the archive."""
        with self._lock:
            return dict(self._highest)

    def states(self) -> dict[str, Any]:
        """What was said last on each state topic; what was emptied is left out."""
        with self._lock:
            return {topic: said for topic, said in self.retained.items() if said and "/state/" in topic}

    def _connected(self, client: mqtt.Client, *_: Any) -> None:
        client.subscribe([(name, 1) for name in self._filters])

    def _message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        now = time.monotonic()
        try:
            said = json.loads(message.payload) if message.payload else None
        except (ValueError, RecursionError):
            return  # poison: not ours to judge
        with self._changed:
            if "/state/" in message.topic or "/gw/" in message.topic:
                self.retained[message.topic] = said
            for event in said if isinstance(said, list) else [said]:
                if isinstance(event, dict) and "source" in event:
                    _, gateway, boot = ("//" + str(event["source"])).rsplit("/", 2)
                    self._first.setdefault(boot, now)
                    number = str(event.get("sequence", ""))
                    if number.isdecimal() and len(number) <= DIGITS:
                        self._highest[gateway, boot] = max(int(number), self._highest.get((gateway, boot), 0))
            self._changed.notify_all()
