"""What goes wrong between a device and its gateway: frames that are lost, doubled, out of order, damaged, amid noise.

A frame that carries a tap is neither lost nor replaced, for then nobody could say what should have become of it: it is
preceded by a damaged copy, doubled, or surrounded by noise, as when a card is held to a reader beside a motor.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Generic, NamedTuple, TypeVar

S = TypeVar("S")
"""Whose a frame is, on a medium that many share."""


class Rates(NamedTuple):
    """How often each happens, per frame."""

    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    flip: float = 0.0
    """One bit of it is wrong."""
    chatter: float = 0.0
    """Noise before it; of a sensor that sees a change, also the old state once more."""
    skew_s: float = 0.0
    """The clocks of devices and servers that have one are wrong by up to so much."""


NONE = Rates()
SOME = Rates(loss=0.02, duplicate=0.05, reorder=0.02, flip=0.02, chatter=0.05, skew_s=90.0)
"""Of an office with long cables."""
MARK = 4
"""Bytes at the head of a radar's report."""
MOST_NOISE = 12
TOLD = 3
"""A sensor that may not be heard tells a change so many times ..."""
TOLD_APART_S = 0.1
"""... so long after each other, device time."""


class Sent(NamedTuple, Generic[S]):
    """Bytes on the wire."""

    data: bytes
    whole: bool
    """A good frame; else noise, or a damaged one."""
    sender: S


class Trouble(Generic[S]):
    """Of one wire, drawn from a seed."""

    def __init__(self, rates: Rates, seed: str, *, checked: bool = True) -> None:
        """`checked`: its frames have a checksum. In those that have none only the mark at their head is damaged: a
        wrong value would be as good as a right one, and at a hurried clock it would stand for minutes."""
        self._rates = rates
        self._checked = checked
        self._rng = Random(f"faults/{seed}")
        self._held: Sent[S] | None = None
        """Overtaken by the frame that follows."""

    def over(self, frame: bytes, sender: S, *, tap: bool = False, noise: bool = True) -> Iterator[Sent[S]]:
        """What goes out in place of `frame`. `noise`: the medium carries bytes that belong to no frame."""
        rates, rng = self._rates, self._rng
        whole = Sent(frame, True, sender)
        if rates == NONE:
            yield whole
            return
        if noise and rng.random() < rates.chatter:
            yield Sent(_noise(rng), False, sender)
        damaged = rng.random() < rates.flip
        if damaged:
            bad = flipped(frame, rng) if self._checked else flipped(frame[:MARK], rng) + frame[MARK:]
            yield Sent(bad, False, sender)
        if tap:
            yield whole
            if rng.random() < rates.duplicate:
                yield whole
            return
        held, self._held = self._held, None
        if held is None and rng.random() < rates.reorder:
            self._held = whole
            return
        if not damaged and rng.random() >= rates.loss:
            for _ in range(2 if rng.random() < rates.duplicate else 1):
                yield whole
        if held is not None:
            yield held


def flipped(frame: bytes, rng: Random) -> bytes:
    """The frame with one bit wrong."""
    made = bytearray(frame)
    at = rng.randrange(8 * len(made))
    made[at // 8] ^= 1 << at % 8
    return bytes(made)


def _noise(rng: Random) -> bytes:
    return rng.randbytes(rng.randint(1, MOST_NOISE))
