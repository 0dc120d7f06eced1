"""Outages of equipment, told as evidence: from when to when, of which places and readers, and why."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.bindings import Binding
from gateway.clock import SECOND
from gateway.config.model import Device
from gateway.coverage import ALIVE, NAME, Coverage
from gateway.rebase import Move
from rules.api import Event, Fact

T0 = 1_795_484_700 * SECOND
HOME = "ikn/kk2/l05/_/_"
D1, D2, D3 = (f"ikn/kk2/l05/timur/d-00{n}" for n in (1, 2, 3))


def bound(name: str, place: str, modality: str) -> Binding:
    return Binding(
        device=Device(id=name, driver="x", place="kk2/l05"),
        place=place,
        driver=None,
        modality=modality,
        role="desk",
        realm="ikn",
        expect_s=None,
        owner="gw-1",
    )


OWN = {
    "radar-1": bound("radar-1", D1, "radar"),
    "pir-1": bound("pir-1", D1, "pir"),
    "seat-2": bound("seat-2", D2, "seat"),
    "half-3": bound("half-3", D3, "radar"),
    "rdr-1": bound("rdr-1", D1, "badge"),
}
SITE = OWN | {"elsewhere-3": bound("elsewhere-3", D3, "radar")}


def made() -> Coverage:
    coverage = Coverage(HOME)
    coverage.watch(OWN, SITE, [D1, D2, D3])
    return coverage


def told(events: Sequence[Event]) -> list[tuple[str, list[str], list[str], int, int | None, str]]:
    """(what, places, readers, from, to in seconds since T0, cause)."""
    return [
        (
            event.type.removeprefix("coverage."),
            event.data["places"],
            event.data["readers"],
            (event.data["from"] - T0) // SECOND,
            None if event.data["to"] is None else (event.data["to"] - T0) // SECOND,
            event.data["cause"],
        )
        for event in events
    ]


def test_a_place_is_lost_with_its_last_sensor_and_comes_back_with_the_first() -> None:
    coverage = made()
    coverage.heard("radar-1", False, "unplugged", T0)
    assert told(coverage.look(T0 + 70 * SECOND).events) == []  # the other one still watches
    coverage.heard("pir-1", False, "silent", T0 + 100 * SECOND)
    assert told(coverage.look(T0 + 130 * SECOND).events) == []  # it may come back
    assert told(coverage.look(T0 + 160 * SECOND).events) == [("lost", [D1], [], 100, None, "sensor")]
    assert told(coverage.look(T0 + 170 * SECOND).events) == []
    assert told(coverage.heard("radar-1", True, None, T0 + 300 * SECOND).events) == [
        ("restored", [D1], [], 100, 300, "sensor")
    ]
    assert told(coverage.heard("pir-1", True, None, T0 + 400 * SECOND).events) == []


def test_a_reader_is_named_for_itself_and_a_blip_is_not_told() -> None:
    coverage = made()
    coverage.heard("rdr-1", False, "unplugged", T0)
    assert told(coverage.heard("rdr-1", True, None, T0 + 59 * SECOND).events) == []
    coverage.heard("rdr-1", False, "unplugged", T0 + 100 * SECOND)
    assert told(coverage.look(T0 + 160 * SECOND).events) == [("lost", [], ["rdr-1"], 100, None, "sensor")]
    assert told(coverage.heard("rdr-1", True, None, T0 + 200 * SECOND).events) == [
        ("restored", [], ["rdr-1"], 100, 200, "sensor")
    ]


def test_a_place_with_a_sensor_at_another_gateway_is_not_ours_to_call_lost() -> None:
    coverage = made()
    coverage.heard("half-3", False, "unplugged", T0)
    assert told(coverage.look(T0 + 600 * SECOND).events) == []


def kept(*steps: Sequence[Fact]) -> dict[str, dict[str, object]]:
    """The rows that are left of these facts."""
    rows: dict[str, dict[str, object]] = {}
    for fact in (fact for step in steps for fact in step):
        assert fact.rule == NAME
        if fact.body is None:
            rows.pop(fact.key, None)
        else:
            rows[fact.key] = dict(fact.body)
    return rows


def test_a_power_cut_is_told_at_the_next_start_and_what_was_out_stays_out() -> None:
    before = made()
    begun = before.begin({}, T0, known=True)
    assert begun.events == []
    before.heard("seat-2", False, "radio_deaf", T0 + 10 * SECOND)
    looked = before.look(T0 + 90 * SECOND)
    assert told(looked.events) == [("lost", [D2], [], 10, None, "radio")]
    rows = kept(begun.facts, looked.facts)
    after = made()
    back = after.begin(rows, T0 + 500 * SECOND, known=True)
    assert told(back.events) == [("restored", [D1, D2, D3], ["rdr-1"], 90, 500, "powered_off")]
    assert told(after.heard("seat-2", True, None, T0 + 510 * SECOND).events) == [
        ("restored", [D2], [], 10, 510, "radio")
    ]
    assert kept(begun.facts, looked.facts, back.facts)[ALIVE] == {"at": T0 + 500 * SECOND}


def test_a_sensor_that_was_replaced_while_it_was_out_is_missed_no_longer() -> None:
    """The office has another radar at the desk when the gateway starts again, and no reader by that name."""
    before = made()
    before.heard("seat-2", False, "silent", T0)
    before.heard("rdr-1", False, "unplugged", T0)
    looked = before.look(T0 + 70 * SECOND)
    after = Coverage(HOME)
    own = {"radar-2": bound("radar-2", D2, "radar")}
    after.watch(own, own, [D2])
    back = after.begin(kept(before.begin({}, T0, known=True).facts, looked.facts), T0 + 80 * SECOND, known=True)
    assert told(back.events) == [
        ("restored", [], ["rdr-1"], 0, 80, "sensor"),
        ("restored", [D2], [], 0, 80, "sensor"),
    ]
    assert kept(looked.facts, back.facts).keys() == {ALIVE}


def test_a_short_restart_tells_no_gap() -> None:
    assert made().begin({ALIVE: {"at": T0}}, T0 + 30 * SECOND, known=True).events == []


def test_a_gap_before_an_unknown_time_is_told_when_the_time_is_known() -> None:
    """A box without a clock of its own: an hour without power, and it begins where its own time ended."""
    rows: dict[str, dict[str, object]] = {ALIVE: {"at": T0}}
    box = made()
    begun = box.begin(rows, T0 + 5 * SECOND, known=False)
    assert begun.events == []
    assert box.look(T0 + 35 * SECOND, known=False).events == []
    box.rebase(Move(3595 * SECOND, T0 + 5 * SECOND))
    looked = box.look(T0 + 3640 * SECOND)
    assert told(looked.events) == [("restored", [D1, D2, D3], ["rdr-1"], 0, 3600, "powered_off")]
    assert box.look(T0 + 3650 * SECOND).events == []
    assert [key for key in kept(begun.facts, looked.facts) if key != ALIVE] == []


def test_a_gap_that_could_not_be_told_is_told_by_a_later_life() -> None:
    rows: dict[str, dict[str, object]] = {ALIVE: {"at": T0}}
    first = made().begin(rows, T0 + 5 * SECOND, known=False)
    moved = Move(3595 * SECOND, T0 + 5 * SECOND)  # by whoever settles the time
    rows = {key: moved.of(body) for key, body in kept(first.facts).items()}
    last = made().begin(rows, T0 + 3720 * SECOND, known=True)
    assert told(last.events) == [
        ("restored", [D1, D2, D3], ["rdr-1"], 0, 3600, "powered_off"),
        ("restored", [D1, D2, D3], ["rdr-1"], 3600, 3720, "powered_off"),
    ]
    assert [key for key in kept(first.facts, last.facts) if key != ALIVE] == []


def test_a_set_clock_moves_what_is_out() -> None:
    coverage = made()
    coverage.heard("rdr-1", False, "unplugged", T0)
    coverage.rebase(Move(3600 * SECOND, 0))
    assert told(coverage.look(T0 + 3660 * SECOND).events) == [("lost", [], ["rdr-1"], 3600, None, "sensor")]


def test_many_places_are_told_in_messages_that_the_contract_allows() -> None:
    coverage = Coverage(HOME)
    places = [f"ikn/kk2/l05/timur/d-{n:03d}" for n in range(150)]
    coverage.watch({}, {}, places)
    events = list(coverage.gap(T0, T0 + SECOND))
    assert [len(event.data["places"]) for event in events] == [64, 64, 22]


@settings(max_examples=100)
@given(st.lists(st.tuples(st.sampled_from(sorted(OWN)), st.booleans(), st.integers(1, 100)), max_size=30))
def test_what_is_told_is_what_was(steps: list[tuple[str, bool, int]]) -> None:
    """Every loss ends in one restoration with the same beginning, and none is open that is not out."""
    coverage, now = made(), T0
    events: list[Event] = []
    for dev, alive, seconds in steps:
        events += coverage.heard(dev, alive, None if alive else "silent", now).events
        now += seconds * SECOND
        events += coverage.look(now).events
    now += 100 * SECOND
    events += coverage.look(now).events
    for dev in OWN:
        events += coverage.heard(dev, True, None, now).events
    lost, restored = ([one for one in told(events) if one[0] == what] for what in ("lost", "restored"))
    names = [(name, begin) for _, places, readers, begin, _, _ in lost for name in (*places, *readers)]
    ended = [(name, begin) for _, places, readers, begin, _, _ in restored for name in (*places, *readers)]
    assert sorted(names) == sorted(ended)
    assert all(end is not None and end - begin >= 60 for _, _, _, begin, end, _ in restored)
    assert not any(D3 in places for _, places, *_ in lost)


@pytest.mark.parametrize("cause", ["radio_deaf", "unplugged"])
def test_the_cause_is_the_contracts(cause: str) -> None:
    coverage = made()
    coverage.heard("seat-2", False, cause, T0)
    assert told(coverage.look(T0 + 60 * SECOND).events)[0][-1] == ("radio" if cause == "radio_deaf" else "sensor")
