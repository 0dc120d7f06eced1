"""What the ledger shows by itself: committed numbers, boot after boot, and where the chain has holes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gateway.boot import counter
from gateway.web.records.rows import Rows

GAP, STOPPED = "gateway.gap", "gateway.stopped"
MOST = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """Numbers of a boot that are not in the ledger."""

    gateway: str
    boot: str
    first: int
    last: int
    declared: bool
    """The gateway has said that they are lost (`gateway.gap`); else they were refused, are lost, or on their way."""
    since: int | None
    until: int | None
    """What is here on both sides was recorded then; None: nothing is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is asked of the ledger once, for all gateways."""

    boots: Mapping[str, tuple[str, ...]]
    """By gateway, in order."""
    gaps: Mapping[tuple[str, str], list[tuple[int, int]]]
    """By (gateway, boot), ranges that were given up."""
    stops: frozenset[tuple[str, str, int]]
    """(gateway, boot, sequence) of each goodbye."""
    unplaced: Mapping[tuple[str, str], int]

    @classmethod
    def of(cls, rows: Rows) -> Told:
        """Raises apsw.Error, as the view does."""
        boots: dict[str, list[str]] = {}
        for gateway, boot in rows.boots():
            boots.setdefault(gateway, []).append(boot)
        gaps: dict[tuple[str, str], list[tuple[int, int]]] = {}
        for row in rows.query(types=(GAP,), limit=MOST):
            data = json.loads(row.body)["data"]
            gaps.setdefault((row.gateway, str(data["boot"])), []).append((int(data["first"]), int(data["last"])))
        stops = rows.query(types=(STOPPED,), limit=MOST)
        return cls(
            boots={gateway: tuple(sorted(found)) for gateway, found in boots.items()},
            gaps=gaps,
            stops=frozenset((row.gateway, row.boot, row.sequence) for row in stops),
            unplaced=rows.unplaced(),
        )


def chain(rows: Rows, gateway: str, told: Told) -> tuple[int | None, str, str]:
    """(until when the ledger alone has everything, cause, why not further)."""
    boots = told.boots.get(gateway, ())
    if not boots:
        return None, "never_heard", "it was never heard; start it, or take it out of office.yaml"
    until: int | None = None
    for expected, boot in enumerate(boots, start=1):
        if counter(boot) != expected:
            return until, "boot_open", f"boots {expected} to {counter(boot) - 1} were never heard, and may hold events"
        end, hole = _whole(rows.spans(gateway, boot), told.gaps.get((gateway, boot), []))
        if (gateway, boot) in told.unplaced:
            return until, "clock", f"boot {boot} did not know the time"
        said = rows.said_around(gateway, boot, end, end)[0] if end else None
        if said is None:
            return until, "hole", f"the first events of boot {boot} are not here"
        until = said if until is None else max(until, said)
        if hole:
            return until, "hole", f"numbers from {end + 1} on of boot {boot} are not here"
        if boot != boots[-1] and (gateway, boot, end) not in told.stops:
            return until, "boot_open", f"boot {boot} did not end on purpose, and may have left events in the outbox"
    return until, "ledger", "no word of it yet since this process began"


def _whole(spans: list[tuple[int, int]], lost: list[tuple[int, int]]) -> tuple[int, bool]:
    """(number up to which nothing is missing but what was declared as lost, whether there is more behind a hole)."""
    end = 0
    covered = sorted([*spans, *lost])
    for first, last in covered:
        if first > end + 1:
            return end, True
        end = max(end, last)
    return end, False


def holes(rows: Rows, gateway: str, told: Told) -> Iterator[Hole]:
    """What is missing of each boot of a gateway. Raises apsw.Error, as the view does."""
    for boot in told.boots.get(gateway, ()):
        gaps = told.gaps.get((gateway, boot), [])
        for first, last in rows.missing(gateway, boot):
            since, until = rows.said_around(gateway, boot, first - 1, last + 1)
            whole = any(begin <= first and last <= end for begin, end in gaps)
            yield Hole(gateway=gateway, boot=boot, first=first, last=last, declared=whole, since=since, until=until)
