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

from collections.abc import Mapping, Sequence
from math import exp, log, sqrt
from typing import Any, NamedTuple

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
    bank = _corrected([_foreseen(row, a, hours) for a, row in enumerate(bank)], ppm)
    level = sum(mode.share * mode.level for row in bank for mode in row)
    new = old._replace(at=at, ppm=ppm, low=min(old.low, level))
    if at - old.bucket >= BUCKET:
        new = new._replace(low=level, lows=(*old.lows, new.low)[-BUCKETS:], bucket=at)
    floor = min(new.low, *new.lows) - SLACK if len(new.lows) == BUCKETS else LOWEST
    return _held(new._replace(bank=_bounded(bank, floor)), at)


def remembered(air: Air) -> dict[str, Any]:
    """What is worth keeping over a restart, as JSON: the base and the ventilation, and not who is there."""
    base = air.base
    spread = sum(mode.share * (mode.bb + (mode.base - base) ** 2) for row in air.bank for mode in row)
    return {
        "at": air.at,
        "base": base,
        "spread": spread,
        "changes": [sum(mode.share for mode in row) for row in air.bank],
        "lows": [*air.lows, air.low],
        "bucket": air.bucket,
    }


def recalled(body: Mapping[str, Any], now: int) -> Air | None:
    """What `remembered` kept, from which the next reading goes on; None where it is of another bank."""
    shares, lows = body["changes"], [float(low) for low in body["lows"]]
    if len(shares) != len(CHANGES):
        return None
    base = float(body["base"])
    known = Mode(1.0, base, base, READ_SD**2, 0.0, float(body["spread"]))
    bank = tuple(_spread(float(share), (known,) * (SOURCES + 1)) for share in shares)
    at = min(int(body["at"]), now - LOST)  # who is there is not known any more
    return Air(at, bank, lows[-1], tuple(lows[:-1]), int(body["bucket"]))


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


Plain = tuple[float, float, float, float, float, float]
"""The fields of a Mode: between the steps of one reading, names would cost more than all the sums."""
Raw = tuple[float, float, float, float, float, float]
"""Share of a hypothesis, times 1, level, base, and the three products of these: what mixes by adding."""


def _mixed(bank: Bank, hours: float) -> list[list[Plain]]:
    """People come and go, and somebody opens a door: each takes over from those that may have turned into it.

    What is made of many has their mean and their spread.
    """
    come, go, shift, vent = (1 - exp(-rate * hours) for rate in (ARRIVE, LEAVE, SHIFT, VENT))
    rows = [_moved([_raw(mode) for mode in row], come, go, shift) for row in bank]
    last = len(rows) - 1
    stays, half = 1 - vent, vent / 2
    return [
        [
            _mode(
                stays * h0 + half * (b0 + a0),
                stays * h1 + half * (b1 + a1),
                stays * h2 + half * (b2 + a2),
                stays * h3 + half * (b3 + a3),
                stays * h4 + half * (b4 + a4),
                stays * h5 + half * (b5 + a5),
            )
            for (h0, h1, h2, h3, h4, h5), (b0, b1, b2, b3, b4, b5), (a0, a1, a2, a3, a4, a5) in zip(
                row, rows[max(0, a - 1)], rows[min(last, a + 1)], strict=True
            )
        ]
        for a, row in enumerate(rows)
    ]


def _moved(row: Sequence[Raw], come: float, go: float, shift: float) -> list[Raw]:
    stays, half, each = max(0.0, 1 - go - shift), shift / 2, come / SOURCES
    n0, n1, n2, n3, n4, n5 = row[0]
    o0, o1, o2, o3, o4, o5 = (sum(column) for column in zip(*row[1:], strict=True))
    empty = 1 - come
    made: list[Raw] = [
        (
            empty * n0 + go * o0,
            empty * n1 + go * o1,
            empty * n2 + go * o2,
            empty * n3 + go * o3,
            empty * n4 + go * o4,
            empty * n5 + go * o5,
        )
    ]
    e0, e1, e2, e3, e4, e5 = each * n0, each * n1, each * n2, each * n3, each * n4, each * n5
    for s in range(1, SOURCES + 1):
        x0, x1, x2, x3, x4, x5 = row[s]
        l0, l1, l2, l3, l4, l5 = row[s - 1 or 1]
        m0, m1, m2, m3, m4, m5 = row[s + 1 if s < SOURCES else s]
        made.append(
            (
                stays * x0 + e0 + half * (l0 + m0),
                stays * x1 + e1 + half * (l1 + m1),
                stays * x2 + e2 + half * (l2 + m2),
                stays * x3 + e3 + half * (l3 + m3),
                stays * x4 + e4 + half * (l4 + m4),
                stays * x5 + e5 + half * (l5 + m5),
            )
        )
    return made


