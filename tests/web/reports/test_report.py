"""A report over real files: a store and a ledger as the archive writes them."""

from __future__ import annotations

from datetime import date

import pytest

from gateway.web.reports.figures import Why
from gateway.web.reports.report import NotShown, Question
from rules.api import SECOND
from tests.web.reports.world import DAY, HOUR, MONDAY, MONDAY_NUMBER, QUARTER, World, desk

WEEK = (date(2026, 11, 2), date(2026, 11, 8))
LATER = MONDAY + 20 * DAY


def ask(place: str = "ikn/kk2/l01/timur", units: frozenset[str] | None = None, days: int = 7) -> Question:
    return Question(place=place, first=WEEK[0], last=date(2026, 11, 1 + days), units=units)


def test_what_is_not_known_lowers_the_coverage_and_not_the_utilization(world: World) -> None:
    nine = MONDAY + 9 * HOUR
    world.write(world.use(desk(at), nine + q * QUARTER, 900.0 if at < 3 else 0.0) for at in range(6) for q in range(2))
    found = world.reporter().report(ask(days=1), LATER).places
    assert found.desks == 6
    assert found.work.figure.value == 0.5
    working = 7.5  # hours of a Monday
    assert found.work.coverage == pytest.approx(0.5 / working)
    cells = {(hour.weekday, hour.hour): hour.use for hour in found.hours}
    assert cells[0, 9].figure.value == 0.5
    assert cells[0, 9].coverage == pytest.approx(0.5)
    assert cells[0, 10].figure.value is None
    assert cells[0, 10].figure.why is Why.NO_DATA
    assert cells[1, 9].total_s == 0  # no Tuesday was asked for


def test_a_holiday_is_a_note_and_no_empty_monday(world: World) -> None:
    world.close()
    calendar = {
        "holidays": {"add": [{"day": "2026-11-03", "name": "Hari jadi"}]},
        "notes": [{"first": "2026-10-30", "last": "2026-11-04", "text": "masa WFA"}],
    }
    other = World(world.folder, calendar)
    try:
        tuesday = MONDAY + DAY + 9 * HOUR
        other.write(other.use(desk(at), tuesday, 0.0, work=False) for at in range(6))
        report = other.reporter().report(ask(), LATER)
    finally:
        other.close()
    notes = [(note.kind, note.first.isoformat(), note.text) for note in report.period.notes]
    assert notes == [("holiday", "2026-11-03", "Hari jadi"), ("note", "2026-11-02", "masa WFA")]
    cells = {(hour.weekday, hour.hour): hour.use for hour in report.places.hours}
    assert cells[1, 9].total_s == 0
    assert report.places.days[1].off
    assert report.places.days[1].work.total_s == 0
    assert report.places.work.total_s == 4 * 6 * 7.5 * 3600  # four working days


def test_the_peak_is_of_one_instant_and_no_sum_of_desks_peaks(world: World) -> None:
    nine = MONDAY + 9 * HOUR
    points = []
    for at in range(6):  # one after the other for two minutes each, and two together in the next quarter hour
        begin = nine + at * 120 * SECOND
        points += [world.state(desk(at), begin, True), world.state(desk(at), begin + 119 * SECOND, False)]
        points += [world.use(desk(at), nine, 119.0), world.use(desk(at), nine + QUARTER, 300.0 if at < 2 else 0.0)]
        if at < 2:
            points.append(world.state(desk(at), nine + QUARTER + at * SECOND, True))
            points.append(world.state(desk(at), nine + QUARTER + 300 * SECOND, None))
    world.write(points)
    found = world.reporter().report(ask(days=1), LATER).places
    assert found.peak.value == 2
    assert found.peak_time == nine + QUARTER
    assert found.days[0].peak.value == 2


def test_a_state_that_nobody_took_back_does_not_count_on_through_an_outage(world: World) -> None:
    nine = MONDAY + 9 * HOUR
    points = [world.state(desk(at), nine, True) for at in range(6)]
    points += [world.use(desk(at), nine, 900.0) for at in range(3)]
    points += [world.use(desk(at), nine, 0.0, 0.0) for at in range(3, 6)]  # another gateway's, which is away
    world.write(points)
    found = world.reporter().report(ask(days=1), LATER).places
    assert found.peak.value == 3


def test_the_last_minutes_are_told_before_their_quarter_hour_is_over(world: World) -> None:
    nine = MONDAY + 9 * HOUR
    world.write([world.use(desk(0), nine, 0.0), *(world.state(desk(at), nine + QUARTER, at < 2) for at in range(6))])
    reporter = world.reporter()
    found = reporter.report(ask(days=1), nine + QUARTER + 60 * SECOND).places
    assert (found.peak.value, found.peak_time) == (2, nine + QUARTER)
    later = reporter.report(ask(days=1), nine + 8 * QUARTER).places  # and nothing was computed since
    assert later.peak.value == 0


