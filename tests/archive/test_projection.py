"""Projections: the store equals the ledger by query, whatever order, faults and repetition."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import ManualClock
from gateway.config.model import InfluxStore
from gateway.contract.envelope import Envelope
from gateway.counters import Counters
from gateway.errors import TransientError
from gateway.ledger import Ledger
from gateway.projection import HEAL_S, PROBE_S
from gateway.projections import Projections
from gateway.stores.base import BadPoints, Point, Store, Tags
from gateway.stores.embedded import EmbeddedStore
from gateway.stores.influx1 import Influx1Store
from gateway.stores.influx2 import Influx2Store
from gateway.stores.proof import SETTLED_S
from gateway.stores.windows import QUARTER, REACH, Stretches, stretch, use, window_of
from rules.api import SECOND
from tests.archive.conftest import Influx, Victoria
from tests.archive.events import DESKS, START, make, make_office

D1 = "ikn/kk2/l1/north/d-1"
HOME = "ikn/kk2/l1/_/_"
Found = dict[tuple[str, str, int], dict[str, float]]


class Memory:
    """A store in memory that fails, refuses and forgets as it is told to."""

    name = "memory"
    whole = False
    answers = False

    def __init__(self, *, milliseconds: bool = False) -> None:
        self.milliseconds = milliseconds
        self.points: dict[tuple[str, tuple[tuple[str, str], ...], int], dict[str, float]] = {}
        self.fails = 0
        self.keeps = True
        self.bad: Callable[[Point], bool] = lambda _: False
        self.started = "1"
        self.writes = 0

    async def write(self, points: Sequence[Point]) -> None:
        self.writes += 1
        if self.fails:
            self.fails -= 1
            raise TransientError("503")
        if any(map(self.bad, points)):
            raise BadPoints("refused", "400")
        for point in points if self.keeps else ():
            time = point.time // 1_000_000 if self.milliseconds else point.time
            self.points[point.measurement, point.tags, time] = {name: float(value) for name, value in point.fields}

    async def life(self) -> str:
        return self.started

    async def count(self, measurement: str, tags: Tags, first: int, last: int) -> int | None:
        times = [at for name, found, at in self.points if (name, found) == (measurement, tags)]
        return sum(first <= at <= last for at in times)

    def close(self) -> None:
        pass

    def of(self, measurement: str) -> Found:
        return {
            (dict(tags).get("floor", ""), dict(tags).get("space", ""), time): fields
            for (name, tags, time), fields in self.points.items()
            if name == measurement
        }


class Bench:
    """A ledger, its projections and a clock in the test's hand."""

    def __init__(self, folder: Path, clock: ManualClock, *stores: Any) -> None:
        self.ledger = Ledger(folder / "ledger.sqlite")
        self.clock = clock
        self.counters = Counters()
        self.projections = Projections(self.ledger, stores, make_office(folder), clock, self.counters)

    def commit(self, *events: Envelope) -> None:
        outcomes = self.ledger.commit(events)
        assert {outcome.state for outcome in outcomes} <= {"stored", "duplicate"}
        self.projections.wake()

    async def pass_(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.projections.wake()

    async def done(self, store: str = "memory") -> None:
        """Until everything committed is projected, and every quarter hour that has ended."""
        newest = self.ledger.last_id()
        async with asyncio.timeout(20):
            while not self.projections.is_done(store, newest):  # noqa: ASYNC110 it is another task's word
                await asyncio.sleep(0.005)


@asynccontextmanager
async def bench(folder: Path, *stores: Any, now: float = 0.0, clock: ManualClock | None = None) -> AsyncIterator[Bench]:
    made = Bench(folder, clock or ManualClock(START + int(now * SECOND), SECOND), *stores)
    running = asyncio.get_running_loop().create_task(made.projections.run())
    try:
        yield made
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        made.ledger.close()


# --- points ---------------------------------------------------------------------------------------------------------


async def test_states_counts_checkins_and_health_become_points_and_people_do_not(tmp_path: Path) -> None:
    store = Memory()
    counted = {"occupancy": None, "capacity": 3, "method": "places", "confidence": 1.0, "cause": "no_evidence"}
    async with bench(tmp_path, store) as b:
        b.commit(
            make(1),
            make(2, state="unknown", prev="occupied", cause="sensor_stale", confidence=0),
            make(3, "occupancy.counted", place="ikn/kk2/l1/north/_", **counted),
            make(4, "desk.checkin.started"),
            make(5, "gateway.started"),
            make(6, "presence.started", place="ikn/kk2/l1/north/_"),
        )
        await b.done()
    assert store.of("space_state") == {
        ("l1", "d-1", START + SECOND + 1): {"occupied": 1, "state": 1, "confidence": 0.9, "seq": 1},
        ("l1", "d-1", START + 2 * SECOND + 2): {"state": 2, "confidence": 0, "seq": 2},
    }
    assert store.of("zone_people") == {
        ("l1", "_", START + 3 * SECOND + 3): {"capacity": 3, "known": 0, "confidence": 1, "seq": 3}
    }
    assert store.of("checkin") == {("l1", "d-1", START + 4 * SECOND + 4): {"started": 1, "seq": 4}}
    assert [fields for (name, *_), fields in store.points.items() if name == "gw_health"] == [{"up": 1}]
    assert len(store.points) == 5


async def test_fewer_than_five_people_are_never_told_as_a_number(tmp_path: Path) -> None:
    store = Memory()
    common = {"place": "ikn/kk2/l1/north/_", "capacity": 3, "method": "doors", "confidence": 1.0, "cause": None}
    async with bench(tmp_path, store) as b:
        b.commit(
            make(1, "occupancy.counted", occupancy=4, entries=5, exits=0, **common),
            make(2, "occupancy.counted", occupancy=0, entries=1, exits=6, **common),
            make(3, "occupancy.counted", occupancy=5, **common),
        )
        await b.done()
    told = [fields for _, fields in sorted(store.of("zone_people").items())]
    always = {"capacity": 3, "known": 1, "confidence": 1}
    assert told == [
        always | {"entries": 5, "seq": 1},
        always | {"exits": 6, "seq": 2},
        always | {"people": 5, "seq": 3},
    ]


async def test_a_free_running_clocks_events_wait_for_their_correction(tmp_path: Path) -> None:
    store = Memory()
    async with bench(tmp_path, store) as b:
        b.commit(make(1, at=10, sync="none"), make(2, at=11))
        await b.done()
        assert [time for *_, time in store.of("space_state")] == [START + 11 * SECOND + 2]
        b.commit(make(3, "gateway.clock_corrected", corrects="000001-aaaa", offset_ms=7000.0))
        await b.done()
    assert sorted(time for *_, time in store.of("space_state")) == [START + 11 * SECOND + 2, START + 17 * SECOND + 1]


# --- faults ---------------------------------------------------------------------------------------------------------


async def test_a_bad_point_is_set_aside_and_the_others_go_on(tmp_path: Path) -> None:
    store = Memory()
    store.bad = lambda point: dict(point.fields).get("seq") == 7
    async with bench(tmp_path, store) as b:
        b.commit(*(make(number) for number in range(1, 21)))
        await b.done()
        assert b.counters.get("projection.bad_points", "memory") == 1
    assert sorted(fields["seq"] for fields in store.of("space_state").values()) == [n for n in range(1, 21) if n != 7]


async def test_a_store_that_fails_gets_everything_later_and_again(tmp_path: Path) -> None:
    store = Memory()
    async with bench(tmp_path, store) as b:
        b.commit(make(1))
        await b.done()
        store.points.clear()
        store.fails = 2
        b.commit(make(2))
        await b.done()
        assert b.counters.get("projection.retries", "memory") == 2
        assert b.counters.get("projection.healed", "memory") == 1
    assert sorted(fields["seq"] for fields in store.of("space_state").values()) == [1, 2]


async def test_a_store_that_answers_for_what_it_does_not_keep_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.stores.proof.LOOK_S", 0.0)
    store = Memory()
    store.answers = True
    async with bench(tmp_path, store) as b:
        b.commit(make(1))
        await b.done()
        await b.pass_(PROBE_S + SETTLED_S)
        store.keeps = False
        b.commit(make(2))
        await b.done()
        store.keeps = True
        await b.pass_(PROBE_S + SETTLED_S)
        b.commit(make(3))
        await b.done()
        assert b.counters.get("projection.healed", "memory") == 1
    assert sorted(fields["seq"] for fields in store.of("space_state").values()) == [1, 2, 3]


async def test_a_store_that_was_started_again_while_idle_is_healed_by_the_probe(tmp_path: Path) -> None:
    store = Memory()
    async with bench(tmp_path, store) as b:
        b.commit(make(1))
        await b.done()
        store.points.clear()
        store.started = "2"
        await b.pass_(PROBE_S + 1)
        b.commit(make(2))
        await b.done()
    assert sorted(fields["seq"] for fields in store.of("space_state").values()) == [1, 2]


async def test_the_cursor_is_where_it_was_after_a_restart_less_what_is_not_safe(tmp_path: Path) -> None:
    store = Memory()
    clock = ManualClock(START, SECOND)
    async with bench(tmp_path, store, clock=clock) as b:
        b.commit(make(1))
        await b.done()
        await b.pass_(HEAL_S + 1)
        b.commit(make(2))
        await b.done()
    store.points.clear()
    async with bench(tmp_path, store, clock=clock) as b:
        await b.done()
    assert sorted(fields["seq"] for fields in store.of("space_state").values()) == [2]


async def test_a_rewind_writes_everything_since_an_office_time_again(tmp_path: Path) -> None:
    store = Memory()
    async with bench(tmp_path, store) as b:
        b.commit(*(make(number) for number in range(1, 11)))
        await b.done()
        expected = dict(store.points)
        store.points.clear()
        await b.projections.rewind("memory", START + 6 * SECOND)
        await b.done()
        assert sorted(fields["seq"] for fields in store.of("space_state").values()) == [6, 7, 8, 9, 10]
        await b.projections.rewind("memory")
        await b.done()
        assert store.points == expected


async def test_a_deleted_embedded_store_is_written_from_the_beginning(tmp_path: Path) -> None:
    clock = ManualClock(START, SECOND)
    path = tmp_path / "points.sqlite"
    async with bench(tmp_path, EmbeddedStore(path), clock=clock) as b:
        b.commit(make(1), make(2))
        await b.done("embedded")
        await b.pass_(HEAL_S + 1)
        b.commit(make(3))
        await b.done("embedded")
    delete(path)
    store = EmbeddedStore(path)
    async with bench(tmp_path, store, clock=clock) as b:
        await b.done("embedded")
        assert [dict(point.fields)["seq"] for point in store.query("space_state")] == [1, 2, 3]


async def test_an_embedded_store_that_is_damaged_is_set_aside_and_written_from_the_beginning(tmp_path: Path) -> None:
    path = tmp_path / "points.sqlite"
    store = EmbeddedStore(path)
    async with bench(tmp_path, store) as b:
        b.commit(*(make(number) for number in range(1, 21)))
        await b.done("embedded")
        store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        store._connection.execute("PRAGMA cache_size=0")
        content = bytearray(path.read_bytes())
        content[4096:] = random.Random(1).randbytes(len(content) - 4096)
        path.write_bytes(content)
        store._connection.execute("PRAGMA shrink_memory")
        b.commit(make(21))
        await b.done("embedded")
        assert [dict(point.fields)["seq"] for point in store.query("space_state")] == list(range(1, 22))
        assert b.counters.get("projection.bad_points") == 0
    assert path.with_name("points.sqlite.damaged").exists()


def delete(path: Path) -> None:
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


# --- quarter hours --------------------------------------------------------------------------------------------------


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


# --- milliseconds ---------------------------------------------------------------------------------------------------


async def test_points_of_one_series_in_one_millisecond_are_moved_apart_and_stay_there(tmp_path: Path) -> None:
    store = Memory(milliseconds=True)
    clock = ManualClock(START, SECOND)
    async with bench(tmp_path, store, clock=clock) as b:
        b.commit(*(make(number, at=5) for number in (1, 2, 3)), make(4, at=5.001), make(5, at=5, place=f"{D1[:-1]}2"))
        await b.done()
        b.commit(make(6, at=5.002))  # its own millisecond is taken by one that had to move
        await b.done()
    at = START // 1_000_000 + 5000
    expected = {("l1", "d-1", at + shift): seq for shift, seq in ((0, 1), (1, 4), (2, 2), (3, 3), (4, 6))} | {
        ("l1", "d-2", at): 5
    }
    assert {key: fields["seq"] for key, fields in store.of("space_state").items()} == expected
    store.points.clear()
    async with bench(tmp_path, store, clock=clock) as b:
        await b.projections.rewind("memory")
        await b.done()
    assert {key: fields["seq"] for key, fields in store.of("space_state").items()} == expected


async def test_a_window_computed_anew_stands_behind_the_old_one_where_a_store_does_not_replace(tmp_path: Path) -> None:
    store = Memory(milliseconds=True)
    async with bench(tmp_path, store) as b:
        b.commit(make(1, at=0))
        await b.pass_(901)
        await b.done()
        b.commit(make(2, at=300, state="vacant", prev="occupied"))
        await b.done()
        await b.projections.rewind("memory")
        await b.done()
    told = {
        time: f["used_s"]
        for (floor, space, time), f in store.of("space_use_15m").items()
        if (floor, space) == ("l1", "d-1")
    }
    assert told == {START // 1_000_000: 900, START // 1_000_000 + 1: 300}


# --- the real servers -----------------------------------------------------------------------------------------------


def to_victoria(server: Victoria) -> Store:
    return Influx2Store(InfluxStore(kind="influx2", id="server", url=server.url, milliseconds=True))


def to_influx(server: Influx) -> Store:
    return Influx1Store(InfluxStore(kind="influx1", id="server", url=server.url))


def states(events: Iterable[Envelope], unit: int) -> dict[tuple[str, str, int], float]:
    """What space_state must hold: (field, space, time) -> value, of events that share no millisecond."""
    expected: dict[tuple[str, str, int], float] = {}
    for event in events:
        time = (event.time // 1_000_000 * 1_000_000 + event.sequence) // unit
        space = event.subject.rpartition("/")[2]
        state = 1 if event.data["state"] == "occupied" else 0
        for name, value in (("seq", event.sequence), ("state", state), ("occupied", state)):
            expected[name, space, time] = value
        expected["confidence", space, time] = pytest.approx(0.9)
    return expected


@pytest.mark.parametrize("kind", ["victoria", "influx"])
async def test_a_server_killed_right_after_writes_equals_the_ledger_once_it_is_back(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    server = request.getfixturevalue(kind)
    store = to_victoria(server) if kind == "victoria" else to_influx(server)
    unit = 1_000_000 if kind == "victoria" else 1
    events = [
        make(n, at=n * 0.01, state=("occupied", "vacant")[n % 2], place=f"ikn/kk2/l1/north/{DESKS[n % 3]}")
        for n in range(1, 601)
    ]

    def read() -> dict[tuple[str, str, int], float]:
        return {
            (name, dict(tags)["space"], at): value for (name, tags, at), value in server.read("space_state").items()
        }

    async with bench(tmp_path, store, now=-1) as b:
        b.commit(*events[:400])
        await b.done("server")
        await asyncio.to_thread(server.kill)
        b.commit(*events[400:])
        await asyncio.to_thread(server.start)
        await b.done("server")
        async with asyncio.timeout(30):
            while await asyncio.to_thread(read) != states(events, unit):  # noqa: ASYNC110 a server's answer
                await asyncio.sleep(0.2)
        assert b.counters.get("projection.healed", "server") >= 1
