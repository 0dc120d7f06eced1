"""Keeps reservations here as another system has its bookings: makes, changes and cancels them as role `system`.

What was mirrored is remembered in the web's database by reference. A round is: ask there, compare, tell gateways. What
a gateway does not answer waits for the next round; while the other system is not reached, nothing is changed here. A
command has an id made of what it says, so that a round that was killed in between does nothing twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from uuid import UUID, uuid5

import apsw

from gateway.clock import SECOND, Clock
from gateway.config.owners import Owners
from gateway.config.web_systems import Seatsurfing
from gateway.errors import ConfigError, HadirError
from gateway.people import PeopleTable
from gateway.supervise import full_jitter
from gateway.web.asking import NO_ANSWER, NOT_SENT, Asker
from gateway.web.bookings.mapping import People
from gateway.web.bookings.seatsurfing import Booking, Client

_log = logging.getLogger(__name__)

SOURCE = "seatsurfing"
ACTOR = "seatsurfing"
DAY = 86_400 * SECOND
AGAIN_S = 900
"""What a gateway has refused is asked again so often: the desk may be free of what was in the way."""
_NAMES = UUID("0f3b1f5e-3c1a-5b52-9a55-0d6f7c8f4b11")
_WAITS = frozenset({NO_ANSWER, NOT_SENT, "expired", "not_owner"})
HELD, REFUSED = "held", "refused"


class Wanted(NamedTuple):
    """A reservation as it should be."""

    ref: str
    place: str
    pid: str
    start: int
    end: int


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
        self._db = connection
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
        known = self._known()
        silent: set[str] = set()
        # what is to go first: it may be in the way of what is to come
        for ref, (was, state) in known.items():
            moved = ref in wanted and wanted[ref].place != was.place
            # what cannot be read may be this booking; what lies outside of what was asked for says nothing
            gone = ref not in wanted and not fetched.unreadable and now < was.end and was.start <= until
            if state == HELD and (moved or gone):
                await self._cancel(was, silent)
        known = self._known()
        for one in wanted.values():
            before = known.get(one.ref)
            if before is not None and before[0].place != one.place and before[1] == HELD:
                continue  # it still stands where it was: that gateway has not answered
            if before is None or before[0] != one or (before[1] == REFUSED and self._due(one.ref, now)):
                await self._reserve(one, silent, now)
        self._db.execute("DELETE FROM booking WHERE source = ? AND ends < ?", (SOURCE, now - DAY))
        after = {ref: state for ref, (was, state) in self._known().items() if was.end > now}
        self.state = MirrorState(
            asked=now,
            held=sum(state == HELD for state in after.values()),
            refused=sum(state == REFUSED for state in after.values()),
            waiting=sum(ref not in after for ref in wanted),
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

    async def _reserve(self, one: Wanted, silent: set[str], now: int) -> None:
        person = self._table.person(one.pid) if one.pid else None
        window = now // (AGAIN_S * SECOND)  # a refusal is remembered by the command's id
        answer = await self._ask(
            "reserve",
            one,
            silent,
            "" if person is None else person.unit,
            {"booking_ref": one.ref, "start": one.start, "end": one.end},
            f"{one}/{window}",
        )
        if answer is None:
            return
        state = HELD if answer else REFUSED
        self._db.execute(
            "INSERT OR REPLACE INTO booking (ref, source, place, pid, starts, ends, state, seen)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (one.ref, SOURCE, one.place, one.pid, one.start, one.end, state, now),
        )

    async def _cancel(self, was: Wanted, silent: set[str]) -> None:
        """Also where it is over already: taken, or released because nobody came."""
        answer = await self._ask("cancel", was, silent, "", {"booking_ref": was.ref}, f"cancel {was}")
        if answer is not None:
            self._db.execute("DELETE FROM booking WHERE ref = ?", (was.ref,))

    async def _ask(
        self, name: str, one: Wanted, silent: set[str], unit: str, args: dict[str, str | int], said: str
    ) -> bool | None:
        """Whether the gateway has done it; None: it has not answered, and is not asked again in this round."""
        owner = self._owners.owner(one.place)
        if owner in silent:
            return None
        answer = await self._asker.ask(
            name,
            one.place,
            actor=ACTOR,
            role="system",
            pid=one.pid if name == "reserve" else "",
            unit=unit or "_",
            args=args,
            identity=str(uuid5(_NAMES, said)),
        )
        if answer.ok:
            return True
        if answer.reason in _WAITS:
            silent.add(owner)
            return None
        return False

    # --- what was mirrored ------------------------------------------------------------------------------------------

    def _known(self) -> dict[str, tuple[Wanted, str]]:
        rows: list[tuple[Any, ...]] = self._db.execute(
            "SELECT ref, place, pid, starts, ends, state FROM booking WHERE source = ?", (SOURCE,)
        ).fetchall()
        return {
            str(ref): (Wanted(str(ref), str(place), str(pid), int(start), int(end)), str(state))
            for ref, place, pid, start, end, state in rows
        }

    def _due(self, ref: str, now: int) -> bool:
        rows: list[tuple[Any, ...]] = self._db.execute("SELECT seen FROM booking WHERE ref = ?", (ref,)).fetchall()
        return not rows or now - int(rows[0][0]) >= AGAIN_S * SECOND
