"""Simulated Modbus units against the examples of the specification, and against the driver."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.api import Context, Frame
from drivers.occupancy.modbus import DRIVER
from firmware_sim import modbus
from firmware_sim.modbus import COILS, DISCRETE, HOLDING, INPUT, Bus, Unit


@pytest.mark.parametrize(
    ("table", "request_", "answer"),
    [
        # MODBUS Application Protocol V1.1b3, the examples of 6.1, 6.2, 6.3 and 6.4
        ({COILS: dict(enumerate((0xCD, 0x6B, 0x05)))}, "01 0013 0013", "01 03 CD6B05"),
        ({DISCRETE: dict(enumerate((0xAC, 0xDB, 0x35)))}, "02 00C4 0016", "02 03 ACDB35"),
        ({HOLDING: {0x6B: 0x022B, 0x6C: 0, 0x6D: 0x64}}, "03 006B 0003", "03 06 022B00000064"),
        ({INPUT: {8: 0x0A}}, "04 0008 0001", "04 02 000A"),
        ({INPUT: {8: 0x0A}}, "04 0009 0001", "84 02"),
        ({}, "05 0009 0001", "85 01"),
        ({}, "03 0000 007E", "83 03"),
    ],
)
def test_the_examples_of_the_specification(table: dict[int, dict[int, int]], request_: str, answer: str) -> None:
    asked = bytes.fromhex(request_)
    if asked[0] in (COILS, DISCRETE):  # the examples give whole bytes, from the lowest bit
        first, count = int.from_bytes(asked[1:3], "big"), int.from_bytes(asked[3:5], "big")
        data = table[asked[0]]
        table = {asked[0]: {first + i: data[i // 8] >> (i % 8) & 1 for i in range(count)}}
    assert Unit(table).pdu(asked) == bytes.fromhex(answer)


def test_rtu_and_tcp_frames() -> None:
    bus = Bus({0x11: Unit({HOLDING: {0x6B: 1, 0x6C: 2, 0x6D: 3}})})
    request = bytes.fromhex("11 03 006B 0003 7687")  # CRC worked out bit by bit
    assert bus.rtu(b"\xff" + request[:3]) == []
    assert bus.rtu(request[3:]) == [
        bytes.fromhex("11 03 06 000100020003") + modbus.crc(bytes.fromhex("110306000100020003"))
    ]
    assert bus.tcp(bytes.fromhex("0007 0000 0006 11 03 006B 0003")) == bytes.fromhex(
        "0007 0000 0009 11 03 06 000100020003"
    )


def test_faults() -> None:
    units = {
        1: Unit({HOLDING: {0: 5}}),
        2: Unit(silent=True),
        3: Unit(exception=6),
        4: Unit({HOLDING: {0: 5}}, bad_crc=True),
    }
    bus = Bus(units)

    def ask(unit: int) -> list[bytes]:
        body = bytes((unit, 3, 0, 0, 0, 1))
        return bus.rtu(body + modbus.crc(body))

    good = ask(1)[0]
    assert modbus.crc(good[:-2]) == good[-2:]
    assert ask(2) == ask(9) == []
    assert ask(3)[0][:3] == b"\x03\x83\x06"
    bad = ask(4)[0]
    assert modbus.crc(bad[:-2]) != bad[-2:]
    assert units[2].asked == 1


@given(
    co2=st.integers(0, 0xFFFF),
    celsius=st.integers(-400, 850),
    occupied=st.booleans(),
)
def test_what_a_unit_holds_is_what_the_driver_reads(co2: int, celsius: int, occupied: bool) -> None:
    mapping: dict[str, Any] = {
        "values": [
            {"kind": "occupied", "register": 5, "type": "bool", "function": "discrete"},
            {"kind": "co2", "register": 0, "type": "uint16"},
            {"kind": "temperature", "register": 1, "type": "int16", "scale": 0.1},
        ]
    }
    unit = Unit({HOLDING: {0: co2, 1: celsius & 0xFFFF}, DISCRETE: {5: int(occupied)}})
    bits, registers = unit.pdu(bytes.fromhex("02 0005 0001")), unit.pdu(bytes.fromhex("03 0000 0002"))
    assert DRIVER.decode_with is not None
    made = DRIVER.decode_with(
        Frame("modbus", "t", "1", bits[2:] + registers[2:]), Context(mapping=mapping)
    ).measurements
    assert {m.kind: m.value for m in made} == {
        "occupied": occupied,
        "co2": co2,
        "temperature": pytest.approx(celsius / 10),
    }
