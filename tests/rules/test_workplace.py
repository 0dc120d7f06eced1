"""Workplace check-ins that nobody ends: closed with the day, inferred, and never `left`."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import presence
from rules.api import SECOND, Command, Located, Reading

T0 = 1_795_484_000 * SECOND
"""A Tuesday, 09:33:20 in Makassar."""
ANA, ZONE = "p-000000000000000a", "s/b/f/z/_"
HOUR = 3600.0
END = 9 * HOUR + 26 * 60 + 40
"""19:00, in seconds after T0."""
MORNING = 24 * HOUR


def at(seconds: float) -> int:
    return T0 + round(seconds * SECOND)


def tap(seconds: float, role: str) -> Reading:
    return Reading("rdr-door", "badge", True, "s/b/f/lobby/_", at(seconds), "badge", role, ANA, "panrb")


def heard(seconds: float) -> Located:
    return Located(ANA, ZONE, None, at(seconds), at(seconds), 0.9)


def story(run: Any) -> list[tuple[float, str, str | None]]:
    told = [event for event in run.events if event.type.startswith("workplace.")]
    return [
        (round((event.at - T0) / SECOND), event.type.rpartition(".")[2], event.data.get("reason")) for event in told
    ]


def test_who_forgets_is_checked_out_when_the_day_ends(fold: Any) -> None:
    run = fold(presence.rule(), ANA).feed(tap(10, "in"), heard(600)).wait(2 * END)
    assert story(run) == [(10, "started", None), (END, "ended", "end_of_day")]
    ended = run.of("workplace.checkin.ended", "who")[0].data
    assert (ended["ended_by"], ended["last_evidence"], ended["start"]) == ("inferred", at(10), at(10))
    assert [event.data["state"] for event in run.of("presence.ended", "sense")] == ["unknown"], "nobody has left"


def test_the_day_does_not_end_for_who_is_still_heard(fold: Any) -> None:
    run = fold(presence.rule(), ANA).feed(tap(10, "in"), *(heard(END + step * 300) for step in range(-2, 10)))
    assert story(run) == [(10, "started", None)]
    assert story(run.wait(END + 2 * HOUR))[1:] == [(END + 2700 + 600, "ended", "end_of_day")], "ten minutes after"
    late = fold(presence.rule(), ANA).feed(tap(10, "in"), heard(END - 60), tap(END + 120, "out")).wait(2 * END)
    assert story(late) == [(10, "started", None), (END + 120, "ended", "user")]


@pytest.mark.parametrize("role", ["out", "in_out", "kiosk"])
def test_who_worked_late_leaves_by_the_tap_and_not_by_the_clock(fold: Any, role: str) -> None:
    """Without a tag nothing is heard of them after the morning; the later act has the last word on that check-in."""
    run = fold(presence.rule(), ANA).feed(tap(10, "in")).wait(END + 10)
    run.feed(tap(END + HOUR, role)).wait(3 * END)
    assert story(run) == [(10, "started", None), (END, "ended", "end_of_day"), (END + HOUR, "ended", "user")]
    inferred, acted = run.of("workplace.checkin.ended", "who")
    assert inferred.data["checkin_id"] == acted.data["checkin_id"]
    assert (acted.data["ended_by"], acted.data["start"]) == ("act", at(10))


@pytest.mark.parametrize("role", ["in_out", "kiosk", "in"])
def test_the_first_tap_of_a_day_comes_in(fold: Any, role: str) -> None:
    """Yesterday's check-in was forgotten, and a tag that lay on the desk was heard all night."""
    night = [heard(float(moment)) for moment in range(600, int(MORNING), 500)]
    run = fold(presence.rule(), ANA).feed(tap(10, role), *night, tap(MORNING, role))
    assert story(run) == [(10, "started", None), (MORNING, "ended", "end_of_day"), (MORNING, "started", None)]


def test_a_restart_remembers_what_is_open(fold: Any) -> None:
    before = fold(presence.rule(), ANA).feed(tap(10, "in"))
    after = fold(presence.rule(), ANA, before.body, MORNING).wait(MORNING + 1)
    assert story(after)[0][1:] == ("ended", "end_of_day")
    assert after.body is None


@given(
    chosen=st.lists(
        st.tuples(st.floats(1, 40_000), st.sampled_from(["in", "out", "in_out", "kiosk", "heard"])), max_size=25
    )
)
def test_left_is_said_by_an_act_and_by_nothing_else(fold: Any, chosen: list[tuple[float, str]]) -> None:
    run, now = fold(presence.rule(), ANA), 0.0
    for passed, what in chosen:
        now += passed
        run.feed(heard(now) if what == "heard" else tap(now, what))
    run.wait(now + 200_000)
    acts = {event.at for event in run.of("workplace.checkin.ended", "who") if event.data["ended_by"] == "act"}
    for event in run.of("presence.ended", "sense"):
        assert (event.data["state"] == "left") == (event.data["ended_by"] == "act")
        assert event.data["state"] != "left" or event.at in acts
    open_ids: set[str] = set()
    for event in run.events:
        if event.type == "workplace.checkin.started":
            assert not open_ids
            open_ids = {event.data["checkin_id"]}
        elif event.type == "workplace.checkin.ended":
            open_ids.discard(event.data["checkin_id"])
    assert not open_ids, "the day ends what nobody does"


