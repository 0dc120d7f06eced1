"""A ghost, a passer-by and a lost report pause a grace; who is there begins it anew, and never loses the desk."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import desk
from rules.api import Life, Sensed
from tests.rules.desk_story import DESK, HOUR, T0, book, said, sees, tap

START = 1000
DUE = START + 900


def booked(fold: Any, *seen: Sensed) -> list[tuple[float, str]]:
    """What becomes of a reservation of an hour."""
    run = fold(desk.rule(), DESK).feed(sees(5, "vacant"), book(10, START, START + 3600), *seen).wait(START + 3599)
    return [(when, word) for when, word, cause in said(run) if cause == "no_show"]


def flicker(first: float, period: float, lasts: float, until: float, what: str = "occupied") -> list[Sensed]:
    found: list[Sensed] = []
    while first < until:
        found += [sees(first, what), sees(first + lasts, "vacant")]
        first += period
    return found


def test_a_ghost_delays_a_no_show_by_its_own_length(fold: Any) -> None:
    assert booked(fold, sees(DUE - 368, "occupied"), sees(DUE - 349, "vacant")) == [
        (DUE - 300 + 19, "release.warning"),
        (DUE + 19, "reservation.released"),
    ]


def test_one_just_before_it_is_due_delays_it_by_less_than_a_minute(fold: Any) -> None:
    found = booked(fold, sees(DUE - 1, "occupied"), sees(DUE + 18, "vacant"))
    assert found == [(DUE - 300, "release.warning"), (DUE + 48, "reservation.released")], "and is not warned of again"


def test_one_before_the_reservation_does_not_delay_it(fold: Any) -> None:
    assert booked(fold, sees(START - 30, "occupied"), sees(START - 11, "vacant"))[-1][0] == DUE


def test_reports_that_were_lost_pause_it(fold: Any) -> None:
    assert booked(fold, sees(START + 100, "unknown"), sees(START + 400, "vacant"))[-1] == (
        DUE + 300,
        "reservation.released",
    )


@pytest.mark.parametrize(("what", "lasts"), [("occupied", 60), ("unknown", 330)])
def test_what_lasts_begins_it_anew(fold: Any, what: str, lasts: int) -> None:
    found = booked(fold, sees(START + 500, what), sees(START + 500 + lasts, "vacant"))
    assert found[-1] == (START + 500 + lasts + 900, "reservation.released")


def test_short_stays_add_up(fold: Any) -> None:
    """A still person whom the radar loses again and again is there."""
    found = booked(fold, *flicker(START + 5, 200, 15, START + 3600))
    assert {word for _, word in found} == {"release.warning"}


@given(st.floats(20, 120), st.floats(0.1, 0.9))
def test_who_is_seen_for_a_tenth_of_the_time_never_loses_the_desk(fold: Any, period: float, share: float) -> None:
    run = fold(desk.rule(), DESK).feed(tap(10), *flicker(20, period, share * period, 1.2 * HOUR))
    assert "ended" not in {word.rpartition(".")[2] for _, word, _ in said(run.wait(1.2 * HOUR))}


def test_a_ghost_at_a_desk_that_is_away_is_no_evidence_of_its_holder(fold: Any) -> None:
    run = fold(desk.rule(), DESK)
    run.feed(tap(10), sees(20, "occupied"), sees(100, "vacant"), sees(2000, "occupied"), sees(2011, "vacant"))
    run.wait(2 * HOUR)
    ended = run.of("desk.checkin.ended")[0]
    assert (ended.at - T0) / 1e9 == 3711
    assert (ended.data["reason"], (ended.data["last_evidence"] - T0) / 1e9) == ("auto_release", 100)
    lives = [(one.life, (one.at - T0) / 1e9) for one in run.emits if isinstance(one, Life)]
    assert lives == [("free", 0), ("taken", 10), ("away", 400), ("taken", 2000), ("away", 2011), ("free", 3711)]


def test_a_ghost_does_not_put_off_the_end_of_the_day(fold: Any) -> None:
    end = 34_000  # 19:00
    run = fold(desk.rule(), DESK).feed(tap(10), sees(20, "occupied"), sees(33_000, "vacant"))
    run.feed(sees(end - 5, "occupied"), sees(end + 10, "vacant")).wait(end + HOUR)
    assert said(run)[-1] == (end + 40, "checkin.ended", "end_of_day")


def test_what_is_remembered_of_doubts_is_bounded(fold: Any) -> None:
    """Nobody, and a ghost every quarter of an hour, for a week."""
    run = fold(desk.rule(), DESK).feed(*flicker(10, 900, 12, 7 * 24 * HOUR))
    assert len(run.state.doubts) <= 9


# --- what spoke against it ------------------------------------------------------------------------------------------


def lost(run: Any, what: str) -> Any:
    return run.of(what)[0].data["challenger"]


def test_who_takes_a_desk_that_looks_vacant_is_told_with_what_lost(fold: Any) -> None:
    run = fold(desk.rule(), DESK).feed(sees(5, "vacant"), tap(10), sees(20, "occupied"), tap(30))
    assert lost(run, "desk.checkin.started") == {"state": "vacant", "weight": 0.9}
    assert lost(run, "desk.checkin.ended") == {"state": "occupied", "weight": 0.9}
    assert lost(fold(desk.rule(), DESK).feed(tap(10)), "desk.checkin.started") is None, "nobody knows"


def test_a_release_tells_the_ghost_and_the_sensor_that_lost(fold: Any) -> None:
    ghost = [sees(5, "vacant"), book(10, START, START + 3600), sees(DUE - 200, "occupied"), sees(DUE - 185, "vacant")]
    run = fold(desk.rule(), DESK).feed(*ghost).wait(DUE + 60)
    assert lost(run, "desk.reservation.released") == {"state": "occupied", "weight": 0.25}
    assert lost(run, "desk.release.warning") is None
    seen = sees(5, "vacant")._replace(against=0.56)
    run = fold(desk.rule(), DESK).feed(seen, book(10, START, START + 3600)).wait(DUE + 60)
    assert lost(run, "desk.reservation.released") == {"state": "occupied", "weight": 0.56}
    assert "challenger" not in run.of("desk.reservation.created")[0].data, "nobody asked the sensors"
