"""The laws of a day that make the truth decidable."""

from __future__ import annotations

from collections import Counter
from itertools import islice

from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_sim.actions import SECOND, Action, Enter, Silence, Sit, Stand, Tap, Walk, shifted
from firmware_sim.office import make_office
from firmware_sim.people import DAY, LIVELY, MINUTE, day, days
from firmware_sim.tolerance import BY_MODALITY
from firmware_sim.world import SILENT, Wanted, with_outages

START = 1_795_477_800 * SECOND
seeds = st.integers(0, 10_000)


def plan(seed: int) -> list[Action]:
    return list(day(make_office(seed), seed, START))


def test_same_seed_same_day() -> None:
    assert plan(5) == plan(5)
    assert plan(5) != plan(6)


@settings(max_examples=12, deadline=None)
@given(seeds)
def test_the_laws_of_a_day(seed: int) -> None:
    actions = plan(seed)
    assert [action.at for action in actions] == sorted(action.at for action in actions)
    badge: dict[int, int] = {}
    reader: dict[str, int] = {}
    sits: dict[str, Sit] = {}
    stood: dict[str, int] = {}
    held: dict[int, str] = {}
    for action in actions:
        match action:
            case Tap(at=at, person=person, desk=desk):
                assert at - badge.get(person, 0) >= 150 * SECOND
                assert at - reader.get(desk, 0) >= 120 * SECOND
                badge[person] = reader[desk] = at
                assert (action.expected, action.moved_from) == outcome(held, action)
            case Sit(at=at, space=space) if space.startswith("d-"):
                assert space not in sits
                assert at - stood.get(space, 0) >= 60 * SECOND
                if held.get(action.person) == space and space in stood:
                    assert at - stood[space] < 59 * MINUTE  # nobody is released while away
                sits[space] = action
            case Stand(at=at, space=space) if space.startswith("d-"):
                sat = sits.pop(space)
                assert sat.person == action.person
                assert at - sat.at >= 60 * SECOND
                stood[space] = at
            case _:
                pass
    assert not sits


def outcome(held: dict[int, str], tap: Tap) -> tuple[str, str]:
    """What the rules of a desk say, told a second time; visitors are not enrolled."""
    if tap.person >= 30 or any(desk == tap.desk and person != tap.person for person, desk in held.items()):
        return "rejected", ""
    if held.get(tap.person) == tap.desk:
        del held[tap.person]
        return "ended", ""
    moved_from = held.get(tap.person, "")
    held[tap.person] = tap.desk
    return "started", moved_from


@settings(max_examples=12, deadline=None)
@given(seeds)
def test_the_first_twenty_minutes_are_lively(seed: int) -> None:
    early = [action for action in plan(seed) if action.at < START + LIVELY]
    taps = Counter((a.expected, bool(a.moved_from)) for a in early if isinstance(a, Tap))
    assert taps.total() >= 60
    assert taps["started", False] >= 20
    assert taps["ended", False] >= 5
    assert taps["started", True] >= 2
    assert taps["rejected", False] >= 4
    assert sum(isinstance(a, Enter) for a in early) >= 60


def test_within_nine_minutes_many_have_left_their_desks() -> None:
    """A rule that holds them for an hour is wrong then, beyond any tolerance: the demo's test counts on it."""
    end = START + 9 * MINUTE
    left: dict[str, int] = {}
    empty: list[int] = []
    for action in plan(1):
        if action.at > end:
            break
        if isinstance(action, Stand):
            left[action.space] = action.at
        elif isinstance(action, Sit) and action.space in left:
            empty.append(action.at - left.pop(action.space))
    empty += [end - at for at in left.values()]
    assert sum(gap > 2 * BY_MODALITY["radar"] * SECOND for gap in empty) >= 10


def test_one_zone_follows_another_and_everybody_goes_home() -> None:
    zones: dict[int, str] = {}
    where: dict[int, tuple[int, object]] = {}
    for action in plan(2):
        match action:
            case Enter(person=person, zone=zone):
                assert zone != zones.get(person, "")
                zones[person] = zone
            case Walk(at=at, person=person, start=start, to=to, until=until):
                before, at_point = where.get(person, (0, start))
                assert before <= at <= until
                if start.floor == getattr(at_point, "floor", ""):
                    assert start == at_point
                where[person] = (until, to)
            case _:
                pass
    assert set(zones.values()) == {""}
    assert len(zones) == 30


def test_days_follow_each_other() -> None:
    office = make_office(1)
    first = list(day(office, 1, START))
    both = list(islice(days(office, 1, START), len(first) + 50))
    assert both[: len(first)] == first
    assert all(START + DAY <= action.at < START + DAY + 15 * MINUTE for action in both[len(first) :])


@settings(max_examples=12, deadline=None)
@given(seeds)
def test_an_outage_begins_where_nothing_changes_for_a_while(seed: int) -> None:
    stale_after = 100 * SECOND
    lines = frozenset(device.space for device in make_office(seed).sensor.values() if device.serial)
    wanted = [Wanted(SILENT, lines, stale_after, stale_after + 60 * SECOND)]
    actions = list(with_outages(iter(plan(seed)), START, seed, wanted))
    silences = [action for action in actions if isinstance(action, Silence)]
    assert [action for action in actions if not isinstance(action, Silence)] == plan(seed)
    assert len(silences) == 1
    silence = silences[0]
    assert silence.space in lines
    assert START < silence.at < silence.until < START + LIVELY
    assert not [
        action
        for action in actions
        if isinstance(action, Sit | Stand)
        and action.space == silence.space
        and silence.at <= action.at <= silence.at + stale_after
    ]


def test_shifting_keeps_lengths() -> None:
    silence = Silence(10, "d-001", 30)
    assert shifted(silence, 0) is silence
    assert shifted(silence, 5) == Silence(15, "d-001", 35)
    assert shifted(Tap(10, 1, "d-001", "started"), 5).at == 15
