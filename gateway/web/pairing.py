"""Pairing windows of the web application: opened by an operator, a minute long, asked after at the gateways.

The card's index that a gateway tells stays here, in memory, until it is given to a person or a few minutes are over: no
page, address or log has it. A window is its opener's alone.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway.clock import SECOND, Clock
from gateway.enrolment import CLOSED, LONGEST_S, WAITING
from gateway.web.asking import Asker

KEPT_S = 600
"""A card that was tapped waits so long for its person."""
MOST = 64
LOST = frozenset({"no_answer", "not_connected"})


@dataclass(slots=True)
class Window:
    """One of them. Times are office ns."""

    word: str
    account: str
    reader: str
    """Empty: sensors."""
    gateways: tuple[str, ...]
    since: int
    until: int
    card: str = ""
    reason: str = WAITING
    """Why there is no card yet, or no longer."""
    silent: set[str] = field(default_factory=set)
    """Gateways that did not answer."""
    strangers: dict[tuple[str, str, str, str], None] = field(default_factory=dict)
    """(gateway, source, medium, address) of what was heard and is not configured."""

    def is_open(self, now: int) -> bool:
        """Whether something may still come."""
        return now < self.until and not self.card


class Pairing:
    """All windows; one for a web application."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._windows: dict[str, Window] = {}

    def open(self, account: str, gateways: Iterable[str], reader: str = "") -> Window:
        """A new one; an earlier one of the same account ends."""
        now = self._clock.office()
        for word in [w for w, one in self._windows.items() if one.account == account or self._over(one, now)]:
            del self._windows[word]
        while len(self._windows) >= MOST:
            del self._windows[next(iter(self._windows))]
        word = secrets.token_hex(8)
        made = Window(word, account, reader, tuple(gateways), now, now + LONGEST_S * SECOND)
        self._windows[word] = made
        return made

    def of(self, word: str, account: str) -> Window | None:
        """The account's own window; None: it is over, or another's."""
        found = self._windows.get(word)
        if found is None or found.account != account or self._over(found, self._clock.office()):
            return None
        return found

    def end(self, word: str) -> None:
        """Forget it, and its card."""
        self._windows.pop(word, None)

    async def ask(self, window: Window, asker: Asker) -> None:
        """Open it at its gateways, or ask what came of it."""
        now = self._clock.office()
        if window.card or now >= window.until + LONGEST_S * SECOND // 2:
            return
        args: dict[str, str | int] = {"window": window.word, "until": window.until, "reader": window.reader}
        answers = await asyncio.gather(
            *(
                asker.ask("enrol", "", actor=window.account, role="operator", gateway=gateway, args=args)
                for gateway in window.gateways
            )
        )
        for gateway, answer in zip(window.gateways, answers, strict=True):
            (window.silent.add if answer.reason in LOST else window.silent.discard)(gateway)
            window.strangers |= dict.fromkeys((gateway, *one) for one in answer.strangers)
            if answer.card:
                window.card, window.reason = answer.card, ""
            elif answer.reason and (window.reader or answer.reason not in LOST):
                window.reason = answer.reason
        if window.reason == WAITING and self._clock.office() >= window.until:
            window.reason = CLOSED

    def _over(self, window: Window, now: int) -> bool:
        return now >= window.until + KEPT_S * SECOND
