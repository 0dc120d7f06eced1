"""What the objects of a MiBeacon frame mean, by id.

Ids up to 0x3FFF are listed by the maker. Those from 0x4000 point into the product's MIoT specification: bits 10 to 13
the service, bit 9 set for an event, bits 0 to 8 an instance number less 1000. Such numbers mean the same in every
service and product, except the "customized" ones. Sources: see mibeacon.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import exp, isfinite
from struct import Struct

from drivers.api import DecodeError, Measurement, Truncated

_F32 = Struct("<f")
OPEN, CLOSED = (Measurement("opening", True),), (Measurement("opening", False),)
OCCUPIED, VACANT = (Measurement("occupied", True),), (Measurement("occupied", False),)
TAMPER, PROBLEM = Measurement("tamper", True), Measurement("problem", True)
SINGLE, DOUBLE, LONG, TRIPLE = "single_press", "double_press", "long_press", "triple_press"

Reader = Callable[[bytes, int], list[Measurement]]
"""(value, product) -> what an object says. Raises DecodeError for a wrong length."""


def reader(number: int, product: int) -> Reader | None:
    """Of the object with this id; None: nobody knows what it means."""
    if number < 0x4000:
        return _OBJECTS.get(number)
    if number >= 0x8000:
        return None
    instance = number & 0x01FF
    if number & 0x0200:
        return _EVENTS.get(instance) or _CUSTOMIZED_EVENTS.get((product, instance))
    return _PROPERTIES.get(instance)


def _sized(value: bytes, size: int) -> bytes:
    if len(value) < size:
        raise Truncated(f"{len(value)} of {size} bytes of a value")
    if len(value) > size:
        raise DecodeError(f"{len(value)} bytes in a value of {size}")
    return value


# --- how a value is written -----------------------------------------------------------------------------------------


def _number(
    kind: str,
    unit: str,
    size: int,
    *,
    per: int = 1,
    times: int = 1,
    signed: bool = False,
    most: int | None = None,
    channel: str | None = None,
) -> Reader:
    """A whole number; more than `most` (as it is written) is none."""

    def read(value: bytes, _product: int) -> list[Measurement]:
        number = int.from_bytes(_sized(value, size), "little", signed=signed)
        if most is not None and number > most:
            return []
        return [Measurement(kind, number * times if per == 1 else number / per, unit, channel)]

    return read


def _float(kind: str, unit: str, *, most: float | None = None) -> Reader:
    def read(value: bytes, _product: int) -> list[Measurement]:
        (number,) = _F32.unpack(_sized(value, _F32.size))
        if not isfinite(number) or (most is not None and not 0 <= number <= most):
            return []
        return [Measurement(kind, round(number, 2), unit)]

    return read


def _states(states: Mapping[int, Sequence[Measurement]]) -> Reader:
    """By the first byte; a time or parameters may follow it. A state that is not listed says nothing."""

    def read(value: bytes, _product: int) -> list[Measurement]:
        if not value:
            raise Truncated("a state without its byte")
        return list(states.get(value[0], ()))

    return read


def _flag(kind: str, channel: str | None = None) -> Reader:
    return _states({0: (Measurement(kind, False, "", channel),), 1: (Measurement(kind, True, "", channel),)})


def _alarm(kind: str) -> Reader:
    """2: the device has failed. What is higher is a test, or warming up."""
    return _states({0: (Measurement(kind, False),), 1: (Measurement(kind, True),), 2: (PROBLEM,)})


def _percent(kind: str, unit: str = "%") -> Reader:
    return _number(kind, unit, 1, most=100)


def _lux(*, moved: bool) -> Reader:
    """3 bytes. Some devices know only dark and light, and write 0 or 1, and 100 or 256."""

    def read(value: bytes, product: int) -> list[Measurement]:
        lux = int.from_bytes(_sized(value, 3), "little")
        made = [Measurement("motion", True)] if moved else []
        if product in _DARK_OR_LIGHT:
            made.append(Measurement("light", lux >= 100))
            if moved:  # 1007 is defined as lux, so it is passed on as well
                return made
        return [*made, Measurement("illuminance", lux, "lx")]

    return read


# --- objects that need more than a table ----------------------------------------------------------------------------


def _near(value: bytes, _product: int) -> list[Measurement]:
    """Somebody came near. It is what motion sensors without a light sensor send."""
    return [Measurement("motion", not value or value[0] != 0)]


def _idle(value: bytes, _product: int) -> list[Measurement]:
    """Seconds without motion; 0: somebody moves. 1017 has 4 bytes, number 1024 has 2."""
    if len(value) not in (2, 4):
        raise DecodeError(f"{len(value)} bytes of idle time")
    seconds = int.from_bytes(value, "little")
    return [Measurement("motion", seconds == 0), Measurement("duration", seconds, "s", "idle")]


def _idle_long(value: bytes, _product: int) -> list[Measurement]:
    """Nobody moved for as long as the owner chose; 0: somebody moves."""
    if not value:
        raise Truncated("a state without its byte")
    return [Measurement("motion", not any(value))]


def _occupied(value: bytes, product: int) -> list[Measurement]:
    """0: nobody. Higher numbers say how somebody moves, but for one product: 2 is nobody there, and others unknown."""
    if len(value) not in (1, 4):
        raise DecodeError(f"{len(value)} bytes of occupancy")
    state = int.from_bytes(value, "little")
    if product == _XMOSB01XS:
        return list({0: VACANT, 1: OCCUPIED, 2: VACANT}.get(state, ()))
    return [Measurement("occupied", state > 0)]


def _climate(value: bytes, product: int) -> list[Measurement]:
    _sized(value, 4)
    return _TEMPERATURE(value[:2], product) + _HUMIDITY(value[2:], product)


def _kettle(value: bytes, _product: int) -> list[Measurement]:
    state, degrees = _sized(value, 2)
    return [
        Measurement("power", state in (1, 2, 3)),
        Measurement("temperature", degrees - 256 if degrees > 127 else degrees, "Cel"),
    ]


def _body_temperature(value: bytes, _product: int) -> list[Measurement]:
    """0: not measured."""
    degrees = int.from_bytes(_sized(value, 2), "little", signed=True)
    return [Measurement("temperature", degrees / 100, "Cel")] if degrees else []


def _patch(value: bytes, product: int) -> list[Measurement]:
    """Thermometer MMC-T201: skin, board, battery. The maker's formula is not known; this fits its app, 36.5 to 37.8."""
    _sized(value, 5)
    skin = int.from_bytes(value[:2], "little", signed=True) / 100
    board = int.from_bytes(value[2:4], "little", signed=True) / 100
    body = 3.71934e-11 * exp(0.69314 * skin) - 1.02801e-8 * exp(0.53871 * board) + 36.413
    made = [Measurement("temperature", round(body, 6), "Cel")] if 30 <= body <= 45 else []
    return made + _BATTERY(value[4:], product)


