"""The archive's acknowledgements: gathered by gateway and boot, sent as ranges, never before the commit.

An idle gateway is answered at once; a busy one gets at most one message every ACK_EVERY_S, with everything since the
last. What is lost on the way is told again when the gateway sends the events again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from gateway.clock import SECOND, Clock
from gateway.config.model import Office
from gateway.contract import topics
from gateway.contract.acks import Acknowledgement, BootAck, Refusal, write_ack
from gateway.counters import Counters
from gateway.errors import HadirError
from gateway.mqtt import Link

_log = logging.getLogger(__name__)

ACK_EVERY_S = 0.02
RANGES_A_MESSAGE = 1_000
"""Ranges and refusals of one message: it stays below the contract's limit whatever the numbers are."""
REFUSED_A_MESSAGE = 300


class Name(NamedTuple):
    """An event by its number."""

    gateway: str
    boot: str
    sequence: int


class _Told(NamedTuple):
    """What is to be said of one boot."""

    committed: set[int]
    refused: dict[int, str]
    canaries: set[int]


class Acknowledger:
    """Tells gateways what became of their events."""

    def __init__(self, link: Link, office: Office, clock: Clock, counters: Counters, gateways: Iterable[str]) -> None:
        self._link = link
        self._site = office.site
        self._worker = office.archive.worker
        self._clock = clock
        self._counters = counters
        self._pending: dict[str, dict[str, _Told]] = {}
        self._sent_at: dict[str, int] = {}
        self._wake = asyncio.Event()
        self.gateways = frozenset(gateways)
        link.on_connect(self.greet)

    def commit(self, name: Name) -> None:
        """It is committed, now or before."""
        self._of(name).committed.add(name.sequence)

    def refuse(self, name: Name, reason: str) -> None:
        """It will never be taken."""
        self._of(name).refused[name.sequence] = reason
        self._wake.set()

    def canary(self, name: Name) -> None:
        """A canary has come as far as the ledger."""
        self._of(name).canaries.add(name.sequence)

    def send(self) -> None:
        """Let what was said so far go out."""
        self._wake.set()

    def greet(self) -> None:
        """Events that gateways sent while nobody listened are gone; each is asked to send again what it still has."""
        for gateway in sorted(self.gateways):
            body = write_ack(Acknowledgement(worker=self._worker, boots=()))
            if not self._link.publish(topics.ack(self._site, gateway), body):
                self._counters.add("ingest.greeting_lost")

    async def run(self) -> None:
        """Until cancelled; what is left is then tried once more."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._pending:
                    await self._round()
        finally:
            for gateway in list(self._pending):
                self._publish(gateway)

    async def _round(self) -> None:
        """Send what is due; sleep until the next is."""
        now = self._clock.machine()
        every = int(ACK_EVERY_S * SECOND)
        wait = every
        for gateway in list(self._pending):
            left = self._sent_at.get(gateway, now - every) + every - now
            if left > 0:
                wait = min(wait, left)
            else:
                self._sent_at[gateway] = now
                await self._deliver(gateway)
        if self._pending:
            await asyncio.sleep(wait / SECOND)

    async def _deliver(self, gateway: str) -> None:
        topic = topics.ack(self._site, gateway)
        for body in self._bodies(self._pending.pop(gateway)):
            if self._link.publish(topic, body):
                continue
            try:
                await self._link.deliver(topic, body)  # the window is full: wait for room
            except HadirError as error:
                # the gateway will send the events again, and then be told again
                self._counters.add("ingest.ack_lost")
                _log.debug("ack to %s: %s", gateway, error)

    def _publish(self, gateway: str) -> None:
        for body in self._bodies(self._pending.pop(gateway)):
            if not self._link.publish(topics.ack(self._site, gateway), body):
                self._counters.add("ingest.ack_lost")

    def _bodies(self, boots: Mapping[str, _Told]) -> Iterator[bytes]:
        for boot, told in boots.items():
            spans = ranges(told.committed)
            refused = [Refusal(seq=seq, reason=reason) for seq, reason in sorted(told.refused.items())]
            canary = max(told.canaries, default=None)
            while spans or refused or canary is not None:
                ack = BootAck(
                    boot=boot,
                    committed=tuple(spans[:RANGES_A_MESSAGE]),
                    refused=tuple(refused[:REFUSED_A_MESSAGE]),
                    canary=canary,
                )
                canary = None
                yield write_ack(Acknowledgement(worker=self._worker, boots=(ack,)))
                del spans[:RANGES_A_MESSAGE], refused[:REFUSED_A_MESSAGE]

    def _of(self, name: Name) -> _Told:
        boots = self._pending.setdefault(name.gateway, {})
        return boots.setdefault(name.boot, _Told(set(), {}, set()))


def ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Numbers as inclusive ranges, in order."""
    made: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if made and made[-1][1] == number - 1:
            made[-1] = (made[-1][0], number)
        else:
            made.append((number, number))
    return made
