"""Where a tag is: incumbent and challenger, deaf receivers, private zones."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rules import locate
from rules.api import SECOND, Health, Located, Sighting
from rules.locate import Receiver, Settings
from rules.votes import MOST, Votes

T0 = 1_795_484_000 * SECOND
ANA = "p-000000000000000a"
EAST, WEST, NORTH, TOILET = (f"s/b/f/{name}/_" for name in ("east", "west", "north", "toilet"))
RECEIVERS = {
    "r-east": Receiver(zone=EAST),
    "r-west": Receiver(zone=WEST),
    "r-north": Receiver(zone=NORTH),
    "r-toilet": Receiver(zone=TOILET, private=True),
}
DENSE = Settings(receivers=RECEIVERS)
SPARSE = Settings(receivers=RECEIVERS, tag_expect_s=30.0)


def at(seconds: float) -> int:
    return T0 + round(seconds * SECOND)


def heard(start: float, end: float, step: float = 1.0, **levels: float) -> list[Sighting]:
    """Every `step` seconds, each receiver of `levels` hears the tag so loudly."""
    count = int((end - start) / step)
    return [
        Sighting(ANA, f"r-{name}", level, at(start + n * step + 0.01 * k))
        for n in range(count)
        for k, (name, level) in enumerate(levels.items())
    ]


def answers(run: Any) -> list[tuple[int, str | None]]:
    """(whole seconds, zone or cause) where the answer changes."""
    found: list[tuple[int, str | None]] = []
    for item in run.emits:
        assert isinstance(item, Located)
        word = item.zone or item.cause
        if not found or found[-1][1] != word:
            found.append((round((item.at - T0) / SECOND), word))
    return found


def test_the_strongest_after_all_had_a_word(fold: Any) -> None:
    run = fold(locate.rule(DENSE), "b").feed(*heard(0, 30, west=-70, east=-60))
    assert answers(run) == [(2, EAST)]
    located = run.emits[0]
    assert located.evidence == ({"modality": "tag", "via": "r-east"},)
    assert located.challenger == {"zone": WEST, "weight": -70}
    assert located.confidence > 0.9


def test_a_challenger_needs_the_margin_for_the_settle_time(fold: Any) -> None:
    run = fold(locate.rule(DENSE), "b").feed(
        *heard(0, 30, east=-60, west=-70),
        *heard(30, 200, east=-66, west=-62),
        *heard(200, 260, east=-75, west=-60),
    )
    words = answers(run)
    assert [word for _, word in words] == [EAST, WEST]
    assert 206 <= words[1][0] <= 212


def test_the_margin_alone_takes_minutes_and_a_clear_lead_seconds(fold: Any) -> None:
    took = []
    for lead in (7, 11, 25):
        run = fold(locate.rule(DENSE), "b").feed(*heard(0, 30, east=-60), *heard(30, 400, east=-65, west=-65 + lead))
        took.append(answers(run)[-1][0] - 30)
    assert took[0] > 60
    assert 8 <= took[1] <= 20
    assert took[2] <= 6


def test_two_receivers_of_one_zone_are_one_zone(fold: Any) -> None:
    settings = Settings(receivers={**RECEIVERS, "r-east2": Receiver(zone=EAST)})
    run = fold(locate.rule(settings), ANA).feed(*heard(0, 30, east=-60, west=-70), *heard(30, 60, east=-80, east2=-55))
    assert answers(run) == [(2, EAST)]


def test_an_incumbent_that_falls_silent_gives_way(fold: Any) -> None:
    run = fold(locate.rule(DENSE), "b").feed(*heard(0, 30, east=-60, west=-80), *heard(30, 60, west=-80))
    assert [word for _, word in answers(run)] == [EAST, WEST]


def test_no_evidence_for_a_while(fold: Any) -> None:
    run = fold(locate.rule(DENSE), "b").feed(*heard(0, 30, east=-60, west=-61)).wait(500)
    assert answers(run) == [(2, EAST), (89, "no_evidence")]
    last = run.emits[-1]
    assert last.last_evidence == at(29)
    assert run.due is None


def test_it_is_told_again_while_evidence_goes_on(fold: Any) -> None:
    run = fold(locate.rule(DENSE), "b").feed(*heard(0, 200, east=-60))
    assert [round((item.at - T0) / SECOND) for item in run.emits] == [2, 62, 122, 182]


def test_a_deaf_receiver_withdraws_its_vote(fold: Any) -> None:
    run = fold(locate.rule(DENSE), "b").feed(
        *heard(0, 30, east=-60, west=-80), Health("r-east", False, "radio_deaf", at(30)), *heard(31, 40, west=-80)
    )
    assert answers(run) == [(2, EAST), (30, WEST)]


def test_too_few_votes_are_radio_deaf_and_not_absence(fold: Any) -> None:
    run = fold(locate.rule(DENSE), "b").feed(*heard(0, 30, east=-60), Health("r-east", False, "radio_deaf", at(30)))
    assert answers(run) == [(2, EAST), (30, "radio_deaf")]
    run.feed(Health("r-east", True, "", at(100)), *heard(101, 110, east=-60))
    assert answers(run)[-1] == (103, EAST)


def test_a_private_zone_is_never_an_answer(fold: Any) -> None:
    run = fold(locate.rule(DENSE), "b").feed(*heard(0, 30, east=-60, toilet=-90), *heard(30, 500, east=-85, toilet=-55))
    assert {item.zone for item in run.emits} == {EAST}
    assert all(item.last_evidence <= at(45) for item in run.emits)
    assert all(item.challenger is None for item in run.emits)
    run.wait(600)
    assert answers(run)[-1][1] == "no_evidence"
    assert run.emits[-1].last_evidence <= at(45)


def test_somebody_heard_in_a_private_zone_only_is_nowhere(fold: Any) -> None:
    run = fold(locate.rule(DENSE), "b").feed(*heard(0, 300, toilet=-55)).wait(1000)
    assert run.emits == []


def test_a_stranger_receiver_has_no_vote(fold: Any) -> None:
    run = fold(locate.rule(DENSE), "b").feed(*heard(0, 30, mars=-20)).wait(100)
    assert run.emits == []
    assert run.state.tags == {}


def test_a_jump_to_a_zone_that_is_not_next_takes_longer(fold: Any) -> None:
    nearby = Settings(receivers=RECEIVERS, neighbours={EAST: frozenset({NORTH})})
    words = {}
    for name in ("north", "west"):
        run = fold(locate.rule(nearby), ANA).feed(*heard(0, 30, east=-60), *heard(30, 90, east=-65, **{name: -55}))
        words[name] = answers(run)[-1][0]
    assert 9 <= words["west"] - words["north"] <= 12


def still(seed: int, spacing: float, hours: float) -> list[Sighting]:
    """A tag that lies 6 dB nearer to one receiver, with 4 dB of noise on each sighting."""
    rng = random.Random(seed)
    return [
        Sighting(ANA, f"r-{name}", rng.gauss(level, 4.0), at(n * spacing + 0.02 * k))
        for n in range(int(hours * 3600 / spacing))
        for k, (name, level) in enumerate((("east", -64.0), ("west", -70.0), ("north", -75.0)))
    ]


@given(seed=st.integers(0, 1000))
def test_a_still_tag_does_not_flap(fold: Any, seed: int) -> None:
    dense = fold(locate.rule(DENSE), "b").feed(*still(seed, 1.0, 0.2))
    sparse = fold(locate.rule(SPARSE), "b").feed(*still(seed, 30.0, 6.0))
    for run in (dense, sparse):
        zones = [word for _, word in answers(run)]
        assert len(zones) == len(set(zones))  # the first word may be of noise; nothing is ever taken back to
        assert zones[-1] == EAST or EAST not in zones


steps = st.lists(
    st.tuples(st.floats(0.01, 120), st.sampled_from([*RECEIVERS, "deaf", "hears"]), st.floats(-95, -40)), max_size=60
)


def made(chosen: list[tuple[float, str, float]]) -> list[Any]:
    items: list[Any] = []
    now = 0.0
    for passed, what, level in chosen:
        now += passed
        if what in RECEIVERS:
            items.append(Sighting(ANA, what, level, at(now)))
        else:
            items.append(Health("r-east", what == "hears", "" if what == "hears" else "radio_deaf", at(now)))
    return items


@given(chosen=steps)
def test_same_input_same_output(fold: Any, chosen: list[tuple[float, str, float]]) -> None:
    one = fold(locate.rule(DENSE), "b").feed(*made(chosen)).wait(100_000)
    two = fold(locate.rule(DENSE), "b").feed(*made(chosen)).wait(100_000)
    assert one.emits == two.emits


@given(chosen=steps)
def test_what_is_answered_was_heard(fold: Any, chosen: list[tuple[float, str, float]]) -> None:
    items = made(chosen)
    run = fold(locate.rule(DENSE), "b").feed(*items).wait(100_000)
    for item in run.emits:
        assert item.zone != TOILET
        assert item.last_evidence <= item.at
        assert 0 <= item.confidence <= 1
        if item.zone is not None:
            assert any(
                isinstance(sighting, Sighting)
                and RECEIVERS[sighting.receiver].zone == item.zone
                and sighting.at == item.last_evidence
                for sighting in items
            )
    assert not run.emits or run.emits[-1].zone is None


# --- many tags --------------------------------------------------------------------------------------------------------


def test_too_many_tags_cost_those_heard_longest_ago_and_it_is_counted() -> None:
    building = locate.rule(Settings(receivers=RECEIVERS, most_tags=100))
    state = building.start("b", None, T0).state
    told: list[Any] = []
    counts: list[str] = []
    for number in range(150):
        for second in range(4):
            step = building.step(state, Sighting(f"p-{number}", "r-east", -60.0, at(number / 10 + second)))
            state, told, counts = step.state, [*told, *step.emits], [*counts, *step.counts]
    assert len(state.tags) <= 100
    assert "p-149" in state.tags
    assert counts == ["evicted"] * (150 - len(state.tags))
    lost = [one.person for one in told if one.zone is None]
    assert lost == [f"p-{number}" for number in range(len(lost))]
    assert len(lost) == len(counts)


def test_a_tag_has_a_bounded_number_of_receivers() -> None:
    many = {f"r{n}": Receiver(zone=f"s/b/f/z{n}/_") for n in range(100)}
    building = locate.rule(Settings(receivers=many))
    state = building.start("b", None, T0).state
    for number in range(1000):
        state = building.step(state, Sighting(ANA, f"r{number % 100}", -60.0, at(number / 20))).state
        state = building.step(state, Sighting(ANA, "r0", -40.0, at(number / 20))).state
    held = state.tags[ANA]
    assert len(held.votes) == MOST
    assert held.best == "r0"


names = st.sampled_from([f"r{n}" for n in range(6)])


@given(st.lists(st.tuples(names, st.booleans(), st.floats(-100, -30)), max_size=60))
def test_votes_are_those_that_were_given(acts: list[tuple[str, bool, float]]) -> None:
    votes, expected = Votes(), dict[str, tuple[float, int]]()
    for number, (name, drops, level) in enumerate(acts):
        if drops and name in expected:
            votes.drop(name)
            del expected[name]
        elif not drops and name not in expected:
            votes.add(name, level, number)
            expected[name] = (level, number)
        elif not drops:
            votes.take(votes.slots[name], level, number, smooth=0, fresh=0)
            expected[name] = (level, number)
    assert {name: (votes.level(name), votes.last(name)) for name in votes} == expected
    assert votes.latest == max((last for _, last in expected.values()), default=0)
    assert set(votes.since(30)) == {name for name, (_, last) in expected.items() if last >= 30}
