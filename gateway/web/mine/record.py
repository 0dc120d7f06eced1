"""A person's own record, folded from their rows of the ledger: check-ins, reservations, warnings, corrections."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gateway.contract.times import parsed
from gateway.ledger_view import Stored
from gateway.web.records.checkins import CHECKINS, Checkin, checkins
from gateway.web.records.reservations import DROPPED, KEPT, folded

WARNING = "desk.release.warning"
CORRECTED = "presence.corrected"
OWN = (*CHECKINS, *KEPT, *DROPPED, WARNING, CORRECTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit(Checkin):
    """One check-in with what was corrected of it."""

    corrections: tuple[Mapping[str, Any], ...] = ()

    @property
    def at(self) -> int:
        """By what it is sorted."""
        return self.started if self.started is not None else self.ended or 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """A reservation that stands."""

    ref: str
    place: str
    starts: int
    ends: int
    pending: bool = False
    """The ledger does not have it yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """A desk will be given up."""

    place: str
    at: int
    due: int
    cause: str
    checkin_id: str = ""
    booking_ref: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """All of it, over a stretch of time."""

    visits: tuple[Visit, ...] = ()
    """By beginning, oldest first."""
    bookings: tuple[Booking, ...] = ()
    """Those that were neither used, cancelled nor released."""
    reserved: frozenset[str] = frozenset()
    """References of all reservations, whatever has become of them."""
    warnings: tuple[Warned, ...] = ()
    ids: frozenset[str] = frozenset()
    """Of all its events."""

    def open(self, kind: str) -> Visit | None:
        """The check-in that is not ended; the latest, should there be several."""
        return next((visit for visit in reversed(self.visits) if visit.kind == kind and visit.ended is None), None)


def fold(rows: Sequence[Stored]) -> Record:
    """The record of rows in order of time; it does not matter in which order begin and end have reached the archive."""
    warnings: list[Warned] = []
    corrections: dict[str, list[Mapping[str, Any]]] = {}
    ids: set[str] = set()
    for row in rows:
        event = json.loads(row.body)
        data = event["data"]
        identity = str(event["id"])
        ids.add(identity)
        at = row.when
        if row.type == WARNING:
            warnings.append(
                Warned(
                    place=row.subject,
                    at=at,
                    due=parsed(data["due"]),
                    cause=str(data.get("cause") or ""),
                    checkin_id=str(data.get("checkin_id") or ""),
                    booking_ref=str(data.get("booking_ref") or ""),
                )
            )
        elif row.type == CORRECTED:
            corrections.setdefault(str(data["target_id"]), []).append({**data, "at": at})
    found = [
        replace(visit, corrections=tuple(fix for name in (key, *visit.events) for fix in corrections.get(name, ())))
        for key, visit in checkins(rows, Visit).items()
    ]
    reservations = folded(rows).values()
    bookings = [
        Booking(ref=one.ref, place=one.place, starts=one.start, ends=one.end)
        for one in reservations
        if one.state == "reserved"
    ]
    return Record(
        visits=tuple(sorted(found, key=lambda visit: visit.at)),
        bookings=tuple(sorted(bookings, key=lambda booking: booking.starts)),
        reserved=frozenset(one.ref for one in reservations),
        warnings=tuple(warnings),
        ids=frozenset(ids),
    )
