"""Laws of every built-in framer: the next good frame is always read, whatever comes between and however it is split.

Nothing here names a driver's frames: they come from its vectors, and from the simulator where that knows the device.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.api import Cut, Driver, Frame
from firmware_sim import id12la, ld2410, rdm6300
from firmware_sim.ld2410 import GATES, Seen, Target
from gateway.decode import built_in

VECTORS = Path(__file__).parents[1] / "vectors"
MOST_KEPT = 256

tags = st.binary(min_size=5, max_size=5)
energies = st.lists(st.integers(0, 100), min_size=GATES, max_size=GATES)
seen = st.builds(
    Seen,
    st.sampled_from(Target),
    st.integers(0, 600),
    st.integers(0, 100),
    st.integers(0, 600),
    st.integers(0, 100),
)
radar = st.one_of(
    st.builds(ld2410.basic, seen),
    st.builds(ld2410.engineering, seen, energies, energies),
    st.builds(ld2410.acknowledgement, st.sampled_from((0xFF, 0xFE, 0x62, 0x63, 0xA0)), failed=st.booleans()),
)
ENCODERS = {
    "rdm6300": st.builds(rdm6300.frame, tags),
    "id12la": st.builds(id12la.frame, tags),
    "ld2410": radar,
}
"""Devices of the simulator: more frames than their vectors hold."""
DRIVERS = {driver.name: driver for _, driver in built_in() if driver.framer is not None}


def known(driver: Driver) -> list[bytes]:
    """Whole frames of the driver's own vectors, which every driver has."""
    assert driver.framer is not None
    lines = (VECTORS / f"{driver.name}.jsonl").read_text(encoding="utf-8").splitlines()
    vectors = [vector for vector in map(json.loads, lines) if not vector.get("reject")]
    return [frame for vector in vectors for frame in driver.framer(b"", bytes.fromhex(vector["hex"])).frames]


KNOWN = {name: known(driver) for name, driver in DRIVERS.items()}
FRAMES = {name: st.one_of(st.sampled_from(frames), ENCODERS.get(name, st.nothing())) for name, frames in KNOWN.items()}


def cut(driver: Driver, pieces: list[bytes]) -> Cut:
    """Feed the pieces one after the other; the state, all frames, and everything dropped."""
    assert driver.framer is not None
    state, frames, dropped = b"", list[bytes](), dict[str, int]()
    for piece in pieces:
        made = driver.framer(state, piece)
        assert len(made.state) <= MOST_KEPT
        assert all(size > 0 for size in made.dropped.values())
        state = made.state
        frames += made.frames
        for cause, size in made.dropped.items():
            dropped[cause] = dropped.get(cause, 0) + size
    assert sum(map(len, frames)) + len(state) + sum(dropped.values()) == sum(map(len, pieces)), (
        "bytes are accounted for"
    )
    return Cut(state, frames, dropped)


def split(stream: bytes, at: list[int]) -> list[bytes]:
    marks = sorted({0, len(stream), *(place % (len(stream) + 1) for place in at)})
    return [stream[start:end] for start, end in pairwise(marks)]


def pieces_of(name: str) -> st.SearchStrategy[bytes]:
    """What comes between good frames: noise, heads and tails of frames, and heads that lie about what follows."""
    frames = FRAMES[name]
    heads = st.builds(lambda frame, at: frame[: at % len(frame)], frames, st.integers(0, 60))
    tails = st.builds(lambda frame, at: frame[1 + at % len(frame) :], frames, st.integers(0, 60))
    lies = st.builds(lambda frame, at, more: frame[: at % 8] + more, frames, st.integers(0, 7), st.binary(max_size=8))
    return st.lists(st.one_of(st.binary(max_size=20), heads, tails, lies), max_size=4).map(b"".join)


def damaged(frame: bytes, at: int, bits: int) -> bytes:
    made = bytearray(frame)
    made[at % len(frame)] ^= bits
    return bytes(made)


def test_every_framer_is_held_here() -> None:
    assert all(KNOWN.values()), "a driver's vectors hold at least one good frame"
    assert ENCODERS.keys() <= KNOWN.keys()


@pytest.mark.parametrize("name", FRAMES)
@settings(deadline=None)
@given(data=st.data())
def test_good_frames_are_read_whatever_is_between_and_however_split(name: str, data: st.DataObject) -> None:
    good = data.draw(st.lists(FRAMES[name], min_size=1, max_size=4))
    between = [data.draw(pieces_of(name)) for _ in good]
    stream = b"".join(garbage + frame for garbage, frame in zip(between, good, strict=True))
    made = cut(DRIVERS[name], split(stream, data.draw(st.lists(st.integers(0, 400), max_size=12))))
    left = iter(made.frames)
    assert all(frame in left for frame in good), "each good frame, in order"


