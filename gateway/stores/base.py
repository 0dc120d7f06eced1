"""What a time-series store is to hadir: a place that points are written to, any number of times, to the same end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from gateway.errors import PermanentError

CANARY = "hadir_canary"
"""Measurement of the points that prove that a store has what it took (gateway/stores/proof.py)."""
Tags = tuple[tuple[str, str], ...]
Fields = tuple[tuple[str, float | int | bool], ...]


class Point(NamedTuple):
    """One moment of one series: a measurement and its tags. No person and no unique id is ever a tag."""

    measurement: str
    tags: Tags
    fields: Fields
    time: int
    """ns UTC."""


class BadPoints(PermanentError):
    """Some points will never be taken, and nothing of this write may be relied on: write the others again.

    `bad`: their positions; empty when the store did not say which, then the caller halves.
    """

    def __init__(self, reason: str, text: str = "", *, bad: Sequence[int] = ()) -> None:
        super().__init__(reason, text)
        self.bad = tuple(bad)


class Store(Protocol):
    """A projection of the ledger. Retry, cursor and counting are around it (gateway/projection.py)."""

    @property
    def name(self) -> str:
        """Stable: the ledger keeps the cursor under it."""
        ...

    @property
    def milliseconds(self) -> bool:
        """It keeps milliseconds only: points of one series that share one must be moved apart before."""
        ...

    @property
    def whole(self) -> bool:
        """Whether another `life` is an empty database, so that all is written again."""
        ...

    @property
    def answers(self) -> bool:
        """Whether `count` may be asked; otherwise it is believed when it says that it took points."""
        ...

    async def write(self, points: Sequence[Point]) -> None:
        """Write points; a point of the same measurement, tags and time takes the place of the earlier one.

        Raises TransientError: try again later. BadPoints: see there.
        """
        ...

    async def life(self) -> str:
        """Something that changes when the store was started again, and may so have lost its last seconds.

        Empty when it does not say. Raises TransientError when it is away.
        """
        ...

    async def count(self, measurement: str, tags: Tags, first: int, last: int) -> int | None:
        """How many points of a series a query finds between two times, both included; None: it does not say.

        Raises TransientError when it is away.
        """
        ...

    def close(self) -> None:
        """Close what is open."""
        ...
