"""Drawings of floors: each space once, on the paper, and in a made-up layout nothing over another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config import plans
from gateway.config.load import load
from gateway.config.model import Building, Device, Floor, Office, Space, Zone
from gateway.web.floorplan import Drawing, draw
from gateway.web.layout import lay_out, overlapping

EXAMPLE = Path(__file__).parent.parent.parent / "config" / "office.yaml"


def office_of(floor: Floor, *devices: Device) -> Office:
    building = Building.model_construct(id="kk2", floors=(floor,))
    return Office.model_construct(site="ikn", buildings=(building,), gateways=(), devices=devices)


def zone_of(name: str, desks: int, *, rooms: int = 0, **more: object) -> Zone:
    spaces = [Space(id=f"{name}-r{n}", kind="room", capacity=8) for n in range(rooms)]
    spaces += [Space(id=f"{name}-{n}", name=f"Meja {n}") for n in range(desks)]
    return Zone.model_validate({"id": name, "spaces": spaces, **more})


def drawn(*zones: Zone) -> Drawing:
    floor = Floor(id="l05", zones=zones)
    return draw(office_of(floor), "kk2", floor, None)


def on_paper(drawing: Drawing) -> bool:
    return all(
        west >= 0 and north >= 0 and east <= drawing.width and south <= drawing.height
        for west, north, east, south in (space.box for space in drawing.spaces)
    )


kinds = st.sampled_from(["desk", "desk", "desk", "room", "booth", "other"])
zones_of_kinds = st.lists(st.lists(kinds, max_size=40), min_size=1, max_size=5)


@settings(max_examples=50, deadline=None)
@given(floor=zones_of_kinds)
def test_each_space_is_drawn_once_inside_its_zone_and_over_no_other(floor: list[list[str]]) -> None:
    zones = tuple(
        Zone(id=f"z{z}", spaces=tuple(Space(id=f"s{z}-{n}", kind=kind) for n, kind in enumerate(spaces)))
        for z, spaces in enumerate(floor)
    )
    layout = lay_out(Floor(id="l05", zones=zones))
    assert list(layout.zones) == [zone.id for zone in zones]
    assert sorted(layout.spaces) == sorted(space.id for zone in zones for space in zone.spaces)
    assert not overlapping(layout.spaces.values())
    for zone in zones:
        west, south = layout.zones[zone.id][0]
        east, north = layout.zones[zone.id][2]
        for space in zone.spaces:
            rect = layout.spaces[space.id]
            assert west < rect.x
            assert rect.x + rect.width < east
            assert south < rect.y
            assert rect.y + rect.height < north
    drawing = drawn(*zones)
    assert [space.space.id for space in drawing.spaces] == [space.id for zone in zones for space in zone.spaces]
    assert on_paper(drawing)


@settings(max_examples=12, deadline=None)
@given(desks=st.integers(1, 60), rooms=st.integers(0, 3), wide=st.floats(3, 60), deep=st.floats(3, 60))
def test_desks_stand_inside_areas_that_are_given(desks: int, rooms: int, wide: float, deep: float) -> None:
    corners = ((0.0, 0.0), (wide, 0.0), (wide, deep), (0.0, deep))
    inside = ((0.5, 0.5), (1.5, 0.5), (1.5, 1.5), (0.5, 1.5))
    zones = (
        zone_of("timur", desks, rooms=rooms, area=corners),
        Zone(id="musala", private=True, area=inside),
        zone_of("loteng", 2),
    )
    layout = lay_out(Floor(id="l05", zones=zones))
    assert len(layout.spaces) == desks + rooms + 2
    assert not overlapping(layout.spaces.values())
    if layout.zones["timur"] == corners:
        for name, rect in layout.spaces.items():
            if name.startswith("timur"):
                assert all(plans.holds(corners, corner) for corner in rect.ring)
                assert not any(plans.holds(inside, corner) for corner in rect.ring)
    assert on_paper(drawn(*zones))


@pytest.mark.parametrize("desks", [1, 5, 24, 60, 200])
def test_a_made_up_floor_is_neither_a_strip_nor_a_tower(desks: int) -> None:
    drawing = drawn(zone_of("timur", desks // 2 + 1, rooms=1), zone_of("barat", desks // 2), zone_of("musala", 0))
    assert 0.5 < drawing.width / drawing.height < 2.2
    again = drawn(zone_of("timur", desks // 2 + 1, rooms=1), zone_of("barat", desks // 2), zone_of("musala", 0))
    assert drawing == again
    assert drawing.source == "made_up"


def test_a_floor_without_zones_is_an_empty_sheet() -> None:
    drawing = drawn()
    assert not drawing.spaces
    assert drawing.width > 0
    assert drawing.height > 0


def test_a_plan_is_drawn_with_y_down_and_turns_clockwise() -> None:
    floor = Floor(id="l05", zones=(zone_of("timur", 2, rooms=1), zone_of("barat", 1)))

    def feature(kind: str, shape: str, coordinates: object, **more: object) -> dict[str, object]:
        geometry = {"type": shape, "coordinates": coordinates}
        return {"type": "Feature", "properties": {"kind": kind, **more}, "geometry": geometry}

    ring = [[0, 0], [10, 0], [10, 8], [0, 8], [0, 0]]
    raw = {
        "type": "FeatureCollection",
        "features": [
            feature("wall", "Polygon", [ring]),
            feature("zone", "Polygon", [ring], id="timur"),
            feature("desk", "Point", [2, 1], id="timur-0", rotation=90, size=[2, 1]),
            feature("room", "Polygon", [[[6, 5], [10, 5], [10, 8], [6, 8]]], id="timur-r0"),
            feature("label", "Point", [5, 4], text="Tangga"),
        ],
    }
    devices = (
        Device(id="rdr", driver="rdm6300", place="kk2/l05/timur/timur-0"),
        Device(id="mmw", driver="ld2410", place="kk2/l05/timur/timur-0", at=(1.0, 7.0)),
        Device(id="far", driver="ld2410", place="kk2/l05/timur/timur-0", at=(1.0, 700.0)),
        Device(id="rcv", driver="receiver", place="kk2/l05/timur"),
        Device(id="elsewhere", driver="ld2410", place="kk2/l06/timur/timur-0", at=(1.0, 7.0)),
    )
    plan = plans.parse(json.dumps(raw).encode(), "p")
    drawing = draw(office_of(floor, *devices), "kk2", floor, plan)
    by_id = {space.space.id: space for space in drawing.spaces}
    desk, room = by_id["timur-0"], by_id["timur-r0"]
    assert (desk.x, desk.y, desk.width, desk.height, desk.turn) == (250, 750, 200, 100, -90)
    assert desk.box == (200, 650, 300, 850)
    assert drawing.metres(desk.x, desk.y) == (2, 1)
    assert (room.x, room.y, room.width, room.height) == (850, 200, 400, 300)
    assert [space.placed for space in drawing.spaces] == [True, True, False, False]
    assert drawing.walls == (((50, 850), (1050, 850), (1050, 50), (50, 50), (50, 850)),)
    assert drawing.zones[0].at == (80, 120)
    assert not drawing.zones[1].outline
    assert (drawing.labels[0].x, drawing.labels[0].y) == (550, 450)
    assert [(d.device.id, d.x, d.y, d.placed) for d in drawing.devices] == [
        ("rdr", 220, 650, False),
        ("mmw", 150, 150, True),
        ("far", 250, 650, False),
        ("rcv", 550, 450, False),
    ]
    assert on_paper(drawing)


def test_the_example_is_drawn_from_its_plan() -> None:
    office = load(EXAMPLE)
    floor = office.buildings[0].floors[0]
    assert floor.plan is not None
    drawing = draw(office, "utama", floor, plans.read(office.path(floor.plan)))
    assert drawing.source == "plan"
    assert all(space.placed for space in drawing.spaces)
    assert [space.short for space in drawing.spaces] == ["1", "2", "Ruang Mahakam", "3"]
    assert on_paper(drawing)
