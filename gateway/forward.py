"""Readings for places that another gateway decides: sent to their owner until it says that it has committed them.

    reading/<site>/<owner>/<gw>   {boot, readings: [{seq, ...}]}
    reading/<site>/<gw>/<owner>   {boot, ack: {boot, committed}}

What waits is kept in memory and bounded: telemetry beyond it drops its oldest, counted. Taps are kept, and as facts in
the outbox until the owner has committed them: who brought one (a door system) was told that it is safe. The owner's
word follows its commit, and how far it has listened is a fact in the transaction of each tap's outcome: a tap that is
sent again, also to an owner that was killed meanwhile, has one outcome (a second one would check the person out again).
One that a killed sender sends anew is known to the rules by its time.

Whether the sensors behind it can be heard is told in the same way, as readings of kind `alive`, at each change and
again every BEAT_S: a sensor that is silent by design would else mean "nobody" to an owner that no longer hears it. An
owner that is told nothing for SILENT_S takes all sensors of that gateway for dead.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from gateway.bindings import Binding
from gateway.clock import SECOND, Clock, age_s
from gateway.contract import topics
from gateway.contract.envelope import Origin
from gateway.contract.exchange import MAX_READINGS, Readings
from gateway.contract.state import VALID_S, parse, write
from gateway.counters import Counters
from gateway.errors import HadirError, PermanentError
from gateway.forwarded import ALIVE, DOWN, Item, as_row, is_tap, of_row
from gateway.mqtt import Link, Message
from gateway.rebase import Move
from gateway.skew import Skew
from rules.api import Fact, Health, Reading

NAME = "forward"
"""Of its facts; key: the gateway that forwards."""
KEPT = "forwarding"
"""Of the taps that wait for another gateway's word; key: boot, owner and number."""
MOST_WAITING = 5_000
AGAIN_S = 2.0
"""Without the owner's word for so long, what waits is sent again."""
BEAT_S, LOOK_S, SILENT_S = 30.0, 5.0, float(VALID_S)
"""Machine seconds: a gateway's states are repeated and expire in the same times."""


class Take(Protocol):
    """What the owner's side does with a reading."""

    def __call__(self, item: Item, durable: Callable[[], None], fact: Fact | None) -> None:
        """Put it before the rules; remember `fact` with what it causes, and call `durable` when that is."""
        ...


