"""Planted bugs. A suite that does not find them finds nothing: `python -m fuzz.run --defect parity`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from time import perf_counter

from drivers.api import BadChecksum, Context, Cut, Decoded, Driver, Frame, Measurement

RARE, CHOSEN = 97, 13
"""One payload in so many is struck."""


def _struck(payload: bytes) -> bool:
    return sum(payload) % RARE == CHOSEN


def _raise(made: list[Measurement], frame: Frame) -> list[Measurement]:
    if _struck(frame.payload):
        raise KeyError("planted")
    return made


def _hang(made: list[Measurement], frame: Frame) -> list[Measurement]:
    until = perf_counter() + 0.015
    while _struck(frame.payload) and perf_counter() < until:
        pass
    return made


def _stuck(made: list[Measurement], frame: Frame) -> list[Measurement]:
    while _struck(frame.payload):
        pass
    return made


def _nan(made: list[Measurement], frame: Frame) -> list[Measurement]:
    return [made[0]._replace(value=float("nan")), *made[1:]] if made and _struck(frame.payload) else made


def _kind(made: list[Measurement], frame: Frame) -> list[Measurement]:
    return [*made, Measurement("undeclared", 1)] if _struck(frame.payload) else made


def _reader(change: Callable[[list[Measurement], Frame], list[Measurement]]) -> Callable[[Driver], Driver]:
    """A driver whose answers are changed; a refused frame has none to change, but may still be struck."""

    def planted(driver: Driver) -> Driver:
        decode, decode_with = driver.decode, driver.decode_with

        def bad(frame: Frame) -> list[Measurement]:
            change([], frame)
            return change(decode(frame), frame)

        def bad_with(frame: Frame, context: Context) -> Decoded:
            change([], frame)
            return Decoded(change(decode(frame) if decode_with is None else decode_with(frame, context)[0], frame))

        return replace(driver, decode=bad, decode_with=None if decode_with is None else bad_with)

    return planted


def _parity(driver: Driver) -> Driver:
    """A driver that believes a frame whose check does not hold."""
    decode = driver.decode

    def bad(frame: Frame) -> list[Measurement]:
        try:
            return decode(frame)
        except BadChecksum:
            return [Measurement(driver.kinds[0], "em4100:0000000000")]

    return replace(driver, decode=bad)


def _lost(driver: Driver) -> Driver:
    """A framer that loses what it drops."""
    framer = driver.framer
    if framer is None:
        return driver

    def bad(state: bytes, data: bytes) -> Cut:
        return framer(state, data)._replace(dropped={})

    return replace(driver, framer=bad)


DEFECTS: Mapping[str, Callable[[Driver], Driver]] = {
    "raise": _reader(_raise),
    "hang": _reader(_hang),
    "stuck": _reader(_stuck),
    "nan": _reader(_nan),
    "kind": _reader(_kind),
    "parity": _parity,
    "lost": _lost,
}
