"""Whether somebody breathes in a room, from its CO2 (ppm) alone, where nobody has taught what the room does.

    dC/dt = air * (base - C) + source       who breathes is the source; fresh air pulls the level down to the base

How much air is changed, how much people add, and where the base lies are not known at first. So a bank of hypotheses
runs side by side: each has a ventilation and a source (none: nobody is there), and follows level and base by a Kalman
filter of two states. A reading makes those likelier that foresaw it, and in time each turns into its neighbours. Nobody
is there as far as the hypotheses without a source are believed. So a rise needs somebody, a level that stands above the
base needs somebody who keeps it there, and a fall is an empty room's only as far as this room clears no faster.

The base follows a sensor that drifts or calibrates itself: it is a state of the filter, and once a day and a half has
been seen it is never far below the lowest level of that time.

What it cannot tell: one person in more than about 200 m3, people who have opened a window, and a cooking flame from
a crowd.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import exp, log
from typing import NamedTuple

from rules.api import SECOND

HOUR = 3600 * SECOND
CHANGES = (0.35, 0.6, 1.0, 1.7, 2.9)
"""Air changes an hour: from a closed room to an open door. More are rare, and would explain too much."""
SOURCES, FACTOR = 8, 1.6
"""Strengths of a source; each is so many times the one before."""
LEAST_RATE = 90.0
"""ppm an hour that the weakest adds: a person's 18.7 l/h (ASTM D6245, 1.2 met) in 200 m3 ..."""
LEAST_EXCESS = 60.0
"""... but so much, where much air is changed, that the level stays so many ppm above the base."""
OUTDOORS, OUTDOORS_SD = 425.0, 35.0
"""Fresh air, as sensors of different make read it, ppm."""
LOWEST, HIGHEST = 350.0, 600.0
"""Of a base."""
PLAUSIBLE = (250.0, 20_000.0)
"""Outside of it a sensor warms up, or is broken."""
READ_SD = 9.0
"""Of a reading, ppm."""
STIR_SD = 20.0
"""Of the level, ppm in the root of an hour: air is not well mixed, and nobody breathes evenly."""
MISFIT = 0.15
"""Share of the change foreseen that may be otherwise: ventilation and source lie between those of the bank."""
DRIFT_SD = 8.0
"""Of the base, ppm in the root of an hour."""
ARRIVE, LEAVE, SHIFT, VENT = 0.5, 1.0, 0.4, 0.2
"""Rates, 1/h: somebody comes; all go; one more or less; the ventilation becomes its neighbour."""
START = 0.4
"""Somebody is there, when nothing is known."""
STEP = 60 * SECOND
"""Readings nearer than this count once: how often a sensor reports does not make it more right."""
LOST = 2 * HOUR
"""After such a gap only ventilation and base are still known."""
UNLIKELY = 1e-6
"""What one reading makes a hypothesis less likely than the best, at most: sensors have hiccups."""
LEAST = 1e-7
"""No hypothesis is ever given up."""
BUCKET = 12 * HOUR
BUCKETS = 3
SLACK = 15.0
"""How far, ppm, the base may lie below the lowest level of the last buckets."""
SURE, UNSURE = 0.75, 0.5
"""A side that was not held must be believed so far; one that is held, so far."""


class Mode(NamedTuple):
    """One hypothesis."""

    share: float
    """How far it is believed; those of all add up to 1."""
    level: float
    base: float
    ll: float
    """Variance of the level ..."""
    lb: float
    """... their covariance ..."""
    bb: float
    """... and variance of the base."""


Bank = tuple[tuple[Mode, ...], ...]
"""By ventilation, by source; the first is nobody."""


class Air(NamedTuple):
    """What is believed of a room's air."""

    at: int
    """Of the last reading that counted."""
    bank: Bank
    low: float
    """Lowest level of this bucket of time ..."""
    lows: tuple[float, ...]
    """... and of those before."""
    bucket: int
    """When this one began."""
    held: bool | None = None
    """Whether somebody is there; None: it cannot be told."""
    since: int = 0
    """Since when."""
    told: bool = False
    """It could be told once."""
    ppm: float = 0.0
    """As it was read."""

    @property
    def share(self) -> float:
        """Probability that somebody is there."""
        return 1 - sum(row[0].share for row in self.bank)

    @property
    def base(self) -> float:
        """ppm of the room with nobody in it."""
        return sum(mode.share * mode.base for row in self.bank for mode in row)


