"""How a person stands now: the desk they hold, what they have booked, what is about to be released.

The ledger says it, with what they have just asked for and the ledger does not have yet, and the live picture of the
desk beside it: where the two disagree, that is told and not decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gateway.clock import SECOND
from gateway.errors import TransientError
from gateway.ledger_view import View
from gateway.web.live import HELD, SILENT
from gateway.web.mine.attempts import SENT, UNSURE, Attempt, Attempts
from gateway.web.mine.record import OWN, Booking, Record, Visit, Warned, fold
from gateway.web.site import Site

DAY = 86_400 * SECOND
LOOK_BACK = 14 * DAY
OPEN_FOR = 2 * DAY
"""A check-in that is older was closed, whether or not its end has reached the archive."""
UNSURE_FOR, SOON = 900 * SECOND, 60 * SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The desk that a person holds."""

    visit: Visit
    pending: bool = False
    """Accepted by the gateway; the ledger does not have it yet."""
    unheard: bool = False
    """Nobody knows what the desk is now: its gateway is not heard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Of one person, now."""

    record: Record
    attempts: tuple[Attempt, ...]
    """Of the last day."""
    desk: Held | None
    doubted: Visit | None
    """At a desk, by the record; the desk's own state says that nobody holds it: the record of its end is on its way."""
    workplace: Visit | None
    bookings: tuple[Booking, ...]
    """That have not ended."""
    warning: Warned | None
    """The one that runs now."""
    readable: bool
    """Whether there was a ledger to read."""

    at: int

    @property
    def waiting(self) -> tuple[Attempt, ...]:
        """What was asked for and is not in the ledger, or, for a while, what nobody has answered."""
        return tuple(
            one
            for one in self.attempts
            if (one.state == UNSURE and self.at - one.at < UNSURE_FOR)
            or (one.state == SENT and not one.is_stored(self.record.ids))
        )

    @property
    def soon(self) -> bool:
        """Whether something of it may be decided any moment, so that an open page looks again."""
        return any(self.at - one.at < SOON for one in self.waiting)


async def standing(site: Site, pid: str) -> Standing:
    """How `pid` stands."""
    now = site.clock.office()

    def mine(view: View) -> Record:
        return fold(view.of_person(pid, OWN, max(0, now - LOOK_BACK)))

    attempts = Attempts(site.accounts.connection).of(pid, now - DAY)
    try:
        record, readable = await site.reading.ask(mine), True
    except TransientError:
        record, readable = Record(), False
    return stands(site, record, attempts, now, readable=readable)


def stands(site: Site, record: Record, attempts: Sequence[Attempt], now: int, *, readable: bool = True) -> Standing:
    """The same, of what was read."""
    desk = record.open("desk")
    held = None if desk is None or now - desk.at > OPEN_FOR else Held(visit=desk)
    bookings = {booking.ref: booking for booking in record.bookings if booking.ends > now}
    workplace = record.open("workplace")
    if workplace is not None and now - workplace.at > OPEN_FOR:
        workplace = None
    for one in attempts:
        if one.state != SENT:
            continue
        fresh = not one.is_stored(record.ids)
        match one.act:
            case "arrive" if fresh:
                workplace = Visit(id=one.id, kind="workplace", place=one.place, started=one.at, method="phone")
            case "depart" if fresh:
                workplace = None
            case "checkin" if fresh:
                visit = Visit(id=one.id, kind="desk", place=one.place, started=one.at, method="web", assurance="bound")
                held = Held(visit=visit, pending=True)
            case "checkout" if fresh and held is not None and held.visit.place == one.place and held.visit.at <= one.at:
                held = None
            case "reserve" if fresh and one.ends > now:
                bookings[one.ref] = Booking(
                    ref=one.ref, place=one.place, starts=one.starts, ends=one.ends, pending=True
                )
            case "cancel" if fresh:
                bookings.pop(one.ref, None)
            case _:
                pass
    doubted = None
    if held is not None:
        held, doubted = _beside(site, held)
    return Standing(
        record=record,
        attempts=tuple(attempts),
        desk=held,
        doubted=doubted,
        workplace=workplace,
        bookings=tuple(sorted(bookings.values(), key=lambda booking: booking.starts)),
        warning=_running(site, record, attempts, held, bookings, now),
        readable=readable,
        at=now,
    )


def _beside(site: Site, held: Held) -> tuple[Held | None, Visit | None]:
    """The desk's own state beside the record: (held, doubted), one of them."""
    now = site.live.now(held.visit.place)
    if now is None or now.cause in SILENT or now.cause == "starting":
        return replace(held, unheard=True), None
    if held.pending or now.life in HELD or not now.life:
        return held, None
    return None, held.visit


def _running(
    site: Site,
    record: Record,
    attempts: Sequence[Attempt],
    held: Held | None,
    bookings: dict[str, Booking],
    now: int,
) -> Warned | None:
    """The last warning that still counts: not past, not answered, and of what the person still has.

    Nothing is told when somebody is sensed at the desk again, so a desk that is `taken` needs no warning any more.
    """
    for warned in reversed(record.warnings):
        answered = any(one.act == "extend" and one.state == SENT and one.at > warned.at for one in attempts)
        if warned.due <= now or answered:
            continue
        if warned.booking_ref and warned.booking_ref in bookings:
            return warned
        if held is not None and held.visit.id == warned.checkin_id:
            here = site.live.now(warned.place)
            return None if here is not None and here.life == "taken" else warned
    return None
