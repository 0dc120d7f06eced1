"""Eddystone: UID (who), EID (who, rolling), URL and TLM (how the beacon is); KKM sensor frames.

Service data of 0xFEAA; the first byte is the frame type. Power is that at 0 m: 41 dB above what is measured at one
metre.
Who knows a beacon's identity key, its rotation exponent and its clock can tell which EID it sends (`identifiers`) and
open its encrypted telemetry (`open_telemetry`). A frame alone does not say the time, so `decode` does neither.
Source: Google, Eddystone protocol specification, pages eddystone-uid, eddystone-eid, eddystone-eid/eid-computation,
eddystone-url, eddystone-tlm/tlm-plain and eddystone-tlm/tlm-encrypted (2018). KKM: KKM Company, KBeacon SDK 2
(kbeaconlib2), sensor advertisement packet: masks and order of the values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from struct import Struct

from drivers.api import (
    Claim,
    DecodeError,
    Driver,
    Frame,
    Measurement,
    NotAuthentic,
    Truncated,
    Unsupported,
    ad_structures,
)

SERVICE_DATA = 0x16
HEAD = b"\xaa\xfe"
UID, URL, TLM, KKM, EID = 0x00, 0x10, 0x20, 0x21, 0x30
"""Frame types; KKM is a maker's own: the sensor frame of K-series beacons (KBeacon protocol)."""
PLAIN, ENCRYPTED = 0, 1
"""Versions of telemetry."""
SALT_SIZE, MIC_SIZE, SEALED_SIZE = 2, 2, 12
_TELEMETRY = Struct(">HhI")
_AXES = Struct(">hhh")
_MILLIGRAVITY = 9.80665 / 1000
VOLTAGE, TEMPERATURE, HUMIDITY, ACCELERATION, ALARM, PIR, LIGHT, VOC, CO2, RECORDS = (
    *(1 << bit for bit in range(8)),
    0x200,
    0x400,
)
"""The mask of a KKM sensor frame; alarm and number of records mean nothing here."""
_KKM_SIZES = {
    VOLTAGE: 2,
    TEMPERATURE: 2,
    HUMIDITY: 2,
    ACCELERATION: 6,
    ALARM: 1,
    PIR: 1,
    LIGHT: 2,
    VOC: 5,
    CO2: 3,
    RECORDS: 3,
}
_NO_TEMPERATURE = -32768
_SCHEMES = ("http://www.", "https://www.", "http://", "https://")
_DOMAINS = (".com", ".org", ".edu", ".net", ".info", ".biz", ".gov")
_READINGS = "https://ruu.vi/#"
_EXPANSIONS = (*(f"{domain}/" for domain in _DOMAINS), *_DOMAINS)


def decode(frame: Frame) -> list[Measurement]:
    """Measurements of the one Eddystone frame in an advert."""
    body = _body(frame)
    read = _READ.get(body[0])
    if read is None:
        raise Unsupported(f"frame type {body[0]:02x}")
    return read(body)


def identifiers(key: bytes, exponent: int, clock: int) -> bytes:
    """The 8 bytes of the EID that a beacon sends when its clock (seconds) is at `clock`.

    `key` is its identity key (16 bytes); it makes a new EID every 2 ** `exponent` seconds (0 to 15). Raises ValueError
    for a key or an exponent that cannot be.
    """
    now = _quantised(key, exponent, clock)
    temporary = _aes(key, bytes(11) + b"\xff" + bytes(2) + now[:2])
    return _aes(temporary, bytes(11) + bytes((exponent,)) + now)[:8]


def sealed_telemetry(frame: Frame) -> tuple[bytes, bytes]:
    """(salt, data) of a frame of encrypted telemetry, for `open_telemetry`. Raises DecodeError for another frame."""
    body = _body(frame)
    if body[:2] != bytes((TLM, ENCRYPTED)):
        raise Unsupported("no encrypted telemetry")
    _need(body, 2 + SEALED_SIZE + SALT_SIZE + MIC_SIZE)
    at = 2 + SEALED_SIZE
    return body[at : at + SALT_SIZE], body[2:at] + body[at + SALT_SIZE : at + SALT_SIZE + MIC_SIZE]


