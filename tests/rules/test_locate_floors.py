"""Tags of a building with two floors, whose gateways tell of a packet a second apart."""

from __future__ import annotations

import pytest

pytest.importorskip("numpy")

from rules import locate_map
from rules.api import SECOND, Health, Input, Located, Sighting, Tick
from rules.locate_map import FloorMap, Settings
from rules.radio_map import Anchor, learn

T0 = 1_795_484_700 * SECOND
SPOTS = ((3.0, 3.0), (9.0, 3.0), (6.0, 9.0))
CEILING_DB = 17.0


def floor(number: int) -> FloorMap:
    """One zone, three receivers, no survey."""
    anchors = {f"r{number}{n}": Anchor(x, y) for n, (x, y) in enumerate(SPOTS)}
    area = {f"s/b/l{number}/a/_": [(0.0, 0.0), (12.0, 0.0), (12.0, 12.0), (0.0, 12.0)]}
    return FloorMap(radio=learn([], anchors, area))


class Building:
    """Feeds the rule as the engine does."""

    def __init__(self) -> None:
        self.rule = locate_map.rule(Settings(floors=(floor(1), floor(2)), lost_s=90.0))
        self.state = self.rule.start("b", None, T0).state
        self.due: int | None = None
        self.said: list[Located] = []

    def take(self, item: Input) -> None:
        while self.due is not None and self.due <= item.at and not isinstance(item, Tick):
            self.take(Tick(self.due))
        step = self.rule.step(self.state, item)
        self.state, self.due = step.state, step.due
        self.said += [one for one in step.emits if isinstance(one, Located)]

    def stand(self, on: int, begin: int, packets: int, every_s: int, deaf: int = 0) -> int:
        """A tag in the middle of a floor: the first one's gateway tells at once, the second's a second later."""
        for packet in range(packets):
            at = begin + packet * every_s * SECOND
            for number, late in ((1, 0), (2, SECOND)):
                for n in range(len(SPOTS)):
                    if number != deaf:
                        self.take(Sighting("ana", f"r{number}{n}", -74.0 - CEILING_DB * (on != number), at + late))
        return begin + packets * every_s * SECOND

    def deafen(self, number: int, at: int, *, alive: bool) -> None:
        for n in range(len(SPOTS)):
            self.take(Health(f"r{number}{n}", alive, "" if alive else "gateway_down", at))


@pytest.mark.parametrize("every_s", [1, 2, 30])
def test_a_tag_is_on_the_floor_that_hears_it_best_whoever_tells_first(every_s: int) -> None:
    building = Building()
    now = building.stand(2, T0, 20, every_s)
    assert building.said[-1].zone == "s/b/l2/a/_"
    told = len(building.said)
    now = building.stand(2, now, 100, every_s)
    assert {one.zone for one in building.said[told:]} == {"s/b/l2/a/_"}, "and stays there"
    building.stand(1, now, 20, every_s)
    assert building.said[-1].zone == "s/b/l1/a/_"


def test_who_is_on_a_floor_that_is_deaf_is_not_on_another() -> None:
    building = Building()
    now = building.stand(2, T0, 20, 30)
    building.deafen(2, now, alive=False)
    assert (building.said[-1].zone, building.said[-1].cause) == (None, "radio_deaf")
    told = len(building.said)
    now = building.stand(2, now + SECOND, 20, 30, deaf=2)
    assert not any(one.zone for one in building.said[told:])
    now = building.stand(1, now, 5, 30, deaf=2)
    assert building.said[-1].zone == "s/b/l1/a/_", "who comes down is heard as loudly as there"
    building.deafen(2, now, alive=True)
    building.stand(2, now + SECOND, 20, 30)
    assert building.said[-1].zone == "s/b/l2/a/_"
