"""Up to when no gateway can still hold anything, and why it stands there.

Said only on evidence, for each gateway by itself, and for all of them by the earliest. The evidence is a health
message: nothing waits in the outbox (of any boot: the outbox is one file), nothing has waited for longer than FORWARD_S
for another gateway to take it, the time is known, and no alarm says that something is held back. It counts only while
every gateway of the site has been heard without a break for SETTLE_S: a tap at a reader of one gateway may be for
another to decide, and waits unseen where it was read while either is away. Then everything that happened LAG_S before
that message is in the ledger.

Where there is one gateway only, and no door system that may tell it later what happened earlier, the ledger alone may
show it as well: committed numbers of each boot without a hole, each earlier boot ended by `gateway.stopped`, no boot
number missing; and that this has stood for SETTLE_S.

Silence proves nothing: a gateway that is not heard stands where it stood, and all others with it. What is held by
somebody else than a gateway (a door system that has not told yet), a correction that a person makes later, and a
clock that is wrong and says that it is right, are not in this.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.clock import SECOND, Clock
from gateway.config.model import Office
from gateway.contract.times import parsed, written
from gateway.web.records.chain import Hole, Told, chain, holes
from gateway.web.records.continuity import Continuity, Replaced
from gateway.web.records.rows import Rows

SETTLE_S = 120
"""Machine seconds that every gateway must be heard without a break, before a word counts."""
BREAK_S = 45
"""Health comes every 10 s: a longer pause is a break."""
LAG_S = 60
"""Machine seconds from an act to its place in the outbox, with the clocks' difference, many times over."""
FORWARD_S = 20
"""Seconds: what is for another gateway is taken sooner. The next health says so, and LAG_S is not over then."""
FOLLOW = frozenset({"told", "others"})
"""Causes of those that hold nobody back."""
HOLDING = frozenset({"outbox_stalled", "broker_lost", "archive_silent", "broker_refuses", "clock_unknown"})
"""Alarms of a gateway that may keep something beside its outbox."""
UPSTREAM = frozenset({"door_mqtt", "door_webhook", "door_csv"})
"""Types of sources that may bring later what happened earlier: one that is down holds its gateway back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far one gateway is known to have told everything."""

    gateway: str
    until: int | None
    """Office time, ns; None: nothing is known."""
    cause: str
    """Stable word: told, ledger, never_heard, not_heard, waiting, returned, others, clock, alarm, source, boot_open,
    hole, replaced."""
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unplaced:
    """Events of a boot whose clock was never known: they are here, and nobody knows their time."""

    gateway: str
    boot: str
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """How far the record is complete."""

    until: int | None
    """The earliest of all gateways; None: of one of them nothing is known."""
    why: str
    standings: tuple[Standing, ...]
    """Those that hold others back first."""
    holes: tuple[Hole, ...]
    unplaced: tuple[Unplaced, ...]
    replaced: tuple[Replaced, ...] = ()
    """Between these the archive may have lost what it had."""

    def of(self, start: int, end: int) -> bool:
        """Whether all of [start, end) is here."""
        gone = any(each.since < end and each.until > start for each in self.replaced)
        return self.until is not None and self.until >= end and not gone


@dataclass(slots=True)
class _Heard:
    """Of one gateway, since this process began."""

    boot: str = ""
    at: int = 0
    machine: int = 0
    begun: int = 0
    """Machine time since when it was heard without a break, in one boot."""
    cause: str = ""
    why: str = ""
    """What its last word lacked; empty: nothing."""
    proven: int | None = None
    looks: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=64))
    """(machine time, until) as the ledger alone had it."""
    ledger: int | None = None