@pytest.mark.parametrize("name", FRAMES)
@settings(deadline=None)
@given(data=st.data())
def test_the_split_does_not_matter(name: str, data: st.DataObject) -> None:
    parts = data.draw(st.lists(st.one_of(FRAMES[name], pieces_of(name)), max_size=5))
    stream = b"".join(parts)
    whole = cut(DRIVERS[name], [stream])
    pieces = cut(DRIVERS[name], split(stream, data.draw(st.lists(st.integers(0, 400), max_size=12))))
    assert pieces.frames == whole.frames
    assert pieces.state == whole.state


@pytest.mark.parametrize("name", FRAMES)
def test_split_at_every_byte(name: str) -> None:
    good = KNOWN[name][:3]
    stream = b"\x00" + b"".join(good)
    assert cut(DRIVERS[name], [bytes((byte,)) for byte in stream]) == Cut(b"", good, {"garbage": 1})
    for at in range(len(stream)):
        assert cut(DRIVERS[name], [stream[:at], stream[at:]]).frames == good


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_that_breaks_off_anywhere_costs_itself_alone(name: str) -> None:
    for good in KNOWN[name][:3]:
        for at in range(1, len(good)):
            made = cut(DRIVERS[name], [good[:at], good, good[at:], good])
            assert made.frames == [good, good]
            assert sum(made.dropped.values()) == len(good)
            assert made.dropped.keys() <= {"garbage", "unfinished", "oversize", "BadChecksum"}


@pytest.mark.parametrize("name", FRAMES)
@settings(deadline=None)
@given(data=st.data())
def test_a_damaged_byte_never_costs_the_frame_that_follows(name: str, data: st.DataObject) -> None:
    broken, good = data.draw(FRAMES[name]), data.draw(FRAMES[name])
    broken = damaged(broken, data.draw(st.integers(0, 60)), data.draw(st.integers(1, 255)))
    assert cut(DRIVERS[name], [broken, good]).frames[-1:] == [good]


@pytest.mark.parametrize("name", FRAMES)
@settings(deadline=None)
@given(stream=st.lists(st.binary(max_size=600), max_size=6))
def test_any_stream_is_bounded_and_accounted_for(name: str, stream: list[bytes]) -> None:
    cut(DRIVERS[name], stream)


@pytest.mark.parametrize("name", FRAMES)
def test_a_flood_is_dropped_and_the_good_frame_behind_it_is_read(name: str) -> None:
    good = KNOWN[name][0]
    for flood in (b"\xff", *(good[:size] for size in range(1, len(good)))):
        assert cut(DRIVERS[name], [flood * 1024, good]).frames == [good]


@pytest.mark.parametrize("name", ["rdm6300", "id12la"])
@pytest.mark.parametrize(
    ("stream", "dropped"),
    [
        (b"\xff\x00", {"garbage": 2}),
        (b"\x02", {"unfinished": 1}),
        (b"\x020F03", {"unfinished": 5}),
        (b"\x020F03x\x03", {"unfinished": 5, "garbage": 2}),
        (b"\x02\x02" + b"0" * 13, {"unfinished": 14, "garbage": 1}),
    ],
)
def test_readers_say_what_they_dropped(name: str, stream: bytes, dropped: dict[str, int]) -> None:
    good = KNOWN[name][0]
    for at in range(len(stream)):
        assert cut(DRIVERS[name], [stream[:at], stream[at:], good]) == Cut(b"", [good], dropped)


@pytest.mark.parametrize(
    ("stream", "dropped"),
    [
        ("f4f3f2f1ffff", {"oversize": 6}),
        ("f4f3f2f10d0002aa", {"unfinished": 8}),
        # the last byte might have begun a head, so it is thrown away later and by itself
        ("f4f3f2f10d0002aa0000000000000000005500f8f7f6f4", {"unfinished": 22, "garbage": 1}),
        ("0011", {"garbage": 2}),
    ],
)
def test_radar_says_what_it_dropped(stream: str, dropped: dict[str, int]) -> None:
    good = ld2410.basic(ld2410.NOBODY)
    assert cut(DRIVERS["ld2410"], [bytes.fromhex(stream), good]) == Cut(b"", [good], dropped)


@settings(deadline=None)
@given(tag=tags)
def test_readers_read_what_the_simulator_sends(tag: bytes) -> None:
    for name, payload in (("rdm6300", rdm6300.frame(tag)), ("id12la", id12la.frame(tag))):
        made = DRIVERS[name].decode(Frame(f"serial:{name}", "test", "", payload))
        assert [(m.kind, m.value) for m in made] == [("badge", f"em4100:{tag.hex().upper()}")]
