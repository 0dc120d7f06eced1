"""In which zone a person's tag is, where the receivers' positions or a survey are known: the probabilistic locator.

A building's tags share one state: every second those that were heard are weighed together (belief.py) on the floor
where they are heard best. What the belief says is told when it has said so for long enough, so a still tag on a
border does not flap; it is told again while evidence goes on. A private zone is never an answer: while the tag is
there, the last public zone stands and is not updated. A deaf receiver's silence says nothing.

The state is one table that is handed on from step to step and changed in place; copying ten thousand beliefs a second
would be the price of doing without. The same inputs still give the same outputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from heapq import nsmallest
from typing import Any, NamedTuple

import numpy as np

from rules.api import SECOND, Command, Fact, Health, Input, Located, Rule, Sighting, Step, Tick
from rules.belief import Beliefs, Heard
from rules.drifts import DRIFTED, Drifts
from rules.locate_model import Estimate, FloorMap, Settings, State, Tag
from rules.locate_told import Judge, confidence

__all__ = ["NAME", "VERSION", "Estimate", "FloorMap", "Settings", "State", "estimate", "rule"]

NAME, VERSION = "locate", 2
"""It takes the place of locate.py."""
WINDOW = SECOND
LATE = 2 * SECOND
"""Another gateway's word takes its time: so old it may be when its second has been weighed without it."""
AHEAD = 5 * SECOND
"""Of the open window: a sighting beyond it is of a clock that is wrong."""
FAINT_FIT, FAINT_WINDOWS = 0.2, 10
"""A tag that fits the floor less, for so many windows, is not in the building."""
BLOCK = 64
"""Tags that are weighed together: their beliefs stay in the processor's cache."""
LONGEST_GAP = 15
"""Seconds of unheard time that spread a belief; after more, the tag may be anywhere near."""
FLOOR_MARGIN_DB, FLOOR_AFTER = 6.0, 4 * SECOND
"""Another floor hears a tag louder by so much, and still does so much later: the tag is there."""
FLOOR_FADES_DB = 0.1
"""Per second that a floor has not heard it: another gateway's word of the same packet comes a second later."""


class _Config(NamedTuple):
    settings: Settings
    receivers: Mapping[str, tuple[int, int]]
    """Device -> floor, index."""
    refresh: int
    lost: int


def rule(settings: Settings) -> Rule[State]:
    """Where tags are; key = building."""
    receivers = {
        name: (number, index)
        for number, one in enumerate(settings.floors)
        for index, name in enumerate(one.radio.receivers)
    }
    config = _Config(settings, receivers, int(settings.refresh_s * SECOND), int(settings.lost_s * SECOND))
    return Rule(
        name=NAME,
        version=VERSION,
        start=partial(_start, config),
        step=partial(_step, config),
        explain=_explain,
        kept=lambda state, now: state.drifts.kept(now),
    )


def _explain(state: State, _now: int) -> Mapping[str, Any]:
    """What it has left out, and how receivers have drifted."""
    return {
        "tags": len(state.tags),
        "evicted": state.evicted,
        "foreign": state.foreign,
        "late": state.late,
        "future": state.future,
        "drift_db": state.drifts.explain(),
    }


def estimate(settings: Settings, state: State, person: str) -> Estimate | None:
    """Where a tag most likely is now, for who asks; None: it is not known here.

    What is told unasked (Located) waits until it is clear; on a border the two may differ. Never a private zone.
    """
    tag = state.tags.get(person)
    if tag is None:
        return None
    beliefs = state.beliefs[tag.floor]
    shares = beliefs.zones([tag.row])[0]
    x, y = beliefs.positions([tag.row])[0].tolist()
    names = beliefs.radio.zones
    shares[[name in settings.floors[tag.floor].private for name in names]] = 0
    best = int(shares.argmax())
    return Estimate(names[best], confidence(shares, best) * tag.fit, x, y)


def _start(config: _Config, building: str, fact: Mapping[str, Any] | None, now: int) -> Step[State]:
    """Where tags are is an estimate: it starts from nothing. How receivers have drifted is remembered."""
    floors = config.settings.floors
    beliefs = [Beliefs(one.radio) for one in floors]
    alive = [np.ones(len(one.radio.receivers), dtype=bool) for one in floors]
    state = State(building, beliefs, alive, Drifts(beliefs, config.settings.fixed))
    if fact is not None:
        state.drifts.restore(fact, now)
    state.judges = [Judge(*one, config.refresh) for one in zip(floors, beliefs, strict=True)]
    state.free, state.rows = [[] for _ in floors], [0 for _ in floors]
    return Step(state)


