"""Register maps: what is asked for, what a wrong map is told, and that every value comes back."""

from __future__ import annotations

from struct import pack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.api import Context, DecodeError, Frame
from drivers.occupancy.modbus import BOOLS, DRIVER, NUMBERS, TYPES, Read, check, decode_with, plan
from drivers.vocabulary import UNITS

Entry = dict[str, Any]
WARM: Entry = {"kind": "temperature", "register": 0, "type": "int16", "scale": 0.1}


def values(*entries: Entry) -> dict[str, Any]:
    return {"values": list(entries)}


def counts(*registers: int, form: str = "uint16", function: str = "holding") -> dict[str, Any]:
    entry = {"kind": "count", "type": form, "function": function}
    return values(*({**entry, "register": register, "channel": register} for register in registers))


@pytest.mark.parametrize(
    ("mapping", "reads"),
    [
        (counts(5), [("holding", 5, 1)]),
        (counts(2, 0, 1), [("holding", 0, 3)]),
        (counts(0, 2), [("holding", 0, 1), ("holding", 2, 1)]),
        (counts(0, 2, 4, form="uint32"), [("holding", 0, 6)]),
        (counts(0, 1, form="uint32"), [("holding", 0, 3)]),
        (counts(*range(126)), [("holding", 0, 125), ("holding", 125, 1)]),
        (counts(*range(0, 126, 2), form="uint32"), [("holding", 0, 124), ("holding", 124, 2)]),
        (counts(65535), [("holding", 65535, 1)]),
    ],
)
def test_neighbours_are_read_together(mapping: dict[str, Any], reads: list[tuple[str, int, int]]) -> None:
    assert check(mapping) == []
    assert plan(mapping) == [Read(*read) for read in reads]


def test_functions_are_read_apart() -> None:
    bits = [
        {
            "kind": "occupied",
            "register": register,
            "type": "bool",
            "function": function,
            "channel": f"{function}{register}",
        }
        for register in (1, 0)
        for function in ("discrete", "coil")
    ]
    mapping = values({**WARM, "function": "input"}, *bits)
    assert plan(mapping) == [Read("coil", 0, 2), Read("discrete", 0, 2), Read("input", 0, 1)]
    assert [read.size for read in plan(mapping)] == [2, 2, 2]


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ({**WARM, "kind": "warmth"}, "`kind` is one of"),
        ({**WARM, "kind": ["temperature"]}, "`kind` is one of"),
        ({"kind": "temperature", "type": "int16"}, "`register` is a number from 0 to 65535"),
        ({**WARM, "register": True}, "`register` is a number"),
        ({**WARM, "register": 65535, "type": "float32"}, "from 0 to 65534"),
        ({**WARM, "type": "int8"}, "`type` is one of"),
        ({**WARM, "type": {}}, "`type` is one of"),
        ({**WARM, "function": "register"}, "`function` is one of"),
        ({**WARM, "function": []}, "`function` is one of"),
        ({**WARM, "function": "coil"}, "a coil is a bit"),
        ({**WARM, "order": "middle"}, "`order` is big or little"),
        ({**WARM, "type": "bool"}, "`temperature` is a number"),
        ({**WARM, "kind": "occupied"}, "`occupied` is true or false"),
        ({**WARM, "unit": "F"}, "`unit` of `temperature` is one of Cel"),
        ({**WARM, "kind": "distance"}, "`unit` of `distance` is one of m, mm"),
        ({**WARM, "kind": "power", "unit": ""}, "`unit` of `power` is one of W"),
        ({**WARM, "scale": "0.1"}, "`scale` is for numbers"),
        ({**WARM, "scale": float("nan")}, "`scale` is for numbers"),
        ({**WARM, "scale": 10**400}, "`scale` is for numbers"),
        ({**WARM, "scale": 0}, "`scale` is not 0"),
        ({**WARM, "min": 5, "max": 4}, "`min` is above `max`"),
        ({**WARM, "invalid": 32767}, "`invalid` is a list"),
        ({**WARM, "true_when": 1}, "`true_when` is for bool"),
        ({**WARM, "bit": 1}, "`bit` is for a bool"),
        ({**WARM, "kind": "count"}, "`count` is counted"),
        ({**WARM, "kind": "count", "type": "float32", "scale": 1}, "`count` is counted"),
        ({**WARM, "channel": 1.5}, "`channel` is a number or a short word"),
        ({**WARM, "regster": 1}, "unknown: regster"),
        ({"kind": "occupied", "register": 0, "type": "bool", "bit": 16}, "0 to 15"),
        ({"kind": "occupied", "register": 0, "type": "bool", "bit": 1, "true_when": 1}, "leave one"),
        ({"kind": "occupied", "register": 0, "type": "bool", "scale": 2}, "`scale` is for numbers"),
    ],
)
def test_a_wrong_value_is_told_what_it_needs(entry: Entry, fault: str) -> None:
    wrong = check(values(WARM, entry))
    assert any(text.startswith("value 2") and fault in text for text in wrong), wrong
    with pytest.raises(ValueError, match="the register map cannot be used: value 2"):
        plan(values(WARM, entry))
    with pytest.raises(DecodeError):
        decode_with(Frame("modbus", "test", "1", bytes(4)), Context(mapping=values(WARM, entry)))


