"""Floor plans: every mistake by file, line and feature, and whether they fit their floors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_sim.office import make_office
from gateway.config import plan_check, plans
from gateway.config.document import Document
from gateway.config.json_marks import spans
from gateway.config.load import load
from gateway.demo import floor_plan, world
from gateway.errors import ConfigError

EXAMPLE = Path(__file__).parent.parent / "config" / "office.yaml"
OFFICE = """\
site: ikn
buildings:
  - id: kk2
    coordinator: gw-05
    floors:
      - id: l05
        owner: gw-05
        plan: l05.geojson
        zones:
          - {id: timur, spaces: [{id: d-08}, {id: d-09}, {id: r-01, kind: room}]}
          - {id: barat}
gateways: [{id: gw-05, place: kk2/l05}]
"""
SQUARE = [[0, 0], [6, 0], [6, 6], [0, 6], [0, 0]]


def thing(kind: str, shape: str, coordinates: Any, **properties: Any) -> dict[str, Any]:
    geometry = {"type": shape, "coordinates": coordinates}
    return {"type": "Feature", "properties": {"kind": kind, **properties}, "geometry": geometry}


def text(*features: Any) -> str:
    return '{"type": "FeatureCollection", "features": [\n' + ",\n".join(map(json.dumps, features)) + "\n]}\n"


def mistakes(*features: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        plans.parse(text(*features).encode(), "p")
    return [str(problem) for problem in caught.value.problems]


def test_a_plan_is_read() -> None:
    plan = plans.parse(
        text(
            thing("wall", "LineString", SQUARE),
            thing("zone", "Polygon", [SQUARE], id="timur"),
            thing("desk", "Point", [1, 2.5], id="d-08", rotation=90, size=[1.6, 0.8]),
            thing("label", "Point", [3, 3, 1.5], text=" Tangga  darurat "),
        ).encode(),
        "p",
    )
    assert [feature.kind for feature in plan.features] == ["wall", "zone", "desk", "label"]
    assert plan.lines == (2, 3, 4, 5)
    desk = plan.spaces["d-08"]
    assert (desk.middle, desk.rotation, desk.size) == ((1, 2.5), 90, (1.6, 0.8))
    assert plan.zones["timur"].lines == (((0, 0), (6, 0), (6, 6), (0, 6)),)
    assert plan.features[3].text == "Tangga darurat"


def test_every_mistake_is_told_with_line_and_feature() -> None:
    assert mistakes(
        thing("wall", "LineString", [[0, 0], [6, 0]]),
        thing("dsk", "Point", [1, 1], id="d-08"),
        thing("desk", "Point", [1, 1]),
        thing("desk", "Point", [1, "1"], id="d-08"),
        thing("desk", "LineString", [[1, 1], [2, 2]], id="d-08"),
        thing("zone", "Polygon", [[[0, 0], [1, 1], [0, 0]]], id="timur"),
        thing("zone", "Polygon", [SQUARE, SQUARE], id="timur"),
        thing("label", "Point", [1, 1]),
        thing("wall", "LineString", [[1, 1]]),
        thing("desk", "Point", [1, 1], id="d-08", rotaton=90, size=[0, 9]),
        thing("desk", "Point", [1, 1], id="d-08", rotation=True),
        {"type": "Point"},
    ) == [
        'p:3: feature 2 ("d-08") has the kind "dsk", which is none of wall, zone, desk, room, booth, other, label; '
        'did you mean "desk"?',
        'p:4: feature 3 is a desk without an "id"',
        'p:5: feature 4 ("d-08") has a point 1 that is not [x, y] in metres, up to 10000',
        'p:6: feature 5 ("d-08") is a desk, whose geometry is Point or Polygon (it is "LineString")',
        'p:7: feature 6 ("timur") is a Polygon without an inside: three corners at least, 0.01 m² at least',
        'p:8: feature 7 ("timur") is a Polygon that has not exactly one ring; holes are not drawn',
        'p:9: feature 8 is a label whose "text" is no text of 1 to 80 characters',
        "p:10: feature 9 is a LineString with less than two good points",
        'p:11: feature 10 ("d-08") has the property "rotaton"; did you mean "rotation"?',
        'p:11: feature 10 ("d-08") has a size that is not [along, deep], each 0.2 to 100 metres',
        'p:12: feature 11 ("d-08") has a rotation that is no number of degrees from -360 to 360',
        'p:13: feature 12 is not of the type "Feature" with "properties"',
        'p:12: feature 11 ("d-08") is drawn a second time; feature 10 is the first',
    ]


def test_degrees_and_nothing_are_mistakes() -> None:
    degrees = thing("wall", "LineString", [[116.70012, -0.9801], [116.70034, -0.9803]])
    assert mistakes(degrees) == ["p:1: the plan is 0.00022 m wide: are these degrees? Coordinates are metres"]
    assert mistakes() == ["p:1: the plan shows nothing"]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"{", "p:1: JSON: expecting property name enclosed in double quotes"),
        (b"\xff", "p: is not UTF-8 text"),
        (b"[" * 100_000, "p: JSON: nested too deep"),
        (b'{"type": "FeatureCollection", "features": [NaN]}', "p: JSON: naN is no number"),
        (b"[]", 'p:1: is not GeoJSON of the type "FeatureCollection" with a list of "features"'),
        (b" " * (plans.MAX_BYTES + 1), "p: is larger than 1 MB"),
        (b'{"type": "FeatureCollection", "features": [' + b"0," * 5000 + b"0]}", "p:1: has more than 5000 features"),
    ],
)
def test_what_is_no_plan_is_told_once(raw: bytes, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        plans.parse(raw, "p")
    assert str(caught.value) == said


def test_too_many_points_end_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "MAX_POINTS", 50)
    assert mistakes(thing("wall", "LineString", [[0, 0]] * 51)) == ["p:2: has more than 50 points"]


def check(tmp_path: Path, *features: Any) -> tuple[list[str], list[str]]:
    """Mistakes and notes of the office with this plan."""
    file = tmp_path / "office.yaml"
    file.write_text(OFFICE)
    (tmp_path / "l05.geojson").write_text(text(*features))
    office, document = load(file), Document.read(file)
    found = plan_check.problems(office, document), list(plan_check.notes(office, document))
    return (
        [str(p).replace(f"{tmp_path}/", "") for p in found[0]],
        [str(p).replace(f"{tmp_path}/", "") for p in found[1]],
    )


def test_a_plan_that_does_not_fit_its_floor_is_told(tmp_path: Path) -> None:
    wrong, noted = check(
        tmp_path,
        thing("zone", "Polygon", [SQUARE], id="timor"),
        thing("desk", "Point", [1, 1], id="d-8"),
        thing("desk", "Point", [2, 2], id="r-01"),
        thing("desk", "Point", [3, 3], id="d-09"),
    )
    assert wrong == [
        'l05.geojson:2: feature 1 is zone "timor", which floor "l05" does not have; did you mean "timur"?',
        'l05.geojson:3: feature 2 is desk "d-8", which floor "l05" does not have; did you mean "d-08"?',
        'l05.geojson:4: feature 3: "r-01" is a desk here, and a room in office.yaml',
    ]
    assert noted == [
        'office.yaml:10: zone "timur" has no outline on the plan l05.geojson',
        'office.yaml:10: desk "d-08" is not on the plan l05.geojson: it is drawn beside it',
    ]


def test_a_desk_outside_its_zone_is_noted(tmp_path: Path) -> None:
    wrong, noted = check(
        tmp_path,
        thing("zone", "Polygon", [SQUARE], id="timur"),
        thing("desk", "Point", [1, 1], id="d-08"),
        thing("desk", "Point", [8, 8], id="d-09"),
        thing("room", "Polygon", [SQUARE], id="r-01"),
    )
    assert not wrong
    assert noted == ['l05.geojson:4: feature 3: desk "d-09" is drawn outside its zone "timur"']


def test_a_device_that_hangs_beside_the_plan_is_noted(tmp_path: Path) -> None:
    file = tmp_path / "office.yaml"
    file.write_text(
        OFFICE
        + "devices:\n"
        + "  - {id: ld-1, driver: ld2410, place: kk2/l05/timur/d-08, at: [1, 7]}\n"
        + "  - {id: ld-2, driver: ld2410, place: kk2/l05/timur/d-09, at: [1, 60.5, 2]}\n"
    )
    (tmp_path / "l05.geojson").write_text(text(thing("wall", "LineString", SQUARE)))
    found = [str(note) for note in plan_check.notes(load(file), Document.read(file)) if "hangs" in note.text]
    assert found == [
        f'{file}:15: device "ld-2" hangs at [1, 60.5], which is not on the plan of its floor (x 0 to 6, y 0 to 6)'
    ]


def test_a_missing_file_is_a_mistake_in_its_folder_and_a_note_without_it(tmp_path: Path) -> None:
    file = tmp_path / "office.yaml"
    file.write_text(OFFICE)
    office, document = load(file), Document.read(file)
    assert [str(p) for p in plan_check.problems(office, document)] == [
        f"{file}:8: there is no file {tmp_path / 'l05.geojson'}"
    ]
    file.write_text(OFFICE.replace("l05.geojson", "plans/l05.geojson"))
    office, document = load(file), Document.read(file)
    assert not plan_check.problems(office, document)
    assert len(list(plan_check.notes(office, document))) == 1


def test_what_would_stand_in_a_file_is_checked_instead(tmp_path: Path) -> None:
    file = tmp_path / "office.yaml"
    file.write_text(OFFICE)
    office, document = load(file), Document.read(file)
    found = plan_check.problems(office, document, {tmp_path / "l05.geojson": b"{"})
    assert [problem.line for problem in found] == [1]


def test_the_example_and_the_demo_have_good_plans(tmp_path: Path) -> None:
    made = make_office(7)
    demo = world.write(made, tmp_path, broker_port=1, web_port=8080, speed=1, ble=False).file
    for file in (EXAMPLE, demo):
        office, document = load(file), Document.read(file)
        assert all(floor.plan for _, _, floor in plan_check.floors(office))
        assert not plan_check.problems(office, document)
        assert not list(plan_check.notes(office, document))
    assert floor_plan.path_of("l05") == "plans/l05.geojson"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=50)
@given(value=values, indent=st.sampled_from([None, 2]), ascii_only=st.booleans())
def test_the_marks_of_a_json_text_are_where_its_values_are(value: Any, indent: int | None, ascii_only: bool) -> None:
    written = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    found = spans(written, 6)

    def all_of(inner: Any, path: tuple[str | int, ...]) -> None:
        assert json.loads(written[slice(*found[path])]) == inner
        for key, item in (
            inner.items() if isinstance(inner, dict) else enumerate(inner) if isinstance(inner, list) else ()
        ):
            if len(path) < 6:
                all_of(item, (*path, key))

    all_of(value, ())


@settings(max_examples=50)
@given(value=values)
def test_any_json_is_a_plan_or_a_list_of_mistakes(value: Any) -> None:
    for raw in (value, {"type": "FeatureCollection", "features": [value, {"type": "Feature", "properties": value}]}):
        with pytest.raises(ConfigError) as caught:
            plans.parse(json.dumps(raw).encode(), "p")
        assert all(problem.text for problem in caught.value.problems)
