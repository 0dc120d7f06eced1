"""A desk's life by scenario, and the laws of a tap."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import desk
from rules.api import SECOND, Command, Life, Reading, Sensed
from rules.calendar import Break, Calendar
from rules.desk import Settings

T0 = 1_795_484_000 * SECOND
"""A Tuesday, 09:33:20 in Makassar."""
DESK = "s/b/f/z/d-1"
ANA, BUDI = "p-000000000000000a", "p-000000000000000b"
HOUR = 3600.0
END_OF_DAY = 9 * HOUR + 26 * 60 + 40
"""19:00, in seconds after T0."""
OUTCOMES = ("desk.checkin.started", "desk.checkin.ended", "badge.rejected")


def at(seconds: float) -> int:
    return T0 + round(seconds * SECOND)


def tap(seconds: float, person: str = ANA, refused: str = "") -> Reading:
    return Reading("rdr-1", "badge", True, DESK, at(seconds), "badge", "desk", person, "panrb", refused)


def sees(seconds: float, state: str) -> Sensed:
    cause = "sensor_stale" if state == "unknown" else None
    return Sensed(DESK, state, cause, at(seconds), at(seconds), 0.9)


def ask(seconds: float, name: str, person: str = ANA, actor: str = "user", **args: Any) -> Command:
    return Command(name, DESK, at(seconds), person, "panrb", actor, args)


def book(seconds: float, start: float, end: float, ref: str = "r1", person: str = ANA) -> Command:
    return ask(seconds, "reserve", person, booking_ref=ref, start=at(start), end=at(end))


def story(run: Any) -> list[tuple[float, str, str | None]]:
    """(seconds, what, reason or cause) of every event without a person."""
    return [
        (
            round((event.at - T0) / SECOND, 3),
            event.type.removeprefix("desk."),
            event.data.get("reason") or event.data.get("cause"),
        )
        for event in run.events
        if event.cls == "evt"
    ]


def lives(run: Any) -> list[tuple[float, str]]:
    return [(round((item.at - T0) / SECOND, 3), item.life) for item in run.emits if isinstance(item, Life)]


SCENARIOS: dict[str, tuple[list[Any], float, list[tuple[float, str, str | None]]]] = {
    "take and leave": (
        [tap(10), tap(100)],
        200,
        [(10, "checkin.started", None), (100, "checkin.ended", "user")],
    ),
    "another's badge is refused": (
        [tap(10), tap(20, BUDI), tap(30)],
        200,
        [(10, "checkin.started", None), (20, "badge.rejected", "taken"), (30, "checkin.ended", "user")],
    ),
    "nobody's badge is refused": (
        [tap(10, "", "unknown"), tap(20, "", "disabled"), tap(30, "")],
        200,
        [(10, "badge.rejected", "unknown"), (20, "badge.rejected", "disabled"), (30, "badge.rejected", "unknown")],
    ),
    "vacant for the whole grace, warned before": (
        [tap(10), sees(20, "occupied"), sees(100, "vacant")],
        2 * HOUR,
        [
            (10, "checkin.started", None),
            (3400, "release.warning", "auto_release"),
            (3700, "checkin.ended", "auto_release"),
        ],
    ),
    "after unknown the grace begins again": (
        [tap(10), sees(20, "occupied"), sees(100, "vacant"), sees(3500, "unknown"), sees(5100, "vacant")],
        3 * HOUR,
        [
            (10, "checkin.started", None),
            (3400, "release.warning", "auto_release"),
            (8400, "release.warning", "auto_release"),
            (8700, "checkin.ended", "auto_release"),
        ],
    ),
    "unknown never releases before the day ends": (
        [tap(10), sees(20, "unknown")],
        END_OF_DAY - 1,
        [(10, "checkin.started", None)],
    ),
    "back in time": (
        [tap(10), sees(20, "occupied"), sees(100, "vacant"), sees(3500, "occupied"), tap(4000)],
        2 * HOUR,
        [
            (10, "checkin.started", None),
            (3400, "release.warning", "auto_release"),
            (4000, "checkin.ended", "user"),
        ],
    ),
    "end of day": (
        [tap(10)],
        2 * END_OF_DAY,
        [(10, "checkin.started", None), (END_OF_DAY, "checkin.ended", "end_of_day")],
    ),
    "end of day waits for who is still there": (
        [tap(10), sees(20, "occupied"), sees(END_OF_DAY + 600, "vacant")],
        2 * END_OF_DAY,
        [(10, "checkin.started", None), (END_OF_DAY + 900, "checkin.ended", "end_of_day")],
    ),
    "moved": (
        [tap(10), ask(50, "move", actor="coordinator", at=at(50))],
        200,
        [(10, "checkin.started", None), (50, "checkin.ended", "moved")],
    ),
    "a move that is older than the check-in": (
        [tap(10), tap(60), tap(70), ask(80, "move", actor="coordinator", at=at(50))],
        200,
        [(10, "checkin.started", None), (60, "checkin.ended", "user"), (70, "checkin.started", None)],
    ),
    "a move of another check-in": (
        [tap(10), ask(80, "move", actor="coordinator", at=at(50), checkin_id="another")],
        200,
        [(10, "checkin.started", None)],
    ),
    "a late tap is refused when somebody acted later": (
        [tap(10), tap(5, BUDI)],
        200,
        [(10, "checkin.started", None), (5, "badge.rejected", "late")],
    ),
    "out of order": (
        [tap(10), ask(20, "out_of_order", actor="operator"), tap(30), ask(40, "out_of_order", on=False), tap(50)],
        200,
        [
            (10, "checkin.started", None),
            (20, "checkin.ended", "operator"),
            (30, "badge.rejected", "out_of_order"),
            (50, "checkin.started", None),
        ],
    ),
    "reserved for one, refused to another": (
        [book(10, 1000, 5000), tap(20, BUDI), tap(30, BUDI), tap(950, BUDI), tap(1100)],
        1200,
        [
            (10, "reservation.created", "user"),
            (20, "checkin.started", None),
            (30, "checkin.ended", "user"),
            (950, "badge.rejected", "reserved"),
            (1100, "checkin.started", None),
        ],
    ),
    "no-show, on evidence": (
        [sees(5, "vacant"), book(10, 1000, 9000)],
        9000,
        [
            (10, "reservation.created", "user"),
            (1600, "release.warning", "no_show"),
            (1900, "reservation.released", "no_show"),
        ],
    ),
    "no no-show without evidence": (
        [book(10, 1000, 9000)],
        10_000,
        [(10, "reservation.created", "user"), (9000, "reservation.released", None)],
    ),
    "changed and cancelled": (
        [book(10, 1000, 9000), book(20, 2000, 9000), book(30, 8000, 9500, "r2"), ask(40, "cancel", booking_ref="r1")],
        100,
        [
            (10, "reservation.created", "user"),
            (20, "reservation.changed", "user"),
            (40, "reservation.cancelled", "user"),
        ],
    ),
    "web takes and leaves": (
        [ask(10, "checkin"), ask(20, "checkin", BUDI), ask(30, "checkout", BUDI), ask(40, "checkout")],
        100,
        [(10, "checkin.started", None), (40, "checkin.ended", "user")],
    ),
    "an act elsewhere extends": (
        [tap(10), sees(20, "occupied"), sees(100, "vacant"), ask(2999.5, "extend", until=at(3000))],
        6650,
        [
            (10, "checkin.started", None),
            (6300, "release.warning", "auto_release"),
            (6600, "checkin.ended", "auto_release"),
        ],
    ),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(fold: Any, name: str) -> None:
    inputs, until, expected = SCENARIOS[name]
    run = fold(desk.rule(), DESK)
    for item in inputs:
        run.feed(item)
    assert story(run.wait(until)) == expected


def test_life_goes_beside_what_is_sensed(fold: Any) -> None:
    run = fold(desk.rule(), DESK).feed(
        tap(10), sees(20, "occupied"), sees(100, "vacant"), sees(500, "occupied"), tap(600)
    )
    assert lives(run) == [(0, "free"), (10, "taken"), (400, "away"), (500, "taken"), (600, "free")]
    last = run.emits[-1]
    assert (last.person, last.checkin_id) == (ANA, run.of("desk.checkin.started")[0].data["checkin_id"])


def test_one_event_for_all_and_one_for_the_unit(fold: Any) -> None:
    hidden = fold(desk.rule(), DESK).feed(tap(10), tap(70))
    shown = fold(desk.rule(Settings(units_shown=frozenset({"panrb"}))), DESK).feed(tap(10), tap(70))
    for run in (hidden, shown):
        assert [(event.type, event.cls) for event in run.events] == [
            ("desk.checkin.started", "evt"),
            ("desk.checkin.started", "who"),
            ("desk.checkin.ended", "evt"),
            ("desk.checkin.ended", "who"),
        ]
        assert len({event.data["checkin_id"] for event in run.events}) == 1
        assert {event.person for event in run.of("desk.checkin.ended", "who")} == {ANA}
        reader = {"dev": "rdr-1", "modality": "badge", "kind": "badge", "value": True, "age_s": 0.0, "weight": 1.0}
        assert all(event.data["evidence"][0] == reader for event in run.events)
        assert run.events[-1].data["dwell_s"] == 60.0
    assert "unit" not in hidden.events[0].data
    assert shown.events[0].data["unit"] == "panrb"


def test_an_inferred_end_is_dated_by_the_last_evidence(fold: Any) -> None:
    run = fold(desk.rule(), DESK).feed(tap(10), sees(20, "occupied"), sees(100, "vacant")).wait(5000)
    ended = run.of("desk.checkin.ended")[0].data
    assert ended["ended_by"] == "inferred"
    assert (ended["last_evidence"], ended["dwell_s"]) == (at(100), 90.0)
    assert ended["evidence"][0]["value"] is False


def test_breaks_pause_the_grace(fold: Any) -> None:
    """11:30 to 13:00 is 7000 s to 12 400 s after T0: half of the grace passes before it, half after it."""
    lunch = Calendar(breaks=(Break(start_s=41_400, end_s=46_800),))
    run = fold(desk.rule(Settings(calendar=lunch)), DESK)
    run.feed(tap(10), sees(20, "occupied"), sees(5200, "vacant")).wait(5 * HOUR)
    assert run.of("desk.checkin.ended")[0].at == at(12_400 + 1800)


@pytest.mark.parametrize("until", [15, 95, 450, 3500])
def test_a_restart_remembers_the_check_in(fold: Any, until: float) -> None:
    inputs = [tap(10), sees(20, "occupied"), sees(90, "vacant")]
    before = fold(desk.rule(), DESK).feed(*(item for item in inputs if item.at < at(until))).wait(until)
    after = fold(desk.rule(), DESK, before.body, until + 1)
    assert after.state.checkin._replace(last=0) == before.state.checkin._replace(last=0)
    assert (after.state.life, after.state.warned) == (before.state.life, before.state.warned)
    assert after.events == []
    assert story(after.feed(tap(until + 10)))[-1] == (until + 10, "checkin.ended", "user")
    assert after.body is not None
    assert (after.body["checkin"], after.body["acted"]) == (None, at(until + 10))


def test_a_tap_that_left_is_known_again_after_a_restart(fold: Any) -> None:
    """A door system that got no answer tells it again, to a gateway that was killed meanwhile."""
    before = fold(desk.rule(), DESK).feed(tap(10), tap(500))
    assert [word for _, word, _ in story(before)] == ["checkin.started", "checkin.ended"]
    after = fold(desk.rule(), DESK, before.body, 502)
    assert story(after.feed(tap(500))) == []
    assert [word for _, word, _ in story(after.feed(tap(600)))] == ["checkin.started"]


def test_a_check_in_of_yesterday_is_closed_unless_somebody_sits_there(fold: Any) -> None:
    before = fold(desk.rule(), DESK).feed(tap(10))
    morning = 24 * HOUR
    empty = fold(desk.rule(), DESK, before.body, morning).wait(morning + HOUR)
    assert story(empty) == [(morning + 300, "checkin.ended", "end_of_day")]
    assert empty.events[0].data["last_evidence"] == at(10)
    sits = fold(desk.rule(), DESK, before.body, morning).feed(sees(morning + 30, "occupied")).wait(morning + HOUR)
    assert story(sits) == []


def test_a_late_tap_of_the_same_person_has_one_outcome(fold: Any) -> None:
    run = fold(desk.rule(), DESK).feed(tap(10))
    run.feed(tap(9)._replace(late=True))
    assert story(run) == [(10, "checkin.started", None), (9, "badge.rejected", "late")]
    assert run.events[-1].data["late"] is True


def test_a_late_tap_wins_over_what_was_only_inferred(fold: Any) -> None:
    """The tap was observed before the release, and arrives after it."""
    run = fold(desk.rule(), DESK).feed(tap(10), sees(20, "occupied"), sees(100, "vacant")).wait(3700)
    assert run.state.checkin is None
    run.feed(tap(3699)._replace(late=True))
    assert story(run)[-1] == (3699, "checkin.started", None)


def test_a_desk_that_the_configuration_takes_out(fold: Any) -> None:
    run = fold(desk.rule(Settings(out_of_order=frozenset({DESK}))), DESK).feed(tap(10))
    assert run.state.life == "out_of_order"
    assert story(run) == [(10, "badge.rejected", "out_of_order")]


steps = st.lists(
    st.tuples(
        st.floats(0.01, 5000),
        st.sampled_from(
            ["ana", "budi", "nobody", "occupied", "vacant", "unknown", "book", "book2", "cancel", "move", "out", "in"]
        ),
    ),
    max_size=30,
)


def made(chosen: list[tuple[float, str]]) -> list[Any]:
    items: list[Any] = []
    now = 0.0
    for passed, what in chosen:
        now += passed
        match what:
            case "ana":
                items.append(tap(now, ANA))
            case "budi":
                items.append(tap(now, BUDI))
            case "nobody":
                items.append(tap(now, "", "unknown"))
            case "book":
                items.append(book(now, now + 1500, now + 9000, f"r{now}"))
            case "book2":
                items.append(book(now, now + 100, now + 5000, f"q{now}", BUDI))
            case "cancel":
                items.append(ask(now, "cancel", booking_ref="r1"))
            case "move":
                items.append(ask(now, "move", actor="coordinator", at=at(now - 10)))
            case "out" | "in":
                items.append(ask(now, "out_of_order", actor="operator", on=what == "out"))
            case _:
                items.append(sees(now, what))
    return items


@given(chosen=steps)
def test_a_tap_has_exactly_one_outcome(fold: Any, chosen: list[tuple[float, str]]) -> None:
    run = fold(desk.rule(), DESK)
    for item in made(chosen):
        run.advance(item.at)
        before = len(run.events)
        run.feed(item)
        if isinstance(item, Reading):
            said = [event for event in run.events[before:] if event.cls == "evt"]
            assert len(said) == 1
            assert said[0].type in OUTCOMES
            reader = said[0].data.get("reader") or said[0].data["evidence"][0]["dev"]
            assert reader == "rdr-1"


@given(chosen=steps)
def test_same_input_same_output(fold: Any, chosen: list[tuple[float, str]]) -> None:
    one = fold(desk.rule(), DESK).feed(*made(chosen)).wait(400_000)
    two = fold(desk.rule(), DESK).feed(*made(chosen)).wait(400_000)
    assert (one.events, one.facts, one.emits) == (two.events, two.facts, two.emits)


@given(chosen=steps)
def test_check_ins_open_and_close_in_turn(fold: Any, chosen: list[tuple[float, str]]) -> None:
    run = fold(desk.rule(), DESK).feed(*made(chosen))
    kinds = [event for event in run.events if event.type.startswith("desk.checkin") and event.cls == "evt"]
    open_id = None
    for event in kinds:
        if event.type.endswith("started"):
            assert open_id is None
            open_id = event.data["checkin_id"]
        else:
            assert open_id == event.data["checkin_id"]
            open_id = None
            assert event.data["dwell_s"] >= 0
    assert (open_id is None) == (run.state.checkin is None)


@given(chosen=steps)
def test_only_vacancy_for_the_whole_grace_releases(fold: Any, chosen: list[tuple[float, str]]) -> None:
    items = made(chosen)
    run = fold(desk.rule(), DESK).feed(*items).wait(400_000)
    for event in run.of("desk.checkin.ended"):
        if event.data["reason"] == "auto_release":
            sensed = [item for item in items if isinstance(item, Sensed) and item.at < event.at]
            assert sensed[-1].state == "vacant"
            assert event.at - event.data["start"] >= 3600 * SECOND


@given(chosen=steps)
def test_a_row_restores_the_state(fold: Any, chosen: list[tuple[float, str]]) -> None:
    run = fold(desk.rule(), DESK).feed(*made(chosen))
    end = (run.state.now - T0) / SECOND
    again = fold(desk.rule(), DESK, run.body, end)
    held, kept = run.state.checkin, again.state.checkin
    assert (held and held._replace(last=0)) == (kept and kept._replace(last=0))
    assert (again.state.reservations, again.state.out_of_order) == (run.state.reservations, run.state.out_of_order)
    assert again.state.life == run.state.life
