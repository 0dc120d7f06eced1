"""In which zone a person's tag is: the strongest smoothed receiver, with incumbent and challenger.

Each receiver's signal is smoothed in time. The incumbent stands until a receiver of another zone has been louder by a
margin, for a settle time and more than once; so a still tag does not flap. A receiver that has not heard the tag for a
while has no vote, and a deaf one loses it at once. A private zone is never an answer: while the tag is there, the last
public zone stands and is not updated.

A building's tags share one state, a table that is changed in place and handed on: copying it for each of a hundred
thousand sightings a second would be the price of doing without. The same inputs still give the same outputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from heapq import nsmallest
from math import exp
from typing import Any, NamedTuple

from rules.api import SECOND, Fact, Health, Input, Located, Rule, Sighting, Step, Tick
from rules.evidence import personal
from rules.locate_tags import State, Tag
from rules.votes import MOST

NAME, VERSION = "locate", 1
MARGIN_SCALE = 4.0
"""dB: what a difference between two receivers is worth; the spread of a smoothed signal in an office."""
SILENT_DBM = -90.0
"""Below it packets are lost. That a receiver is silent says no more than that the tag is fainter there; so who hears it
as faintly takes its place only when it is silent for long."""
CLEAR, STEEP, MOST_WORTH = 5 / 3, 5, 20.0
"""A lead of so many margins needs no more than the settle time. A second of another lead counts by a power of it, up to
so much: a crowd and slow fading make the margin itself often, and twice the margin hardly ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """A fixed receiver; where it is the strongest, the tag is in its zone."""

    zone: str
    """Place of the zone, `site/building/floor/zone/_`."""
    private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Choices for all tags; seconds of office time."""

    receivers: Mapping[str, Receiver] = field(default_factory=dict)
    """By device id. What another receiver hears is ignored."""
    fixed: frozenset[str] = frozenset()
    """Tags that hang on a wall: nobody is where they are."""
    neighbours: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Zone -> zones next to it, where that is known. A jump to a zone that is not next to the last one takes twice the
    settle time."""
    margin_db: float = 6.0
    settle_s: float = 10.0
    """Of a clear lead; two minutes of the mere margin count as much, and a second of twice as clear a one."""
    smooth_s: float = 5.0
    """Time constant of the smoothing; at least three intervals of the tags."""
    tag_expect_s: float = 1.0
    refresh_s: float = 60.0
    """So often an unchanged answer is told again while evidence goes on."""
    lost_s: float = 60.0
    """Without a sighting for so long, and for three intervals of the tags: no_evidence."""
    most_tags: int = 20_000
    """Beyond it those that were heard longest ago are told as lost, and counted."""


class _Config(NamedTuple):
    """Settings, worked out once; times in ns."""

    zones: Mapping[str, str]
    fixed: frozenset[str]
    private: frozenset[str]
    """Receivers in private zones."""
    neighbours: Mapping[str, frozenset[str]]
    margin: float
    faint: float
    """dBm, louder by the margin than a receiver that hears nothing can be."""
    clear: float
    """dB, a lead that needs no more than the settle time."""
    settle: int
    first: int
    """Between the first sighting and the first answer: all receivers get a word, and more than one."""
    smooth: int
    fresh: int
    """Age at which a vote is not counted any more."""
    refresh: int
    lost: int
    most: int


def rule(settings: Settings) -> Rule[State]:
    """Where the tags of a building are; key = building."""
    return Rule(name=NAME, version=VERSION, start=_start, step=partial(_step, _config(settings)))


def _config(settings: Settings) -> _Config:
    expect = settings.tag_expect_s
    return _Config(
        zones={dev: receiver.zone for dev, receiver in settings.receivers.items()},
        fixed=settings.fixed,
        private=frozenset(dev for dev, receiver in settings.receivers.items() if receiver.private),
        neighbours=settings.neighbours,
        margin=settings.margin_db,
        faint=SILENT_DBM + settings.margin_db,
        clear=CLEAR * max(settings.margin_db, 1.0),
        settle=int(settings.settle_s * SECOND),
        first=int(2 * expect * SECOND),
        smooth=int(max(settings.smooth_s, 3 * expect) * SECOND),
        fresh=int(max(10.0, 3 * expect) * SECOND),
        refresh=int(settings.refresh_s * SECOND),
        lost=int(max(settings.lost_s, 3 * expect) * SECOND),
        most=settings.most_tags,
    )


