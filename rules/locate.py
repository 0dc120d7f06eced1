"""In which zone a person's tag is: the strongest smoothed receiver, with incumbent and challenger.

Each receiver's signal is smoothed in time. The incumbent stands until a receiver of another zone has been louder by a
margin, for a settle time and more than once; so a still tag does not flap. A receiver that has not heard the tag for a
while has no vote, and a deaf one loses it at once. A private zone is never an answer: while the tag is there, the last
public zone stands and is not updated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from math import exp
from typing import Any, NamedTuple

from rules.api import SECOND, Fact, Health, Input, Located, Rule, Sighting, Step, Tick
from rules.evidence import personal

NAME, VERSION = "locate", 1
MARGIN_SCALE = 4.0
"""dB: what a difference between two receivers is worth; the spread of a smoothed signal in an office."""


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
    neighbours: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Zone -> zones next to it, where that is known. A jump to a zone that is not next to the last one takes twice the
    settle time."""
    margin_db: float = 6.0
    settle_s: float = 10.0
    smooth_s: float = 5.0
    """Time constant of the smoothing; at least three intervals of the tags."""
    tag_expect_s: float = 1.0
    refresh_s: float = 60.0
    """So often an unchanged answer is told again while evidence goes on."""
    lost_s: float = 60.0
    """Without a sighting for so long, and for three intervals of the tags: no_evidence."""


class _Config(NamedTuple):
    """Settings, worked out once; times in ns."""

    zones: Mapping[str, str]
    private: frozenset[str]
    """Receivers in private zones."""
    neighbours: Mapping[str, frozenset[str]]
    margin: float
    settle: int
    first: int
    """Between the first sighting and the first answer: all receivers get a word, and more than one."""
    smooth: int
    fresh: int
    """Age at which a vote is not counted any more."""
    refresh: int
    lost: int


class Held(NamedTuple):
    """What is held to be true, and who contests it."""

    best: str = ""
    """The incumbent receiver; empty: none."""
    zone: str | None = None
    """The answer: the zone of the last public incumbent."""
    cause: str | None = None
    told: int = 0
    """When the answer was last emitted; 0: never."""
    evidence: int = 0
    """Last evidence of `zone`, while the incumbent is in a private one or lost."""
    first: int = 0
    """First sighting since there was no incumbent."""
    challenger: str = ""
    """A receiver of another zone that is louder by the margin ..."""
    since: int = 0
    times: int = 0
    """... since then and so often."""
    deaf: frozenset[str] = frozenset()
    """Receivers that had a vote and do not hear now."""


Vote = tuple[float, int, int]
"""(smoothed dBm, when last heard, sightings behind it)."""


class State(NamedTuple):
    """Of one person's tag."""

    person: str
    votes: Mapping[str, Vote]
    held: Held
    due: int | None


def rule(settings: Settings) -> Rule[State]:
    """Where tags are; key = person."""
    return Rule(name=NAME, version=VERSION, start=_start, step=partial(_step, _config(settings)))


def _config(settings: Settings) -> _Config:
    expect = settings.tag_expect_s
    return _Config(
        zones={dev: receiver.zone for dev, receiver in settings.receivers.items()},
        private=frozenset(dev for dev, receiver in settings.receivers.items() if receiver.private),
        neighbours=settings.neighbours,
        margin=settings.margin_db,
        settle=int(settings.settle_s * SECOND),
        first=int(2 * expect * SECOND),
        smooth=int(max(settings.smooth_s, 3 * expect) * SECOND),
        fresh=int(max(10.0, 3 * expect) * SECOND),
        refresh=int(settings.refresh_s * SECOND),
        lost=int(max(settings.lost_s, 3 * expect) * SECOND),
    )


def _start(person: str, fact: Mapping[str, Any] | None, _now: int) -> Step[State]:
    """A tag's place is an estimate: it starts from nothing. A fact is of a radio map that is gone, and goes too."""
    gone = () if fact is None else (Fact(NAME, person, None),)
    return Step(State(person, {}, Held(), None), (), gone)