def _lock(value: bytes, _product: int) -> list[Measurement]:
    """What was done, 4 bits, and how, 4 bits; who did it, or what went wrong, 4 bytes; when. Who, is left out."""
    if len(value) != 9:
        raise DecodeError(f"{len(value)} bytes of a lock event")
    wrong = _LOCK_TROUBLE.get(int.from_bytes(value[1:5], "little"))
    if wrong is not None:
        return [wrong]
    unlocked = _LOCK_ACTIONS.get(value[0] & 0x0F)
    return [] if unlocked is None else [Measurement("lock", unlocked)]


def _bolts(value: bytes, _product: int) -> list[Measurement]:
    """Bits 0 and 1: bolts that are out. The latch (bit 2) holds a door that is not locked."""
    return [Measurement("lock", not _sized(value, 1)[0] & 0x03)]


def _door_state(value: bytes, product: int) -> list[Measurement]:
    state = _sized(value, 1)[0]
    if state > 1:
        return [PROBLEM] if state == 0xFF else []
    return [Measurement("opening", (state == 1) if product == _SAFE_BOX else (state == 0))]


def _button(value: bytes, product: int) -> list[Measurement]:
    """Key number, 2 bytes, and how it was pressed."""
    _sized(value, 3)
    key, how = value[0], value[2]
    if product == _DIMMER:
        return _dimmer(value)
    if product == _CUBE:
        turn = {0: "rotate_right", 1: "rotate_left"}.get(key)
        return [] if turn is None else [Measurement("button", turn)]
    if product in _WALL_SWITCHES:
        word, keys = _WALL_PRESSES.get(how), _WALL_SWITCHES[product].get(key, ())
    else:
        word, keys = _PRESSES.get(how), (key,)
    return [] if word is None else [Measurement("button", word, "", one) for one in keys]


