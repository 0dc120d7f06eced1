"""What all Milesight LoRaWAN sensors have in common: how a FRMPayload is cut into fields. No driver of its own.

    channel id | channel type | value (length by id and type, numbers little-endian) | the next one ...

What a model's table does not name has a length that nobody here knows. LoRaWAN's integrity code says that the bytes are
whole, so such a field is a newer firmware's, not damage: the reading ends there and keeps what it has. Where it has
nothing, the message is Unsupported. A field that breaks off is Truncated: the whole message is dropped.

- FF xx: what the device is (serial number, versions, power-up). FE, F8, F9 and the other FF xx: answers to settings.
  They say nothing of the room, and a message with an unknown one ends there.
- 20 CE, 21 CE: stored values with their time, sent later. They tell of the past and are skipped, never reported as now.
- Alarms repeat the value that they are about with a state behind it: the value is reported, the state is not.
- What is said of the whole room comes last, behind its regions: one place may take the device's last word as its own.

Sources: README.md and decoder of each model in the maker's repository Milesight-IoT/SensorDecoders (read 2026-11-26),
from which come the tables of channels, types and lengths; Milesight, VS121 user guide, section 6.1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from drivers.api import Driver, Frame, Measurement, Truncated, Unsupported

MINUTE, HOUR = 60.0, 3600.0
_ANSWERS = frozenset({0xF8, 0xF9, 0xFE, 0xFF})
_PRESENCE = frozenset({"occupied", "count"})
"""What is not believed in a message in which the device says that it cannot see."""


class Field(NamedTuple):
    """What follows one channel id and type."""

    size: int | Callable[[bytes], int | None]
    """Bytes of the value, or how to tell from what is left of the message; None: nobody knows."""
    read: Callable[[bytes], list[Measurement]]


Table = Mapping[str, Field]
"""Channel id and type, four hex digits -> what follows."""


def _decode(table: Table, regions_are_all: bool, frame: Frame) -> list[Measurement]:
    """What the message says of now; nothing for a message about the device, its settings or the past."""
    data = frame.payload
    if not data:
        raise Truncated("empty")
    made: list[Measurement] = []
    at = 0
    while at < len(data):
        key, rest = data[at : at + 2], data[at + 2 :]
        if len(key) < 2:
            raise Truncated("a channel without a type")
        field = table.get(key.hex()) or _SYSTEM.get(key.hex())
        if field is None:
            if made or key[0] in _ANSWERS:
                break
            raise Unsupported(f"channel {key[0]:02x}, type {key[1]:02x}")
        size = field.size if isinstance(field.size, int) else field.size(rest)
        if size is None:
            break
        if len(rest) < size:
            raise Truncated(f"channel {key[0]:02x}, type {key[1]:02x}: {len(rest)} of {size} bytes")
        made += field.read(rest[:size])
        at += 2 + size
    if any(one.kind == "problem" and one.value for one in made):
        return [one for one in made if one.kind not in _PRESENCE]
    return _whole_last(made, regions_are_all)


def _whole_last(made: list[Measurement], regions_are_all: bool) -> list[Measurement]:
    """Somebody in a region is somebody in the room; nobody in any is nobody only where the regions are all there is."""
    presence = [one for one in made if one.kind in _PRESENCE]
    if presence and all(one.channel is not None for one in presence):
        somebody = any(one.value for one in presence)
        if somebody or regions_are_all:
            made = [*made, Measurement("occupied", somebody)]
    return sorted(made, key=lambda one: one.channel is None)


def _nothing(_value: bytes) -> list[Measurement]:
    return []


def skip(size: int | Callable[[bytes], int | None]) -> Field:
    """A field that says nothing here."""
    return Field(size, _nothing)


def number(
    kind: str,
    size: int,
    unit: str = "",
    *,
    scale: int = 1,
    signed: bool = False,
    channel: str | None = None,
    most: int | None = None,
    tail: int = 0,
) -> Field:
    """One number; none above `most`, which is how the device says that it has none. `tail`: bytes of an alarm."""

    def read(value: bytes) -> list[Measurement]:
        raw = int.from_bytes(value[:size], "little", signed=signed)
        if most is not None and raw > most:
            return []
        return [Measurement(kind, raw / scale if scale > 1 else raw, unit, channel)]

    return Field(size + tail, read)


def flag(kind: str, channel: str | None = None, *, at: int = 0, size: int = 1) -> Field:
    """0 is false, 1 true; anything else, as FE for "disabled", is neither."""

    def read(value: bytes) -> list[Measurement]:
        return [Measurement(kind, value[at] == 1, "", channel)] if value[at] in (0, 1) else []

    return Field(size, read)


def in_out(first: str, second: str, channel: str | None = None, *, tail: int = 0) -> Field:
    """Two counts of two bytes, of the kinds `first` and `second`."""

    def read(value: bytes) -> list[Measurement]:
        went_in, went_out = int.from_bytes(value[:2], "little"), int.from_bytes(value[2:4], "little")
        return [Measurement(first, went_in, "", channel), Measurement(second, went_out, "", channel)]

    return Field(4 + tail, read)


_SYSTEM: Table = {
    "ff01": skip(1),  # version of the protocol
    "ff08": skip(6),  # serial number
    "ff09": skip(2),  # hardware
    "ff0a": skip(2),  # firmware
    "ff0b": skip(1),  # switched on
    "ff0f": skip(1),  # LoRaWAN class
    "ff16": skip(8),  # serial number
    "ff1f": skip(4),  # firmware
    "fffe": skip(1),  # was reset
    "ffff": skip(2),  # version of the model
}
BATTERY = {"0175": number("battery", 1, "%", most=100)}
TEMPERATURE = number("temperature", 2, "Cel", scale=10, signed=True)
TEMPERATURE_ALARM = number("temperature", 2, "Cel", scale=10, signed=True, tail=1)
HUMIDITY = number("humidity", 1, "%RH", scale=2, most=200)
AIR = {**BATTERY, "0367": TEMPERATURE, "0468": HUMIDITY}
AIR_KINDS = "temperature humidity battery"


def gas(kind: str, unit: str, scale: int = 1) -> Field:
    """FFFF: not measured."""
    return number(kind, 2, unit, scale=scale, most=0xFFFE)


def driver(
    names: str,
    title: str,
    table: Table,
    modality: str,
    kinds: str,
    expect_s: float | None = 10 * MINUTE,
    *,
    regions_are_all: bool = False,
) -> Driver:
    """One driver of one or several models; a name with a hyphen has a medium with and one without.

    `regions_are_all`: one message tells of all regions, and of nothing outside them.
    """
    models = names.split()
    spelt = [spelling for model in models for spelling in dict.fromkeys((model.replace("-", "_"), model))]
    return Driver(
        name=f"milesight_{spelt[0]}",
        title=f"Milesight {title} (LoRaWAN)",
        media=tuple(f"lorawan:milesight:{model}" for model in spelt),
        modality=modality,
        decode=partial(_decode, table, regions_are_all),
        kinds=tuple(kinds.split()),
        checked="2026-11-26",
        expect_s=expect_s,
    )
