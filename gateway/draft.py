"""What is handed to the outbox, and what it says of itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from gateway.contract.envelope import Encoded
from rules.api import Event


class Draft(NamedTuple):
    """What the pipeline hands over."""

    event: Event
    rule: str = ""
    """`occupancy/1`."""
    quality: str = "good"


class Backlog(NamedTuple):
    """What waits."""

    events: int
    bytes: int
    oldest_at: int | None
    """Office time at which the oldest was recorded, ns."""
    dead: int


Encode = Callable[[Draft, int, int], Encoded]
"""(draft, sequence, recorded_at) -> topic and bytes; raises PermanentError."""
