"""What a source is: it brings bytes from one medium until it is cancelled, and says how it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from drivers.api import Frame

Deliver = Callable[[Frame], None]


@dataclass(slots=True)
class SourceState:
    """Readable at any time."""

    up: bool = False
    problem: str = "starting"
    """Why it is down, in words; empty when it is up."""
    frames: int = 0
    last_frame: int = 0
    """Machine time of the last frame, ns; 0: none yet."""
    opens: int = 0


class Source(Protocol):
    """One medium. The supervisor (gateway/supervise.py) runs it again after each TransientError."""

    id: str
    state: SourceState

    async def run(self, deliver: Deliver) -> None:
        """Deliver frames until cancelled; raises TransientError when the medium fails."""
        ...
