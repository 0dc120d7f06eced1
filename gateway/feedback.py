"""What a badge reader shows after a tap: taken, left or refused; only when the event behind it is durable.

A reader that beeps by itself says only that it has read a card. What counts is this answer: a light and a sound of the
reader, where its medium carries them (OSDP), or a light beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, Protocol, runtime_checkable

from drivers.api import Frame
from gateway.outbox_store import Row

Outcome = Literal["taken", "left", "refused"]
OUTCOMES: Mapping[str, Outcome] = {
    "desk.checkin.started": "taken",
    "workplace.checkin.started": "taken",
    "desk.checkin.ended": "left",
    "workplace.checkin.ended": "left",
    "badge.rejected": "refused",
}
"""By type of event. One who moves leaves one desk and takes another: `taken` is what the reader shows."""
_RANK: Sequence[Outcome] = ("refused", "taken", "left")


@runtime_checkable
class Answers(Protocol):
    """A source whose readers can show something."""

    def answer(self, address: str, outcome: Outcome) -> None:
        """Show it at the reader with this address. Does not wait and does not raise."""
        ...


Light = Callable[[Outcome], None]


class Feedback:
    """Brings the outcome of a tap back to where the card was held."""

    def __init__(self, sources: Mapping[str, object], lights: Mapping[tuple[str, str], Light]) -> None:
        """`sources` by id; `lights` by source and address of the reader that they stand beside."""
        self._answering = {name: source for name, source in sources.items() if isinstance(source, Answers)}
        self._lights = lights

    def tapped(self, frame: Frame, rows: Iterable[Row]) -> None:
        """The events that a tap has caused are durable."""
        outcome = outcome_of(rows)
        if outcome is None:
            return
        source = self._answering.get(frame.source)
        if source is not None:
            source.answer(frame.address, outcome)
        light = self._lights.get((frame.source, frame.address))
        if light is not None:
            light(outcome)


def outcome_of(rows: Iterable[Row]) -> Outcome | None:
    """What the events of one tap mean to the person who tapped; None: nothing to show."""
    found = {OUTCOMES.get(row.topic.rpartition("/")[2]) for row in rows}
    return next((outcome for outcome in _RANK if outcome in found), None)
