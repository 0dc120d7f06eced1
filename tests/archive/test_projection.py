"""Projections: the store equals the ledger by query, whatever order, faults and repetition."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from pathlib import Path

import pytest

from gateway.clock import ManualClock
from gateway.config.model import InfluxStore
from gateway.contract.envelope import Envelope
from gateway.projection import HEAL_S, PROBE_S
from gateway.stores.base import Store
from gateway.stores.embedded import EmbeddedStore
from gateway.stores.influx1 import Influx1Store
from gateway.stores.influx2 import Influx2Store
from gateway.stores.proof import SETTLED_S
from rules.api import SECOND
from tests.archive.conftest import Influx, Victoria
from tests.archive.events import DESKS, START, make
from tests.archive.projecting import D1, Memory, bench

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
