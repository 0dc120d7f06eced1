"""Who has reserved what from when to when: a fold of `desk.reservation.*`, and of what became of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.clock import SECOND
from gateway.contract.times import parsed, written
from gateway.ledger_view import LATEST, Stored, View, by_time
from gateway.web.records.rows import Rows

KEPT = ("desk.reservation.created", "desk.reservation.changed")
DROPPED = ("desk.reservation.cancelled", "desk.reservation.released")
TAKEN = "desk.checkin.started"
AHEAD = 400 * 86_400 * SECOND
"""Nobody books further ahead than this."""
MOST = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """One booking of one desk or room."""

    ref: str
    place: str
    start: int
    end: int
    state: str
    """reserved, taken (its person has come), cancelled, released."""
    pid: str = ""
    """Empty in what is told without a person."""
    unit: str = "_"


def folded(rows: Iterable[Stored]) -> dict[str, Reservation]:
    """By reference and place, what each is at last."""
    found: dict[str, Reservation] = {}
    for row in sorted(rows, key=by_time):
        data = json.loads(row.body)["data"]
        ref = str(data.get("booking_ref") or "")
        if not ref:
            continue
        key = f"{ref} {row.subject}"
        known = found.get(key)
        if row.type in KEPT:
            due, until = data.get("due"), data.get("until")
            if due and until:
                found[key] = Reservation(
                    ref=ref,
                    place=row.subject,
                    start=parsed(due),
                    end=parsed(until),
                    state="reserved",
                    pid=row.pid,
                    unit=str(data.get("unit") or "_"),
                )
        elif known is not None:
            state = "taken" if row.type == TAKEN else row.type.rpartition(".")[2]
            found[key] = Reservation(
                ref=ref,
                place=known.place,
                start=known.start,
                end=known.end,
                state=state,
                pid=known.pid,
                unit=known.unit,
            )
    return found


def of_places(view: View, now: int) -> list[Reservation]:
    """Those that stand now or later, without persons."""
    rows: list[Stored] = []
    after = 0
    while True:
        page = view.query(types=(*KEPT, *DROPPED, TAKEN), since=now - AHEAD, after=after, limit=MOST)
        rows += (row for row in page if row.cls == "evt" and (row.type != TAKEN or b'"booking_ref"' in row.body))
        if len(page) < MOST:
            break
        after = page[-1].id
    return sorted(
        (each for each in folded(rows).values() if each.state == "reserved" and each.end > now),
        key=lambda each: (each.start, each.place),
    )


def of_unit(rows: Rows, unit: str, start: int, end: int) -> list[Reservation]:
    """Those of a unit's people that reach into [start, end), latest start first."""
    pids = rows.reserving(KEPT, unit, start - AHEAD, written(start), written(end))
    found = (each for pid in pids for each in of_person(rows, pid, start))
    return sorted(
        (each for each in found if each.unit == unit and each.start < end and each.end > start),
        key=lambda each: (-each.start, each.ref),
    )


def of_person(rows: Rows, pid: str, now: int) -> list[Reservation]:
    """A person's own, of the last while and to come, latest start first."""
    found = rows.of_person(pid, (*KEPT, *DROPPED, TAKEN), now - AHEAD, LATEST)
    return sorted(folded(found).values(), key=lambda each: (-each.start, each.ref))
