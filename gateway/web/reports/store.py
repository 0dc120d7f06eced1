"""Reading the time-series store of a single box for reports: sums are made in SQL, rows do not become objects.

A month of 750 desks is 2.2 million quarter hours; SQLite adds up some 800,000 of them a second.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import apsw

from gateway.stores.points import PLACE_TAGS, STATES

OCCUPIED = STATES["occupied"]
_SERIES = "SELECT id, tags FROM series WHERE measurement = ?"
_SUMS = """
    SELECT time, sum(fields ->> 'used_s'), sum(fields ->> 'known_s'), sum(fields ->> 'peak'),
        sum(fields ->> 'work_used_s'), sum(fields ->> 'work_known_s')
    FROM json_each(?) AS one JOIN point ON point.series = one.value WHERE time >= ? AND time < ?
    GROUP BY time ORDER BY time
"""
_CHANGES = """
    SELECT time, series, fields ->> 'state'
    FROM json_each(?) AS one JOIN point ON point.series = one.value WHERE time >= ? AND time < ?
    ORDER BY time
"""
_BEFORE = """
    SELECT one.value, (SELECT fields ->> 'state' FROM point WHERE series = one.value AND time < ?
        ORDER BY time DESC LIMIT 1)
    FROM json_each(?) AS one
"""


class Quarter(NamedTuple):
    """A quarter hour of several desks together: `space_use_15m`, summed."""

    time: int
    """Start, ns UTC."""
    used_s: float
    known_s: float
    ever: int
    """Desks that were used at some known moment."""
    work_used_s: float
    work_known_s: float


class Change(NamedTuple):
    """A desk's sensed state."""

    time: int
    series: int
    occupied: bool


class Series:
    """The series of some desks in an open store. One thread at a time."""

    def __init__(self, connection: apsw.Connection, desks: Iterable[str]) -> None:
        """`desks`: places of five levels."""
        self._connection = connection
        wanted = set(desks)
        self._use = self._ids("space_use_15m", wanted)
        self._state = self._ids("space_state", wanted)

    def quarters(self, start: int, end: int) -> list[Quarter]:
        """Sums of the quarter hours that begin in [start, end) and were computed, in order."""
        return [Quarter(*row) for row in self._connection.execute(_SUMS, (self._use, start, end))]

    def occupied_before(self, at: int) -> set[int]:
        """Series whose last state before `at` was occupied."""
        rows = self._connection.execute(_BEFORE, (at, self._state))
        return {series for series, state in rows if state == OCCUPIED}

    def changes(self, start: int, end: int) -> Iterator[Change]:
        """States told in [start, end), by time."""
        for time, series, state in self._connection.execute(_CHANGES, (self._state, start, end)):
            yield Change(time, series, state == OCCUPIED)

    def _ids(self, measurement: str, desks: set[str]) -> str:
        found = []
        for series, text in self._connection.execute(_SERIES, (measurement,)):
            if _place(json.loads(text)) in desks:
                found.append(series)
        return json.dumps(found)


def _place(tags: Mapping[str, str]) -> str:
    return "/".join(tags.get(level, "") for level in PLACE_TAGS)
