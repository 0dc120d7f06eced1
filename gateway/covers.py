"""What was not watched, as the ledger tells it: lost until restored, a stretch for each place or reader.

A loss ends by the end that its own restoration gives, or else where a later word about the same thing shows that it was
watched again. Rows may come in any order, and more than once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from gateway.contract.times import parsed
from gateway.ledger_view import LATEST, Stored
from gateway.stores.windows import Interval

TYPES = ("coverage.lost", "coverage.restored")
PLACE, READER = "place", "reader"
POWERED_OFF = "powered_off"
APART = 1_000_000
"""ns: beginnings that differ by less are one."""


class Stretch(NamedTuple):
    """One thing that was not watched."""

    gateway: str
    kind: str
    """PLACE or READER."""
    name: str
    since: int
    until: int
    """LATEST: it lasts."""
    cause: str
    told: tuple[Stored, ...]
    """The rows that say so."""


class _Loss(NamedTuple):
    gateway: str
    since: int
    cause: str


class Covers:
    """Of one ledger."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], dict[_Loss, dict[Stored, int]]] = {}
        """By (kind, name): of each loss, the rows that tell it, and the end that each gives."""

    def learn(self, row: Stored, data: Mapping[str, Any]) -> Interval:
        """Take one event of TYPES whose place in time is known; the stretch that it gives."""
        shift = row.shift
        ends = data.get("to")
        since, until = parsed(data["from"]) + shift, LATEST if ends is None else parsed(ends) + shift
        loss = _Loss(row.gateway, since, str(data.get("cause", "")))
        for kind, names in ((PLACE, data.get("places")), (READER, data.get("readers"))):
            for name in names or ():
                self._told.setdefault((kind, str(name)), {}).setdefault(loss, {})[row] = until
        return since, until

    def of(self, kind: str, name: str) -> Iterator[Stretch]:
        """Every stretch of one thing. That a gateway has its power again says nothing of a sensor that was out."""
        losses = self._told.get((kind, name), {})
        ends = [end for loss, rows in losses.items() for end in rows.values() if loss.cause != POWERED_OFF]
        for loss, rows in _joined(losses):
            until = min(rows.values())
            if until == LATEST:
                until = min((end for end in ends if end > loss.since), default=LATEST)
            yield Stretch(loss.gateway, kind, name, loss.since, until, loss.cause, tuple(rows))

    def __iter__(self) -> Iterator[Stretch]:
        for kind, name in sorted(self._told):
            yield from self.of(kind, name)


def _joined(losses: Mapping[_Loss, dict[Stored, int]]) -> Iterator[tuple[_Loss, dict[Stored, int]]]:
    """A loss and its restoration are of one beginning, though one of them was told by a clock that was corrected since:
    corrections have less than a millisecond's resolution."""
    made: list[tuple[_Loss, dict[Stored, int]]] = []
    for loss, rows in sorted(losses.items(), key=lambda one: (one[0].gateway, one[0].cause, one[0].since)):
        last = made[-1][0] if made else None
        if last is not None and last[::2] == loss[::2] and loss.since - last.since <= APART:
            made[-1] = last, made[-1][1] | rows
        else:
            made.append((loss, rows))
    yield from sorted(made, key=lambda one: one[0].since)
