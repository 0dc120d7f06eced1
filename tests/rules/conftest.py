"""A rule on its own: feeds it inputs in order, with the ticks that it asks for, as the engine does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from gateway.contract.envelope import Origin, encode
from rules.api import SECOND, Event, Fact, Input, Rule, Step, Tick

T0 = 1_795_484_000 * SECOND
"""2026-11-24T01:33:20Z, a Tuesday, 09:33:20 in Makassar."""
MOST_TICKS = 10_000
ORIGIN = Origin(site="s", building="b", gateway="g", boot="000001-abcd")


class Fold:
    """One rule, one key. `events`, `facts` and `emits` collect everything in order."""

    def __init__(self, rule: Rule[Any], key: str, fact: Mapping[str, Any] | None = None, at: float = 0) -> None:
        self.rule = rule
        self.events: list[Event] = []
        self.facts: list[Fact] = []
        self.emits: list[Input] = []
        self.body: Mapping[str, Any] | None = fact
        """Of the row, as the outbox would hold it: through JSON."""
        self._take(rule.start(key, fact, T0 + int(at * SECOND)))

    def feed(self, *items: Input) -> Fold:
        for item in items:
            self.advance(item.at)
            self._take(self.rule.step(self.state, item))
        return self

    def advance(self, until: int) -> Fold:
        """Ticks due at or before `until`, each of which must bring the rule on."""
        for _ in range(MOST_TICKS):
            due = self.due
            if due is None or due > until:
                return self
            self._take(self.rule.step(self.state, Tick(due)))
            assert self.due is None or self.due > due, "a tick at `due` must not ask for itself again"
        raise AssertionError(f"{MOST_TICKS} ticks in one step")

    def wait(self, seconds: float) -> Fold:
        return self.advance(T0 + int(seconds * SECOND))

    def of(self, type_: str, cls: str = "evt") -> list[Event]:
        return [event for event in self.events if event.type == type_ and event.cls == cls]

    def _take(self, step: Step[Any]) -> None:
        self.state = step.state
        self.due = step.due
        self.events += step.events
        self.facts += step.facts
        self.emits += step.emits
        for fact in step.facts:
            self.body = None if fact.body is None else json.loads(json.dumps(fact.body))
        for event in step.events:
            conforms(event)


def conforms(event: Event) -> None:
    """The contract takes the event as it is."""
    body = json.loads(encode(event, ORIGIN, sequence=1, recorded_at=event.at, rule="test/1").body)
    assert len(event.data.get("evidence", ())) <= 8
    if event.cls == "evt":
        assert not event.person
        assert "p-" not in json.dumps(body["data"])


def at(seconds: float) -> int:
    return T0 + int(seconds * SECOND)


@pytest.fixture(scope="session")
def fold() -> type[Fold]:
    return Fold