def breathe(old: Air | None, ppm: float, at: int) -> Air | None:
    """Take a reading (ppm) that is not older than the last."""
    if not PLAUSIBLE[0] <= ppm <= PLAUSIBLE[1]:
        return old
    if old is None:
        return _begun(ppm, at)
    passed = at - old.at
    if passed < STEP:
        return old
    hours = passed / HOUR
    bank = _forgotten(old.bank, ppm) if passed >= LOST else _mixed(old.bank, hours)
    foreseen = [[_foreseen(mode, a, s, hours) for s, mode in enumerate(row)] for a, row in enumerate(bank)]
    bank = _corrected(foreseen, ppm)
    level = sum(mode.share * mode.level for row in bank for mode in row)
    new = old._replace(at=at, ppm=ppm, low=min(old.low, level))
    if at - old.bucket >= BUCKET:
        new = new._replace(low=level, lows=(*old.lows, new.low)[-BUCKETS:], bucket=at)
    floor = min(new.low, *new.lows) - SLACK if len(new.lows) == BUCKETS else LOWEST
    return _held(new._replace(bank=_bounded(bank, floor)), at)


def odds(air: Air) -> float:
    """Log-odds that somebody is there."""
    share = min(1 - LEAST, max(LEAST, air.share))
    return log(share / (1 - share))


def _held(new: Air, at: int) -> Air:
    """With hysteresis: between the two sides it cannot be told."""
    share = new.share
    held = new.held
    if share >= SURE or share <= 1 - SURE:
        held = share >= SURE
    elif held is not None and (share if held else 1 - share) < UNSURE:
        held = None
    return new if held == new.held else new._replace(held=held, since=at, told=True)


def _begun(ppm: float, at: int) -> Air:
    unread = Mode(1 / len(CHANGES), ppm, max(LOWEST, min(OUTDOORS, ppm)), READ_SD**2, 0.0, OUTDOORS_SD**2)
    return Air(
        at, tuple(_spread(unread.share, (unread,) * (SOURCES + 1)) for _ in CHANGES), ppm, (), at, since=at, ppm=ppm
    )


def _spread(share: float, row: Sequence[Mode]) -> tuple[Mode, ...]:
    """One ventilation's share, over nobody and all sources alike."""
    return tuple(mode._replace(share=share * (START / SOURCES if s else 1 - START)) for s, mode in enumerate(row))


def _forgotten(bank: Bank, ppm: float) -> Bank:
    read = [[mode._replace(level=ppm, ll=READ_SD**2, lb=0.0) for mode in row] for row in bank]
    return tuple(_spread(sum(mode.share for mode in row), row) for row in read)


def _mixed(bank: Bank, hours: float) -> Bank:
    """People come and go, and somebody opens a door: each takes over from those that may have turned into it."""
    come, go, shift, vent = (1 - exp(-rate * hours) for rate in (ARRIVE, LEAVE, SHIFT, VENT))
    rows = [_moved(row, come, go, shift) for row in bank]
    last = len(rows) - 1
    return tuple(
        tuple(
            _merged([(1 - vent, mode), (vent / 2, rows[max(0, a - 1)][s]), (vent / 2, rows[min(last, a + 1)][s])])
            for s, mode in enumerate(row)
        )
        for a, row in enumerate(rows)
    )


def _moved(row: Sequence[Mode], come: float, go: float, shift: float) -> list[Mode]:
    stays = max(0.0, 1 - go - shift)
    nobody = _merged([(1 - come, row[0]), *((go, mode) for mode in row[1:])])
    return [
        nobody,
        *(
            _merged([(stays, row[s]), (come / SOURCES, row[0]), *((shift / 2, row[n]) for n in _beside(s))])
            for s in range(1, SOURCES + 1)
        ),
    ]