def open_telemetry(key: bytes, exponent: int, clock: int, salt: bytes, data: bytes) -> list[Measurement]:
    """What encrypted telemetry says: AES-EAX with the identity key; key, exponent and clock as for `identifiers`.

    `data` is the sealed telemetry and its check. Raises NotAuthentic when the check does not hold: it has 16 bits, so
    one wrong key or clock in 65536 passes, which is why only telemetry beside a resolved EID is worth a try.
    """
    from hmac import compare_digest

    if len(salt) != SALT_SIZE or len(data) != SEALED_SIZE + MIC_SIZE:
        raise Truncated(f"{len(salt)} bytes of salt, {len(data)} of data")
    nonce = _omac(key, 0, _quantised(key, exponent, clock) + salt)
    sealed, check = data[:SEALED_SIZE], data[SEALED_SIZE:]
    full = zip(nonce, _omac(key, 1, b""), _omac(key, 2, sealed), strict=True)
    if not compare_digest(bytes(a ^ b ^ c for a, b, c in full)[:MIC_SIZE], check):
        raise NotAuthentic("encrypted telemetry; another key, exponent or clock")
    plain = bytes(a ^ b for a, b in zip(sealed, _aes(key, nonce), strict=False))  # CTR of less than a block
    return _values(plain)


def _body(frame: Frame) -> bytes:
    for kind, data in ad_structures(frame.payload):
        if kind == SERVICE_DATA and data.startswith(HEAD):
            if len(data) < 4:
                raise Truncated(f"{len(data)} bytes of service data")
            return data[2:]
    raise Unsupported("no Eddystone in this advert")


def _quantised(key: bytes, exponent: int, clock: int) -> bytes:
    if len(key) != 16 or not 0 <= exponent <= 15:
        raise ValueError(f"an identity key has 16 bytes and an exponent is 0 to 15, not {len(key)} and {exponent}")
    return (clock >> exponent << exponent & 0xFFFFFFFF).to_bytes(4, "big")