class Forwarder:
    """Both sides: sends to owners, and takes what other gateways send to this one."""

    def __init__(
        self,
        link: Link,
        origin: Origin,
        clock: Clock,
        counters: Counters,
        take: Take,
        decider: Callable[[Reading], str] | None = None,
        *,
        sensors: Mapping[str, Binding] | None = None,
        heard_by: Mapping[str, Collection[str]] | None = None,
        commit: Callable[[Sequence[Fact]], None] | None = None,
    ) -> None:
        """`take` is given what others forwarded, once each and in order.

        `decider`: the gateway that decides a reading, as far as is known; empty: nobody is known, and it waits. None:
        whatever is sent here is ours. It may change its mind: see `readdress`.

        `sensors`: of this gateway, at places that others decide; `heard_by`: by other gateway, its sensors at places
        that this one decides. `commit`: of facts that nothing else waits for.
        """
        self._decider = decider
        self._link = link
        self._origin = origin
        self._clock = clock
        self._counters = counters
        self._skew = Skew(clock, counters)
        self._take = take
        self._sensors = sensors or {}
        self._heard_by = heard_by or {}
        self._health: dict[str, Health] = {}
        """What was said last of our sensors at others' places."""
        self._beaten = 0
        self._begun = clock.machine()
        self._listened: dict[str, int] = {}
        """By gateway: machine time of its last message."""
        self._silent: set[str] = set()
        self._commit = commit
        self._facts: list[Fact] = []
        self._waiting: dict[str, deque[tuple[int, Item, str]]] = {}
        """By owner: number, item, and the key of its fact; empty: it has none."""
        self._sequence: dict[str, int] = {}
        self._taken: dict[str, tuple[str, int]] = {}
        """By gateway: boot and number of the last reading that was taken ..."""
        self._durable: dict[str, tuple[str, int]] = {}
        """... and of the last one whose outcome is durable."""
        self._wake = asyncio.Event()
        link.subscribe(
            topics.reading(origin.site, origin.gateway, origin.gateway)[: -len(origin.gateway)] + "+", self._received
        )
        link.on_connect(self._connected)

    def restore(
        self, facts: Mapping[str, Mapping[str, Any]], kept: Mapping[str, Mapping[str, Any]] | None = None
    ) -> None:
        """How far others were listened to in an earlier life, and taps that nobody has committed since then."""
        for key, body in sorted((kept or {}).items(), key=lambda row: str(row[1]["tap"]["at"])):
            self._put(body["owner"], of_row(body["tap"]), key)
        self._taken = {gateway: (str(body["boot"]), int(body["seq"])) for gateway, body in facts.items()}
        self._durable = dict(self._taken)

    @property
    def waiting(self) -> int:
        """Readings without their owner's word."""
        return sum(map(len, self._waiting.values()))

    @property
    def oldest_at(self) -> int | None:
        """Office time of the earliest of them; None: none waits."""
        return min((item.at for rows in self._waiting.values() for _, item, _ in rows), default=None)

    def summary(self, now: int) -> dict[str, Any]:
        """How many readings have no answer, and for how many seconds the oldest has had none; None: none waits."""
        return {"count": self.waiting, "oldest_s": age_s(self.oldest_at, now)}

    def tell(self, item: Health) -> bool:
        """Tell the owner of the place of a sensor how that is; False where it is this gateway itself."""
        sensor = self._sensors.get(item.dev)
        if sensor is None:
            return False
        self._health[item.dev] = item
        self.add(sensor.owner, item)
        return True

    def readdress(self) -> list[Reading]:
        """Another gateway coordinates now: taps that wait are for it; those that are returned are for us.

        The old one may have decided some of them already: whoever takes one knows what it has heard of that.
        """
        ours: list[Reading] = []
        moved: list[Fact] = []
        with_them: list[Fact] = []
        if self._decider is None:
            return ours
        for owner, waiting in list(self._waiting.items()):
            for row in list(waiting):
                _, item, key = row
                decider = self._decider(item) if isinstance(item, Reading) else owner
                if decider == owner or not isinstance(item, Reading):
                    continue
                waiting.remove(row)
                gone = [Fact(KEPT, key, None)] if key else []
                if decider == self._origin.gateway:
                    ours.append(item)
                    with_them += gone  # committed with what it causes here
                else:
                    self.add(decider, item)
                    moved += [*self.take_facts(), *gone]
        if moved and self._commit is not None:
            self._commit(moved)
        self._facts += with_them
        return ours

    def add(self, owner: str, item: Item) -> None:
        """Send `item` to its owner; while that is empty, it waits. Of a tap there is a fact, to be committed."""
        key = ""
        if isinstance(item, Reading) and is_tap(item):
            number = self._sequence.get(owner, 0) + 1
            key = f"{self._origin.boot}/{owner}/{number:012d}"
            self._facts.append(Fact(KEPT, key, {"owner": owner, "tap": as_row(number, item)}))
        self._put(owner, item, key)

    def take_facts(self) -> Sequence[Fact]:
        """Those of the taps that were added since."""
        facts, self._facts = self._facts, []
        return facts

    def _put(self, owner: str, item: Item, key: str) -> None:
        waiting = self._waiting.setdefault(owner, deque())
        number = self._sequence[owner] = self._sequence.get(owner, 0) + 1
        if len(waiting) >= MOST_WAITING:
            oldest = next((row for row in waiting if not is_tap(row[1])), None)
            if oldest is not None:
                waiting.remove(oldest)
                self._counters.add("forward.dropped", "telemetry")
        waiting.append((number, item, key))
        self._wake.set()

    def rebase(self, move: Move) -> list[Fact]:
        """Office time was set: what waits moves with it. The rows of taps, to be committed."""
        rows = []
        for owner, waiting in self._waiting.items():
            self._waiting[owner] = deque((number, move.of(item), key) for number, item, key in waiting)
            rows += [
                Fact(KEPT, key, {"owner": owner, "tap": as_row(number, item)})
                for number, item, key in self._waiting[owner]
                if key and isinstance(item, Reading)
            ]
        self._health = move.of(self._health)
        return rows

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            waits = any(self._waiting.values())
            looks = LOOK_S if self._sensors or self._heard_by else None
            try:
                async with asyncio.timeout(AGAIN_S if waits else looks):
                    await self._wake.wait()
            except TimeoutError:
                if waits:
                    self._counters.add("forward.again")
            self._wake.clear()
            self.look()
            known = self._clock.quality().known  # a tap must not reach its owner with a wrong date
            for owner, waiting in [*self._waiting.items()]:  # another owner may come while one is sent to
                if owner and waiting and known and self._link.state.connected:
                    await self._send(owner, [*waiting][:MAX_READINGS])

    def look(self) -> None:
        """Repeat how our sensors are, and miss gateways that have not told us of theirs."""
        now, office = self._clock.machine(), self._clock.office()
        if self._link.state.connected and now - self._beaten >= BEAT_S * SECOND:
            self._beaten = now
            waiting = {item.dev for rows in self._waiting.values() for _, item, _ in rows if isinstance(item, Health)}
            for dev, health in self._health.items():
                if dev not in waiting:
                    self.add(self._sensors[dev].owner, health._replace(at=office))
        for gateway, sensors in self._heard_by.items():
            last = max(self._begun, self._listened.get(gateway, 0))
            if gateway not in self._silent and now - last > SILENT_S * SECOND:
                self._silent.add(gateway)
                self._counters.add("forward.silent")
                for dev in sensors:
                    self._take(Health(dev, False, DOWN, office), _nothing, None)

    def _connected(self) -> None:
        self._beaten = 0
        self._wake.set()

    async def _send(self, owner: str, rows: list[tuple[int, Item, str]]) -> None:
        body = write(
            Readings,
            {
                "boot": self._origin.boot,
                "readings": [
                    as_row(number, self._told(item) if isinstance(item, Health) else item) for number, item, _ in rows
                ],
                "ack": None,
            },
        )
        try:
            await self._link.deliver(topics.reading(self._origin.site, owner, self._origin.gateway), body)
        except HadirError:
            self._counters.add("forward.failed")

    def _told(self, item: Health) -> Reading:
        sensor = self._sensors[item.dev]
        value = True if item.alive else item.cause or DOWN
        return Reading(item.dev, ALIVE, value, sensor.place, item.at, sensor.modality)

    def _received(self, message: Message) -> None:
        """Readings for us, or the word about ours."""
        topic = topics.parse(message.topic)
        try:
            found = parse(Readings, message.payload)
        except PermanentError as error:
            self._counters.add("forward.refused", error.reason)
            found = None
        if topic is not None and found is not None:
            self._listened[topic.gateway] = self._clock.machine()
            self._silent.discard(topic.gateway)
            if found.get("ack"):
                self._acknowledged(topic.gateway, found["ack"])
            if found.get("readings"):
                self._accept(topic.gateway, found["boot"], found["readings"])
        message.ack()

    def _acknowledged(self, owner: str, ack: dict[str, Any]) -> None:
        waiting = self._waiting.get(owner)
        if waiting is None or ack["boot"] != self._origin.boot:
            return
        done: list[Fact] = []
        while waiting and waiting[0][0] <= ack["committed"]:
            key = waiting.popleft()[2]
            if key:
                done.append(Fact(KEPT, key, None))
        if done and self._commit is not None:
            self._commit(done)
        if waiting:
            self._wake.set()

    def _accept(self, gateway: str, boot: str, rows: list[dict[str, Any]]) -> None:
        known, last = self._taken.get(gateway, ("", 0))
        if boot < known:
            self._counters.add("forward.refused", "old_boot")
            return
        fresh = [row for row in rows if boot > known or row["seq"] > last]
        for row in fresh:
            tap = of_row(row)
            if not isinstance(tap, Reading) or not is_tap(tap) or tap.role == "desk" or self._decider is None:
                continue
            if self._decider(tap) != self._origin.gateway:
                # another coordinates now; it stays with its sender, who will hear of that
                self._counters.add("forward.refused", "not_coordinator")
                fresh = fresh[: fresh.index(row)]
                break
        for row in fresh:
            at = self._taken[gateway] = (boot, row["seq"])
            item = self._skew.reading(gateway, of_row(row))
            fact = Fact(NAME, gateway, {"boot": boot, "seq": row["seq"]}) if is_tap(item) else None
            self._take(item, partial(self._committed, gateway, at, answer=row is fresh[-1]), fact)
        if not fresh:
            self._answer(gateway)

    def _committed(self, gateway: str, at: tuple[str, int], *, answer: bool) -> None:
        self._durable[gateway] = at
        if answer:
            self._answer(gateway)

    def _answer(self, gateway: str) -> None:
        boot, last = self._durable.get(gateway, ("", 0))
        if not boot:
            return
        answer = {"boot": self._origin.boot, "readings": [], "ack": {"boot": boot, "committed": last}}
        self._link.publish(topics.reading(self._origin.site, gateway, self._origin.gateway), write(Readings, answer))


def _nothing() -> None:
    """Nobody waits for it."""
