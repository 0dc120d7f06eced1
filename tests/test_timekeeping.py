"""The office clock of a box: whom it believes, when, and what it remembers; on a machine whose clocks the test sets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.clock import EARLIEST, SECOND, Quality
from gateway.kernel_clock import Linux, ManualMachine
from gateway.timekeeping import BACK_S, KEEP_S, SEEN_S, STEP_S, Change, Nap, OfficeClock, note

NOW = 1_795_654_800 * SECOND
HOUR, DAY = 3600 * SECOND, 86_400 * SECOND


def passes(clock: OfficeClock, machine: ManualMachine, seconds: int) -> Change | None:
    """Look every second; the first step that is to be adopted, after it was."""
    for _ in range(seconds):
        machine.advance(1)
        if (change := clock.look()) is not None:
            clock.adopt(change)
            return change
    return None


def test_a_synchronized_clock_is_known_from_the_first_moment() -> None:
    clock = OfficeClock(ManualMachine(NOW))
    assert clock.office() == NOW
    assert clock.quality() == Quality("ntp", 5.0)
    assert clock.look() is None
    assert clock.corrections() is None


@pytest.mark.parametrize("shown", [60 * SECOND, EARLIEST - HOUR])
def test_before_the_earliest_day_nothing_is_believed_whatever_the_kernel_says(shown: int) -> None:
    machine = ManualMachine(shown)
    clock = OfficeClock(machine, trust="always")
    assert clock.quality() == Quality("none")
    assert clock.office() >= EARLIEST
    assert "nobody has set it" in clock.problem
    assert passes(clock, machine, int(BACK_S) + 10) is None


def test_the_time_becomes_known_at_once_and_the_boot_is_corrected(tmp_path: Path) -> None:
    machine = ManualMachine(60 * SECOND, synchronized=False)
    clock = OfficeClock(machine, tmp_path / "clock")
    clock.runs("000001-aaaa")
    began = clock.office()
    assert passes(clock, machine, 30) is None
    machine.set(NOW, synchronized=True)
    change = clock.look()
    assert change is not None
    assert change.known
    clock.adopt(change)
    assert (clock.office(), clock.quality().sync) == (NOW, "ntp")
    wrong = clock.corrections()
    assert wrong is not None
    assert wrong.boots == ("000001-aaaa",)
    assert wrong.move.time(began) == NOW - 30 * SECOND


def test_a_box_that_has_seen_a_later_time_does_not_believe_an_earlier_one(tmp_path: Path) -> None:
    OfficeClock(ManualMachine(NOW), tmp_path / "clock")
    machine = ManualMachine(NOW - 14 * DAY, life="life-2")
    clock = OfficeClock(machine, tmp_path / "clock")
    assert clock.quality().sync == "none"
    assert clock.office() >= NOW
    assert "this box has seen 2026-11-26T01:00:00.000Z" in clock.problem
    assert passes(clock, machine, int(BACK_S) - 1) is None
    assert passes(clock, machine, 2) is not None, "it may have been ten years ahead: who stands by it, is believed"
    assert clock.office() == machine.wall()


def test_years_ahead_and_not_synchronized_leave_no_trace(tmp_path: Path) -> None:
    machine = ManualMachine(NOW + 3652 * DAY, synchronized=False)
    clock = OfficeClock(machine, tmp_path / "clock")
    clock.runs("000001-aaaa")
    passes(clock, machine, int(KEEP_S) + 10)
    assert json.loads((tmp_path / "clock").read_text())["latest"] == 0
    machine.set(NOW, synchronized=True)
    assert passes(clock, machine, 1) is not None
    assert clock.office() == machine.wall()


@pytest.mark.parametrize(("off", "after"), [(HOUR, STEP_S), (-SECOND, STEP_S), (-HOUR, BACK_S), (-14 * DAY, BACK_S)])
def test_a_step_is_adopted_when_it_has_stood_and_not_before(off: int, after: float) -> None:
    machine = ManualMachine(NOW)
    clock = OfficeClock(machine)
    machine.set(NOW + off, synchronized=True)
    assert passes(clock, machine, int(after)) is None
    assert clock.office() == NOW + int(after) * SECOND, "meanwhile its own time goes on"
    assert clock.quality() == Quality("rtc", abs(off) / 1e6), "and it says how wrong it may be"
    assert passes(clock, machine, 2) == Change(off, False)
    assert clock.office() == machine.wall()
    assert clock.quality().sync == "ntp"


def test_what_somebody_sets_and_nothing_synchronizes_is_not_the_time() -> None:
    machine = ManualMachine(NOW)
    clock = OfficeClock(machine, trust="kernel")
    machine.set(NOW + HOUR, synchronized=False)
    assert passes(clock, machine, 5000) is None
    assert clock.office() == NOW + 5000 * SECOND
    machine.set(clock.office(), synchronized=True)
    assert passes(clock, machine, 1) is None
    assert clock.quality().sync == "ntp"


def test_a_small_difference_is_followed_and_never_adopted() -> None:
    machine = ManualMachine(NOW)
    clock = OfficeClock(machine)
    machine.set(machine.wall() + SECOND // 4, synchronized=True)
    assert passes(clock, machine, 24) is None
    assert 0 < machine.wall() - clock.office() < 20_000_000
    assert passes(clock, machine, 3) is None
    assert machine.wall() == clock.office()


def test_without_its_daemon_a_known_clock_says_how_far_it_may_have_drifted() -> None:
    machine = ManualMachine(NOW)
    clock = OfficeClock(machine)
    machine.synchronized = False
    passes(clock, machine, 1000)
    assert clock.quality() == Quality("rtc", 505.0)
    machine.synchronized = True
    passes(clock, machine, 1)
    assert clock.quality() == Quality("ntp", 5.0)


@pytest.mark.parametrize(
    ("trust", "kept", "sync"),
    [
        ("auto", True, "none"),
        ("auto", False, "rtc"),
        ("kernel", False, "none"),
        ("always", True, "rtc"),
    ],
)
def test_whom_the_configuration_believes(trust: str, kept: bool, sync: str) -> None:
    machine = ManualMachine(NOW, synchronized=False, kept=kept)
    assert OfficeClock(machine, trust=trust).quality() == Quality(sync)  # type: ignore[arg-type]
    assert ("not synchronized" in note(machine, trust)) == (not machine.synchronized)  # type: ignore[arg-type]
    machine.synchronized = True
    assert note(machine, trust) == ""  # type: ignore[arg-type]


def test_time_asleep_is_time_and_is_told_once() -> None:
    machine = ManualMachine(NOW)
    clock = OfficeClock(machine)
    naps: list[Nap] = []
    clock.on_nap = naps.append
    machine.advance(10)
    assert clock.office() == NOW + 10 * SECOND
    machine.sleep(8 * 3600)
    assert clock.office() == NOW + 10 * SECOND + 8 * HOUR
    assert clock.office() == machine.wall()
    assert naps == [Nap(NOW + 10 * SECOND, NOW + 10 * SECOND + 8 * HOUR)]
    assert clock.machine() == SECOND + 10 * SECOND, "timers of the process stood still"


def test_a_process_goes_on_where_the_last_one_of_this_life_of_the_machine_was(tmp_path: Path) -> None:
    machine = ManualMachine(60 * SECOND, synchronized=False)
    first = OfficeClock(machine, tmp_path / "clock")
    first.runs("000001-aaaa")
    machine.advance(100)
    second = OfficeClock(machine, tmp_path / "clock")
    assert second.office() == first.office()
    assert second.since == first.since
    second.runs("000002-bbbb")
    machine.set(NOW, synchronized=True)
    third = OfficeClock(machine, tmp_path / "clock")
    wrong = third.corrections()
    assert wrong is not None
    assert wrong.boots == ("000001-aaaa", "000002-bbbb")
    assert wrong.move.time(first.office()) == NOW
    third.corrected(wrong.boots)
    assert OfficeClock(machine, tmp_path / "clock").corrections() is None


def test_a_known_time_outlives_the_process_and_not_the_machine(tmp_path: Path) -> None:
    machine = ManualMachine(NOW)
    OfficeClock(machine, tmp_path / "clock")
    machine.advance(30)
    machine.set(NOW - HOUR, synchronized=False)
    again = OfficeClock(machine, tmp_path / "clock")
    assert (again.office(), again.quality().sync) == (NOW + 30 * SECOND, "rtc")
    other = OfficeClock(ManualMachine(NOW - HOUR, synchronized=False, life="life-2"), tmp_path / "clock")
    # behind all that was told until then: the latest known time is written every ten minutes only
    assert (other.office(), other.quality().sync) == (NOW + int(SEEN_S * SECOND), "none")


def test_what_ran_free_in_another_life_is_not_corrected_by_this_one(tmp_path: Path) -> None:
    machine = ManualMachine(60 * SECOND, synchronized=False)
    first = OfficeClock(machine, tmp_path / "clock")
    assert first.lost() is None
    first.runs("000001-aaaa")
    machine.advance(100)
    first.look()
    second = OfficeClock(ManualMachine(NOW, life="life-2"), tmp_path / "clock")
    assert second.corrections() is None
    lost = second.lost()
    assert lost is not None
    assert lost.boots == ("000001-aaaa",)
    assert NOW - 61 * SECOND <= lost.move.time(first.office()) <= NOW, "as if the power had come back at once"
    assert OfficeClock(ManualMachine(NOW, life="life-2"), tmp_path / "clock").lost() == lost
    second.corrected(lost.boots)
    assert OfficeClock(ManualMachine(NOW, life="life-2"), tmp_path / "clock").lost() is None


def test_what_is_lost_twice_is_still_of_about_now(tmp_path: Path) -> None:
    machine = ManualMachine(60 * SECOND, synchronized=False)
    OfficeClock(machine, tmp_path / "clock").runs("000001-aaaa")
    again = ManualMachine(90 * SECOND, synchronized=False, life="life-2")
    second = OfficeClock(again, tmp_path / "clock")
    lost = second.lost()
    assert lost is not None
    assert second.since <= lost.move.time(lost.move.since), "what it remembers goes on with this clock when it is set"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"latest": "x"}', '{"latest": 1, "life": "a", "free": 3}'])
def test_a_file_that_was_cut_short_is_begun_anew(tmp_path: Path, text: str) -> None:
    (tmp_path / "clock").write_text(text)
    clock = OfficeClock(ManualMachine(NOW), tmp_path / "clock")
    assert clock.office() == NOW
    assert json.loads((tmp_path / "clock").read_text())["latest"] == NOW


def test_a_disk_that_takes_nothing_does_not_stop_the_clock(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert OfficeClock(ManualMachine(NOW), tmp_path / "file" / "clock").office() == NOW


def test_what_this_machine_says_of_its_clocks(tmp_path: Path) -> None:
    linux = Linux()
    assert 0 < linux.monotonic() <= linux.boot() + SECOND
    assert abs(linux.wall() - Linux().wall()) < HOUR
    sync = linux.sync()
    assert sync.err_ms is None or sync.synchronized
    assert Linux(tmp_path).life() == ""
    for running, systemd, kept in ((False, False, False), (False, True, True), (True, False, True)):
        root = tmp_path / f"{running}-{systemd}"
        enabled = root / "etc/systemd/system/sysinit.target.wants/systemd-timesyncd.service"
        enabled.parent.mkdir(parents=True)
        enabled.touch()
        for there, name in ((running, "run/chrony"), (systemd, "run/systemd/system")):
            if there:
                (root / name).mkdir(parents=True)
        assert Linux(root).kept() == kept
