"""Moves the times in what is remembered, when office time is set.

A rule's state, and the row that it keeps of it, hold times as ns UTC. When the office clock was wrong and is set, what
happened so and so long ago still happened so long ago: each time is moved with the clock, so that nothing expires, or
waits for hours, because of it. Nothing else that rules hold is an integer as large as a time: durations are at most
days, and numbers are small (tests/test_rebase.py runs all rules across a step).

What stands: times from before the clock ran wrong, of an earlier life or of another's clock, and what a calendar says:
a booking begins when it begins.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from gateway.clock import EARLIEST

CALENDAR = frozenset({"reservations", "booked"})
"""Fields of rule states and rows: of others' calendars."""


@dataclass(frozen=True, slots=True)
class Move:
    """Times at or after `since` go on by `by` ns."""

    by: int
    since: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "since", max(self.since, EARLIEST))

    def time(self, at: int) -> int:
        """One time, or what is too small for one, as it is."""
        return at + self.by if at >= self.since else at

    def of(self, value: Any) -> Any:
        """`value` with all of its times moved. Raises TypeError for a part that cannot be looked at."""
        if value is None or isinstance(value, (bool, float, str, bytes)):
            return value
        if isinstance(value, int):
            return self.time(value)
        if isinstance(value, Mapping):
            return {self.of(key): part if key in CALENDAR else self.of(part) for key, part in value.items()}
        if isinstance(value, tuple):
            names = getattr(value, "_fields", None)
            if names is None:
                return tuple(self.of(part) for part in value)
            parts = zip(names, value, strict=True)
            return type(value)(*(part if name in CALENDAR else self.of(part) for name, part in parts))
        if isinstance(value, list):
            return [self.of(part) for part in value]
        if isinstance(value, Set):
            return frozenset(self.of(part) for part in value)
        params = getattr(value, "__dataclass_params__", None)
        if is_dataclass(value) and not isinstance(value, type) and params is not None and params.frozen:
            return replace(value, **{field.name: self.of(getattr(value, field.name)) for field in fields(value)})
        raise TypeError(f"{type(value).__name__} cannot be looked at for times")
