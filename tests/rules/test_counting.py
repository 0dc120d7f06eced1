"""Counts by zone: anonymous places, people only where they are five or more."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rules import counting
from rules.api import SECOND, Life, Located, Sensed
from rules.counting import Settings, ZoneSettings, aggregate

T0 = 1_795_484_000 * SECOND
ZONE, OTHER = "s/b/f/z/_", "s/b/f/y/_"
SPACES = {**{f"s/b/f/z/d-{n}": 1 for n in range(4)}, "s/b/f/z/r-1": 6}
SETTINGS = Settings(zones={ZONE: ZoneSettings(spaces=SPACES)})


def at(seconds: float) -> int:
    return T0 + round(seconds * SECOND)


def sees(seconds: float, space: str, state: str) -> Sensed:
    return Sensed(f"s/b/f/z/{space}", state, None, at(seconds), at(seconds), 0.0 if state == "unknown" else 0.9)


def person(seconds: float, number: int, zone: str | None = ZONE) -> Located:
    return Located(f"p-{number:016x}", zone, None if zone else "no_evidence", at(seconds), at(seconds), 0.9)


def counts(run: Any) -> list[tuple[float, int | None, str]]:
    return [((event.at - T0) / SECOND, event.data["occupancy"], event.data["method"]) for event in run.events]


def all_seen(seconds: float, state: str = "vacant") -> list[Sensed]:
    return [sees(seconds, place.rsplit("/", 1)[1], state) for place in SPACES]


def test_nothing_known_is_no_number(fold: Any) -> None:
    run = fold(counting.rule(SETTINGS), ZONE).wait(2000)
    assert counts(run) == [(40, None, "places"), (940, None, "places"), (1840, None, "places")]
    assert run.events[0].data["confidence"] == 0.0


def test_desks_and_rooms_are_counted_when_they_change(fold: Any) -> None:
    run = fold(counting.rule(SETTINGS), ZONE).feed(
        *all_seen(5), sees(50, "d-0", "occupied"), sees(55, "r-1", "occupied"), sees(130, "d-0", "vacant")
    )
    run.wait(300)
    assert counts(run) == [(40, 0, "places"), (100, 2, "places"), (160, 1, "places"), (220, 1, "places")]
    second = run.events[1].data
    assert (second["capacity"], second["entries"], second["exits"], second["window_s"]) == (10, 2, 0, 60.0)


def test_a_desk_that_is_taken_counts_unless_it_is_sensed_vacant(fold: Any) -> None:
    taken = Life("s/b/f/z/d-1", "taken", at(10), at(10))
    run = fold(counting.rule(SETTINGS), ZONE).feed(taken).wait(100)
    assert run.events[0].data["occupancy"] == 1
    run = fold(counting.rule(SETTINGS), ZONE).feed(*all_seen(5), taken).wait(100)
    assert run.events[0].data["occupancy"] == 0


def test_few_people_are_never_counted_as_people(fold: Any) -> None:
    four = fold(counting.rule(SETTINGS), ZONE).feed(*all_seen(5), *(person(10, n) for n in range(4))).wait(100)
    five = fold(counting.rule(SETTINGS), ZONE).feed(*all_seen(5), *(person(10, n) for n in range(5))).wait(100)
    assert counts(four) == [(40, 0, "places")]
    assert counts(five) == [(40, 5, "tags")]


def test_people_go_elsewhere_and_are_forgotten(fold: Any) -> None:
    run = fold(counting.rule(SETTINGS), ZONE).feed(*(person(10, n) for n in range(6)), person(50, 0, OTHER))
    run.feed(person(60, 1, None)).wait(400)
    assert counts(run) == [(40, 6, "tags"), (100, None, "places")]
    assert run.state.people == {}


def test_the_aggregate() -> None:
    spaces = [
        ("occupied", "free"),
        ("vacant", "free"),
        ("vacant", "taken"),
        ("vacant", "reserved"),
        ("unknown", "free"),
        ("unknown", "away"),
        ("vacant", "out_of_order"),
    ]
    assert aggregate(spaces) == {"capacity": 6, "used": 4, "free": 1, "unknown": 1}


words = st.tuples(
    st.sampled_from(["occupied", "vacant", "unknown"]),
    st.sampled_from(["free", "reserved", "taken", "away", "out_of_order"]),
)


@given(spaces=st.lists(words))
def test_the_aggregate_adds_up_and_unknown_is_not_free(spaces: list[tuple[str, str]]) -> None:
    total = aggregate(spaces)
    assert total["capacity"] == total["used"] + total["free"] + total["unknown"]
    assert total["free"] <= sum(sensed == "vacant" for sensed, _ in spaces)


steps = st.lists(
    st.tuples(
        st.floats(0.01, 100),
        st.sampled_from(["d-0", "d-1", "r-1", "person"]),
        st.sampled_from(["occupied", "vacant", "unknown"]),
        st.integers(0, 7),
    ),
    max_size=40,
)


@given(chosen=steps)
def test_same_input_same_output_and_few_stay_hidden(fold: Any, chosen: list[tuple[float, str, str, int]]) -> None:
    items: list[Any] = []
    now = 0.0
    for passed, space, state, number in chosen:
        now += passed
        zone = {"occupied": ZONE, "vacant": OTHER, "unknown": None}[state]
        items.append(person(now, number, zone) if space == "person" else sees(now, space, state))
    one = fold(counting.rule(SETTINGS), ZONE).feed(*items).wait(9000)
    two = fold(counting.rule(SETTINGS), ZONE).feed(*items).wait(9000)
    assert one.events == two.events
    for event in one.events:
        assert event.data["method"] == "places" or event.data["occupancy"] >= 5
        assert 0 <= event.data["confidence"] <= 1
