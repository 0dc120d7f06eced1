"""What a source is: it brings bytes from one medium until it is cancelled, and says how it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from drivers.api import Frame
from gateway.clock import SECOND


class Deliver(Protocol):
    """gateway.pipeline.Pipeline.deliver: takes a frame, and does not wait."""

    def __call__(self, frame: Frame, durable: Callable[[], None] | None = None, /) -> None:
        """`durable`: called when what the frame caused is on the disk, or when it caused nothing."""
        ...


@dataclass(slots=True)
class SourceState:
    """Readable at any time."""

    up: bool = False
    cause: str = "starting"
    """Why it is down, in one countable word: starting, unplugged, silent, radio_deaf, missing; empty when it is up."""
    problem: str = "starting"
    """The same in words for people; while it is up, which of its devices are down and why, or empty."""
    frames: int = 0
    """Delivered so far."""
    adverts: int = 0
    """Of a radio: heard so far, strangers' as well."""
    last_frame: int = 0
    """Machine time of the last frame, ns; 0: none yet."""
    opens: int = 0


def health(state: SourceState, machine: int) -> dict[str, Any]:
    """How a source is, as a gateway's health tells it."""
    heard = state.last_frame
    return {
        "alive": state.up,
        "cause": state.cause or None,
        "heard_s": (machine - heard) / SECOND if heard else None,
    }


OnState = Callable[[SourceState], None]
"""Called when a source comes up, goes down, or is down from the start: each change once."""


class Teller:
    """Writes a source's state, and tells `on_state` of each change once, also of a first state that is down."""

    def __init__(self, state: SourceState, on_state: OnState | None) -> None:
        self._state = state
        self._on_state = on_state
        self._told: tuple[bool, str] | None = None

    def up(self) -> None:
        """The medium works."""
        self._tell(up=True, cause="", problem="")

    def down(self, cause: str, problem: str) -> None:
        """The medium does not work: `cause` for machines, `problem` for people."""
        self._tell(up=False, cause=cause, problem=problem)

    def _tell(self, *, up: bool, cause: str, problem: str) -> None:
        state = self._state
        state.up, state.cause, state.problem = up, cause, problem
        if self._told != (up, cause):
            self._told = (up, cause)
            if self._on_state is not None:
                self._on_state(state)


async def at_once() -> None:
    """Sign of a TransientError that needs no pause: the patience with a device that stays silent has its own."""


class Source(Protocol):
    """One medium. The supervisor (gateway/supervise.py) runs it again after each TransientError."""

    id: str
    state: SourceState

    async def run(self, deliver: Deliver) -> None:
        """Deliver frames until cancelled; raises TransientError when the medium fails."""
        ...