def _aes(key: bytes, block: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(block)  # noqa: S305 - one block each time


def _omac(key: bytes, number: int, message: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers import algorithms
    from cryptography.hazmat.primitives.cmac import CMAC

    mac = CMAC(algorithms.AES(key))
    mac.update(number.to_bytes(16, "big") + message)
    return mac.finalize()


def _need(body: bytes, size: int) -> None:
    if len(body) < size:
        raise Truncated(f"{len(body)} of {size} bytes")


def _power(body: bytes) -> Measurement:
    return Measurement("tx_power", body[1] - 256 if body[1] > 127 else body[1], "dBm")


def _uid(body: bytes) -> list[Measurement]:
    _need(body, 18)  # older beacons leave out the two reserved bytes at the end
    return [Measurement("beacon", f"eddystone-uid:{body[2:12].hex()}:{body[12:18].hex()}"), _power(body)]


def _eid(body: bytes) -> list[Measurement]:
    _need(body, 10)
    return [Measurement("beacon", f"eddystone-eid:{body[2:10].hex()}"), _power(body)]


def _url(body: bytes) -> list[Measurement]:
    _need(body, 3)
    if body[2] >= len(_SCHEMES):
        raise Unsupported(f"URL scheme {body[2]:02x}")
    text = _SCHEMES[body[2]]
    for byte in body[3:]:
        if byte < len(_EXPANSIONS):
            text += _EXPANSIONS[byte]
        elif 0x20 < byte < 0x7F:
            text += chr(byte)
        else:
            raise DecodeError(f"byte {byte:02x} in a URL")
    if text.startswith(_READINGS):
        raise Unsupported("a RuuviTag's readings: they tell nobody who it is")
    return [Measurement("beacon", f"eddystone-url:{text}"), _power(body)]


def _telemetry(body: bytes) -> list[Measurement]:
    if body[1] == ENCRYPTED:
        _need(body, 2 + SEALED_SIZE + SALT_SIZE + MIC_SIZE)
        raise NotAuthentic("encrypted telemetry; needs the identity key and the beacon's clock")
    if body[1] != PLAIN:
        raise Unsupported(f"telemetry version {body[1]}")
    _need(body, 14)
    return _values(body[2:])


def _values(telemetry: bytes) -> list[Measurement]:
    millivolts, temperature, count = _TELEMETRY.unpack_from(telemetry)
    made = [Measurement("packet_counter", count)]
    if millivolts:  # 0: not measured
        made.append(Measurement("voltage", millivolts / 1000, "V"))
    if temperature != _NO_TEMPERATURE:
        made.append(Measurement("temperature", temperature / 256, "Cel"))
    return made


def _kkm(body: bytes) -> list[Measurement]:
    """A mask of two bytes says which values follow; bit 8 is the version and has none."""
    _need(body, 3)
    mask = int.from_bytes(body[1:3], "big")
    if mask & 0xF900 != 0x0100:
        raise Unsupported(f"KKM sensor frame with mask {mask:04x}")
    size = 3 + sum(n for bit, n in _KKM_SIZES.items() if mask & bit)
    _need(body, size)  # beacons with a spare accelerometer send its bytes without the bit: more is no fault
    parts, at = {}, 3
    for bit, n in _KKM_SIZES.items():
        if mask & bit:
            parts[bit], at = body[at : at + n], at + n
    made: list[Measurement] = []
    if VOLTAGE in parts:
        made.append(Measurement("voltage", int.from_bytes(parts[VOLTAGE], "big") / 1000, "V"))
    if TEMPERATURE in parts:
        made.append(Measurement("temperature", int.from_bytes(parts[TEMPERATURE], "big", signed=True) / 256, "Cel"))
    if HUMIDITY in parts:
        humidity = int.from_bytes(parts[HUMIDITY], "big", signed=True)
        if humidity < 0:  # a probe for more than 127 degrees: the hundreds are where the humidity would be
            made = [m._replace(value=m.value - 100 - 100 * humidity / 256) if m.unit == "Cel" else m for m in made]
        else:
            made.append(Measurement("humidity", humidity / 256, "%RH"))
    if ACCELERATION in parts:
        made += [
            Measurement("acceleration", n * _MILLIGRAVITY, "m/s2", axis)
            for axis, n in zip("xyz", _AXES.unpack(parts[ACCELERATION]), strict=True)
        ]
    if PIR in parts:
        made.append(Measurement("motion", parts[PIR][0] != 0))
    if LIGHT in parts:
        made.append(Measurement("illuminance", int.from_bytes(parts[LIGHT], "big"), "lx"))
    if VOC in parts:  # the first byte of this and of the next is the age of the value
        made.append(Measurement("tvoc", int.from_bytes(parts[VOC][1:3], "big")))
    if CO2 in parts:
        made.append(Measurement("co2", int.from_bytes(parts[CO2][1:3], "big"), "ppm"))
    return made


_READ: Mapping[int, Callable[[bytes], list[Measurement]]] = {
    UID: _uid,
    EID: _eid,
    URL: _url,
    TLM: _telemetry,
    KKM: _kkm,
}

DRIVER = Driver(
    name="eddystone",
    title="Eddystone beacon (UID, EID, URL, TLM), any maker's tag; KKM sensor beacons",
    media=("ble_adv",),
    modality="tag",
    decode=decode,
    claims=tuple(Claim(service=0xFEAA, prefix=bytes((kind,))) for kind in _READ),
    expect_s=1.0,
    kinds=(
        "beacon",
        "tx_power",
        "temperature",
        "humidity",
        "voltage",
        "packet_counter",
        "motion",
        "illuminance",
        "co2",
        "tvoc",
        "acceleration",
    ),
    checked="2026-11-26",
)
