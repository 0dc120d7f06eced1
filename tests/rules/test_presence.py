"""Who is present: evidence, silence and acts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import presence
from rules.api import SECOND, Command, Life, Located, Reading
from rules.presence import Settings

T0 = 1_795_484_000 * SECOND
ANA = "p-000000000000000a"
EAST, WEST = "s/b/f/east/_", "s/b/f/west/_"
DESK = "s/b/f/west/d-7"
OUTCOMES = ("workplace.checkin.started", "workplace.checkin.ended", "badge.rejected")


def at(seconds: float) -> int:
    return T0 + round(seconds * SECOND)


def located(seconds: float, zone: str | None, cause: str | None = None) -> Located:
    evidence = ({"modality": "tag", "via": "r-1"},) if zone else ()
    return Located(ANA, zone, cause, at(seconds), at(seconds), 0.9, evidence)


def tap(seconds: float, role: str, person: str = ANA, refused: str = "") -> Reading:
    return Reading("rdr-1", "badge", True, "s/b/f/_/_", at(seconds), "badge", role, person, "panrb", refused)


def life(seconds: float, what: str, since: float | None = None) -> Life:
    return Life(DESK, what, at(seconds if since is None else since), at(seconds), ANA, "panrb", "c1")


def quiet(seconds: float, on: bool = True) -> Command:
    return Command("quiet", "s/_/_/_/_", at(seconds), ANA, args={"on": on})


def story(run: Any) -> list[tuple[float, str, str | None]]:
    """(seconds, type, zone, state or cause)."""
    return [
        (
            round((event.at - T0) / SECOND, 3),
            event.type.removeprefix("presence.").removeprefix("workplace."),
            event.data.get("cause") or event.data.get("state"),
        )
        for event in run.events
    ]


SCENARIOS: dict[str, tuple[list[Any], float, list[tuple[float, str, str | None]]]] = {
    "seen, idle, unknown": (
        [located(10, EAST), located(70, EAST)],
        5000,
        [(10, "started", "present"), (670, "idle", "no_evidence"), (70, "ended", "no_evidence")],
    ),
    "moves": (
        [located(10, EAST), located(70, WEST), located(130, EAST)],
        140,
        [(10, "started", "present"), (70, "moved", "present"), (130, "moved", "present")],
    ),
    "back from idle": (
        [located(10, EAST), located(1000, EAST)],
        1100,
        [(10, "started", "present"), (610, "idle", "no_evidence"), (1000, "moved", "present")],
    ),
    "the radio's fault is said": (
        [located(10, EAST), located(70, None, "radio_deaf")],
        5000,
        [(10, "started", "present"), (610, "idle", "radio_deaf"), (10, "ended", "radio_deaf")],
    ),
    "in and out": (
        [tap(10, "in"), located(20, EAST), tap(500, "out"), located(530, EAST)],
        5000,
        [
            (10, "checkin.started", None),
            (20, "started", "present"),
            (500, "checkin.ended", None),
            (500, "ended", "left"),
        ],
    ),
    "in twice": (
        [tap(10, "in"), tap(20, "in")],
        100,
        [(10, "checkin.started", None), (20, "badge.rejected", "duplicate")],
    ),
    "out without in is an act all the same": (
        [located(10, EAST), tap(100, "out")],
        200,
        [(10, "started", "present"), (100, "checkin.ended", None), (100, "ended", "left")],
    ),
    "one reader for both ways": (
        [tap(10, "in_out"), tap(20, "in_out"), tap(30, "kiosk"), tap(40, "kiosk")],
        100,
        [
            (10, "checkin.started", None),
            (20, "checkin.ended", None),
            (30, "checkin.started", None),
            (40, "checkin.ended", None),
        ],
    ),
    "nobody's badge": ([tap(10, "in", "", "unknown")], 100, [(10, "badge.rejected", "unknown")]),
    "a desk proves the zone, against a tag that lags": (
        [located(10, EAST), life(60, "taken"), located(70, EAST), located(90, WEST), located(150, EAST)],
        160,
        [(10, "started", "present"), (60, "moved", "present")],
    ),
    "a tag that stays elsewhere is believed in the end": (
        [located(10, EAST), life(60, "taken"), located(70, EAST), located(190, EAST)],
        200,
        [(10, "started", "present"), (60, "moved", "present"), (190, "moved", "present")],
    ),
    "a desk in use needs no tag": (
        [life(60, "taken"), life(20_000, "away"), life(21_000, "free")],
        30_000,
        [(60, "started", "present"), (20_600, "idle", "no_evidence"), (20_000, "ended", "no_evidence")],
    ),
    "leaving a desk is not leaving the office": (
        [life(60, "taken"), life(100, "free")],
        200,
        [(60, "started", "present")],
    ),
    "quiet at once, acts still count": (
        [
            located(10, EAST),
            quiet(20),
            located(30, EAST),
            life(40, "taken"),
            tap(50, "in"),
            quiet(60, False),
            located(70, WEST),
        ],
        80,
        [
            (10, "started", "present"),
            (10, "ended", "no_evidence"),
            (50, "checkin.started", None),
            (70, "started", "present"),
        ],
    ),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(fold: Any, name: str) -> None:
    inputs, until, expected = SCENARIOS[name]
    assert story(fold(presence.rule(), ANA).feed(*inputs).wait(until)) == expected


def test_one_visit_has_one_id_and_its_last_evidence(fold: Any) -> None:
    run = fold(presence.rule(), ANA).feed(located(10, EAST), located(70, WEST), located(400, WEST)).wait(9000)
    assert len({event.data["visit_id"] for event in run.events}) == 1
    assert {(event.cls, event.person) for event in run.events} == {("sense", ANA)}
    ended = run.events[-1]
    assert (ended.at, ended.data["last_evidence"], ended.data["dwell_s"]) == (at(400), at(400), 390.0)
    assert (ended.data["ended_by"], ended.data["state"]) == ("inferred", "unknown")
    assert run.body is None


def test_an_end_tells_what_ended_it_and_what_was_left_against_it(fold: Any) -> None:
    silent = fold(presence.rule(), ANA).feed(located(10, EAST), located(70, EAST)).wait(5000)
    for event in silent.events[-2:]:
        assert event.data["evidence"] == [{"modality": "tag", "via": "r-1"}], "the last sign, not followed by another"
    assert silent.events[-1].data["challenger"] is None, "an hour later nothing is left of it"
    left = fold(presence.rule(), ANA).feed(tap(10, "in"), located(20, EAST), tap(80, "out")).events[-1]
    assert left.data["evidence"] == [{"modality": "badge", "via": "rdr-1"}]
    assert left.data["challenger"] == {"state": "present", "weight": 0.45}
    hushed = fold(presence.rule(), ANA).feed(located(10, EAST), quiet(20)).events[-1]
    assert hushed.data["evidence"] == [], "a wish has no device"


def test_a_desk_that_is_taken_names_the_reader_that_was_tapped(fold: Any) -> None:
    taken = life(60, "taken")._replace(reader="rdr-7", assurance="fresh")
    run = fold(presence.rule(), ANA).feed(taken)
    assert run.events[0].data["evidence"] == [{"modality": "badge", "via": "rdr-7"}]
    run = fold(presence.rule(), ANA).feed(life(60, "taken"))
    assert run.events[0].data["evidence"] == [{"modality": "badge", "via": "d-7"}], "no reader is known: the desk"


def test_what_is_said_of_a_person_says_how_far_it_is_proved(fold: Any) -> None:
    """A tag only claims to be somebody's; a desk and an exit are as good as the badge; silence is as its last sign."""
    run = fold(presence.rule(), ANA).feed(
        located(10, EAST),
        life(60, "taken")._replace(assurance="bound"),
        life(100, "free"),
        tap(5000, "in")._replace(assurance="fresh"),
        located(5010, WEST),
        tap(5100, "out")._replace(assurance="fresh"),
    )
    assert [(event.type.split(".", 1)[1], event.data["assurance"]) for event in run.events] == [
        ("started", "claimed"),
        ("moved", "bound"),
        ("idle", "bound"),
        ("ended", "bound"),
        ("checkin.started", "fresh"),
        ("started", "claimed"),
        ("checkin.ended", "fresh"),
        ("ended", "fresh"),
    ]