@pytest.mark.parametrize(
    "mapping",
    [{}, {"values": []}, {"values": {}}, {"values": [3]}, {"value": [WARM]}, {"values": [WARM] * 201}, {3: 4}],
)
def test_a_map_that_is_none(mapping: Any) -> None:
    assert check(mapping)
    with pytest.raises(ValueError, match="register map"):
        plan(mapping)


def test_two_values_of_one_kind_need_channels() -> None:
    assert "there is another `temperature`" in check(values(WARM, {**WARM, "register": 1}))[0]
    assert check(values(WARM, {**WARM, "register": 1, "channel": "floor"})) == []


def test_every_kind_is_of_the_vocabulary() -> None:
    assert {*BOOLS, *NUMBERS} <= UNITS.keys()
    assert {kind for kind in (*BOOLS, *NUMBERS) if not UNITS[kind]} == set()


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)
entries = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from((*BOOLS, *NUMBERS)) | junk,
        "register": st.integers(0, 9) | junk,
        "type": st.sampled_from(tuple(TYPES)) | junk,
        **dict.fromkeys(("function", "order", "scale", "offset", "unit", "invalid", "min", "max"), junk),
        **dict.fromkeys(("true_when", "bit", "channel", "other"), junk),
    },
)


@given(mapping=st.dictionaries(st.just("values") | st.text(max_size=3), st.lists(entries | junk, max_size=3) | junk))
def test_any_map_is_checked_and_no_map_makes_anything_but_a_decode_error(mapping: dict[str, Any]) -> None:
    wrong = check(mapping)
    size = 0 if wrong else sum(read.size for read in plan(mapping))
    try:
        decode_with(Frame("modbus", "test", "1", bytes(size)), Context(mapping=mapping))
    except DecodeError:
        assert wrong
    else:
        assert not wrong


numbers = {
    "int16": st.integers(-(2**15), 2**15 - 1),
    "uint16": st.integers(0, 2**16 - 1),
    "int32": st.integers(-(2**31), 2**31 - 1),
    "uint32": st.integers(0, 2**32 - 1),
    "float32": st.floats(allow_nan=False, allow_infinity=False, width=32),
}


@given(
    raw=st.sampled_from(tuple(numbers)).flatmap(lambda form: st.tuples(st.just(form), numbers[form])),
    order=st.sampled_from(("big", "little")),
    register=st.integers(0, 65534),
)
def test_a_number_comes_back(raw: tuple[str, float], order: str, register: int) -> None:
    form, number = raw
    data = pack(TYPES[form], number)
    words = [data[at : at + 2] for at in range(0, len(data), 2)]
    payload = b"".join(words if order == "big" else reversed(words))
    entry = {"kind": "pressure", "register": register, "type": form, "order": order}
    (made,) = decode_with(Frame("modbus", "test", "1", payload), Context(mapping=values(entry))).measurements
    assert made.value == pytest.approx(number, rel=1e-9)
    assert (made.kind, made.unit) == ("pressure", "hPa")


def test_the_driver_takes_a_mapping() -> None:
    assert DRIVER.check is check
    with pytest.raises(DecodeError, match="needs a register map"):
        DRIVER.decode(Frame("modbus", "test", "1", b"\x00\x01"))