class Proofs:
    """Follows what gateways say of themselves. One a process; `told` and `look` on the event loop or one thread."""

    def __init__(self, office: Office, clock: Clock) -> None:
        self._clock = clock
        self._upstream = {
            gateway.id: [source.id for source in gateway.sources if source.type in UPSTREAM]
            for gateway in office.gateways
        }
        self._heard = {gateway: _Heard() for gateway in self._upstream}
        self.continuity = Continuity()

    def restore(self, proven: Mapping[str, int]) -> None:
        """What an earlier process had proof of: what was complete stays so."""
        for gateway, until in proven.items():
            if gateway in self._heard:
                self._heard[gateway].proven = until

    @property
    def proven(self) -> dict[str, int]:
        """To be kept for `restore`."""
        return {name: heard.proven for name, heard in self._heard.items() if heard.proven is not None}

    def told(self, gateway: str, health: Mapping[str, Any]) -> None:
        """A gateway's health as it came, live, just now. Raises PermanentError for a time that is none."""
        heard = self._heard.get(gateway)
        if heard is None:
            return
        machine, at = self._clock.machine(), parsed(health["at"])
        broken = heard.boot != health["boot"] or machine - heard.machine > BREAK_S * SECOND or at < heard.at
        if broken or self._keeps(health):  # what it kept is with another then, whose word must be a newer one
            heard.begun = machine
        heard.boot, heard.at, heard.machine = health["boot"], at, machine
        heard.cause, heard.why = self._lacks(gateway, health, at)
        if not heard.cause:
            heard.cause, heard.why = self._unsettled(gateway, machine)
        if not heard.cause:
            error = (health.get("clock") or {}).get("err_ms") or 0.0
            until = min(at, self._clock.office()) - self._lag() - int(error * 1_000_000)
            known = heard.proven  # once: `look` may forget it meanwhile
            heard.proven = until if known is None else max(known, until)

    def _unsettled(self, gateway: str, machine: int) -> tuple[str, str]:
        """Whether it, or another, was away lately: what one kept for the other may be on its way."""
        for name in (gateway, *(name for name in self._heard if name != gateway)):
            heard = self._heard[name]
            there = heard.boot and machine - heard.machine <= BREAK_S * SECOND
            if there and machine - heard.begun >= SETTLE_S * SECOND:
                continue
            if name == gateway:
                return "returned", f"heard without a break for less than {SETTLE_S} s: others may have kept taps for it"
            return "others", f"{name} is not heard, or not for long: taps may wait for it, or there"
        return "", ""

    def _keeps(self, health: Mapping[str, Any]) -> bool:
        """Whether it has readings for other gateways that these do not take."""
        forwarding = health.get("forwarding") or {}
        return len(self._heard) > 1 and (forwarding.get("oldest_s") or 0.0) > FORWARD_S

    def _lacks(self, gateway: str, health: Mapping[str, Any], at: int) -> tuple[str, str]:
        backlog, clock = health.get("backlog"), health.get("clock")
        if clock is None or clock["sync"] == "none":
            return "clock", "it does not know the time"
        if backlog is None:
            return "waiting", "it does not say what waits in its outbox"
        if backlog["count"]:
            return "waiting", f"{backlog['count']} events wait in its outbox{_since(backlog, at)}"
        if len(self._heard) > 1 and health.get("forwarding") is None:
            return "waiting", "it does not say what it keeps for other gateways: upgrade it"
        if self._keeps(health):
            forwarding = health["forwarding"]
            return "waiting", f"{forwarding['count']} readings wait there for other gateways{_since(forwarding, at)}"
        names = {alarm["name"] for alarm in health.get("alarms") or ()}
        if held := sorted(names & HOLDING):
            return "alarm", f"it may hold something back: {', '.join(held)}"
        sources = health.get("sources") or {}
        if down := [name for name in self._upstream[gateway] if not (sources.get(name) or {}).get("alive")]:
            return "source", f"what a door system has to tell cannot reach it: {', '.join(down)}"
        return "", ""

    def _lag(self) -> int:
        return self._clock.office_in(LAG_S) - self._clock.office()

    # --- the ledger alone -------------------------------------------------------------------------------------------

    @property
    def _alone(self) -> bool:
        """Whether what is in the ledger can be all there is: nobody keeps taps for the gateway, or it for others."""
        return len(self._heard) == 1 and not any(self._upstream.values())

    def look(self, rows: Rows) -> None:
        """See whether the ledger still is what it was, and how far it alone proves something; every 10 s or so."""
        if not self.continuity.holds(rows):
            self._heard = {gateway: _Heard() for gateway in self._heard}
        self.continuity.follow(rows, self._clock.office())
        if not self._alone:
            return
        machine, lag = self._clock.machine(), self._lag()
        told = Told.of(rows)
        for name, heard in self._heard.items():
            until = chain(rows, name, told)[0]
            if until is None:
                continue
            heard.looks.append((machine, until - lag))
            ripe = [seen for when, seen in heard.looks if machine - when >= SETTLE_S * SECOND]
            if ripe:
                heard.ledger = max(ripe) if heard.ledger is None else max(heard.ledger, *ripe)

    # --- answers ----------------------------------------------------------------------------------------------------

    def now(self, rows: Rows, gateways: Iterable[str] | None = None) -> Completeness:
        """How far the record is complete, of these gateways (None: all of the office). Raises HadirError."""
        told = Told.of(rows)
        silences = rows.silences()
        chosen = list(self._heard if gateways is None else (name for name in gateways if name in self._heard))
        held = self.continuity.holds(rows)
        standings = sorted(
            (self._standing(name, rows, told, silences) if held else _forgotten(name) for name in chosen),
            key=lambda each: (each.cause in FOLLOW, -1 if each.until is None else each.until, each.gateway),
        )
        first = standings[0] if standings else None
        known = [each.until for each in standings if each.until is not None]
        return Completeness(
            until=min(known) if standings and len(known) == len(standings) else None,
            why="the office has no gateway" if first is None else f"{first.gateway}: {first.why}",
            standings=tuple(standings),
            holes=tuple(hole for name in chosen for hole in holes(rows, name, told)),
            unplaced=tuple(
                Unplaced(gateway=gateway, boot=boot, events=count)
                for (gateway, boot), count in sorted(told.unplaced.items())
                if gateway in chosen
            ),
            replaced=self.continuity.replaced,
        )

    def _standing(self, name: str, rows: Rows, told: Told, silences: Mapping[str, int]) -> Standing:
        heard = self._heard[name]
        known = [until for until in (heard.proven, heard.ledger) if until is not None]
        until = max(known) if known else None
        silent = silences.get(name)
        recent = heard.boot and self._clock.machine() - heard.machine <= BREAK_S * SECOND
        if recent and not heard.cause:
            cause, why = "told", f"nothing waited when it spoke last, {written(heard.at)}"
        elif recent:
            cause, why = heard.cause, heard.why
        elif silent is not None or heard.boot:
            since = silent if silent is not None else heard.at
            cause, why = "not_heard", f"not heard since {written(since)}; it may hold what happened since then"
        else:
            found, cause, why = chain(rows, name, told)
            if found is not None and until is None and self._alone:
                why = f"{why}; that has to stand for {SETTLE_S} s"
        return Standing(gateway=name, until=until, cause=cause, why=why)


def _forgotten(gateway: str) -> Standing:
    why = "the archive was put back from a copy: what was known of the one before does not count"
    return Standing(gateway=gateway, until=None, cause="replaced", why=why)


def _since(waiting: Mapping[str, Any], at: int) -> str:
    oldest = waiting.get("oldest_s")
    return "" if oldest is None else f", the oldest since {written(max(0, at - int(oldest * SECOND)))}"
