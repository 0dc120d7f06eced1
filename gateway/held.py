"""Events about people that wait in the outbox for the time to be known: committed, and not sent yet.

What was sent is never another afterwards (an id names bytes), so it must not be sent with a time that is about to be
known better. They wait HOLD_S at most; then they go as they are, and the archive places them once it can.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gateway.clock import SECOND, Clock

HOLD_S = 600.0


class Held:
    """Of one boot. What an earlier boot held goes out at once: this one cannot know what it had sent."""

    def __init__(self, boot: str, clock: Clock) -> None:
        self._boot = boot
        self._clock = clock
        self._since: dict[int, int] = {}
        """By sequence, in order: machine time."""
        self.on_release: Callable[[], None] | None = None
        """Called when rows that were passed over may be sent."""

    def __len__(self) -> int:
        return len(self._since)

    @property
    def numbers(self) -> list[int]:
        """Sequences."""
        return [*self._since]

    def consider(self, sequence: int, cls: str) -> None:
        """An event is put in: it waits where it is about a person and the time is not known."""
        if cls != "evt" and not self._clock.quality().known:
            self._since[sequence] = self._clock.machine()

    def __contains__(self, key: object) -> bool:
        """Whether the event of this (boot, sequence) waits. From any thread."""
        return bool(self._since) and isinstance(key, tuple) and key[0] == self._boot and key[1] in self._since

    def release(self, numbers: Iterable[int]) -> None:
        """These may be sent."""
        there = [number for number in numbers if self._since.pop(number, None) is not None]
        if there and self.on_release is not None:
            self.on_release()

    def overdue(self) -> list[int]:
        """Sequences of what has waited for long enough."""
        before = self._clock.machine() - int(HOLD_S * SECOND)
        found = []
        for number, since in self._since.items():
            if since > before:
                break
            found.append(number)
        return found