def test_evidence_that_goes_on_writes_nothing(fold: Any) -> None:
    run = fold(presence.rule(), ANA).feed(*(located(10 + 60 * n, EAST) for n in range(100)))
    assert len(run.facts) == len(run.events) == 1


def test_a_restart_is_no_absence(fold: Any) -> None:
    before = fold(presence.rule(), ANA).feed(tap(5, "in"), located(10, EAST), located(70, WEST))
    after = fold(presence.rule(), ANA, before.body, 7000)
    assert after.state.visit == before.state.visit
    assert after.state.workplace == before.state.workplace
    assert after.feed(located(7100, WEST)).events == []
    silent = fold(presence.rule(), ANA, before.body, 7000).wait(20_000)
    assert story(silent) == [(7600, "idle", "no_evidence"), (70, "ended", "no_evidence")]


def test_somebody_who_became_quiet_while_it_was_down(fold: Any) -> None:
    before = fold(presence.rule(), ANA).feed(located(10, EAST))
    after = fold(presence.rule(Settings(quiet=frozenset({ANA}))), ANA, before.body, 100)
    assert [event.type for event in after.events] == ["presence.ended"]
    assert after.feed(located(110, EAST)).state.visit is None


steps = st.lists(
    st.tuples(
        st.floats(0.01, 3000),
        st.sampled_from(
            ["east", "west", "gone", "deaf", "in", "out", "in_out", "taken", "away", "free", "quiet", "loud"]
        ),
    ),
    max_size=40,
)


