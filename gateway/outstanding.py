"""What is out without the archive's word, or refused by the broker, and when each is sent again.

Folds over machine time: no I/O.
"""

from __future__ import annotations

from typing import NamedTuple

from gateway.clock import SECOND
from gateway.supervise import full_jitter

RESEND_S = 60.0
"""An event without the archive's word so long after its PUBACK is sent again."""
RESEND_MOST_S = 600.0
TOGETHER_S = 5.0
"""Times are rounded up to this, so that what is due is sent in whole batches."""

Key = tuple[str, int]
"""Boot and sequence."""


class _Try(NamedTuple):
    due: int
    """Machine time of the next one, ns; 0: this one is not answered yet."""
    attempt: int


class Outstanding:
    """Events of one gateway that are out without the archive's word."""

    def __init__(self, most: int) -> None:
        """`most`: events that are remembered."""
        self._most = most
        self._sent: dict[Key, _Try] = {}

    def __contains__(self, key: Key) -> bool:
        return key in self._sent

    @property
    def room(self) -> int:
        """Events that may go out beside those that are."""
        return self._most - len(self._sent)

    def sent(self, key: Key) -> bool:
        """It goes out, for the first time or again; False: there is no room to remember it."""
        known = self._sent.get(key)
        if known is None and len(self._sent) >= self._most:
            return False
        self._sent[key] = _Try(0, known.attempt if known else 0)
        return True

    def answered(self, key: Key, now: int) -> None:
        """The broker has answered: the archive has a minute, and longer each time."""
        known = self._sent.get(key)
        if known is not None:  # otherwise the archive was faster
            self._sent[key] = _Try(_due(now, known.attempt), known.attempt + 1)

    def forget(self, key: Key) -> None:
        """It is not out, or no longer of interest."""
        self._sent.pop(key, None)

    def __len__(self) -> int:
        return len(self._sent)

    def recall(self, now: int, *, unanswered: bool) -> None:
        """They may not have arrived: all that were answered are due, and the others as well if their answer is lost."""
        for key, sent in self._sent.items():
            if sent.due or unanswered:
                self._sent[key] = _Try(max(1, now), 0)

    def retire(self, boot: str, first: int, last: int) -> None:
        """The archive has these."""
        if last - first < len(self._sent):
            for sequence in range(first, last + 1):
                self._sent.pop((boot, sequence), None)
        else:
            for key in [key for key in self._sent if key[0] == boot and first <= key[1] <= last]:
                del self._sent[key]

    def due(self, now: int) -> list[Key]:
        """What is to be sent again, oldest first."""
        return sorted(key for key, sent in self._sent.items() if 0 < sent.due <= now)

    def rest(self, now: int, longest_s: float) -> float:
        """Seconds until one of them may be due: from one, up to `longest_s`."""
        first = min((sent.due for sent in self._sent.values() if sent.due), default=None)
        return longest_s if first is None else min(longest_s, max(1.0, (first - now) / SECOND))


class Barred:
    """Topics that the broker refuses. One is left alone for a while, longer each time, also over a new connection: a
    broker may end the connection after a refusal, and what comes first on each would then stop everything behind it."""

    def __init__(self) -> None:
        self._topics: dict[str, _Try] = {}

    def __contains__(self, topic: str) -> bool:
        known = self._topics.get(topic)
        return known is not None and known.due > 0

    def refuse(self, topic: str, now: int) -> None:
        """The broker has refused a publish on it."""
        known = self._topics.get(topic, _Try(0, 0))
        self._topics[topic] = _Try(_due(now, known.attempt), known.attempt + 1)

    def accept(self, topic: str) -> bool:
        """The broker has taken a publish on it; whether it was refused before."""
        return self._topics.pop(topic, None) is not None

    def lift(self, now: int) -> bool:
        """Let those be tried again whose time has come; whether there are any."""
        due = [topic for topic, refused in self._topics.items() if 0 < refused.due <= now]
        for topic in due:
            self._topics[topic] = self._topics[topic]._replace(due=0)
        return bool(due)


def _due(now: int, attempt: int) -> int:
    wait = RESEND_S + full_jitter(attempt, first_s=RESEND_S / 2, longest_s=RESEND_MOST_S - RESEND_S)
    together = int(TOGETHER_S * SECOND)
    return -(-(now + int(wait * SECOND)) // together) * together
