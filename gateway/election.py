"""Who coordinates a building: a pure fold over the candidates' beats and machine time.

    beat of another      -> it lives, it leads or not, and the highest term that it has seen
    a beat of ours taken -> the broker is there: others hear us, and we hear them
    time                 -> who was silent for 6 s is dead; who was without broker for 5 s has stopped

The lowest live rank leads, in a term of its own above every term that was seen. Nobody asks for votes: two may believe
for a while that they lead, where they do not hear each other. That is fenced by the term, not excluded.

A term says whose it is: `term % MOST == rank`. "Highest seen + 1" alone would give two candidates that are cut off from
each other the same term, and then nothing would tell their words apart.

When a live one leads already, a lower rank that comes (back) waits for 60 s of unbroken beats before it takes over: a
change costs what the locator had gathered, so a box that restarts every minute must not cost it every minute. When
nobody leads, it waits only for as long as it takes to hear that (6 s).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from gateway.clock import SECOND

BEAT_S = 2.0
DEAD_S = 6.0
"""Without a beat for longer, a candidate is dead."""
LOST_S = 5.0
"""A coordinator whose beats the broker has not taken for longer has stopped: before others hold it to be dead."""
SETTLE_S = 60.0
MOST = 8
"""Candidates of a building. It never changes: terms of two versions of hadir must not meet."""


class Beat(NamedTuple):
    """Another candidate is alive."""

    gateway: str
    rank: int
    term: int
    """In which it leads, or the highest that it has seen."""
    leads: bool
    at: int


class Taken(NamedTuple):
    """The broker has taken a beat of ours."""

    sent: int
    at: int


class Seen(NamedTuple):
    """A term that somebody once led in: of a retained beat, or of our own disk. It is no sign of life."""

    term: int
    at: int


class Tick(NamedTuple):
    """It is `at`, machine time."""

    at: int


Input = Beat | Taken | Seen | Tick


class Peer(NamedTuple):
    """What was last heard of another candidate."""

    rank: int
    heard: int
    leads: bool


class State(NamedTuple):
    """Of one candidate."""

    rank: int
    alone: bool = False
    """The only candidate: nobody else could lead, so it leads always, with a broker or without."""
    seen: int = 0
    """The highest term."""
    term: int = 0
    """In which it leads; 0: it follows."""
    sent: int | None = None
    """When the last beat was sent that the broker has taken: others cannot have heard of us later."""
    since: int = 0
    """Since when the broker has taken our beats without a break: so long others could have been heard."""
    stopped: int | None = None
    """When it last gave way to a higher term: whoever leads in it may be heard yet."""
    peers: Mapping[str, Peer] = {}

    @property
    def leads(self) -> bool:
        return self.term > 0


def next_term(seen: int, rank: int) -> int:
    """The first term of `rank` above `seen`; never 0."""
    return seen + 1 + (rank - seen - 1) % MOST


def step(state: State, item: Input) -> State:
    """The state behind `item`. `at` never goes back."""
    match item:
        case Beat():
            # another that leads in our own term has another idea of the ranks than we: both stop, and begin anew
            same = item.leads and item.term == state.term
            peers = {**state.peers, item.gateway: Peer(item.rank, item.at, item.leads)}
            state = state._replace(seen=max(state.seen, item.term + same), peers=peers)
        case Taken():
            broken = state.sent is None or item.sent - state.sent > LOST_S * SECOND
            since = item.at if broken else state.since
            state = state._replace(sent=max(state.sent or 0, item.sent), since=since)
        case Seen():
            state = state._replace(seen=max(state.seen, item.term))
        case Tick():
            pass
    return _decided(state, item.at)


def connected(state: State, at: int) -> bool:
    """Whether the broker takes our beats."""
    return state.sent is not None and at - state.sent <= LOST_S * SECOND


def _decided(state: State, at: int) -> State:
    if state.leads and (state.seen > state.term or not (state.alone or connected(state, at))):
        state = state._replace(term=0, stopped=at)
    if state.leads or not _may_lead(state, at):
        return state
    term = next_term(state.seen, state.rank)
    return state._replace(term=term, seen=term)


def _may_lead(state: State, at: int) -> bool:
    if state.alone:
        return True
    listened = at - state.since if connected(state, at) else 0
    given_way = state.stopped is not None and at - state.stopped <= DEAD_S * SECOND
    if given_way or listened <= DEAD_S * SECOND:
        return False
    live = [peer for peer in state.peers.values() if at - peer.heard <= DEAD_S * SECOND]
    if any(peer.rank < state.rank for peer in live):
        return False
    return listened > SETTLE_S * SECOND or not any(peer.leads for peer in live)
