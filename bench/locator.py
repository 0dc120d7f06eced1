"""The locators against a plain loop, and what a tag costs. Prints one JSON object.

python -m bench.locator [ROUNDS]

The plain loop is what one would write first: a smoothed level a (tag, receiver), the loudest by a margin, and a machine
of three states; it has no causes, no deaf receivers and no confidence. Ours goes through the engine, as live. Both take
the same sightings in turns of a few milliseconds of this process's CPU, and the median of the turns' ratios counts.
"""

from __future__ import annotations

import gc
import json
import sys
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from math import hypot, log10
from random import Random
from statistics import median
from time import process_time

from gateway.counters import Counters
from gateway.engine import Engine
from rules import locate, locate_map
from rules.api import SECOND, Input, Sighting
from rules.radio_map import Anchor, Sample, learn

TAGS, RECEIVERS, TURN = 10_000, 20, 2_000
SURVEYED_TAGS, WARM_S, TIMED_S = 640, 2, 6
BEGIN = 1_795_484_700 * SECOND
BUILDING = "b"
SIDE_M = 30.0


class _Plain:
    """The loop."""

    def __init__(self) -> None:
        self.tags: dict[str, _PlainTag] = {}
        self.changes = 0

    def take(self, sightings: Sequence[Sighting]) -> None:
        for person, receiver, rssi, at, *_ in sightings:
            tag = self.tags.get(person)
            if tag is None:
                tag = self.tags[person] = _PlainTag()
            level = tag.levels.get(receiver)
            if level is None:
                tag.levels[receiver] = level = _Level(rssi)
            else:
                level.value += 0.3 * (rssi - level.value)
            value = level.value
            tag.last = at
            if receiver == tag.best:
                tag.top = value
            elif value > tag.top + 6:
                tag.best, tag.top = receiver, value
                self.changes += 1
            if tag.state == 0:
                if value > -80:
                    tag.state, tag.since = 1, at
            elif tag.state == 1:
                if value < -85:
                    tag.state = 0
                elif at - tag.since > 3 * SECOND:
                    tag.state = 2
                    self.changes += 1
            elif value < -90:
                tag.state, tag.since = 1, at


class _Level:
    __slots__ = ("value",)

    def __init__(self, value: float) -> None:
        self.value = value


class _PlainTag:
    __slots__ = ("best", "last", "levels", "since", "state", "top")

    def __init__(self) -> None:
        self.levels: dict[str, _Level] = {}
        self.best, self.top, self.state, self.since, self.last = "", -200.0, 0, 0, 0


def crowd(rng: Random) -> Iterator[list[Sighting]]:
    """Random tags at random receivers, in turns, for ever: each (tag, receiver) about once in five seconds."""
    tags, receivers = [f"p-{n:05d}" for n in range(TAGS)], [f"r{n}" for n in range(RECEIVERS)]
    at, step = BEGIN, 5 * SECOND // (TAGS * RECEIVERS)
    while True:
        turn = []
        for _ in range(TURN):
            turn.append(Sighting(rng.choice(tags), rng.choice(receivers), -50 - 45 * rng.random(), at))
            at += step
        yield turn


def strongest() -> Engine:
    """The locator that needs neither positions nor a survey."""
    zones = {f"r{n}": locate.Receiver(zone=f"s/b/f/z{n % 10}/_") for n in range(RECEIVERS)}
    return _engine(locate.rule(locate.Settings(receivers=zones)))


def _engine(rule: object) -> Engine:
    way = [(locate.NAME, BUILDING)]

    def route(item: Input) -> list[tuple[str, str]]:
        return way if type(item) is Sighting else []

    return Engine([rule], route, Counters())  # type: ignore[list-item]


def against_plain(rounds: int) -> dict[str, float]:
    """`ratio`: ours of the plain loop's; `rate`: sightings a second."""
    turns = crowd(Random(2))
    plain, engine = _Plain(), strongest()

    def ours(sightings: Sequence[Sighting]) -> None:
        for sighting in sightings:
            engine.feed(sighting, sighting.at)

    for _ in range(2 * TAGS * RECEIVERS // TURN):  # every cell is there
        turn = next(turns)
        plain.take(turn)
        ours(turn)
    ratios, rates = [], []
    for _ in range(rounds):
        turn = next(turns)
        slow, fast = _timed(ours, turn), _timed(plain.take, turn)
        ratios.append(fast / slow)
        rates.append(TURN / slow)
    return {"ratio": median(ratios), "rate": median(rates)}


def _timed(what: Callable[[Sequence[Sighting]], None], turn: Sequence[Sighting]) -> float:
    begun = process_time()
    what(turn)
    return process_time() - begun


def cell_bytes() -> float:
    """Memory of a (tag, receiver), where every receiver hears every tag."""
    engine, tags = strongest(), 1_000
    names, receivers = [f"p-{n:05d}" for n in range(tags)], [f"r{n}" for n in range(RECEIVERS)]
    gc.collect()
    tracemalloc.start()
    for n in range(3 * tags * RECEIVERS):
        who, by = names[n % tags], receivers[n // tags % RECEIVERS]
        engine.feed(Sighting(who, by, -60.5 - n % 7, BEGIN + n * 100_000), BEGIN + n * 100_000)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size / (tags * RECEIVERS)


def decisions() -> float:
    """Zone decisions a second of CPU with a survey: a tag's second weighed on a floor of 30 by 30 m."""
    rng = Random(3)
    anchors = {f"r{n}": Anchor(3 + 6 * (n % 5), 4 + 7 * (n // 5), 2.6) for n in range(RECEIVERS)}
    zones = {
        f"s/b/f/z{i}{j}/_": [
            (10.0 * i, 10.0 * j),
            (10.0 * i + 10, 10.0 * j),
            (10.0 * i + 10, 10.0 * j + 10),
            (10.0 * i, 10.0 * j + 10),
        ]
        for i in range(3)
        for j in range(3)
    }

    def level(name: str, x: float, y: float) -> float:
        away = max(1.0, hypot(anchors[name].x - x, anchors[name].y - y))
        return -48 - 24 * log10(away) + rng.gauss(0, 3)

    walk = [(1.0 + 2 * i, 1.0 + 2 * j) for i in range(15) for j in range(15)]
    survey = [
        Sample(5 * n + k, name, level(name, x, y), x, y)
        for n, (x, y) in enumerate(walk)
        for k in range(3)
        for name in anchors
    ]
    radio = learn(survey, anchors, zones)
    engine = _engine(locate_map.rule(locate_map.Settings(floors=(locate_map.FloorMap(radio=radio),))))
    places = [(SIDE_M * rng.random(), SIDE_M * rng.random()) for _ in range(SURVEYED_TAGS)]
    heard = {n: sorted(anchors, key=lambda name: -level(name, x, y))[:5] for n, (x, y) in enumerate(places)}
    took = 0.0
    for second in range(WARM_S + TIMED_S):
        begin = BEGIN + second * SECOND
        sightings = [
            Sighting(f"p-{n:05d}", name, round(level(name, x, y)), begin + n * 1000)
            for n, (x, y) in enumerate(places)
            for name in heard[n]
        ]
        started = process_time()
        for sighting in sightings:
            engine.feed(sighting, sighting.at)
        engine.advance(begin + SECOND + 1)
        if second >= WARM_S:
            took += process_time() - started
    return SURVEYED_TAGS * TIMED_S / took


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 201
    gc.disable()  # the daemon keeps it from looking at what lives for ever
    found = {**against_plain(rounds), "cell_bytes": cell_bytes(), "decisions": decisions()}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
