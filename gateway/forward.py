"""Readings for places that another gateway decides: sent to their owner until it says that it has committed them.

    reading/<site>/<owner>/<gw>   {boot, readings: [{seq, ...}]}
    reading/<site>/<gw>/<owner>   {boot, ack: {boot, committed}}

What waits is kept in memory and bounded: telemetry beyond it drops its oldest, counted; taps are kept. The owner's word
follows its commit, and how far it has listened is a fact in the transaction of each tap's outcome: a tap that is sent
again, also to an owner that was killed meanwhile, has one outcome (a second one would check the person out again).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from gateway.clock import Clock
from gateway.contract import topics
from gateway.contract.envelope import Origin
from gateway.contract.exchange import MAX_READINGS, Readings
from gateway.contract.state import parse, write
from gateway.contract.times import parsed, written
from gateway.counters import Counters
from gateway.errors import HadirError, PermanentError
from gateway.mqtt import Link, Message
from rules.api import Fact, Reading

NAME = "forward"
"""Of its facts; key: the gateway that forwards."""
MOST_WAITING = 5_000
AGAIN_S = 2.0
"""Without the owner's word for so long, what waits is sent again."""


class Take(Protocol):
    """What the owner's side does with a reading."""

    def __call__(self, reading: Reading, durable: Callable[[], None], fact: Fact | None) -> None:
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
    ) -> None:
        """`take` is given readings that others forwarded, once each and in order.

        `decider`: the gateway that decides a reading, as far as is known; empty: nobody is known, and it waits. None:
        whatever is sent here is ours. It may change its mind: see `readdress`.
        """
        self._decider = decider
        self._link = link
        self._origin = origin
        self._clock = clock
        self._counters = counters
        self._take = take
        self._waiting: dict[str, deque[tuple[int, Reading]]] = {}
        self._sequence: dict[str, int] = {}
        self._taken: dict[str, tuple[str, int]] = {}
        """By gateway: boot and number of the last reading that was taken ..."""
        self._durable: dict[str, tuple[str, int]] = {}
        """... and of the last one whose outcome is durable."""
        self._wake = asyncio.Event()
        link.subscribe(
            topics.reading(origin.site, origin.gateway, origin.gateway)[: -len(origin.gateway)] + "+", self._received
        )

    def restore(self, facts: Mapping[str, Mapping[str, Any]]) -> None:
        """How far others were listened to in an earlier life."""
        self._taken = {gateway: (str(body["boot"]), int(body["seq"])) for gateway, body in facts.items()}
        self._durable = dict(self._taken)

    @property
    def waiting(self) -> int:
        """Readings without their owner's word."""
        return sum(map(len, self._waiting.values()))

    def readdress(self) -> list[Reading]:
        """Another gateway coordinates now: taps that wait are for it; those that are returned are for us.

        The old one may have decided some of them already: whoever takes one knows what it has heard of that.
        """
        ours: list[Reading] = []
        if self._decider is None:
            return ours
        for owner, waiting in list(self._waiting.items()):
            for number, reading in list(waiting):
                decider = self._decider(reading)
                if decider != owner:
                    waiting.remove((number, reading))
                    if decider == self._origin.gateway:
                        ours.append(reading)
                    else:
                        self.add(decider, reading)
        return ours

    def add(self, owner: str, reading: Reading) -> None:
        """Send `reading` to its owner; while that is empty, it waits."""
        waiting = self._waiting.setdefault(owner, deque())
        number = self._sequence[owner] = self._sequence.get(owner, 0) + 1
        if len(waiting) >= MOST_WAITING:
            oldest = next((item for item in waiting if item[1].modality != "badge"), None)
            if oldest is not None:
                waiting.remove(oldest)
                self._counters.add("forward.dropped", "telemetry")
        waiting.append((number, reading))
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                async with asyncio.timeout(AGAIN_S if any(self._waiting.values()) else None):
                    await self._wake.wait()
            except TimeoutError:
                self._counters.add("forward.again")
            self._wake.clear()
            for owner, waiting in self._waiting.items():
                if owner and waiting and self._link.state.connected:
                    await self._send(owner, [*waiting][:MAX_READINGS])

    async def _send(self, owner: str, rows: list[tuple[int, Reading]]) -> None:
        body = write(
            Readings,
            {
                "boot": self._origin.boot,
                "readings": [_written(number, reading) for number, reading in rows],
                "ack": None,
            },
        )
        try:
            await self._link.deliver(topics.reading(self._origin.site, owner, self._origin.gateway), body)
        except HadirError:
            self._counters.add("forward.failed")

    def _received(self, message: Message) -> None:
        """Readings for us, or the word about ours."""
        topic = topics.parse(message.topic)
        try:
            found = parse(Readings, message.payload)
        except PermanentError as error:
            self._counters.add("forward.refused", error.reason)
            found = None
        if topic is not None and found is not None:
            if found.get("ack"):
                self._acknowledged(topic.gateway, found["ack"])
            if found.get("readings"):
                self._accept(topic.gateway, found["boot"], found["readings"])
        message.ack()

    def _acknowledged(self, owner: str, ack: dict[str, Any]) -> None:
        waiting = self._waiting.get(owner)
        if waiting is None or ack["boot"] != self._origin.boot:
            return
        while waiting and waiting[0][0] <= ack["committed"]:
            waiting.popleft()
        if waiting:
            self._wake.set()

    def _accept(self, gateway: str, boot: str, rows: list[dict[str, Any]]) -> None:
        known, last = self._taken.get(gateway, ("", 0))
        if boot < known:
            self._counters.add("forward.refused", "old_boot")
            return
        fresh = [row for row in rows if boot > known or row["seq"] > last]
        for row in fresh:
            reading = _reading(row)
            crosses = reading.modality == "badge" and reading.role != "desk"
            if crosses and self._decider is not None and self._decider(reading) != self._origin.gateway:
                # another coordinates now; it stays with its sender, who will hear of that
                self._counters.add("forward.refused", "not_coordinator")
                fresh = fresh[: fresh.index(row)]
                break
        for row in fresh:
            at = self._taken[gateway] = (boot, row["seq"])
            reading = _reading(row)
            fact = Fact(NAME, gateway, {"boot": boot, "seq": row["seq"]}) if reading.modality == "badge" else None
            self._take(reading, partial(self._committed, gateway, at, answer=row is fresh[-1]), fact)
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


def _written(number: int, reading: Reading) -> dict[str, Any]:
    return {
        "seq": number,
        "dev": reading.dev,
        "kind": reading.kind,
        "value": reading.value,
        "place": reading.place,
        "at": written(reading.at),
        "modality": reading.modality,
        "role": reading.role,
        "pid": reading.person or None,
        "unit": reading.unit,
        "refused": reading.refused,
        "assurance": reading.assurance,
        "quality": reading.quality,
    }


def _reading(row: dict[str, Any]) -> Reading:
    return Reading(
        dev=row["dev"],
        kind=row["kind"],
        value=row["value"],
        place=row["place"],
        at=parsed(row["at"]),
        modality=row["modality"],
        role=row["role"],
        person=row["pid"] or "",
        unit=row["unit"],
        refused=row["refused"],
        assurance=row["assurance"],
        quality=row["quality"],
        sequence=row["seq"],
    )
