"""The queue before the pipeline: telemetry is bounded, acts are not, time keeps its order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.counters import Counters
from gateway.intake import Intake
from rules.api import Tick


def test_a_flood_of_telemetry_drops_its_oldest_and_no_act() -> None:
    counters = Counters()
    intake = Intake(counters, most=10)
    for at in range(5):
        intake.act(Tick(at), at)
    for at in range(100):
        intake.telemetry(Tick(1000 + at), 1000 + at)
    taken = [at for at, _ in intake.take(1000)]
    assert taken == [*range(5), *range(1090, 1100)]
    assert counters.get("intake.dropped", "telemetry") == 90


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 20))), st.integers(1, 7))
def test_what_comes_out_is_what_went_in_oldest_first(items: list[tuple[bool, int]], most: int) -> None:
    intake = Intake(Counters())
    items.sort(key=lambda item: item[1])
    for is_act, at in items:
        (intake.act if is_act else intake.telemetry)(Tick(at), at)
    out: list[int] = []
    while len(intake):
        out += [at for at, _ in intake.take(most)]
    assert out == [at for _, at in items]
