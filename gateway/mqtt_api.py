"""The words of the MQTT link: what goes through it and what state it is in. Nothing of paho is in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.errors import TransientError

REFUSED = 0x80
"""Reason codes from here on are refusals."""
TOO_LARGE = 0x95


class Delivered(NamedTuple):
    """A PUBACK."""

    reason: int
    text: str
    """Why it was refused; empty for success."""


class Message(NamedTuple):
    """A received message; nothing is acknowledged before `ack()`."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    user: Mapping[str, str]
    response_topic: str | None
    correlation: bytes | None
    ack: Callable[[], None]


class Note(NamedTuple):
    """A message that is known beforehand: a last will, a farewell."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = True


@dataclass(slots=True)
class LinkState:
    """Readable at any time."""

    connected: bool = False
    reason: str = "starting"
    """Why it is not connected, or what is wrong though it is; empty when all is well."""
    since: int = 0
    """Machine time of the last change, ns."""
    connects: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    """Subscriptions that the broker refused, and why; each is asked for again."""


Done = Callable[[Delivered | TransientError], None]
