"""Phones of people who gave the identity key (IRK) of their phone: known by a private address that resolves to it.

Such an advert has nothing to decode: its address is all that is read, and only where somebody here holds the key for
it (`resolves`). A phone whose key nobody gave stays a stranger. An address is resolvable when its two highest bits are
01; then it is prand (24 bits) and hash = ah(IRK, prand) (24 bits).
Source: Bluetooth Core 5.4, Vol 3, Part H, section 2.2.2 (ah) and Vol 6, Part B, section 1.3.2.2 (the address).
"""

from __future__ import annotations

from drivers.api import Context, Decoded, DecodeError, Driver, Frame, Measurement, NotAuthentic

KEY_SIZE = 16


def prand_and_hash(address: str) -> tuple[bytes, bytes] | None:
    """The two halves of a resolvable private address (`AA:BB:CC:DD:EE:FF`); None for what is none."""
    try:
        octets = bytes.fromhex(address.replace(":", ""))
    except ValueError:
        return None
    if len(octets) != 6 or octets[0] >> 6 != 0b01:
        return None
    return octets[:3], octets[3:]


def resolves(irk: bytes, address: str) -> bool:
    """Whether `address` was made with `irk` (16 bytes, highest first).

    One stranger's address in 16 million fits by chance. Raises ValueError for a key of another size.
    """
    if len(irk) != KEY_SIZE:
        raise ValueError(f"an identity resolving key has {KEY_SIZE} bytes, not {len(irk)}")
    halves = prand_and_hash(address)
    return halves is not None and _ah(irk, halves[0]) == halves[1]


def _ah(irk: bytes, prand: bytes) -> bytes:
    """The lowest 24 bits of AES-128 over the padded number."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    encryptor = Cipher(algorithms.AES(irk), modes.ECB()).encryptor()  # noqa: S305 one block, as the specification says
    return encryptor.update(bytes(13) + prand)[-3:]


def decode(frame: Frame) -> list[Measurement]:
    """`rpa:<address>`: the medium says that somebody here holds the key of this address."""
    if prand_and_hash(frame.address) is None:
        raise DecodeError("not a resolvable private address")
    return [Measurement("beacon", f"rpa:{frame.address.replace(':', '').lower()}")]


def decode_with(frame: Frame, context: Context) -> Decoded:
    """The same, after a look whether the address was made with this key."""
    made = decode(frame)
    if len(context.key) != KEY_SIZE:
        raise NotAuthentic("needs an identity key of 16 bytes")
    if not resolves(context.key, frame.address):
        raise NotAuthentic("made with another identity key")
    return Decoded(made)


DRIVER = Driver(
    name="phone",
    title="Phone that opted in by its identity key (IRK)",
    media=("ble_rpa",),
    modality="tag",
    decode=decode,
    decode_with=decode_with,
    key_sizes=(KEY_SIZE,),
    kinds=("beacon",),
    checked="2026-11-26",
)
