"""When a reader or a place could not have seen anybody: evidence for people, that the equipment failed and not they."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gateway.config.model import Office
from gateway.config.sources import alone, shared
from gateway.covers import PLACE, READER
from gateway.stores.windows import Interval, joined
from gateway.usage import Usage
from gateway.web.records.rows import Rows
from rules.calendar import WORK, Calendar


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """One stretch of a day."""

    about: str
    """A gateway, a reader, or a place."""
    kind: str
    """gateway, reader, place."""
    since: int
    until: int
    cause: str
    """gateway_down, powered_off, broker, sensor, radio."""


class Outages:
    """Of one view of the ledger. One thread at a time."""

    def __init__(self, rows: Rows, office: Office) -> None:
        """Raises ConfigError: the calendar names a country whose holidays are not to be had here."""
        self._usage = Usage(rows, office)
        self._silences = rows.silences()
        self._gateways = [gateway.id for gateway in office.gateways]
        self._readers = {
            one.id: {name for source in one.sources for name in (*shared(source), alone(source)) if name}
            for one in office.gateways
        }
        self._answers: dict[tuple[str, str, str, int, int], list[Interval]] = {}
        """A reader is tapped by many."""

    def of_act(self, place: str, gateway: str, reader: str, start: int, end: int) -> list[Interval]:
        """When in [start, end) an act at `place`, by `reader` (empty: none), told by `gateway`, could not be taken."""
        key = (place, gateway, reader, start, end)
        if key not in self._answers:
            self._answers[key] = self._of_act(*key)
        return self._answers[key]

    def _of_act(self, place: str, gateway: str, reader: str, start: int, end: int) -> list[Interval]:
        found = [
            *self._usage.blind(place, start, end, self._silences),
            *self._usage.silent(gateway, start, end, self._silences),
        ]
        if reader:
            found += [(cover.since, cover.until) for cover in self._usage.covers.of(READER, reader)]
        return merged(found, start, end)

    def of_site(self, start: int, end: int) -> list[Outage]:
        """Every stretch in [start, end) in which something was not there: of those who left no trace for it."""
        found = [
            Outage(about=gateway, kind="gateway", since=since, until=until, cause="gateway_down")
            for gateway in self._gateways
            for since, until in merged(self._away(gateway, start, end), start, end)
        ]
        for cover in self._usage.covers:
            since, until = max(cover.since, start), min(cover.until, end)
            if since < until:
                found.append(Outage(about=cover.name, kind=cover.kind, since=since, until=until, cause=cover.cause))
        return sorted(set(found), key=lambda each: (each.since, each.kind, each.about))

    def _away(self, gateway: str, start: int, end: int) -> Iterator[Interval]:
        """When it was not there; not the time before it was there first."""
        return (each for each in self._usage.silent(gateway, start, end, self._silences) if each[0] > 0)

    def of_gateway(self, gateway: str, start: int, end: int) -> list[Outage]:
        """When one gateway was not there, and when what it decides or reads was not watched."""
        owned = {(PLACE, place) for place in self._usage.owned(gateway)} | {
            (READER, reader) for reader in self._readers.get(gateway, ())
        }
        return [
            each
            for each in self.of_site(start, end)
            if (each.kind == "gateway" and each.about == gateway) or (each.kind, each.about) in owned
        ]


def merged(intervals: Iterable[Interval], start: int, end: int) -> list[Interval]:
    """Within [start, end), in order, none touching another."""
    inside = ((max(since, start), min(until, end)) for since, until in intervals)
    return joined((since, until) for since, until in inside if since < until)


def within_work(intervals: Iterable[Interval], calendar: Calendar, start: int, end: int) -> int:
    """ns of [start, end) that lie in one of `intervals` (merged) and in working time."""
    work = [(since, until) for since, until, kind in calendar.parts(start, end) if kind == WORK]
    return sum(max(0, min(until, other) - max(since, begin)) for since, until in intervals for begin, other in work)
