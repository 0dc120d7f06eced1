"""Runs the rules: one state a (rule, key), timers, and the inputs that rules emit for each other.

    feed(input) ──▶ ticks that are due before it ──▶ route(input) ──▶ rule.step ──▶ events, facts
                                                        ▲                  │
                                                        └──── emits ◀──────┘

It is synchronous and knows no clock: time comes with each input, and `due` says when it wants `advance`. Ticks run
exactly at their time, before any input observed at or after it, ties by (rule, key): the same inputs give the same
outputs, live or replayed.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.counters import Counters
from gateway.rebase import Move
from rules.api import Event, Fact, Input, Rule, Step, Tick

Route = Callable[[Input], Iterable[tuple[str, str]]]
"""Where an input goes: (name of rule, key), in order."""

MAX_CHAIN = 1000
"""Steps that one input may cause. A longer chain is two rules that answer each other for ever: cut, and counted."""


@dataclass(slots=True)
class Outcome:
    """What a feed or an advance gave, in order."""

    events: list[tuple[str, Event]] = field(default_factory=list)
    """(`occupancy/1`, event): which rule said it."""
    facts: list[Fact] = field(default_factory=list)
    emitted: list[Input] = field(default_factory=list)
    """Everything that rules emitted: the pipeline keeps its views and its remote duties from it."""

    def __bool__(self) -> bool:
        return bool(self.events or self.facts or self.emitted)


NOTHING = Outcome()
"""Not to be changed."""
Work = tuple[str, str, Input | None]
"""A step to make: rule, key, input."""


class Engine:
    """All rule states of one gateway."""

    def __init__(
        self,
        rules: Iterable[Rule[Any]],
        route: Route,
        counters: Counters,
        facts: Mapping[str, Mapping[str, Mapping[str, Any]]] | None = None,
    ) -> None:
        """`facts`: rule -> key -> body, as the outbox kept them."""
        self._rules = {rule.name: rule for rule in rules}
        self._labels = {rule.name: f"{rule.name}/{rule.version}" for rule in self._rules.values()}
        self._route = route
        self._counters = counters
        self._facts = {name: dict(rows) for name, rows in (facts or {}).items()}
        self._states: dict[str, dict[str, Any]] = {name: {} for name in self._rules}
        self._due: dict[tuple[str, str], int] = {}
        self._queued: dict[tuple[str, str], int] = {}
        self._heap: list[tuple[int, str, str]] = []
        self._now = 0

    @property
    def due(self) -> int | None:
        """When `advance` is wanted next, ns; None: not at all."""
        while self._heap:
            at, rule, key = self._heap[0]
            wish = self._due.get((rule, key))
            if wish == at:
                return at
            heapq.heappop(self._heap)
            if self._queued.get((rule, key)) == at:  # put off, or given up, since it was queued
                del self._queued[rule, key]
                if wish is not None:
                    self._queue(rule, key, wish)
        return None

    @property
    def now(self) -> int:
        """The latest time that it has seen."""
        return self._now

    def keys(self, rule: str) -> list[str]:
        """Keys that `rule` holds a state for."""
        return list(self._states[rule])

    def state(self, rule: str, key: str) -> Any:
        """State of one key, or None; for `why` and tests."""
        return self._states[rule].get(key)

    def explain(self, rule: str, key: str, now: int) -> dict[str, Any] | None:
        """What `rule` says of its state of `key`, and when it wants to look again; empty where it has none.

        None: this gateway does not run the rule.
        """
        known = self._rules.get(rule)
        if known is None:
            return None
        state = self._states[rule].get(key)
        if state is None:
            return {}
        more = {} if known.explain is None else known.explain(state, now)
        return {"rule": self._labels[rule], "next_due": self._due.get((rule, key)), **more}

    def begin(self, rule: str, keys: Iterable[str], at: int) -> Outcome:
        """Start `rule` for `keys`, and for every key that it has a fact of."""
        outcome = Outcome()
        self._now = max(self._now, at)
        for key in sorted({*keys, *self._facts.get(rule, ())}):
            if key not in self._states[rule]:
                self._settle([(rule, key, None)], at, outcome)
        return outcome

    def stop(self, rule: str, at: int) -> dict[str, Mapping[str, Any]]:
        """Forget all that `rule` holds. Bodies of its facts by key, as of `at`: it may start again from them."""
        for key in self._states[rule]:
            self._due.pop((rule, key), None)
        states, self._states[rule], self._facts[rule] = self._states[rule], {}, {}
        kept = self._rules[rule].kept
        if kept is None:
            return {}
        return {key: body for key, state in states.items() if (body := kept(state, at)) is not None}

    def restart(self, rule: str, facts: Mapping[str, Mapping[str, Any]], at: int) -> Outcome:
        """Start `rule` anew, from facts that are not its own: those of another gateway, which ran it until now."""
        self.stop(rule, at)
        self._facts[rule] = dict(facts)
        return self.begin(rule, (), at)

    def rebase(self, move: Move, at: int, again: Collection[str]) -> Outcome:
        """Office time was set, and is `at`: states and what falls due move with it, so nothing expires by that.

        Rules in `again` go by a calendar, and look at the new time. One whose state cannot be moved (the locator's: its
        tags are heard again within seconds) begins anew from its facts.
        """
        outcome = Outcome()
        self._now = move.time(self._now)
        self._due = {wish: move.time(due) for wish, due in self._due.items()}
        anew = []
        for rule, states in self._states.items():
            self._facts[rule] = move.of(self._facts[rule]) if rule in self._facts else {}
            try:
                self._states[rule] = {key: move.of(state) for key, state in states.items()}
            except TypeError:
                anew.append((rule, [*states]))
                self._states[rule] = {}
                self._due = {wish: due for wish, due in self._due.items() if wish[0] != rule}
        self._queued = dict(self._due)
        self._heap = [(due, *wish) for wish, due in self._due.items()]
        heapq.heapify(self._heap)
        self._settle(
            [(rule, key, Tick(at)) for rule in sorted(again) for key in self._states.get(rule, ())], at, outcome
        )
        for rule, keys in anew:
            more = self.begin(rule, keys, at)
            outcome.events += more.events
            outcome.facts += more.facts
            outcome.emitted += more.emitted
        return outcome

    def feed(self, item: Input, at: int) -> Outcome:
        """Take one input that was observed at `at`, after all ticks that were due before.

        Of a hundred thousand sightings a second nearly all give nothing, so that costs nothing: NOTHING is shared.
        """
        outcome = NOTHING
        if self._heap and self._heap[0][0] <= at:
            outcome = Outcome()
            self._run_ticks(at, outcome)
        if at > self._now:
            self._now = at
        work: list[Work] | None = None
        for rule, key in self._route(item):
            step = self._step(rule, key, item, at)
            if step is None:
                continue
            _, events, facts, _, emits, counts = step
            if events or facts or emits or counts:
                if outcome is NOTHING:
                    outcome = Outcome()
                work = [*(work or ()), *self._collect(rule, step, outcome)]
        if work:
            self._settle(work, at, outcome)
        return outcome

    def advance(self, at: int) -> Outcome:
        """Run all ticks that are due at or before `at`."""
        outcome = NOTHING
        if self._heap and self._heap[0][0] <= at:
            outcome = Outcome()
            self._run_ticks(at, outcome)
        self._now = max(self._now, at)
        return outcome

    def _run_ticks(self, until: int, outcome: Outcome) -> None:
        while (at := self.due) is not None and at <= until:
            _, rule, key = heapq.heappop(self._heap)
            del self._due[rule, key]
            self._queued.pop((rule, key), None)
            self._now = max(self._now, at)
            self._settle([(rule, key, Tick(at))], at, outcome)

    def _settle(self, work: list[Work], at: int, outcome: Outcome) -> None:
        """Step breadth first through everything that one input causes."""
        done = 0
        while done < len(work):
            if done >= MAX_CHAIN:
                self._counters.add("engine.chain_cut")
                return
            rule, key, item = work[done]
            done += 1
            step = self._step(rule, key, item, at)
            if step is not None:
                work += self._collect(rule, step, outcome)

    def _collect(self, rule: str, step: Step[Any], outcome: Outcome) -> list[Work]:
        """Add what a step gave; the steps that it causes."""
        label = self._labels[rule]
        outcome.events += [(label, event) for event in step.events]
        outcome.facts += step.facts
        outcome.emitted += step.emits
        for name in step.counts:
            self._counters.add(f"rules.{name}", rule)
        return [(target, key, emitted) for emitted in step.emits for target, key in self._route(emitted)]

    def _step(self, name: str, key: str, item: Input | None, at: int) -> Step[Any] | None:
        rule = self._rules[name]
        states = self._states[name]
        state = states.get(key)
        if state is None:
            first = rule.start(key, self._facts.get(name, {}).get(key), at)
            states[key] = first.state
            self._want(name, key, first.due, at)
            if item is None:
                return first
            step = rule.step(first.state, item)
            step = Step(
                step.state,
                (*first.events, *step.events),
                (*first.facts, *step.facts),
                step.due,
                (*first.emits, *step.emits),
                (*first.counts, *step.counts),
            )
        elif item is None:
            return None
        else:
            step = rule.step(state, item)
        if step.state is not state:
            states[key] = step.state
        if step.due != self._due.get((name, key)):
            self._want(name, key, step.due, at)
        return step

    def _want(self, rule: str, key: str, due: int | None, at: int) -> None:
        if due is None:
            self._due.pop((rule, key), None)
            return
        due = max(due, at + 1)  # a wish for the past would never let time go on
        self._due[rule, key] = due
        queued = self._queued.get((rule, key))
        if queued is None or due < queued:
            self._queue(rule, key, due)

    def _queue(self, rule: str, key: str, due: int) -> None:
        self._queued[rule, key] = due
        heapq.heappush(self._heap, (due, rule, key))
