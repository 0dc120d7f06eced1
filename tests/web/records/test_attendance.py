"""A unit's day: explicit acts, who ended them, what the equipment missed, and nothing about anybody else."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import date
from pathlib import Path

from gateway.contract.envelope import Origin, decode, encode
from gateway.contract.times import written
from gateway.web.records import attendance as records
from gateway.web.records.attendance import Attendance, Correction, attendance, day_of
from gateway.web.records.attendance_files import as_csv, as_json
from gateway.web.records.complete import Completeness
from rules.api import SECOND, Event
from tests.web.records.ledgers import ANI, BOOT, BUDI, DAY, DESK, HOUR, OTHER, OTHER_VISIT, VISIT, Book, make_office

TODAY = date(2026, 11, 24)
NINE = DAY + 9 * HOUR
MINUTE = 60 * SECOND
NOTHING_KNOWN = Completeness(until=None, why="gw-1: never heard", standings=(), holes=(), unplaced=())


def day(book: Book, unit: str = "bkn", on: date = TODAY, now: int = DAY + 24 * HOUR, **more: object) -> Attendance:
    return attendance(book.rows, book.office, unit, on, NOTHING_KNOWN, now, **more)  # type: ignore[arg-type]


def test_a_day_is_the_sites() -> None:
    assert day_of(make_office(Path()), TODAY) == (DAY, DAY + 24 * HOUR)


def test_begin_and_end_of_a_check_in_are_one_act(book: Book) -> None:
    book.started(DAY)
    book.checkin(NINE)
    book.checkout(NINE + HOUR, NINE)
    (act,) = day(book).acts
    assert (act.kind, act.pid, act.unit, act.place) == ("desk", ANI, "bkn", DESK)
    assert (act.started, act.ended) == (NINE, NINE + HOUR)
    assert (act.method, act.assurance) == ("badge", "claimed")
    assert (act.ended_by, act.ended_by_whom, act.reason) == ("act", "person", "user")


def test_who_ended_it_and_that_an_inferred_end_is_the_last_evidence(book: Book) -> None:
    book.started(DAY)
    book.checkin(NINE)
    book.checkout(NINE + 3 * HOUR, NINE, reason="auto_release", ended_by="inferred", last_evidence=NINE + 2 * HOUR)
    (act,) = day(book).acts
    assert (act.ended, act.ended_by, act.ended_by_whom) == (NINE + 2 * HOUR, "inferred", "system")


def test_a_late_tap_out_stands_against_an_end_that_was_inferred_after_it(book: Book) -> None:
    book.started(DAY)
    who = {"person": ANI, "unit": "bkn", "place": "ikn/kk2/l1/_/_", "checkin_id": VISIT, "method": "badge"}
    book.tell("workplace.checkin.started", NINE, **who)
    guess = {"reason": "end_of_day", "ended_by": "inferred", "last_evidence": NINE + MINUTE, "start": NINE}
    book.tell("workplace.checkin.ended", DAY + 19 * HOUR, **who, **guess)
    (act,) = day(book).acts
    assert (act.ended, act.ended_by, act.ended_by_whom) == (NINE + MINUTE, "inferred", "system")
    tap = {"reason": "user", "ended_by": "act", "last_evidence": DAY + 18 * HOUR, "start": NINE, "late": True}
    book.tell("workplace.checkin.ended", DAY + 18 * HOUR, **who, **tap)
    (act,) = day(book).acts
    assert (act.started, act.ended) == (NINE, DAY + 18 * HOUR)
    assert (act.ended_by, act.ended_by_whom, act.reason) == ("act", "person", "user")


def test_the_workplace_and_what_is_still_open(book: Book) -> None:
    book.started(DAY)
    book.tell(
        "workplace.checkin.started", NINE, person=ANI, unit="bkn", place="ikn/kk2/l1/north/_", method="kiosk",
        checkin_id=VISIT, arrangement="other_office", assurance="bound", reader="kiosk-1",
    )  # fmt: skip
    (act,) = day(book).acts
    assert (act.kind, act.method, act.arrangement, act.assurance) == ("workplace", "kiosk", "other_office", "bound")
    assert (act.ended, act.ended_by, act.ended_by_whom, act.reader) == (None, "", "", "kiosk-1")


def test_what_is_inferred_and_other_units_people_are_not_in_it(book: Book) -> None:
    book.checkin(NINE, BUDI, "lan", OTHER_VISIT)
    book.tell("presence.started", NINE, person=ANI, unit="bkn", cls="sense", visit_id=VISIT, state="present")
    book.tell("desk.reservation.created", NINE, person=ANI, unit="bkn", booking_ref="b-1", due=NINE)
    found = day(book)
    assert found.acts == ()
    assert BUDI not in json.dumps(as_json(found))


def test_over_midnight_it_is_in_both_days(book: Book) -> None:
    book.started(DAY)
    late = DAY + 23 * HOUR
    book.checkin(late)
    book.checkout(late + 3 * HOUR, late)
    assert len(day(book).acts) == len(day(book, on=date(2026, 11, 25)).acts) == 1
    assert day(book, on=date(2026, 11, 26)).acts == ()


def test_an_end_without_its_beginning_is_not_lost(book: Book) -> None:
    book.checkout(NINE + HOUR, NINE)
    (act,) = day(book).acts
    assert (act.started, act.ended) == (NINE, NINE + HOUR)


def test_a_correction_is_applied_and_what_it_replaces_stays_visible(book: Book) -> None:
    book.started(DAY)
    book.checkin(NINE)
    book.checkout(NINE + HOUR, NINE, reason="end_of_day", ended_by="inferred", last_evidence=NINE + HOUR)
    book.tell(
        "presence.corrected", NINE + 30 * HOUR, person=ANI, unit="bkn", target_id=VISIT, field="last_evidence",
        old=None, new=written(NINE + 7 * HOUR), reason="gangguan", actor_role="operator",
    )  # fmt: skip
    (act,) = day(book).acts
    assert act.ended == NINE + 7 * HOUR
    assert (act.ended_by, act.ended_by_whom, act.reason) == ("act", "operator", "correction")
    (fix,) = act.corrections
    assert (fix.old, fix.new, fix.by) == (written(NINE + HOUR), written(NINE + 7 * HOUR), "operator")
    assert as_json(day(book))["acts"][0]["corrections"][0]["reason"] == "gangguan"


def test_an_end_that_only_a_correction_has_says_who_ended_it(book: Book) -> None:
    book.started(DAY)
    book.checkin(NINE)
    approved = [
        Correction(
            target=VISIT,
            field="last_evidence",
            old=None,
            new=written(NINE + 7 * HOUR),
            reason="lupa_tap",
            by="operator",
            at=NINE + 30 * HOUR,
        )
    ]
    (act,) = day(book, corrections=approved).acts
    assert (act.ended, act.ended_by, act.ended_by_whom) == (NINE + 7 * HOUR, "act", "operator")
    approved = [replace(approved[0], field="start", new=written(NINE - HOUR))]
    (act,) = day(book, corrections=approved).acts
    assert (act.started, act.ended, act.ended_by, act.ended_by_whom) == (NINE - HOUR, None, "", "")


def test_what_never_happened_is_marked_and_not_hidden(book: Book) -> None:
    book.started(DAY)
    target = book.checkin(NINE)
    book.tell(
        "presence.corrected", NINE + HOUR, person=ANI, unit="bkn", target_id=target, field="event", new=None,
        actor_role="operator",
    )  # fmt: skip
    (act,) = day(book).acts
    assert act.void
    assert act.started == NINE


def test_outage_minutes_of_the_place_the_reader_and_its_gateway(book: Book) -> None:
    book.started(DAY)
    book.started(DAY, gateway="gw-2")
    book.checkin(NINE, evidence=[{"modality": "badge", "via": "r-1"}])
    place = {"places": [DESK], "cause": "sensor"}
    book.tell("coverage.lost", NINE + HOUR, **{"from": NINE + HOUR}, **place)
    book.tell("coverage.restored", NINE + 2 * HOUR, **{"from": NINE + HOUR, "to": NINE + 2 * HOUR}, **place)
    book.tell(
        "coverage.lost", NINE + 110 * MINUTE,
        **{"from": NINE + 110 * MINUTE, "to": NINE + 130 * MINUTE, "readers": ["r-1"], "cause": "powered_off"},
    )  # fmt: skip
    book.ledger.silence("gw-2", NINE)  # the other floor's: not this desk's
    (act,) = day(book).acts
    assert act.outage_min == 70.0
    assert act.outage_work_min == 70.0
    outages = [(each.about, each.kind, each.cause) for each in day(book).outages]
    assert outages.count(("gw-2", "gateway", "gateway_down")) == 1
    assert ("r-1", "reader", "powered_off") in outages
    assert (DESK, "place", "sensor") in outages


def test_a_gateway_that_is_silent_until_now_counts_until_now(book: Book) -> None:
    book.started(DAY)
    book.checkin(NINE)
    book.ledger.silence("gw-1", NINE + HOUR)
    (act,) = day(book, now=NINE + 2 * HOUR).acts
    assert act.outage_min == 60.0


def test_the_staff_number_only_when_asked(book: Book) -> None:
    book.checkin(NINE)
    assert "staff_number" not in as_json(day(book))["acts"][0]
    found = records.with_staff_numbers(day(book), {ANI: "=1+2"})
    assert as_json(found)["acts"][0]["staff_number"] == "=1+2"
    (row,) = csv.DictReader(io.StringIO(as_csv(found)))
    assert row["staff_number"] == "'=1+2"


def test_every_copy_says_what_it_is_not_and_how_far_it_goes(book: Book) -> None:
    book.checkin(NINE)
    for until, whole in ((DAY + 24 * HOUR, True), (DAY + 23 * HOUR, False), (None, False)):
        complete = Completeness(until=until, why="gw-1: it said so", standings=(), holes=(), unplaced=())
        found = attendance(book.rows, book.office, "bkn", TODAY, complete, DAY + 48 * HOUR)
        told = as_json(found)
        assert told["note"] == records.NOTE
        assert told["complete_day"] is whole
        assert told["complete_until"] == (None if until is None else written(until))
        (row,) = csv.DictReader(io.StringIO(as_csv(found)))
        assert row["note"] == records.NOTE
        assert row["complete_until"] == ("" if until is None else written(until))
        assert row["started_local"] == "2026-11-24 09:00:00 WITA"
    assert "not the official" in records.NOTE.lower()
    assert "score" in records.NOTE


def test_a_clock_that_ran_free_is_placed_by_its_correction(book: Book) -> None:
    book.started(SECOND, sync="none")
    book.checkin(5 * SECOND, sync="none")
    assert day(book).acts == ()
    correct(book, NINE)
    (act,) = day(book).acts
    assert act.started == NINE + 5 * SECOND


def correct(book: Book, offset: int) -> None:
    data = {"boot": BOOT, "offset_ms": offset / 1_000_000}
    origin = Origin(site="ikn", building="kk2", gateway="gw-1", boot=BOOT)
    event = Event("gateway.clock_corrected", "ikn/kk2/l1/_/_", offset, data)
    book.ledger.commit([decode(encode(event, origin, sequence=99, recorded_at=offset).body)], offset)


def test_another_floors_desk(book: Book) -> None:
    book.started(DAY, gateway="gw-2")
    book.checkin(NINE, gateway="gw-2", place=OTHER)
    assert [act.gateway for act in day(book).acts] == ["gw-2"]