def _raw(mode: Mode) -> Raw:
    share, level, base, ll, lb, bb = mode
    level, base = level - OUTDOORS, base - OUTDOORS  # near 0, so that products lose no digits
    sl, sb = share * level, share * base
    return share, sl, sb, share * ll + sl * level, share * lb + sl * base, share * bb + sb * base


def _mode(share: float, sl: float, sb: float, ll: float, lb: float, bb: float) -> Plain:
    level, base = sl / share, sb / share
    ll, bb = ll / share - level * level, bb / share - base * base
    return (
        share,
        level + OUTDOORS,
        base + OUTDOORS,
        ll if ll > LEAST else LEAST,
        lb / share - level * base,
        bb if bb > LEAST else LEAST,
    )


def _source(air: float, place: int) -> float:
    return max(LEAST_RATE, LEAST_EXCESS * air) * FACTOR ** (place - 1) if place else 0.0


EXCESS = tuple(tuple(_source(air, place) / air for place in range(SOURCES + 1)) for air in CHANGES)
"""How far above the base each hypothesis comes to rest, ppm."""


def _foreseen(row: Sequence[Plain], a: int, hours: float) -> list[Plain]:
    """Levels and bases of one ventilation after `hours`."""
    keeps = exp(-CHANGES[a] * hours)
    takes = 1 - keeps
    kept, both, taken = keeps * keeps, 2 * keeps * takes, takes * takes
    stir, drift = STIR_SD**2 * hours, DRIFT_SD**2 * hours
    made = []
    for (share, level, base, ll, lb, bb), excess in zip(row, EXCESS[a], strict=True):
        change = (base + excess - level) * takes
        spread = kept * ll + both * lb + taken * bb + stir + (MISFIT * change) ** 2
        made.append((share, level + change, base, spread, keeps * lb + takes * bb, bb + drift))
    return made


def _corrected(foreseen: Sequence[Sequence[Plain]], ppm: float) -> Bank:
    """Each hypothesis corrected by the reading, and believed as far as it foresaw it."""
    read = READ_SD**2
    best = min([(ppm - level) ** 2 / (ll + read) for row in foreseen for _, level, _, ll, _, _ in row])
    rows = []
    for row in foreseen:
        made = []
        for share, level, base, ll, lb, bb in row:
            spread, miss = ll + read, ppm - level
            fits = exp((best - miss * miss / spread) / 2)
            gain, base_gain = ll / spread, lb / spread
            made.append(
                (
                    share * ((fits if fits > UNLIKELY else UNLIKELY) / sqrt(spread)),
                    level + gain * miss,
                    base + base_gain * miss,
                    ll * (1 - gain),
                    lb * (1 - gain),
                    bb - base_gain * lb,
                )
            )
        rows.append(made)
    return _scaled(rows)


def _scaled(rows: Sequence[Sequence[Plain]]) -> Bank:
    """Shares that add up to 1, none of them 0."""
    least = LEAST * sum([mode[0] for row in rows for mode in row])
    total = sum([mode[0] if mode[0] > least else least for row in rows for mode in row])
    return tuple(
        tuple(
            [
                Mode((share if share > least else least) / total, level, base, ll, lb, bb)
                for share, level, base, ll, lb, bb in row
            ]
        )
        for row in rows
    )


def _bounded(bank: Bank, floor: float) -> Bank:
    floor = min(max(LOWEST, floor), HIGHEST)
    if all(floor <= mode.base <= HIGHEST for row in bank for mode in row):
        return bank
    return tuple(tuple(mode._replace(base=min(max(floor, mode.base), HIGHEST)) for mode in row) for row in bank)


__all__ = ["Air", "breathe", "odds", "recalled", "remembered"]
