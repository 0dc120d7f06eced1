"""Looks at everything every few seconds for the operator: the board of alarms, and which device was heard when.

State of the web application's process: after a restart the board begins anew, with what is wrong then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping

from gateway.archive_health import ArchiveWord, read
from gateway.calendars import working_calendar
from gateway.clock import SECOND, Clock
from gateway.config.model import Office
from gateway.contract.times import parsed
from gateway.errors import ConfigError, HadirError
from gateway.web.alarms_board import EMPTY, RAISE_S, Board, Problem, step
from gateway.web.alarms_found import problems, unsure
from gateway.web.live import Live
from rules.calendar import WORK, Calendar

_log = logging.getLogger(__name__)

LOOK_S = 2.0
GRACE_S = 15
"""After the start, and after the broker came back: retained words are still on their way."""
QUIET_S = 120
"""A device that was silent for so long and is heard again has been switched on, or pressed."""


class Watch:
    """One for a web application."""

    def __init__(
        self,
        office: Office,
        live: Live,
        clock: Clock,
        wall: Clock,
        others: Callable[[], Iterable[Problem]] = tuple,
    ) -> None:
        """`others`: what is wrong with other systems that this one speaks to."""
        self.board: Board = EMPTY
        self.looked = 0
        """Office ns of the last look; 0: nothing can be said yet."""
        self._began = 0
        self.archive: ArchiveWord | None = None
        self._office, self._live, self._clock, self._wall = office, live, clock, wall
        self._others = others
        self._heard: dict[str, tuple[int, int]] = {}
        """By device: when it was heard last, and when it was after a silence; office ns, 0: never while we looked."""
        self._since: int | None = None
        """Since when the broker is there, wall time."""
        self._calendar: tuple[int, Calendar | None] = (-1, None)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self.archive = await asyncio.to_thread(read, self._office.path(self._office.archive.ledger), self._wall)
            try:
                self.look()
            except HadirError as error:
                _log.warning("alarms: %s; looking again", error)
            await asyncio.sleep(LOOK_S)

    def look(self) -> None:
        """Once."""
        now = self._clock.office()
        self.hear()
        if self._live.connected:
            self._since = self._since or self._wall.office()
        else:
            self._since = None
        if self._since is None or self._wall.office() - self._since >= GRACE_S * SECOND:
            found = (*problems(self._office, self._live, self.archive), *self._others())
            self.board, news = step(self.board, found, now, lambda problem: unsure(self._live, problem))
            self._began = self._began or now
            if now - self._began >= RAISE_S * SECOND:
                self.looked = now
            for alarm in news:
                over = alarm.until is not None
                word = "is over" if over else "is raised"
                _log.log(
                    logging.INFO if over else logging.WARNING, "alarm %s %s %s", alarm.problem.name, alarm.key[0], word
                )

    def kind(self) -> str:
        """What the site's calendar has for now: work, break, off; work where it cannot be told."""
        now = self._clock.office()
        day = now // (86_400 * SECOND)
        if self._calendar[0] != day:
            try:
                self._calendar = (day, working_calendar(self._office, now))
            except ConfigError:
                self._calendar = (day, None)
        made = self._calendar[1]
        return WORK if made is None or not made.hours else made.kind(now)

    def heard_since(self, since: int) -> Mapping[str, bool]:
        """Devices that were heard at an office time or later: whether they were silent before, the likely ones first.

        A device that sends all the time is heard as well; it is not the one that somebody has just switched on.
        """
        found = {device: woke >= since for device, (last, woke) in self._heard.items() if last >= since}
        return dict(sorted(found.items(), key=lambda one: (not one[1], one[0])))

    def hear(self) -> None:
        """Take note of which devices were heard; looking does so too."""
        for device, told in self._live.devices.items():
            last = parsed(told["last_heard"]) if told.get("last_heard") else 0
            known, woke = self._heard.get(device, (last, 0))
            self._heard[device] = (last, last if last - known > QUIET_S * SECOND else woke)
