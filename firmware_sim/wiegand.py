"""What a Wiegand reader or keypad puts on its two wires, and what bridges make of it on a serial line; encode only.

A message is text of 0 and 1, first bit first. Cards: a facility (company) and a number, or a number alone, with parity
bits around. Sources: manuals of Sygonix 1582020 (26, 34, 37 bits), Rosslare AYC-Q54B (keys), the Proxmark3 project's
public table of card formats (Corporate 1000), S4A's Wiegand-Ethernet converter, the 7941D reader module.
"""

from __future__ import annotations

KEYS = "0123456789*#"


def h10301(facility: int, number: int) -> str:
    """26 bits."""
    return _around(_field(facility, 8) + _field(number, 16))


def h10306(facility: int, number: int) -> str:
    """34 bits."""
    return _around(_field(facility, 16) + _field(number, 16))


def h10302(number: int) -> str:
    """37 bits without a facility."""
    return _around(_field(number, 35))


def h10304(facility: int, number: int) -> str:
    """37 bits with a facility."""
    return _around(_field(facility, 16) + _field(number, 19))


def corporate35(company: int, number: int) -> str:
    """HID Corporate 1000, 35 bits."""
    data = _field(company, 12) + _field(number, 20)
    # of each three data bits, from the first on, 1 and 2 count for the parity in front; 3 and 1 for the one behind
    front = _even(data[0::3] + data[1::3])
    behind = _odd(front + data[2::3] + data[0::3])
    return _odd(front + data + behind) + front + data + behind


def corporate48(company: int, number: int) -> str:
    """HID Corporate 1000, 48 bits."""
    data = _field(company, 22) + _field(number, 23)
    front = _even(data[1::3] + data[2::3])
    behind = _odd(data[0::3] + data[1::3])
    return _odd(front + data + behind) + front + data + behind


def key(pressed: str, bits: int = 4) -> str:
    """One key of a keypad, in 4, 6 or 8 bits."""
    code = _field(KEYS.index(pressed), 4)
    if bits == 4:
        return code
    if bits == 6:
        return _even(code[:2]) + code + _odd(code[2:])
    if bits == 8:
        return code.translate({48: "1", 49: "0"}) + code
    raise ValueError(f"a key has 4, 6 or 8 bits, not {bits}")


def payload(bits: str) -> bytes:
    """A message as hadir's sources hand it on: how many bits, and the bits with zeros to whole bytes behind."""
    padded = bits + "0" * (-len(bits) % 8)
    return bytes((len(bits),)) + bytes(int(padded[at : at + 8], 2) for at in range(0, len(padded), 8))


def decimal_line(bits: str) -> bytes:
    """What an S4A converter writes of a card: the bits without parity as ten digits."""
    return f"{int(bits[1:-1], 2):010d}\r\n".encode("ascii")


def comma_line(bits: str) -> bytes:
    """A card of 26 bits as facility and number, with the end of the line before."""
    return f"\n{int(bits[1:9], 2):03d},{int(bits[9:25], 2):05d}\r".encode("ascii")


def hex_line(bits: str) -> bytes:
    """The bits without parity, with the end of the line before."""
    return f"\n{int(bits[1:-1], 2):X}\r".encode("ascii")


def bits_line(bits: str) -> bytes:
    """The bits as they are, with the end of the line before."""
    return f"\n{bits}\r".encode("ascii")


def frame7941(number: bytes, kind: int = 0x02) -> bytes:
    """What a 7941D writes of a card: 02 EM4100 (five bytes), 01 MIFARE 1K, 03 MIFARE 4K (four)."""
    body = bytes((len(number) + 5, kind)) + number
    check = 0
    for byte in body:
        check ^= byte
    return b"\x02" + body + bytes((check,)) + b"\x03"


def _field(value: int, size: int) -> str:
    if not 0 <= value < 1 << size:
        raise ValueError(f"{value} does not fit {size} bits")
    return f"{value:0{size}b}"


def _even(bits: str) -> str:
    return str(bits.count("1") % 2)


def _odd(bits: str) -> str:
    return str((bits.count("1") + 1) % 2)


def _around(data: str) -> str:
    """Even parity of the first half in front, odd parity of the second behind; a middle bit counts for both."""
    half = (len(data) + 1) // 2
    return _even(data[:half]) + data + _odd(data[-half:])
