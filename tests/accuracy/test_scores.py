"""The judge of whole days, on days of a few minutes that are written by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from firmware_sim.actions import SECOND
from firmware_sim.day_truth import DayTruth, Outage, PlaceTruth, TapAt
from firmware_sim.deeds import Reserve
from firmware_sim.desk_ends import Ended
from firmware_sim.scenario import ELSEWHERE_S, GRACE_S, ORDINARY
from firmware_sim.scores import Published, Told, score

DESK, ROOM = "s/b/f/z/d-1", "s/b/f/z/r-1"
NINE = ORDINARY.at(9 * 60)


def truth(modality: str = "radar") -> DayTruth:
    return DayTruth(
        scenario=ORDINARY,
        places={DESK: PlaceTruth("desk", modality, "rdr", "gw-02")},
        occupied={DESK: [(NINE, True), (NINE + 1800 * SECOND, False)]},
        desks={"d-1": DESK},
    )


def said(late_s: float, gone_s: float = 0.0) -> Published:
    """Vacant from the start, occupied and vacant again so much after the truth."""
    series = [
        Told(ORDINARY.begin, "vacant", ""),
        Told(NINE + int(late_s * SECOND), "occupied", ""),
        Told(NINE + int((1800 + gone_s) * SECOND), "vacant", ""),
    ]
    return Published(occupancy={DESK: series})


@pytest.mark.parametrize(("modality", "allowed"), [("radar", 35), ("pir", 330), ("environment", 900)])
def test_a_state_may_be_late_by_the_tolerance_of_its_sensor(modality: str, allowed: int) -> None:
    assert score(truth(modality), said(allowed)).wrong == 0
    assert score(truth(modality), said(allowed + 1)).wrong == (allowed + 1) * SECOND


def test_unknown_is_not_wrong_but_does_not_end_a_wrong_stretch() -> None:
    series = [
        Told(ORDINARY.begin, "vacant", ""),
        Told(NINE + 30 * SECOND, "unknown", ""),
        Told(NINE + 60 * SECOND, "vacant", ""),
        Told(NINE + 90 * SECOND, "occupied", ""),
        Told(NINE + 1800 * SECOND, "vacant", ""),
    ]
    found = score(truth(), Published(occupancy={DESK: series}))
    assert found.wrong == 60 * SECOND
    assert found.unknown == found.unexplained == 30 * SECOND


def test_a_change_of_the_truth_begins_a_new_stretch() -> None:
    about = replace(truth("pir"), occupied={DESK: [(NINE, True), (NINE + 200 * SECOND, False)]})
    series = [
        Told(ORDINARY.begin, "vacant", ""),
        Told(NINE + 200 * SECOND, "occupied", ""),
        Told(NINE + 500 * SECOND, "vacant", ""),
    ]
    assert score(about, Published(occupancy={DESK: series})).wrong == 0


def test_a_silent_sensor_is_excused_until_it_can_be_known() -> None:
    about = truth()
    about.outages.append(Outage(DESK, NINE - 10 * SECOND, NINE + 1000 * SECOND, "battery", 95 * SECOND))
    held = Published(occupancy={DESK: [Told(ORDINARY.begin, "vacant", ""), Told(NINE + 85 * SECOND, "unknown", "")]})
    found = score(about, held)
    assert (found.wrong, found.count("outage unnoticed")) == (0, 0)
    never = score(about, said(1000.0))
    assert never.wrong == (1000 - 85) * SECOND
    assert never.count("outage unnoticed") == 1


def release(at: int, reason: str = "auto_release", ref: str = "") -> Published:
    told = said(0.0)
    told.life[DESK] = [(NINE, True), (at, False)]
    told.ended.append(Ended(at, DESK, reason, ref))
    told.outcomes["rdr"] = [(NINE, "started")]
    return told


def taken() -> DayTruth:
    about = truth()
    about.taken[DESK], about.holder[DESK] = [(NINE, True)], [(NINE, 7)]
    about.taps.append(TapAt(NINE, "rdr", DESK, 7, "started"))
    about.zones[7] = [(NINE, "f/z")]
    return about


LEFT = NINE + 1800 * SECOND
DUE = LEFT + int(GRACE_S) * SECOND


def test_a_release_after_its_grace_is_right() -> None:
    found = score(taken(), release(DUE))
    assert found.findings == []


@pytest.mark.parametrize("at", [LEFT - SECOND, LEFT + 60 * SECOND, DUE - 40 * SECOND])
def test_a_release_while_somebody_sits_or_too_early_is_false(at: int) -> None:
    found = score(taken(), release(at))
    assert found.count("false release") == 1
    assert found.life_wrong == DUE + 35 * SECOND - at


def test_a_release_of_somebody_who_tapped_elsewhere_in_the_building_is_false() -> None:
    about = taken()
    about.acts[7] = [NINE, LEFT + 120 * SECOND]
    kept = about.scenario.after(LEFT + int(120 + ELSEWHERE_S) * SECOND, int(GRACE_S) * SECOND)
    assert score(about, release(DUE)).count("false release") == 1
    assert score(about, release(kept - 60 * SECOND)).count("false release") == 1
    assert score(about, release(kept)).findings == []
    about.acts[7].append(LEFT + 300 * SECOND)
    about.left[7] = [LEFT + 300 * SECOND]
    assert score(about, release(DUE + 300 * SECOND)).findings == [], "an act of leaving ends it"


def test_a_desk_that_is_not_released_when_its_grace_is_over_is_wrong_from_then_on() -> None:
    late = score(taken(), release(DUE + 100 * SECOND))
    assert late.life_wrong == (100 - 35) * SECOND
    assert score(taken(), release(DUE + 35 * SECOND)).life_wrong == 0
    about = taken()
    about.outages.append(Outage(DESK, LEFT, ORDINARY.end, "battery", 95 * SECOND))
    never = release(DUE)
    never.life[DESK], never.ended[:] = [(NINE, True)], []
    closes = ORDINARY.at(19 * 60) + 35 * SECOND
    assert score(about, never).life_wrong == ORDINARY.judged[1] - closes, "the end of the day needs no sensor"


def test_silence_does_not_count_as_vacancy() -> None:
    about = taken()
    about.outages.append(Outage(DESK, LEFT, LEFT + 1800 * SECOND, "battery", 95 * SECOND))
    assert score(about, release(DUE)).count("false release") == 1


def test_a_break_does_not_count_as_vacancy() -> None:
    about = taken()
    about.occupied[DESK] = [(NINE, True), (ORDINARY.at(11 * 60 + 30), False)]
    assert score(about, release(ORDINARY.at(12 * 60 + 45))).count("false release") == 1
    assert score(about, release(ORDINARY.at(13 * 60 + 30))).count("false release") == 0


def test_a_no_show_is_released_in_time() -> None:
    about = replace(truth(), occupied={})
    about.reservations.append(Reserve(ORDINARY.begin, 3, "d-1", "b-1", NINE, NINE + 3600 * SECOND, comes=False))

    def found(late_s: int) -> float:
        told = Published(occupancy={DESK: [Told(ORDINARY.begin, "vacant", "")]})
        told.ended.append(Ended(NINE + (900 + late_s) * SECOND, DESK, "no_show", "b-1"))
        total = score(about, told)
        return total.latest_no_show_s if not total.count("false release") else -1.0

    assert [found(late) for late in (0, 59, 61, -60)] == [0.0, 59.0, 61.0, -1.0]
    assert score(about, Published()).latest_no_show_s == float("inf")


def test_left_needs_an_act() -> None:
    about = truth()
    about.left[7] = [NINE]
    told = said(0.0)
    told.left = [(NINE, 7), (NINE + 60 * SECOND, 7), (NINE, 8)]
    assert score(about, told).count("left") == 2


def test_a_tap_has_one_outcome_and_a_tap_at_a_gateway_that_is_off_none() -> None:
    about = taken()
    told = release(DUE)
    assert score(about, told).count("tap") == 0
    told.outcomes["rdr"] = [(NINE, "rejected")]
    assert score(about, told).count("tap") == 1
    told.outcomes["rdr"] = [(NINE, "started"), (NINE, "ended")]
    assert score(about, told).count("tap") == 1
    told.outcomes["rdr"] = [(NINE, "started"), (NINE + 600 * SECOND, "ended")]
    assert score(about, told).count("tap") == 1
    about.taps[0] = about.taps[0]._replace(expected="lost")
    told.outcomes["rdr"] = []
    assert score(about, told).count("tap") == 0