def _dimmer(value: bytes) -> list[Measurement]:
    """A knob that is pressed (3, 5, 6: which or how often, how long) and turned (4: steps, to the left below zero)."""
    pressed, steps, how = value
    if how == 4:
        turned = pressed or steps
        side, number = ("right", turned) if turned <= 127 else ("left", 256 - turned)
        return [Measurement("dimmer", [f"rotate_{side}{'_pressed' if pressed else ''}", number])]
    word = LONG if how == 6 or (how == 3 and pressed == 1) else SINGLE if how in (0, 3, 5) else None
    return [] if word is None else [Measurement("button", word)]


def _click(word: str) -> Reader:
    """Pressed in one way; the parameter, if any, says which key, by product."""

    def read(value: bytes, product: int) -> list[Measurement]:
        if product == _K9BB:
            how = _K9BB_PRESSES.get(value[0]) if value else None
            return [] if how is None else [Measurement("button", how)]
        keys = _KEYS.get(product)
        if keys is None:
            return [Measurement("button", word)]
        return [Measurement("button", word, "", key) for key in keys.get(value[0] if value else -1, ())]

    return read


def _moved(value: bytes, product: int) -> list[Measurement]:
    """Somebody moves, and how light it is."""
    made = [Measurement("motion", True)]
    return made + _ILLUMINANCE(value, product) if value else made


def _nothing(_value: bytes, _product: int) -> list[Measurement]:
    """Known, and of no use here."""
    return []


# --- products that do it in their own way ---------------------------------------------------------------------------

_XMOSB01XS, _SAFE_BOX, _DIMMER, _CUBE, _K9BB = 0x4683, 0x09B0, 0x03B6, 0x04E1, 0x1C10
_DARK_OR_LIGHT = frozenset((0x07F6, 0x0A8D, 0x098B))
"""MJYD02YL, RTCGQ02LM, MCCGQ02HL."""
_PRESSES = {0: SINGLE, 1: DOUBLE, 2: LONG, 3: TRIPLE}
_WALL_PRESSES = {0: SINGLE, 1: LONG, 2: DOUBLE}
_K9BB_PRESSES = {1: SINGLE, 8: LONG, 15: DOUBLE}
_Keys = Mapping[int, tuple[int | str | None, ...]]
_WALL_SWITCHES: Mapping[int, _Keys] = {
    0x1568: {0: (None,)},  # K9B, one key
    0x1569: {0: ("left",), 1: ("right",), 2: ("left", "right")},
    0x0DFD: {
        0: ("left",),
        1: ("middle",),
        2: ("right",),
        3: ("left", "middle"),
        4: ("middle", "right"),
        5: ("left", "right"),
        6: ("left", "middle", "right"),
    },
}
"""Product -> key number -> keys that were pressed together."""
_KEYS: Mapping[int, _Keys] = {
    0x1949: {1: ("left",), 2: ("right",), 3: ("left", "right")},  # XMWXKG01YL
    0x5968: {0: ("left",), 1: ("right",)},  # XMWS01XS
    0x3A61: {key: (key,) for key in range(1, 5)},  # KS1
    0x3E17: {key: (key,) for key in range(1, 5)},  # KS1BP
}
_LOCK_ACTIONS = {0: True, 1: False, 2: False, 4: True, 5: False, 8: False}
"""True: unlocked. Taking back a second bolt (3), and child locks (6, 7), say nothing of the first bolt."""
_LOCK_TROUBLE = {
    0xC0DE0003: TAMPER,
    0xC0DE0010: TAMPER,
    0xC0DE1000: Measurement("battery_low", True),
    0xC0DE1001: Measurement("battery_low", True),
    0xC0DE1003: Measurement("battery_low", True),
    0xC0DE1004: PROBLEM,
    0xC0DE1005: PROBLEM,
}

# --- what the numbers mean ------------------------------------------------------------------------------------------

_TEMPERATURE = _number("temperature", "Cel", 2, per=10, signed=True)
_HUMIDITY = _number("humidity", "%RH", 2, per=10, most=1000)
_BATTERY = _percent("battery")
_ILLUMINANCE = _float("illuminance", "lx")

