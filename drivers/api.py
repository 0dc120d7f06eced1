"""The vocabulary that sources, drivers and rules share: frames, measurements, drivers.

A driver is a table and a function. It is pure: it never touches a clock, the network or the disk.

    DecodeError(ValueError)      drop the frame and count it by kind
      Truncated                  bytes are missing
      BadChecksum                checksum, parity or CRC does not hold
      Unsupported                well formed, but not something that this driver knows
      NotAuthentic               decryption, signature or replay counter does not hold
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple


class DecodeError(ValueError):
    """The bytes are not a valid frame of this device. The only exception that a driver may raise."""

    @property
    def kind(self) -> str:
        """The stable, countable name of what is wrong."""
        return type(self).__name__


class Truncated(DecodeError):
    """Bytes are missing."""


class BadChecksum(DecodeError):
    """A checksum, parity bit or CRC does not hold."""


class Unsupported(DecodeError):
    """Well formed, but not something that this driver knows."""


class NotAuthentic(DecodeError):
    """Decryption, signature or replay counter does not hold."""


class Frame(NamedTuple):
    """Bytes as received. A NamedTuple, not a dataclass: tens of thousands are made a second."""

    medium: str
    """`ble_adv`, `serial:<driver>`, `em4100`, ...: says how `payload` is laid out."""
    source: str
    """Id of the configured source that received it."""
    address: str
    """The sender's address on the medium (`AA:BB:CC:DD:EE:FF`); empty where the medium has none."""
    payload: bytes
    """For `ble_adv` the AD structures, for serial media one whole frame as cut by the framer."""
    rssi: int | None = None
    """dBm, for radio."""
    received_at: int = 0
    """Office time, ns UTC."""
    machine_at: int = 0
    """Machine time, ns."""


class Measurement(NamedTuple):
    """One decoded value."""

    kind: str
    """A word of the vocabulary: badge, beacon, tx_power, occupied, motion, moving_distance, illuminance, ..."""
    value: Any
    """bool, int, float, str, or a list of them. Never NaN."""
    unit: str = ""
    """UCUM-like: m, dBm, Cel, %, lx; empty for plain values."""
    channel: int | None = None
    """Which of several values of one kind, where the device numbers them."""


class Claim(NamedTuple):
    """What a BLE driver answers to, so that a source can turn strangers away before it builds anything.

    Exactly one of `company` (Bluetooth company identifier) and `service` (16-bit service UUID) is set; the data
    of that AD structure, after the identifier, must start with `prefix`.
    """

    company: int | None = None
    service: int | None = None
    prefix: bytes = b""


class SerialSettings(NamedTuple):
    """How the line is set; `parity` is N, E or O."""

    baud: int
    parity: str = "N"
    stop_bits: int = 1


class Cut(NamedTuple):
    """What a framer made of one piece of the byte stream."""

    state: bytes
    """Bytes kept for the next call; bounded by the longest frame."""
    frames: list[bytes]
    """Whole frames, in order."""
    dropped: dict[str, int]
    """Bytes thrown away, by cause: `garbage` (began no frame), `unfinished`, `oversize`, `BadChecksum`."""


Framer = Callable[[bytes, bytes], Cut]
"""Pure fold over a byte stream: (state, new bytes) -> Cut. The first state is b"". Never raises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """One device family. A module of drivers/ ends with `DRIVER = Driver(...)` (or `DRIVERS`, a tuple of them)."""

    name: str
    media: tuple[str, ...]
    """The media whose payloads `decode` understands."""
    modality: str
    """badge, tag, radar, pir, contact, counter, environment: what the rules weigh it by."""
    decode: Callable[[Frame], list[Measurement]]
    """Raises DecodeError and nothing else. An empty list: a valid frame that says nothing (an acknowledgement)."""
    framer: Framer | None = None
    """Cuts a byte stream; None where the medium delivers whole frames."""
    settings: SerialSettings | None = None
    start: tuple[bytes, ...] = ()
    """Bytes written once when the line is opened."""
    claims: tuple[Claim, ...] = ()
    """For `ble_adv`: what it answers to."""
    expect_s: float | None = None
    """The device's own interval at data-sheet rates; None: silent by design (it sends only when something happens)."""


def ad_structures(payload: bytes) -> Iterator[tuple[int, bytes]]:
    """(AD type, data) of an advertising payload. Raises Truncated. Bluetooth Core 5.4, Vol 3, Part C, section 11."""
    at, end = 0, len(payload)
    while at < end:
        length = payload[at]
        if length == 0:  # early termination: the rest is padding
            return
        if at + 1 + length > end:
            raise Truncated(f"AD structure at byte {at} says {length} bytes, {end - at - 1} are left")
        yield payload[at + 1], payload[at + 2 : at + 1 + length]
        at += 1 + length
