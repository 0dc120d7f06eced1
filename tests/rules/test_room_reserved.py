"""A room's reservation: it shows, is used by whoever is sensed there, and is released where nobody came."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import desk
from rules.api import Booked, Life
from rules.desk import Settings
from tests.rules.test_desk_life import DESK, ask, at, book, said, sees

ROOM = Settings(rooms=frozenset({DESK}))
START, END = 1800, 5400


def room(fold: Any) -> Any:
    return fold(desk.rule(ROOM), DESK).feed(sees(0, "vacant"), book(1, START, END))


def test_it_is_reserved_from_a_little_before_until_its_end_while_it_is_used(fold: Any) -> None:
    run = room(fold).feed(sees(START + 60, "occupied"), sees(START + 1200, "vacant")).wait(END + 1)
    lives = [(one.life, (one.at - at(0)) // 1_000_000_000) for one in run.emits if isinstance(one, Life)]
    assert lives == [("free", 0), ("reserved", START - 900), ("free", END)]
    assert [word for _, word, cause in said(run) if cause == "no_show"] == []
    assert said(run)[-1] == (END, "reservation.released", None)


def test_nobody_came_and_it_is_released_after_a_warning(fold: Any) -> None:
    run = room(fold).wait(END)
    assert [(when, what) for when, what, cause in said(run) if cause == "no_show"] == [
        (START + 600, "release.warning"),
        (START + 900, "reservation.released"),
    ]
    assert [one.end for one in run.emits if isinstance(one, Booked)] == [at(END), 0]


def test_the_meeting_before_that_goes_on_into_its_time_keeps_it(fold: Any) -> None:
    """Who sits there when it begins uses it: nobody can tell the two meetings apart."""
    run = room(fold).feed(sees(600, "occupied"), sees(START + 90, "vacant")).wait(END)
    assert [word for _, word, cause in said(run) if cause == "no_show"] == []


@pytest.mark.parametrize("left", [-30, 30])
def test_who_was_there_and_left_as_it_began_does_not_count(fold: Any, left: int) -> None:
    run = room(fold).feed(sees(600, "occupied"), sees(START + left, "vacant")).wait(END)
    assert (START + 900 + max(0, left), "reservation.released", "no_show") in said(run)


def test_who_looks_in_does_not_use_it_and_who_stays_does(fold: Any) -> None:
    run = room(fold).feed(sees(START + 100, "occupied"), sees(START + 120, "vacant")).wait(END)
    assert (START + 920, "reservation.released", "no_show") in said(run)
    run = room(fold).feed(*(sees(START + 100 + 20 * n, ("occupied", "vacant")[n % 2]) for n in range(6))).wait(END)
    assert [word for _, word, cause in said(run) if cause == "no_show"] == [], "three times 20 s"


def test_unknown_releases_nothing(fold: Any) -> None:
    run = room(fold).feed(sees(START + 10, "unknown")).wait(END - 1)
    assert [cause for _, _, cause in said(run)].count("no_show") == 0
    assert run.state.life == "reserved"


def test_a_room_is_never_taken(fold: Any) -> None:
    run = room(fold).feed(ask(START + 5, "checkin"), ask(START + 6, "checkout"))
    assert run.state.life == "reserved"
    assert [word for _, word, _ in said(run) if word.startswith("checkin")] == []


def test_that_somebody_came_is_known_after_a_restart(fold: Any) -> None:
    run = room(fold).feed(sees(START + 60, "occupied")).wait(START + 130)
    again = fold(desk.rule(ROOM), DESK, run.body, at=START + 190).feed(sees(START + 200, "vacant")).wait(END)
    assert [word for _, word, cause in said(again) if cause == "no_show"] == []


@given(st.lists(st.tuples(st.integers(1, 900), st.sampled_from(["occupied", "vacant", "unknown"])), max_size=12))
def test_a_reservation_ends_once_and_no_show_only_where_nobody_was_sensed(
    fold: Any, seen: list[tuple[int, str]]
) -> None:
    run, when, there, since, came = room(fold), 2, "vacant", 1, False
    for later, state in [*seen, (END, "vacant")]:
        when += later
        came = came or (there == "occupied" and when - max(since, START) >= 60)
        run.feed(sees(when, state))
        ended = [cause for _, word, cause in said(run) if word == "reservation.released"]
        assert len(ended) <= 1
        if ended:
            assert ended == [None] or not came
            break
        there, since = state, since if state == there else when
    assert [word for _, word, _ in said(run)].count("reservation.released") == 1