def _start(building: str, fact: Mapping[str, Any] | None, _now: int) -> Step[State]:
    """Where tags are is an estimate: it starts from nothing. A fact is of a radio map that is gone, and goes too."""
    return Step(State(), (), () if fact is None else (Fact(NAME, building, None),))


def _step(config: _Config, state: State, item: Input) -> Step[State]:
    if type(item) is Sighting:
        return _hear(config, state, item)
    if isinstance(item, Health):
        return state.step(*[told for tag in list(state.tags.values()) for told in _health(config, state, tag, item)])
    if isinstance(item, Tick):
        return state.step(*_passed(config, state, item.at))
    return state.step()


def _passed(config: _Config, state: State, now: int) -> Iterator[Located]:
    """Look at every tag whose time has come."""
    while (person := state.due(now)) is not None:
        yield from _look(config, state, state.tags[person], now)


def _hear(config: _Config, state: State, item: Sighting) -> Step[State]:
    """The hot path: one vote changes, and it is compared with the incumbent's only."""
    receiver, at = item.receiver, item.at
    zones = config.zones
    if receiver not in zones:
        return state.quiet
    tag = state.tags.get(item.person)
    if tag is None:
        return state.quiet if item.person in config.fixed else _meet(config, state, item)
    votes = tag.votes
    slot = votes.slots.get(receiver)
    if slot is None:
        level = item.rssi
        _add(tag, item)
    elif at < votes.heard[slot]:
        return state.quiet
    else:
        level = votes.take(slot, item.rssi, at, config.smooth, config.fresh)
    best = tag.best
    if receiver == best:
        rival = tag.challenger
        if rival and votes.level(rival) < level + config.margin:
            _unchallenge(tag)
        if at - tag.told >= config.refresh and best not in config.private:
            return state.step(_tell(config, tag, at))
        return state.quiet
    if not best:
        return state.step(*_begin(config, state, tag, at))
    slot = votes.slots[best]
    top = votes.levels[slot]
    if zones[receiver] == zones[best]:
        if level > top:
            tag.best = receiver
        return state.quiet
    silent = at - votes.heard[slot]
    gone = silent > config.fresh and (level >= config.faint or silent > config.lost)
    if level >= top + config.margin or gone:
        told = _challenge(config, state, tag, receiver, at, gone=gone)
        return state.step(*told) if told else state.quiet
    if receiver == tag.challenger:
        _unchallenge(tag)
    return state.quiet


def _meet(config: _Config, state: State, item: Sighting) -> Step[State]:
    """A tag that was not known, in the place of others where there are too many."""
    told: list[Located] = []
    counts: tuple[str, ...] = ()
    if len(state.tags) >= config.most:
        many = 1 + config.most // 100  # at once: finding them is what takes long
        for gone in nsmallest(many, state.tags.values(), key=lambda tag: (tag.votes.latest, tag.person)):
            told += _lose(config, state, gone, item.at)
            counts = (*counts, "evicted")
    tag = state.tags[item.person] = Tag(item.person)
    _add(tag, item)
    told += _begin(config, state, tag, item.at)
    return state.step(*told, counts=counts)


def _add(tag: Tag, item: Sighting) -> None:
    """A receiver that had no vote."""
    votes = tag.votes
    if len(votes) >= MOST:
        others = (name for name in votes if name not in (tag.best, tag.challenger))
        votes.drop(min(others, key=lambda name: (votes.last(name), name)))
    votes.add(item.receiver, item.rssi, item.at)


def _unchallenge(tag: Tag) -> None:
    tag.challenger, tag.since, tag.led = "", 0, 0.0


def _challenge(config: _Config, state: State, tag: Tag, receiver: str, at: int, *, gone: bool) -> Iterable[Located]:
    """A receiver of another zone is louder by the margin, or the incumbent has fallen silent."""
    zones, rival = config.zones, tag.challenger
    if not rival or (zones[rival] != zones[receiver] and tag.votes.level(receiver) > tag.votes.level(rival)):
        tag.challenger, tag.since, tag.led = receiver, at, 0.0
        return ()
    if zones[rival] != zones[receiver]:
        return ()
    lead = (tag.votes.level(receiver) - tag.votes.level(tag.best)) / config.clear
    tag.led += (at - tag.since) * min(lead**STEEP, MOST_WORTH)
    tag.challenger, tag.since = receiver, at
    beside = config.neighbours.get(zones[tag.best])
    settle = config.settle if not beside or zones[receiver] in beside else 2 * config.settle
    return _switch(config, state, tag, receiver, at) if gone or tag.led >= settle else ()


