"""Small forms of the suites of delivery: a bad network, repeated delivery, a gateway that dies at a point."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.api import Scene
from faults.kills import gateway_killed
from faults.network import network
from faults.redelivery import redelivery


@pytest.mark.parametrize("broken", [False, True])
def test_repeated_and_shuffled_delivery_stores_once(tmp_path: Path, broken: bool) -> None:
    found = redelivery(Scene(tmp_path, 1, 1, broken))
    assert (found.offered, found.stored, found.lost, found.wrong) == (1_000, 1_000, 0, 0)
    assert bool(found.duplicated) is broken


def test_a_bad_network_loses_nothing(tmp_path: Path) -> None:
    found = network(Scene(tmp_path, 1, 6, False))
    assert not found.failed, found
    assert found.stored == found.accepted > 20


def test_a_gateway_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    found = gateway_killed(Scene(tmp_path, 3, 1, False))
    assert not found.failed, found
    assert found.stored == found.accepted > 0
