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
SPACES = {**{f"s/b/f/z/d-{n}": 1 for n in range(8)}, "s/b/f/z/r-1": 6}
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


def together(seconds: float, state: str, *numbers: int) -> list[Sensed]:
    return [sees(seconds, f"d-{number}", state) for number in numbers]


def test_desks_and_rooms_are_counted_when_they_change(fold: Any) -> None:
    run = fold(counting.rule(SETTINGS), ZONE).feed(
        *all_seen(5),
        *together(50, "occupied", 0, 1, 2, 3, 4),
        sees(55, "r-1", "occupied"),
        sees(130, "d-0", "vacant"),
        *together(190, "vacant", 1, 2, 3, 4),
    )
    run.wait(300)
    assert counts(run) == [(40, None, "places"), (100, 6, "places"), (160, 5, "places"), (220, None, "places")]
    second = run.events[1].data
    assert (second["capacity"], second["entries"], second["exits"], second["window_s"]) == (14, 6, None, 60.0)


def test_few_are_not_told_and_neither_is_that_few_came_or_went(fold: Any) -> None:
    empty = fold(counting.rule(SETTINGS), ZONE).feed(*all_seen(5)).wait(900)
    some = fold(counting.rule(SETTINGS), ZONE).feed(
        *all_seen(5),
        *together(50, "occupied", 0, 1, 2, 3),
        *together(110, "vacant", 0, 1),
        sees(170, "d-7", "occupied"),
    )
    assert some.wait(900).events == empty.events, "four come, two go, one comes: it looks as if nobody had"
    (told,) = empty.events
    assert (told.data["occupancy"], told.data["entries"], told.data["exits"]) == (None, None, None)
    assert (told.data["cause"], told.data["confidence"]) == (None, 0.9), "it is known, and not told"


def test_a_desk_that_is_taken_counts_unless_it_is_sensed_vacant(fold: Any) -> None:
    taken = [Life(f"s/b/f/z/d-{n}", "taken", at(10), at(10)) for n in range(5)]
    run = fold(counting.rule(SETTINGS), ZONE).feed(*taken).wait(100)
    assert counts(run) == [(40, 5, "places")]
    run = fold(counting.rule(SETTINGS), ZONE).feed(*all_seen(5), sees(6, "d-5", "occupied"), *taken).wait(100)
    assert counts(run) == [(40, None, "places")]
    run = fold(counting.rule(SETTINGS), ZONE).feed(*together(5, "occupied", 4, 5), *taken).wait(100)
    assert counts(run) == [(40, 6, "places")]


def test_few_people_are_never_counted_as_people(fold: Any) -> None:
    four = fold(counting.rule(SETTINGS), ZONE).feed(*all_seen(5), *(person(10, n) for n in range(4))).wait(100)
    five = fold(counting.rule(SETTINGS), ZONE).feed(*all_seen(5), *(person(10, n) for n in range(5))).wait(100)
    assert counts(four) == [(40, None, "places")]
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


seen = st.one_of(
    st.tuples(st.just("unknown"), st.sampled_from(["starting", "sensor_stale", "unconfigured"]), st.just(0.0)),
    st.tuples(st.sampled_from(["occupied", "vacant"]), st.none(), st.floats(0, 1)),
)


@given(places=st.lists(seen))
def test_a_zone_is_vacant_only_where_every_place_is(places: list[tuple[str, str | None, float]]) -> None:
    state, cause, confidence = counting.together(places)
    states = [state for state, _, _ in places]
    if "occupied" in states:
        assert (state, cause) == ("occupied", None)
    elif "unknown" in states or not states:
        assert (state, confidence) == ("unknown", 0.0)
        assert cause in {cause for _, cause, _ in places} | ({"unconfigured"} if not states else set())
    else:
        assert (state, cause) == ("vacant", None)
    assert confidence == 0.0 or confidence in {believed for name, _, believed in places if name == state}


def test_a_zone_gives_the_cause_that_most_of_its_places_have() -> None:
    deaf, stale = ("unknown", "radio_deaf", 0.0), ("unknown", "sensor_stale", 0.0)
    assert counting.together([deaf, stale, ("vacant", None, 0.9), stale])[1] == "sensor_stale"
    assert counting.together([stale, deaf])[1] == counting.together([deaf, stale])[1] == "radio_deaf"


@given(spaces=st.lists(words))
def test_the_aggregate_adds_up_and_unknown_is_not_free(spaces: list[tuple[str, str]]) -> None:
    total = aggregate(spaces)
    assert total["capacity"] == total["used"] + total["free"] + total["unknown"]
    assert total["free"] <= sum(sensed == "vacant" for sensed, _ in spaces)


steps = st.lists(
    st.tuples(
        st.floats(0.01, 100),
        st.sampled_from(["d-0", "d-1", "d-2", "d-3", "d-4", "r-1", "person"]),
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
        for number in (event.data["occupancy"], event.data["entries"], event.data["exits"]):
            assert number is None or number >= 5
        assert 0 <= event.data["confidence"] <= 1


def test_the_count_that_lost_is_told_where_it_may_be(fold: Any) -> None:
    heard = [person(20, n) for n in range(7)]
    run = fold(counting.rule(SETTINGS), ZONE).feed(*all_seen(5), *heard, *together(30, "occupied", 0, 1, 2, 3, 4))
    assert run.wait(100).events[-1].data["challenger"] == {"method": "places", "occupancy": 5, "weight": 0.9}
    run = fold(counting.rule(SETTINGS), ZONE).feed(*all_seen(5, "occupied"), *heard[:6])
    assert run.wait(100).events[-1].data["challenger"] == {"method": "tags", "occupancy": 6, "weight": 0.7}
    few = fold(counting.rule(SETTINGS), ZONE).feed(*all_seen(5), *together(30, "occupied", 0, 1), *heard)
    assert few.wait(100).events[-1].data["challenger"] is None, "two are not told, also where they lose"
    few = fold(counting.rule(SETTINGS), ZONE).feed(*all_seen(5, "occupied"), *heard[:4])
    assert few.wait(100).events[-1].data["challenger"] is None
