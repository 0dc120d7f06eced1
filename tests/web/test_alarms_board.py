"""The board: raised once, over once, and no flapping between."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.clock import SECOND
from gateway.web.alarms_board import CALM_S, CLEAR_S, EMPTY, RAISE_S, Board, Problem, Urgency, loud, step

LOST = Problem("gateway_lost", "gw-01", Urgency.NOW)
LOW = Problem("battery_low", "pir-1", Urgency.SOON, amount=9)


def walk(board: Board, seen: list[tuple[int, list[Problem]]]) -> tuple[Board, list[str]]:
    said = []
    for at, found in seen:
        board, news = step(board, found, at * SECOND)
        said += [f"{alarm.problem.name} {'over' if alarm.until is not None else 'raised'}" for alarm in news]
    return board, said


def test_a_moment_is_nobodys_business_and_what_stays_is_raised_once() -> None:
    board, said = walk(EMPTY, [(0, [LOST]), (5, []), (6, [LOST]), (6 + RAISE_S, [LOST]), (30, [LOST])])
    assert said == ["gateway_lost raised"]
    assert board.raised()[0].since == 6 * SECOND


def test_what_comes_back_soon_was_never_over_and_what_flaps_must_be_calm_for_longer() -> None:
    seen: list[tuple[int, list[Problem]]] = [(0, [LOST]), (10, [LOST])]
    at = 10
    for _ in range(4):
        seen += [(at + 5, []), (at + 20, [LOST])]
        at += 20
    board, said = walk(EMPTY, seen)
    assert said == ["gateway_lost raised"]
    assert board.raised()[0].flaps
    board, said = walk(board, [(at + 5, []), (at + 5 + CLEAR_S, []), (at + 5 + CALM_S - 1, [])])
    assert said == []
    board, said = walk(board, [(at + 5 + CALM_S, [])])
    assert said == ["gateway_lost over"]
    assert board.over[0].until == (at + 5) * SECOND


def test_the_urgent_come_first_and_only_they_are_loud_when_nobody_works() -> None:
    board, _ = walk(EMPTY, [(0, [LOW, LOST]), (20, [LOW, LOST])])
    first, second = board.raised()
    assert (first.problem, second.problem) == (LOST, LOW)
    assert [loud(alarm, "off") for alarm in (first, second)] == [True, False]
    assert loud(second, "break")


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(1, 90), st.sets(st.sampled_from([LOST, LOW]))), max_size=60))
def test_news_alternate_and_nothing_wrong_is_forgotten(steps: list[tuple[int, set[Problem]]]) -> None:
    board, at = EMPTY, 0
    last: dict[tuple[str, str], bool] = {}
    wrong: dict[tuple[str, str], int] = {}
    for seconds, found in steps:
        at += seconds
        board, news = step(board, found, at * SECOND)
        for alarm in news:
            raised = alarm.until is None
            assert last.get(alarm.key, False) is not raised
            last[alarm.key] = raised
        keys = {(one.about, one.name) for one in found}
        wrong = {key: wrong.get(key, at) for key in keys}
        assert keys <= board.held.keys()
        for key, since in wrong.items():
            assert board.held[key].raised or at - since < RAISE_S


def test_what_nobody_can_tell_is_neither_shown_nor_over() -> None:
    board, _ = walk(EMPTY, [(0, [LOW]), (20, [LOW])])
    for at in (30, 200, 400):
        board, news = step(board, [LOST], at * SECOND, lambda problem: problem.name == "battery_low")
        assert all(alarm.until is None for alarm in news)
        assert LOW not in [alarm.problem for alarm in board.raised()]
    board, news = step(board, [LOW], 500 * SECOND)
    assert LOW in [alarm.problem for alarm in board.raised()]
    assert news == []
