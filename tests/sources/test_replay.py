"""The replay source: recordings that are whole, broken, hostile, or still being written."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.api import Frame
from drivers.beacon import eddystone, ibeacon
from gateway.clock import ManualClock, SystemClock
from gateway.counters import Counters
from gateway.decode import claims
from gateway.errors import TransientError
from gateway.sources.lines import Lines
from gateway.sources.replay import ReplaySource
from tests.sources.conftest import Heard, kept, soon

CLAIMED = claims({driver.name: driver for driver in (ibeacon.DRIVER, eddystone.DRIVER)})
START = 1_795_483_802_117_000_000
TAG = "1aff4c000215" + "11" * 21
PHONE = "06ff4c00100500"


def row(n: int = 0, **other: object) -> dict[str, object]:
    made = {"medium": "ble_adv", "address": "C0:FF:EE:00:00:01", "hex": TAG, "rssi": -61, "received_at": START + n}
    return made | other


def text(*rows: dict[str, object]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in rows)


async def play(path: Path, data: bytes, **more: object) -> tuple[list[Frame], Counters]:
    path.write_bytes(data)  # noqa: ASYNC240 a few lines
    counters, frames = Counters(), list[Frame]()
    source = ReplaySource("tape", path, CLAIMED, SystemClock(), counters, speed=0, **more)  # type: ignore[arg-type]
    await source.run(frames.append)
    assert source.state.frames == len(frames)
    assert not source.state.up
    return frames, counters


async def test_frames_come_in_recorded_time_and_strangers_do_not(tmp_path: Path) -> None:
    reader = row(2, medium="serial:rdm6300", address="", hex="0230", rssi=None, device="rdr-1")
    frames, counters = await play(tmp_path / "r", text(row(0), row(1, hex=PHONE), reader))
    assert [frame.medium for frame in frames] == ["ble_adv:ibeacon", "serial:rdm6300"]
    assert [frame.received_at for frame in frames] == [START, START + 2]
    assert frames[0][1:5] == ("tape", "C0:FF:EE:00:00:01", bytes.fromhex(TAG), -61)
    assert frames[1].payload == b"\x020"
    assert frames[0].machine_at > 0
    assert not counters.snapshot()


async def test_the_last_line_needs_no_end(tmp_path: Path) -> None:
    frames, _ = await play(tmp_path / "r", text(row(0), row(1))[:-1])
    assert len(frames) == 2


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"not json",
        b"\xff\xfe",
        b"[" * 4000,
        b'{"a":' * 700,
        b"[]",
        b"7",
        b"null",
        b"{}",
        json.dumps(row(hex="zz")).encode(),
        json.dumps(row(hex="1a")).encode(),
        json.dumps(row(hex=7)).encode(),
        json.dumps(row(rssi="loud")).encode(),
        json.dumps(row(rssi=4000)).encode(),
        json.dumps(row(rssi=True)).encode(),
        json.dumps(row(received_at=-1)).encode(),
        json.dumps(row(received_at=2**70)).encode(),
        json.dumps(row(received_at=1.5)).encode(),
        json.dumps(row(received_at=None)).encode(),
        json.dumps(row(medium=["ble_adv"])).encode(),
        json.dumps(row(address="x" * 65)).encode(),
        json.dumps(row()).encode()[:-1],
    ],
)
async def test_a_bad_line_is_counted_and_the_next_one_is_read(tmp_path: Path, bad: bytes) -> None:
    frames, counters = await play(tmp_path / "r", text(row(0)) + bad + b"\n" + text(row(1)))
    assert [frame.received_at for frame in frames] == [START, START + 1]
    assert counters.snapshot() == {"replay.dropped{bad_line}": 1}


async def test_a_line_without_end_costs_no_memory_and_one_count(tmp_path: Path) -> None:
    hidden = b"x" * (5 << 16) + text(row(7))  # the tail of a line that is too long is not a line of its own
    frames, counters = await play(tmp_path / "r", text(row(0)) + hidden + text(row(1)))
    assert [frame.received_at for frame in frames] == [START, START + 1]
    assert counters.snapshot() == {"replay.dropped{oversize}": 1}


async def test_speed_scales_the_recorded_time(tmp_path: Path) -> None:
    (tmp_path / "r").write_bytes(text(*(row(n * 100_000_000) for n in range(6))))
    heard, clock = list[int](), SystemClock()
    source = ReplaySource("tape", tmp_path / "r", CLAIMED, clock, Counters(), speed=5.0)
    await source.run(lambda frame: heard.append(frame.machine_at))
    assert heard[-1] - heard[0] >= 95_000_000  # 500 ms at five times the speed; a slow machine may take longer
    assert heard == sorted(heard)


async def test_full_speed_lets_others_have_their_turn(tmp_path: Path) -> None:
    (tmp_path / "r").write_bytes(text(*(row(n) for n in range(2000))))
    waiting, most = 0, 0

    def deliver(_: Frame) -> None:
        nonlocal waiting, most
        waiting += 1
        most = max(most, waiting)

    async def take() -> None:
        nonlocal waiting
        while True:
            waiting = max(0, waiting - 256)  # what the pipeline takes in one turn
            await asyncio.sleep(0)

    taking = asyncio.get_running_loop().create_task(take())
    await ReplaySource("tape", tmp_path / "r", CLAIMED, SystemClock(), Counters(), speed=0).run(deliver)
    taking.cancel()
    await asyncio.gather(taking, return_exceptions=True)
    assert most <= 512


async def test_a_file_that_grows_is_followed(tmp_path: Path) -> None:
    path, counters = tmp_path / "r", Counters()
    source = ReplaySource("tape", path, CLAIMED, SystemClock(), counters, follow=True)
    async with kept(source, counters) as heard:
        await soon(lambda: source.state.cause == "missing")  # it is waited for
        with path.open("wb", buffering=0) as tape:
            for n in range(3):
                line = text(row(n * 3_600_000_000_000))  # an hour between two: the writer keeps the time
                tape.write(line[:40])
                await asyncio.sleep(0.06)
                tape.write(line[40:])
                frames = await heard.count(n + 1)
                assert frames[-1].received_at == START + n * 3_600_000_000_000
        assert source.state.up
    assert counters.get("replay.dropped") == 0


async def test_what_is_not_there_is_transient(tmp_path: Path) -> None:
    source = ReplaySource("tape", tmp_path / "none", CLAIMED, ManualClock(), Counters())
    with pytest.raises(TransientError, match="No such file"):
        await source.run(Heard())
    with pytest.raises(TransientError, match="directory"):
        await ReplaySource("tape", tmp_path, CLAIMED, ManualClock(), Counters()).run(Heard())


@settings(deadline=None)
@given(st.lists(st.binary(max_size=12)), st.lists(st.integers(0, 40)), st.integers(0, 10))
def test_lines_are_the_same_however_the_stream_is_cut(pieces: list[bytes], cuts: list[int], longest: int) -> None:
    stream = b"\n".join(pieces)
    lines, got, at = Lines(longest), list[bytes | None](), 0
    for end in [*sorted(cuts), len(stream)]:
        got += lines.feed(stream[at:end])
        at = max(at, min(end, len(stream)))
    got += lines.end()
    whole = stream.split(b"\n")
    if not whole[-1]:
        whole.pop()
    assert got == [line if len(line) <= longest else None for line in whole]
