"""Answers that are kept for a while: a page and its charts ask the same, and a large question takes seconds."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Annotated

from fastapi import Depends, Request

from gateway.clock import SECOND, Clock
from gateway.stores.windows import window_of
from gateway.web.reports.report import Measured, Question, Report, Reporter
from gateway.web.site import Site, given, part

MOST_KEPT = 8
"""Each may hold the check-ins of a month of a building, some MB."""
AT_ONCE = 2
"""Questions that are worked on together; others wait."""
MINUTE = 60 * SECOND
Key = tuple[object, ...]


class Answers:
    """For the event loop. What was measured is kept until the next quarter hour, and of today until the next minute."""

    def __init__(self, reporter: Reporter, clock: Clock) -> None:
        self.reporter = reporter
        self._clock = clock
        self._kept: OrderedDict[Key, Measured] = OrderedDict()
        self._making: dict[Key, asyncio.Lock] = {}
        self._room = asyncio.Semaphore(AT_ONCE)

    async def report(self, question: Question) -> Report:
        """Raises as Reporter.measure does."""
        now = self._clock.office()
        today = question.first <= self.reporter.today(now) <= question.last
        kept = now - now % MINUTE if today else window_of(now)
        key: Key = (question.place, question.first, question.last, kept)
        async with self._making.setdefault(key, asyncio.Lock()):
            measured = self._kept.get(key)
            if measured is None:
                try:
                    async with self._room:
                        measured = await asyncio.to_thread(self.reporter.measure, question, now)
                finally:
                    self._making.pop(key, None)
                self._kept[key] = measured
                while len(self._kept) > MOST_KEPT:
                    self._kept.popitem(last=False)
            else:
                self._making.pop(key, None)
                self._kept.move_to_end(key)
        return self.reporter.answer(question, measured)


def answers_of(request: Request) -> Answers:
    """One a web application; routes say `answers: TheAnswers`."""
    return part(request, _of_site)


def _of_site(site: Site) -> Answers:
    return Answers(Reporter(site.office, site.reading.ledger, site.reading.points), site.clock)


TheAnswers = Annotated[Answers, Depends(given(answers_of))]
