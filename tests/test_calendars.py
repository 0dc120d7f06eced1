"""Working calendars: configuration, its mistakes, holidays, Ramadan, and what figures divide by."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import calendars
from gateway.cli import main
from gateway.config.calendars import Holidays, WorkingCalendar, notes_of
from gateway.config.load import load
from gateway.config.model import Office
from gateway.errors import ConfigError
from gateway.ledger import Ledger
from gateway.stores.windows import QUARTER
from gateway.usage import Usage
from rules.api import SECOND
from rules.calendar import BREAK, OFF, WORK, Calendar
from tests.archive.events import START, make, make_office

MON = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
HOUR = 3600 * SECOND


def office(timezone: str = "Asia/Makassar", calendar: Any = None, desk: Any = None) -> Office:
    return Office.model_validate(
        {
            "site": "ikn",
            "timezone": timezone,
            "buildings": [{"id": "b"}],
            "gateways": [],
            "calendar": calendar or {},
            "rules": {"desk": desk or {}},
        }
    )


def at(zone: str, text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * SECOND


def week(calendar: Calendar, first: str) -> float:
    """Working hours of the seven days from `first` in Makassar."""
    start = at("Asia/Makassar", first)
    return calendar.working(start, start + 7 * 24 * HOUR) / HOUR


def test_the_weeks_are_those_of_the_decree() -> None:
    """Perpres 21/2023: 37 h 30 min, in Ramadan 32 h 30 min, without breaks."""
    ramadan = {"ramadan": {"dates": [{"first": "2026-02-19", "last": "2026-03-20"}]}}
    made = calendars.calendar(office(calendar=ramadan), at("Asia/Makassar", "2026-02-01"))
    assert week(made, "2026-02-02") == 37.5
    assert week(made, "2026-02-23") == 32.5
    assert week(made, "2026-02-16") == 3 * 7.5 + 2 * 6.5, "it begins on a Thursday"
    for moment, kind in (
        ("2026-02-02 07:29:59", OFF),
        ("2026-02-02 07:30", WORK),
        ("2026-02-02 12:00", BREAK),
        ("2026-02-06 11:30", BREAK),
        ("2026-02-06 16:29", WORK),
        ("2026-02-07 09:00", OFF),
        ("2026-02-23 07:45", OFF),
        ("2026-02-23 12:45", WORK),
        ("2026-02-27 12:15", BREAK),
    ):
        assert made.kind(at("Asia/Makassar", moment)) == kind, moment


def test_in_ramadan_its_breaks_pause_the_grace_and_the_others_do_not() -> None:
    ramadan = {"ramadan": {"dates": [{"first": "2026-02-19", "last": "2026-03-20"}]}}
    prayer = {"breaks": [{"start": "15:00", "end": "15:20"}]}
    made = calendars.calendar(office(calendar=ramadan, desk=prayer), at("Asia/Makassar", "2026-02-01"))
    for day, pause in (("2026-02-17", 60 + 20), ("2026-02-24", 30 + 20), ("2026-02-27", 60 + 20)):
        start = at("Asia/Makassar", f"{day} 09:00")
        assert made.elapsed(start, start + 8 * HOUR) == 8 * HOUR - pause * 60 * SECOND
    assert made.kind(at("Asia/Makassar", "2026-02-17 15:10")) == WORK, "a prayer is no break of the working time"


@given(
    zone=st.sampled_from(
        ("Asia/Makassar", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")
    ),
    second=st.integers(
        int(datetime(2025, 1, 1, tzinfo=UTC).timestamp()), int(datetime(2028, 1, 1, tzinfo=UTC).timestamp())
    ),
    near=st.booleans(),
)
def test_an_instant_is_what_the_clock_on_the_wall_shows(zone: str, second: int, near: bool) -> None:
    """Also within the hour that is there twice, and around the one that is not there at all."""
    made = made_for(zone)
    if near and len(made.offsets) > 1:
        change = made.offsets[1 + second % (len(made.offsets) - 1)][0] // SECOND
        second = change + second % 14_400 - 7_200
    wall = datetime.fromtimestamp(second, ZoneInfo(zone))
    clock = wall.hour * 60 + wall.minute
    assert made.day(second * SECOND) == (wall.date() - date(1970, 1, 1)).days
    expected = OFF if not 30 <= clock < 1380 else BREAK if 105 <= clock < 165 else WORK
    assert made.kind(second * SECOND) == expected


MADE: dict[str, Calendar] = {}


def made_for(zone: str) -> Calendar:
    """Working hours over the night, so that the clocks change within them."""
    if zone not in MADE:
        hours, breaks = {"days": MON, "start": "00:30", "end": "23:00"}, {"days": MON, "start": "01:45", "end": "02:45"}
        chosen = office(zone, {"hours": [hours], "breaks": [breaks], "ramadan": None})
        MADE[zone] = calendars.calendar(chosen, at("UTC", "2026-06-01"))
    return MADE[zone]


@given(
    zone=st.sampled_from(("Asia/Makassar", "Europe/Berlin", "America/New_York")),
    start=st.integers(0, 400 * 24 * 3600),
    length=st.integers(0, 5 * 24 * 3600),
)
def test_every_stretch_is_cut_into_work_break_and_off(zone: str, start: int, length: int) -> None:
    made = made_for(zone)
    begin = at("UTC", "2026-01-01") + start * SECOND
    end = begin + length * SECOND
    parts = list(made.parts(begin, end))
    assert sum(until - since for since, until, _ in parts) == end - begin
    assert [since for since, _, _ in parts] == [begin, *(until for _, until, _ in parts[:-1])][: len(parts)]
    for since, until, kind in parts:
        assert since < until
        assert {made.kind(since), made.kind((since + until) // 2), made.kind(until - 1)} == {kind}
    assert all(one[2] != other[2] for one, other in pairwise(parts))
    assert made.working(begin, end) == sum(until - since for since, until, kind in parts if kind == WORK)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Makassar"])
def test_days_end_on_the_wall_clock_the_whole_year(zone: str) -> None:
    made = calendars.calendar(office(zone), at("UTC", "2026-06-01"))
    for step in range(366):
        day = date(2026, 1, 1) + timedelta(days=step)
        assert made.end_of_day(at(zone, f"{day} 03:30")) == at(zone, f"{day} 19:00")


def test_a_second_that_the_clocks_leap_over_is_the_leap() -> None:
    """And what is there twice is meant the first time: no day ends twice."""
    for zone, day, leap in (
        ("Europe/Berlin", "2026-03-29", "2026-03-29T01:00:00+00:00"),
        ("America/New_York", "2026-03-08", "2026-03-08T07:00:00+00:00"),
    ):
        made = calendars.calendar(office(zone), at("UTC", "2026-06-01"))
        number = calendars.number(date.fromisoformat(day))
        assert made.instant(number, 2 * 3600 + 1800) == at("UTC", leap[:19])
        moments = [made.instant(number, second) for second in range(0, 86_400, 300)]
        assert moments == sorted(moments)
    berlin = calendars.calendar(office("Europe/Berlin"), at("UTC", "2026-06-01"))
    assert berlin.instant(calendars.number(date(2026, 10, 25)), 9000) == at("UTC", "2026-10-25T00:30:00")


# --- holidays -------------------------------------------------------------------------------------------------------


def test_holidays_come_from_the_library_and_the_operator_has_the_last_word() -> None:
    pytest.importorskip("holidays", reason="an extra: pip install 'hadir[holidays]'")
    chosen = Holidays.model_validate(
        {"country": "ID", "add": [{"day": "2026-06-17", "name": "Pindah gedung"}], "remove": ["2026-03-18"]}
    )
    found = calendars.days_off(chosen, (2026,))
    assert found[date(2026, 8, 17)].startswith("Hari Kemerdekaan")
    assert found[date(2026, 6, 17)] == "Pindah gedung"
    assert date(2026, 3, 18) not in found
    assert date(2026, 3, 20) in found, "cuti bersama"
    assert date(2026, 3, 20) not in calendars.days_off(Holidays(country="ID", categories=("public",)), (2026,))
    now = at("Asia/Makassar", "2026-08-01")
    made = calendars.working_calendar(office(calendar={"holidays": {"country": "ID"}}), now)
    assert made.kind(at("Asia/Makassar", "2026-08-17 09:00")) == OFF
    assert week(made, "2026-08-17") == 30.0
    assert calendars.calendar(office(calendar={"holidays": {"country": "ID"}}), now).days_off == frozenset()


def test_days_of_the_operator_need_no_library() -> None:
    chosen = office(calendar={"holidays": {"add": [{"day": "2026-08-17", "name": "Merdeka"}]}})
    made = calendars.working_calendar(chosen, at("Asia/Makassar", "2026-08-01"))
    assert week(made, "2026-08-17") == 30.0


def test_notes_are_of_days() -> None:
    told = {"notes": [{"first": "2026-03-16", "last": "2026-03-17", "text": "masa WFA"}]}
    working = WorkingCalendar.model_validate(told)
    assert [notes_of(working, date(2026, 3, day)) for day in (15, 16, 17, 18)] == [[], ["masa WFA"], ["masa WFA"], []]


# --- mistakes -------------------------------------------------------------------------------------------------------

WRONG = """\
site: ikn
buildings: [{id: b, coordinator: g, floors: []}]
gateways: [{id: g, place: b}]
calendar:
  hours:
    - {days: [mon, tue], start: "07:30", end: "16:00"}
    - {days: [tue], start: "15:00", end: "18:00"}
    - {days: [wed], start: "16:00", end: "07:30"}
    - {days: [], start: "07:30", end: "16:00"}
  breaks:
    - {days: [mon], start: "19:00", end: "20:00"}
  ramadan:
    dates:
      - {first: 2026-02-19, last: 2026-02-18}
      - {first: 2027-02-08, last: 2027-05-08}
      - {first: 2028-01-28, last: 2028-02-25}
      - {first: 2028-02-20, last: 2028-02-26}
  holidays:
    region: JK
    add:
      - {day: 2026-06-17, name: a}
      - {day: 2026-06-17, name: b}
    remove: [2026-06-17]
  notes:
    - {first: 2026-03-17, last: 2026-03-16, text: masa WFA}
  timezone: Asia/Makassar
