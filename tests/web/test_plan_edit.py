"""Edits of a GeoJSON plan: what is moved is moved, and every other byte stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config import plans
from gateway.web.plan_edit import Stand, apply

EXAMPLE = (Path(__file__).parent.parent.parent / "config" / "plans" / "l01.geojson").read_text()


def changed_lines(old: str, new: str) -> list[str]:
    return [line for line in new.splitlines() if line not in old.splitlines()]


def test_a_desk_is_moved_on_its_own_line() -> None:
    new = apply(EXAMPLE, {"d-001": Stand(kind="desk", x=3, y=4.256, rotation=90)})
    assert changed_lines(EXAMPLE, new) == [
        '  {"type": "Feature", "properties": {"kind": "desk", "id": "d-001", "size": [1.6, 0.9], "rotation": 90}, '
        '"geometry": {"type": "Point", "coordinates": [3, 4.26]}},'
    ]
    again = apply(new, {"d-001": Stand(kind="desk", x=3, y=4.256, rotation=-45)})
    assert '"rotation": -45}' in again


def test_a_room_keeps_its_shape() -> None:
    new = plans.parse(apply(EXAMPLE, {"r-01": Stand(kind="room", x=10, y=5, rotation=90)}).encode(), "p")
    old = plans.parse(EXAMPLE.encode(), "p")
    assert new.spaces["r-01"].middle == (10, 5)
    (before,), (after,) = old.spaces["r-01"].lines, new.spaces["r-01"].lines
    moved = {(round(x2 - x1, 2), round(y2 - y1, 2)) for (x1, y1), (x2, y2) in zip(before, after, strict=True)}
    assert len(moved) == 1


def test_a_space_that_the_plan_leaves_out_is_added_at_the_end() -> None:
    new = apply(EXAMPLE, {"d-009": Stand(kind="desk", x=1, y=2)})
    assert new.startswith(EXAMPLE[:-4])
    assert plans.parse(new.encode(), "p").spaces["d-009"].middle == (1, 2)


numbers = st.floats(-200, 200).map(lambda value: round(value, 2))
stands = st.dictionaries(
    st.sampled_from(["d-001", "d-002", "d-003", "r-01", "d-new"]),
    st.builds(Stand, kind=st.just("desk"), x=numbers, y=numbers, rotation=st.none() | st.integers(-180, 180)),
    max_size=5,
)


@pytest.mark.parametrize("layout", ["lines", "compact", "indented"])
@settings(max_examples=25, deadline=None)
@given(moves=stands)
def test_exactly_what_is_moved_moves(layout: str, moves: dict[str, Stand]) -> None:
    text = EXAMPLE
    if layout != "lines":
        text = json.dumps(json.loads(EXAMPLE), indent=1 if layout == "indented" else None)
    old, new = plans.parse(text.encode(), "p"), plans.parse(apply(text, moves).encode(), "p")
    assert {f.id for f in new.features} == {f.id for f in old.features} | set(moves)
    for feature in new.features:
        if feature.id in moves:
            stand = moves[feature.id]
            assert feature.middle == pytest.approx((stand.x, stand.y), abs=0.011)
            if stand.rotation is not None and not feature.closed:
                assert feature.rotation == stand.rotation
        else:
            assert (feature.lines, feature.id) == (
                old.features[feature.number].lines,
                old.features[feature.number].id,
            )