_OBJECTS: Mapping[int, Reader] = {
    # pairing, going away, fingers, arming, gestures, toothbrushes, weights
    **dict.fromkeys((0x0001, 0x0002, 0x0004, 0x0006, 0x0008, 0x0009, 0x0010, 0x0012, 0x101A), _nothing),
    # sleep, signal, formaldehyde, pairing, consumables; makers' own events
    **dict.fromkeys((0x1002, 0x1003, 0x1010, 0x1011, 0x1013, 0x3000, 0x3001, 0x3002, 0x3003), _nothing),
    0x0003: _near,
    # knocking is heard on a closed door; a door that is forced or stuck is not said to be closed
    0x0007: _states({0: OPEN, 1: CLOSED, 2: OPEN, 3: CLOSED, 4: (*OPEN, TAMPER), 5: (PROBLEM,)}),
    0x000A: _body_temperature,
    0x000B: _lock,
    0x000C: _flag("moisture_detected"),
    0x000D: _alarm("smoke"),
    0x000E: _alarm("gas_detected"),
    0x000F: _lux(moved=True),
    0x0011: _states({0: (Measurement("motion", True),), 1: (Measurement("motion", True),), 4: (TAMPER,)}),
    0x1001: _button,
    0x1004: _TEMPERATURE,
    0x1005: _kettle,
    0x1006: _HUMIDITY,
    0x1007: _lux(moved=False),
    0x1008: _percent("moisture"),
    0x1009: _number("conductivity", "uS/cm", 2),
    0x100A: _BATTERY,
    0x100D: _climate,
    0x100E: _bolts,
    0x100F: _door_state,
    0x1012: _flag("power"),
    0x1014: _flag("moisture_detected"),
    0x1015: _alarm("smoke"),
    0x1016: _alarm("gas_detected"),
    0x1017: _idle,
    0x1018: _flag("light"),
    0x1019: _states({0: OPEN, 1: CLOSED, 2: OPEN}),
    0x101B: _idle_long,
    0x101C: _flag("occupied"),
    0x2000: _patch,
}
"""Listed by the maker."""

_PROPERTIES: Mapping[int, Reader] = {
    1: _float("temperature", "Cel"),
    2: _percent("humidity", "%RH"),
    3: _BATTERY,
    4: _states({1: OPEN, 2: CLOSED}),
    5: _ILLUMINANCE,
    6: _flag("moisture_detected"),
    8: _float("humidity", "%RH", most=100),
    12: _states({0: OPEN, 1: CLOSED}),
    16: _states({2: (Measurement("button", DOUBLE),)}),  # asleep or not, and a tap on it
    24: _idle,
    34: _states({state: (Measurement("battery_charging", state == 0),) for state in range(3)}),
    60: _flag("occupied"),  # something presses on the seat
    61: _number("duration", "s", 4, channel="occupied"),
    62: _number("duration", "s", 4, channel="vacant"),
    78: _occupied,
    79: _number("duration", "s", 1, times=60, channel="vacant"),
    80: _number("duration", "s", 1, times=60, channel="occupied"),
    81: _number("duration", "s", 1, times=60, channel="occupied"),
    82: _number("duration", "s", 1, times=60, channel="vacant"),
    96: _occupied,
    123: _flag("moisture_detected", "top"),
}
"""Instance numbers less 1000, of any service."""

_EVENTS: Mapping[int, Reader] = {
    1: lambda value, _product: [Measurement("battery_low", not value or value[0] != 0)],
    8: _moved,
    12: _click(SINGLE),
    13: _click(DOUBLE),
    14: _click(LONG),
    15: _states({1: (*OPEN, TAMPER)}),  # torn off
    18: _states({1: OPEN, 2: CLOSED}),
    19: _states({1: (Measurement("button", SINGLE),)}),
    26: _states({1: OPEN}),  # for too long
    28: _nothing,  # set back to what it was when it was new
    104: _states(
        {
            0: (Measurement("moisture_detected", True),),
            1: (Measurement("moisture_detected", False),),
            2: (Measurement("moisture_detected", True, "", "top"),),
            3: (Measurement("moisture_detected", False, "", "top"),),
        }
    ),
}

_IN_BED = _states({1: OCCUPIED, 2: VACANT, 3: (Measurement("button", DOUBLE),)})
_CUSTOMIZED_EVENTS: Mapping[tuple[int, int], Reader] = {
    (0x20DB, 22): _IN_BED,  # MJZNZ018H
    (0x18E3, 22): _IN_BED,  # ZX1
    (0x18E3, 23): _states({1: VACANT}),
}
"""(Product, instance number less 1000): what each product means by it."""