"""


def test_every_mistake_of_a_calendar_has_its_line(tmp_path: Path) -> None:
    file = tmp_path / "office.yaml"
    file.write_text(WRONG, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(file)
    told = {(problem.line, problem.text.partition(";")[0]) for problem in caught.value.problems}
    assert told == {
        (7, "two stretches of tue overlap: 07:30 to 16:00 and 15:00 to 18:00"),
        (8, "working hours end after the start, on the same day"),
        (9, "working hours are of no day"),
        (11, "a break of mon begins at 19:00, outside that day's working hours"),
        (14, "the last day of Ramadan is before its first"),
        (15, "Ramadan has 29 or 30 days, and not 90"),
        (17, "these dates overlap with others of the list"),
        (19, "a region without its country"),
        (22, '2026-06-17 stands twice, first as "a"'),
        (23, "there is nothing to remove: name the country whose holidays are meant"),
        (23, '2026-06-17 is added as "a" and removed'),
        (25, 'the last day of "masa WFA" is before its first'),
        (26, '"timezone" is not a setting here'),
    }


def test_what_the_library_has_against_a_calendar() -> None:
    pytest.importorskip("holidays", reason="an extra: pip install 'hadir[holidays]'")

    def told(**chosen: Any) -> list[tuple[Any, str]]:
        return list(calendars.problems(Holidays.model_validate(chosen)))

    ((where, text),) = told(country="IDN ")
    assert where == ("country",)
    assert 'does not know country "IDN "' in text
    ((where, text),) = told(country="DE", region="BX")
    assert (where, text.partition(" in ")[0]) == (("region",), 'DE has no region "BX"')
    ((where, text),) = told(country="ID", remove=["2026-08-18", "2026-08-17"])
    assert (where, text.partition(":")[0]) == (("remove", 0), "2026-08-18 is no holiday of ID")
    assert told(country="ID", region=None) == told() == []


@pytest.mark.parametrize(
    ("timezone", "calendar", "expected"),
    [
        ("Asia/Makassar", {}, True),
        ("Asia/Makassar", {"ramadan": None}, False),
        ("Asia/Makassar", {"ramadan": {"dates": [{"first": "2026-02-19", "last": "2026-03-20"}]}}, False),
        ("Asia/Makassar", {"ramadan": {"dates": [{"first": "2025-03-01", "last": "2025-03-30"}]}}, True),
        ("Europe/Berlin", {}, False),
        ("Europe/Berlin", {"ramadan": {"dates": [{"first": "2025-03-01", "last": "2025-03-30"}]}}, True),
    ],
)
def test_a_year_without_its_ramadan_is_noted(timezone: str, calendar: Any, expected: bool) -> None:
    found = list(calendars.notes(office(timezone, calendar), at(timezone, "2026-01-05 09:00")))
    assert [where for where, _ in found] == ([("ramadan", "dates")] if expected else [])
    assert all("Ramadan 2026" in text for _, text in found)


def test_the_library_suggests_and_the_operator_decides(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("holidays", reason="an extra: pip install 'hadir[holidays]'")
    chosen = office(calendar={"holidays": {"country": "ID"}})
    ((_, text),) = calendars.notes(chosen, at("Asia/Makassar", "2026-01-05 09:00"))
    assert "The library has Eid on 2026-03-21; then it may be 2026-02-19 or a day later to 2026-03-20" in text
    main(["init", str(tmp_path / "site")])
    file = tmp_path / "site" / "office.yaml"
    file.write_text(file.read_text(encoding="utf-8") + "calendar: {holidays: {country: IX}}\n", encoding="utf-8")
    capsys.readouterr()
    assert main(["check", str(file)]) == 2
    assert 'the library of holidays does not know country "IX"' in capsys.readouterr().err


# --- figures --------------------------------------------------------------------------------------------------------


def test_working_time_is_counted_beside_the_clock(tmp_path: Path) -> None:
    """Monday 23.15 to 23.30: work begins at 23.20, pauses from 23.25 to 23.28, and the desk is known from 23.25 on."""
    hours = {"days": ["mon"], "start": "23:20", "end": "23:50"}
    chosen = make_office(tmp_path)
    working = WorkingCalendar.model_validate(
        {"hours": [hours], "breaks": [{**hours, "start": "23:25", "end": "23:28"}]}
    )
    chosen = chosen.model_copy(update={"calendar": working})
    ledger = Ledger(tmp_path / "ledger.sqlite")
    try:
        ledger.commit([make(1, "gateway.started", at=0), make(2, at=1500)])
        usage = Usage(ledger, chosen)
        fields = dict(usage.point("ikn/kk2/l1/north/d-1", START + QUARTER, {}).fields)
        assert fields == {
            "used_s": 300.0,
            "known_s": 300.0,
            "capacity": 1,
            "peak": 1,
            "checkins": 0,
            "work_s": 420.0,
            "work_known_s": 120.0,
            "work_used_s": 120.0,
        }
    finally:
        ledger.close()
