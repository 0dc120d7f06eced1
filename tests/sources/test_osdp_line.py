"""What of an RS-485 line reaches libosdp."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.osdp import packet
from gateway.counters import Counters
from gateway.sources.osdp_line import CHLNG, LONGEST, SCRYPT, Line, Talk, judge

POLL, ID, CAP = 0x60, 0x61, 0x62
ACK, NAK, PDID, PDCAP, LSTATR, RAW, FMT, KEYPAD, COM, CCRYPT, RMAC_I, BUSY, FTSTAT = (
    0x40, 0x41, 0x45, 0x46, 0x48, 0x50, 0x51, 0x53, 0x54, 0x76, 0x78, 0x79, 0x7A,
)  # fmt: skip
MAC = b"\x01\x02\x03\x04"


class Asked:
    """A line on which a reader was asked."""

    def __init__(self, *, secure: bool = True, command: int = POLL, address: int = 5) -> None:
        self.counters = Counters()
        self.talk = Talk(secure=secure)
        self.line = Line({5: self.talk, 6: Talk(secure=secure)}, self.counters)
        self.other, ours = os.pipe()
        self.line.open(ours)
        self.ours = ours
        self.ask(command, address)

    def ask(self, command: int, address: int = 5) -> int:
        return self.line.write(b"\xff" + packet(address, 1, command, reply=False))

    def close(self) -> None:
        os.close(self.other)
        os.close(self.ours)


@pytest.mark.parametrize("crc", [True, False])
@pytest.mark.parametrize("size", [1, 3, 400])
def test_a_reply_in_pieces_between_garbage_comes_out_whole(size: int, crc: bool) -> None:
    made = Asked(secure=False)
    reply = packet(5, 1, RAW, bytes(70), crc=crc)
    noise = b"\xff\x53\x05\x53\x85\x00\x53\x85\xff\xff\x00"
    data = noise + b"\xff" + reply + b"\xff\x00"
    whole = [made.line.feed(data[at : at + size]) for at in range(0, len(data), size)]
    assert whole.count(True) == 1
    assert made.line.read(64) == reply[:64]
    assert made.line.read(64) == reply[64:]
    assert made.line.read(64) == b""
    assert (made.talk.asked, made.talk.said, made.talk.missed) == (POLL, RAW, 0)
    made.close()


def test_only_the_reader_that_was_asked_is_heard_and_once() -> None:
    made = Asked()
    assert not made.line.feed(packet(6, 1, NAK, b"\x04"))
    assert not made.line.feed(packet(5, 1, POLL, reply=False))  # our own command, by an adapter that echoes
    assert made.line.feed(packet(5, 1, NAK, b"\x04") + packet(5, 1, NAK, b"\x05"))
    assert made.line.read(64) == packet(5, 1, NAK, b"\x04")
    assert not made.line.feed(packet(5, 1, NAK, b"\x05"))
    assert made.line.read(64) == b""
    made.ask(POLL, 6)
    assert not made.line.feed(packet(5, 1, NAK, b"\x04"))  # too late
    assert made.line.feed(packet(6, 1, NAK, b"\x04"))
    made.close()


def test_a_damaged_reply_is_dropped_and_the_next_one_found() -> None:
    made = Asked()
    good = packet(5, 1, NAK, b"\x04")
    assert made.line.feed(good[:-1] + bytes((good[-1] ^ 1,)) + good)
    assert made.line.read(64) == good
    assert made.counters.get("osdp.dropped", "BadChecksum") == 1
    made.close()


def test_a_reader_that_does_not_answer_is_asked_no_more() -> None:
    made = Asked()
    assert not made.talk.silent
    assert made.ask(POLL) > 0
    assert made.talk.silent
    assert made.ask(POLL) == 0
    assert made.ask(POLL, 6) > 0  # others are
    made.talk.missed = 0
    assert made.ask(POLL) > 0
    assert made.line.commands == 4
    made.close()


def test_a_line_that_is_gone_or_full_says_so_and_raises_nothing() -> None:
    made = Asked()
    os.set_blocking(made.ours, False)
    while made.ask(POLL):
        made.talk.missed = 0
    assert made.counters.get("osdp.unsent") == 1
    os.close(made.other)
    assert made.ask(POLL, 6) == 0
    assert made.line.problem.startswith("unplugged (")
    os.close(made.ours)
    line = Line({}, Counters())
    reading, writing = os.pipe()
    line.open(reading)
    os.close(writing)
    assert line.readable()
    assert line.problem == "unplugged (end of file)"
    os.close(reading)


@pytest.mark.parametrize(
    ("asked", "reply", "refused"),
    [
        (ID, packet(5, 1, PDID, bytes(12)), ""),
        (POLL, packet(5, 1, PDID, bytes(12)), "clear"),
        (CAP, packet(5, 1, PDCAP, bytes(3)), ""),
        (POLL, packet(5, 1, PDCAP, bytes(3)), "clear"),
        (POLL, packet(5, 1, BUSY), ""),
        (POLL, packet(5, 1, NAK, b"\x06"), ""),
        (POLL, packet(5, 1, ACK), "clear"),
        (POLL, packet(5, 1, RAW, bytes(8)), "clear"),
        (POLL, packet(5, 1, KEYPAD, b"\x00\x011"), "clear"),
        (POLL, packet(5, 1, LSTATR, b"\x00\x00"), "clear"),
        (CHLNG, packet(5, 1, CCRYPT, bytes(32), block=b"\x12\x01"), ""),
        (CHLNG, packet(5, 1, CCRYPT, bytes(32)), "clear"),
        (CHLNG, packet(5, 1, RAW, bytes(8), block=b"\x12\x01"), "clear"),
        (POLL, packet(5, 1, CCRYPT, bytes(32), block=b"\x12\x01"), "clear"),
        (SCRYPT, packet(5, 1, RMAC_I, bytes(16), block=b"\x14\x01"), ""),
        (SCRYPT, packet(5, 1, CCRYPT, bytes(32), block=b"\x14\x01"), "clear"),
        (POLL, packet(5, 1, ACK, mac=MAC, block=b"\x16"), ""),
        (POLL, packet(5, 1, LSTATR, b"\x00\x00", mac=MAC, block=b"\x16"), ""),
        (POLL, packet(5, 1, RAW, bytes(16), mac=MAC, block=b"\x18"), ""),
        (POLL, packet(5, 1, RAW, bytes(8), mac=MAC, block=b"\x16"), "clear"),
        (POLL, packet(5, 1, FMT, bytes(8), mac=MAC, block=b"\x16"), "clear"),
        (POLL, packet(5, 1, RAW, block=b"\x18"), "malformed"),
        (POLL, packet(5, 1, RAW, bytes(16), mac=MAC, block=b"\x19"), "malformed"),
        (POLL, packet(5, 1, RAW, bytes(16), mac=MAC, block=b"\x11"), "malformed"),
        (POLL, packet(5, 1, FTSTAT, bytes(7), mac=MAC, block=b"\x18"), "unasked"),
        (POLL, packet(5, 1, COM, bytes(16), mac=MAC, block=b"\x18"), "unasked"),
        (POLL, packet(5, 1, ACK, block=b"\x18" + bytes(40))[:8] + bytes(40), "malformed"),
    ],
)
def test_what_a_reader_with_a_key_may_say(asked: int, reply: bytes, refused: str) -> None:
    assert judge(reply, Talk(secure=True, asked=asked))[1] == refused


def test_what_a_reader_without_a_key_may_say() -> None:
    talk = Talk(secure=False, asked=POLL)
    assert judge(packet(5, 1, RAW, bytes(8)), talk) == (RAW, "")
    assert judge(packet(5, 1, RAW, bytes(16), mac=MAC, block=b"\x18"), talk)[1] == "malformed"
    assert judge(packet(5, 1, FTSTAT, bytes(7)), talk)[1] == "unasked"
    assert judge(packet(5, 1, COM, bytes(5)), talk)[1] == "unasked"


@pytest.mark.parametrize("size", [0, 1, 200])
def test_blocks_of_any_size_are_judged(size: int) -> None:
    """A security block that is longer than its packet, or too short to say what it is."""
    data = bytearray(packet(5, 1, ACK, bytes(4), block=b"\x16"))
    data[5] = size
    assert judge(bytes(data), Talk(secure=True)) == (0, "malformed")


@given(st.lists(st.binary(max_size=80), max_size=8), st.booleans())
def test_noise_raises_nothing_and_never_hides_the_reply(noise: list[bytes], secure: bool) -> None:
    made = Asked(secure=secure)
    got = False
    for piece in noise:
        got = made.line.feed(piece.replace(b"\x53\x85", b"")) or got
        assert len(made.line.read(64)) <= LONGEST
    reply = packet(5, 1, NAK, b"\x04")
    assert made.line.feed(b"\xff" + reply) != got
    made.close()