def _step(config: _Config, state: State, item: Input) -> Step[State]:
    if type(item) is Sighting:
        return _hear(config, state, item)
    if isinstance(item, Health):
        return _health(config, state, item)
    if isinstance(item, Tick):
        return _look(config, state, item.at)
    return Step(state, (), (), state.due)


def _hear(config: _Config, state: State, item: Sighting) -> Step[State]:
    """The hot path: one vote changes, and it is compared with the incumbent's only."""
    receiver, at = item.receiver, item.at
    if receiver not in config.zones:
        return Step(state, (), (), state.due)
    person, votes, held, due = state
    vote = votes.get(receiver)
    if vote is None:
        level, count = item.rssi, 1
    else:
        level, last, count = vote
        passed = at - last
        if passed < 0:
            return Step(state, (), (), due)
        if passed > config.fresh:
            level, count = item.rssi, 1
        else:  # a plain mean at first, or the first sighting would weigh most
            count += 1
            share = passed / (config.smooth + passed)
            level += (item.rssi - level) * (share if share * count > 1 else 1 / count)
    votes = {**votes, receiver: (level, at, count)}
    best = held.best
    if receiver == best:
        rival = held.challenger
        if rival and votes[rival][0] < level + config.margin:
            held = held._replace(challenger="", since=0, times=0)
        if at - held.told >= config.refresh and best not in config.private:
            return _tell(config, State(person, votes, held, due), at)
        return Step(State(person, votes, held, due), (), (), due)
    if not best:
        return _begin(config, State(person, votes, held, due), at)
    zones = config.zones
    top, heard, _ = votes[best]
    if zones[receiver] == zones[best]:
        if level > top:
            held = held._replace(best=receiver)
        return Step(State(person, votes, held, due), (), (), due)
    gone = at - heard > config.fresh
    if level >= top + config.margin or gone:
        return _challenge(config, State(person, votes, held, due), receiver, at, gone=gone)
    if receiver == held.challenger:
        held = held._replace(challenger="", since=0, times=0)
    return Step(State(person, votes, held, due), (), (), due)


def _challenge(config: _Config, state: State, receiver: str, at: int, *, gone: bool) -> Step[State]:
    """A receiver of another zone is louder by the margin, or the incumbent has fallen silent."""
    held, zones = state.held, config.zones
    rival = held.challenger
    if not rival or (zones[rival] != zones[receiver] and state.votes[receiver][0] > state.votes[rival][0]):
        held = held._replace(challenger=receiver, since=at, times=1)
        return Step(state._replace(held=held), (), (), state.due)
    if zones[rival] != zones[receiver]:
        return Step(state, (), (), state.due)
    held = held._replace(challenger=receiver, times=held.times + 1)
    beside = config.neighbours.get(zones[held.best])
    settle = config.settle if not beside or zones[receiver] in beside else 2 * config.settle
    if gone or at - held.since >= settle:
        return _switch(config, state._replace(held=held), receiver, at)
    return Step(state._replace(held=held), (), (), state.due)


def _begin(config: _Config, state: State, at: int) -> Step[State]:
    """There is no incumbent: let every receiver have a word, then take the strongest."""
    held = state.held
    if not held.first:
        held, due = held._replace(first=at), at + config.first
        return Step(State(state.person, state.votes, held, due), (), (), due)
    if at - held.first < config.first:
        return Step(state, (), (), state.due)
    return _look(config, state, at)


def _look(config: _Config, state: State, now: int) -> Step[State]:
    """Without a sighting that decides: drop votes that are old, and see who is left."""
    votes = {dev: vote for dev, vote in state.votes.items() if now - vote[1] <= config.fresh}
    held = state.held
    if held.best in votes:
        due = votes[held.best][1] + config.fresh + 1
        return Step(State(state.person, state.votes, held, due), (), (), due)
    if held.best in state.votes:  # it fell silent: who still hears the tag, or did all lose it together?
        since = state.votes[held.best][1] + config.fresh // 2
        others = {dev: vote for dev, vote in votes.items() if vote[1] > since}
    else:
        others = votes
    if others and (held.best or now - held.first >= config.first):
        strongest = max(others, key=lambda dev: (others[dev][0], dev))
        return _switch(config, state, strongest, now)
    if others:
        due = held.first + config.first
        return Step(State(state.person, votes, held, due), (), (), due)
    lost = max((vote[1] for vote in state.votes.values()), default=0) + config.lost
    if now < lost and not (held.deaf and not votes):
        return Step(state._replace(due=lost), (), (), lost)
    return _lose(config, state, now)