def _step(config: _Config, state: State, item: Input) -> Step[State]:
    if type(item) is Sighting:
        evicted = state.evicted
        due = _hear(config, state, item)
        if state.evicted == evicted:
            return Step(state, due=due)
        told, state.crowded_out = tuple(state.crowded_out), []
        return Step(state, due=due, emits=told, counts=("evicted",) * (state.evicted - evicted))
    if isinstance(item, Health) and item.cause != DRIFTED:
        emits = tuple(_health(config, state, item))
        return Step(state, due=_due(config, state), emits=emits)
    if isinstance(item, Tick):
        emits = tuple(_close(config, state, item.at))
        named, facts = state.drifts.look(partial(_rows, state), item.at)
        kept = tuple(Fact(NAME, state.building, one.body) for one in facts)
        return Step(state, (), kept, _due(config, state), (*emits, *named))
    if isinstance(item, Command) and item.name == "where" and state.closes:  # somebody asks: do not wait for its end
        emits = tuple(_close(config, state, item.at))
        return Step(state, due=_due(config, state), emits=emits)
    return Step(state, due=_due(config, state))


def _hear(config: _Config, state: State, item: Sighting) -> int | None:
    """The hot path: a packet joins its tag's window."""
    found = config.receivers.get(item.receiver)
    if found is None or item.receiver in state.deaf:
        return _due(config, state)
    if not state.closes:
        state.closes = item.at + WINDOW
    elif item.at > state.closes + AHEAD:  # time has not come there: nothing may wait for it
        state.future += 1
        return state.closes
    if state.drifts.hear(item, *found):
        return state.closes
    tag = state.tags.get(item.person)
    if tag is None:
        tag = _begin(config, state, item.person, found[0], item.at)
    elif item.at < tag.closed - LATE:  # what comes a little later counts with the next second
        state.late += 1
        return _due(config, state)
    if item.at > tag.last:
        tag.last = item.at
    heard = tag.window.get(found)
    if heard is None:
        tag.window[found] = [item.rssi * item.heard, item.heard]
    else:
        heard[0] += item.rssi * item.heard
        heard[1] += item.heard
    return state.closes


def _begin(config: _Config, state: State, person: str, floor: int, at: int) -> Tag:
    if len(state.tags) >= config.settings.most_tags:
        many = 1 + config.settings.most_tags // 100  # at once: finding them is what takes long
        for gone in nsmallest(many, state.tags.values(), key=lambda tag: (tag.last, tag.person)):
            state.crowded_out += _lose(state, gone, at)
            state.evicted += 1
    tag = Tag(person, _row(state, floor), floor, at, at)
    state.tags[person] = tag
    return tag


def _row(state: State, floor: int) -> int:
    free = state.free[floor]
    if free:
        row = free.pop()
    else:
        row = state.rows[floor]
        state.rows[floor] += 1
    state.beliefs[floor].begin(row)
    state.judges[floor].begin(row)
    return row


def _rows(state: State, floor: int) -> dict[int, str]:
    return {tag.row: tag.person for tag in state.tags.values() if tag.floor == floor}


def _leave(state: State, tag: Tag) -> None:
    state.drifts.leave(tag.floor, tag.row)
    state.free[tag.floor].append(tag.row)


def _forget(state: State, tag: Tag) -> None:
    _leave(state, tag)
    del state.tags[tag.person]


def _due(config: _Config, state: State) -> int | None:
    """The end of the open window; without one, when the first tag is lost."""
    if state.closes:
        return state.closes
    return min((tag.last + config.lost for tag in state.tags.values() if tag.cause is None), default=None)


def _health(config: _Config, state: State, item: Health) -> Iterable[Located]:
    """A deaf receiver withdraws its word; where all of a floor are deaf, nobody knows of its tags."""
    found = config.receivers.get(item.dev)
    if found is None:
        return
    floor, index = found
    state.alive[floor][index] = item.alive
    if item.alive:
        state.deaf.pop(item.dev, None)
        return
    state.deaf[item.dev] = item.cause or "radio_deaf"
    for tag in state.tags.values():
        tag.window.pop(found, None)
    if not state.alive[floor].any():
        for tag in [tag for tag in state.tags.values() if tag.floor == floor]:
            yield from _lose(state, tag, item.at)


def _close(config: _Config, state: State, now: int) -> Iterable[Located]:
    """The end of a window: weigh what was heard in it, then say what changed."""
    state.closes = 0
    found = [(_floor(state, tag, now), tag) for tag in state.tags.values() if tag.window]
    dark = [not alive.any() for alive in state.alive]
    for floor, beliefs in enumerate(state.beliefs):
        here = [tag for on, tag in found if on == floor]
        if any(dark):  # who is heard faintly may be on a floor whose receivers are all deaf
            lit: list[Tag] = []
            for tag in here:
                if tag.levels[floor][0] < beliefs.faintest(tag.row):
                    yield from _unplaced(tag, now)
                else:
                    lit.append(tag)
            here = lit
        for first in range(0, len(here), BLOCK):
            yield from _weigh(state, beliefs, here[first : first + BLOCK], now)
    for tag in [tag for tag in state.tags.values() if now >= tag.last + config.lost]:
        yield from _lose(state, tag, now)


