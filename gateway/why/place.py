"""What the archive's ledger has for a place at a time: occupancy, a desk's life, and the events around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from gateway.calendars import calendar
from gateway.config.model import Office
from gateway.config.owners import Owners
from gateway.config.places import Places
from gateway.contract.times import parsed
from gateway.ledger_view import Stored, View, by_time
from gateway.usage import Usage
from gateway.why.rows import Answer, body_of, brief, decided, since_of
from rules.api import SECOND, Sensed
from rules.calendar import DAY, Calendar
from rules.desk_model import State
from rules.desk_vacancy import counted, sensed, stands_at

CHANGED, COUNTED = "occupancy.changed", "occupancy.counted"
STARTED, ENDED, WARNED = "desk.checkin.started", "desk.checkin.ended", "desk.release.warning"
BOOKED = tuple(f"desk.reservation.{what}" for what in ("created", "changed", "cancelled", "released"))
SPACE = (CHANGED, STARTED, ENDED, WARNED, *BOOKED, "badge.rejected")
AROUND = 3
"""Events before and after."""
LONGEST = 40 * 86_400 * SECOND
"""No reservation is made so long before it begins."""


class PlaceAt:
    """Answers about one place; reads in short queries beside the archive."""

    def __init__(self, view: View, office: Office, at: int) -> None:
        """Raises ConfigError: the calendar names a country whose holidays are not to be had here."""
        self._view = view
        self._office = office
        self._places = Places(office)
        self._owners = Owners(office)
        self._usage = Usage(view, office)
        self._silences = view.silences()
        self._at = at
        self._calendar: Calendar = calendar(office, at)

    def space(self, place: str) -> Answer:
        """A desk, a room, a booth."""
        spot = self._places.spots[place]
        occupancy = self.occupancy(place)
        answer: Answer = {
            "kind": spot.space.kind,
            "owner": spot.owner,
            "owner_unit": None if spot.unit == "_" else spot.unit,
            "guests": spot.guests,
            "mode": spot.space.mode,
            "occupancy": occupancy,
        }
        if spot.space.kind == "desk":
            answer["desk"] = self._desk(place, occupancy, out_of_order=spot.space.mode == "out_of_order")
        elif booked := self._reservation(place):
            answer["desk"] = {"life": "reserved", "since": None, "reservation": booked, "release_due": None}
        return {**answer, **self._around(place, SPACE)}

    def zone(self, zone: str) -> Answer:
        """A zone: its count, and the state of each of its spaces."""
        row = self._view.last_before(zone, COUNTED, self._at + 1)
        inside = {place: self.occupancy(place) for place, spot in self._places.spots.items() if spot.zone == zone}
        return {
            "kind": "zone",
            "owner": self._places.owner(zone),
            "private": self._places.areas[zone].zone.private,
            "count": None if row is None else {**brief(row), **decided(row, self._at)},
            "spaces": {
                place: {name: held[name] for name in ("state", "cause", "since")} for place, held in inside.items()
            },
            **self._around(zone, (COUNTED,)),
        }

    def occupancy(self, place: str) -> Answer:
        """The state in force, or unknown where its gateway was not there to say one."""
        row = self._view.last_before(place, CHANGED, self._at + 1)
        blind = self._blind(place)
        if row is None:
            cause = "gateway_down" if blind else "no_evidence"
            return {"state": "unknown", "cause": cause, "since": None, "why": "no event about it is in the ledger"}
        data = body_of(row)
        told: Answer = {"state": data["state"], "cause": data.get("cause"), "since": since_of(row)}
        if blind is not None:
            cause, since, why = blind
            last = {**told, **decided(row, self._at)}
            return {"state": "unknown", "cause": cause, "since": since, "why": why, "last_told": last}
        return {**told, **decided(row, self._at)}

    def _blind(self, place: str) -> tuple[str, int, str] | None:
        """(cause, since, why) where nobody could know."""
        owner = self._owners.owner(place)
        for begin, end in self._usage.silent(owner, self._at, self._at + 1, self._silences):
            if begin <= self._at < end:
                return "gateway_down", begin, f"gateway {owner}, which decides it, was not heard"
        for begin, end in self._usage.blind(place, self._at, self._at + 1, self._silences):
            if begin <= self._at < end:
                return "sensor_stale", begin, "its coverage was lost (coverage.lost)"
        return None

    # --- a desk -----------------------------------------------------------------------------------------------------

    def _desk(self, place: str, occupancy: Mapping[str, object], *, out_of_order: bool) -> Answer:
        """Its life, as acts and the passing of time have left it."""
        started, ended = (self._view.last_before(place, kind, self._at + 1) for kind in (STARTED, ENDED))
        booked = self._reservation(place)
        if started is None or (ended is not None and by_time(ended) > by_time(started)):
            life = "out_of_order" if out_of_order else "reserved" if booked else "free"
            last = None if ended is None else {**brief(ended), **_reasons(ended, self._at, "rule")}
            due = (
                self._vacant_due(place, occupancy, int(booked["since"]), self._office.rules.desk.no_show_after_s)
                if booked
                else None
            )
            return {"life": life, "since": None if ended is None else brief(ended)["at"], "ended": last} | {
                "reservation": booked,
                "release_due": due,
            }
        data = body_of(started)
        began = started.when
        rules = self._office.rules.desk
        vacant = self._vacancy(place, occupancy)
        away = (
            None
            if vacant is None
            else max(max(vacant.vacant_from, began) + int(rules.away_after_s * SECOND), stands_at(vacant))
        )
        is_away = away is not None and away <= self._at
        close = self._calendar.end_of_day(began)
        return {
            "life": "away" if is_away else "taken",
            "since": away if is_away else began,
            "checkin": {
                "checkin_id": data["checkin_id"],
                "since": began,
                "method": data["method"],
                "matches_reservation": data.get("matches_reservation"),
                **_reasons(started, self._at, "rule", "gateway", "boot", "sequence"),
            },
            "reservation": booked,
            "paused": self._calendar.paused(self._at),
            "away_due": None if is_away else away,
            "release_due": self._vacant_due(place, occupancy, began, rules.release_after_s),
            "end_of_day_due": close,
        }

    def _vacancy(self, place: str, occupancy: Mapping[str, object]) -> State | None:
        """Since when vacancy counts, and its doubts, as the desk rule has them; None: it is not known to be vacant."""
        decided_at = occupancy.get("decided_at")
        if occupancy["state"] != "vacant" or not isinstance(decided_at, int):
            return None
        state = State(place)
        for row in self._view.at(place, (CHANGED,), self._at - DAY, self._at + 1):
            at, data = row.when, body_of(row)
            state = sensed(state, Sensed(place, data["state"], data.get("cause"), at, at, data["confidence"]))
        return state if state.vacant_from else State(place, sensed="vacant", vacant_from=decided_at)

    def _vacant_due(self, place: str, occupancy: Mapping[str, object], began: int, grace_s: float | None) -> int | None:
        state = self._vacancy(place, occupancy)
        if state is None or grace_s is None:
            return None
        start = max(state.vacant_from, began)
        return max(counted(state, self._calendar, start, int(grace_s * SECOND)), stands_at(state))

    def _reservation(self, place: str) -> Answer | None:
        """The reservation that keeps the desk from others at the time."""
        latest: dict[str, Stored] = {}
        for row in self._view.at(place, BOOKED, self._at - LONGEST, self._at + 1):
            if row.cls == "evt":
                latest[str(body_of(row)["booking_ref"])] = row
        lead = int(self._office.rules.desk.lead_s * SECOND)
        for row in latest.values():
            data = body_of(row)
            if row.type in BOOKED[:2] and data.get("due") and data.get("until"):
                start, end = parsed(data["due"]), parsed(data["until"])
                if start - lead <= self._at < end:
                    return {"since": start, "until": end}
        return None

    # --- around -----------------------------------------------------------------------------------------------------

    def _around(self, place: str, types: Sequence[str]) -> Answer:
        """Events before and after the time, none of which names anybody."""
        before = [
            row for kind in types for row in _some(lambda k, t: self._view.last_before(place, k, t), kind, self._at + 1)
        ]
        after = [
            row for kind in types for row in _some(lambda k, t: self._view.first_from(place, k, t), kind, self._at + 1)
        ]
        return {
            "before": [brief(row) for row in sorted(before, key=by_time)[-AROUND:]],
            "after": [brief(row) for row in sorted(after, key=by_time)[:AROUND]],
        }


def _reasons(row: Stored, at: int, *names: str) -> Answer:
    """What an act or an end rests on, what spoke against it, and more of `decided`."""
    told = decided(row, at)
    return {name: told[name] for name in (*names, "evidence", "challenger")}


def _some(find: Callable[[str, int], Stored | None], kind: str, time: int) -> list[Stored]:
    """The nearest rows of one type, walking away from `time`."""
    found: list[Stored] = []
    while len(found) < AROUND and (row := find(kind, time)) is not None:
        found.append(row)
        at = row.when
        time = at if at < time else at + 1
    return found
