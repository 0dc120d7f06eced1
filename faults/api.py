"""A fault: what is done, how often, and what came of it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple


class Scene(NamedTuple):
    """What a run is given."""

    folder: Path
    """Empty; its own."""
    seed: int
    cycles: int
    broken: bool
    """Run the variant with the deliberate defect, which must be found out."""
    long: bool = False
    """A part of a long run: in its full size."""

    @property
    def chance(self) -> random.Random:
        """From the seed; each call begins anew."""
        return random.Random(self.seed)


@dataclass(slots=True)
class Outcome:
    """What came of a run."""

    cycles: int = 0
    """Faults that were really applied; `applied` says by what that is known."""
    applied: dict[str, int] = field(default_factory=dict)
    offered: int = 0
    accepted: int = 0
    stored: int = 0
    lost: int = 0
    duplicated: int = 0
    wrong: int = 0
    recovery_s: list[float] = field(default_factory=list)
    """One a cycle, where the fault has a recovery."""
    rss_mb: float = 0.0
    """The greatest of the gateway's processes, or of the process under test."""
    misses: list[str] = field(default_factory=list)
    """What is not as the fault's promise says, beside the counts."""
    notes: dict[str, Any] = field(default_factory=dict)
    """Figures that belong to this fault only."""
    impossible: str = ""
    """Why this machine does not allow the fault, or a part of it."""

    @property
    def failed(self) -> bool:
        undone = not self.cycles and not self.impossible
        return bool(self.lost or self.duplicated or self.wrong or self.misses or undone)

    def applies(self, how: str, times: int = 1) -> None:
        """A fault was applied, as `how` says."""
        self.cycles += times
        self.applied[how] = self.applied.get(how, 0) + times


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One row of the table."""

    name: str
    title: str
    promise: str
    """What is expected beside 0 lost, 0 duplicated, 0 wrong."""
    defect: str
    """What is broken on purpose in the control run."""
    run: Callable[[Scene], Outcome]
    quick: int
    """Cycles of `make faults`."""
    long: int
    """Cycles asked for."""
    control: int = 0
    """Cycles of the control run; default as quick."""
    part: int = 0
    """Cycles of one run of a long one; default 100."""
    limits: Mapping[str, float] = field(default_factory=dict)
    """p99_s, rss_mb: what the figures may be at most, where they are asked for."""
    least: Mapping[str, float] = field(default_factory=dict)
    """What all runs of a long one must come to together: `took_s`, a way in which the fault was applied, or a note."""
    whole: bool = False
    """A quick run is something smaller, and no part of a long one."""
