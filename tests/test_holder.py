"""The tag of who holds a desk reaches that desk, while they hold it, where both are decided by one gateway."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import wiring
from gateway.config.load import load
from gateway.config.places import Places
from rules.api import SECOND, Life, Located

T0 = 1_795_483_802 * SECOND
ANA = "p-00000000000000a1"
DESK, ROOM, ZONE = "ikn/kk2/l01/a/d-1", "ikn/kk2/l01/a/r-1", "ikn/kk2/l01/a/_"
OFFICE = """
site: ikn
buildings:
  - id: kk2
    coordinator: gw-1
    floors:
      - {id: l01, owner: gw-1, zones: [{id: a, spaces: [{id: d-1}, {id: r-1, kind: room}]}]}
      - {id: l02, owner: gw-2, zones: [{id: b, spaces: [{id: d-3}]}]}
gateways: [{id: gw-1, place: kk2/l01}, {id: gw-2, place: kk2/l02}]
"""


@pytest.fixture
def places(tmp_path: Path) -> Places:
    file = tmp_path / "office.yaml"
    file.write_text(OFFICE, encoding="utf-8")
    return Places(load(file))


def life(place: str, name: str) -> Life:
    return Life(place, name, T0, T0, ANA, "bkn", "c1")


def test_it_goes_to_the_desk_that_is_held_and_only_while_it_is(places: Places) -> None:
    route = wiring.make_route(places, "gw-1", {})
    tag = Located(ANA, ZONE, None, T0, T0, 0.9)
    assert ("occupancy", DESK) not in route(tag)
    assert ("occupancy", DESK) in route(life(DESK, "taken"))
    assert ("occupancy", DESK) in route(tag)
    assert ("occupancy", DESK) in route(tag._replace(zone=None, cause="no_evidence"))
    assert ("occupancy", DESK) not in route(tag._replace(person="p-00000000000000b2"))
    route(life(DESK, "free"))
    assert ("occupancy", DESK) not in route(tag)


def test_a_desk_of_another_gateway_is_not_asked(places: Places) -> None:
    route = wiring.make_route(places, "gw-1", {})
    route(life("ikn/kk2/l02/b/d-3", "taken"))
    assert all(rule != "occupancy" for rule, _ in route(Located(ANA, ZONE, None, T0, T0, 0.9)))


def test_rooms_are_kept_by_the_desk_rule_for_their_reservations(places: Places) -> None:
    assert wiring.keys_of("desk", places, "gw-1") == [DESK, ROOM]
