"""Eddystone: UID (who), EID (who, rolling), URL and TLM (how the beacon is).

Service data of 0xFEAA; the first byte is the frame type. Source: Google, Eddystone protocol specification, pages
eddystone-uid, eddystone-eid, eddystone-url and eddystone-tlm/tlm-plain (2018). Its power is that at 0 m: 41 dB above
what is measured at one metre.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from struct import Struct

from drivers.api import Claim, DecodeError, Driver, Frame, Measurement, Truncated, Unsupported, ad_structures

SERVICE_DATA = 0x16
HEAD = b"\xaa\xfe"
UID, URL, TLM, KKM, EID = 0x00, 0x10, 0x20, 0x21, 0x30
"""Frame types; KKM is a maker's own: the sensor frame of K-series beacons (KBeacon protocol)."""
_TELEMETRY = Struct(">HhI")
_NO_TEMPERATURE = -32768
_SCHEMES = ("http://www.", "https://www.", "http://", "https://")
_DOMAINS = (".com", ".org", ".edu", ".net", ".info", ".biz", ".gov")
_EXPANSIONS = (*(f"{domain}/" for domain in _DOMAINS), *_DOMAINS)


def decode(frame: Frame) -> list[Measurement]:
    """Measurements of the one Eddystone frame in an advert."""
    for kind, data in ad_structures(frame.payload):
        if kind == SERVICE_DATA and data.startswith(HEAD):
            if len(data) < 4:
                raise Truncated(f"{len(data)} bytes of service data")
            read = _READ.get(data[2])
            if read is None:
                raise Unsupported(f"frame type {data[2]:02x}")
            return read(data[2:])
    raise Unsupported("no Eddystone in this advert")


def _need(body: bytes, size: int) -> None:
    if len(body) < size:
        raise Truncated(f"{len(body)} of {size} bytes")


def _power(body: bytes) -> Measurement:
    return Measurement("tx_power", body[1] - 256 if body[1] > 127 else body[1], "dBm")


def _uid(body: bytes) -> list[Measurement]:
    _need(body, 18)  # older beacons leave out the two reserved bytes at the end
    return [Measurement("beacon", f"eddystone-uid:{body[2:18].hex()}"), _power(body)]


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
    return [Measurement("beacon", f"eddystone-url:{text}"), _power(body)]


def _telemetry(body: bytes) -> list[Measurement]:
    if body[1] != 0:
        raise Unsupported("encrypted telemetry" if body[1] == 1 else f"telemetry version {body[1]}")
    _need(body, 14)
    millivolts, temperature, count = _TELEMETRY.unpack_from(body, 2)
    made = [Measurement("packet_counter", count)]
    if millivolts:  # 0: not measured
        made.append(Measurement("voltage", millivolts / 1000, "V"))
    if temperature != _NO_TEMPERATURE:
        made.append(Measurement("temperature", temperature / 256, "Cel"))
    return made


def _kkm(body: bytes) -> list[Measurement]:
    """Version, a mask of what follows, and voltage (mV), temperature and humidity (1/256)."""
    _need(body, 3)
    if body[1] != 1:
        raise Unsupported(f"KKM sensor frame version {body[1]}")
    made: list[Measurement] = []
    at = 3
    for bit, kind, scale, unit, signed in (
        (1, "voltage", 1000, "V", False),
        (2, "temperature", 256, "Cel", True),
        (4, "humidity", 256, "%RH", False),
    ):
        if body[2] & bit:
            _need(body, at + 2)
            value = int.from_bytes(body[at : at + 2], "big", signed=signed)
            made.append(Measurement(kind, value / scale, unit))
            at += 2
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
    title="Eddystone beacon (UID, TLM), any maker's tag",
    media=("ble_adv",),
    modality="tag",
    decode=decode,
    claims=tuple(Claim(service=0xFEAA, prefix=bytes((kind,))) for kind in _READ),
    expect_s=1.0,
    kinds=("beacon", "tx_power", "temperature", "humidity", "voltage", "packet_counter"),
    checked="2026-11-26",
)