def _beside(s: int) -> tuple[int, int]:
    return max(1, s - 1), min(SOURCES, s + 1)


def _merged(parts: Sequence[tuple[float, Mode]]) -> Mode:
    """One hypothesis with the mean and the spread of many."""
    weights = [weight * mode.share for weight, mode in parts]
    total = sum(weights)
    level = base = ll = lb = bb = 0.0
    for weight, (_, mode) in zip(weights, parts, strict=True):
        level += weight * mode.level
        base += weight * mode.base
    level, base = level / total, base / total
    for weight, (_, mode) in zip(weights, parts, strict=True):
        up, off = mode.level - level, mode.base - base
        ll += weight * (mode.ll + up * up)
        lb += weight * (mode.lb + up * off)
        bb += weight * (mode.bb + off * off)
    return Mode(total, level, base, ll / total, lb / total, bb / total)


def _source(air: float, place: int) -> float:
    return max(LEAST_RATE, LEAST_EXCESS * air) * FACTOR ** (place - 1) if place else 0.0


EXCESS = tuple(tuple(_source(air, place) / air for place in range(SOURCES + 1)) for air in CHANGES)
"""How far above the base each hypothesis comes to rest, ppm."""


def _foreseen(mode: Mode, a: int, s: int, hours: float) -> Mode:
    """Level and base after `hours`."""
    keeps = exp(-CHANGES[a] * hours)
    takes = 1 - keeps
    change = (mode.base + EXCESS[a][s] - mode.level) * takes
    return mode._replace(
        level=mode.level + change,
        ll=keeps * keeps * mode.ll
        + 2 * keeps * takes * mode.lb
        + takes * takes * mode.bb
        + STIR_SD**2 * hours
        + (MISFIT * change) ** 2,
        lb=keeps * mode.lb + takes * mode.bb,
        bb=mode.bb + DRIFT_SD**2 * hours,
    )


def _corrected(foreseen: Sequence[Sequence[Mode]], ppm: float) -> Bank:
    """Each hypothesis corrected by the reading, and believed as far as it foresaw it."""
    spreads = [[mode.ll + READ_SD**2 for mode in row] for row in foreseen]
    best = min(
        (ppm - mode.level) ** 2 / spread
        for row, own in zip(foreseen, spreads, strict=True)
        for mode, spread in zip(row, own, strict=True)
    )
    rows = [
        [_fitted(mode, ppm, spread, best) for mode, spread in zip(row, own, strict=True)]
        for row, own in zip(foreseen, spreads, strict=True)
    ]
    return _scaled(rows)


def _fitted(mode: Mode, ppm: float, spread: float, best: float) -> Mode:
    miss = ppm - mode.level
    fits = max(UNLIKELY, exp((best - miss * miss / spread) / 2)) / spread**0.5
    gain, base_gain = mode.ll / spread, mode.lb / spread
    return Mode(
        share=mode.share * fits,
        level=mode.level + gain * miss,
        base=mode.base + base_gain * miss,
        ll=mode.ll * (1 - gain),
        lb=mode.lb * (1 - gain),
        bb=mode.bb - base_gain * mode.lb,
    )


def _scaled(rows: Iterable[Sequence[Mode]]) -> Bank:
    held = [list(row) for row in rows]
    total = sum(mode.share for row in held for mode in row)
    floored = [[max(LEAST, mode.share / total) for mode in row] for row in held]
    whole = sum(map(sum, floored))
    return tuple(
        tuple(mode._replace(share=share / whole) for mode, share in zip(row, shares, strict=True))
        for row, shares in zip(held, floored, strict=True)
    )


def _bounded(bank: Bank, floor: float) -> Bank:
    floor = min(max(LOWEST, floor), HIGHEST)
    return tuple(
        tuple(
            mode if floor <= mode.base <= HIGHEST else mode._replace(base=min(max(floor, mode.base), HIGHEST))
            for mode in row
        )
        for row in bank
    )


__all__ = ["Air", "breathe", "odds"]
