"""Which places are shown follows from the configuration, and leaves no small rest."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config.model import Office
from gateway.web.reports.ground import Ground
from gateway.web.reports.suppress import FEWEST


def office(floors: list[list[int]]) -> Office:
    def zone(at: int, desks: int) -> dict[str, object]:
        return {"id": f"z{at}", "spaces": [{"id": f"d{desk}"} for desk in range(desks)]}

    built = [
        {"id": f"l{number}", "owner": "gw", "zones": [zone(at, desks) for at, desks in enumerate(zones)]}
        for number, zones in enumerate(floors)
    ]
    return Office.model_validate(
        {"site": "s", "buildings": [{"id": "b", "floors": built}], "gateways": [{"id": "gw", "place": "b/l0"}]},
        context={"base": Path()},
    )


@settings(max_examples=50)
@given(st.lists(st.lists(st.integers(0, 9), max_size=4), min_size=1, max_size=4))
def test_every_difference_of_shown_places_is_nothing_or_five_desks(floors: list[list[int]]) -> None:
    ground = Ground(office(floors))
    shown = {place: {desk.place for desk in ground.below(place)} for place in ground.shown}
    for place, desks in shown.items():
        assert len(desks) >= FEWEST
        inside = [other for other in shown if other.startswith(f"{place}/")]
        nearest = [other for other in inside if not any(other.startswith(f"{between}/") for between in inside)]
        rest = desks - set().union(*(shown[other] for other in nearest))
        assert len(rest) not in range(1, FEWEST)


def test_the_smallest_sibling_goes_with_a_small_one() -> None:
    assert Ground(office([[3, 6, 9]])).shown == ("s", "s/b", "s/b/l0", "s/b/l0/z2")
    assert Ground(office([[3, 2, 9]])).shown == ("s", "s/b", "s/b/l0", "s/b/l0/z2")
    assert Ground(office([[4]])).shown == ()
