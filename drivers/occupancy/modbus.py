"""Any device that is polled over Modbus: what its registers mean stands in office.yaml, not here.

The mapping of a device:

    values:
      - {kind: temperature, register: 0, type: int16, scale: 0.1, invalid: [32767]}
      - {kind: occupied, register: 3, type: bool, function: discrete}

`function` is holding (default), input, coil or discrete. `register` counts from 0, as the wire does (a manual's 40001
is holding register 0). `type` is int16, uint16, int32, uint32, float32 or bool; numbers of two registers have the
higher one first, or last with `order: little`. A number is raw * `scale` + `offset` in `unit`; a raw value in
`invalid`, NaN, and a result below `min` or above `max` give nothing. A bool is true when its raw value is not 0, is one
of `true_when`, or has its `bit` (0 to 15) set; with `false_when` beside `true_when`, a raw value of neither (a fault,
starting up) gives nothing. `channel` tells several values of one kind apart.

A payload is what `plan` asks for, in its order: registers as 2 bytes, high first; coils and discrete inputs as one byte
each, 0 or 1. Source: Modbus Application Protocol V1.1b3, sections 4.2 (encoding), 4.4 (addressing), 6.1 to 6.4 (reads
and how much one may ask for); 32-bit numbers in two registers are custom, not specification.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from struct import pack, unpack
from typing import Any, NamedTuple

from drivers.api import Context, Decoded, DecodeError, Driver, Frame, Measurement, Truncated, Unsupported
from drivers.vocabulary import UNITS

FUNCTIONS: Mapping[str, int] = {"coil": 2000, "discrete": 2000, "holding": 125, "input": 125}
"""Function -> how many one read may ask for."""
BITS = ("coil", "discrete")
TYPES: Mapping[str, str] = {"int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "float32": ">f", "bool": ">H"}
"""Type -> its layout, high register first."""
ORDERS = ("big", "little")
WORDS = (
    "kind", "register", "type", "function", "order", "scale", "offset", "unit", "invalid", "min", "max", "true_when",
    "false_when", "bit", "channel",
)  # fmt: skip
"""What may be said of a value."""
LAST_REGISTER = 0xFFFF
MOST_VALUES = 200
LARGEST = 10**15
"""Of the numbers in a mapping."""

BOOLS = (
    "occupied", "presence", "motion", "moving", "opening", "door", "window", "lock", "tamper", "button", "battery_low",
    "battery_charging", "light", "power", "plug", "running", "problem", "safety", "smoke", "gas_detected",
    "sound_detected", "moisture_detected", "vibration", "heat", "cold", "connectivity", "generic_boolean",
)  # fmt: skip
"""Kinds that are true or false; `button` says `press`, and nothing when it is not pressed."""
WHOLE = (
    "count", "entered_total", "left_total", "entered_period", "left_period", "light_level", "packet_counter",
)  # fmt: skip
"""Kinds that are counted."""
NUMBERS = (
    *WHOLE, "distance", "moving_distance", "still_distance", "temperature", "humidity", "illuminance", "co2",
    "pressure", "sound", "tvoc", "pm2_5", "pm10", "battery", "voltage", "current", "power", "energy", "dewpoint",
    "moisture", "speed", "duration", "volume", "volume_flow_rate", "water", "gas", "uv_index",
)  # fmt: skip


class Read(NamedTuple):
    """One request to the device."""

    function: str
    first: int
    length: int
    """How many registers or bits."""

    @property
    def size(self) -> int:
        """Bytes of its answer in a payload."""
        return self.length * (1 if self.function in BITS else 2)


class _Value(NamedTuple):
    """One entry of a mapping, with its defaults."""

    kind: str
    register: int
    type: str
    function: str
    order: str
    scale: float
    offset: float
    unit: str
    invalid: Sequence[float]
    lowest: float
    highest: float
    true_when: Sequence[int] | None
    false_when: Sequence[int] | None
    bit: int | None
    channel: int | str | None

    @property
    def words(self) -> int:
        """Registers or bits that it takes."""
        return 2 if self.type in ("int32", "uint32", "float32") else 1


def decode(frame: Frame) -> list[Measurement]:
    """Nothing can be read without a register map."""
    raise Unsupported(f"{len(frame.payload)} bytes of registers: needs a register map (mapping)")


def decode_with(frame: Frame, context: Context) -> Decoded:
    """Every value of the mapping that is valid, in its order."""
    try:
        values, reads = _values(context.mapping), plan(context.mapping)
    except ValueError as error:
        raise Unsupported(str(error)) from error
    wanted = sum(read.size for read in reads)
    if len(frame.payload) < wanted:
        raise Truncated(f"{len(frame.payload)} of {wanted} bytes")
    if len(frame.payload) > wanted:
        raise DecodeError(f"{len(frame.payload)} bytes, the register map takes {wanted}")
    made = []
    for value in values:
        raw = _raw(value, _cut(value, reads, frame.payload))
        measured = _boolean(value, raw) if value.type == "bool" else _number(value, raw)
        if measured is not None:
            made.append(measured)
    return Decoded(made)


def plan(mapping: Mapping[str, Any]) -> list[Read]:
    """What to ask the device for, neighbours in one read, in the order of a payload. ValueError: see `check`."""
    made: list[Read] = []
    for value in sorted(_values(mapping), key=lambda value: (value.function, value.register, value.words)):
        end = value.register + value.words
        if made:
            function, first, length = made[-1]
            longer = max(length, end - first)
            # a gap is not read over: registers that a device does not have make it refuse the whole read
            if function == value.function and value.register <= first + length and longer <= FUNCTIONS[function]:
                made[-1] = Read(function, first, longer)
                continue
        made.append(Read(value.function, value.register, value.words))
    return made


def check(mapping: Mapping[str, Any]) -> list[str]:
    """What is wrong with a mapping, a sentence each; empty: it can be read."""
    values = mapping.get("values")
    if unknown := sorted(str(word) for word in mapping if word != "values"):
        return [f"a register map has `values` and nothing else, not {', '.join(unknown)}"]
    if not isinstance(values, list) or not values:
        return ["a register map needs `values`, a list of what to read"]
    if len(values) > MOST_VALUES:
        return [f"a register map has at most {MOST_VALUES} values, not {len(values)}"]
    wrong: list[str] = []
    known: set[tuple[str, int | str | None]] = set()
    for number, entry in enumerate(values, 1):
        if not isinstance(entry, Mapping):
            wrong.append(f"value {number} is not a list of words like `kind: temperature`")
            continue
        name = f"value {number} ({entry['kind']})" if isinstance(entry.get("kind"), str) else f"value {number}"
        faults = list(_faults(entry))
        wrong += (f"{name}: {fault}" for fault in faults)
        if not faults:
            key = (entry["kind"], entry.get("channel"))
            if key in known:
                wrong.append(f"{name}: there is another `{entry['kind']}`; give each its own `channel`")
            known.add(key)
    return wrong


def _faults(entry: Mapping[str, Any]) -> Iterator[str]:
    if unknown := sorted(str(word) for word in entry if word not in WORDS):
        yield f"unknown: {', '.join(unknown)}; known are {', '.join(WORDS)}"
    yield from _faults_of_place(entry)
    yield from _faults_of_meaning(entry)


def _faults_of_place(entry: Mapping[str, Any]) -> Iterator[str]:
    """Where it stands and how it is laid out."""
    function, form = entry.get("function", "holding"), entry.get("type")
    if not isinstance(function, str) or function not in FUNCTIONS:
        yield f"`function` is one of {', '.join(FUNCTIONS)}"
    if not isinstance(form, str) or form not in TYPES:
        yield f"`type` is one of {', '.join(TYPES)}"
    elif function in BITS and form != "bool":
        yield f"a {function} is a bit; its `type` is bool"
    last = LAST_REGISTER - (form in ("int32", "uint32", "float32"))
    if not _whole(entry.get("register"), 0, last):
        yield f"`register` is a number from 0 to {last}"
    if entry.get("order", "big") not in ORDERS:
        yield "`order` is big or little"


def _faults_of_meaning(entry: Mapping[str, Any]) -> Iterator[str]:
    """What it says."""
    kind, form = entry.get("kind"), entry.get("type")
    if not isinstance(kind, str) or kind not in (*BOOLS, *NUMBERS):
        yield f"`kind` is one of {', '.join(dict.fromkeys((*BOOLS, *NUMBERS)))}"
    elif form == "bool" and kind not in BOOLS:
        yield f"`{kind}` is a number; bool is no type for it"
    elif form != "bool" and kind not in NUMBERS:
        yield f"`{kind}` is true or false; its `type` is bool"
    else:
        yield from _faults_of_unit(entry, kind)
    for word in ("scale", "offset", "min", "max"):
        if word in entry and (form == "bool" or not _finite(entry[word])):
            yield f"`{word}` is for numbers, and is a number itself"
    if _finite(entry.get("min")) and _finite(entry.get("max")) and entry["min"] > entry["max"]:
        yield "`min` is above `max`"
    if entry.get("scale") == 0:
        yield "`scale` is not 0"
    if kind in WHOLE and (form == "float32" or not all(_whole(entry.get(word, 1)) for word in ("scale", "offset"))):
        yield f"`{kind}` is counted; it needs a whole type, `scale` and `offset`"
    if "invalid" in entry and not _list_of(entry["invalid"], _finite):
        yield "`invalid` is a list of numbers"
    for word in ("true_when", "false_when"):
        if word in entry and (form != "bool" or not (_whole(entry[word]) or _list_of(entry[word]))):
            yield f"`{word}` is for bool, and is a whole number or a list of them"
    if "false_when" in entry and "true_when" not in entry:
        yield "`false_when` stands beside `true_when`"
    if "bit" in entry:
        bits = form == "bool" and entry.get("function", "holding") not in BITS
        if not bits or not _whole(entry["bit"], 0, 15):
            yield "`bit` is for a bool in a register, and is 0 to 15"
        elif "true_when" in entry:
            yield "`bit` and `true_when` are two ways to say the same; leave one"
    channel = entry.get("channel")
    if channel is not None and not _whole(channel) and not (isinstance(channel, str) and 0 < len(channel) <= 32):
        yield "`channel` is a number or a short word"


def _faults_of_unit(entry: Mapping[str, Any], kind: str) -> Iterator[str]:
    units = _units(kind, entry.get("type") == "bool")
    if entry.get("unit", units[0] if len(units) == 1 else None) not in units:
        yield f"`unit` of `{kind}` is one of {', '.join(units) or '(none)'}"


def _units(kind: str, is_bool: bool) -> tuple[str, ...]:
    """Those that fit; `power` is watts, or on and off."""
    return tuple(unit for unit in UNITS[kind] if kind != "power" or (unit == "") == is_bool)


def _whole(value: object, lowest: float = -(2**63), highest: float = 2**63) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST


def _list_of(values: object, fits: Any = _whole) -> bool:
    return isinstance(values, list) and bool(values) and all(map(fits, values))


def _values(mapping: Mapping[str, Any]) -> list[_Value]:
    """Raises ValueError with the first fault."""
    wrong = check(mapping)
    if wrong:
        raise ValueError(f"the register map cannot be used: {wrong[0]}")
    return [_value(entry) for entry in mapping["values"]]


def _value(entry: Mapping[str, Any]) -> _Value:
    return _Value(
        kind=entry["kind"],
        register=entry["register"],
        type=entry["type"],
        function=entry.get("function", "holding"),
        order=entry.get("order", "big"),
        scale=entry.get("scale", 1),
        offset=entry.get("offset", 0),
        unit=entry.get("unit", _units(entry["kind"], entry["type"] == "bool")[0]),
        invalid=[_as_float32(raw) if entry["type"] == "float32" else raw for raw in entry.get("invalid", ())],
        lowest=entry.get("min", float("-inf")),
        highest=entry.get("max", float("inf")),
        true_when=_numbers(entry.get("true_when")),
        false_when=_numbers(entry.get("false_when")),
        bit=entry.get("bit"),
        channel=entry.get("channel"),
    )


def _numbers(said: int | Sequence[int] | None) -> Sequence[int] | None:
    return [said] if isinstance(said, int) else said


def _as_float32(number: float) -> float:
    """-9999.9 as a device can send it."""
    raw: float = unpack(">f", pack(">f", number))[0]
    return raw


def _cut(value: _Value, reads: Sequence[Read], payload: bytes) -> bytes:
    """The bytes of one value."""
    at = 0
    for read in reads:
        inside = value.register - read.first
        if read.function == value.function and inside >= 0 and inside + value.words <= read.length:
            width = read.size // read.length
            return payload[at + inside * width : at + (inside + value.words) * width]
        at += read.size
    raise AssertionError("plan() reads every value")  # pragma: no cover


def _raw(value: _Value, data: bytes) -> float:
    if value.function in BITS:
        if data[0] > 1:
            raise DecodeError(f"{value.function} {value.register} is {data[0]}, neither 0 nor 1")
        return data[0]
    if value.order == "little":
        data = data[2:] + data[:2]
    raw: float = unpack(TYPES[value.type], data)[0]
    return raw


def _boolean(value: _Value, raw: float) -> Measurement | None:
    if raw in value.invalid:
        return None
    if value.bit is not None:
        state = bool(int(raw) >> value.bit & 1)
    else:
        state = raw != 0 if value.true_when is None else raw in value.true_when
        if not state and value.false_when is not None and raw not in value.false_when:
            return None
    if value.kind == "button":
        return Measurement("button", "press", channel=value.channel) if state else None
    return Measurement(value.kind, state, channel=value.channel)


def _number(value: _Value, raw: float) -> Measurement | None:
    if not isfinite(raw) or raw in value.invalid:
        return None
    number = raw * value.scale + value.offset
    if not isfinite(number) or not value.lowest <= number <= value.highest:
        return None
    if isinstance(number, float):
        number = float(f"{number:.10g}")  # 234 * 0.1 is 23.4, not 23.400000000000002
    return Measurement(value.kind, number, value.unit, value.channel)


DRIVER = Driver(
    name="modbus",
    title="Any Modbus RTU or TCP device, by its register map",
    media=("modbus",),
    modality="environment",
    mixed=True,
    decode=decode,
    decode_with=decode_with,
    check=check,
    kinds=tuple(dict.fromkeys((*BOOLS, *NUMBERS))),
    checked="2026-11-26",
)
"""`expect_s` stays None: how often a device is asked is its source's `poll_s`."""
