"""The outbox against a list: whatever is done to it in whatever order, over restarts, it holds what the list holds."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.contract.envelope import decode
from gateway.outbox import Draft, Outbox
from rules.api import Fact
from tests.delivery.world import OTHER, PERSON, act, invalid, make_outbox, sense, telemetry

KINDS = {
    "telemetry": lambda: telemetry(),
    "act": lambda: act(),
    "other": lambda: act(person=OTHER),
    "sense": lambda: sense(),
    "invalid": invalid,
}
people = st.sampled_from([PERSON, OTHER])
numbers = st.integers(1, 60)


class Kept(NamedTuple):
    boot: str
    sequence: int
    person: str


class OutboxMachine(RuleBasedStateMachine):
    """One file, many lives."""

    @initialize()
    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hadir-outbox-"))
        self.runner = asyncio.Runner()
        self.life = 0
        self.kept: list[Kept] = []
        self.dead: list[Kept] = []
        self.facts: dict[str, dict[str, Any]] = {}
        self._open()

    def _open(self) -> None:
        self.life += 1
        self.boot = f"{self.life:06d}-abcd"
        self.next = 1
        self.outbox: Outbox = make_outbox(self.folder, boot=self.boot)
        self.told: list[Kept] = []
        self.outbox.subscribe(lambda rows: self.told.extend(Kept(r.boot, r.sequence, r.person) for r in rows))
        self.made: list[Kept] = []

        async def begin() -> asyncio.Task[None]:
            return asyncio.create_task(self.outbox.run())

        self.task = self.runner.run(begin())

    def _stop(self) -> None:
        async def end() -> None:
            self.task.cancel()
            await asyncio.wait((self.task,))
            assert self.task.cancelled()

        self.runner.run(end())
        assert self.told == self.made

    @rule(kinds=st.lists(st.sampled_from(sorted(KINDS)), max_size=8), waits=st.booleans())
    def append(self, kinds: list[str], waits: bool) -> None:
        drafts: list[Draft] = [KINDS[kind]() for kind in kinds]
        for draft, kind in zip(drafts, kinds, strict=True):
            if kind != "invalid":
                kept = Kept(self.boot, self.next, draft.event.person)
                self.kept.append(kept)
                self.made.append(kept)
                self.next += 1
        if waits:
            rows = self.runner.run(self.outbox.append(drafts, ()))
            assert [row.sequence for row in rows] == [kept.sequence for kept in self.made[len(self.made) - len(rows) :]]
        else:
            self.outbox.submit(drafts, ())

    @rule(key=st.sampled_from("abc"), body=st.none() | st.fixed_dictionaries({"n": st.integers(0, 9)}))
    def fact(self, key: str, body: dict[str, Any] | None) -> None:
        self.runner.run(self.outbox.append((), [Fact("desk", key, body)]))
        if body is None:
            self.facts.pop(key, None)
        else:
            self.facts[key] = body

    @rule(life=st.integers(1, 4), ranges=st.lists(st.tuples(numbers, st.integers(0, 9)), max_size=4))
    def retire(self, life: int, ranges: list[tuple[int, int]]) -> None:
        boot = f"{life:06d}-abcd"
        spans = [(first, first + more) for first, more in ranges]
        gone = [k for k in self.kept if k.boot == boot and any(a <= k.sequence <= b for a, b in spans)]
        assert self.runner.run(self.outbox.retire(boot, spans)) == len(gone)
        self.kept = [kept for kept in self.kept if kept not in gone]

    @rule(life=st.integers(1, 4), sequence=numbers)
    def refuse(self, life: int, sequence: int) -> None:
        boot = f"{life:06d}-abcd"
        self.runner.run(self.outbox.refuse(boot, sequence, "invalid"))
        gone = [kept for kept in self.kept if (kept.boot, kept.sequence) == (boot, sequence)]
        self.dead = sorted(self.dead + gone)
        self.kept = [kept for kept in self.kept if kept not in gone]

    @rule(person=people)
    def erase(self, person: str) -> None:
        concerned = [kept for kept in self.kept + self.dead if kept.person == person]
        assert self.runner.run(self.outbox.erase(person)) == len(concerned)
        self.kept = [kept._replace(person="") if kept.person == person else kept for kept in self.kept]
        self.dead = [kept._replace(person="") if kept.person == person else kept for kept in self.dead]

    @rule()
    def restart(self) -> None:
        self._stop()
        self._open()

    @rule(limit=st.integers(1, 7))
    def pages(self, limit: int) -> None:
        found: list[tuple[str, int]] = []
        while rows := self.runner.run(self.outbox.pending(after=found[-1] if found else None, limit=limit)):
            found += [(row.boot, row.sequence) for row in rows]
        assert found == [(kept.boot, kept.sequence) for kept in self.kept]

    @invariant()
    def holds_what_the_list_holds(self) -> None:
        if not hasattr(self, "outbox"):
            return
        rows = self.runner.run(self.outbox.pending(limit=10_000, max_bytes=1 << 30))
        assert [Kept(row.boot, row.sequence, row.person) for row in rows] == self.kept
        for row in rows:
            event = decode(row.body)
            assert (event.boot, event.sequence, event.person) == (row.boot, row.sequence, row.person)
        dead = [(boot, sequence) for boot, sequence, *_ in self.runner.run(self.outbox.dead_letters())]
        assert dead == [(kept.boot, kept.sequence) for kept in self.dead]
        assert self.runner.run(self.outbox.facts("desk")) == self.facts
        backlog = self.runner.run(self.outbox.backlog())
        assert (backlog.events, backlog.dead) == (len(self.kept), len(self.dead))
        assert backlog.bytes == sum(len(row.body) + len(row.topic) + 64 for row in rows)

    def teardown(self) -> None:
        if hasattr(self, "outbox"):
            self._stop()
            self.runner.close()
            shutil.rmtree(self.folder)


OutboxMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestOutbox = OutboxMachine.TestCase
