"""A store is asked for what it says that it took; one that keeps nothing is written again from the last proof on."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gateway.clock import SECOND, ManualClock
from gateway.errors import TransientError
from gateway.stores.base import CANARY, Point, Tags
from gateway.stores.proof import SETTLED_S, Proof

SOME = [Point("m", (), (("n", 1),), 5)]


class Liar:
    """A store that keeps what it takes, or does not, and tells what it has, or does not."""

    name, milliseconds, whole, answers = "liar", False, False, True

    def __init__(self) -> None:
        self.points: list[Point] = []
        self.keeps = True
        self.tells = True

    async def write(self, points: Sequence[Point]) -> None:
        if self.keeps:
            self.points += points

    async def life(self) -> str:
        return "1"

    async def count(self, measurement: str, tags: Tags, first: int, last: int) -> int | None:
        found = {
            p.time for p in self.points if (p.measurement, p.tags) == (measurement, tags) and first <= p.time <= last
        }
        return len(found) if self.tells else None

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_800_000_000 * SECOND, 100 * SECOND)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.stores.proof.LOOK_S", 0.0)


async def written(store: Liar, proof: Proof, clock: ManualClock, seconds: int) -> None:
    """Two writes a second."""
    for _ in range(2 * seconds):
        clock.advance(0.5)
        await store.write(proof.carried(list(SOME)))


async def test_what_a_query_finds_is_proven_up_to_the_last_canary_that_has_settled(clock: ManualClock) -> None:
    store = Liar()
    proof = Proof(store, clock)
    begun = proof.at
    await written(store, proof, clock, 10)
    assert sum(point.measurement == CANARY for point in store.points) == 10, "one a second"
    await proof.look()
    assert proof.at == begun, "nothing has settled yet"
    clock.advance(SETTLED_S - 5)
    await proof.look()
    assert begun < proof.at < clock.machine() - SETTLED_S * SECOND + SECOND
    clock.advance(SETTLED_S)
    await proof.look()
    assert proof.at == clock.machine(), "nothing is out: all of it is proven"


async def test_a_store_that_kept_nothing_for_a_moment_is_in_doubt_until_it_keeps_again(clock: ManualClock) -> None:
    store = Liar()
    proof = Proof(store, clock)
    await written(store, proof, clock, 5)
    clock.advance(SETTLED_S)
    await proof.look()
    begun = clock.machine()
    await written(store, proof, clock, 5)
    store.keeps = False
    await written(store, proof, clock, 2)
    store.keeps = True
    await written(store, proof, clock, 5)
    clock.advance(SETTLED_S)
    with pytest.raises(TransientError, match="a query finds"):
        await proof.look()
    proof.forget()
    assert proof.at <= begun, "what is in doubt reaches back to the last proof"
    await proof.look()
    assert proof.at == clock.machine()


async def test_a_store_that_cannot_be_asked_is_believed(clock: ManualClock) -> None:
    store = Liar()
    proof = Proof(store, clock)
    store.tells = False
    store.keeps = False
    await written(store, proof, clock, 5)
    clock.advance(SETTLED_S)
    await proof.look()
    assert proof.at == clock.machine()
    assert proof.carried(SOME) == SOME
