"""Who has reserved what from when to when: a fold of `desk.reservation.*`, and of what became of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from gateway.clock import SECOND
from gateway.contract.times import parsed
from gateway.ledger_view import LATEST, Stored, View
from gateway.web.records.rows import Rows

KEPT = ("desk.reservation.created", "desk.reservation.changed")
DROPPED = ("desk.reservation.cancelled", "desk.reservation.released")
TAKEN, LEFT = "desk.checkin.started", "desk.checkin.ended"
CAME = (TAKEN, LEFT)
"""Of whoever takes a desk, most of it without a reservation."""
ABOUT = (*KEPT, *DROPPED, *CAME)
AHEAD = 400 * 86_400 * SECOND
"""Nobody books further ahead than this."""
LOOK_BACK = 31 * 86_400 * SECOND
"""How old a reservation may be that one place is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """One booking of one desk or room."""

    ref: str
    place: str
    start: int
    end: int
    state: str
    """reserved, taken (its person has come), cancelled, released."""
    left: bool = False
    """Taken, and its person has gone again."""
    pid: str = ""
    """Empty in what is told without a person."""
    unit: str = "_"

    @property
    def key(self) -> str:
        """What it is folded by."""
        return _key(self.ref, self.place)

    def stands(self, now: int) -> bool:
        """Whether it keeps the place from others, now or later."""
        return now < self.end and (self.state == "reserved" or (self.state == "taken" and not self.left))


def folded(rows: Iterable[Stored]) -> dict[str, Reservation]:
    """By reference and place, what each is at last, of rows in any order; those that are not of ABOUT are passed over.

    In the order in which the place's gateway has decided: a tap that it heard late happened before that.
    """
    found: dict[str, Reservation] = {}
    about = (row for row in rows if row.type in ABOUT)
    for row in sorted(about, key=lambda row: (row.said, row.gateway, row.boot, row.sequence)):
        data = json.loads(row.body)["data"]
        ref = str(data.get("booking_ref") or "")
        if not ref:
            continue
        key = _key(ref, row.subject)
        known = found.get(key)
        if row.type in KEPT:
            due, until = data.get("due"), data.get("until")
            taken = known is not None and known.state == "taken" and row.type == KEPT[1]
            if due and until:
                found[key] = Reservation(
                    ref=ref,
                    place=row.subject,
                    start=parsed(due),
                    end=parsed(until),
                    state="taken" if taken else "reserved",
                    pid=row.pid,
                    unit=str(data.get("unit") or "_"),
                )
        elif known is None:
            continue
        elif row.type == TAKEN:
            found[key] = replace(known, state="taken", left=False)
        elif row.type == LEFT:  # of one that was cancelled and made anew meanwhile it says nothing
            found[key] = replace(known, left=known.state == "taken")
        else:
            found[key] = replace(known, state=row.type.rpartition(".")[2])
    return found


def key_of(row: Stored) -> str:
    """What a row is folded by; empty: it is about no reservation."""
    if b'"booking_ref"' not in row.body:
        return ""
    ref = str(json.loads(row.body)["data"].get("booking_ref") or "")
    return _key(ref, row.subject) if ref else ""


def _key(ref: str, place: str) -> str:
    return f"{ref} {place}"


def of_place(view: View, place: str, now: int) -> list[Reservation]:
    """Those of one place that stand now or later, without persons, by start."""
    found = folded(view.at(place, ABOUT, max(0, now - LOOK_BACK), now + SECOND)).values()
    return sorted((each for each in found if each.stands(now)), key=lambda each: each.start)


def of_person(rows: Rows, pid: str, now: int) -> list[Reservation]:
    """A person's own, of the last while and to come, latest start first."""
    found = rows.of_person(pid, ABOUT, now - AHEAD, LATEST)
    return sorted(folded(found).values(), key=lambda each: (-each.start, each.ref))
