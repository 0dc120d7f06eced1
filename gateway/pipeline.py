"""One reading from the wire to the store, in eight hops. Read this file first.

    1 sources/*      bytes arrive; a Frame is cut; the clock is read here, once
         │ deliver(frame)            (intake.py: bounded; drops the oldest telemetry, never a tap)
    2 decode.py      the driver bound to the device; an unknown device is counted, never guessed
    3 drivers/*      decode(frame) -> measurements, or DecodeError -> a counted drop
    4 normalize.py   device -> place; card or tag -> pseudonym; after it no raw identifier exists
         │                           (a place that another gateway owns: the reading goes to its owner)
    5 rules/*        engine.py folds readings and time into events and facts
    6 outbox.py      events and facts are committed in ONE transaction; the sequence is given there
         │ committed                 (only now: retained states, feedback, traces)
    7 publisher.py   QoS 1; a PUBACK frees the window and retires nothing
    8 ingest.py      commits the ledger, acknowledges, projects into the time-series store

Everything between hop 1 and hop 6 is synchronous: one batch of frames, one transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from drivers.api import Context, Driver, Frame, Measurement
from gateway.bindings import Binding, Bound
from gateway.clock import LONGEST_SLEEP_S, Clock
from gateway.counters import Counters
from gateway.decode import decode, decode_with
from gateway.engine import NOTHING, Engine, Outcome
from gateway.intake import Asked, Intake
from gateway.normalize import Normalizer
from gateway.outbox import Draft
from gateway.outbox_store import Row
from gateway.rebase import Move
from gateway.recording import Tap
from gateway.replay_guard import ReplayGuard
from gateway.trace import Trace, frame_name
from rules.api import Fact, Input, Reading

BATCH = 256
"""Frames that share one transaction at most: about one millisecond of work, so that latency stays low."""

MOST_IN_FLIGHT = 256
"""Transactions that wait for the disk at most: then the intake keeps what arrives, and drops telemetry, never a tap."""


class Commits(Protocol):
    """gateway.outbox.Outbox, as the pipeline needs it."""

    def submit(
        self, drafts: Sequence[Draft], facts: Sequence[Fact], done: Callable[[list[Row | None]], None] | None
    ) -> None:
        """Commit all in one transaction and then call `done` on the event loop; None: a draft was not accepted."""
        ...


class Surroundings(Protocol):
    """What the pipeline tells the rest of the gateway; see gateway/duties.py."""

    def forward(self, item: Input) -> bool:
        """Take an input that this gateway does not decide; False when it does decide it."""
        ...

    def take_facts(self) -> Sequence[Fact]:
        """What must be remembered of what was forwarded since: it is committed with the rest."""
        ...

    def heard(self, binding: Binding, frame: Frame, measurements: Sequence[Measurement]) -> None:
        """A fixed device has said something; what concerns the device itself (battery) is meant for you."""
        ...

    def committed(self, emitted: Sequence[Input], rows: Sequence[Row]) -> None:
        """These are durable now: show them."""
        ...

    def tapped(self, frame: Frame, rows: Sequence[Row]) -> None:
        """What a tap has caused is durable now: show it at the reader."""
        ...


class Batch:
    """What one pass over the intake gave."""

    def __init__(self) -> None:
        self.drafts: list[Draft] = []
        self.causes: list[Frame | None] = []
        """The frame that caused the draft of the same index; None for a tick or a message."""
        self.facts: list[Fact] = []
        self.emitted: list[Input] = []
        self.answers: list[tuple[int, int, Callable[[Sequence[Row]], None]]] = []
        """(first draft, end, answer): whom to tell about which events, once they are durable."""
        self.taps: list[tuple[int, int, Frame]] = []
        """(first draft, end, frame) of each tap: what to show at its reader."""

    def add(self, outcome: Outcome, cause: Frame | None, quality: str) -> None:
        for rule, event in outcome.events:
            self.drafts.append(Draft(event, rule, quality))
            self.causes.append(cause)
        self.facts += outcome.facts
        self.emitted += outcome.emitted


class Pipeline:
    """Hops 2 to 6 of one gateway."""

    def __init__(
        self,
        *,
        bound: Bound,
        drivers: Mapping[str, Driver],
        normalizer: Normalizer,
        engine: Engine,
        outbox: Commits,
        surroundings: Surroundings,
        clock: Clock,
        counters: Counters,
        quality: str = "good",
        trace: Trace | None = None,
        tap: Tap | None = None,
        guard: ReplayGuard | None = None,
        begin: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """`drivers` by medium, for what a receiver hears of personal tags. `guard` knows counters of an earlier life.

        `begin`: rule -> keys that it has from the start. `tap`: records what the rules are given.
        """
        self._bound = bound
        self._guard = guard or ReplayGuard()
        self._drivers = drivers
        self._normalizer = normalizer
        self._engine = engine
        self._outbox = outbox
        self._surroundings = surroundings
        self._clock = clock
        self._counters = counters
        self._quality = quality
        self._trace = trace
        self._tap = tap
        self._begin = begin or {}
        self._in_flight = 0
        self._landed = asyncio.Event()
        self.intake = Intake(counters)
        self.readings = 0

    def deliver(self, frame: Frame, durable: Callable[[], None] | None = None) -> None:
        """Hop 1 hands over. A tap is never dropped. `durable`: to be called when what it caused is."""
        binding = self._bound.of(frame)
        if durable is not None:
            self.intake.act(Asked(frame, lambda _rows: durable()), frame.received_at)
        elif binding is not None and binding.modality == "badge":
            self.intake.act(frame, frame.received_at)
        else:
            self.intake.telemetry(frame, frame.received_at)

    def explain(self, rule: str, key: str, now: int) -> dict[str, Any] | None:
        """What a rule holds of a key now; see Engine.explain."""
        return self._engine.explain(rule, key, now)

    def start(self, now: int) -> None:
        """Start the rules for their keys and for what they have facts of; what they say is committed."""
        batch = Batch()
        for rule, keys in self._begin.items():
            batch.add(self._engine.begin(rule, keys, now), None, self._quality)
        self._commit(batch)

    def take_over(self, facts: Mapping[str, Mapping[str, Mapping[str, Any]]], now: int) -> None:
        """Begin to run rules (by name) that another gateway has run until now, from its facts of them."""
        batch = Batch()
        for rule, rows in facts.items():
            batch.add(self._engine.restart(rule, rows, now), None, self._quality)
        self._commit(batch)

    def drain(self) -> None:
        """Rule on everything that is here."""
        while len(self.intake):
            self.step(self._clock.office())

    def rebase(self, move: Move, again: Collection[str]) -> None:
        """The office clock was set, after `drain` and in the same turn: the rules go on in the new time."""
        batch = Batch()
        batch.add(self._engine.rebase(move, self._clock.office(), again), None, self._quality)
        self._commit(batch)
        self.intake.wake.set()

    async def run(self) -> None:
        """Take what arrives and what falls due, until cancelled."""
        loop = asyncio.get_running_loop()
        wake = self.intake.wake
        while True:
            due = self._engine.due
            alarm = None
            if due is not None:
                # timers stand still while the machine sleeps, and office time does not: look again
                left = min(LONGEST_SLEEP_S, max(0.0, self._clock.seconds_until(due)))
                alarm = loop.call_later(left, wake.set)
            await wake.wait()
            wake.clear()
            if alarm is not None:
                alarm.cancel()
            while self._in_flight >= MOST_IN_FLIGHT:
                self._landed.clear()
                await self._landed.wait()
            self.step(self._clock.office())
            if len(self.intake):
                wake.set()
                await asyncio.sleep(0)  # a flood must not keep the link and the outbox from their turn

    def step(self, now: int) -> None:
        """One batch: everything that is here, then the ticks that are due at `now`, then one transaction."""
        batch = Batch()
        for said, item in self.intake.take(BATCH):
            at = said if said <= now else now  # another gateway's clock does not make time pass here
            if isinstance(item, Asked):
                batch.add(self._engine.advance(at), None, self._quality)  # what is due before it is not caused by it
                first = len(batch.drafts)
                self._take(batch, item.item, at)
                batch.facts += (*item.facts, *item.outcome(len(batch.drafts) > first))
                batch.answers.append((first, len(batch.drafts), item.answer))
            else:
                self._take(batch, item, at)
        batch.facts += self._surroundings.take_facts()
        if not len(self.intake):  # else a tick would overtake readings that were observed before it
            outcome = self._engine.advance(now)
            if outcome is not NOTHING:
                batch.add(outcome, None, self._quality)
        self._commit(batch)

    def _take(self, batch: Batch, item: Frame | Input, at: int) -> None:
        if isinstance(item, Frame):
            for made in self.inputs(item):
                self._feed(batch, made, at, item)
        else:
            self._feed(batch, item, at, None)

    def inputs(self, frame: Frame) -> Sequence[Input]:
        """Hops 2 to 4: what a frame means, placed and trusted; nothing, counted, for what means nothing."""
        binding = self._bound.of(frame)
        if binding is None:
            self._counters.add("decode.dropped", "unbound")
            self._normalizer.unbound(frame)
            return ()
        if binding.context is not None:
            measurements = self._guarded(frame, binding, binding.context)
        else:
            driver = binding.driver or self._drivers.get(frame.medium)
            if driver is None:
                self._counters.add("decode.dropped", "no_driver")
                return ()
            measurements = decode(frame, driver, self._counters)
        if not measurements:
            return ()
        if binding.driver is None:
            sighting = self._normalizer.sighting(frame, binding.device.id, measurements)
            return () if sighting is None else (sighting,)
        self._surroundings.heard(binding, frame, measurements)
        return self._normalizer.readings(frame, binding, measurements)

    def _guarded(self, frame: Frame, binding: Binding, context: Context) -> Sequence[Measurement]:
        """What a device with a key, a profile or a mapping says, unless it was said before."""
        assert binding.driver is not None  # noqa: S101 only a driver has a use for a context
        measurements, counter = decode_with(frame, binding.driver, context, self._counters)
        if counter is None:
            return measurements
        match self._guard.judge(binding.device.id, counter):
            case "fresh" | "restarted":
                return measurements
            case "repeat":
                self._counters.add("decode.repeated")
            case _:
                self._counters.add("decode.dropped", "Replayed")
        return ()

    def _feed(self, batch: Batch, item: Input, at: int, cause: Frame | None) -> None:
        """Hop 5, unless another gateway decides."""
        self.readings += 1
        if self._tap is not None and self._tap.on:
            self._tap.take(item, at)
        if self._surroundings.forward(item):
            return
        if at < self._engine.now and isinstance(item, Reading):
            item = item._replace(late=True)
        first = len(batch.drafts)
        outcome = self._engine.feed(item, at)
        if outcome is not NOTHING:
            batch.add(outcome, cause, self._quality)
        if cause is not None and isinstance(item, Reading) and item.modality == "badge":
            batch.taps.append((first, len(batch.drafts), cause))

    def _commit(self, batch: Batch) -> None:
        """Hop 6; what was committed is shown afterwards, in order."""
        if batch.drafts:
            batch.facts += self._guard.take_facts()
        if batch.drafts or batch.facts or (self._in_flight and (batch.emitted or batch.answers)):
            self._in_flight += 1
            self._outbox.submit(batch.drafts, batch.facts, lambda rows: self._committed(batch, rows))
        elif batch.emitted or batch.answers:
            self._show(batch, ())

    def _committed(self, batch: Batch, rows: Sequence[Row | None]) -> None:
        self._in_flight -= 1
        self._landed.set()
        self._show(batch, rows)
        if self._trace is not None:
            self._trace.write(
                {
                    "boot": row.boot,
                    "sequence": row.sequence,
                    "frame": frame_name(frame),
                    "source": frame.source,
                    "received": frame.machine_at,
                    "committed": row.committed_machine,
                }
                for row, frame in zip(rows, batch.causes, strict=True)
                if frame is not None and row is not None
            )

    def _show(self, batch: Batch, rows: Sequence[Row | None]) -> None:
        self._surroundings.committed(batch.emitted, _made(rows))
        for first, end, answer in batch.answers:
            answer(_made(rows[first:end]))
        for first, end, frame in batch.taps:
            self._surroundings.tapped(frame, _made(rows[first:end]))


def _made(rows: Sequence[Row | None]) -> Sequence[Row]:
    return [row for row in rows if row is not None]
