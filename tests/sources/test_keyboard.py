"""Keyboard readers: the kernel's events through a real FIFO; what a file that is no input device says for real."""

from __future__ import annotations

import asyncio
import errno
import os
import struct
from pathlib import Path
from typing import Any

import pytest

from drivers.api import Context
from drivers.badge.keyboard import DRIVER
from firmware_sim import wedge
from gateway.clock import ManualClock, SystemClock
from gateway.counters import Counters
from gateway.errors import TransientError
from gateway.sources.keyboard import KeyboardSource, refusal
from gateway.sources.keyboard_keys import Keys
from tests.sources.conftest import Heard, kept, soon

CODES = {text: 2 + i for i, text in enumerate("1234567890-")}
CODES |= {text: 16 + i for i, text in enumerate("QWERTYUIOP")} | {text: 30 + i for i, text in enumerate("ASDFGHJKL;")}
CODES |= {text: 44 + i for i, text in enumerate("ZXCVBNM,./")} | {"\n": 28, "\t": 15}
SHIFT, PAD_ENTER, CAPS = 42, 96, 58
TAG = bytes.fromhex("0F0368568B")


def event(kind: int, code: int, value: int, at: int) -> bytes:
    return struct.pack("@llHHi", at // 1_000_000, at % 1_000_000, kind, code, value)


def press(code: int, at: int, *, shift: bool = False) -> bytes:
    """As a keyboard does it: scan code, key down, report, key up, report."""
    made = event(1, SHIFT, 1, at) + event(0, 0, 0, at) if shift else b""
    made += event(4, 4, 458756, at) + event(1, code, 1, at) + event(0, 0, 0, at)
    made += event(1, code, 0, at) + event(0, 0, 0, at)
    return made + (event(1, SHIFT, 0, at) + event(0, 0, 0, at) if shift else b"")


def typed(text: str, at: int = 1_000_000, step: int = 8_000) -> bytes:
    made = b""
    for n, character in enumerate(text):
        shift = character.isupper() or character == ":"
        code = CODES[character.upper() if character != ":" else ";"]
        made += press(code, at + n * step, shift=shift)
    return made


@pytest.mark.parametrize("text", ["0057153187", "0f0368568b", "0F0368568B", "003,26763", "A-B:C"])
def test_a_line_as_it_was_typed(text: str) -> None:
    assert Keys().feed(typed(text + "\n")) == ([text.encode()], {})


def test_number_pad_and_both_enters() -> None:
    pad = b"".join(press(code, 1_000_000) for code in (82, 79, 80, 81, 75, 76, 77, 71, 72, 73, PAD_ENTER))
    assert Keys().feed(pad).lines == [b"0123456789"]


def test_cut_at_every_byte() -> None:
    stream = typed("123\n") + typed("456\n", at=9_000_000)
    for cut in range(len(stream)):
        keys = Keys()
        assert keys.feed(stream[:cut]).lines + keys.feed(stream[cut:]).lines == [b"123", b"456"]


def test_other_keys_and_repetitions_are_no_characters() -> None:
    held = press(CODES["1"], 1_000_000) + event(1, CODES["1"], 2, 1_300_000) * 3
    stream = held + press(CAPS, 1_301_000) + typed("\t2\n", at=1_310_000)
    assert Keys().feed(stream) == ([b"12"], {"key": 2})


def test_an_empty_line_is_none() -> None:
    assert Keys().feed(typed("\n\n\n")) == ([], {})


def test_a_pause_ends_a_line_that_was_not_ended() -> None:
    """Its beginning must not get in front of the next card."""
    keys = Keys()
    assert keys.feed(typed("00571")) == ([], {})
    assert keys.feed(typed("0057153187\n", at=3_000_000)) == ([b"0057153187"], {"pause": 5})


def test_how_late_we_read_is_no_pause() -> None:
    keys = Keys()
    stream = typed("0057153187\n", step=499_000)
    assert [line for i in range(0, len(stream), 24) for line in keys.feed(stream[i : i + 24]).lines] == [b"0057153187"]


def test_a_line_without_end_is_bounded_and_spoils_only_itself() -> None:
    keys, dropped = Keys(), 0
    for n in range(50):
        made = keys.feed(typed("1" * 20, at=1_000_000 + n * 160_000))
        assert made.lines == []
        dropped += made.dropped.get("oversize", 0)
    assert keys.feed(typed("22\n", at=9_900_000)) == ([b"22"], {})
    assert dropped == 1000
    spoilt = keys.feed(typed("3" * 200 + "\n" + "44\n", at=20_000_000))
    assert spoilt == ([b"44"], {"oversize": 200})


def test_what_the_kernel_lost_is_no_number() -> None:
    stream = typed("0057") + event(0, 3, 0, 1_040_000) + event(1, CODES["1"], 1, 1_040_000) + event(0, 0, 0, 1_040_000)
    made = Keys().feed(stream + typed("87\n", at=1_050_000) + typed("123\n", at=1_090_000))
    assert made == ([b"123"], {"lost": 6})


# --- the source ------------------------------------------------------------------------------------------------------


class Reader:
    """A FIFO that stands for /dev/input/event7: it carries the same structures."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            os.mkfifo(path)
        self.handle = os.open(path, os.O_RDWR)

    def send(self, data: bytes) -> None:
        os.write(self.handle, data)

    def unplug(self) -> None:
        os.close(self.handle)


@pytest.fixture
def port(tmp_path: Path) -> Path:
    return tmp_path / "usb-reader-event-kbd"


def source(port: Path, counters: Counters, **more: Any) -> KeyboardSource:
    return KeyboardSource("door", str(port), more.pop("clock", SystemClock()), counters, take=lambda _: None, **more)


async def test_a_card_that_a_reader_types(port: Path) -> None:
    reader, counters = Reader(port), Counters()
    made = source(port, counters, clock=ManualClock(1_000, 7))
    async with kept(made, counters) as heard:
        await soon(lambda: made.state.up)
        reader.send(typed(wedge.em10h(TAG).decode() + "\n"))
        frame = (await heard.count(1))[0]
        assert frame == ("keyboard", "door", "", b"0F0368568B", None, 1_000, 7, None)
        assert DRIVER.decode_with is not None
        assert DRIVER.decode_with(frame, Context(profile="em10h")).measurements[0].value == "em4100:0F0368568B"
        reader.send(typed("12", at=5_000_000) + press(CAPS, 5_020_000) + typed("34\n", at=9_000_000))
        assert (await heard.count(2))[1].payload == b"34"
        assert counters.snapshot() == {"keyboard.dropped{key}": 1, "keyboard.dropped{pause}": 2}
    reader.unplug()


async def test_unplugged_in_the_middle_of_a_line_and_plugged_in_again(port: Path) -> None:
    reader, counters, states = Reader(port), Counters(), list[tuple[bool, str]]()
    made = source(port, counters, on_state=lambda state: states.append((state.up, state.cause)))
    async with kept(made, counters) as heard:
        await soon(lambda: made.state.up)
        reader.send(typed("999"))
        await asyncio.sleep(0.01)
        os.unlink(port)
        reader.unplug()
        await soon(lambda: not made.state.up)
        reader = Reader(port)
        await soon(lambda: made.state.up)
        reader.send(typed("123\n"))
        assert (await heard.count(1))[0].payload == b"123"
    reader.unplug()
    assert [state for state in states if state != (False, "missing")] == [(True, ""), (False, "unplugged"), (True, "")]


@pytest.mark.parametrize("kind", ["missing", "fifo", "file", "folder"])
async def test_what_is_no_input_device_is_refused_by_the_kernel(port: Path, kind: str) -> None:
    """The real ioctl, which a keyboard alone understands."""
    if kind == "fifo":
        os.mkfifo(port)
    elif kind == "file":
        os.mknod(port)
    elif kind == "folder":
        os.mkdir(port)
    open_before = os.listdir("/proc/self/fd")
    made = KeyboardSource("door", str(port), SystemClock(), Counters())
    with pytest.raises(TransientError, match="is not there" if kind == "missing" else "is no input device"):
        await made.run(Heard())
    assert made.state.cause == "missing"
    assert os.listdir("/proc/self/fd") == open_before


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EACCES, "must be in group input"),
        (errno.EBUSY, "another program has taken it"),
        (errno.EIO, "output error"),
    ],
)
def test_a_refusal_says_what_to_do(number: int, words: str) -> None:
    assert words in refusal(OSError(number, os.strerror(number)))


async def test_a_bug_behind_the_source_ends_it(port: Path) -> None:
    reader, made = Reader(port), source(port, Counters())

    def broken(_: object, durable: object = None) -> None:
        raise LookupError("a bug")

    run = asyncio.get_running_loop().create_task(made.run(broken))
    await soon(lambda: made.state.up)
    reader.send(typed("1\n"))
    with pytest.raises(LookupError):
        await run
    reader.unplug()
