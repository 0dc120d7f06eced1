"""A desk that was booked and is taken: nobody else has it before the booking ends, or whoever took it leaves."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import desk
from rules.api import SECOND, Booked
from rules.desk_model import fulfilled
from tests.rules.desk_story import ANA, BUDI, DESK, T0, ask, book, said, sees, tap

BOOKED = [book(10, 1000, 9000), tap(1100)]
TAKEN: list[tuple[float, str, str | None]] = [(10, "reservation.created", "user"), (1100, "checkin.started", None)]


def bid(seconds: float, start: float, end: float, **how: Any) -> Any:
    return book(seconds, start, end, ref="r2", person=BUDI, **how)


def test_what_was_booked_and_is_taken_is_booked_by_nobody_else(fold: Any) -> None:
    run = fold(desk.rule(), DESK).feed(*BOOKED, bid(1200, 7000, 8000), bid(1300, 8999, 9500, actor="operator"))
    assert said(run) == TAKEN
    run.feed(bid(1400, 9000, 9500))
    assert said(run)[2:] == [(1400, "reservation.created", "user")]


ENDS = {
    "its person leaves": ([tap(2000)], "checkin.ended", "user"),
    "an operator takes it out of order": ([ask(2000, "out_of_order", actor="operator")], "checkin.ended", "operator"),
    "it is cancelled": ([ask(2000, "cancel", booking_ref="r1")], "reservation.cancelled", "user"),
}


@pytest.mark.parametrize("name", ENDS)
def test_it_is_free_to_others_again_when(fold: Any, name: str) -> None:
    items, what, why = ENDS[name]
    run = fold(desk.rule(), DESK).feed(*BOOKED, *items, bid(2100, 7000, 8000))
    assert said(run)[2:] == [(2000, what, why), (2100, "reservation.created", "user")]


def test_its_end_is_told_to_nobody_while_its_person_is_there(fold: Any) -> None:
    run = fold(desk.rule(), DESK).feed(*BOOKED, sees(1200, "occupied")).wait(9100)
    assert said(run) == TAKEN
    assert (run.state.life, run.state.reservations) == ("taken", ())
    assert [item.end > 0 for item in run.emits if isinstance(item, Booked)] == [True, False]


def test_it_is_kept_over_a_restart(fold: Any) -> None:
    before = fold(desk.rule(), DESK).feed(*BOOKED)
    after = fold(desk.rule(), DESK, before.body, 1150)
    assert [item for item in after.emits if isinstance(item, Booked)] == []
    assert said(after.feed(bid(1200, 7000, 8000))) == []
    assert after.feed(tap(1300)).state.reservations == ()


def test_it_is_made_longer_or_shorter(fold: Any) -> None:
    run = fold(desk.rule(), DESK).feed(*BOOKED, book(1200, 1000, 9900), bid(1300, 9500, 9999))
    assert said(run)[2:] == [(1200, "reservation.changed", "user")]
    run.feed(book(1400, 1000, 8000), bid(1500, 9500, 9999), tap(1600))
    assert said(run)[3:] == [
        (1400, "reservation.changed", "user"),
        (1500, "reservation.created", "user"),
        (1600, "checkin.ended", "user"),
    ]
    assert [booked.ref for booked in run.state.reservations] == ["r2"]


@pytest.mark.parametrize("other", [{"start": 90_000, "end": 99_000}, {"start": 1000, "end": 9000, "person": BUDI}])
def test_another_day_or_another_person_makes_another_one_of_it(fold: Any, other: dict[str, Any]) -> None:
    moved = book(1200, other["start"], other["end"], actor="system", person=other.get("person", ANA))
    run = fold(desk.rule(), DESK).feed(*BOOKED, moved, tap(1300))
    assert said(run)[2:] == [
        (1200, "reservation.cancelled", "user"),
        (1200, "reservation.created", "user"),
        (1300, "checkin.ended", "user"),
    ]
    assert [booked.ref for booked in run.state.reservations] == ["r1"], "leaving today ends nothing of it"


steps = st.lists(
    st.tuples(
        st.floats(0.1, 4000),
        st.sampled_from(["ana", "budi", "book", "bid", "cancel", "occupied", "vacant", "unknown", "out", "in"]),
        st.integers(0, 2),
    ),
    max_size=30,
)


def made(chosen: list[tuple[float, str, int]]) -> list[Any]:
    items: list[Any] = []
    now = 0.0
    for passed, what, n in chosen:
        now += passed
        match what:
            case "ana" | "budi":
                items.append(tap(now, ANA if what == "ana" else BUDI))
            case "book" | "bid":
                who = ANA if what == "book" else BUDI
                items.append(book(now, now + 2500 * n - 500, now + 2500 * n + 3000, ref=f"{what}{n}", person=who))
            case "cancel":
                items.append(ask(now, "cancel", booking_ref=f"book{n}"))
            case "out" | "in":
                items.append(ask(now, "out_of_order", actor="operator", on=what == "out"))
            case _:
                items.append(sees(now, what))
    return items


@given(chosen=steps)
def test_no_two_have_the_same_time_and_what_is_used_has_its_person_there(
    fold: Any, chosen: list[tuple[float, str, int]]
) -> None:
    run = fold(desk.rule(), DESK)
    for item in made(chosen):
        run.feed(item)
        kept = run.state.reservations
        assert all(one.end <= next_.start for one, next_ in pairwise(kept))
        assert [one for one in kept if one.used] == [one for one in [fulfilled(run.state)] if one is not None]
        again = fold(desk.rule(), DESK, run.body, (run.state.now - T0) / SECOND)
        assert again.state.reservations == kept
        assert fulfilled(again.state) == fulfilled(run.state)


@given(chosen=steps)
def test_every_reservation_comes_to_one_end(fold: Any, chosen: list[tuple[float, str, int]]) -> None:
    run = fold(desk.rule(), DESK).feed(*made(chosen)).wait(400_000)
    assert run.state.reservations == ()
    standing: set[str] = set()
    used: set[str] = set()
    """Their time ends without a word, and then the same booking may be made again."""
    for event in run.events:
        ref = str(event.data.get("booking_ref", ""))
        if event.cls != "evt" or not ref:
            continue
        match event.type.removeprefix("desk."):
            case "reservation.created":
                assert ref not in standing or ref in used
                standing.add(ref)
                used.discard(ref)
            case "reservation.cancelled" | "reservation.released":
                standing.remove(ref)
            case "checkin.started":
                assert ref in standing
                used.add(ref)
            case "checkin.ended":
                standing -= used & {ref}
                used.discard(ref)
