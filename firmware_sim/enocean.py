"""The packets of an EnOcean ESP3 gateway (USB 300, TCM 310) that hears sensors and switches, encode only.

ESP3 V1.27: 57600 baud; 55, data length (2 bytes, big-endian), optional length, packet type, CRC8 of these four, data,
optional data, CRC8 of both. RADIO_ERP1 (type 1) has RORG, the sensor's bytes, the sender's id, status; and as optional
data the number of subtelegrams, destination, best dBm without its sign, security level. The sensors' bytes follow their
equipment profiles (EEP 2.6.x).
"""

from __future__ import annotations

RADIO_ERP1 = 0x01
RESPONSE = 0x02
EVENT = 0x04
COMMON_COMMAND = 0x05

RPS, ONE_BS, FOUR_BS, VLD, UTE = 0xF6, 0xD5, 0xA5, 0xD2, 0xD4

ROCKERS = {"ai": 0, "ao": 1, "bi": 2, "bo": 3}
"""The buttons of a double rocker."""

_DATA, _TEACH_IN = 0x08, 0x00
"""LRN bit."""


def crc8(data: bytes) -> int:
    """Of ESP3: polynomial x^8 + x^2 + x + 1, from 0."""
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value << 1 ^ (0x107 if value & 0x80 else 0)) & 0x1FF
    return value


def packet(kind: int, data: bytes, optional: bytes = b"") -> bytes:
    """Any packet."""
    head = len(data).to_bytes(2, "big") + bytes((len(optional), kind))
    return b"\x55" + head + bytes((crc8(head),)) + data + optional + bytes((crc8(data + optional),))


def response(code: int = 0) -> bytes:
    """What the gateway itself answers to a command: RET_OK and its errors."""
    return packet(RESPONSE, bytes((code,)))


def radio(rorg: int, data: bytes, sender: int, status: int = 0, *, dbm: int = -55) -> bytes:
    """A telegram as the gateway passes it on."""
    telegram = bytes((rorg,)) + data + sender.to_bytes(4, "big") + bytes((status,))
    return packet(RADIO_ERP1, telegram, b"\x01\xff\xff\xff\xff" + bytes((-dbm, 0)))


def four_bs(sender: int, *db: int) -> bytes:
    """A 4BS telegram of DB_3, DB_2, DB_1, DB_0."""
    return radio(FOUR_BS, bytes(db), sender)


def pir(sender: int, motion: bool, volts: float | None = None) -> bytes:
    """A5-07-01; without `volts` the sensor does not know its supply voltage."""
    supply = 0 if volts is None else round(volts * 50)
    return four_bs(sender, supply, 0, 0xFF if motion else 0, _DATA | (volts is not None))


def pir_with_light(sender: int, motion: bool, volts: float, lux: int) -> bytes:
    """A5-07-03; over 1000 lx the sensor says so and gives no number."""
    light = min(lux, 1001)
    return four_bs(sender, round(volts * 50), light >> 2, (light & 3) << 6, _DATA | motion << 7)


def room_sensor(sender: int, motion: bool, volts: float, lux: float, celsius: float, *, pressed: bool = False) -> bytes:
    """A5-08-01: PIR, light up to 510 lx, 0 to 51 degrees, and its occupancy button."""
    low = (not motion) << 1 | (not pressed)
    return four_bs(sender, round(volts * 50), round(min(lux, 510) / 2), round(celsius * 5), _DATA | low)


def contact(sender: int, opened: bool) -> bytes:
    """D5-00-01: a magnet contact on a door or a window."""
    return radio(ONE_BS, bytes((_DATA | (not opened),)), sender)


def rocker(sender: int, *buttons: str) -> bytes:
    """F6-02-01: one or two buttons held down; none of them: let go."""
    if not buttons:
        return radio(RPS, b"\x00", sender, 0x20)
    data = ROCKERS[buttons[0]] << 5 | 0x10
    if len(buttons) > 1:
        data |= ROCKERS[buttons[1]] << 1 | 0x01
    return radio(RPS, bytes((data,)), sender, 0x30)


def temperature(sender: int, celsius: float) -> bytes:
    """A5-02-05: 0 to 40 degrees; the byte falls as it gets warmer."""
    return four_bs(sender, 0, 0, 255 - round(celsius * 255 / 40), _DATA)


def climate(sender: int, celsius: float | None, humidity: float) -> bytes:
    """A5-04-01: 0 to 40 degrees and relative humidity; without a temperature sensor the bit for it is 0."""
    warmth = 0 if celsius is None else round(celsius * 250 / 40)
    return four_bs(sender, 0, round(humidity * 2.5), warmth, _DATA | (celsius is not None) << 1)


def four_bs_teach_in(sender: int, function: int, kind: int, maker: int) -> bytes:
    """4BS teach-in, variation 2: profile (6 and 7 bits) and maker (11 bits)."""
    says = function << 26 | kind << 19 | maker << 8 | 0x80 | _TEACH_IN
    return radio(FOUR_BS, says.to_bytes(4, "big"), sender)


def one_bs_teach_in(sender: int) -> bytes:
    """D5: the button of a contact held down."""
    return radio(ONE_BS, bytes((_TEACH_IN,)), sender)


def universal_teach_in(sender: int, profile: tuple[int, int, int], maker: int) -> bytes:
    """UTE query of a bidirectional device: channels (all), maker, and the profile from its type to its RORG."""
    rorg, function, kind = profile
    return radio(UTE, bytes((0xA0, 0xFF, maker & 0xFF, maker >> 8, kind, function, rorg)), sender)