def _floor(state: State, tag: Tag, now: int) -> int:
    """The floor that hears a tag best, with the one where it was as the incumbent."""
    if len(state.beliefs) > 1:
        best: dict[int, float] = {}
        for (floor, _), (total, packets) in tag.window.items():
            best[floor] = max(best.get(floor, -200.0), total / packets)
        for floor, level in best.items():
            tag.levels[floor] = ((tag.levels.get(floor, (level, now))[0] + level) / 2, now)
        faded = {floor: was - FLOOR_FADES_DB * (now - at) / SECOND for floor, (was, at) in tag.levels.items()}
        loudest = max(faded, key=lambda floor: faded[floor])
        if loudest == tag.floor or faded[loudest] < faded.get(tag.floor, -200.0) + FLOOR_MARGIN_DB:
            tag.elsewhere = 0
        elif not tag.elsewhere:
            tag.elsewhere = now
        elif now - tag.elsewhere >= FLOOR_AFTER:
            _leave(state, tag)
            tag.floor, tag.row, tag.elsewhere = loudest, _row(state, loudest), 0
    return tag.floor


def _weigh(state: State, beliefs: Beliefs, tags: list[Tag], now: int) -> Iterable[Located]:
    windows = [_window(beliefs, tag) for tag in tags]
    gone: dict[int, list[int]] = {}
    for tag in tags:
        gap = (now - tag.closed) // SECOND - 1
        if gap >= 1:
            gone.setdefault(min(int(gap), LONGEST_GAP), []).append(tag.row)
    for seconds, rows in gone.items():
        beliefs.drift(rows, seconds)
    known = [(tag, one) for tag, one in zip(tags, windows, strict=True) if one is not None]
    if known:
        elapsed = max((min(now - tag.closed, SECOND) for tag, _ in known)) / SECOND
        alive = state.alive[known[0][0].floor]
        gaps = [min(max(now - tag.closed, elapsed * SECOND) / SECOND, LONGEST_GAP) for tag, _ in known]
        beliefs.advance([tag.row for tag, _ in known], [one for _, one in known], max(elapsed, 0.05), alive, gaps)
        shares = beliefs.zones([tag.row for tag, _ in known])
        for tag, one in known:
            state.drifts.take(tag.floor, tag.row, one)
            tag.fit = beliefs.fit(tag.loudest)
            tag.faint = tag.faint + 1 if tag.fit < FAINT_FIT else 0
            if tag.faint:
                yield from _doubt(state, tag, now)
        judge = state.judges[known[0][0].floor]
        yield from judge.judge([tag for tag, _ in known], [one for _, one in known], shares, gaps, now)
    for tag in tags:
        tag.window.clear()
        tag.closed = now


def _window(beliefs: Beliefs, tag: Tag) -> Heard | None:
    """What this floor's receivers heard of a tag; None: nothing."""
    mine = sorted(
        (index, total / packets, packets)
        for (floor, index), (total, packets) in tag.window.items()
        if floor == tag.floor
    )
    if not mine:
        return None
    best = max(mine, key=lambda one: one[1])
    tag.via = beliefs.radio.receivers[best[0]]
    tag.loudest += (best[1] - tag.loudest) * (0.2 if tag.loudest else 1.0)
    return Heard([one[0] for one in mine], [one[1] for one in mine], [int(one[2]) for one in mine])


def _doubt(state: State, tag: Tag, now: int) -> Iterable[Located]:
    """It is heard, and by no receiver as loud as somebody here: no sign of it, and soon it is not here."""
    tag.lead = 0.0
    if tag.faint == FAINT_WINDOWS:
        state.foreign += 1
        if tag.zone is not None:
            tag.zone = None
            yield Located(tag.person, None, "no_evidence", now, tag.evidence, 0.0)


def _unplaced(tag: Tag, now: int) -> Iterable[Located]:
    """It is heard, but nobody can say where."""
    tag.window.clear()
    tag.closed = now
    if tag.zone is not None:
        tag.zone, tag.lead = None, 0.0
        yield Located(tag.person, None, "radio_deaf", now, tag.evidence, 0.0)


def _lose(state: State, tag: Tag, now: int) -> Iterable[Located]:
    """Nobody hears it any more: say so once, and forget it."""
    cause = "no_evidence" if state.alive[tag.floor].any() else "radio_deaf"
    zone, evidence = tag.zone, tag.evidence
    _forget(state, tag)
    if zone is not None:
        yield Located(tag.person, None, cause, now, evidence, 0.0)
