"""The election: at most one leader a term, one leader once the network has healed, and no flapping."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.clock import SECOND
from gateway.election import (
    BEAT_S,
    DEAD_S,
    LOST_S,
    MOST,
    SETTLE_S,
    Beat,
    Seen,
    State,
    Taken,
    Tick,
    connected,
    next_term,
    step,
)

STEP_S = 0.5
"""How often candidates look at the time."""


class Box:
    """One candidate: what of it survives, and what does not."""

    def __init__(self, rank: int, count: int, machine: int) -> None:
        self.rank, self.count = rank, count
        self.disk = 0
        self.machine = machine
        """Its monotonic clock begins anywhere, and stands still while the box is frozen."""
        self.state: State | None = State(rank, alone=count == 1)
        self.sent: int | None = None

    def restart(self) -> None:
        self.state, self.sent = State(self.rank, alone=self.count == 1, seen=self.disk), None

    def take(self, item: Beat | Taken | Seen | Tick) -> None:
        assert self.state is not None
        self.state = step(self.state, item)
        self.disk = max(self.disk, self.state.seen)  # a term is on the disk before it is said


class Net:
    """Candidates around a broker that may be lost to some of them, or keep the beats of some from others."""

    def __init__(self, count: int) -> None:
        self.boxes = [Box(rank, count, (rank + 1) * 1000 * SECOND) for rank in range(count)]
        self.cut: set[int] = set()
        self.deaf: set[tuple[int, int]] = set()
        self.frozen: set[int] = set()
        self.late: dict[int, list[Beat]] = defaultdict(list)
        self.led: dict[int, set[tuple[int, int]]] = defaultdict(set)
        """By term: (rank, life) of who led in it."""
        self.lives = [0] * count
        self.changes = 0
        self.last: int | None = None

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / STEP_S)):
            for box in self.boxes:
                self._turn(box)
            self._look()

    def _turn(self, box: Box) -> None:
        box.machine += round(STEP_S * SECOND)
        if box.state is None or box.rank in self.frozen:
            return
        for beat in self.late.pop(box.rank, []):
            box.take(beat._replace(at=box.machine))
        before = box.state.leads
        box.take(Tick(box.machine))
        if box.state.leads != before:
            box.sent = None  # a change is said at once
        if box.rank in self.cut:
            return
        if box.sent is None or box.machine - box.sent >= BEAT_S * SECOND:
            box.sent = box.machine
            assert box.state is not None
            term = box.state.term or box.state.seen
            for other in self.boxes:
                if other is box or other.state is None or other.rank in self.cut or (box.rank, other.rank) in self.deaf:
                    continue
                beat = Beat(f"gw-{box.rank}", box.rank, term, box.state.leads, other.machine)
                if other.rank in self.frozen:
                    self.late[other.rank].append(beat)
                else:
                    other.take(beat)
            box.take(Taken(box.machine, box.machine))

    def _look(self) -> None:
        for box in self.boxes:
            if box.state is not None and box.state.leads and box.rank not in self.frozen:
                self.led[box.state.term].add((box.rank, self.lives[box.rank]))
        leaders = self.leaders
        if len(leaders) == 1 and leaders[0] != self.last:
            self.last = leaders[0]
            self.changes += 1

    def kill(self, rank: int) -> None:
        self.boxes[rank].state = None

    def revive(self, rank: int) -> None:
        if self.boxes[rank].state is None:
            self.lives[rank] += 1
            self.boxes[rank].restart()

    def heal(self) -> None:
        self.cut.clear()
        self.deaf.clear()
        self.frozen.clear()
        for rank in range(len(self.boxes)):
            self.revive(rank)

    @property
    def leaders(self) -> list[int]:
        return [box.rank for box in self.boxes if box.state is not None and box.state.leads]


COUNT = 4
ranks = st.integers(0, COUNT - 1)
troubles = st.one_of(
    st.tuples(st.just("cut"), st.sets(ranks)),
    st.tuples(st.just("deaf"), st.sets(st.tuples(ranks, ranks))),
    st.tuples(st.just("frozen"), st.sets(ranks)),
    st.tuples(st.just("kill"), st.sets(ranks)),
    st.tuples(st.just("revive"), st.sets(ranks)),
)
schedules = st.lists(st.tuples(troubles, st.floats(0.5, 45)), max_size=8)


Schedule = list[tuple[tuple[str, set[int]], float]]


def befall(net: Net, what: str, whom: set[int]) -> None:
    match what:
        case "kill":
            for rank in whom:
                net.kill(rank)
        case "revive":
            for rank in whom:
                net.revive(rank)
        case _:
            setattr(net, what, set(whom))


def troubled(schedule: Schedule) -> Net:
    net = Net(COUNT)
    for (what, whom), seconds in schedule:
        befall(net, what, whom)
        net.run(seconds)
    return net


@settings(max_examples=40)
@given(schedule=schedules)
def test_no_term_has_two_leaders(schedule: Schedule) -> None:
    net = troubled(schedule)
    net.heal()
    net.run(20)
    assert all(len(who) == 1 for who in net.led.values()), dict(net.led)
    assert all(term % MOST == rank for term, who in net.led.items() for rank, _ in who)


@settings(max_examples=40)
@given(schedule=schedules)
def test_when_the_network_has_healed_the_first_leads_and_stays(
    schedule: Schedule,
) -> None:
    net = troubled(schedule)
    net.heal()
    net.run(DEAD_S + 2 * BEAT_S + 1)
    assert len(net.leaders) == 1, "one of them within 11 s"
    net.run(SETTLE_S + 10)
    assert net.leaders == [0]
    before = net.changes
    net.run(120)
    assert (net.leaders, net.changes) == ([0], before)


@settings(max_examples=40)
@given(schedule=schedules)
def test_terms_of_a_box_never_go_back(schedule: Schedule) -> None:
    net = Net(COUNT)
    seen = [0] * COUNT
    for (what, whom), seconds in schedule:
        befall(net, what, whom)
        net.run(seconds)
        for box in net.boxes:
            assert box.disk >= seen[box.rank]
            seen[box.rank] = box.disk
            if box.state is not None and box.state.leads:
                assert box.state.term == box.state.seen


def test_another_leads_within_ten_seconds_of_the_leaders_death() -> None:
    net = Net(3)
    net.run(10)
    assert net.leaders == [0]
    net.kill(0)
    net.run(DEAD_S + STEP_S)
    assert net.leaders == [1]


def test_one_that_loses_the_broker_has_stopped_before_another_begins() -> None:
    net = Net(2)
    net.run(10)
    net.cut = {0}
    for _ in range(40):
        net.run(STEP_S)
        assert len(net.leaders) < 2
    assert net.leaders == [1]


def test_one_that_slept_stops_when_it_wakes_and_says_nothing_before() -> None:
    """A frozen process does not see time pass: its first look at the clock is behind its last word by a minute."""
    net = Net(2)
    net.run(10)
    net.frozen = {0}
    net.run(60)
    assert net.boxes[1].state is not None
    assert net.boxes[1].state.leads
    net.frozen = set()
    net.run(STEP_S)
    assert net.leaders == [1]


def test_a_lower_rank_that_comes_back_waits_a_minute_and_then_leads() -> None:
    net = Net(2)
    net.run(10)
    net.kill(0)
    net.run(20)
    net.revive(0)
    net.run(SETTLE_S - 1)
    assert net.leaders == [1]
    net.run(DEAD_S)
    assert net.leaders == [0]


def test_a_box_that_restarts_every_half_minute_does_not_flap() -> None:
    net = Net(2)
    net.run(10)
    net.kill(0)
    net.run(20)
    for _ in range(20):
        net.revive(0)
        net.run(25)
        net.kill(0)
        net.run(5)
    assert net.leaders == [1]
    assert net.changes == 2


def test_one_that_comes_back_does_not_wait_for_a_leader_that_is_dead() -> None:
    net = Net(2)
    net.run(10)
    net.kill(0)
    net.run(20)
    net.revive(0)
    net.run(DEAD_S + STEP_S)
    net.kill(1)
    net.run(DEAD_S + STEP_S)
    assert net.leaders == [0]


def test_two_that_do_not_hear_each_other_both_lead_in_terms_of_their_own() -> None:
    net = Net(2)
    net.deaf = {(0, 1), (1, 0)}
    net.run(20)
    assert net.leaders == [0, 1]
    terms = [box.state.term for box in net.boxes if box.state is not None]
    assert len(set(terms)) == 2
    net.deaf = set()
    net.run(BEAT_S + STEP_S)
    assert len(net.leaders) == 1


def test_one_that_has_just_begun_listens_for_six_seconds_first() -> None:
    state = step(State(1, seen=8), Taken(SECOND, SECOND))
    heard = step(state, Tick(SECOND + int(DEAD_S * SECOND)))._replace(sent=7 * SECOND)
    assert not heard.leads
    assert step(heard, Tick(heard.since + int(DEAD_S * SECOND) + 1)).term == 9


def test_one_that_gives_way_to_a_word_of_a_higher_term_does_not_take_it_back_at_once() -> None:
    """It has not heard the beat of who leads in it yet."""
    net = Net(2)
    net.run(100)
    box = net.boxes[0]
    box.take(Seen(9, box.machine))
    net.run(DEAD_S - STEP_S)
    assert net.leaders == []
    net.run(2 * STEP_S)
    assert net.leaders == [0]


def test_the_only_candidate_leads_at_once_and_without_a_broker() -> None:
    state = step(State(0, alone=True, seen=24), Tick(5))
    assert (state.term, connected(state, 5)) == (32, False)
    assert step(state, Tick(1000 * SECOND)).term == 32
    assert step(state, Seen(41, 6)).term == 48, (
        "its disk was replaced: what was retained of it says how far it had come"
    )


def test_another_idea_of_the_ranks_is_no_reason_to_lead_in_one_term() -> None:
    ours = step(State(1, alone=True), Tick(0))
    after = step(ours._replace(alone=False), Beat("gw-9", 1, ours.term, leads=True, at=1))
    assert not after.leads
    assert after.seen > ours.term


@given(seen=st.integers(0, 10**6), rank=st.integers(0, MOST - 1))
def test_a_term_is_above_what_was_seen_and_says_whose_it_is(seen: int, rank: int) -> None:
    term = next_term(seen, rank)
    assert seen < term <= seen + MOST
    assert term % MOST == rank
    assert LOST_S + STEP_S < DEAD_S