def test_a_day_without_data_has_no_peak(world: World) -> None:
    found = world.reporter().report(ask(), LATER)
    assert found.places.peak.value is None
    assert found.places.peak.why is Why.NO_DATA
    assert found.places.work.figure.why is Why.NO_DATA
    assert found.people.total.visits.why is Why.SMALL_GROUP
    assert found.people.total.visits.coverage == 0


def test_what_people_did(world: World) -> None:
    nine = MONDAY + 9 * HOUR
    told = []
    for at in range(6):
        told += world.visit(desk(at), nine, 3600 * (at + 1), booked=at < 3, reason="user" if at else "auto_release")
    told.append(world.no_show(desk(0), nine + 5 * HOUR))
    told.append(world.no_show(desk(1), nine + 5 * HOUR, cause=None))
    told.append(world.no_show(desk(1), nine + 6 * HOUR, cause="user"))  # given up by the person: no no-show
    world.commit(told)
    people = world.reporter().report(ask(), LATER).people
    total = people.total
    assert total.visits.value == 6
    assert total.walk_in.value == 0.5
    assert (total.dwell_p50.value, total.dwell_p90.why) == (3 * 3600, Why.SMALL_GROUP)
    assert total.released.value == 0.17
    assert (total.no_show.value, total.no_show.of, total.expired.value) == (0.2, 5, 0.2)
    assert total.cross.why is Why.SMALL_GROUP  # there may have been guests, fewer than five
    assert [(row.unit, row.desks, row.conduct.visits.value) for row in people.units] == [("panrb", 6, 6)]


def test_cross_unit_use_is_of_people_at_desks_of_another_unit(world: World) -> None:
    nine = MONDAY + 9 * HOUR
    told = []
    for at in range(6):
        told += world.visit(desk(at), nine, unit="panrb")
        told += world.visit(desk(at, "l01/barat"), nine, unit="panrb")
    world.commit(told)
    people = world.reporter().report(ask("ikn/kk2/l01"), LATER).people
    assert people.total.cross.value == 0.5
    assert [(row.unit, row.host, row.visits.value) for row in people.hosts] == [
        ("panrb", "bkn", 6.0),
        ("panrb", "panrb", 6.0),
    ]


def test_four_people_are_in_no_figure_and_five_are(world: World) -> None:
    nine = MONDAY + 9 * HOUR
    for day, many in ((0, 4), (7, 5)):
        world.commit(e for at in range(many) for e in world.visit(desk(at), nine + day * DAY))
    reporter = world.reporter()
    assert reporter.report(ask(), LATER).people.total.visits.why is Why.SMALL_GROUP
    assert reporter.report(ask(days=14), LATER).people.total.visits.value == 5


def test_one_person_who_comes_and_goes_is_one(world: World) -> None:
    nine = MONDAY + 9 * HOUR
    world.commit(e for at in range(6) for e in world.visit(desk(at), nine + at * HOUR, 1800))
    assert world.reporter().report(ask(), LATER).people.total.visits.why is Why.SMALL_GROUP


def test_an_agency_sees_its_own_people_only(world: World) -> None:
    nine = MONDAY + 9 * HOUR
    told = []
    for at in range(6):
        told += world.visit(desk(at), nine, unit="panrb")
        told += world.visit(desk(at, "l01/barat"), nine, unit="bkn")
    world.commit(told)
    reporter = world.reporter()
    people = reporter.report(ask("ikn/kk2", frozenset({"bkn"})), LATER).people
    assert [row.unit for row in people.units] == ["bkn"]
    assert people.total.visits.value == 6
    assert reporter.report(ask("ikn/kk2"), LATER).people.total.visits.value == 12


def test_today_is_not_told_of_people(world: World) -> None:
    nine = MONDAY + 9 * HOUR
    world.commit(e for at in range(6) for e in world.visit(desk(at), nine))
    reporter = world.reporter()
    assert reporter.report(ask(), MONDAY + 23 * HOUR).people.total.visits.value is None
    assert reporter.report(ask(), MONDAY + 25 * HOUR).people.total.visits.value == 6


def test_a_place_of_few_desks_is_not_shown_nor_what_would_tell_it(world: World) -> None:
    reporter = world.reporter()
    assert reporter.ground.shown == (
        "ikn",
        "ikn/kk2",
        "ikn/kk2/l01",
        "ikn/kk2/l01/timur",
        "ikn/kk2/l01/barat",
        "ikn/kk2/l02",
    )
    for place in ("ikn/kk2/l02/pojok", "ikn/kk2/l02/utara", "ikn/kk2/l09", ""):
        with pytest.raises(NotShown):
            reporter.report(ask(place), LATER)


def test_days_are_the_sites(world: World) -> None:
    report = world.reporter().report(ask(), LATER)
    assert report.period.first == MONDAY_NUMBER
    assert report.period.start == MONDAY
    assert report.period.end == MONDAY + 7 * DAY
