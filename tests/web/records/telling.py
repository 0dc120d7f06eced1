"""What gateways say of themselves, and a site of two in which readings, events and health take their ways."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.clock import ManualClock
from gateway.contract.times import written
from gateway.web.records.complete import LAG_S, Proofs
from rules.api import SECOND
from tests.web.records.ledgers import BOOT, Book

LAG = LAG_S * SECOND


def health(clock_: ManualClock, boot: str = BOOT, *, waiting: int = 0, **more: Any) -> dict[str, Any]:
    backlog = {"count": waiting, "bytes": waiting * 500, "oldest_s": 30.0 if waiting else None, "dead": 0}
    told = {"boot": boot, "at": written(clock_.office()), "backlog": backlog, "clock": {"sync": "ntp", "err_ms": None}}
    return told | {"alarms": (), "sources": {}, "forwarding": forwarding(clock_, ())} | more


def forwarding(clock_: ManualClock, kept: Sequence[int]) -> dict[str, Any]:
    """Of taps at these times."""
    return {"count": len(kept), "oldest_s": (clock_.office() - min(kept)) / SECOND if kept else None}


def speak(watch: Proofs, clock: ManualClock, seconds: int, *gateways: str, **more: Any) -> None:
    """For so long, every ten seconds."""
    for _ in range(seconds // 10):
        clock.advance(10)
        for gateway in gateways:
            watch.told(gateway, health(clock, **more))


class Site:
    """Two gateways, the broker between, and an archive: what happens, where it waits, and what has arrived."""

    def __init__(self, book: Book, clock: ManualClock) -> None:
        self.book, self.clock = book, clock
        self.watch = Proofs(book.office, clock)
        self.joined = {"gw-1": True, "gw-2": True}
        self.archive = True
        self.web = True
        self.denied = False
        """The broker lets nobody send a reading to another gateway."""
        self.kept: dict[tuple[str, str], list[int]] = {(a, b): [] for a in self.joined for b in self.joined if a != b}
        """Taps at a reader of the first that are the second's to decide."""
        self.outbox: dict[str, list[int]] = {name: [] for name in self.joined}
        self.waiting: list[int] = []

    def act(self, at: str, by: str) -> None:
        """Somebody taps at a reader of `at`, which `by` decides."""
        now = self.clock.office()
        (self.outbox[by] if at == by else self.kept[at, by]).append(now)
        self.waiting.append(now)

    def step(self, drains: bool = True) -> None:
        """Ten seconds."""
        self.clock.advance(10)
        for (at, by), taps in self.kept.items():
            if self.joined[at] and self.joined[by] and not self.denied:
                self.outbox[by] += taps
                taps.clear()
        for name, rows in self.outbox.items():
            if self.joined[name] and self.archive and drains:
                for row in rows:
                    self.waiting.remove(row)
                rows.clear()
            if self.joined[name] and self.web:
                kept = [tap for (at, _), taps in self.kept.items() if at == name for tap in taps]
                told = health(self.clock, waiting=len(rows), forwarding=forwarding(self.clock, kept))
                self.watch.told(name, told)

    def check(self) -> None:
        """Nothing that is said to be here is missing."""
        until = self.watch.now(self.book.rows).until
        early = [at for at in self.waiting if until is not None and at < until]
        assert not early, "said too early"