def _begin(config: _Config, state: State, tag: Tag, at: int) -> Iterable[Located]:
    """There is no incumbent: let every receiver have a word, then take the strongest."""
    if not tag.first:
        tag.first = at
        state.look(tag, at + config.first)
        return ()
    if at - tag.first < config.first:
        return ()
    return _look(config, state, tag, at)


def _look(config: _Config, state: State, tag: Tag, now: int) -> Iterable[Located]:
    """Without a sighting that decides: see who is left of those whose vote is not too old."""
    votes, best = tag.votes, tag.best
    fresh = votes.since(now - config.fresh)
    if best in fresh:
        for old in set(votes) - set(fresh):
            _drop(tag, old)
        state.look(tag, votes.last(best) + config.fresh + 1)
        return ()
    others = fresh
    if best in votes:  # it fell silent: who still hears the tag, or did all lose it together?
        since = votes.last(best) + config.fresh // 2
        others = [name for name in fresh if votes.last(name) > since]
    if others and (best or now - tag.first >= config.first):
        strongest = max(others, key=lambda name: (votes.level(name), name))
        if best in votes and votes.level(strongest) < config.faint and now <= votes.last(best) + config.lost:
            state.look(tag, votes.last(best) + config.lost + 1)
            return ()
        return _switch(config, state, tag, strongest, now)
    if others:
        for old in set(votes) - set(fresh):
            _drop(tag, old)
        state.look(tag, tag.first + config.first)
        return ()
    lost = votes.latest + config.lost
    if now < lost and not (tag.deaf and not fresh):
        state.look(tag, lost)
        return ()
    return _lose(config, state, tag, now)


def _drop(tag: Tag, receiver: str) -> None:
    tag.votes.drop(receiver)
    if tag.challenger == receiver:
        _unchallenge(tag)


def _lose(config: _Config, state: State, tag: Tag, now: int) -> Iterable[Located]:
    """Nobody hears the tag: say so, where an answer stands, and forget it."""
    _witness(config, tag)
    del state.tags[tag.person]
    if tag.zone is None:
        return ()
    cause = "radio_deaf" if tag.deaf else "no_evidence"
    return (Located(tag.person, None, cause, now, tag.evidence, 0.0),)


def _switch(config: _Config, state: State, tag: Tag, receiver: str, at: int) -> Iterable[Located]:
    """`receiver` is the incumbent from now on; tell it, unless its zone is private."""
    _witness(config, tag)
    tag.best, tag.first = receiver, 0
    _unchallenge(tag)
    state.look(tag, tag.votes.last(receiver) + config.fresh + 1)
    if receiver in config.private:
        return ()
    if config.zones[receiver] == tag.zone and at - tag.told < config.refresh:
        return ()
    return (_tell(config, tag, at),)


def _tell(config: _Config, tag: Tag, at: int) -> Located:
    """The incumbent's zone, with the strongest other zone as the one that lost."""
    zones, votes, best = config.zones, tag.votes, tag.best
    zone, level, heard = zones[best], votes.level(best), votes.last(best)
    rivals = [
        (votes.level(dev), zones[dev])
        for dev in votes.since(at - config.fresh)
        if zones[dev] != zone and dev not in config.private
    ]
    challenger, confidence = None, 0.8
    if rivals:
        second, loser = max(rivals)
        challenger = {"zone": loser, "weight": round(second, 1)}
        confidence = 1 / (1 + exp(max(-20.0, min(20.0, (second - level) / MARGIN_SCALE))))
    tag.zone, tag.told, tag.evidence = zone, at, heard
    tag.deaf -= votes.slots.keys()
    return Located(tag.person, zone, None, at, heard, round(confidence, 2), (personal("tag", best),), challenger)


def _witness(config: _Config, tag: Tag) -> None:
    """Note when the answer that stands was last borne out, before its witness goes."""
    if tag.best and tag.best not in config.private and tag.best in tag.votes:
        tag.evidence = tag.votes.last(tag.best)


def _health(config: _Config, state: State, tag: Tag, item: Health) -> Iterable[Located]:
    """A deaf receiver withdraws its vote."""
    if item.alive:
        tag.deaf -= {item.dev}
        return ()
    if item.dev not in tag.votes:
        return ()
    _witness(config, tag)
    tag.deaf |= {item.dev}
    _drop(tag, item.dev)
    return () if tag.best != item.dev and tag.best else _look(config, state, tag, item.at)
