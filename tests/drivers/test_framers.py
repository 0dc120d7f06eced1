"""What framers say of the bytes that they drop. Their laws are in gateway/conformance.py."""

from __future__ import annotations

import pytest

from drivers.api import Cut
from firmware_sim import ld2410
from gateway.conformance import cut, lines, whole_frames
from gateway.decode import built_in
from tests.drivers.test_drivers import VECTORS

DRIVERS = {driver.name: driver for _, driver in built_in() if driver.framer is not None}


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
    good = whole_frames(DRIVERS[name], lines(VECTORS / f"{name}.jsonl"))[0]
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
