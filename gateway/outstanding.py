"""Events that are out without the archive's word, and when each is sent again. A fold over machine time: no I/O."""

from __future__ import annotations

from typing import NamedTuple

from gateway.clock import SECOND
from gateway.supervise import full_jitter

RESEND_S = 60.0
"""An event without the archive's word so long after its PUBACK is sent again."""
RESEND_MOST_S = 600.0
TOGETHER_S = 5.0
"""Times are rounded up to this, so that what is due is sent in whole batches."""
MOST_OUT = 10_000
"""Events that are remembered; beyond it the history lane waits for the archive."""

Key = tuple[str, int]
"""Boot and sequence."""


class _Sent(NamedTuple):
    due: int
    """Machine time at which it is sent again, ns; 0: not yet PUBACKed."""
    attempt: int


class Outstanding:
    """Of one gateway."""

    def __init__(self, most: int = MOST_OUT) -> None:
        self._most = most
        self._sent: dict[Key, _Sent] = {}

    def __contains__(self, key: Key) -> bool:
        return key in self._sent

    def __len__(self) -> int:
        return len(self._sent)

    @property
    def room(self) -> int:
        """Events that may go out beside those that are."""
        return max(0, self._most - len(self._sent))

    def sent(self, key: Key) -> bool:
        """It goes out, for the first time or again; False: there is no room to remember it."""
        known = self._sent.get(key)
        if known is None and len(self._sent) >= self._most:
            return False
        self._sent[key] = _Sent(0, known.attempt if known else 0)
        return True

    def answered(self, key: Key, now: int) -> None:
        """The broker has answered: the archive has a minute, and longer each time."""
        known = self._sent.get(key)
        if known is not None:  # otherwise the archive was faster
            self._sent[key] = _Sent(_due(now, known.attempt), known.attempt + 1)

    def forget(self, key: Key) -> None:
        """It is not out, or no longer of interest."""
        self._sent.pop(key, None)

    def clear(self) -> None:
        """Nothing is known of any of them."""
        self._sent.clear()

    def retire(self, boot: str, first: int, last: int) -> None:
        """The archive has these."""
        if last - first < len(self._sent):
            for sequence in range(first, last + 1):
                self._sent.pop((boot, sequence), None)
        else:
            for key in [key for key in self._sent if key[0] == boot and first <= key[1] <= last]:
                del self._sent[key]

    def wants(self, key: Key, now: int) -> bool:
        """Whether it is to be sent: it is not out, or for too long."""
        known = self._sent.get(key)
        return known is None or 0 < known.due <= now

    def overdue(self, now: int) -> bool:
        """Whether one of them is to be sent again."""
        return any(0 < sent.due <= now for sent in self._sent.values())

    def rest(self, now: int, longest_s: float) -> float:
        """Seconds until one of them may be due: from one, up to `longest_s`."""
        first = min((sent.due for sent in self._sent.values() if sent.due), default=None)
        return longest_s if first is None else min(longest_s, max(1.0, (first - now) / SECOND))


def _due(now: int, attempt: int) -> int:
    wait = RESEND_S + full_jitter(attempt, first_s=RESEND_S / 2, longest_s=RESEND_MOST_S - RESEND_S)
    together = int(TOGETHER_S * SECOND)
    return -(-(now + int(wait * SECOND)) // together) * together
