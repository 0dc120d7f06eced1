"""What is out and what is refused, as folds over time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import SECOND
from gateway.outstanding import Barred, Outstanding
from tests.delivery.world import BOOT

KEY = (BOOT, 1)
LONGEST_S = 606
"""Ten minutes and the rounding."""


def test_an_event_is_due_a_minute_after_its_puback_then_later_and_within_ten() -> None:
    out = Outstanding(most=10)
    now = 0
    assert KEY not in out
    for _ in range(12):
        assert out.sent(KEY)
        assert KEY in out
        assert out.due(now + 10_000 * SECOND) == [], "it is in flight"
        assert out.rest(now, 5.0) == 5.0
        out.answered(KEY, now)
        assert out.due(now + 59 * SECOND) == []
        assert out.due(now + LONGEST_S * SECOND) == [KEY]
        assert out.rest(now, 5.0) == 5.0
        assert out.rest(now + LONGEST_S * SECOND, 5.0) == 1.0
        now += LONGEST_S * SECOND
    out.retire(BOOT, 1, 999_999_999_999)
    assert KEY not in out
    out.answered(KEY, now)
    assert KEY not in out, "the archive was faster than the broker"


def test_what_is_due_comes_oldest_first_and_needs_no_room() -> None:
    out = Outstanding(most=3)
    wanted = [("000001-abcd", 7), ("000001-abcd", 9), ("000002-abcd", 1)]
    for key in reversed(wanted):
        assert out.sent(key)
        out.answered(key, 0)
    assert out.room == 0
    assert not out.sent(KEY)
    assert out.due(LONGEST_S * SECOND) == wanted
    assert all(out.sent(key) for key in wanted)
    out.forget(wanted[1])
    assert (out.room, wanted[1] in out) == (1, False)


def test_what_may_not_have_arrived_is_due_at_once_with_or_without_what_waits_for_its_answer() -> None:
    out = Outstanding(most=3)
    waits, answered = ("000001-abcd", 7), ("000001-abcd", 9)
    assert out.sent(waits)
    assert out.sent(answered)
    out.answered(answered, 5)
    assert out.due(5) == []
    out.recall(5, unanswered=False)
    assert out.due(5) == [answered]
    out.recall(6, unanswered=True)
    assert out.due(6) == [waits, answered]


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 40)), max_size=20))
def test_retiring_ranges_is_retiring_each(ranges: list[tuple[int, int]]) -> None:
    out = Outstanding(most=30)
    remembered = [n for n in range(1, 41) if out.sent((BOOT, n))]
    assert (remembered, out.room) == (list(range(1, 31)), 0)
    for first, more in ranges:
        out.retire(BOOT, first, first + more)
        out.retire("000009-ffff", first, first + more)
    gone = {n for first, more in ranges for n in range(first, first + more + 1)}
    assert [n for n in range(1, 41) if (BOOT, n) in out] == [n for n in remembered if n not in gone]


def test_a_refused_topic_is_left_alone_for_longer_and_longer_until_it_is_taken() -> None:
    barred = Barred()
    now = 0
    assert not barred.accept("a"), "nothing was refused"
    for _ in range(12):
        barred.refuse("a", now)
        assert "a" in barred
        assert "b" not in barred
        assert not barred.lift(now + 59 * SECOND)
        assert "a" in barred
        assert barred.lift(now + LONGEST_S * SECOND)
        assert "a" not in barred
        assert not barred.lift(now + LONGEST_S * SECOND), "it is being tried"
        now += LONGEST_S * SECOND
    assert barred.accept("a")
    assert not barred.accept("a")
