"""When the system could not see: what the ledger has of gateways that were not there and of places without a sensor.

An outage is evidence for people: that nothing was recorded then says nothing about them. Each stretch names the events
that prove it. Nobody is named here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from gateway import covers
from gateway.config.model import Office
from gateway.config.owners import Owners
from gateway.config.places import Places
from gateway.covers import PLACE, READER, Stretch
from gateway.ledger_view import LATEST, Stored, View
from gateway.stores.windows import joined
from gateway.usage import STARTED, STOPPED, Usage

DOWN, COVERAGE_LOST, EVENTS_LOST = KINDS = ("down", "coverage", "lost")
"""A gateway was not there; it was, and places or readers were not watched; events of it are lost for good."""
GAP = "gateway.gap"
CLOCK = ("gateway.clock_stepped", "gateway.clock_corrected")
TYPES = (STARTED, STOPPED, *covers.TYPES, GAP, *CLOCK)


class Proof(NamedTuple):
    """An event of the ledger."""

    id: str
    type: str
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """One stretch; times are office ns."""

    gateway: str
    kind: str
    since: int
    until: int | None
    """None: it lasts."""
    cause: str
    """not_heard, stopped, powered_off, broker, sensor, radio; bounds, disk, card_replaced of lost events."""
    places: tuple[str, ...]
    """Whose state was not known."""
    readers: tuple[str, ...] = ()
    lost: int = 0
    """How many events are lost for good."""
    proofs: tuple[Proof, ...] = ()

    def within(self, start: int, end: int) -> bool:
        """Whether some of it lies in [start, end)."""
        return self.since < end and (self.until is None or self.until > start or self.since == self.until >= start)


class Mark(NamedTuple):
    """A moment of a gateway that is worth a look."""

    gateway: str
    at: int
    type: str
    detail: str


@dataclass(frozen=True, slots=True)
class Found:
    """Everything of one stretch of time."""

    outages: tuple[Outage, ...]
    """By their beginning."""
    marks: tuple[Mark, ...]
    known_from: Mapping[str, int]
    """By gateway: since when the ledger knows it at all."""


def outages(view: View, office: Office, start: int, end: int) -> Found:
    """In [start, end). Raises ConfigError: the calendar names a country whose holidays are not to be had here."""
    usage, silences = Usage(view, office), view.silences()
    rows = [row for row in view.query(types=TYPES, limit=LATEST) if row.at is not None]
    found: list[Outage] = []
    owned: dict[str, tuple[str, ...]] = {gateway.id: () for gateway in office.gateways}
    owners = Owners(office)
    for place in Places(office).spots:
        owner = owners.owner(place)
        owned[owner] = (*owned.get(owner, ()), place)
    for gateway, places in owned.items():
        mine = [row for row in rows if row.gateway == gateway]
        found += _downs(gateway, places, usage.silent(gateway, start, end, silences), mine)
        found += _losses(gateway, places, mine)
    found += _coverage(usage.covers)
    kept = sorted(
        (outage for outage in _joined(found) if outage.within(start, end)), key=lambda one: (one.since, one.gateway)
    )
    marks = [_mark(row) for row in rows if start <= row.when < end and row.type in (STARTED, STOPPED, *CLOCK)]
    known: dict[str, int] = {}
    for row in rows:
        known[row.gateway] = min(row.when, known.get(row.gateway, LATEST))
    return Found(tuple(kept), tuple(sorted(marks, key=lambda mark: mark.at)), known)


def concerns(outage: Outage, place: str, office: Office) -> bool:
    """Whether an outage is about `place` or something in it (`site/building/...`, as many levels as are meant)."""
    inside = place.rstrip("/_").rstrip("/")
    devices = {device.id: f"{office.site}/{device.place}" for device in office.devices}
    touched = (*outage.places, *(devices.get(reader, "") for reader in outage.readers))
    return any(one == inside or one.startswith(f"{inside}/") for one in touched)


def _body(row: Stored) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(row.body)
    return body


def _proof(row: Stored) -> Proof:
    return Proof(str(_body(row)["id"]), row.type, row.when)


def _downs(
    gateway: str, places: tuple[str, ...], silent: Iterable[tuple[int, int]], rows: list[Stored]
) -> Iterator[Outage]:
    for since, until in joined((since, until) for since, until in silent if since < until):
        if since <= 0:
            continue  # before its first boot there was nothing that could fail
        proofs = [row for row in rows if row.type == STOPPED and row.when == since]
        cause = "stopped" if proofs else "not_heard"
        proofs += [row for row in rows if row.type == STARTED and row.when == until]
        yield Outage(
            gateway=gateway,
            kind=DOWN,
            since=since,
            until=None if until == LATEST else until,
            cause=cause,
            places=places,
            proofs=tuple(map(_proof, proofs)),
        )


def _losses(gateway: str, places: tuple[str, ...], rows: Iterable[Stored]) -> Iterator[Outage]:
    """Events that are lost for good: when they happened is not known, only when that was found."""
    for row in rows:
        if row.type == GAP:
            data = _body(row)["data"]
            cause = str(data.get("cause") or "")
            yield Outage(
                gateway=gateway,
                kind=EVENTS_LOST,
                since=row.when,
                until=row.when,
                cause=cause,
                places=places,
                lost=int(data["lost"]),
                proofs=(_proof(row),),
            )


def _coverage(covers: Iterable[Stretch]) -> Iterator[Outage]:
    """One outage a place or reader: what was told when it began, and when it ended, are the same stretch."""
    for cover in covers:
        yield Outage(
            gateway=cover.gateway,
            kind=COVERAGE_LOST,
            since=cover.since,
            until=None if cover.until == LATEST else cover.until,
            cause=cover.cause,
            places=(cover.name,) if cover.kind == PLACE else (),
            readers=(cover.name,) if cover.kind == READER else (),
            proofs=tuple(map(_proof, cover.told)),
        )


def _joined(found: Iterable[Outage]) -> Iterator[Outage]:
    """What has the same gateway, times, kind and cause is one row of a report."""
    joined: dict[tuple[object, ...], Outage] = {}
    for one in found:
        key = (one.gateway, one.kind, one.since, one.until, one.cause)
        known = joined.get(key)
        if known is not None:
            one = replace(
                known,
                places=tuple(dict.fromkeys((*known.places, *one.places))),
                readers=tuple(dict.fromkeys((*known.readers, *one.readers))),
                proofs=tuple(dict.fromkeys((*known.proofs, *one.proofs))),
                lost=known.lost + one.lost,
            )
        joined[key] = one
    yield from joined.values()


def _mark(row: Stored) -> Mark:
    data = _body(row)["data"]
    detail = data.get("version") or data.get("reason") or data.get("offset_ms") or ""
    return Mark(row.gateway, row.when, row.type, str(detail))
