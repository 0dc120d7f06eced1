"""The RS-485 line under libosdp: only whole, plausible replies of the reader that was asked get through.

libosdp (3.2.9, read in its source) cannot be given the bytes of a line as they come:

    a reply that arrives in pieces is lost; one damaged byte takes a reader off the bus for 300 s, and so does the late
    reply of a neighbour
    while a secure channel is open, a reply whose security block is of type 11 to 14 is believed without a MAC: whoever
    is on the two wires could put a card there
    a reader that is gone is asked eight times, a second each, before it counts as gone

So this is the channel that libosdp is given: it cuts packets, checks them (SIA OSDP v2.2, section 5.9 and annex D),
drops what may not be said in clear, and refuses to ask a reader that has not answered too often, which libosdp takes
for the end of that reader at once.
"""

from __future__ import annotations

import os
from binascii import crc_hqx
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.counters import Counters

MARK, START, REPLY = 0xFF, 0x53, 0x80
HEADER = 5
CRC_START = 0x1D0F
LONGEST = 255
"""Bytes of a packet, so that it fits libosdp's buffer with a mark byte."""
MOST_KEPT = 1024
"""Bytes of a reply that has not ended, and of what stands before it."""
MAC_BYTES = 4
NAK, BUSY, PDID, PDCAP, CCRYPT, RMAC_I = 0x41, 0x79, 0x45, 0x46, 0x76, 0x78
RAW, FMT, KEYPAD, COM, FTSTAT = 0x50, 0x51, 0x53, 0x54, 0x7A
"""Codes of replies."""
ID, CAP, CHLNG, SCRYPT = 0x61, 0x62, 0x76, 0x77
"""Codes of the commands that begin a communication."""
UNASKED = frozenset({COM, FTSTAT})
"""Replies to what we never ask; libosdp would change a reader's address by the first."""
CLEAR = {PDID: ID, PDCAP: CAP}
"""What a reader with a key may say in clear, besides NAK and BUSY: the command that it answers."""
PRIVATE = frozenset({RAW, FMT, KEYPAD})
"""What it may only say encrypted."""
HANDSHAKE = {0x12: (CHLNG, CCRYPT), 0x14: (SCRYPT, RMAC_I)}
"""Type of a security block without a MAC: the command that it answers, and the answer."""
AUTHENTIC, ENCRYPTED = (0x15, 0x16, 0x17, 0x18), (0x17, 0x18)
"""Types of security blocks with a MAC, which libosdp checks, and those whose data is encrypted."""
PATIENCE = 2
"""Questions in a row that a reader may leave unanswered."""


@dataclass(slots=True)
class Talk:
    """What was said between us and one reader."""

    secure: bool
    """It has a key: nothing that matters is believed in clear."""
    patience: int = PATIENCE
    missed: int = 0
    """Questions in a row that it left unanswered."""
    asked: int = 0
    """Code of the last command."""
    said: int = 0
    """Code of the last reply to it; 0: none."""

    @property
    def silent(self) -> bool:
        """Whether it is not worth asking."""
        return self.missed >= self.patience


