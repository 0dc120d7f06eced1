"""A motion sensor or a door contact on a GPIO line.

The payload is one byte, 0 or 1: the line's logical level, after `active_low` of its source. 1 means motion, or that the
door is open: a contact that closes to ground when the door is shut, with a pull-up, reads 1 when it opens, and when its
wire is cut.

Sources: Panasonic EKMC/EKMB and HC-SR501 data sheets (output high while there is motion and for the hold time after);
Linux kernel, userspace-api/gpio (logical values).
"""

from __future__ import annotations

from functools import partial

from drivers.api import DecodeError, Driver, Frame, Measurement, Truncated, Unsupported


def decode(frame: Frame, kind: str) -> list[Measurement]:
    """One level, as `kind`."""
    if not frame.payload:
        raise Truncated("no level")
    if len(frame.payload) > 1:
        raise DecodeError(f"{len(frame.payload)} bytes, a level is one")
    if frame.payload[0] > 1:
        raise Unsupported(f"level {frame.payload[0]}, neither 0 nor 1")
    return [Measurement(kind, frame.payload[0] == 1)]


DRIVERS = tuple(
    Driver(
        name=name,
        title=title,
        media=("gpio",),
        modality=modality,
        decode=partial(decode, kind=kind),
        kinds=(kind,),
        checked="2026-11-26",
    )
    for name, title, modality, kind in (
        ("gpio_pir", "Motion sensor with a digital output (PIR) on a GPIO line", "pir", "motion"),
        ("gpio_door", "Door or window contact on a GPIO line", "contact", "opening"),
    )
)
