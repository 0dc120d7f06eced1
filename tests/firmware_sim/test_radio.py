"""The air: what physics demands, whatever the seed."""

from __future__ import annotations

from statistics import mean

from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.actions import SECOND
from firmware_sim.office import make_office
from firmware_sim.radio import BODY_DB, SENSITIVITY_DBM, Radio, body_db, path_loss_db, walls_db
from firmware_sim.space import Point

OFFICE = make_office(1)
TAG = OFFICE.people[0].tag
assert TAG is not None
metres = st.floats(0, 23.9)


def levels(at: Point, receiver: str, count: int = 300) -> list[int]:
    assert TAG is not None
    radio = Radio(OFFICE, 4)
    device = next(r for r in OFFICE.receivers if r.id == receiver)
    heard = (radio.rssi(TAG, at, n * 0.7, device, n * 60 * SECOND) for n in range(count))
    return [level for level in heard if level is not None]


@given(metres, metres, metres, metres)
def test_farther_is_quieter_and_a_ceiling_takes_more(x1: float, y1: float, x2: float, y2: float) -> None:
    a, b, receiver = Point(x1, y1, "l05"), Point(x2, y2, "l05"), Point(12, 12, "l05")
    near, far = sorted((a, b), key=lambda p: (p.x - 12) ** 2 + (p.y - 12) ** 2)
    assert path_loss_db(near, receiver, 0) <= path_loss_db(far, receiver, 0)
    assert path_loss_db(a, receiver, 1) > path_loss_db(a, receiver, 0)
    assert path_loss_db(a, receiver, 0) >= 0


@given(metres, metres, st.floats(-3.15, 3.15))
def test_a_body_takes_between_nothing_and_its_all(x: float, y: float, facing: float) -> None:
    assert -1e-9 <= body_db(Point(x, y, "l05"), facing, Point(12, 12, "l05")) <= BODY_DB + 1e-9


def test_walls_count_when_they_are_crossed() -> None:
    west, east = Point(6, 3, "l05"), Point(18, 3, "l05")
    assert walls_db(OFFICE.walls, west, east) == 4.0
    assert walls_db(OFFICE.walls, Point(6, 12, "l05"), Point(18, 12, "l05")) == 0.0  # through the door
    assert walls_db(OFFICE.walls, Point(22, 22, "l05"), Point(18, 12, "l05")) == 8.0  # out of the prayer room


def test_facing_the_receiver_or_not() -> None:
    receiver = Point(18, 12, "l05")
    assert body_db(Point(10, 12, "l05"), 0.0, receiver) == 0.0
    assert body_db(Point(10, 12, "l05"), 3.141592653589793, receiver) == BODY_DB
    assert body_db(receiver, 1.0, receiver) == 0.0


def test_each_desk_is_loudest_at_the_receiver_of_its_zone() -> None:
    for desk in OFFICE.desks:
        means = {r.id: mean(levels(desk.at, r.id) or [SENSITIVITY_DBM]) for r in OFFICE.receivers}
        assert max(means, key=lambda receiver: means[receiver]) == f"ble-{desk.zone}"


def test_what_is_too_quiet_is_not_heard() -> None:
    corner = Point(0.5, 0.5, "l05")
    assert all(level >= SENSITIVITY_DBM for level in levels(corner, "ble-utara"))
    assert len(levels(corner, "ble-utara")) < len(levels(OFFICE.desks[0].at, "ble-timur"))


def test_same_seed_same_air() -> None:
    assert levels(OFFICE.desks[3].at, "ble-barat") == levels(OFFICE.desks[3].at, "ble-barat")
