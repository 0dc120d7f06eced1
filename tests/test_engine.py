"""The engine: ticks at their exact time, chains of rules, the same result for the same input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.counters import Counters
from gateway.engine import Engine
from rules.api import Event, Fact, Input, Reading, Rule, Sensed, Step, Tick


@dataclass(frozen=True, slots=True)
class Lamp:
    """A rule for these tests: on by a reading, off `hold` later."""

    on: bool
    until: int


HOLD = 10


def lamp() -> Rule[Lamp]:
    def start(key: str, fact: Any, now: int) -> Step[Lamp]:
        return Step(Lamp(on=bool(fact and fact["on"]), until=0), (Event("lamp.started", key, now, {}),))

    def step(state: Lamp, item: Input) -> Step[Lamp]:
        match item:
            case Reading():
                until = max(state.until, item.at + HOLD)
                events = () if state.on else (Event("lamp.on", item.place, item.at, {}),)
                facts = (Fact("lamp", item.place, {"on": True}),)
                emits = (Sensed(item.place, "occupied", None, item.at, item.at, 1.0),)
                return Step(Lamp(on=True, until=until), events, facts, until, emits)
            case Tick():
                if item.at < state.until:
                    return Step(state, due=state.until)
                return Step(Lamp(on=False, until=0), (Event("lamp.off", "p", item.at, {}),), (Fact("lamp", "p", None),))
            case _:
                return Step(state, due=state.until or None)

    return Rule(name="lamp", version=1, start=start, step=step)


def echo() -> Rule[int]:
    def start(_key: str, _fact: Any, _now: int) -> Step[int]:
        return Step(0)

    def step(state: int, item: Input) -> Step[int]:
        return Step(state + 1, (Event("echo", "p", getattr(item, "at", 0), {"n": state + 1}),))

    return Rule(name="echo", version=3, start=start, step=step)


def route(item: Input) -> list[tuple[str, str]]:
    match item:
        case Reading():
            return [("lamp", item.place)]
        case Sensed():
            return [("echo", item.place)]
        case _:
            return []


def make(facts: Any = None) -> Engine:
    return Engine([lamp(), echo()], route, Counters(), facts)


def tap(at: int, place: str = "p") -> Reading:
    return Reading("dev", "occupied", True, place, at)


def names(outcome: Any) -> list[tuple[str, str, int]]:
    return [(rule, event.type, event.at) for rule, event in outcome.events]


def test_an_input_is_stepped_after_the_ticks_that_were_due_before_it() -> None:
    engine = make()
    assert names(engine.feed(tap(100), 100)) == [
        ("lamp/1", "lamp.started", 100),
        ("lamp/1", "lamp.on", 100),
        ("echo/3", "echo", 100),
    ]
    assert engine.due == 110
    assert names(engine.feed(tap(200), 200)) == [
        ("lamp/1", "lamp.off", 110),
        ("lamp/1", "lamp.on", 200),
        ("echo/3", "echo", 200),
    ]


def test_a_wish_that_is_put_off_wakes_once_and_at_the_new_time() -> None:
    engine = make()
    for at in range(0, 50, 5):
        engine.feed(tap(at), at)
    assert engine.due == 45 + HOLD
    assert names(engine.advance(54)) == []
    assert names(engine.advance(55)) == [("lamp/1", "lamp.off", 55)]
    assert engine.due is None


def test_a_flood_of_inputs_keeps_one_wish_a_key() -> None:
    engine = make()
    for at in range(10_000):
        engine.feed(tap(at), at)
    assert len(engine._heap) <= 2


def test_a_fact_starts_its_key_again() -> None:
    engine = make({"lamp": {"p": {"on": True}}})
    engine.begin("lamp", ["q"], 5)
    assert engine.keys("lamp") == ["p", "q"]
    assert engine.state("lamp", "p").on
    assert names(engine.feed(tap(6), 6)) == [("echo/3", "echo", 6)]  # on already: no second lamp.on


def test_two_rules_that_answer_each_other_for_ever_are_cut_and_counted() -> None:
    counters = Counters()

    def step(state: int, item: Input) -> Step[int]:
        return Step(state, emits=(item,))

    def start(_key: str, _fact: Any, _now: int) -> Step[int]:
        return Step(0)

    engine = Engine([Rule(name="loop", version=1, start=start, step=step)], lambda _item: [("loop", "k")], counters)
    engine.feed(tap(1), 1)
    assert counters.get("engine.chain_cut") == 1


@given(st.lists(st.tuples(st.integers(0, 200), st.sampled_from(["p", "q"])), max_size=40))
def test_ticks_run_in_order_however_the_time_is_cut(taps: list[tuple[int, str]]) -> None:
    taps.sort()

    def run(*, advance: bool) -> list[tuple[str, str, int]]:
        engine = make()
        out = []
        for at, place in taps:
            if advance:
                for moment in range(engine.now, at):
                    out += names(engine.advance(moment))
            out += names(engine.feed(tap(at, place), at))
        out += names(engine.advance(1000))
        return out

    assert run(advance=False) == run(advance=True)


def test_what_a_step_counts_is_counted_under_its_rule() -> None:
    def step(state: int, _item: Input) -> Step[int]:
        return Step(state + 1, counts=("evicted",) if state else ())

    counters = Counters()
    rule = Rule(name="r", version=1, start=lambda _key, _fact, _now: Step(0), step=step)
    engine = Engine([rule], lambda _: [("r", "k")], counters)
    for at in range(1, 4):
        assert not engine.feed(Tick(at), at)
    assert counters.get("rules.evicted") == 2
