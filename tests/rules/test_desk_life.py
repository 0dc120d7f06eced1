"""What the plan says of a desk: whose it is, who books it, and evidence before anything is released."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import desk
from rules.api import SECOND, Command, Event, Input, Sensed
from rules.calendar import Break, Calendar
from rules.desk import Settings
from tests.rules.desk_story import ANA, BUDI, DESK, HOUR, ask, at, book, said, sees, tap

LUNCH = Calendar(breaks=(Break(start_s=12 * 3600, end_s=13 * 3600),), pauses=(Break(start_s=54_000, end_s=55_200),))


# --- whose desk it is -----------------------------------------------------------------------------------------------

OWNED = Settings(owned_by={DESK: "panrb"})


def test_a_desk_of_another_unit_refuses_and_names_nobody(fold: Any) -> None:
    run = fold(desk.rule(OWNED), DESK).feed(tap(10, BUDI, "bkn"), tap(20, ANA), tap(30, ANA))
    assert said(run) == [
        (10, "badge.rejected", "unit"),
        (20, "checkin.started", None),
        (30, "checkin.ended", "user"),
    ]
    assert run.events[0].data == {"reader": "rdr-1", "cause": "unit"}
    run = fold(desk.rule(), DESK).feed(tap(10, BUDI, "bkn"))
    assert said(run) == [(10, "checkin.started", None)], "without an owner it is for everybody"


def test_an_end_of_another_check_in_sends_nobody_away(fold: Any) -> None:
    run = fold(desk.rule(), DESK).feed(
        ask(10, "checkin"),
        ask(20, "checkout", checkin_id="another"),
        ask(30, "release", "", actor="operator", checkin_id="another"),
    )
    assert said(run) == [(10, "checkin.started", None)]


def test_the_web_obeys_the_same_owner_and_the_owner_may_invite(fold: Any) -> None:
    guest = {"person": BUDI, "unit": "bkn"}
    run = fold(desk.rule(OWNED), DESK)
    run.feed(ask(10, "checkin", **guest), book(20, 100, 5000, **guest))
    assert run.events == []
    run.feed(book(30, 1000, 5000, actor="operator", **guest), tap(1000, BUDI, "bkn"))
    assert said(run) == [(30, "reservation.created", "operator"), (1000, "checkin.started", None)]
    run.feed(tap(1100, BUDI, "bkn"))
    assert said(run)[-1] == (1100, "checkin.ended", "user"), "whoever holds it may leave it"


def test_where_a_booking_system_is_the_master_only_it_books(fold: Any) -> None:
    run = fold(desk.rule(Settings(external_bookings=True)), DESK)
    run.feed(book(10, 1000, 5000), book(20, 1000, 5000, actor="system", ref="x1"), ask(30, "cancel", booking_ref="x1"))
    assert said(run) == [(20, "reservation.created", "user")]
    run.feed(ask(40, "cancel", "", "system", booking_ref="x1"))
    assert said(run)[-1] == (40, "reservation.cancelled", "user")


def test_a_walk_up_and_a_reservation_are_told_apart(fold: Any) -> None:
    run = fold(desk.rule(), DESK).feed(tap(10), tap(60), book(70, 200, 5000), tap(300))
    walk_up, booked = run.of("desk.checkin.started")
    assert (walk_up.data["matches_reservation"], booked.data["matches_reservation"]) == (False, True)
    made = run.of("desk.reservation.created")[0].data
    assert (made["due"], made["until"]) == (at(200), at(5000))


# --- evidence -------------------------------------------------------------------------------------------------------


def test_what_nobody_knows_is_not_told_as_vacant(fold: Any) -> None:
    run = fold(desk.rule(), DESK).feed(tap(10), sees(20, "unknown")).wait(12 * HOUR)
    (item,) = run.of("desk.checkin.ended")[0].data["evidence"]
    assert (item["value"], item["weight"]) == (None, 0.0)
    run = fold(desk.rule(), DESK).feed(tap(10), sees(20, "vacant")).wait(2 * HOUR)
    (item,) = run.of("desk.checkin.ended")[0].data["evidence"]
    assert (item["value"], item["weight"]) == (False, 0.9)


steps = st.lists(
    st.tuples(
        st.one_of(st.floats(0.01, 5000), st.floats(0.01, 70)),
        st.sampled_from(["occupied", "vacant", "unknown", "vacant", "ana", "book", "elsewhere", "meeting"]),
    ),
    max_size=30,
)


def made(chosen: Iterable[tuple[float, str]]) -> list[Input]:
    items: list[Input] = []
    now = 0.0
    for passed, what in chosen:
        now += passed
        match what:
            case "ana":
                items.append(tap(now))
            case "book":
                items.append(book(now, now + 1500, now + 30_000, ref=f"r{len(items)}"))
            case "elsewhere":
                items.append(ask(now, "extend", actor="coordinator"))
            case "meeting":
                items.append(ask(now, "extend", actor="coordinator", until=at(now + 7200)))
            case _:
                items.append(sees(now, what))
    return items


@pytest.mark.parametrize("calendar", [Calendar(), LUNCH], ids=["no breaks", "lunch and a prayer"])
@given(chosen=steps)
def test_nothing_is_released_without_evidence_for_the_whole_grace(
    fold: Any, calendar: Calendar, chosen: list[tuple[float, str]]
) -> None:
    """Whatever is interleaved: sensed vacant for the grace, without a doubt that lasted, and nothing else ends it."""
    items = made(chosen)
    run = fold(desk.rule(Settings(calendar=calendar)), DESK).feed(*items).wait(400_000)
    for event in run.events:
        grace = grace_of(event)
        if event.cls != "evt" or grace is None:
            continue
        spans = sensed_until(items, event.at)
        assert spans[-1][2] == "vacant"
        begun = event.data.get("start", event.at + 1)  # an act elsewhere speaks for who holds the desk
        first = max([spans[0][0], *(until(item) for item in items if begun <= item.at <= event.at)])
        first = max(first, begun if begun < event.at else event.data["due"])
        vacated = min(max(since, first) for since, end, state in spans if end > first and state == "vacant")
        last = max(first, vacated)  # who stays before anybody left is not in doubt ...
        for _, end, _ in spans:
            if end > last and lasted([span for span in spans if span[0] >= last], end):
                last = end  # ... and what lasted ends the doubts before it
        counted = [span for span in spans if span[1] > last]
        seen = sum(
            calendar.elapsed(max(since, last), end) for since, end, state in counted if state == "vacant" and end > last
        )
        assert seen >= grace
        if event.type == "desk.reservation.released" and not run.of("desk.checkin.started"):
            assert seen == grace or event.at == spans[-1][0] + 30 * SECOND, "to the tick"
        warned = [each.at for each in run.of("desk.release.warning") if each.at <= event.at]
        assert warned, "nobody was warned"


Span = tuple[int, int, str]


def sensed_until(items: Iterable[Input], end: int) -> list[Span]:
    """(from, until, state), the same states as one, from the first vacancy on."""
    spans: list[Span] = []
    for item in items:
        if isinstance(item, Sensed) and item.at < end and (not spans or spans[-1][2] != item.state):
            spans = [*spans[:-1], (spans[-1][0], item.at, spans[-1][2])] if spans else spans
            spans.append((item.at, end, item.state))
    while spans and spans[0][2] != "vacant":
        spans.pop(0)
    return spans


def lasted(spans: list[Span], at: int) -> bool:
    """Whether what ended the doubt at `at` was long enough for somebody to have been there."""
    if not any(end == at and state != "vacant" for _, end, state in spans):
        return False
    begin = at - 900 * SECOND
    known = {
        state: sum(max(0, min(end, at) - max(since, begin)) for since, end, state_ in spans if state_ == state)
        for state in ("occupied", "unknown")
    }
    return known["occupied"] >= 60 * SECOND or known["unknown"] >= 330 * SECOND


def until(item: Input) -> int:
    """Until when an act elsewhere speaks for the holder: for two hours, or as long as a booking."""
    if not isinstance(item, Command) or item.name != "extend":
        return 0
    return int(item.args.get("until", item.at + 7200 * SECOND))


def grace_of(event: Event) -> int | None:
    if event.data.get("reason") == "auto_release":
        return 3600 * SECOND
    return 900 * SECOND if event.data.get("cause") == "no_show" and event.type.endswith("released") else None


@given(
    chosen=st.lists(
        st.tuples(st.floats(0.01, 5000), st.sampled_from(["occupied", "unknown", "ana", "book"])), max_size=20
    )
)
def test_without_vacancy_nothing_is_ever_released(fold: Any, chosen: list[tuple[float, str]]) -> None:
    run = fold(desk.rule(), DESK).feed(*made(chosen)).wait(400_000)
    assert [event for event in run.events if grace_of(event)] == []


@given(chosen=steps)
def test_the_day_never_ends_for_who_is_sensed(fold: Any, chosen: list[tuple[float, str]]) -> None:
    items = made(chosen)
    run = fold(desk.rule(), DESK).feed(*items).wait(400_000)
    for event in run.of("desk.checkin.ended"):
        if event.data["reason"] == "end_of_day":
            seen = [item.state for item in items if isinstance(item, Sensed) and item.at <= event.at]
            assert seen[-1:] != ["occupied"]
            assert event.data["ended_by"] == "inferred"
            assert event.data["start"] <= event.data["last_evidence"] <= event.at


def test_a_no_show_is_released_when_it_is_due(fold: Any) -> None:
    """To the tick, and after a prayer that lies in the grace: 15.00 to 15.20 is 19 600 s to 20 800 s."""
    run = fold(desk.rule(), DESK).feed(sees(5, "vacant"), book(10, 1000, 9000)).wait(9000)
    assert run.of("desk.reservation.released")[0].at == at(1900)
    run = fold(desk.rule(Settings(calendar=LUNCH)), DESK)
    run.feed(sees(5, "vacant"), book(10, 19_300, 30_000)).wait(40_000)
    assert run.of("desk.reservation.released")[0].at == at(20_800 + 600)
