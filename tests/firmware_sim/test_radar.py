"""What a radar says of an empty place, of somebody who sits, and of somebody who has left."""

from __future__ import annotations

from firmware_sim.actions import SECOND
from firmware_sim.ld2410 import GATES, NOBODY, Target
from firmware_sim.radar import NEVER, NO_ONE, PASS, Radar

HOUR = 3600


def reports(radar: Radar, start_s: float, end_s: float, step_s: float = 0.5) -> list[Target]:
    count = int((end_s - start_s) / step_s)
    return [radar.see(int((start_s + n * step_s) * SECOND)).target for n in range(count)]


def test_empty_but_for_passers_by() -> None:
    seen = reports(Radar("a", 0), 0, 10 * HOUR)
    passing = sum(target != Target.NONE for target in seen)
    assert 0 < passing < 0.01 * len(seen)
    assert Target.STILL not in seen


def test_somebody_who_sits_is_seen_nearly_always() -> None:
    radar = Radar("b", 0)
    radar.arrive(0)
    assert radar.occupied
    seen = reports(radar, 0.5, 10 * HOUR)
    assert seen[0] in (Target.MOVING, Target.BOTH)
    assert Target.STILL in seen
    assert sum(target == Target.NONE for target in seen) < 0.005 * len(seen)


def test_after_leaving_the_no_one_delay_passes() -> None:
    radar = Radar("c", 0)
    radar.arrive(0)
    radar.leave(100 * SECOND)
    assert not radar.occupied
    assert radar.due(100 * SECOND) == 100 * SECOND + NO_ONE
    assert radar.see(100 * SECOND + NO_ONE - 1).target == Target.STILL
    assert radar.see(100 * SECOND + NO_ONE) == NOBODY


def test_it_tells_when_its_word_changes_by_itself() -> None:
    radar = Radar("d", 0)
    begin = radar.due(0)
    assert radar.see(begin).target == Target.MOVING
    end = radar.due(begin)
    assert end == begin + PASS
    assert radar.see(end) == NOBODY
    assert end < radar.due(end) < NEVER


def test_a_room_is_empty_when_the_last_one_leaves() -> None:
    radar = Radar("e", 0)
    radar.arrive(0)
    radar.arrive(10 * SECOND)
    radar.leave(60 * SECOND)
    assert radar.see(70 * SECOND).target != Target.NONE
    radar.leave(80 * SECOND)
    assert radar.see(80 * SECOND + NO_ONE) == NOBODY


def test_gate_energies_are_bytes() -> None:
    radar = Radar("f", 0)
    radar.arrive(0)
    for n in range(200):
        moving, still = radar.gates(radar.see(n * SECOND))
        assert len(moving) == len(still) == GATES
        assert all(0 <= energy <= 100 for energy in (*moving, *still))
