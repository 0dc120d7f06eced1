"""Replay counters: what is believed, what is not, and that a changed battery is survived."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.replay_guard import RESTART_AFTER, RESTART_AFTER_ANYWHERE, ReplayGuard

counters = st.integers(0, 2**32 - 1)


def test_counting_upwards_is_fresh_and_the_same_again_a_repeat() -> None:
    guard = ReplayGuard()
    assert [guard.judge("th", counter) for counter in (5, 5, 6, 90, 90)] == [
        "fresh",
        "repeat",
        "fresh",
        "fresh",
        "repeat",
    ]


def test_devices_do_not_share_counters() -> None:
    guard = ReplayGuard()
    assert [guard.judge(device, 7) for device in ("a", "b", "a")] == ["fresh", "fresh", "repeat"]


@given(st.lists(counters, min_size=1))
def test_what_was_believed_is_never_believed_again(past: list[int]) -> None:
    """Played backwards: a recording that is played forwards from its first minutes looks like a changed battery."""
    guard = ReplayGuard()
    for counter in sorted(past):
        guard.judge("th", counter)
    for old in sorted(past, reverse=True):
        assert guard.judge("th", old) in ("replay", "repeat")


def test_a_changed_battery_is_believed_after_several_frames() -> None:
    guard = ReplayGuard()
    guard.judge("th", 500_000)
    said = [guard.judge("th", counter) for counter in range(1, RESTART_AFTER + 2)]
    assert said == ["replay"] * (RESTART_AFTER - 1) + ["restarted", "fresh"]
    assert guard.judge("th", 2) == "replay"


def test_repeats_do_not_count_towards_a_new_row() -> None:
    guard = ReplayGuard()
    guard.judge("th", 500_000)
    assert [guard.judge("th", 1) for _ in range(50)] == ["replay"] + ["repeat"] * 49


def test_a_frame_of_the_old_row_ends_a_new_one() -> None:
    """A recording of the first minutes, played while the device is there, is interrupted by the device itself."""
    guard = ReplayGuard()
    guard.judge("th", 500_000)
    said = []
    for counter in range(1, 20):
        said.append(guard.judge("th", counter))
        guard.judge("th", 500_000 + counter)
    assert set(said) == {"replay"}


def test_a_device_that_begins_at_random_needs_a_longer_row() -> None:
    guard = ReplayGuard()
    guard.judge("th", 500_000)
    said = [guard.judge("th", counter) for counter in range(400_000, 400_000 + RESTART_AFTER_ANYWHERE + 1)]
    assert said == ["replay"] * (RESTART_AFTER_ANYWHERE - 1) + ["restarted", "fresh"]


def test_a_row_that_jumps_back_begins_again() -> None:
    guard = ReplayGuard()
    guard.judge("th", 500_000)
    said = [guard.judge("th", counter) for counter in (10, 11, 12, 5, 6, 7, 8)]
    assert said == ["replay"] * 6 + ["restarted"]


def test_facts_are_taken_once_and_survive() -> None:
    guard = ReplayGuard()
    guard.judge("th", 9)
    guard.judge("button", 3)
    facts = guard.take_facts()
    assert {(fact.rule, fact.key): fact.body for fact in facts} == {
        ("counter", "button"): {"last": 3},
        ("counter", "th"): {"last": 9},
    }
    assert guard.take_facts() == []
    again = ReplayGuard({fact.key: fact.body for fact in facts if fact.body is not None})
    assert again.judge("th", 9) == "repeat"
    assert again.judge("th", 8) == "replay"
    assert again.judge("th", 10) == "fresh"
