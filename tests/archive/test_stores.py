"""Line protocol by its own reader, and the three writers against a file and the real servers."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.model import InfluxStore
from gateway.errors import PermanentError, TransientError
from gateway.stores.base import CANARY, BadPoints, Point, Store
from gateway.stores.embedded import EmbeddedStore
from gateway.stores.influx1 import Influx1Store
from gateway.stores.influx2 import Influx2Store
from gateway.stores.line import line, lines
from tests.archive.conftest import Influx, Victoria

T0 = 1_795_484_000_000_000_000
HARD = " ,=\\\"'\n\r\t\x00\x1f\x7f\u2028#é漢😀"
texts = st.text(st.sampled_from("ab0_-/." + HARD) | st.characters(), max_size=12)
names = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True).filter(lambda name: name != "time")
numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()
points = st.builds(
    Point,
    st.one_of(names, texts),
    st.dictionaries(st.one_of(names, texts), texts, max_size=3).map(lambda tags: tuple(tags.items())),
    st.dictionaries(names, numbers | st.just(math.nan), max_size=3).map(lambda fields: tuple(fields.items())),
    st.integers(-1, 2**63),
)


def cut(text: str, at: str, most: int = -1) -> list[str]:
    """Split where `at` is not escaped."""
    parts, escaped = [""], False
    for char in text:
        if not escaped and char == at and len(parts) != most:
            parts.append("")
            continue
        escaped = char == "\\" and not escaped
        parts[-1] += char
    return parts


def plain(text: str) -> str:
    return text.replace(r"\,", ",").replace(r"\=", "=").replace(r"\ ", " ")


def read(text: str) -> Point:
    """A reader of line protocol that shares nothing with the writer."""
    head, body, time = cut(text, " ")
    measurement, *tags = cut(head, ",")
    fields: list[tuple[str, float | int | bool]] = []
    for part in cut(body, ","):
        name, value = part.split("=")
        fields.append((name, int(value[:-1]) if value.endswith("i") else float(value)))
    pairs = [cut(tag, "=") for tag in tags]
    assert all(len(pair) == 2 for pair in pairs)
    return Point(plain(measurement), tuple((plain(k), plain(v)) for k, v in pairs), tuple(fields), int(time))


@given(points)
def test_a_line_says_what_its_point_says_or_is_refused(point: Point) -> None:
    try:
        text = line(point)
    except PermanentError:
        return
    assert "\n" not in text
    assert len(text.splitlines()) == 1
    assert read(text) == point._replace(tags=tuple(sorted(point.tags)), fields=tuple(sorted(point.fields)))


@pytest.mark.parametrize("value", ["", "a\nb", "a\\", "a\\,b", "a\rb", "\ud800", "x" * 257])
def test_what_no_server_reads_the_same_is_refused(value: str) -> None:
    with pytest.raises(PermanentError, match="bad_point"):
        line(Point("m", (("zone", value),), (("n", 1),), T0))


def test_all_bad_positions_are_named_at_once() -> None:
    good = Point("m", (), (("n", 1),), T0)
    with pytest.raises(BadPoints) as caught:
        lines([good, good._replace(fields=()), good, good._replace(time=-1)])
    assert caught.value.bad == (1, 3)


def test_the_embedded_store_takes_a_point_twice_as_once_and_answers_by_series_and_time(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path / "points.sqlite")
    made = [Point("m", (("space", f"d-{n % 2}"),), (("n", n), ("share", 0.5)), T0 + n) for n in range(6)]
    asyncio.run(store.write(made))
    asyncio.run(store.write([*made[:3], made[3]._replace(fields=(("n", 33),))]))
    assert [dict(p.fields)["n"] for p in store.query("m")] == [0, 1, 2, 33, 4, 5]
    assert [p.time - T0 for p in store.query("m", T0 + 1, T0 + 5, {"space": "d-0"})] == [2, 4]
    assert store.query("m", tags={"space": "none"}) == []
    assert store.query("other") == []
    store.close()


@pytest.fixture
def to_victoria(victoria: Victoria) -> Iterator[Store]:
    store = Influx2Store(InfluxStore(kind="influx2", id="vm", url=victoria.url, milliseconds=True))
    yield store
    store.close()


@pytest.fixture
def to_influx(influx: Influx) -> Iterator[Store]:
    store = Influx1Store(InfluxStore(kind="influx1", id="influx", url=influx.url))
    yield store
    store.close()


SOME = [
    Point(
        "space_state",
        (("site", "ikn"), ("note", "a b,c=d\"e'é#")),
        (("state", n % 3), ("confidence", 0.1 + n / 7), ("seq", n)),
        T0 + n * 1_000_000,
    )
    for n in range(50)
]


async def test_victoria_metrics_reads_every_tag_and_number_as_written(victoria: Victoria, to_victoria: Store) -> None:
    await to_victoria.write(SOME)
    await to_victoria.write(SOME)
    expected = {
        (name, tuple(sorted(p.tags)), p.time // 1_000_000): pytest.approx(float(value))
        for p in SOME
        for name, value in p.fields
    }
    assert victoria.read("space_state") == expected


async def test_influxdb_1_reads_every_number_as_written(influx: Influx, to_influx: Store) -> None:
    await to_influx.write(SOME)
    await to_influx.write(SOME)
    expected = {(name, tuple(sorted(p.tags)), p.time): float(value) for p in SOME for name, value in p.fields}
    assert influx.read("space_state") == expected


async def test_influxdb_1_names_a_conflict_as_bad_points_not_as_a_reason_to_wait(to_influx: Store) -> None:
    await to_influx.write([Point("m", (), (("n", 1),), T0)])
    with pytest.raises(BadPoints, match="refused"):
        await to_influx.write([Point("m", (), (("n", 1.5),), T0 + 1)])


@pytest.mark.parametrize("kind", ["victoria", "influx"])
async def test_a_server_that_is_away_is_transient_and_a_new_life_is_seen(
    kind: str, request: pytest.FixtureRequest
) -> None:
    server = request.getfixturevalue(kind)
    store: Store = request.getfixturevalue(f"to_{kind}")
    await store.write(SOME[:1])
    first = await store.life()
    assert first
    assert first == await store.life()
    server.kill()
    with pytest.raises(TransientError):
        await store.write(SOME[:1])
    with pytest.raises(TransientError):
        await store.life()
    if kind == "victoria":  # it tells whole seconds
        await asyncio.sleep(1.1)
    server.start()
    await store.write(SOME[:1])
    assert await store.life() not in ("", first)


@pytest.mark.parametrize("kind", ["victoria", "influx"])
async def test_a_server_says_how_many_points_of_a_series_it_has(kind: str, request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue(kind)
    store: Store = request.getfixturevalue(f"to_{kind}")
    now = time.time_ns() // 1_000_000 * 1_000_000
    at = [now + n * 1_000_000 for n in range(3)]
    await store.write([Point(CANARY, (("store", name),), (("n", 1),), t) for t in at for name in ("a", "b")])
    tags = (("store", "a"),)
    if kind == "victoria":  # otherwise it finds a point some seconds after it has taken it
        await asyncio.to_thread(server.get, "/internal/force_flush")
    assert await store.count(CANARY, tags, at[0], at[2]) == 3
    assert await store.count(CANARY, tags, at[1], at[2]) == 2
    assert await store.count(CANARY, (("store", "c"),), at[0], at[2]) == 0
