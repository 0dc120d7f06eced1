"""Eddystone frames that roll or tell how a beacon is: EID, TLM plain and encrypted; encode only.

Google, Eddystone protocol specification: service data of 0xFEAA. EID: 30, power at 0 m, 8 bytes, computed as
eid-computation says: a temporary key from the upper half of the beacon's clock, the identity from the clock without its
K lowest bits. TLM: 20 00, battery (mV), temperature (8.8), adverts and tenths of seconds since boot; 20 01 is the same
in AES-EAX with the identity key: nonce of quantised clock and salt, then 12 bytes, the salt and two bytes of the tag.
All big endian.
"""

from __future__ import annotations

from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

from firmware_sim.beacon import EDDYSTONE, Advert

NO_TEMPERATURE = -128.0


class Telemetry(NamedTuple):
    """How a beacon is."""

    millivolts: int = 3000
    """0: it does not measure it."""
    temperature: float = NO_TEMPERATURE
    adverts: int = 0
    uptime_s: float = 0.0

    def body(self) -> bytes:
        """The 12 bytes of a TLM frame behind its version."""
        return (
            self.millivolts.to_bytes(2, "big")
            + round(self.temperature * 256).to_bytes(2, "big", signed=True)
            + self.adverts.to_bytes(4, "big")
            + round(self.uptime_s * 10).to_bytes(4, "big")
        )


class Identity(NamedTuple):
    """What a beacon and its resolver share."""

    key: bytes
    """16 bytes."""
    exponent: int = 10
    """A new identifier every 2 ** exponent seconds."""

    def eid(self, clock: int) -> bytes:
        """The ephemeral identifier at `clock` (seconds)."""
        seconds = clock & 0xFFFFFFFF
        temporary = _encrypt(self.key, b"\x00" * 11 + b"\xff\x00\x00" + (seconds >> 16).to_bytes(2, "big"))
        quantum = seconds - seconds % (1 << self.exponent)
        return _encrypt(temporary, b"\x00" * 11 + self.exponent.to_bytes(1, "big") + quantum.to_bytes(4, "big"))[:8]

    def nonce(self, clock: int, salt: bytes) -> bytes:
        """What encrypted telemetry at `clock` is sealed with."""
        return ((clock & 0xFFFFFFFF) // (1 << self.exponent) * (1 << self.exponent)).to_bytes(4, "big") + salt


def eid(identity: Identity, clock: int, power_0m: int = -18) -> Advert:
    """What the beacon sends at `clock`."""
    return _advert(b"\x30" + power_0m.to_bytes(1, "big", signed=True) + identity.eid(clock))


def telemetry(values: Telemetry) -> Advert:
    """Plain telemetry."""
    return _advert(b"\x20\x00" + values.body())


def sealed_telemetry(values: Telemetry, identity: Identity, clock: int, salt: bytes) -> Advert:
    """Encrypted telemetry; `salt` is two random bytes."""
    sealed, tag = eax(identity.key, identity.nonce(clock, salt), b"", values.body())
    return _advert(b"\x20\x01" + sealed + salt + tag[:2])


def eax(key: bytes, nonce: bytes, header: bytes, message: bytes) -> tuple[bytes, bytes]:
    """(ciphertext, tag of 16 bytes) of EAX (Bellare, Rogaway, Wagner 2004, figure 1) over AES."""
    start = _tweaked(key, 0, nonce)
    stream = Cipher(algorithms.AES(key), modes.CTR(start)).encryptor()
    sealed = stream.update(message)
    parts = (int.from_bytes(part, "big") for part in (start, _tweaked(key, 1, header), _tweaked(key, 2, sealed)))
    tag = 0
    for part in parts:
        tag ^= part
    return sealed, tag.to_bytes(16, "big")


def _tweaked(key: bytes, tweak: int, message: bytes) -> bytes:
    mac = CMAC(algorithms.AES(key))
    mac.update(b"\x00" * 15 + bytes((tweak,)) + message)
    return mac.finalize()


def _encrypt(key: bytes, block: bytes) -> bytes:
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(block)  # noqa: S305 - one block


def _advert(frame: bytes) -> Advert:
    return Advert({}, {EDDYSTONE: frame})