def made(chosen: list[tuple[float, str]]) -> list[Any]:
    items: list[Any] = []
    now = 0.0
    for passed, what in chosen:
        now += passed
        match what:
            case "east" | "west":
                items.append(located(now, EAST if what == "east" else WEST))
            case "gone" | "deaf":
                items.append(located(now, None, "no_evidence" if what == "gone" else "radio_deaf"))
            case "in" | "out" | "in_out":
                items.append(tap(now, what))
            case "quiet" | "loud":
                items.append(quiet(now, what == "quiet"))
            case _:
                items.append(life(now, what))
    return items


@given(chosen=steps)
def test_left_only_after_an_act(fold: Any, chosen: list[tuple[float, str]]) -> None:
    items = made(chosen)
    run = fold(presence.rule(), ANA).feed(*items).wait(400_000)
    acts = {item.at for item in items if isinstance(item, Reading)}
    for event in run.events:
        if event.data.get("state") == "left":
            assert event.at in acts
            assert event.data["ended_by"] == "act"


@given(chosen=steps)
def test_a_workplace_tap_has_exactly_one_outcome(fold: Any, chosen: list[tuple[float, str]]) -> None:
    run = fold(presence.rule(), ANA)
    for item in made(chosen):
        run.advance(item.at)
        before = len(run.events)
        run.feed(item)
        outcomes = [event for event in run.events[before:] if event.type in OUTCOMES]
        assert len(outcomes) == isinstance(item, Reading)


@pytest.mark.parametrize("role", ["in_out", "kiosk", "out"])
def test_a_tap_that_a_door_system_tells_again_is_no_second_act(fold: Any, role: str) -> None:
    run = fold(presence.rule(), ANA).feed(tap(10, role), tap(10, role))
    first = "checkin.ended" if role == "out" else "checkin.started"
    assert [(kind, cause) for _, kind, cause in story(run)] == [(first, None), ("badge.rejected", "duplicate")]


@given(chosen=steps)
def test_visits_open_and_close_in_turn(fold: Any, chosen: list[tuple[float, str]]) -> None:
    run = fold(presence.rule(), ANA).feed(*made(chosen)).wait(400_000)
    open_id, zone = None, None
    for event in run.events:
        match event.type:
            case "presence.started":
                assert open_id is None
                open_id, zone = event.data["visit_id"], event.data["zone"]
            case "presence.moved":
                assert (open_id, zone) == (event.data["visit_id"], event.data["prev"])
                zone = event.data["zone"]
            case "presence.idle" | "presence.ended":
                assert (open_id, zone) == (event.data["visit_id"], event.data["zone"])
                open_id = None if event.type == "presence.ended" else open_id
    assert (run.state.visit is None) == (open_id is None)


@given(chosen=steps)
def test_same_input_same_output(fold: Any, chosen: list[tuple[float, str]]) -> None:
    one = fold(presence.rule(), ANA).feed(*made(chosen)).wait(400_000)
    two = fold(presence.rule(), ANA).feed(*made(chosen)).wait(400_000)
    assert (one.events, one.facts) == (two.events, two.facts)


@given(chosen=steps)
def test_a_row_restores_the_state(fold: Any, chosen: list[tuple[float, str]]) -> None:
    run = fold(presence.rule(), ANA).feed(*made(chosen))
    again = fold(presence.rule(), ANA, run.body, (run.state.now - T0) / SECOND)
    mine, theirs = run.state, again.state
    assert mine.workplace == theirs.workplace
    assert mine.quiet == theirs.quiet
    assert (mine.visit and (mine.visit.id, mine.visit.zone, mine.visit.idle)) == (
        theirs.visit and (theirs.visit.id, theirs.visit.zone, theirs.visit.idle)
    )


def test_each_source_has_its_weight_and_what_it_displaced_is_told(fold: Any) -> None:
    """A badge at a zone's reader against a tag that was heard a minute, one half-life, before."""
    west, east = "s/b/f/west/_", "s/b/f/east/_"
    run = fold(presence.rule(), ANA)
    run.feed(Located(ANA, west, None, at(0), at(0), 0.8))
    run.feed(Reading("rdr-z", "badge", True, east, at(60), "badge", "zone", ANA, "panrb"))
    started, moved = run.events
    assert started.data["confidence"] == 0.8
    assert (moved.data["confidence"], moved.data["challenger"]) == (0.98, {"zone": west, "weight": 0.4})
    (idle,) = run.wait(700).of("presence.idle", "sense")
    assert idle.data["confidence"] == 0.49, "what is left of the badge after its half-life"
