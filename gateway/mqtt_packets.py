"""PUBLISH with QoS 1 out and PUBACK in: the two packets of which thousands go a second. No I/O.

paho builds four objects and a lock for each publish and three for each PUBACK, which is a quarter of what an event
costs. Everything else of MQTT is paho's. MQTT 3.1.1 and 5.0, sections 3.3 and 3.4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

PUBACK = 0x40
_PUBLISH_QOS_1 = 0x32
_RETAIN = 0x01
FIRST_MID, LAST_MID = 0x8000, 0xFFFF
"""Packet identifiers of our publishes; paho's count from 1, for subscriptions, and never get so far."""


class Oversize(Exception):
    """A packet of so many bytes is announced; more than may be taken."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


class Puback(NamedTuple):
    """The answer to a publish."""

    mid: int
    reason: int
    """0x80 and above: refused. Always 0 with MQTT 3.1.1."""


def publish(topic: bytes, payload: bytes, mid: int, *, retain: bool, properties: bytes | None) -> bytes:
    """A QoS 1 PUBLISH. `properties`: their length and they themselves, as MQTT 5 has them; None: MQTT 3.1.1."""
    head = b"%b%b%b%b" % (
        len(topic).to_bytes(2, "big"),
        topic,
        mid.to_bytes(2, "big"),
        b"" if properties is None else properties,
    )
    first = _PUBLISH_QOS_1 | (_RETAIN if retain else 0)
    return b"%c%b%b%b" % (first, _length(len(head) + len(payload)), head, payload)


def _length(size: int) -> bytes:
    """A variable byte integer (5.0, section 1.5.5)."""
    made = bytearray()
    while True:
        size, low = divmod(size, 128)
        made.append(low | 0x80 if size else low)
        if not size:
            return bytes(made)


class Splitter:
    """Parts what the broker sends: PUBACKs for us, everything else, in whole packets, for paho."""

    def __init__(self, largest: int, on_puback: Callable[[Puback], None]) -> None:
        """`largest`: bytes of a packet that is taken."""
        self._largest = largest
        self._on_puback = on_puback
        self._rest = bytearray()
        self._nonsense = False
        """What comes is no MQTT any more: paho is to say so."""

    def feed(self, data: bytes) -> bytes:
        """What is for paho of `data` and of what was left before. Raises Oversize."""
        whole: bytes | bytearray = data
        if self._rest:
            self._rest += data
            whole = self._rest
        others: list[bytes | bytearray] = []
        at = kept = 0
        while (end := self._end(whole, at)) is not None:
            if whole[at] == PUBACK:
                if kept < at:
                    others.append(whole[kept:at])
                kept = end
                self._on_puback(_puback(whole, at, end))
            at = end
        if self._nonsense:
            at = len(whole)
        if kept < at:
            others.append(whole[kept:at])
        if at or whole is data:
            self._rest = bytearray(whole[at:])  # else a large packet is still growing, in place
        return b"".join(others)

    def _end(self, data: bytes | bytearray, at: int) -> int | None:
        """Where the packet that begins at `at` ends; None: not all of it is here, or it is none."""
        size = shift = 0
        for index in range(at + 1, min(at + 5, len(data))):
            size |= (data[index] & 0x7F) << shift
            if data[index] < 0x80:
                if size > self._largest:
                    raise Oversize(size)
                end = index + 1 + size
                return end if end <= len(data) else None
            shift += 7
        self._nonsense = len(data) >= at + 5  # a length has at most four bytes
        return None


def _puback(data: bytes | bytearray, at: int, end: int) -> Puback:
    """Its length was read already, and is one byte unless there are properties."""
    body = at + 1
    while data[body] & 0x80:
        body += 1
    body += 1
    if end - body < 2:
        return Puback(0, 0)  # names no publish of ours
    return Puback(int.from_bytes(data[body : body + 2], "big"), data[body + 2] if end - body > 2 else 0)
