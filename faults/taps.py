"""Somebody taps all the time: a thread that offers actions to the gateway, again and again until each is accepted."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import NamedTuple

from faults.book import Action, Book
from faults.office import DESKS, MS, RealOffice

AGE_S = 6.0
"""A tap that says it is older than five seconds is dated by its own time: so an event leads back to its tap."""
APART_S = 2.0
"""Between two taps of one card: closer ones are one tap."""
AT_ONCE = 8
"""Taps of one request."""


class Accepted(NamedTuple):
    """When a request was answered."""

    at: float
    """time.monotonic()."""
    actions: tuple[Action, ...]


class Taps:
    """Runs from `start` to `stop`. One request at a time, so a card's taps are accepted in their order."""

    def __init__(self, office: RealOffice, book: Book, *, every_s: float = 0.05) -> None:
        self._office = office
        self._book = book
        self._every_s = every_s
        self._cards: deque[tuple[float, int]] = deque((0.0, card) for card in range(DESKS))
        self._number = 0
        self._last = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="taps")
        self._error: BaseException | None = None
        self._given_up = False
        self.answers: list[Accepted] = []
        self.refusals: dict[int, int] = {}
        """By HTTP status; 0: nobody answered."""

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Return when the last request is accepted. Raises what went wrong."""
        self._stop.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    @property
    def running(self) -> bool:
        """Somebody taps."""
        return self._thread.is_alive()

    def abandon(self) -> None:
        """Stop without waiting for an answer: the run has failed."""
        self._stop.set()
        self._given_up = True
        self._thread.join()

    @property
    def accepted(self) -> int:
        return self._book.accepted

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                actions = self._next()
                if actions:
                    self._until_accepted(actions)
                time.sleep(self._every_s)
        except BaseException as error:  # noqa: BLE001 the thread that waits for us raises it
            self._error = error

    def _next(self) -> tuple[Action, ...]:
        now = time.monotonic()
        actions: list[Action] = []
        while len(actions) < AT_ONCE and self._cards[0][0] <= now:
            _, card = self._cards.popleft()
            self._cards.append((now + APART_S, card))
            self._number += 1
            self._last = max(self._last + 1, time.time_ns() // MS - int(AGE_S * 1000))
            actions.append(Action(self._number, card, self._last * MS))
        return tuple(actions)

    def _until_accepted(self, actions: tuple[Action, ...]) -> None:
        self._book.offer(actions)
        deadline = time.monotonic() + 180
        while (status := self._office.post(actions)) != 202:
            self.refusals[status] = self.refusals.get(status, 0) + 1
            if self._given_up:
                return
            if status not in (0, 429, 503) or time.monotonic() > deadline:
                raise RuntimeError(f"a tap is not accepted: status {status}; {self._office.log()}")
            time.sleep(0.02)
        self._book.accept(actions)
        self.answers.append(Accepted(time.monotonic(), actions))
