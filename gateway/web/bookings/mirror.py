"""Keeps reservations here as another system has its bookings: makes, changes and cancels them as role `system`.

What was mirrored is remembered in the web's database by reference (mirrored.py), before a gateway is asked for it. A
round is: ask there, compare, tell gateways. What a gateway does not answer waits for the next round, and is asked under
the same id; while the other system is not reached, nothing is changed here. A change that a gateway refuses gives up
what it holds of that booking: it may be in the way of another, which is in the way of this one, and is no longer true.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import uuid4

import apsw

from gateway.clock import SECOND, Clock
from gateway.config.owners import Owners
from gateway.config.web_systems import Seatsurfing
from gateway.errors import ConfigError, HadirError
from gateway.people import PeopleTable
from gateway.supervise import full_jitter
from gateway.web.asking import NO_ANSWER, NOT_SENT, Asker
from gateway.web.bookings.mapping import People
from gateway.web.bookings.mirrored import ASKED, DAY, HELD, REFUSED, Mirrored, Table, Wanted
from gateway.web.bookings.seatsurfing import Booking, Client

_log = logging.getLogger(__name__)

SOURCE = "seatsurfing"
ACTOR = "seatsurfing"
AGAIN_S = 900
"""What a gateway has refused is asked again so often: the desk may be free of what was in the way."""
_WAITS = frozenset({NO_ANSWER, NOT_SENT, "expired", "not_owner"})


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorState:
    """How the mirror is, in numbers: nobody is named."""

    asked: int | None = None
    """Office time of the last answer; None: there was none yet."""
    problem: str = ""
    """Why there is no answer now; empty: there is."""
    held: int = 0
    refused: int = 0
    """Bookings that a gateway does not take: another one stands there."""
    waiting: int = 0
    """Bookings whose gateway does not answer."""
    unmapped_spaces: tuple[tuple[str, str], ...] = ()
    """(id, name) of spaces with bookings that office.yaml has no place for."""
    unknown_people: int = 0
    """Bookings of people whom nobody here is: mirrored without a person, so that the desk is kept all the same."""
    unreadable: int = 0


class Mirror:
    """Of one other system. Used from the event loop."""

    def __init__(
        self,
        client: Client,
        settings: Seatsurfing,
        places: Mapping[str, str],
        people: People,
        table: PeopleTable,
        connection: apsw.Connection,
        asker: Asker,
        owners: Owners,
        clock: Clock,
    ) -> None:
        """`places`: by id of a space there."""
        self._client = client
        self._settings = settings
        self._places = places
        self._people = people
        self._table = table
        self._kept = Table(connection, SOURCE)
        self._asker = asker
        self._owners = owners
        self._clock = clock
        self.state = MirrorState()

    async def run(self) -> None:
        """Until cancelled."""
        attempt = 0
        while True:
            try:
                await self.round()
                attempt = 0
                await asyncio.sleep(self._settings.every_s)
            except ConfigError as error:
                self._trouble(str(error))
                await asyncio.sleep(self._settings.every_s)
            except HadirError as error:
                self._trouble(str(error))
                await asyncio.sleep(full_jitter(attempt, first_s=self._settings.every_s, longest_s=600.0))
                attempt += 1

    def _trouble(self, why: str) -> None:
        if not self.state.problem:
            _log.warning("bookings: %s; what was mirrored stays", why)
        self.state = replace(self.state, problem=why)

    async def round(self) -> None:
        """Ask once, and bring everything here to that. Raises HadirError: not reached; nothing was changed."""
        now = self._clock.office()
        until = now + self._settings.ahead_days * DAY
        fetched = await self._client.bookings(now, until)
        wanted, unmapped, unknown = self._wanted(fetched.bookings, now)
        silent: set[str] = set()
        # what is to go first: it may be in the way of what is to come
        for ref, was in self._kept.all().items():
            if was.state == HELD and was.wanted.end <= now and ref not in wanted:
                continue  # it is over at its gateway as well
            moved = ref in wanted and wanted[ref].place != was.kept
            # what cannot be read may be this booking; what lies outside of what was asked for says nothing
            gone = ref not in wanted and not fetched.unreadable and was.wanted.start <= until
            if was.kept and (moved or gone or was.state == REFUSED) and not await self._cancel(ref, was.kept, silent):
                continue
            if gone:
                self._kept.forget(ref)
        known = self._kept.all()
        again = [one for one in wanted.values() if await self._reserve(one, known.get(one.ref), silent, now)]
        for one in again:  # all that were in the way of each other are out of it
            await self._reserve(one, None, silent, now)
        self._kept.sweep(now)
        after = {ref: was for ref, was in self._kept.all().items() if was.wanted.end > now}
        self.state = MirrorState(
            asked=now,
            held=sum(was.state == HELD for was in after.values()),
            refused=sum(was.state == REFUSED for was in after.values()),
            waiting=sum(ref not in after or after[ref].state == ASKED for ref in wanted),
            unmapped_spaces=tuple(sorted(unmapped.items())),
            unknown_people=unknown,
            unreadable=fetched.unreadable,
        )

    def _wanted(self, bookings: tuple[Booking, ...], now: int) -> tuple[dict[str, Wanted], dict[str, str], int]:
        wanted: dict[str, Wanted] = {}
        unmapped: dict[str, str] = {}
        unknown = 0
        for one in bookings:
            place = self._places.get(one.space)
            if place is None:
                unmapped[one.space] = one.space_name[:80]
                continue
            if one.end <= now:
                continue
            pid = self._people.of(one.email)
            person = self._table.person(pid) if pid else None
            if person is None:
                unknown += 1
                pid = ""
            ref = f"ss-{one.id}"
            wanted[ref] = Wanted(ref, place, pid, one.start, one.end)
        return wanted, unmapped, unknown

    # --- telling gateways -------------------------------------------------------------------------------------------

    async def _reserve(self, one: Wanted, before: Mirrored | None, silent: set[str], now: int) -> bool:
        """Unless it is so already; whether it is to be tried again, now that what stood of it is given up."""
        if before is not None:
            if before.kept not in ("", one.place):
                return False  # it still stands where it was: that gateway has not answered
            settled = before.state == HELD or (before.state == REFUSED and now - before.seen < AGAIN_S * SECOND)
            if before.wanted == one and settled:
                return False
        repeated = before is not None and before.wanted == one and before.state == ASKED
        command = before.command if before is not None and repeated else str(uuid4())
        self._kept.asking(one, command)
        person = self._table.person(one.pid) if one.pid else None
        done = await self._ask(
            "reserve",
            one.place,
            silent,
            pid=one.pid,
            unit="_" if person is None else person.unit,
            args={"booking_ref": one.ref, "start": one.start, "end": one.end},
            identity=command,
        )
        if done is None:
            return False
        stood = "" if before is None else before.kept
        self._kept.answered(one.ref, HELD if done else REFUSED, one.place if done else stood, now)
        return not done and bool(stood) and await self._cancel(one.ref, stood, silent)

    async def _cancel(self, ref: str, place: str, silent: set[str]) -> bool:
        """Also where it is over already: taken, or released because nobody came. False: there is no answer."""
        if await self._ask("cancel", place, silent, args={"booking_ref": ref}) is None:
            return False
        self._kept.cancelled(ref)
        return True

    async def _ask(
        self,
        name: str,
        place: str,
        silent: set[str],
        *,
        args: dict[str, str | int],
        pid: str = "",
        unit: str = "_",
        identity: str = "",
    ) -> bool | None:
        """Whether the gateway has done it; None: it has not answered, and is not asked again in this round."""
        owner = self._owners.owner(place)
        if owner in silent:
            return None
        answer = await self._asker.ask(
            name, place, actor=ACTOR, role="system", pid=pid, unit=unit, args=args, identity=identity
        )
        if answer.reason in _WAITS:
            silent.add(owner)
            return None
        return answer.ok
