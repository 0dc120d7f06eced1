"""PC/SC contactless readers: the answer to Get Data, FF CA 00 00 00.

The payload is the UID and the status word, 90 00 when all is well: 4, 7 or 10 bytes of an ISO 14443 card, 8 of an ISO
15693 card. The latter begins with E0; some readers hand it on last byte first, as it comes over the air, and it is
turned round. Where it begins and ends with E0 nobody can tell: a part, `iso15693-part:<hex>`, to be refused as
ambiguous.

A UID of four bytes that begins with 08 is made up anew each time, as phones do, and is no badge. One that begins with
88, the cascade tag, is the first stage of a longer UID: `iso14443-part:<hex>`. Four bytes with xF in front are fixed,
but not unique, and a type B card's four bytes may be random without saying so: both look like any other. Sources: PC/SC
Workgroup, Interoperability Specification part 3, section 3.2.2.1.3 (Get Data); SCL3711 reference manual, section 6.1.1;
NXP AN10927 rev 4.1 (random UID, cascade tag); ISO/IEC 15693-3, 4.1 (UID).
"""

from __future__ import annotations

from drivers.api import DecodeError, Driver, Frame, Measurement, Truncated, Unsupported

GOOD = b"\x90\x00"
ISO14443_SIZES, ISO15693_SIZE = (4, 7, 10), 8
RANDOM_UID, CASCADE_TAG, ISO15693 = 0x08, 0x88, 0xE0


def decode(frame: Frame) -> list[Measurement]:
    """One card, `iso14443:04A1B2C3D4E580` or `iso15693:E004010203040506`."""
    if len(frame.payload) < 2:
        raise Truncated("no status word")
    uid, status = frame.payload[:-2], frame.payload[-2:]
    if status != GOOD:
        raise DecodeError(f"status {status.hex()}")
    text = uid.hex().upper()
    if len(uid) == ISO15693_SIZE:
        value = _iso15693(uid)
    elif len(uid) not in ISO14443_SIZES:
        raise Unsupported(f"{len(uid)} bytes of UID")
    elif len(uid) == 4 and uid[0] == RANDOM_UID:
        raise Unsupported("random UID")
    else:
        value = f"iso14443-part:{text}" if len(uid) == 4 and uid[0] == CASCADE_TAG else f"iso14443:{text}"
    return [Measurement("badge", value)]


def _iso15693(uid: bytes) -> str:
    first, last = uid[0] == ISO15693, uid[-1] == ISO15693
    if first and last:
        return f"iso15693-part:{min(uid, uid[::-1]).hex().upper()}"
    if not first and not last:
        raise Unsupported("eight bytes without E0 at either end")
    return f"iso15693:{(uid if first else uid[::-1]).hex().upper()}"


DRIVER = Driver(
    name="pcsc",
    title="PC/SC contactless reader, UID of an ISO 14443 or ISO 15693 card",
    media=("pcsc",),
    modality="badge",
    decode=decode,
    kinds=("badge",),
    checked="2026-11-26",
)
