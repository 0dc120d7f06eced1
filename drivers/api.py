"""The vocabulary that sources, drivers and rules share: frames, measurements, drivers.

A driver is a table and a function. It is pure: it never touches a clock, the network or the disk.

    DecodeError(ValueError)      drop the frame and count it by kind
      Truncated                  bytes are missing
      BadChecksum                checksum, parity or CRC does not hold
      Unsupported                well formed, but not something that this driver knows
      NotAuthentic               decryption, signature or replay counter does not hold
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
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
    """Says how `payload` is laid out; see `Driver.media`."""
    source: str
    """Id of the configured source that received it."""
    address: str
    """The sender's address on the medium (`AA:BB:CC:DD:EE:FF`, DevEUI, EnOcean id); empty where there is none."""
    payload: bytes
    """For `ble_adv` the AD structures, for serial media one whole frame as cut by the framer."""
    rssi: int | None = None
    """dBm, for radio."""
    received_at: int = 0
    """Office time, ns UTC."""
    machine_at: int = 0
    """Machine time, ns."""
    port: int | None = None
    """LoRaWAN FPort."""


class Measurement(NamedTuple):
    """One decoded value."""

    kind: str
    """A word of drivers/vocabulary.py: badge, beacon, occupied, motion, moving_distance, illuminance, ..."""
    value: Any
    """bool, int, float or str; a list or an object of them where the vocabulary says so. Never NaN."""
    unit: str = ""
    """UCUM-like: m, dBm, Cel, %, lx; empty for plain values."""
    channel: int | str | None = None
    """Which of several values of one kind: the device's number, or the driver's own word (`line_1`); never its text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the configuration says of the device that sent a frame. The same for every frame of that device."""

    key: bytes = field(default=b"", repr=False)
    """Its secret: encryption key, identity key. One of `Driver.key_sizes` long."""
    profile: str = ""
    """Which of `Driver.profiles` it has: an EnOcean equipment profile, ..."""
    mapping: Mapping[str, Any] = field(default_factory=dict)
    """What a device without a layout of its own means by its fields or registers."""


class Decoded(NamedTuple):
    """What `Driver.decode_with` returns."""

    measurements: list[Measurement]
    counter: int | None = None
    """The authenticated replay counter of the frame. The gateway judges it: a driver has no memory."""


class Claim(NamedTuple):
    """What a BLE driver answers to, so that a source can turn strangers away before it builds anything.

    `company` is a Bluetooth company identifier, `service` a 16-bit service UUID; with neither, manufacturer data of any
    company is meant, and `prefix` is not empty. The data of that AD structure, after the identifier, must start with
    `prefix`; where `name` is set, the advert's local name must start with it as well.
    """

    company: int | None = None
    service: int | None = None
    prefix: bytes = b""
    name: bytes = b""


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
    title: str = ""
    """Maker and product, for people: "Hi-Link HLK-LD2410 (B, C), presence radar"."""
    media: tuple[str, ...]
    """The media whose payloads `decode` understands:

    `ble_adv`            AD structures
    `serial:<name>`      one whole frame, as the driver's own framer cuts it
    `em4100`             5 bytes of a tag id, or 8 bytes off the air
    `wiegand`            one byte: how many bits; then the bits, first one highest, padded with zeros to whole bytes
    `osdp`               a packet without its mark byte
    `lorawan:<maker>:<model>`   FRMPayload; Frame.port is the FPort
    `ble_rpa`            nothing: Frame.address is a private address that somebody here has the key of
    `mqtt`, `modbus`, `gpio`, `pcsc`, `keyboard`, `door`   see the driver
    """
    modality: str
    """badge, tag, radar, seat, pir, contact, counter, environment: what the rules weigh it by.

    A `radar` or a `counter` says all the time who is there; a `seat` (desk, chair or ceiling sensor) keeps a state of
    its own and tells its changes; a `pir` tells of moments."""
    decode: Callable[[Frame], list[Measurement]]
    """Raises DecodeError and nothing else. An empty list: a valid frame that says nothing (an acknowledgement)."""
    decode_with: Callable[[Frame, Context], Decoded] | None = None
    """The same for a device whose frames need a key, a profile or a mapping; `decode` says what can be read without.

    Raises NotAuthentic for a wrong key. None: the configuration has nothing to add.
    """
    key_sizes: tuple[int, ...] = ()
    """Bytes that a key may have; empty: it takes none."""
    profiles: tuple[str, ...] = ()
    """Profiles that it knows; empty: it has none."""
    profile_modality: Mapping[str, str] = field(default_factory=dict, hash=False)
    """By profile, where that says which kind of sensor a device is."""
    mixed: bool = False
    """A family with sensors of several kinds, and nothing in it says which one a device is: office.yaml must."""
    check: Callable[[Mapping[str, Any]], list[str]] | None = None
    """What is wrong with a mapping, a sentence each; None: it takes no mapping."""
    sender: Callable[[bytes], str] | None = None
    """Who sent a frame of a line that many devices share: the address within the frame. Raises DecodeError."""
    kinds: tuple[str, ...] = ()
    """Every kind that it may measure, in the order of the table of devices."""
    checked: str = ""
    """The day on which its vectors were last compared with their sources, 2026-11-26."""
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
