"""Names that change by themselves: private addresses of phones (IRK), and rolling identifiers of tags (Eddystone-EID).

Their holders have given a key, which the people table keeps sealed and gateways get sealed. Here a name of the moment
is turned into the credential that was enrolled, `irk:<key>` or `eddystone-eik:<key>:<exponent>:<start>`; a name that
belongs to no key is a stranger's, and is forgotten. `start`: when the clock of the tag was 0, seconds since 1970.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from drivers.beacon.eddystone import identifiers
from drivers.beacon.phone import prand_and_hash
from gateway.clock import SECOND

IRK, EIK = "irk", "eddystone-eik"
ADDRESS, IDENTIFIER = "rpa:", "eddystone-eid:"
"""How drivers report what is of the moment."""
MOST_ADDRESSES = 16_384
"""Addresses that are remembered as somebody's or nobody's: a phone makes a new one every quarter of an hour."""
DRIFT = 1
"""Windows before and after the present one in which a tag's clock may stand."""

_Ah = Callable[[bytes], bytes]


class Rolling:
    """The keys that this gateway was told."""

    def __init__(self, credentials: Iterable[str] = ()) -> None:
        """`credentials`: in their enrolled form; others than these two technologies are no business of this."""
        self._phones: list[tuple[_Ah, str]] = []
        self._tags: list[tuple[bytes, int, int, str]] = []
        for value in credentials:
            technology, _, bits = value.partition(":")
            if technology == IRK:
                self._phones.append((_cipher(bytes.fromhex(bits)), value))
            elif technology == EIK:
                key, exponent, start = bits.split(":")
                self._tags.append((bytes.fromhex(key), int(exponent), int(start), value))
        self._addresses: dict[int, str] = {}
        """Address, as the process's own salted hash -> credential, "" for a stranger's."""
        self._identifiers: dict[str, str] = {}
        """Of the windows around now: identifier -> credential."""
        self._until = 0
        """Seconds since 1970 until which `_identifiers` holds."""

    @property
    def has_phones(self) -> bool:
        """Whether it is worth looking at addresses."""
        return bool(self._phones)

    def is_ours(self, address: str) -> bool:
        """Whether the phone with this address (`AA:BB:CC:DD:EE:FF`) belongs to somebody who gave its key."""
        return bool(self._phones) and bool(self._phone(address.replace(":", "").lower()))

    def credential(self, value: str, at: int) -> str:
        """The enrolled form of a name of the moment `at` (office ns); any other name as it is; "" for a stranger's."""
        if value.startswith(ADDRESS):
            return self._phone(value.removeprefix(ADDRESS))
        if value.startswith(IDENTIFIER) and self._tags:
            return self._tag(value.removeprefix(IDENTIFIER), at // SECOND)
        return value

    def _phone(self, address: str) -> str:
        number = hash(address)
        found = self._addresses.get(number)
        if found is None:
            found = self._resolve(address)
            if len(self._addresses) >= MOST_ADDRESSES:
                self._addresses.clear()
            self._addresses[number] = found
        return found

    def _resolve(self, address: str) -> str:
        halves = prand_and_hash(address)
        if halves is None:
            return ""
        prand, hashed = halves
        return next((value for ah, value in self._phones if ah(prand) == hashed), "")

    def _tag(self, identifier: str, seconds: int) -> str:
        if not self._until - 2 * _shortest(self._tags) <= seconds < self._until:
            self._identifiers = {}
            for key, exponent, start, value in self._tags:
                window = 1 << exponent
                for step in range(-DRIFT, DRIFT + 1):
                    clock = seconds - start + step * window
                    if 0 <= clock < 1 << 32:
                        self._identifiers[identifiers(key, exponent, clock).hex()] = value
            self._until = seconds + _shortest(self._tags)
        return self._identifiers.get(identifier, "")


def _shortest(tags: list[tuple[bytes, int, int, str]]) -> int:
    """Seconds after which some tag may send an identifier that was not foreseen."""
    return max(1, min(1 << exponent for _, exponent, _, _ in tags) // 2)


def _cipher(irk: bytes) -> _Ah:
    """`ah` of Bluetooth Core, Vol 3, Part H, 2.2.2, with its key expanded once: a crowd has many addresses."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    encryptor = Cipher(algorithms.AES(irk), modes.ECB()).encryptor()  # noqa: S305 one block, as the specification says
    padding = bytes(13)
    return lambda prand: encryptor.update(padding + prand)[-3:]
