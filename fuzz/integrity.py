"""Checksums and parities once more, apart from the drivers: what says whether a damaged frame may be believed.

Written from the specifications, sharing no code with drivers/: RDM6300 data sheet and ID Innovations ID-2/12/20 LA data
sheet (exclusive or of the five bytes); EM Microelectronic EM4100 data sheet (row and column parities); Sygonix 1582020
manual, page 49 (Wiegand 26, 34, 37) and the public tables of Corporate 1000 (35, 48); 7941D reader module (exclusive
or); SIA OSDP v2.2, annexes C and D (CRC-16 and checksum); EnOcean Serial Protocol 3, CRC8.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from random import Random
from typing import NamedTuple

HEX = b"0123456789ABCDEF"


class Check(NamedTuple):
    """How frames of one driver are protected."""

    what: str
    holds: Callable[[bytes], bool]
    """Whether a frame may be believed."""
    make: Callable[[Random], bytes]
    """A good frame."""
    seal: Callable[[bytes], bytes]
    """The same with its check computed anew, as far as it has the shape of a frame."""
    reach: Callable[[bytes], range] = lambda frame: range(8 * len(frame))
    """The bits that damage on the way may reach, the first one highest; empty: this frame has no check."""


def flipped(frame: bytes, bits: Iterable[int]) -> bytes:
    """With these bits the other way round."""
    made = bytearray(frame)
    for bit in bits:
        made[bit >> 3] ^= 0x80 >> (bit & 7)
    return bytes(made)


def _exclusive_or(data: bytes) -> int:
    value = 0
    for byte in data:
        value ^= byte
    return value


# --- 02, ten hexadecimal digits, two of exclusive or, end ------------------------------------------------------------


def _ascii_reader(end: bytes) -> Check:
    form = re.compile(rb"\x02([0-9A-Fa-f]{12})" + end)

    def holds(frame: bytes) -> bool:
        found = form.fullmatch(frame)
        return found is not None and _exclusive_or(bytes.fromhex(found[1].decode())) == 0

    def written(number: bytes) -> bytes:
        return b"\x02" + (number + bytes((_exclusive_or(number),))).hex().upper().encode() + end

    def seal(frame: bytes) -> bytes:
        digits = bytes(byte if byte in HEX else HEX[byte & 15] for byte in frame[1:11])
        return written(bytes.fromhex(digits.decode())) if len(digits) == 10 else frame

    return Check("exclusive or of five bytes", holds, lambda rng: written(rng.randbytes(5)), seal)


# --- EM4100 off the air ----------------------------------------------------------------------------------------------


def _air_bits(number: bytes) -> str:
    rows = [f"{nibble:04b}" for byte in number for nibble in (byte >> 4, byte & 15)]
    columns = "".join(str(sum(int(row[at]) for row in rows) % 2) for at in range(4))
    return "1" * 9 + "".join(row + str(row.count("1") % 2) for row in rows) + columns + "0"


def _air(number: bytes) -> bytes:
    return int(_air_bits(number), 2).to_bytes(8, "big")


def _air_holds(frame: bytes) -> bool:
    """A tag id of five bytes, as a reader hands it on, has no check."""
    return len(frame) == 5 or (len(frame) == 8 and _air_seal(frame) == frame)


def _air_seal(frame: bytes) -> bytes:
    bits = f"{int.from_bytes(frame, 'big'):064b}"
    rows = [bits[at : at + 4] for at in range(9, 59, 5)]
    return _air(int("".join(rows), 2).to_bytes(5, "big")) if len(frame) == 8 else frame


# --- Wiegand ---------------------------------------------------------------------------------------------------------

_EVEN_ODD = {26: 13, 34: 17, 37: 19}
"""Bits of the first half, with its even parity in front; as many of the last, with its odd one behind."""


def _wiegand_groups(length: int) -> list[tuple[range | list[int], int, int]]:
    """(bits, what they count to modulo 2, the parity bit among them), in the order in which they are computed."""
    if length in _EVEN_ODD:
        half = _EVEN_ODD[length]
        return [(range(half), 0, 0), (range(length - half, length), 1, length - 1)]
    if length == 35:
        even = [1, *(bit for bit in range(2, 34) if (bit - 2) % 3 != 2)]
        odd = [*(bit for bit in range(1, 34) if (bit - 1) % 3 != 2), 34]
        return [(even, 0, 1), (odd, 1, 34), (range(35), 1, 0)]
    if length == 48:
        even = [1, *(bit for bit in range(3, 47) if (bit - 3) % 3 != 2)]
        odd = [*(bit for bit in range(2, 47) if (bit - 2) % 3 != 2), 47]
        return [(even, 0, 1), (odd, 1, 47), (range(48), 1, 0)]
    return []


_GROUPS = {length: _wiegand_groups(length) for length in (26, 34, 35, 37, 48)}


def _bits_hold(bits: str) -> bool:
    return all(sum(bits[bit] == "1" for bit in group) % 2 == parity for group, parity, _ in _GROUPS.get(len(bits), ()))


def _bits_seal(bits: str) -> str:
    made = list(bits)
    for group, parity, where in _GROUPS.get(len(bits), ()):
        made[where] = "0"
        made[where] = str(sum(made[bit] == "1" for bit in group) % 2 ^ parity)
    return "".join(made)


def _bits_of(frame: bytes) -> str | None:
    """None for what is no counted message."""
    if not frame or len(frame) != 1 + (frame[0] + 7) // 8:
        return None
    return "".join(f"{byte:08b}" for byte in frame[1:])[: frame[0]]


def _counted(bits: str) -> bytes:
    whole = bits + "0" * (-len(bits) % 8)
    return bytes((len(bits),)) + bytes(int(whole[at : at + 8], 2) for at in range(0, len(whole), 8))


def _wiegand_holds(frame: bytes) -> bool:
    """A key of six bits has parities, one of eight its complement; other lengths have no check that is known."""
    bits = _bits_of(frame)
    if bits is None:
        return False
    if len(bits) == 6:
        return bits[:3].count("1") % 2 == 0 and bits[3:].count("1") % 2 == 1
    if len(bits) == 8:
        return all(high != low for high, low in zip(bits[:4], bits[4:], strict=True))
    return _bits_hold(bits)


def _wiegand_make(rng: Random) -> bytes:
    length = rng.choice(list(_GROUPS))
    return _counted(_bits_seal(f"{rng.getrandbits(length):0{length}b}"))


def _wiegand_seal(frame: bytes) -> bytes:
    bits = _bits_of(frame)
    return frame if bits is None else _counted(_bits_seal(bits))


_BITS_LINE = re.compile(rb"\n([01]+)\r")


def _line_holds(frame: bytes) -> bool:
    found = _BITS_LINE.fullmatch(frame)
    return found is not None and len(found[1]) in _EVEN_ODD and _bits_hold(found[1].decode())


def _line_make(rng: Random) -> bytes:
    length = rng.choice(list(_EVEN_ODD))
    return b"\n" + _bits_seal(f"{rng.getrandbits(length):0{length}b}").encode() + b"\r"


def _line_seal(frame: bytes) -> bytes:
    found = _BITS_LINE.fullmatch(frame)
    return frame if found is None else b"\n" + _bits_seal(found[1].decode()).encode() + b"\r"


# --- 7941: 02, length, type, number, exclusive or, 03 ----------------------------------------------------------------


def _7941_holds(frame: bytes) -> bool:
    shaped = len(frame) in (9, 10) and frame[0] == 2 and frame[1] == len(frame) and frame[-1] == 3
    return shaped and _exclusive_or(frame[1:-1]) == 0


def _7941_written(kind: int, number: bytes) -> bytes:
    body = bytes((len(number) + 5, kind)) + number
    return b"\x02" + body + bytes((_exclusive_or(body), 3))


def _7941_make(rng: Random) -> bytes:
    return _7941_written(2, rng.randbytes(rng.choice((4, 5)))) if rng.random() < 0.7 else _7941_written(
        rng.choice((1, 3)), rng.randbytes(4)
    )  # fmt: skip


def _7941_seal(frame: bytes) -> bytes:
    return _7941_written(frame[2], frame[3:-2]) if len(frame) in (9, 10) else frame


# --- OSDP ------------------------------------------------------------------------------------------------------------


def _crc16_table() -> list[int]:
    made = []
    for byte in range(256):
        value = byte << 8
        for _ in range(8):
            value = (value << 1 ^ (0x1021 if value & 0x8000 else 0)) & 0xFFFF
        made.append(value)
    return made


_CRC16 = _crc16_table()


def _crc16(data: bytes) -> int:
    value = 0x1D0F
    for byte in data:
        value = (value << 8 & 0xFFFF) ^ _CRC16[value >> 8 ^ byte]
    return value


def _osdp_holds(frame: bytes) -> bool:
    if len(frame) < 7 or frame[0] != 0x53 or frame[2] + 256 * frame[3] != len(frame):
        return False
    if frame[4] & 4:
        return len(frame) >= 8 and _crc16(frame[:-2]) == frame[-2] + 256 * frame[-1]
    return sum(frame) % 256 == 0


def _osdp_seal(frame: bytes) -> bytes:
    if len(frame) < 8:
        return frame
    made = bytearray(frame)
    made[0], made[2], made[3] = 0x53, len(frame) & 255, len(frame) >> 8
    if made[4] & 4:
        made[-2:] = _crc16(bytes(made[:-2])).to_bytes(2, "little")
    else:
        made[-1] = -sum(made[:-1]) & 255
    return bytes(made)


def _osdp_make(rng: Random) -> bytes:
    """A reply or a command in clear, with CRC or checksum."""
    head = bytes((0x53, rng.randrange(256), 0, 0, rng.randrange(8)))
    return _osdp_seal(head + rng.randbytes(1 + rng.randrange(20)) + b"\x00\x00")


# --- EnOcean Serial Protocol 3 ---------------------------------------------------------------------------------------


def _crc8_table() -> list[int]:
    made = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value << 1 ^ (0x07 if value & 0x80 else 0)) & 0xFF
        made.append(value)
    return made


_CRC8 = _crc8_table()


def _crc8(data: bytes) -> int:
    value = 0
    for byte in data:
        value = _CRC8[value ^ byte]
    return value


def _esp3_holds(frame: bytes) -> bool:
    if len(frame) < 7 or frame[0] != 0x55 or len(frame) != 7 + 256 * frame[1] + frame[2] + frame[3]:
        return False
    return _crc8(frame[1:5]) == frame[5] and _crc8(frame[6:-1]) == frame[-1]


def _esp3_seal(frame: bytes) -> bytes:
    if len(frame) < 7 or frame[3] > len(frame) - 7:
        return frame
    head = (len(frame) - 7 - frame[3]).to_bytes(2, "big") + frame[3:5]
    body = frame[6:-1]
    return b"\x55" + head + bytes((_crc8(head),)) + body + bytes((_crc8(body),))


def _esp3_make(rng: Random) -> bytes:
    """A radio telegram: RORG, data, sender, status; with seven bytes of optional data or none."""
    rorg, size = rng.choice(((0xF6, 1), (0xD5, 1), (0xA5, 4), (0xD2, 1 + rng.randrange(9))))
    optional = rng.choice((b"", b"\x00" + b"\xff" * 4 + b"\x40\x00"))
    data = bytes((rorg,)) + rng.randbytes(size) + rng.randbytes(4) + b"\x00"
    return _esp3_seal(b"\x55\x00\x00" + bytes((len(optional), 1, 0)) + data + optional + b"\x00")


# --- the tables ------------------------------------------------------------------------------------------------------

CHECKS: Mapping[str, Check] = {
    "rdm6300": _ascii_reader(b"\x03"),
    "id12la": _ascii_reader(b"\r\n\x03"),
    "em4100": Check(
        "row and column parity",
        _air_holds,
        lambda rng: _air(rng.randbytes(5)),
        _air_seal,
        lambda frame: range(64 if len(frame) == 8 else 0),
    ),
    "wiegand": Check(
        "even and odd parity",
        _wiegand_holds,
        _wiegand_make,
        _wiegand_seal,
        # the byte that counts the bits never was on the two wires
        lambda frame: range(8, 8 + frame[0]) if frame[:1] and frame[0] in _GROUPS else range(0),
    ),
    "wiegand_bits": Check("even and odd parity", _line_holds, _line_make, _line_seal),
    "reader7941": Check("exclusive or", _7941_holds, _7941_make, _7941_seal),
    "osdp": Check("CRC-16 or sum", _osdp_holds, _osdp_make, _osdp_seal),
    "enocean_esp3": Check("two CRC8", _esp3_holds, _esp3_make, _esp3_seal),
}
UNCHECKED: Mapping[str, str] = {
    "wiegand_decimal": "ten digits without a check",
    "wiegand_comma": "digits without a check",
    "wiegand_hex": "digits without a check",
    "door": "text of a door system without a check",
    "keyboard": "typed text without a check",
    "pcsc": "the reader has checked the card's CRC; its answer has none",
}
"""Badge readers whose frames carry nothing to check. `make fuzz` names a badge reader that stands in neither table."""
UNPROVEN: Mapping[str, tuple[int, ...]] = {
    "xiaomi": (12,),  # MiBeacon versions 2 and 3 are encrypted, but have no tag that anybody could check
}
"""Driver -> sizes of keys whose frames nothing proves, so that a forged one may be believed."""
