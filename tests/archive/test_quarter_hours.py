"""`space_use_15m`: what was used of what is known, whatever comes late, in any order, or not at all."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import ManualClock
from gateway.contract.envelope import Envelope
from gateway.stores.windows import QUARTER, REACH, Stretches, stretch, use, window_of
from rules.api import SECOND
from tests.archive.events import DESKS, START, make
from tests.archive.projecting import D1, HOME, Memory, bench

NIGHT = {"work_s": 0, "work_known_s": 0, "work_used_s": 0}


def quarter(store: Memory, number: int = 0, space: str = "d-1", floor: str = "l1") -> dict[str, float]:
    return store.of("space_use_15m")[floor, space, START + number * QUARTER]


async def test_a_quarter_hour_says_what_was_used_of_what_is_known(tmp_path: Path) -> None:
    store = Memory()
    async with bench(tmp_path, store) as b:
        b.commit(
            make(1, "gateway.started", at=0),
            make(2, at=100),
            make(3, "desk.checkin.started", at=110),
            make(4, at=400, state="vacant", prev="occupied"),
            make(5, at=700, state="unknown", prev="vacant", cause="radio_deaf"),
        )
        await b.pass_(901)
        await b.done()
    assert quarter(store) == {"used_s": 300, "known_s": 600, "capacity": 1, "peak": 1, "checkins": 1, **NIGHT}
    assert quarter(store, space="d-2") == {"used_s": 0, "known_s": 0, "capacity": 1, "peak": 0, "checkins": 0, **NIGHT}
    assert len(store.of("space_use_15m")) == 2 * len(DESKS)


async def test_a_late_event_changes_every_quarter_hour_that_it_touches(tmp_path: Path) -> None:
    store = Memory()
    async with bench(tmp_path, store) as b:
        b.commit(make(1, at=0))
        await b.pass_(4 * 900)
        await b.done()
        assert [quarter(store, n)["used_s"] for n in range(4)] == [900] * 4
        b.commit(make(2, at=1000, state="vacant", prev="occupied"), make(3, at=2000))
        await b.done()
        assert [quarter(store, n)["used_s"] for n in range(4)] == [900, 100, 700, 900]
        assert [quarter(store, n)["known_s"] for n in range(4)] == [900] * 4


async def test_an_outage_lowers_what_is_known_and_never_looks_like_an_empty_desk(tmp_path: Path) -> None:
    store = Memory()
    async with bench(tmp_path, store) as b:
        b.commit(make(1, "gateway.started", at=0), make(2, at=0), make(3, at=200, place="ikn/kk2/l1/north/d-2"))
        await b.pass_(901)
        await b.done()
        assert quarter(store)["known_s"] == 900
        # it had died at 200 and is back at 600: the window is computed again
        back = {"boot": "000002-bbbb", "at": 600}
        b.commit(make(1, "gateway.started", **back), make(2, state="vacant", prev="unknown", **back))
        await b.done()
    assert quarter(store) == {"used_s": 200, "known_s": 500, "capacity": 1, "peak": 1, "checkins": 0, **NIGHT}


async def test_a_gateway_that_is_not_heard_knows_nothing_until_it_is_heard_again(tmp_path: Path) -> None:
    store = Memory()
    async with bench(tmp_path, store) as b:
        b.commit(make(1, at=0))
        await b.projections.gateway("gw-1", heard=False, at=START + 300 * SECOND)
        assert b.ledger.silences() == {"gw-1": START + 300 * SECOND}
        await b.pass_(901)
        await b.done()
        assert quarter(store)["known_s"] == 300
        await b.projections.gateway("gw-1", heard=True)
        await b.done()
        assert quarter(store)["known_s"] == 900
        await b.projections.gateway("gw-1", heard=False)  # a retained status does not say since when
        assert b.ledger.silences() == {"gw-1": START}


async def test_a_silence_that_is_noticed_late_changes_what_was_told_since_it_began(tmp_path: Path) -> None:
    store = Memory()
    async with bench(tmp_path, store) as b:
        b.commit(make(1, at=0))
        await b.pass_(3 * 900)
        await b.done()
        assert [quarter(store, n)["known_s"] for n in range(3)] == [900] * 3
        await b.projections.gateway("gw-1", heard=False, at=START + 1000 * SECOND)
        await b.done()
        assert [quarter(store, n)["known_s"] for n in range(3)] == [900, 100, 0]
        assert [quarter(store, n)["used_s"] for n in range(3)] == [900, 100, 0], "nobody is said to sit there either"


async def test_a_boot_whose_clock_ran_free_hides_nothing_of_the_boots_before_it(tmp_path: Path) -> None:
    store = Memory()
    free = {"boot": "000002-bbbb", "sync": "none"}
    back = {"boot": "000003-cccc", "at": 1200}
    async with bench(tmp_path, store) as b:
        b.commit(
            make(1, "gateway.started", at=0), make(2, at=0), make(3, "device.online", place=HOME, at=600, dev="r-1")
        )
        await b.pass_(1801)
        await b.done()
        day = START / SECOND
        b.commit(
            make(1, "gateway.started", at=5 - day, **free),
            make(2, state="vacant", prev="unknown", at=9 - day, **free),
            make(3, "device.online", place=HOME, at=100 - day, dev="r-1", **free),
        )
        b.commit(make(1, "gateway.started", **back), make(2, state="occupied", prev="unknown", **back))
        await b.done()
        assert [quarter(store, n)["known_s"] for n in (0, 1)] == [600, 600], "from its last word to the next boot"
        shift = {"corrects": free["boot"], "offset_ms": (day + 895) * 1000.0}
        b.commit(make(3, "gateway.clock_corrected", boot=back["boot"], at=1300, **shift))
        await b.done()
    assert [quarter(store, n)["known_s"] for n in (0, 1)] == [600, 691], "it told of the place from 904 to 995"
    assert [quarter(store, n)["used_s"] for n in (0, 1)] == [600, 600]


async def test_a_new_store_over_an_old_ledger_gets_every_quarter_hour_of_it(tmp_path: Path) -> None:
    first, second = Memory(), Memory()
    second.name = "second"
    clock = ManualClock(START, SECOND)
    async with bench(tmp_path, first, clock=clock) as b:
        b.commit(make(1, at=0), make(2, at=2000, state="vacant", prev="occupied"))
        await b.pass_(5 * 900)
        await b.done()
    async with bench(tmp_path, second, clock=clock) as b:
        await b.done("second")
    assert second.points == first.points


async def test_a_store_goes_on_when_the_clock_was_ahead_and_is_right_again(tmp_path: Path) -> None:
    store = Memory()
    async with bench(tmp_path, store, now=90_000) as b:
        await b.done()
    store.points.clear()
    async with bench(tmp_path, store, now=0) as b:
        b.commit(make(1, at=0))
        await b.pass_(901)
        await b.done()
    assert quarter(store)["used_s"] == 900


async def test_a_clock_that_begins_in_1970_does_not_compute_half_a_century(tmp_path: Path) -> None:
    store = Memory()
    async with bench(tmp_path, store) as b:
        day = START / SECOND
        b.commit(
            make(1, at=1 - day),
            make(2, "gateway.stopped", at=2 - day),
            make(3, "coverage.lost", place=HOME, at=3 - day, cause="radio", places=[D1], **{"from": 0}),
        )
        await b.pass_(901)
        await b.done()
        assert len(store.of("space_use_15m")) <= 2 * len(DESKS) * (REACH // QUARTER + 1)
        assert quarter(store)["known_s"] == 0


async def test_any_order_of_arrival_gives_the_same_points(tmp_path: Path) -> None:
    events: list[Envelope] = []
    rng = random.Random(7)
    states = ["occupied", "vacant", "unknown"]
    for number in range(1, 61):
        cause = {"cause": "no_evidence"} if (state := rng.choice(states)) == "unknown" else {}
        place = f"ikn/kk2/l1/north/{rng.choice(DESKS)}"
        events.append(make(number, at=number * 60, state=state, place=place, **cause))
    results = []
    for run in range(3):
        folder = tmp_path / str(run)
        folder.mkdir()
        store = Memory()
        async with bench(folder, store) as b:
            order = events if run == 0 else rng.sample(events, len(events))
            for at in range(0, len(order), 15):
                b.commit(*order[at : at + 15])
                await b.pass_(1000)
                await b.done()
        results.append(store.points)
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("seed", range(4))
async def test_any_order_of_lives_and_outages_gives_the_same_quarter_hours(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    events: list[Envelope] = []
    at = 0
    for boot in ("000001-aaaa", "000002-bbbb", "000003-cccc"):
        number = 1
        events.append(make(number, "gateway.started", boot=boot, at=at))
        for _ in range(8):
            at += rng.randrange(20, 400)
            number += 1
            kind = rng.choice(["state", "state", "device", "cover"])
            if kind == "state":
                place, state = f"ikn/kk2/l1/north/{rng.choice(DESKS)}", rng.choice(["occupied", "vacant"])
                events.append(make(number, boot=boot, at=at, state=state, place=place))
            elif kind == "device":
                events.append(make(number, "device.online", boot=boot, at=at, place=HOME, dev="r-1"))
            else:
                times = {"from": START + (at - 15) * SECOND, "to": START + at * SECOND}
                lost = {"place": HOME, "cause": "radio", "places": [D1], **times}
                events.append(make(number, "coverage.restored", boot=boot, at=at, **lost))
        if rng.random() < 0.5:
            at += 10
            events.append(make(number + 1, "gateway.stopped", boot=boot, at=at))
        at += rng.randrange(100, 1500)
    results = []
    for run in range(3):
        folder = tmp_path / str(run)
        folder.mkdir()
        store = Memory()
        async with bench(folder, store) as b:
            order = events if run == 0 else rng.sample(events, len(events))
            for first in range(0, len(order), 5):
                await b.pass_(1500)
                await b.done()
                b.commit(*order[first : first + 5])
                await b.done()
            await b.pass_(900)
            await b.done()
        results.append(store.of("space_use_15m"))
    afresh = Memory()
    afresh.name = "afresh"
    async with bench(folder, afresh, now=len(range(0, len(events), 5)) * 1500 + 900) as b:
        await b.done("afresh")
    told = afresh.of("space_use_15m")  # it begins with the first event that was committed, whenever that happened
    for result in results:
        assert {key: result[key] for key in told} == told
        assert {use["known_s"] for key, use in result.items() if key not in told} <= {0}


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30), st.integers(0, 30)), max_size=12),
    st.integers(1, 9),
)
def test_stretches_give_each_window_once(added: list[tuple[str, int, int]], most: int) -> None:
    stretches = Stretches()
    expected = set()
    for place, first, last in added:
        found = (first * QUARTER, last * QUARTER) if first <= last else None
        stretches.add(place, found)
        expected |= {(place, at * QUARTER) for at in range(first, last + 1)}
    taken = []
    while some := stretches.take(most):
        assert len(some) <= most
        taken += some
    assert sorted(taken) == sorted(expected)
    assert not stretches


def test_windows_and_use_by_hand() -> None:
    assert window_of(START + 5) == START
    assert stretch(START + 5, START + QUARTER, START + 2 * QUARTER) == (START, START + QUARTER)
    assert stretch(START, START + 9 * QUARTER, START + QUARTER) == (START, START)
    assert stretch(START, START + 5, START + 5) is None
    told = use(
        0,
        100 * SECOND,
        [(-5, "occupied"), (50 * SECOND, "vacant")],
        [(20 * SECOND, 60 * SECOND), (30 * SECOND, 40 * SECOND)],
    )
    assert (told.used_s, told.known_s) == (20, 60)