def _lose(config: _Config, state: State, now: int) -> Step[State]:
    """Nobody hears the tag."""
    held = state.held
    cause = "radio_deaf" if held.deaf else "no_evidence"
    evidence = _evidence(config, state)
    if held.zone is None and held.cause in (None, cause):  # nothing was ever answered, or this is
        return Step(State(state.person, {}, Held(cause=held.cause, evidence=evidence, deaf=held.deaf), None))
    after = State(state.person, {}, Held(cause=cause, told=now, evidence=evidence, deaf=held.deaf), None)
    return Step(after, (), (), None, (Located(state.person, None, cause, now, evidence, 0.0),))


def _switch(config: _Config, state: State, receiver: str, at: int) -> Step[State]:
    """`receiver` is the incumbent from now on; tell it, unless its zone is private."""
    old, zones = state.held, config.zones
    evidence = _evidence(config, state)
    held = Held(receiver, old.zone, old.cause, old.told, evidence, deaf=old.deaf)
    due = state.votes[receiver][1] + config.fresh + 1
    after = State(state.person, state.votes, held, due)
    if receiver in config.private:
        return Step(after, (), (), due)
    if zones[receiver] == old.zone and at - old.told < config.refresh:
        return Step(after, (), (), due)
    return _tell(config, after, at)


def _tell(config: _Config, state: State, at: int) -> Step[State]:
    """Emit the incumbent's zone, with the strongest other zone as the one that lost."""
    held, zones, votes = state.held, config.zones, state.votes
    best = held.best
    zone, (level, heard, _) = zones[best], votes[best]
    rivals = [
        (vote[0], zones[dev])
        for dev, vote in votes.items()
        if zones[dev] != zone and dev not in config.private and at - vote[1] <= config.fresh
    ]
    challenger, confidence = None, 0.8
    if rivals:
        second, loser = max(rivals)
        challenger = {"zone": loser, "weight": round(second, 1)}
        confidence = 1 / (1 + exp(max(-20.0, min(20.0, (second - level) / MARGIN_SCALE))))
    held = held._replace(zone=zone, cause=None, told=at, evidence=heard, deaf=held.deaf - votes.keys())
    located = Located(state.person, zone, None, at, heard, round(confidence, 2), (personal("tag", best),), challenger)
    return Step(State(state.person, votes, held, state.due), (), (), state.due, (located,))


def _evidence(config: _Config, state: State) -> int:
    """When the answer that stands was last borne out."""
    held = state.held
    if held.best and held.best not in config.private and held.best in state.votes:
        return state.votes[held.best][1]
    return held.evidence


def _health(config: _Config, state: State, item: Health) -> Step[State]:
    """A deaf receiver withdraws its vote."""
    held = state.held
    if item.alive:
        if item.dev not in held.deaf:
            return Step(state, (), (), state.due)
        return Step(state._replace(held=held._replace(deaf=held.deaf - {item.dev})), (), (), state.due)
    if item.dev not in state.votes:
        return Step(state, (), (), state.due)
    held = held._replace(evidence=_evidence(config, state), deaf=held.deaf | {item.dev})
    if held.challenger == item.dev:
        held = held._replace(challenger="", since=0, times=0)
    votes = {dev: vote for dev, vote in state.votes.items() if dev != item.dev}
    after = State(state.person, votes, held, state.due)
    if held.best != item.dev and held.best:
        return Step(after, (), (), state.due)
    return _look(config, after, item.at)
