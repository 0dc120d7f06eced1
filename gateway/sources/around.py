"""What all sources of one gateway share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from drivers.api import Driver
from gateway.bindings import Bound
from gateway.clock import Clock
from gateway.config.model import Office
from gateway.counters import Counters


def nobody(_source: str, _medium: str, _address: str) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What all sources of one gateway share."""

    office: Office
    gateway: str
    bound: Bound
    named: Mapping[str, Driver]
    clock: Clock
    counters: Counters
    is_ours: Callable[[str], bool]
    """Whether a phone's private address belongs to somebody who gave its key."""
    on_device: Callable[[str, bool, str], None]
    """(device, alive, cause): one of several devices of a source answers, or does not, while the source works."""
    on_stranger: Callable[[str, str, str], None] = nobody
    """(source, medium, address): a device was heard that is in no configuration; never a person's thing."""