# --- by command: a phone, or a kiosk without a reader of ours -------------------------------------------------------


def asks(seconds: float, name: str, **args: str) -> Command:
    return Command(name, "s/b/_/_/_", at(seconds), ANA, "panrb", "kiosk", {"method": "kiosk", **args})


def test_a_phone_or_kiosk_comes_and_goes_as_a_reader_does(fold: Any) -> None:
    run = fold(presence.rule(), ANA).feed(asks(10, "arrive", method="phone", arrangement="other_office"))
    assert run.body["workplace"]["arrangement"] == "other_office"
    run.feed(heard(600), asks(HOUR, "depart"))
    assert story(run) == [(10, "started", None), (HOUR, "ended", "user")]
    came, went = (event for event in run.events if event.type.startswith("workplace."))
    assert (came.cls, came.person, came.unit, came.place) == ("who", ANA, "panrb", "s/b/_/_/_")
    assert (came.data["method"], came.data["assurance"], came.data["arrangement"]) == ("phone", "bound", "other_office")
    assert "reader" not in came.data
    assert (went.data["method"], went.data["assurance"], went.data["ended_by"]) == ("kiosk", "claimed", "act")
    assert (went.data["arrangement"], went.data["dwell_s"], went.data["evidence"]) == ("other_office", HOUR - 10, [])
    assert went.data["checkin_id"] == came.data["checkin_id"]
    (left,) = run.of("presence.ended", "sense")
    assert (left.data["state"], left.data["ended_by"], left.data["evidence"]) == ("left", "act", [])


def test_what_changes_nothing_is_not_said_and_no_reader_is_blamed(fold: Any) -> None:
    run = fold(presence.rule(), ANA).feed(asks(10, "arrive"), asks(20, "arrive"), asks(20, "arrive"))
    assert story(run) == [(10, "started", None)]
    run.feed(asks(30, "depart"), asks(40, "depart"), asks(40, "depart"))
    assert story(run) == [(10, "started", None), (30, "ended", "user")]
    run.feed(asks(50, "arrive"), asks(60, "depart"))
    assert story(run)[2:] == [(50, "started", None), (60, "ended", "user")]
    assert not run.of("badge.rejected")


def test_who_goes_by_phone_without_having_come_has_left_all_the_same(fold: Any) -> None:
    run = fold(presence.rule(), ANA).feed(heard(5), asks(10, "depart", method="phone"))
    (went,) = run.of("workplace.checkin.ended", "who")
    assert (went.data["start"], went.data["dwell_s"]) == (None, None)
    assert [event.data["state"] for event in run.of("presence.ended", "sense")] == ["left"]


def test_a_command_and_a_reader_speak_of_the_same_checkin(fold: Any) -> None:
    run = fold(presence.rule(), ANA).feed(asks(10, "arrive"), tap(HOUR, "out"))
    came, went = (event.data["checkin_id"] for event in run.events if event.type.startswith("workplace."))
    assert came == went
    run = fold(presence.rule(), ANA).feed(tap(10, "in"), asks(20, "arrive"), asks(HOUR, "depart"))
    assert story(run) == [(10, "started", None), (HOUR, "ended", "user")]


def test_the_first_arrival_of_a_day_closes_what_was_forgotten(fold: Any) -> None:
    night = [heard(float(moment)) for moment in range(600, int(MORNING), 500)]
    run = fold(presence.rule(), ANA).feed(asks(10, "arrive", arrangement="visitor"), *night, asks(MORNING, "arrive"))
    assert story(run) == [(10, "started", None), (MORNING, "ended", "end_of_day"), (MORNING, "started", None)]
    assert run.of("workplace.checkin.ended", "who")[0].data["arrangement"] == "visitor"


@given(order=st.permutations([asks(10, "arrive"), heard(20), asks(30, "depart"), asks(40, "arrive")]))
def test_every_order_of_delivery_ends_in_the_same_state(order: list[Any]) -> None:
    rule = presence.rule()
    state = rule.start(ANA, None, T0).state
    for item in order:
        state = rule.step(state, item).state
    assert state.workplace is not None
    assert (state.workplace.start, state.acted, state.left, state.visit) == (at(40), at(40), 0, None)