class Line:
    """libosdp's channel (`id`, `read`, `write`, `flush`) on an open line. libosdp needs every call to return."""

    id = 1
    """Shared by all readers of the line, and not 0: with 0 libosdp would let them all talk at once."""

    def __init__(self, talks: Mapping[int, Talk], counters: Counters) -> None:
        """`talks` by address."""
        self._talks = talks
        self._counters = counters
        self._handle = -1
        self._asked: int | None = None
        """The reader whose reply we wait for."""
        self._kept = b""
        self._reply = b""
        self.problem = ""
        """Why the line can no longer be used; empty while it can."""
        self.commands = 0
        """Sent so far."""

    def open(self, handle: int) -> None:
        """Begin on an open line that does not block."""
        self._handle, self.problem = handle, ""
        self.flush()

    def flush(self) -> None:
        """Forget what came so far: the next question comes, or the communication begins anew."""
        self._kept = self._reply = b""
        self._asked = None

    def write(self, packet: bytes) -> int:
        """How many bytes of a command went out; 0: the line is gone or full, or the reader has been silent."""
        body = packet[packet[0] == MARK :]
        address = body[1] & ~REPLY
        talk = self._talks.get(address)
        if talk is None or talk.silent or self.problem:
            return 0
        try:
            sent = os.write(self._handle, packet)
        except BlockingIOError:
            self._counters.add("osdp.unsent")
            return 0
        except OSError as error:
            self.problem = f"unplugged ({error.strerror})"
            return 0
        self.flush()
        self._asked = address
        self.commands += 1
        talk.missed += 1
        talk.asked, talk.said = body[HEADER + (body[HEADER] if body[4] & 8 else 0)], 0
        return sent

    def read(self, most: int) -> bytes:
        """The next bytes of a reply that is whole."""
        part, self._reply = self._reply[:most], self._reply[most:]
        return part

    def readable(self) -> bool:
        """Take what has arrived; True when a reply is complete or the line is gone."""
        try:
            data = os.read(self._handle, 4096)
        except BlockingIOError:
            return False
        except OSError as error:
            self.problem = f"unplugged ({error.strerror})"
            return True
        if not data:
            self.problem = "unplugged (end of file)"
            return True
        return self.feed(data)

    def feed(self, data: bytes) -> bool:
        """Bytes have arrived; True when they complete the reply that we wait for."""
        if self._asked is None:
            return False  # it comes too late, or nobody asked
        self._kept = (self._kept + data)[-MOST_KEPT:]
        talk = self._talks[self._asked]
        while packet := self._cut(bytes((START, self._asked | REPLY))):
            code, refused = judge(packet, talk)
            if refused:
                self._counters.add("osdp.refused", refused)
                continue
            if code == FMT:  # a card as text, which libosdp ignores
                self._counters.add("osdp.dropped", "ascii")
            talk.said, talk.missed = code, 0
            self._reply, self._asked, self._kept = packet, None, b""
            return True
        return False

    def _cut(self, head: bytes) -> bytes:
        """The next whole packet that begins with `head`; empty when it is not here yet."""
        while (at := self._kept.find(head)) >= 0:
            self._kept = self._kept[at:]
            if len(self._kept) < HEADER:
                return b""
            length = int.from_bytes(self._kept[2:4], "little")
            if HEADER + 2 <= length <= LONGEST:
                if len(self._kept) < length:
                    return b""
                packet = self._kept[:length]
                if whole(packet):
                    self._kept = self._kept[length:]
                    return packet
                self._counters.add("osdp.dropped", "BadChecksum")
            self._kept = self._kept[1:]
        return b""


def whole(packet: bytes) -> bool:
    """Whether the check of a packet is right: a CRC-16, or the byte that makes the sum of all bytes 0."""
    if packet[4] & 4:
        return len(packet) > HEADER + 2 and crc_hqx(packet[:-2], CRC_START) == int.from_bytes(packet[-2:], "little")
    return sum(packet) & 0xFF == 0


def judge(packet: bytes, talk: Talk) -> tuple[int, str]:
    """The code of a reply that is whole, and why it must not be believed; empty when it may."""
    body = packet[HEADER : -2 if packet[4] & 4 else -1]
    kind = 0
    if packet[4] & 8:
        size = body[0]
        if not 2 <= size < len(body):
            return 0, "malformed"
        kind, body = body[1], body[size:]
    code = body[0]
    if code in UNASKED:
        return code, "unasked"
    if not talk.secure:
        return code, "malformed" if kind else ""
    if kind == 0:
        return code, "" if code in (NAK, BUSY) or CLEAR.get(code) == talk.asked else "clear"
    if kind in HANDSHAKE:
        return code, "" if (talk.asked, code) == HANDSHAKE[kind] else "clear"
    if kind not in AUTHENTIC or len(body) <= MAC_BYTES:
        return code, "malformed"
    return code, "clear" if code in PRIVATE and kind not in ENCRYPTED else ""
