"""Which places and badge readers of a gateway are watched: `coverage.lost` and `coverage.restored`.

An outage is evidence for the people concerned: what was not seen then was not seen because of the equipment. Pure:
times come in, events and facts go out. A place is watched while one of its sensors works; a badge reader is named for
itself. Short outages are not told. What was open when the gateway ended is a fact, and so is, each minute, that it
lives: after a power cut it tells from when to when nothing was watched. A box that knows the time only later keeps that
gap as a fact until then, whose times move with its clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from gateway.bindings import Binding
from gateway.clock import SECOND
from gateway.rebase import Move
from rules.api import Event, Fact

NAME = "coverage"
"""Of its facts. Keys: `dev/<id>` of what is out, `place/<place>` of what is told to be unwatched, `gap/<n>` of what is
to be told once the time is known, and ALIVE."""
ALIVE = "alive"
SETTLED_S = 60
"""An outage is told when it has lasted so long; a mark of life is as fresh."""
A_MESSAGE = 64
"""Places, and readers, of one event."""
POWERED_OFF, RADIO, SENSOR = "powered_off", "radio", "sensor"


class Told(NamedTuple):
    """What is to be committed, in one transaction."""

    events: list[Event]
    facts: list[Fact]


@dataclass(frozen=True, slots=True)
class _Out:
    """A device that does not work."""

    since: int
    cause: str
    said: bool = False
    reader: bool = False


class Coverage:
    """Of one gateway. Times are office time, ns."""

    def __init__(self, subject: str) -> None:
        """`subject`: the gateway's own place."""
        self._subject = subject
        self._sensors: dict[str, frozenset[str]] = {}
        self._own: frozenset[str] = frozenset()
        self._readers: frozenset[str] = frozenset()
        self._owned: tuple[str, ...] = ()
        self._out: dict[str, _Out] = {}
        self._dark: dict[str, _Out] = {}
        """Places that were told to be unwatched."""
        self._gaps: dict[str, tuple[int, int]] = {}
        """By its fact's key: from when to when it was not there, to be told once the time is known."""
        self._marked = 0

    def watch(self, own: Mapping[str, Binding], site: Mapping[str, Binding], owned: Iterable[str]) -> None:
        """`own`: this gateway's devices; `site`: all; `owned`: places that it decides.

        A place with a sensor at another gateway is not ours to call unwatched.
        """
        sensors: dict[str, set[str]] = {}
        for name, binding in site.items():
            if binding.modality != "badge":
                sensors.setdefault(binding.place, set()).add(name)
        self._sensors = {place: frozenset(devs) for place, devs in sensors.items() if devs <= own.keys()}
        self._own = frozenset(own)
        self._readers = frozenset(name for name, binding in own.items() if binding.modality == "badge")
        self._owned = tuple(owned)

    # --- news ---------------------------------------------------------------------------------------------------------

    def begin(self, facts: Mapping[str, Mapping[str, Any]], now: int, *, known: bool) -> Told:
        """A new life. `known`: whether the time is; else the gap before it is told later."""
        told = Told([], [])
        was: dict[str, _Out] = {}
        for key, body in facts.items():
            kind, _, name = key.partition("/")
            if kind == "gap":
                self._gaps[key] = int(body["from"]), int(body["to"])
            elif kind in ("dev", "place"):
                out = _Out(int(body["at"]), str(body["cause"]), said=True, reader=bool(body.get("reader")))
                (self._out if kind == "dev" else was)[name] = out
        self._forget_strangers(told, now)
        self._dark = {place: dark for place in self._sensors if (dark := self._darkness(place)) is not None}
        for place, out in was.items():
            if place in self._dark:
                self._dark[place] = out
            else:  # it has another sensor now, or none
                self._restore(told, place, out, now)
        if ALIVE in facts:
            key = f"gap/{len(self._gaps) + 1}"
            since = int(facts[ALIVE]["at"])
            self._gaps[key] = since, now
            if not known:
                told.facts.append(Fact(NAME, key, {"from": since, "to": now}))
        told.facts.append(self.mark(now))
        if known:
            self._tell_gaps(told)
        return told

    def heard(self, dev: str, alive: bool, cause: str | None, at: int) -> Told:
        """A device works, or does not, from now on."""
        told = Told([], [])
        if not alive:
            self._out.setdefault(dev, _Out(at, RADIO if cause == "radio_deaf" else SENSOR))
            return told
        out = self._out.pop(dev, None)
        if out is None or not out.said:
            return told
        told.facts.append(Fact(NAME, f"dev/{dev}", None))
        back = [place for place, dark in self._dark.items() if dev in self._sensors.get(place, ())]
        for place in back:
            self._restore(told, place, self._dark.pop(place), at)
        if dev in self._readers:
            told.events.extend(self._events("restored", [], [dev], out.since, at, out.cause))
        return told

    def look(self, now: int, *, known: bool = True) -> Told:
        """What has lasted long enough to be told, and a mark of life when that is due; to be called often."""
        told = Told([], [])
        if known:
            self._tell_gaps(told)
        late = {dev: out for dev, out in self._out.items() if not out.said and now - out.since >= SETTLED_S * SECOND}
        for dev, out in late.items():
            self._out[dev] = replace(out, said=True, reader=dev in self._readers)
            body = {"at": out.since, "cause": out.cause, "reader": dev in self._readers}
            told.facts.append(Fact(NAME, f"dev/{dev}", body))
        dark = {place: now_dark for place in self._sensors if (now_dark := self._darkness(place)) is not None}
        dark = {place: out for place, out in dark.items() if place not in self._dark}
        self._dark |= dark
        told.facts.extend(
            Fact(NAME, f"place/{place}", {"at": out.since, "cause": out.cause}) for place, out in dark.items()
        )
        for since, cause in sorted({(out.since, out.cause) for out in (*late.values(), *dark.values())}):
            places = [place for place, out in dark.items() if (out.since, out.cause) == (since, cause)]
            readers = [
                dev for dev, out in late.items() if dev in self._readers and (out.since, out.cause) == (since, cause)
            ]
            told.events.extend(self._events("lost", places, readers, since, None, cause))
        if now - self._marked >= SETTLED_S * SECOND:
            told.facts.append(self.mark(now))
        return told

    def gap(self, since: int, until: int) -> Iterator[Event]:
        """Nothing of this gateway was watched: it had no power, or was asleep."""
        return self._events("restored", self._owned, sorted(self._readers), since, until, POWERED_OFF)

    def mark(self, now: int) -> Fact:
        """That it lives."""
        self._marked = now
        return Fact(NAME, ALIVE, {"at": now})

    def rebase(self, move: Move) -> None:
        """Office time was set; facts are moved by their keeper."""
        self._out, self._dark, self._gaps = move.of(self._out), move.of(self._dark), move.of(self._gaps)
        self._marked = move.time(self._marked)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _tell_gaps(self, told: Told) -> None:
        for key, (since, until) in self._gaps.items():
            if until - since >= SETTLED_S * SECOND:
                told.events.extend(self.gap(since, until))
            told.facts.append(Fact(NAME, key, None))
        self._gaps.clear()

    def _forget_strangers(self, told: Told, now: int) -> None:
        """Devices that the configuration has no longer: nobody misses them from now on."""
        for dev in [dev for dev in self._out if dev not in self._own]:
            out = self._out.pop(dev)
            told.facts.append(Fact(NAME, f"dev/{dev}", None))
            if out.reader:
                told.events.extend(self._events("restored", [], [dev], out.since, now, out.cause))

    def _restore(self, told: Told, place: str, dark: _Out, at: int) -> None:
        told.events.extend(self._events("restored", [place], [], dark.since, at, dark.cause))
        told.facts.append(Fact(NAME, f"place/{place}", None))

    def _darkness(self, place: str) -> _Out | None:
        """Since when none of its sensors works, as far as that is told; None: one does."""
        outs = [self._out.get(dev) for dev in self._sensors[place]]
        told = [out for out in outs if out is not None and out.said]
        return max(told, key=lambda out: out.since) if len(told) == len(outs) else None

    def _events(
        self, what: str, places: Iterable[str], readers: Iterable[str], since: int, until: int | None, cause: str
    ) -> Iterator[Event]:
        left_places, left_readers = list(places), list(readers)
        at = since if until is None else until
        while left_places or left_readers:
            data = {
                "places": left_places[:A_MESSAGE],
                "readers": left_readers[:A_MESSAGE],
                "from": since,
                "to": until,
                "cause": cause,
            }
            del left_places[:A_MESSAGE], left_readers[:A_MESSAGE]
            yield Event(f"coverage.{what}", self._subject, at, data)
