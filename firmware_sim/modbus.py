"""Modbus units on an RTU line or behind TCP, with faults; encode only.

Sources: MODBUS Application Protocol V1.1b3, sections 6.1 to 6.4 (functions 1 to 4) and 7 (exceptions); MODBUS over
Serial Line V1.02, 2.5.1 and 6.2.2 (frame, CRC); MODBUS Messaging on TCP/IP V1.0b, 3.1.3 (MBAP header).

    RTU    unit, function, data, CRC (low byte first)
    TCP    transaction, protocol 0, length of the rest; unit, function, data
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

COILS, DISCRETE, HOLDING, INPUT = 1, 2, 3, 4
MOST = {COILS: 2000, DISCRETE: 2000, HOLDING: 125, INPUT: 125}
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, BUSY, NO_TARGET = 1, 2, 3, 6, 0x0B
REQUEST = 8
"""Bytes of an RTU request of these functions."""


@dataclass(slots=True)
class Unit:
    """One unit: its tables, and what is wrong with it."""

    tables: dict[int, dict[int, int]] = field(default_factory=dict)
    """Function -> address -> value."""
    silent: bool = False
    exception: int = 0
    """Answers everything with this; 0: nothing is wrong."""
    bad_crc: bool = False
    """RTU only."""
    asked: int = 0

    def pdu(self, request: bytes) -> bytes:
        """What it answers to function and data."""
        function = request[0]
        if self.exception:
            return _exception(function, self.exception)
        if function not in MOST:
            return _exception(function, ILLEGAL_FUNCTION)
        if len(request) != 5:
            return _exception(function, ILLEGAL_VALUE)
        first, count = int.from_bytes(request[1:3], "big"), int.from_bytes(request[3:5], "big")
        if not 1 <= count <= MOST[function]:
            return _exception(function, ILLEGAL_VALUE)
        table = self.tables.get(function, {})
        if any(address not in table for address in range(first, first + count)):
            return _exception(function, ILLEGAL_ADDRESS)
        values = [table[address] for address in range(first, first + count)]
        data = bits(values) if function in (COILS, DISCRETE) else b"".join(value.to_bytes(2, "big") for value in values)
        return bytes((function, len(data))) + data


class Bus:
    """Units that share a line or a gateway. What is meant for another unit is left alone."""

    def __init__(self, units: Mapping[int, Unit]) -> None:
        self.units = dict(units)
        self._kept = b""

    def rtu(self, data: bytes) -> list[bytes]:
        """The answers to bytes that came over the line; garbage is skipped."""
        self._kept += data
        answers: list[bytes] = []
        while len(self._kept) >= REQUEST:
            frame = self._kept[:REQUEST]
            if crc(frame[:-2]) != frame[-2:]:
                self._kept = self._kept[1:]
                continue
            self._kept = self._kept[REQUEST:]
            pdu, unit = self._ask(frame[0], frame[1:-2])
            if unit is None or pdu is None:
                continue
            body = frame[:1] + pdu
            check = crc(body)
            answers.append(body + (bytes((check[0] ^ 0xFF, check[1])) if unit.bad_crc else check))
        return answers

    def tcp(self, frame: bytes) -> bytes | None:
        """The answer to one frame; None: silence."""
        pdu, _ = self._ask(frame[6], frame[7:])
        if pdu is None:
            return None
        return frame[:4] + (len(pdu) + 1).to_bytes(2, "big") + frame[6:7] + pdu

    def _ask(self, address: int, request: bytes) -> tuple[bytes | None, Unit | None]:
        unit = self.units.get(address)
        if unit is None:
            return None, None
        unit.asked += 1
        return (None if unit.silent else unit.pdu(request)), unit


class RtuLine:
    """A bus on a file descriptor that does not block: the master's end of a pseudo-terminal."""

    def __init__(self, bus: Bus, handle: int) -> None:
        self._bus = bus
        self._handle = handle
        asyncio.get_running_loop().add_reader(handle, self._readable)

    def close(self) -> None:
        """Leave the descriptor alone."""
        asyncio.get_running_loop().remove_reader(self._handle)

    def _readable(self) -> None:
        try:
            data = os.read(self._handle, 1024)
        except OSError:  # nobody has the other end open
            return
        for answer in self._bus.rtu(data):
            os.write(self._handle, answer)


async def serve_tcp(
    bus: Bus, host: str, port: int, connected: Callable[[asyncio.StreamWriter], None] | None = None
) -> asyncio.Server:
    """A Modbus TCP server; close it. `connected` gets each connection, to break it."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if connected is not None:
            connected(writer)
        try:
            while True:
                head = await reader.readexactly(6)
                answer = bus.tcp(head + await reader.readexactly(int.from_bytes(head[4:6], "big")))
                if answer is not None:
                    writer.write(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    return await asyncio.start_server(talk, host, port)


def crc(data: bytes) -> bytes:
    """CRC-16 of the serial line, in the order of sending."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
    return value.to_bytes(2, "little")


def bits(values: list[int]) -> bytes:
    """Coils and discrete inputs: the first is the lowest bit of the first byte."""
    packed = bytearray((len(values) + 7) // 8)
    for i, value in enumerate(values):
        packed[i // 8] |= bool(value) << (i % 8)
    return bytes(packed)


def _exception(function: int, code: int) -> bytes:
    return bytes((function | 0x80, code))
